//! Whose credentials are handed out, for what, and when no longer.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_types::SdkConfig;
use flux_aws_auth::source::NamedProvider;
use flux_aws_auth::test_util::FakeServiceAccounts;
use flux_aws_auth::{
    AccessKeySecret, Authenticator, AuthenticatorBuilder, ChainBuilder, Environment, Error, ErrorKind,
    Identity, IdentityCredentials, Integration, Level, ROLE_ARN_ANNOTATION, Reason, Resource, RoleHop,
    ServiceAccount, ServiceAccountRef, ServiceAccountToken, ServiceAccountTokens, SourceKind, TokenRequest,
};
use tokio::sync::Semaphore;

use crate::support::*;

const READER: &str = "arn:aws:iam::444455556666:role/reader";
const WRITER: &str = "arn:aws:iam::444455556666:role/writer";

#[cfg(feature = "assume-role-annotation")]
mod annotation;
mod region;

/// A cluster with the ServiceAccount `tenant/reader`, which names a role.
fn cluster() -> FakeServiceAccounts {
    FakeServiceAccounts::new().with_role("tenant", "reader", READER)
}

fn reader() -> ServiceAccountRef {
    ServiceAccountRef::new("tenant", "reader")
}

/// A ServiceAccount that names this role.
fn naming(role: &str) -> ServiceAccount {
    ServiceAccount::new([(ROLE_ARN_ANNOTATION, role)])
}

/// How often a ServiceAccount was read.
fn reads(cluster: &FakeServiceAccounts) -> usize {
    cluster.requests().iter().filter(|request| request.starts_with("get ")).count()
}

/// An STS that gives everybody the role it asks for, in a session whose key says how many there were.
fn sts(clock: &TestClock) -> Network {
    let clock = clock.clone();
    let given = Mutex::new(0);
    Network::new(move |seen| {
        *given.lock().unwrap() += 1;
        let id = format!("ASIA{}", given.lock().unwrap());
        if seen.body.contains("Action=AssumeRole&") {
            ok(hop_credentials(&clock, 3600, &id))
        } else {
            ok(sts_credentials(&clock, 3600).replace("ASIAEXAMPLE", &id))
        }
    })
}

/// A controller with an identity of its own, of every kind.
fn controller(aws: &Network, clock: &TestClock) -> ChainBuilder {
    let environment =
        irsa().with_var("AWS_ACCESS_KEY_ID", "AKIACONTROLLER").with_var("AWS_SECRET_ACCESS_KEY", SECRET);
    chain(environment, aws, &Network::silent(), clock)
}

fn builder(aws: &Network, clock: &TestClock, cluster: &FakeServiceAccounts) -> AuthenticatorBuilder {
    Authenticator::builder()
        .chain(controller(aws, clock))
        .service_account_tokens(cluster.clone())
        .object_level_workload_identity(true)
}

fn bucket() -> Resource {
    Resource::bucket_in("eu-central-1").unwrap()
}

fn tenant(authenticator: &Authenticator, name: &str) -> IdentityCredentials {
    authenticator.credentials(&bucket(), Identity::object("tenant", Some(name))).unwrap()
}

async fn key(credentials: &IdentityCredentials) -> String {
    credentials.resolve().await.unwrap().credentials().access_key_id().to_owned()
}

async fn identity(credentials: &IdentityCredentials) -> String {
    credentials.resolve().await.unwrap().principal().to_string()
}

