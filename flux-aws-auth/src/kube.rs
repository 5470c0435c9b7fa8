//! ServiceAccounts and their tokens from the Kubernetes API, over a [`kube::Client`].
//!
//! [`KubeTokens`] is the [`ServiceAccountTokens`] of a real cluster. With it, each tenant's object has the role of its own
//! ServiceAccount:
//!
//! ```no_run
//! use flux_aws_auth::kube::KubeTokens;
//! use flux_aws_auth::{Chain, ServiceAccountRef, ServiceAccountRole};
//!
//! # async fn example() -> Result<(), kube::Error> {
//! let tokens = KubeTokens::new(kube::Client::try_default().await?);
//! let reader = ServiceAccountRole::new(ServiceAccountRef::new("tenant", "image-reader"), tokens.clone());
//! let chain = Chain::builder().region("eu-west-1").service_account(reader).build();
//! # Ok(())
//! # }
//! ```
//!
//! # What Kubernetes must allow
//!
//! The program's own ServiceAccount needs two verbs, which Flux's controllers have as well:
//!
//! ```yaml
//! apiVersion: rbac.authorization.k8s.io/v1
//! kind: ClusterRole
//! metadata:
//!   name: object-level-workload-identity
//! rules:
//!   - apiGroups: [""]
//!     resources: ["serviceaccounts"]
//!     verbs: ["get"]
//!   - apiGroups: [""]
//!     resources: ["serviceaccounts/token"]
//!     verbs: ["create"]
//! ---
//! apiVersion: rbac.authorization.k8s.io/v1
//! kind: RoleBinding
//! metadata:
//!   name: object-level-workload-identity
//!   namespace: tenant
//! roleRef:
//!   apiGroup: rbac.authorization.k8s.io
//!   kind: ClusterRole
//!   name: object-level-workload-identity
//! subjects:
//!   - kind: ServiceAccount
//!     name: my-controller
//!     namespace: my-system
//! ```
//!
//! Who may create a token of a ServiceAccount can become that ServiceAccount, for any audience, so this is a powerful
//! permission ([RBAC good practices]). With one RoleBinding in each tenant's namespace it ends there; with a
//! ClusterRoleBinding in their place it holds for every ServiceAccount of the cluster. `resourceNames` narrows either rule
//! to certain names.
//!
//! [RBAC good practices]: https://kubernetes.io/docs/concepts/security/rbac-good-practices/#token-request
//!
//! # What to add to Cargo.toml
//!
//! The client, its TLS and the version of Kubernetes that it is built for are the program's choice:
//!
//! ```toml
//! flux-aws-auth = { version = "0.1", features = ["kube"] }
//! kube = { version = "5", default-features = false, features = ["client", "ring", "rustls-tls"] }
//! k8s-openapi = { version = "0.29", default-features = false, features = ["v1_33"] }
//! ```
//!
//! Without a `v1_…` feature, `k8s-openapi` does not build, and says so. Any of them will do here: what is used is older
//! than all of them. A library takes no such feature itself, but sets `K8S_OPENAPI_ENABLED_VERSION` for its own tests.
//!
//! # What is written to the log
//!
//! kube's own `tracing` shows the method, the address and the status of a request, and so names of ServiceAccounts, but no
//! body. It would show one, at `warn`, when kube cannot read an answer, even if that has a token in it. This module
//! therefore reads the answers itself, and tells of one that it cannot read no more than the place.

mod answer;
mod call;
mod unanswered;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ::kube::Client;
use ::kube::api::ObjectMeta;
use ::kube::client::Body;
use async_trait::async_trait;
use http::Request;

use self::answer::Answer;
use self::call::Call;
use crate::error::{Error, ErrorKind};
use crate::service_account::{
    ServiceAccount, ServiceAccountRef, ServiceAccountToken, ServiceAccountTokens, TokenRequest,
};

/// Kubernetes makes no token for less time than this ([TokenRequest]).
///
/// [TokenRequest]: https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
const MIN_TOKEN_LIFETIME: Duration = Duration::from_mins(10);
/// EKS makes no token for more.
const MAX_TOKEN_LIFETIME: Duration = Duration::from_hours(24);

type Lookup = dyn Fn(&ServiceAccountRef) -> Option<ServiceAccount> + Send + Sync;

/// ServiceAccounts and their tokens, from the API server that a [`kube::Client`] asks, with that client's permissions.
///
/// A clone is cheap, and asks through the same client.
///
/// Each call has a limit of 5 seconds, or as set by [`with_call_timeout`](Self::with_call_timeout). It is one request: what
/// [`kube::Config::default_retry`](::kube::Config::default_retry) has the client try again (status 429, 503 and 504) counts into
/// the limit, and nothing else is tried again. An answer of more than three megabytes is not read.
///
/// # Cancel safety
///
/// Dropping a call abandons the request. There is no state that this could damage.
#[derive(Clone)]
pub struct KubeTokens {
    client: Client,
    lookup: Option<Arc<Lookup>>,
    token_lifetime: Duration,
    call_timeout: Duration,
}

impl KubeTokens {
    /// Asks through this client.
    pub fn new(client: Client) -> Self {
        Self {
            client,
            lookup: None,
            token_lifetime: MIN_TOKEN_LIFETIME,
            call_timeout: Duration::from_secs(5),
        }
    }

