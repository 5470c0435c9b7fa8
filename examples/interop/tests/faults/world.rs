//! Two AWSs, each behind a microburst, and a pod that may be somebody there.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_credential_types::Credentials;
use flux_aws_auth::iam::{OidcProvider, OidcTrust};
use flux_aws_auth::{Chain, Environment, RoleArn, ServiceAccountRef, SourceKind};
use flux_ecr_reflect::{ImageName, LoginSource, Reflector, RegistryLogin, Throttle};
use interop::{Microburst, Ministack};
use local_aws::{LocalAws, Repository, TagStyle, User};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::cases::{Call, Case, mark};
use crate::way::Way;

const TOKEN_FILE: &str = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token";
const TAGS: u64 = 2_500;

/// For an answer that is late, in place of the crates' own limits. The others may wait for as long as they do.
const SHORT: Duration = Duration::from_secs(1);

/// How many cases are played at once.
const AT_ONCE: usize = 12;

/// ministack has STS and logins; it has no pages of images, which come from local-aws.
pub(crate) struct World {
    inner: Arc<Inner>,
}

struct Inner {
    // Before what they stand before, so that they end first.
    before_ministack: Microburst,
    before_local_aws: Microburst,
    ministack: Ministack,
    local_aws: LocalAws,
    role: RoleArn,
    token: String,
    turns: Semaphore,
}

/// What came of a case.
pub(crate) struct Played {
    pub(crate) outcome: String,
    pub(crate) requests: usize,
    pub(crate) taken: Duration,
    /// What holds for every case, and does not for this one.
    pub(crate) flaws: Vec<String>,
}

impl World {
    pub(crate) async fn start(cases: &[Case]) -> Self {
        let rules: Vec<Value> = cases.iter().enumerate().map(|(number, case)| case.rule(number)).collect();
        Self::with_rules(&json!(rules)).await
    }

    pub(crate) async fn with_rules(rules: &Value) -> Self {
        let may_read = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}}"#;
        let local_aws = LocalAws::builder()
            .user(User::new("reader").permissions(may_read))
            .repository(Repository::generated("apps/mainapp", TAGS, TagStyle::Semver))
            .start()
            .await
            .unwrap();
        let ministack = Ministack::start().unwrap();
        let root = |service: &str, operation: &str, parameters: Value| {
            ministack.boto3().root(service, operation, &parameters).unwrap();
        };
        let issuer = local_aws.issuer().url();
        root(
            "iam",
            "create_open_id_connect_provider",
            json!({ "Url": issuer, "ClientIDList": ["sts.amazonaws.com"] }),
        );
        let role: RoleArn = ministack.role_arn("reader").parse().unwrap();
        let provider = OidcProvider::for_role(&role, issuer).unwrap();
        let trust = OidcTrust::new(&provider, &ServiceAccountRef::new("tenant", "reader")).unwrap();
        root(
            "iam",
            "create_role",
            json!({ "RoleName": "reader", "AssumeRolePolicyDocument": trust.document().to_json() }),
        );
        root(
            "iam",
            "put_role_policy",
            json!({ "RoleName": "reader", "PolicyName": "reader", "PolicyDocument": may_read }),
        );
        // Each part of it is read when it is first asked for, which takes its time.
        root("sts", "get_caller_identity", json!({}));
        root("ecr", "get_authorization_token", json!({}));
        let token =
            local_aws.issuer().token("tenant", "reader", "sts.amazonaws.com", Duration::from_secs(3600));
        let before_ministack = Microburst::start(&ministack.url(), rules).unwrap();
        let before_local_aws = Microburst::start(local_aws.ecr_url(), rules).unwrap();
        Self {
            inner: Arc::new(Inner {
                before_ministack,
                before_local_aws,
                ministack,
                local_aws,
                role,
                token,
                turns: Semaphore::new(AT_ONCE),
            }),
        }
    }

    /// Plays a case, and sees that no secret is shown.
    pub(crate) fn play(&self, number: usize, case: Case) -> impl Future<Output = Played> + Send + use<> {
        let inner = self.inner.clone();
        async move {
            let _turn = inner.turns.acquire().await.unwrap();
            let way = inner.way(case.call, mark(number));
            let way = if case.fault.is_late() { way.impatient(SHORT) } else { way };
            let begun = Instant::now();
            let Outcome { text, flaws } = match case.call {
                Call::AssumeRoleWithWebIdentity => inner.assume_role(&way).await,
                Call::GetCallerIdentity => inner.caller_identity(&way).await,
                Call::ListImages => inner.list_images(&way).await,
                Call::GetAuthorizationToken => inner.log_in(&way).await,
            };
            Played { outcome: text, requests: way.requests(), taken: begun.elapsed(), flaws }
        }
    }

    /// Lists the images with this mark, at the pace of `throttle`.
    pub(crate) fn reflector(&self, number: usize, throttle: &Throttle) -> (Reflector, Way) {
        let way = self.inner.way(Call::ListImages, mark(number));
        (self.inner.reflector(&way, throttle), way)
    }
}