#[tokio::test(start_paused = true)]
async fn an_object_has_the_identity_that_flux_gives_it() {
    let clock = TestClock::new();
    let aws = sts(&clock);
    let cluster = cluster().with_role("tenant", "default", WRITER);
    let of_controller = format!("role {ROLE}, session reflector.flux-system.eu-west-1.fluxcd.io");
    let of_reader = format!("role {READER}, session reader.tenant.eu-central-1.fluxcd.io");
    let of_default = format!("role {WRITER}, session default.tenant.eu-central-1.fluxcd.io");
    let open = builder(&aws, &clock, &cluster).build().unwrap();
    let locked = builder(&aws, &clock, &cluster).default_service_account("default").build().unwrap();
    let closed = builder(&aws, &clock, &cluster).object_level_workload_identity(false).build().unwrap();
    for (authenticator, name, expected) in [
        (&open, Some("reader"), &of_reader),
        (&open, Some(""), &of_controller),
        (&open, None, &of_controller),
        (&locked, Some("reader"), &of_reader),
        (&locked, None, &of_default),
        (&closed, None, &of_controller),
    ] {
        let credentials = authenticator.credentials(&bucket(), Identity::object("tenant", name)).unwrap();
        assert_eq!(&identity(&credentials).await, expected, "{authenticator:?} {name:?}");
    }
    for authenticator in [&open, &locked, &closed] {
        let own = authenticator.credentials(&bucket(), Identity::Controller).unwrap();
        assert_eq!(identity(&own).await, of_controller);
    }
    let error = closed.credentials(&bucket(), Identity::object("tenant", Some("reader"))).unwrap_err();
    assert_eq!(error.reason(), Reason::ObjectLevelDisabled);
    assert_eq!(error.to_string(), "ObjectLevelWorkloadIdentity feature gate is not enabled");
    assert_eq!(
        open.credentials(&bucket(), Identity::object("", None)).unwrap_err().kind(),
        ErrorKind::Configuration
    );
}

#[tokio::test(start_paused = true)]
async fn settings_that_contradict_each_other_are_refused() {
    let clock = TestClock::new();
    let none = Network::silent();
    let cluster = FakeServiceAccounts::new();
    let key = AccessKeySecret::bucket("s", [("accesskey", "AKIATENANT"), ("secretkey", SECRET)]).unwrap();
    let whole = || builder(&none, &clock, &cluster);
    let start = || Authenticator::builder().chain(controller(&none, &clock));
    for (builder, words) in [
        (
            whole().object_level_workload_identity(false).default_service_account("default"),
            "cannot set default service accounts when the feature gate ObjectLevelWorkloadIdentity is not enabled",
        ),
        (start().object_level_workload_identity(true), "nothing to read ServiceAccounts with"),
        (start().chain(controller(&none, &clock).access_key_secret(key)), "identity of an object"),
        (
            start().allow(Integration::Kms, Level::Object, SourceKind::PodIdentity),
            "EKS Pod Identity cannot be used at the object level for KMS",
        ),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains(words) && error.hint().is_some(), "{error:?}");
    }
    assert!(start().default_service_account("").build().is_ok(), "blank is none");
}

#[tokio::test(start_paused = true)]
async fn a_service_account_is_read_before_each_use_and_its_session_is_kept() {
    let clock = TestClock::new();
    let aws = sts(&clock);
    let cluster = cluster();
    let authenticator = builder(&aws, &clock, &cluster).build().unwrap();
    let (one, other) = (tenant(&authenticator, "reader"), tenant(&authenticator, "reader"));
    assert_eq!(key(&one).await, "ASIA1");
    assert_eq!(reads(&cluster), 2, "before and after a request to STS");
    for _ in 0..3 {
        assert_eq!((key(&one).await, key(&other).await), ("ASIA1".to_owned(), "ASIA1".to_owned()));
    }
    assert_eq!((reads(&cluster), aws.seen().len()), (8, 1));
    assert_eq!(aws.lines(), ["POST https://sts.eu-central-1.amazonaws.com/"]);

    cluster.annotate(&reader(), WRITER);
    assert_eq!(identity(&one).await, format!("role {WRITER}, session reader.tenant.eu-central-1.fluxcd.io"));
    assert_eq!(key(&other).await, "ASIA2");

    cluster.insert(reader(), naming(WRITER).with_uid("u2"));
    assert_eq!((key(&other).await, key(&one).await), ("ASIA3".to_owned(), "ASIA3".to_owned()));

    cluster.remove(&reader());
    for credentials in [&one, &other] {
        let error = credentials.resolve().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(whole_story(&error).contains("failed to get service account 'tenant/reader'"), "{error:?}");
        assert_eq!(
            source_of(report_of(&error), SourceKind::ServiceAccount).kind(),
            SourceKind::ServiceAccount
        );
        assert!(credentials.provide_credentials().await.is_err());
        assert!(credentials.fallback_on_interrupt().is_none());
    }

    cluster.insert(reader(), naming(WRITER).with_uid("u2"));
    assert_eq!(key(&one).await, "ASIA3", "it was away, and is the same");
    cluster.fail(reader(), Error::new(ErrorKind::Unavailable, "the API server is down"));
    assert!(
        one.resolve().await.unwrap_err().is_retryable(),
        "what cannot be read is not taken to be as before"
    );
}