    /// Looks a ServiceAccount up here before the API server is asked: in a store, say, that a watch keeps current. One that is
    /// not found here, perhaps because it is new, is asked for.
    ///
    /// A store can be late. A changed annotation counts from when the store has it. Of a ServiceAccount that was recreated, the
    /// store still has the old uid, so that no token is made, and the call fails with
    /// [`Reason::ServiceAccountReplaced`](crate::Reason::ServiceAccountReplaced) until the store has caught up. Give the uid,
    /// therefore, as the conversion from [`ObjectMeta`] does.
    ///
    /// With a reflector of [`kube::runtime`](https://docs.rs/kube/latest/kube/runtime/reflector/) over
    /// the metadata of ServiceAccounts, which needs the verbs `list` and `watch` as well:
    ///
    /// ```
    /// # mod stand_in {
    /// #     //! The part of `kube::runtime::reflector` that is used below, with its signatures.
    /// #     use std::sync::Arc;
    /// #     use kube::api::ObjectMeta;
    /// #     pub struct PartialObjectMeta { pub metadata: ObjectMeta }
    /// #     pub struct Store;
    /// #     impl Store { pub fn get(&self, _: &ObjectRef) -> Option<Arc<PartialObjectMeta>> { None } }
    /// #     pub struct ObjectRef;
    /// #     impl ObjectRef {
    /// #         pub fn new(_: &str) -> Self { Self }
    /// #         pub fn within(self, _: &str) -> Self { self }
    /// #     }
    /// # }
    /// # use stand_in::{ObjectRef, Store};
    /// use flux_aws_auth::ServiceAccount;
    /// use flux_aws_auth::kube::KubeTokens;
    ///
    /// fn from_store(client: kube::Client, store: Store) -> KubeTokens {
    ///     KubeTokens::new(client).with_lookup(move |account| {
    ///         let key = ObjectRef::new(account.name()).within(account.namespace());
    ///         store.get(&key).map(|found| ServiceAccount::from(&found.metadata))
    ///     })
    /// }
    /// ```
    #[must_use]
    pub fn with_lookup(
        mut self,
        lookup: impl Fn(&ServiceAccountRef) -> Option<ServiceAccount> + Send + Sync + 'static,
    ) -> Self {
        self.lookup = Some(Arc::new(lookup));
        self
    }

    /// For how long a token is good. Not set: 10 minutes, the least that Kubernetes makes one for.
    ///
    /// A token is used once, at once, and what it is exchanged for does not end with it. A longer life is for clusters whose
    /// clock is behind that of AWS by minutes; for the rest, it helps but whoever steals the token.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] unless it is from 10 minutes to 24 hours. Parts of a second are left out.
    pub fn with_token_lifetime(self, lifetime: Duration) -> Result<Self, Error> {
        if (MIN_TOKEN_LIFETIME..=MAX_TOKEN_LIFETIME).contains(&lifetime) {
            return Ok(Self { token_lifetime: lifetime, ..self });
        }
        Err(Error::new(
            ErrorKind::Configuration,
            format!("a ServiceAccount token cannot be good for {lifetime:?}"),
        )
        .with_hint("Set 10 minutes to 24 hours; 10 minutes are enough for an exchange."))
    }

    /// The limit of each call, from the connection to the end of the answer. Not set: 5 seconds.
    ///
    /// The deadline of the [`Chain`](crate::Chain) holds besides.
    #[must_use]
    pub fn with_call_timeout(self, limit: Duration) -> Self {
        Self { call_timeout: limit, ..self }
    }

    /// The answer to a call, if it is not a refusal.
    async fn answer(&self, call: &Call<'_>) -> Result<Answer, Error> {
        let answered = tokio::time::timeout(self.call_timeout, self.send(call.request()?)).await;
        let answer = answered
            .map_err(|_| unanswered::in_time(call, self.call_timeout))?
            .map_err(|error| unanswered::because(call, error))?;
        answer.accepted(call)
    }

    async fn send(&self, request: Request<Vec<u8>>) -> Result<Answer, ::kube::Error> {
        Answer::read(self.client.send(request.map(Body::from)).await?).await
    }
}

#[async_trait]
impl ServiceAccountTokens for KubeTokens {
    async fn service_account(&self, reference: &ServiceAccountRef) -> Result<ServiceAccount, Error> {
        if let Some(found) = self.lookup.as_ref().and_then(|lookup| lookup(reference)) {
            return Ok(found);
        }
        let call = Call::GetServiceAccount(reference);
        self.answer(&call).await?.service_account(&call)
    }

    async fn create_token(&self, request: &TokenRequest<'_>) -> Result<ServiceAccountToken, Error> {
        let call = Call::CreateToken { request, lifetime: self.token_lifetime };
        self.answer(&call).await?.token(&call)
    }
}

impl fmt::Debug for KubeTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KubeTokens")
            .field("lookup", &self.lookup.is_some())
            .field("token_lifetime", &self.token_lifetime)
            .field("call_timeout", &self.call_timeout)
            .finish_non_exhaustive()
    }
}

/// The annotations and the uid of a ServiceAccount, whole or as its metadata alone.
impl From<&ObjectMeta> for ServiceAccount {
    fn from(metadata: &ObjectMeta) -> Self {
        let account = Self::new(metadata.annotations.clone().unwrap_or_default());
        match &metadata.uid {
            Some(uid) => account.with_uid(uid),
            None => account,
        }
    }
}
