//! The running services.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::{fmt, io};

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::builder::Builder;
use crate::cloud::Cloud;
use crate::credentials::{AccessKey, KeyOwner};
use crate::distribution::Registry;
use crate::fault::{Fault, Injection};
use crate::issuer::Issuer;
use crate::kubernetes::Kubernetes;
use crate::repository::Catalog;
use crate::service::Service;

/// An AWS account on loopback ports, for as long as this value lives.
///
/// Dropping it closes the ports and tells open connections to end; [`stop`](Self::stop) waits for that.
pub struct LocalAws {
    cloud: Arc<Cloud>,
    access_keys: BTreeMap<String, AccessKey>,
    servers: JoinSet<io::Result<()>>,
    stop: watch::Sender<()>,
}

impl LocalAws {
    /// An empty account in `eu-west-1`, to be filled.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn new(
        cloud: Arc<Cloud>,
        access_keys: BTreeMap<String, AccessKey>,
        servers: JoinSet<io::Result<()>>,
        stop: watch::Sender<()>,
    ) -> Self {
        Self { cloud, access_keys, servers, stop }
    }

    /// Ends the services and waits until their ports are closed.
    pub async fn stop(mut self) {
        drop(self.stop);
        self.servers.shutdown().await;
    }

    /// The account's id.
    pub fn account(&self) -> &str {
        &self.cloud.account
    }

    /// The region all services are in.
    pub fn region(&self) -> &str {
        &self.cloud.region
    }

    /// Where STS listens: an endpoint URL for `AWS_ENDPOINT_URL_STS` or a client's configuration.
    pub fn sts_url(&self) -> &str {
        &self.cloud.endpoints.sts
    }

    /// Where the ECR API listens.
    pub fn ecr_url(&self) -> &str {
        &self.cloud.endpoints.ecr
    }

    /// Where the registry listens. Its host does not tell an account: it serves the repositories of this one.
    pub fn registry_url(&self) -> &str {
        &self.cloud.endpoints.registry
    }

    /// The registry's `host:port`, the first part of an image's name.
    pub fn registry_host(&self) -> &str {
        self.registry_url().trim_start_matches("http://")
    }

    /// Where the ECR Public API listens, for `AWS_ENDPOINT_URL_ECR_PUBLIC`. It is in `us-east-1`, whatever the
    /// [region](Self::region) of the others.
    pub fn ecr_public_url(&self) -> &str {
        &self.cloud.endpoints.ecr_public
    }

    /// Where the public registry listens, with its token endpoint at `/token/`: `https://public.ecr.aws` at AWS.
    pub fn public_registry_url(&self) -> &str {
        &self.cloud.endpoints.public_registry
    }

    /// The public registry's `host:port`, the first part of an image's name.
    pub fn public_registry_host(&self) -> &str {
        self.public_registry_url().trim_start_matches("http://")
    }

    /// Where the registry that is not AWS's listens.
    pub fn generic_registry_url(&self) -> &str {
        &self.cloud.endpoints.generic_registry
    }

    /// That registry's `host:port`, the first part of an image's name.
    pub fn generic_registry_host(&self) -> &str {
        self.generic_registry_url().trim_start_matches("http://")
    }

    /// Where that registry's tokens are to be had: on another port.
    pub fn generic_tokens_url(&self) -> &str {
        &self.cloud.endpoints.generic_tokens
    }

    /// Where the instance metadata service listens, for `AWS_EC2_METADATA_SERVICE_ENDPOINT`.
    pub fn imds_url(&self) -> &str {
        &self.cloud.endpoints.imds
    }

    /// The Pod Identity agent's address with its path, for `AWS_CONTAINER_CREDENTIALS_FULL_URI`.
    pub fn pod_identity_url(&self) -> String {
        format!("{}/v1/credentials", self.cloud.endpoints.pod_identity)
    }

    /// Where the Kubernetes API listens, over plain HTTP: `kube::Config::new` takes it, with a
    /// [token](Kubernetes::token).
    pub fn kubernetes_url(&self) -> &str {
        &self.cloud.endpoints.kubernetes
    }

    /// The ServiceAccounts of the cluster.
    pub fn kubernetes(&self) -> Kubernetes {
        Kubernetes::new(Arc::clone(&self.cloud.cluster), self.cloud.issuer.clone())
    }

    /// Where the issuer's `/.well-known/openid-configuration` is served.
    pub fn issuer_endpoint(&self) -> &str {
        &self.cloud.endpoints.issuer
    }

    /// The issuer of ServiceAccount tokens.
    pub fn issuer(&self) -> &Issuer {
        &self.cloud.issuer
    }

    /// The ARN of a role of this name in this account, whether or not there is one.
    pub fn role_arn(&self, name: &str) -> String {
        format!("arn:aws:iam::{}:role/{name}", self.cloud.account)
    }

    /// The access key of a user; `None` if there is no such user.
    pub fn access_key(&self, user: &str) -> Option<&AccessKey> {
        self.access_keys.get(user)
    }

    /// Whose an access key id is; `None` if it was given to nobody. A test asks who its subject was made to be.
    pub fn key_owner(&self, access_key_id: &str) -> Option<KeyOwner> {
        self.cloud.keys.find(access_key_id).map(|credentials| credentials.owner())
    }

    /// How often each operation was asked for, whatever became of it: `sts:AssumeRoleWithWebIdentity`, `ecr:ListImages`,
    /// `imds:PutToken`, `pod-identity:GetCredentials`, `registry:ListTags`, …
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.cloud.meter.snapshot()
    }

    /// Gives `tag` to the image that has the tag `to`, taking it from any other: the tag moves. `false` if there is no
    /// such repository or image, or `registry` is none.
    pub fn retag(&self, registry: Service, repository: &str, tag: &str, to: &str) -> bool {
        let Some(repository) = self.repository(registry, repository) else { return false };
        let image = repository.image_by_tag(to);
        image.inspect(|image| repository.tag(tag, *image)).is_some()
    }

    /// Deletes a tag and leaves its image, without a tag if that was the last. `false` if there is no such tag, or
    /// `registry` is none.
    pub fn untag(&self, registry: Service, repository: &str, tag: &str) -> bool {
        self.repository(registry, repository).is_some_and(|repository| repository.untag(tag))
    }

    /// Makes every password and token given out for `registry` so far one that never was: ECR's answers with 401 or, where it
    /// is public, 400, and the generic registry's with `invalid_token`. Its users' own passwords stay.
    pub fn revoke_logins(&self, registry: Service) {
        match registry {
            Service::Registry => self.cloud.logins.revoke(),
            Service::PublicRegistry => self.cloud.public_logins.revoke(),
            Service::GenericRegistry => self.cloud.generic_registry.revoke_tokens(),
            _ => {}
        }
    }

    fn repository(&self, registry: Service, name: &str) -> Option<&Catalog> {
        let registry = match registry {
            Service::Registry => Registry::Private,
            Service::PublicRegistry => Registry::Public,
            Service::GenericRegistry => Registry::Generic,
            _ => return None,
        };
        registry.find(&self.cloud, name)
    }

    /// Makes something go wrong with requests to `service`, from now on.
    pub fn inject(&self, service: Service, fault: Fault) -> Injection {
        self.cloud.faults.inject(service, fault)
    }

    /// Every secret given to anybody so far, in the order of issue: secret access keys, session tokens, ServiceAccount
    /// tokens, metadata tokens, registry passwords, signatures of links. A test searches its subject's output for them.
    pub fn secrets_issued(&self) -> Vec<String> {
        self.cloud.ledger.snapshot()
    }
}

impl fmt::Debug for LocalAws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalAws")
            .field("account", &self.cloud.account)
            .field("region", &self.cloud.region)
            .field("endpoints", &self.cloud.endpoints)
            .finish_non_exhaustive()
    }
}
