//! ServiceAccounts without a cluster.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use super::token::service_account_token;
use crate::error::Error;
use crate::reason::Reason;
use crate::service_account::{
    ROLE_ARN_ANNOTATION, ServiceAccount, ServiceAccountRef, ServiceAccountToken, ServiceAccountTokens,
    TokenRequest,
};

/// [`ServiceAccountTokens`] of a cluster that is a table, and notes what it is asked.
///
/// It knows the ServiceAccounts that it was told of, each with a uid, and makes tokens that a [`FakeSts`](super::FakeSts) takes.
/// As in Kubernetes, a ServiceAccount that was deleted and made again is another one. Clones are the same cluster, so that a
/// test can change it while an [`Authenticator`](crate::Authenticator) holds the other one.
///
/// ```
/// use flux_aws_auth::test_util::FakeServiceAccounts;
/// use flux_aws_auth::{Authenticator, ErrorKind, Identity, Resource};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), flux_aws_auth::Error> {
/// let accounts = FakeServiceAccounts::new().with_role("tenant", "reader", "arn:aws:iam::111122223333:role/reader");
/// let authenticator = Authenticator::builder()
///     .service_account_tokens(accounts.clone())
///     .object_level_workload_identity(true)
///     .build()?;
///
/// let missing = Identity::object("tenant", Some("writer"));
/// let credentials = authenticator.credentials(&Resource::bucket_in("eu-west-1")?, missing)?;
/// assert_eq!(credentials.resolve().await.unwrap_err().kind(), ErrorKind::Configuration);
/// assert_eq!(accounts.requests(), ["get tenant/writer"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct FakeServiceAccounts(Arc<Mutex<Cluster>>);

#[derive(Debug, Default)]
struct Cluster {
    accounts: BTreeMap<ServiceAccountRef, Result<ServiceAccount, Error>>,
    made: u64,
    requests: Vec<String>,
}

impl FakeServiceAccounts {
    /// A cluster without any.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with a ServiceAccount that names this role.
    #[must_use]
    pub fn with_role(
        self,
        namespace: impl Into<String>,
        name: impl Into<String>,
        role_arn: impl Into<String>,
    ) -> Self {
        let account = ServiceAccount::new([(ROLE_ARN_ANNOTATION, role_arn)]);
        self.insert(ServiceAccountRef::new(namespace, name), account);
        self
    }

    /// Adds a ServiceAccount, in place of one of the same name. Without a uid it gets one of its own, and is another one; with
    /// the uid of the one before, it is that one with other annotations.
    pub fn insert(&self, reference: ServiceAccountRef, account: ServiceAccount) {
        let mut cluster = self.lock();
        cluster.made += 1;
        let account = match account.uid() {
            Some(_) => account,
            None => account.with_uid(format!("uid-{}", cluster.made)),
        };
        cluster.accounts.insert(reference, Ok(account));
    }

    /// Has the ServiceAccount name another role, or one if it named none. It stays the same one; if there is none, it is made.
    pub fn annotate(&self, reference: &ServiceAccountRef, role_arn: impl Into<String>) {
        let account = ServiceAccount::new([(ROLE_ARN_ANNOTATION, role_arn)]);
        let uid = match self.lock().accounts.get(reference) {
            Some(Ok(held)) => held.uid().map(str::to_owned),
            _ => None,
        };
        self.insert(reference.clone(), uid.iter().fold(account, ServiceAccount::with_uid));
    }

    /// Deletes a ServiceAccount. It is no longer found, as those are that there never were.
    pub fn remove(&self, reference: &ServiceAccountRef) {
        self.lock().accounts.remove(reference);
    }

    /// Forbids all requests for a ServiceAccount, whether there is one or not: [`Reason::ServiceAccountForbidden`].
    pub fn forbid(&self, reference: ServiceAccountRef) {
        let message = format!("Kubernetes forbids what was asked of ServiceAccount {reference} (HTTP 403)");
        self.fail(reference, Error::because(Reason::ServiceAccountForbidden, message));
    }

    /// Answers all requests for a ServiceAccount with this error, until another is [inserted](Self::insert).
    pub fn fail(&self, reference: ServiceAccountRef, error: Error) {
        self.lock().accounts.insert(reference, Err(error));
    }

    /// What was asked so far, in order: `get tenant/reader` for each [`service_account`][1], and `create token of tenant/reader
    /// for sts.amazonaws.com` for each [`create_token`][2].
    ///
    /// [1]: ServiceAccountTokens::service_account
    /// [2]: ServiceAccountTokens::create_token
    pub fn requests(&self) -> Vec<String> {
        self.lock().requests.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Cluster> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ServiceAccountTokens for FakeServiceAccounts {
    async fn service_account(&self, reference: &ServiceAccountRef) -> Result<ServiceAccount, Error> {
        let mut cluster = self.lock();
        cluster.requests.push(format!("get {reference}"));
        cluster.get(reference)
    }

    async fn create_token(&self, request: &TokenRequest<'_>) -> Result<ServiceAccountToken, Error> {
        let (reference, audience) = (request.service_account(), request.audience());
        let mut cluster = self.lock();
        cluster.requests.push(format!("create token of {reference} for {audience}"));
        let account = cluster.get(reference)?;
        if request.uid().is_some_and(|meant| account.uid() != Some(meant)) {
            return Err(Error::because(
                Reason::ServiceAccountReplaced,
                format!("the uid of ServiceAccount {reference} is another one (HTTP 409)"),
            ));
        }
        let request = TokenRequest::new(reference, audience);
        let request = account.uid().iter().fold(request, |request, uid| request.with_uid(uid));
        Ok(service_account_token(&request, SystemTime::UNIX_EPOCH + EXPIRY))
    }
}

impl Cluster {
    fn get(&self, reference: &ServiceAccountRef) -> Result<ServiceAccount, Error> {
        self.accounts.get(reference).cloned().unwrap_or_else(|| {
            let message = format!("there is no ServiceAccount {reference} (HTTP 404)");
            Err(Error::because(Reason::ServiceAccountMissing, message))
        })
    }
}

/// 2100-01-01, for whatever clock a test has.
const EXPIRY: Duration = Duration::from_secs(4_102_444_800);
