//! Which source is used, and what the AWS SDKs would do.

use flux_aws_auth::SourceKind::{AccessKeys, Ecs, InstanceMetadata, PodIdentity, WebIdentity};
use flux_aws_auth::doctor::{Area, Doctor, Examination, Finding, OrderStep, Standing};
use flux_aws_auth::test_util::FakeServiceAccounts;
use flux_aws_auth::{Environment, ServiceAccountRef, ServiceAccountRole, SourceKind, SourceOrder};

use super::{AGENT, associated, examine, good};
use crate::support::*;

#[tokio::test(start_paused = true)]
async fn the_order_is_explained_beside_that_of_the_aws_sdks() {
    let clock = TestClock::new();
    let keys = |environment: Environment| {
        environment.with_var("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE").with_var("AWS_SECRET_ACCESS_KEY", SECRET)
    };
    let used = |environment: Environment| {
        let order = examine(environment, &clock).order().clone();
        let kind = |step: Option<&OrderStep>| step.map(OrderStep::kind);
        (kind(order.used()), kind(order.used_by_sdk()), order.differs())
    };
    let ecs = Environment::empty().with_var("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/x");
    let half = good(&clock).with_var("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE");
    let off = Environment::empty().with_var("AWS_EC2_METADATA_DISABLED", "TRUE");
    assert_eq!(used(good(&clock)), (Some(WebIdentity), Some(WebIdentity), false));
    assert_eq!(used(keys(good(&clock))), (Some(WebIdentity), Some(AccessKeys), true));
    assert_eq!(used(keys(associated(&clock, AGENT))), (Some(PodIdentity), Some(AccessKeys), true));
    assert_eq!(used(ecs), (Some(Ecs), Some(Ecs), false));
    assert_eq!(used(half.clone()), (Some(WebIdentity), Some(WebIdentity), false));
    assert_eq!(used(Environment::empty()), (Some(InstanceMetadata), Some(InstanceMetadata), false));
    assert_eq!(used(off), (None, None, false));

    let order = examine(half, &clock).order().clone();
    assert_eq!(order.sdk()[0].standing(), Standing::Ignored, "half a key");
    assert_eq!(
        examine(keys(associated(&clock, AGENT)), &clock).order().to_string(),
        "This program's order\n\
        \x20 1. EKS Pod Identity        used\n\
        \x20 2. web identity (IRSA)     not set up\n\
        \x20 3. access keys             set up too, but shadowed: the owner of access key AKIAEXAMPLE\n\
        \x20 4. node metadata (IMDSv2)  not reached\n\
        The AWS SDKs' own order\n\
        \x20 1. access keys             used: the owner of access key AKIAEXAMPLE\n\
        \x20 2. web identity (IRSA)     not set up\n\
        \x20 3. EKS Pod Identity        set up too, but shadowed\n\
        \x20 4. node metadata (IMDSv2)  not reached\n\
        They differ: this program uses EKS Pod Identity, an AWS SDK access keys.\n"
    );
}

/// The order and the sources are those of the chain, whatever they are.
#[tokio::test(start_paused = true)]
async fn only_the_chain_s_own_sources_are_looked_at() {
    let clock = TestClock::new();
    let silent = Network::silent();
    let builder = || chain(good(&clock), &silent, &silent, &clock);
    let without = builder().order(SourceOrder::AwsSdk).without(AccessKeys).build();
    let areas = |examination: &Examination| {
        let areas: Vec<_> = examination.findings().map(Finding::area).collect();
        areas
    };
    let examination = Doctor::new(&without).examine();
    assert!(!areas(&examination).contains(&Area::Source(AccessKeys)), "{examination}");
    assert_eq!(examination.order().chain()[0].kind(), WebIdentity);

    let accounts = FakeServiceAccounts::new();
    let role = ServiceAccountRole::new(ServiceAccountRef::new("tenant", "reader"), accounts.clone());
    let object = Doctor::new(&builder().service_account(role).region("eu-west-1").build()).examine();
    assert!(!areas(&object).iter().any(|area| matches!(area, Area::Source(_))), "{object}");
    assert_eq!(object.order().used().unwrap().kind(), SourceKind::ServiceAccount);
    assert!(!object.order().differs() && object.trust_policy().is_none());
    assert!(accounts.requests().is_empty());
}