/// The role is taken away, or another put in its place, while STS takes its time.
#[tokio::test(start_paused = true)]
async fn nobody_gets_what_was_asked_for_before_a_change() {
    type Change = fn(&FakeServiceAccounts);
    let changes: [(Change, Reason); 3] = [
        (|cluster| cluster.annotate(&reader(), WRITER), Reason::ServiceAccountReplaced),
        (|cluster| cluster.insert(reader(), naming(READER)), Reason::ServiceAccountReplaced),
        (|cluster| cluster.remove(&reader()), Reason::ServiceAccountMissing),
    ];
    for (change, expected) in changes {
        let clock = TestClock::new();
        let cluster = cluster();
        let aws = {
            let (clock, cluster) = (clock.clone(), cluster.clone());
            Network::new(move |_| {
                change(&cluster);
                ok(sts_credentials(&clock, 3600))
            })
        };
        let authenticator = builder(&aws, &clock, &cluster).build().unwrap();
        let error = tenant(&authenticator, "reader").resolve().await.unwrap_err();
        assert_eq!(error.reason(), expected);
        assert_eq!(error.is_retryable(), expected == Reason::ServiceAccountReplaced);
    }
}

#[tokio::test(start_paused = true)]
async fn a_tenant_never_gets_another_s_identity() {
    let clock = TestClock::new();
    let refuse =
        |_: &Seen| sts_error(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity");
    let aws = Network::new(refuse);
    let cluster = cluster().with_role("tenant", "bare", "no role");
    cluster.insert(ServiceAccountRef::new("tenant", "unannotated"), ServiceAccount::default());
    let authenticator = builder(&aws, &clock, &cluster).default_service_account("default").build().unwrap();
    for (name, reason, words) in [
        (Some("reader"), Reason::NotTrusted, "trust policy"),
        (Some("bare"), Reason::RoleArnMalformed, "invalid eks.amazonaws.com/role-arn annotation"),
        (Some("unannotated"), Reason::RoleNotNamed, "Annotate it"),
        (Some("missing"), Reason::ServiceAccountMissing, "failed to get service account 'tenant/missing'"),
        (
            None,
            Reason::DefaultServiceAccountMissing,
            "your cluster is subject to multi-tenant workload identity lockdown",
        ),
    ] {
        let credentials = authenticator.credentials(&bucket(), Identity::object("tenant", name)).unwrap();
        let error = credentials.resolve().await.unwrap_err();
        assert_eq!(error.reason(), reason, "{name:?}: {error:?}");
        assert!(whole_story(&error).contains(words), "{name:?}: {}", whole_story(&error));
        let kinds: Vec<_> = report_of(&error).sources().map(flux_aws_auth::SourceReport::kind).collect();
        assert_eq!(kinds, [SourceKind::ServiceAccount], "{name:?}");
    }
}

/// Else nobody could tell it from another of the same name.
#[tokio::test(start_paused = true)]
async fn a_service_account_without_a_uid_has_no_credentials() {
    #[derive(Debug)]
    struct WithoutUid;

    #[async_trait]
    impl ServiceAccountTokens for WithoutUid {
        async fn service_account(&self, _: &ServiceAccountRef) -> Result<ServiceAccount, Error> {
            Ok(naming(READER))
        }

        async fn create_token(&self, _: &TokenRequest<'_>) -> Result<ServiceAccountToken, Error> {
            Ok(ServiceAccountToken::new(TOKEN))
        }
    }

    let (clock, aws) = (TestClock::new(), Network::silent());
    let builder = builder(&aws, &clock, &cluster()).service_account_tokens(WithoutUid);
    let error = tenant(&builder.build().unwrap(), "reader").resolve().await.unwrap_err();
    assert_eq!(error.reason(), Reason::InvalidConfiguration);
    assert!(whole_story(&error).contains("ServiceAccount::with_uid"), "{}", whole_story(&error));
}

#[tokio::test(start_paused = true)]
async fn an_object_s_region_is_its_own() {
    let clock = TestClock::new();
    let aws = sts(&clock);
    let cluster = cluster();
    let authenticator = builder(&aws, &clock, &cluster).build().unwrap();
    let identity = || Identity::object("tenant", Some("reader"));
    for resource in [
        Resource::image("111122223333.dkr.ecr.ap-south-1.amazonaws.com/apps/app").unwrap(),
        Resource::kms_key("arn:aws:kms:eu-north-1:111122223333:alias/sops").unwrap(),
        Resource::bucket_in("us-east-2")
            .unwrap()
            .with_sts_endpoint("https://sts.us-east-2.amazonaws.com")
            .unwrap(),
        Resource::image("public.ecr.aws/flux/app").unwrap(),
    ] {
        authenticator.credentials(&resource, identity()).unwrap().resolve().await.unwrap();
    }
    let hosts: Vec<_> = aws.lines().iter().map(|line| line.replace("POST https://sts.", "")).collect();
    let expected = ["ap-south-1", "eu-north-1", "us-east-2", "us-east-1"];
    assert_eq!(hosts, expected.map(|region| format!("{region}.amazonaws.com/")));

    let nowhere = Resource::new(Integration::S3);
    let error = authenticator.credentials(&nowhere, identity()).unwrap_err();
    assert_eq!(error.reason(), Reason::RegionMissing);
    assert!(
        error.to_string().starts_with("an AWS region is required for authenticating with a service account.")
    );
    assert!(authenticator.credentials(&nowhere, Identity::Controller).is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_flux_does_not_support_must_be_allowed() {
    let clock = TestClock::new();
    let aws = sts(&clock);
    let user = Environment::empty()
        .with_var("AWS_ACCESS_KEY_ID", "AKIACONTROLLER")
        .with_var("AWS_SECRET_ACCESS_KEY", SECRET);
    let of_user = || Authenticator::builder().chain(chain(user.clone(), &aws, &Network::silent(), &clock));
    let image = Resource::image("111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/app").unwrap();

    let strict = of_user().build().unwrap();
    let own = strict.credentials(&image, Identity::Controller).unwrap();
    for _ in 0..2 {
        let error = own.resolve().await.unwrap_err();
        assert_eq!(error.reason(), Reason::IdentityNotAllowed);
        assert!(
            error
                .hint()
                .unwrap()
                .contains("allow(Integration::Ecr, Level::Controller, SourceKind::AccessKeys)")
        );
        assert_eq!(report_of(&error).provided_by(), Some(SourceKind::AccessKeys));
        assert!(own.provide_credentials().await.is_err() && own.fallback_on_interrupt().is_none());
    }
    // The same credentials, for what Flux does support them for.
    let of_bucket = strict.credentials(&bucket(), Identity::Controller).unwrap();
    assert_eq!(key(&of_bucket).await, "AKIACONTROLLER");
    assert!(of_bucket.fallback_on_interrupt().is_some());

    let lax = of_user().allow(Integration::Ecr, Level::Controller, SourceKind::AccessKeys).build().unwrap();
    assert_eq!(key(&lax.credentials(&image, Identity::Controller).unwrap()).await, "AKIACONTROLLER");

    let secret = || {
        AccessKeySecret::bucket("tenant/key", [("accesskey", "AKIATENANT"), ("secretkey", SECRET)]).unwrap()
    };
    assert_eq!(key(&strict.credentials(&bucket(), secret()).unwrap()).await, "AKIATENANT");
    let error = strict.credentials(&image, secret()).unwrap_err();
    assert_eq!(error.reason(), Reason::IdentityNotAllowed);
    let lax = of_user().allow(Integration::Ecr, Level::Object, SourceKind::AccessKeySecret).build().unwrap();
    assert_eq!(key(&lax.credentials(&image, secret()).unwrap()).await, "AKIATENANT");
}

#[tokio::test(start_paused = true)]
async fn hops_follow_an_object_s_own_identity() {
    let clock = TestClock::new();
    let aws = sts(&clock);
    let cluster = cluster();
    let authenticator = builder(&aws, &clock, &cluster).build().unwrap();
    let base = tenant(&authenticator, "reader");
    let hop = |name: &str| RoleHop::new(format!("arn:aws:iam::777788889999:role/{name}").parse().unwrap());
    let one = base.assume_role(hop("one"));
    let two = one.assume_role(hop("two"));
    assert_eq!(
        (key(&two).await, key(&one).await, key(&base).await),
        ("ASIA3".into(), "ASIA2".into(), "ASIA1".into())
    );
    let report = two.resolve().await.unwrap().report().clone();
    assert_eq!(report.origin(), Some(SourceKind::ServiceAccount));

    cluster.annotate(&reader(), WRITER);
    assert_eq!(key(&two).await, "ASIA6", "each step is made anew");
    cluster.remove(&reader());
    assert!(two.resolve().await.is_err(), "a hop's session does not outlast its ServiceAccount");
}

/// What is expected of the controller is not expected of a tenant.
#[tokio::test(start_paused = true)]
async fn expectations_are_the_controller_s() {
    let clock = TestClock::new();
    let aws = sts(&clock);
    let cluster = cluster();
    let authenticator = builder(&aws, &clock, &cluster)
        .chain(controller(&aws, &clock).expect_account("111122223333"))
        .build()
        .unwrap();
    assert_eq!(key(&tenant(&authenticator, "reader")).await, "ASIA1");
    assert!(authenticator.credentials(&bucket(), Identity::Controller).unwrap().resolve().await.is_err());
}

/// A Kubernetes API that says nothing keeps a caller waiting for five seconds, and no other.
#[tokio::test(start_paused = true)]
async fn a_silent_api_server_has_a_limit() {
    #[derive(Debug)]
    struct Silent(Semaphore);

    #[async_trait]
    impl ServiceAccountTokens for Silent {
        async fn service_account(&self, _: &ServiceAccountRef) -> Result<ServiceAccount, Error> {
            let _permit = self.0.acquire().await;
            Err(Error::new(ErrorKind::Unavailable, "never reached"))
        }

        async fn create_token(&self, _: &TokenRequest<'_>) -> Result<ServiceAccountToken, Error> {
            Err(Error::new(ErrorKind::Unavailable, "never reached"))
        }
    }

    let clock = TestClock::new();
    let authenticator = Authenticator::builder()
        .chain(controller(&Network::silent(), &clock))
        .service_account_tokens(Silent(Semaphore::new(0)))
        .object_level_workload_identity(true)
        .build()
        .unwrap();
    let error = tenant(&authenticator, "reader").resolve().await.unwrap_err();
    assert_eq!((error.reason(), clock.elapsed()), (Reason::DeadlinePassed, Duration::from_secs(5)));
}

#[tokio::test(start_paused = true)]
async fn it_goes_into_an_sdk_config() {
    let clock = TestClock::new();
    let aws = sts(&clock);
    let cluster = cluster();
    let authenticator = builder(&aws, &clock, &cluster).build().unwrap();
    let provider = SharedCredentialsProvider::new(tenant(&authenticator, "reader"));
    let config = SdkConfig::builder().credentials_provider(provider).build();
    let credentials = config.credentials_provider().unwrap().provide_credentials().await.unwrap();
    assert_eq!(credentials.access_key_id(), "ASIA1");
}

/// A chain around what is handed out, as other crates may put one, knows a refusal for what it is.
#[tokio::test(start_paused = true)]
async fn a_refusal_is_one_through_another_chain_too() {
    let clock = TestClock::new();
    let aws = Network::new(|_| sts_error(403, "AccessDenied", "no"));
    let cluster = cluster();
    let authenticator = builder(&aws, &clock, &cluster).build().unwrap();
    let provider = NamedProvider::new("tenant", tenant(&authenticator, "reader"));
    let error =
        chain(Environment::empty(), &aws, &aws, &clock).only(provider).build().resolve().await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::AccessDenied, Reason::NotTrusted));
    assert!(error.hint().unwrap().contains("trust policy"), "{error:?}");
}