impl Inner {
    fn way(&self, call: Call, mark: String) -> Way {
        let proxy = if call == Call::ListImages { &self.before_local_aws } else { &self.before_ministack };
        Way::new(proxy.host(), mark, call)
    }

    /// A pod with a role, on a node that would be somebody too.
    fn chain(&self, way: &Way) -> Chain {
        let environment = Environment::empty()
            .with_var("AWS_REGION", self.ministack.region())
            .with_var("AWS_ROLE_ARN", self.role.as_str())
            .with_var("AWS_WEB_IDENTITY_TOKEN_FILE", TOKEN_FILE)
            .with_var("AWS_EC2_METADATA_SERVICE_ENDPOINT", self.ministack.url())
            .with_file(TOKEN_FILE, self.token.as_str());
        Chain::builder().environment(environment).http_client(way.clone()).build()
    }

    async fn assume_role(&self, way: &Way) -> Outcome {
        match self.chain(way).resolve().await {
            Ok(resolved) if resolved.report().provided_by() == Some(SourceKind::WebIdentity) => {
                Outcome::good("the role's")
            }
            Ok(resolved) => Outcome::flaw(format!("another identity: {}", resolved.report())),
            Err(error) => self.failed_for_credentials(&error),
        }
    }

    async fn caller_identity(&self, way: &Way) -> Outcome {
        match self.chain(way).caller_identity().await {
            Ok(identity) if identity.arn.contains(":assumed-role/reader/") => Outcome::good("the role's"),
            Ok(identity) => Outcome::flaw(format!("another identity: {}", identity.arn)),
            Err(error) => self.failed_for_credentials(&error),
        }
    }

    fn reflector(&self, way: &Way, throttle: &Throttle) -> Reflector {
        let key = self.local_aws.access_key("reader").unwrap();
        let credentials = Credentials::new(key.id(), key.secret(), None, None, "a user of local-aws");
        let reflector = Reflector::builder().credentials(credentials).http_client(way.clone());
        reflector.throttle(throttle.clone()).build().unwrap()
    }

    async fn list_images(&self, way: &Way) -> Outcome {
        match self.reflector(way, &Throttle::new()).scan(&image()).await {
            Ok(scan) if scan.len() as u64 == TAGS => Outcome::good("all tags"),
            Ok(scan) => Outcome::flaw(format!("a part for the whole: {scan}")),
            Err(error) => {
                let mut outcome = self.failed(&error);
                if error.cursor().is_none() {
                    outcome.flaws.push("the place to go on is lost".to_owned());
                }
                outcome
            }
        }
    }

    async fn log_in(&self, way: &Way) -> Outcome {
        let login = RegistryLogin::builder().credentials(self.chain(way)).http_client(way.clone());
        match login.build().unwrap().login(&image()).await {
            Ok(Some(login)) if login.user() == "AWS" => Outcome::good("a login"),
            Ok(login) => Outcome::flaw(format!("another login: {login:?}")),
            Err(error) => self.failed(&error),
        }
    }

    fn failed_for_credentials(&self, error: &flux_aws_auth::Error) -> Outcome {
        let again = if error.is_retryable() { ", try again" } else { "" };
        let text = format!("`{:?}` by `{}`{again}", error.kind(), error.reason());
        self.failure(text, error, error.hint(), &format!("{error:?}"))
    }

    fn failed(&self, error: &flux_ecr_reflect::Error) -> Outcome {
        let again = if error.is_retryable() { ", try again" } else { "" };
        let page = error.page().map(|page| format!(" at page {page}")).unwrap_or_default();
        let text = format!("`{:?}`{page}{again}", error.kind());
        self.failure(text, error, error.hint(), &format!("{error:?}"))
    }

    fn failure(
        &self,
        text: String,
        error: &(dyn StdError + 'static),
        hint: Option<&str>,
        debug: &str,
    ) -> Outcome {
        let mut flaws = Vec::new();
        if hint.is_none_or(str::is_empty) {
            flaws.push(format!("without a hint: {error}"));
        }
        let key = self.local_aws.access_key("reader").unwrap();
        let causes = std::iter::successors(Some(error), |&error| error.source()).map(ToString::to_string);
        for said in causes.chain([debug.to_owned()]) {
            if said.contains(&self.token) || said.contains(key.secret()) {
                flaws.push("a secret is shown".to_owned());
            }
        }
        Outcome { text, flaws }
    }
}

pub(crate) fn image() -> ImageName {
    "111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp".parse().unwrap()
}

struct Outcome {
    text: String,
    flaws: Vec<String>,
}

impl Outcome {
    fn good(text: &str) -> Self {
        Self { text: text.to_owned(), flaws: Vec::new() }
    }

    fn flaw(flaw: String) -> Self {
        Self { text: String::new(), flaws: vec![flaw] }
    }
}
