//! An STS in memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::HttpError;
use aws_smithy_types::body::SdkBody;

use crate::arn::RoleArn;
use crate::service_account::ServiceAccountRef;

mod account;
mod request;

use account::{Account, Key, Refusal, Trust};
use request::Request;

/// An HTTP client behind which there is an STS, for [`ChainBuilder::http_client`](crate::ChainBuilder::http_client): what is
/// needed to test a [`Chain`](crate::Chain) or an [`Authenticator`](crate::Authenticator) whole, without a network.
///
/// It knows the roles and keys that it was told of and refuses all others in AWS's words. It answers `AssumeRoleWithWebIdentity`,
/// `AssumeRole` and `GetCallerIdentity`, whatever host they are sent to, and tells the time by the clock of the chain. Of a token
/// it looks at audience, subject and expiry; it checks no signature, evaluates no policy and knows nothing of external ids and
/// tags. Clones are the same STS.
///
/// ```
/// use flux_aws_auth::test_util::{FakeServiceAccounts, FakeSts};
/// use flux_aws_auth::{Authenticator, Chain, Environment, Identity, Resource, ServiceAccountRef};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), flux_aws_auth::Error> {
/// let role = "arn:aws:iam::111122223333:role/reader";
/// let sts = FakeSts::new().with_role_of(role.parse()?, ServiceAccountRef::new("tenant", "reader"));
/// let authenticator = Authenticator::builder()
///     .chain(Chain::builder().environment(Environment::empty()).http_client(sts.clone()))
///     .service_account_tokens(FakeServiceAccounts::new().with_role("tenant", "reader", role))
///     .object_level_workload_identity(true)
///     .build()?;
///
/// let bucket = Resource::bucket_in("eu-west-1")?;
/// let credentials = authenticator.credentials(&bucket, Identity::object("tenant", Some("reader")))?;
/// credentials.resolve().await?;
/// assert_eq!(sts.requests(), [format!("AssumeRoleWithWebIdentity {role} as reader.tenant.eu-west-1.fluxcd.io")]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct FakeSts(Arc<Mutex<Account>>);

impl FakeSts {
    /// An STS that knows no role and no key.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with a role that trusts everybody: the token of any ServiceAccount, and any key that this STS knows.
    #[must_use]
    pub fn with_role(self, role: RoleArn) -> Self {
        self.lock().roles.insert(role, Trust::Everybody);
        self
    }

    /// The same with a role that trusts the tokens of this ServiceAccount, and nobody else.
    #[must_use]
    pub fn with_role_of(self, role: RoleArn, service_account: ServiceAccountRef) -> Self {
        self.lock().roles.insert(role, Trust::ServiceAccount(service_account));
        self
    }

    /// The same with an access key that is not of its own sessions, and the ARN of the user or session that it belongs to.
    #[must_use]
    pub fn with_access_key(self, id: impl Into<String>, arn: impl Into<String>) -> Self {
        self.lock().keys.insert(id.into(), Key { arn: arn.into(), expiry: None });
        self
    }

    /// Deletes a role. Its sessions stay good, as in AWS.
    pub fn remove_role(&self, role: &RoleArn) {
        self.lock().roles.remove(role);
    }

    /// Answers so many requests, from the next one on, with this HTTP status and error code, such as 400 and `Throttling`.
    ///
    /// STS is asked three times before a throttled call, or one that it fails, has failed; in between, the chain
    /// [waits](crate::ChainBuilder::sleep_impl).
    pub fn fail_next(&self, requests: usize, status: u16, code: &str) {
        self.lock().failures.extend(std::iter::repeat_n((status, code.to_owned()), requests));
    }

    /// How long sessions last, where a request does not say it; an hour unless set.
    #[must_use]
    pub fn with_session_duration(self, duration: Duration) -> Self {
        self.lock().session_duration = duration;
        self
    }

    /// What was asked so far, in order, refused or not: the operation, for one with a role followed by the role, `as` and the name
    /// of the session.
    pub fn requests(&self) -> Vec<String> {
        self.lock().requests.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Account> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpClient for FakeSts {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let time_source = components.time_source().unwrap_or_default();
        SharedHttpConnector::new(Connector { sts: self.clone(), time_source })
    }
}

#[derive(Debug)]
struct Connector {
    sts: FakeSts,
    time_source: SharedTimeSource,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.sts.lock().answer(&Request::read(&request), self.time_source.now());
        let (status, body) = answer.unwrap_or_else(Refusal::into_answer);
        HttpConnectorFuture::ready(match status.try_into() {
            Ok(status) => Ok(HttpResponse::new(status, SdkBody::from(body))),
            Err(no_status) => Err(ConnectorError::user(HttpError::into(no_status))),
        })
    }
}

/// An hour, AWS's own default ([session duration]).
///
/// [session duration]: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
const SESSION_DURATION: Duration = Duration::from_hours(1);
