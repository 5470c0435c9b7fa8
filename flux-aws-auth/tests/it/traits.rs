//! What each public type is, beside its own methods.

use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::str::FromStr;

use aws_credential_types::provider::ProvideCredentials;
use flux_aws_auth::cache::{Cache, CacheBuilder, Counters, Fault, Handle, LoadError, Loaded};
use flux_aws_auth::doctor::{Area, Doctor, Examination, Finding, OrderExplanation, Severity};
use flux_aws_auth::iam::{
    BucketArn, ClusterArn, KeyArn, PolicyDocument, PrincipalArn, RepositoryArn, RepositoryPattern,
};
use flux_aws_auth::source::{
    AccessKeys, InstanceMetadata, NamedProvider, Notes, Outcome, PodIdentity, SourceContext, WebIdentity,
};
use flux_aws_auth::test_util::{
    FakeCredentialSource, FakeOutcome, FakeServiceAccounts, FakeSts, ManualClock,
};
use flux_aws_auth::{
    AccessKeySecret, Authenticator, AuthenticatorBuilder, CallerIdentity, Chain, ChainBuilder, ChainReport,
    ClockSkew, ConnectionFailure, CredentialSource, Endpoint, Environment, Error, ErrorKind,
    HttpClientBuilder, Identity, IdentityCredentials, Integration, Level, Partition, Principal, Proxy,
    Reason, Resolved, Resource, RoleArn, RoleHop, ServiceAccount, ServiceAccountRef, ServiceAccountRole,
    ServiceAccountToken, ServiceAccountTokens, SourceKind, SourceOrder, SourceReport, SourceResult, Support,
    TokenRequest,
};

fn value<T: Debug + Clone + Send + Sync + Unpin>() {}
fn compared<T: Debug + Clone + PartialEq + Send + Sync + Unpin>() {}
fn key<T: Debug + Clone + Eq + Hash + Send + Sync + Unpin>() {}
fn shown<T: Display>() {}
fn read<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>() {}
fn provider<T: ProvideCredentials + Clone + Unpin + 'static>() {}
fn error<T: std::error::Error + Clone + Send + Sync + 'static>() {}
fn source<T: CredentialSource + 'static>() {}

#[test]
fn what_gives_credentials_can_be_shared_and_kept() {
    let _: &[fn()] = &[
        provider::<Chain>,
        provider::<IdentityCredentials>,
        value::<Chain>,
        value::<ChainBuilder>,
        value::<Authenticator>,
        value::<AuthenticatorBuilder>,
        value::<IdentityCredentials>,
        value::<Environment>,
        value::<HttpClientBuilder>,
        value::<Resolved>,
        value::<Identity>,
        value::<ServiceAccountRole>,
        value::<AccessKeySecret>,
        value::<SourceContext>,
        value::<ServiceAccountToken>,
        value::<TokenRequest<'_>>,
        value::<Doctor>,
        value::<Examination>,
        value::<Cache<String, String, Error>>,
        value::<Handle<String, Error>>,
        value::<CacheBuilder>,
        value::<SourceReport>,
        value::<SourceResult>,
        value::<Outcome>,
        error::<Error>,
        value::<ManualClock>,
        value::<FakeCredentialSource>,
        value::<FakeOutcome>,
        value::<FakeServiceAccounts>,
        value::<FakeSts>,
    ];
    let _ = Loaded::<String>::new as fn(String) -> Loaded<String>;
}

#[test]
fn values_can_be_compared() {
    let _: &[fn()] = &[
        compared::<ChainReport>,
        compared::<Principal>,
        compared::<CallerIdentity>,
        compared::<Resource>,
        compared::<ServiceAccount>,
        compared::<Proxy>,
        compared::<Endpoint>,
        compared::<ClockSkew>,
        compared::<Finding>,
        compared::<OrderExplanation>,
        compared::<PolicyDocument>,
        compared::<Notes>,
        compared::<Counters>,
        compared::<LoadError<String>>,
        compared::<Fault>,
        compared::<SourceOrder>,
        key::<ErrorKind>,
        key::<Reason>,
        key::<ConnectionFailure>,
        key::<SourceKind>,
        key::<Integration>,
        key::<Level>,
        key::<Support>,
        key::<Partition>,
        key::<RoleArn>,
        key::<RoleHop>,
        key::<ServiceAccountRef>,
        key::<Severity>,
        key::<Area>,
        key::<RepositoryArn>,
        key::<RepositoryPattern>,
    ];
}

#[test]
fn what_people_read_is_displayed_and_what_they_write_is_read() {
    let _: &[fn()] = &[
        shown::<ChainReport>,
        shown::<Examination>,
        shown::<Finding>,
        shown::<Principal>,
        shown::<Reason>,
        shown::<SourceKind>,
        shown::<CallerIdentity>,
        shown::<Proxy>,
        shown::<Endpoint>,
        shown::<PolicyDocument>,
        read::<RoleArn>,
        read::<BucketArn>,
        read::<ClusterArn>,
        read::<KeyArn>,
        read::<PrincipalArn>,
        read::<RepositoryArn>,
        read::<RepositoryPattern>,
    ];
}

#[test]
fn sources_and_tokens_of_one_s_own_can_be_boxed() {
    let _: &[fn()] = &[
        source::<AccessKeys>,
        source::<InstanceMetadata>,
        source::<PodIdentity>,
        source::<WebIdentity>,
        source::<NamedProvider>,
        source::<std::sync::Arc<dyn CredentialSource>>,
    ];
    let _: Option<Box<dyn ServiceAccountTokens>> = None;
}
