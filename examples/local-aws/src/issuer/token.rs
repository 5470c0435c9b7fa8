//! Minting tokens, right ones and wrong ones.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, Header};

use super::claims::{Claims, Kubernetes, Reference};
use super::key::SigningKey;
use crate::clock::{Clock, unix};
use crate::error::Error;
use crate::kubernetes::Cluster;
use crate::meter::Ledger;
use crate::random;

/// Issues the tokens a Kubernetes API server would: RS256, bound to a namespace, a ServiceAccount and a pod, for the
/// audience asked for.
///
/// Its [`url`](Self::url) is the `iss` of the tokens, the address an EKS cluster's issuer has; it can be written into
/// trust policies before anything runs. The discovery document and the keys are served on a loopback port, see
/// [`LocalAws::issuer_endpoint`](crate::LocalAws::issuer_endpoint).
///
/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/iam-roles-for-service-accounts.html>.
#[derive(Clone)]
pub struct Issuer {
    url: Arc<str>,
    clock: Clock,
    key: &'static SigningKey,
    ledger: Arc<Ledger>,
    cluster: Arc<Cluster>,
}

impl Issuer {
    pub(crate) fn new(
        url: &str,
        clock: Clock,
        ledger: Arc<Ledger>,
        cluster: Arc<Cluster>,
    ) -> Result<Self, Error> {
        Ok(Self { url: url.into(), clock, key: SigningKey::published()?, ledger, cluster })
    }

    /// The issuer's address as the tokens name it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A token for `audience`, valid from now on for `ttl`, as it is mounted into a pod.
    pub fn token(&self, namespace: &str, service_account: &str, audience: &str, ttl: Duration) -> String {
        self.service_account_token(namespace, service_account).audience(audience).ttl(ttl).sign()
    }

    /// A token to be shaped further: late, early, by another key.
    pub fn service_account_token(&self, namespace: &str, service_account: &str) -> ServiceAccountToken<'_> {
        ServiceAccountToken {
            issuer: self,
            namespace: namespace.to_owned(),
            service_account: service_account.to_owned(),
            audiences: vec![self.url.to_string()],
            is_bound: true,
            ttl: Duration::from_secs(3600),
            issued_at: self.clock.now(),
            issuer_url: self.url.to_string(),
            key_id: self.key.id.clone(),
            forged: false,
        }
    }

    /// The public keys.
    pub(crate) fn keys(&self) -> JwkSet {
        JwkSet { keys: vec![self.key.public.clone()] }
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("url", &self.url).finish_non_exhaustive()
    }
}

/// A token before it is signed.
///
/// ```
/// # async fn shape() -> Result<(), local_aws::Error> {
/// use std::time::Duration;
///
/// let aws = local_aws::LocalAws::builder().start().await?;
/// let expired = aws
///     .issuer()
///     .service_account_token("flux-system", "source-controller")
///     .audience("sts.amazonaws.com")
///     .issued_ago(Duration::from_secs(7200))
///     .ttl(Duration::from_secs(3600))
///     .sign();
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct ServiceAccountToken<'a> {
    issuer: &'a Issuer,
    namespace: String,
    service_account: String,
    audiences: Vec<String>,
    is_bound: bool,
    ttl: Duration,
    issued_at: SystemTime,
    issuer_url: String,
    key_id: String,
    forged: bool,
}

impl ServiceAccountToken<'_> {
    /// The audience it is for; unless this is called, the cluster's own API server.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences = vec![audience.into()];
        self
    }

    /// For these audiences.
    #[must_use]
    pub(crate) fn audiences(mut self, audiences: Vec<String>) -> Self {
        self.audiences = audiences;
        self
    }

    /// Bound to no pod, as the TokenRequest API gives it; EKS takes no such token for Pod Identity.
    #[must_use]
    pub fn unbound(mut self) -> Self {
        self.is_bound = false;
        self
    }

    /// Issued at this time.
    #[must_use]
    pub(crate) fn issued_at(mut self, time: SystemTime) -> Self {
        self.issued_at = time;
        self
    }

    /// How long it is valid from its issue on; one hour unless this is called.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Issued that long ago: with a shorter [`ttl`](Self::ttl), an expired token.
    #[must_use]
    pub fn issued_ago(mut self, age: Duration) -> Self {
        self.issued_at -= age;
        self
    }

    /// Issued that far in the future: a token that is not valid yet.
    #[must_use]
    pub fn issued_in(mut self, delay: Duration) -> Self {
        self.issued_at += delay;
        self
    }

    /// Naming another issuer, one that no OpenID Connect provider of the account stands for.
    #[must_use]
    pub fn issuer(mut self, url: impl Into<String>) -> Self {
        self.issuer_url = url.into();
        self
    }

    /// Signed by a key the issuer does not publish, under the id of the one it does.
    #[must_use]
    pub fn forged(mut self) -> Self {
        self.forged = true;
        self
    }

    /// Under the id of a key that the issuer does not publish.
    #[must_use]
    pub fn key_id(mut self, id: impl Into<String>) -> Self {
        self.key_id = id.into();
        self
    }

    /// The token. It is recorded among [`LocalAws::secrets_issued`](crate::LocalAws::secrets_issued).
    ///
    /// # Panics
    ///
    /// If the process cannot make the second RSA key that a [forged](Self::forged) token is signed with.
    pub fn sign(self) -> String {
        let issued_at = unix(self.issued_at);
        let (namespace, name) = (&self.namespace, &self.service_account);
        let uid = self.issuer.cluster.uid(namespace, name).unwrap_or_else(|| uid_of_names(namespace, name));
        let pod = self.is_bound.then(|| format!("{name}-5c9d8f7b6d-x2x7k"));
        let claims = Claims {
            aud: self.audiences.clone(),
            exp: issued_at + self.ttl.as_secs(),
            iat: issued_at,
            iss: self.issuer_url.clone(),
            jti: random::uuid().to_string(),
            kubernetes: Kubernetes {
                namespace: self.namespace.clone(),
                pod: pod.map(|name| Reference { uid: uid_of_names(namespace, &name), name }),
                serviceaccount: Reference { name: name.clone(), uid },
            },
            nbf: issued_at,
            sub: format!("system:serviceaccount:{}:{}", self.namespace, self.service_account),
        };
        let header = Header { kid: Some(self.key_id), ..Header::new(Algorithm::RS256) };
        let key = if self.forged { SigningKey::unpublished() } else { Ok(self.issuer.key) };
        #[expect(clippy::expect_used, reason = "own claims and own key; no outside data")]
        let token = key
            .and_then(|key| {
                jsonwebtoken::encode(&header, &claims, &key.encoding)
                    .map_err(|error| Error::Key { problem: error.to_string() })
            })
            .expect("an own key signs own claims");
        self.issuer.ledger.record(&token);
        token
    }
}

/// The UID of the first object of that name: the same whenever it is asked for, as an object keeps its UID.
pub(crate) fn uid_of_names(namespace: &str, name: &str) -> String {
    let hash = digest(&SHA256, format!("{namespace}/{name}").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_ref()[..16]);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}
