//! The cluster: the Kubernetes API of the embedded AWS, over kube's own client.

use std::error::Error;

use local_aws::{LocalAws, Rbac, ServiceAccount};
use serde_json::json;

const CONTROLLER: (&str, &str) = ("flux-system", "source-controller");

/// A cluster with the ServiceAccounts of two tenants, and a controller that may have tokens of them.
pub(crate) async fn start() -> Result<LocalAws, local_aws::Error> {
    let may = [Rbac::GetServiceAccounts, Rbac::CreateServiceAccountTokens];
    LocalAws::builder()
        .service_account(ServiceAccount::new(CONTROLLER.0, CONTROLLER.1).granted_everywhere(may))
        .service_account(ServiceAccount::new("tenant", "config-reader").role("config-reader"))
        .service_account(ServiceAccount::new("tenant", "sops-reader").role("sops-reader"))
        // Annotated with the other tenant's role, which does not trust it.
        .service_account(ServiceAccount::new("other", "config-reader").role("config-reader"))
        .start()
        .await
}

/// The controller's client. In a pod this is `kube::Client::try_default()`.
pub(crate) fn client(cluster: &LocalAws) -> Result<kube::Client, Box<dyn Error + Send + Sync>> {
    let mut config = kube::Config::new(cluster.kubernetes_url().parse()?);
    let token = cluster.kubernetes().token(CONTROLLER.0, CONTROLLER.1);
    config.auth_info = serde_json::from_value(json!({ "token": token }))?;
    Ok(kube::Client::try_from(config)?)
}
