//! The state all services share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::watch;

use crate::clock::{self, Clock};
use crate::credentials::KeyStore;
use crate::fault::Faults;
use crate::generic_registry::CompiledRegistry;
use crate::iam::{
    Access, Attached, Caller, CompiledRole, Document, Refusal, RequestContext, SessionAttributes, authorize,
};
use crate::imds::Node;
use crate::issuer::Issuer;
use crate::kubernetes::Cluster;
use crate::meter::{Ledger, Meter};
use crate::oidc::Provider;
use crate::pod_identity::Association;
use crate::public_registry::PublicLogins;
use crate::registry::Logins;
use crate::repository::Catalog;
use crate::seal::Seal;

/// One account in one region, with a cluster and a node.
pub(crate) struct Cloud {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) clock: Clock,
    pub(crate) endpoints: Endpoints,
    /// By ARN.
    pub(crate) roles: BTreeMap<String, CompiledRole>,
    pub(crate) keys: KeyStore,
    pub(crate) issuer: Issuer,
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) oidc_provider: Provider,
    pub(crate) associations: BTreeMap<(String, String), Association>,
    pub(crate) node: Node,
    /// By registry id and name.
    pub(crate) repositories: BTreeMap<(String, String), Catalog>,
    /// By alias and name, `docker/library/alpine`: what follows the public registry's host.
    pub(crate) public_repositories: BTreeMap<String, Catalog>,
    pub(crate) generic_registry: CompiledRegistry,
    pub(crate) page_tokens: Seal,
    pub(crate) layer_links: Seal,
    pub(crate) logins: Logins,
    pub(crate) public_logins: PublicLogins,
    pub(crate) faults: Faults,
    pub(crate) meter: Meter,
    pub(crate) ledger: Arc<Ledger>,
    /// Closed when the services stop.
    pub(crate) running: watch::Receiver<()>,
}

/// Where each service listens, as `http://127.0.0.1:port`, and the layers as `http://localhost:port`.
#[derive(Debug)]
pub(crate) struct Endpoints {
    pub(crate) ecr: String,
    pub(crate) ecr_public: String,
    pub(crate) generic_registry: String,
    pub(crate) generic_tokens: String,
    pub(crate) imds: String,
    pub(crate) issuer: String,
    pub(crate) kubernetes: String,
    pub(crate) layers: String,
    pub(crate) pod_identity: String,
    pub(crate) public_registry: String,
    pub(crate) registry: String,
    pub(crate) sts: String,
}

impl Cloud {
    /// The time as the service has it that is answering; not the clock's where a fault says so.
    pub(crate) fn now(&self) -> SystemTime {
        clock::as_seen_by_service(self.clock.now())
    }

    /// Whether `caller` may perform `action` on a resource of `account`, here and under the resource's own `policy`.
    pub(crate) fn authorize(
        &self,
        caller: &Caller,
        action: &str,
        resource: &str,
        account: &str,
        policy: Option<&Document>,
    ) -> Result<(), Refusal> {
        let access = Access { action, resource, account, attached: Attached::Policy(policy) };
        authorize(caller, &access, &self.context(caller))
    }

    /// What conditions can ask about any request of `caller`.
    pub(crate) fn context(&self, caller: &Caller) -> RequestContext {
        caller.context().with("aws:RequestedRegion", &self.region)
    }

    /// The caller that a session of `role` is.
    pub(crate) fn role_session(
        role: &CompiledRole,
        session_name: &str,
        session: SessionAttributes,
    ) -> Caller {
        Caller {
            arn: format!("arn:aws:sts::{}:assumed-role/{}/{session_name}", role.account, role.name),
            user_id: format!("{}:{session_name}", role.id),
            account: role.account.clone(),
            principal_arn: role.arn.clone(),
            permissions: Arc::clone(&role.permissions),
            session,
        }
    }
}
