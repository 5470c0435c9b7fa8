//! The account and the cluster, played by the embedded AWS.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use flux_aws_auth::{
    Environment, Error, ErrorKind, ROLE_ARN_ANNOTATION, ServiceAccount, ServiceAccountRef,
    ServiceAccountToken, ServiceAccountTokens, TokenRequest,
};
use local_aws::{LocalAws, Repository, Role};

const CONTROLLER: (&str, &str) = ("flux-system", "image-reflector-controller");
const HOUR: Duration = Duration::from_hours(1);

/// The ServiceAccount that each team has.
pub(crate) const READER: &str = "image-reader";

/// A role for each of two teams, which trusts that team's ServiceAccount and may list that team's images, and one for the
/// controller.
pub(crate) async fn account() -> Result<LocalAws, local_aws::Error> {
    let mut aws = LocalAws::builder()
        .role(Role::new("controller").assumed_by_pods().allowed(["ecr:*"], "*"))
        .pod_identity_association(CONTROLLER.0, CONTROLLER.1, "controller");
    for team in ["team-a", "team-b"] {
        let images = format!("arn:aws:ecr:*:*:repository/{team}/*");
        aws = aws
            .role(
                Role::new(team).assumed_by_service_account(team, READER).allowed(["ecr:ListImages"], &images),
            )
            .repository(Repository::with_tags(format!("{team}/app"), ["1.0.0", "1.1.0"]));
    }
    aws.start().await
}

/// What EKS puts into the controller's pod, with the addresses of the embedded AWS.
pub(crate) fn pod(aws: &LocalAws) -> Environment {
    const TOKEN_FILE: &str = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token";
    let token = aws.issuer().token(CONTROLLER.0, CONTROLLER.1, "pods.eks.amazonaws.com", HOUR);
    Environment::empty()
        .with_var("AWS_REGION", aws.region())
        .with_var("AWS_ENDPOINT_URL_STS", aws.sts_url())
        .with_var("AWS_CONTAINER_CREDENTIALS_FULL_URI", aws.pod_identity_url())
        .with_var("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", TOKEN_FILE)
        .with_file(TOKEN_FILE, token)
}

/// The part of a Kubernetes API that object-level identities need. On a real cluster it is `flux_aws_auth::kube::KubeTokens`.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    aws: Arc<LocalAws>,
    /// The roles that ServiceAccounts are annotated with, by namespace.
    roles: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Cluster {
    pub(crate) fn new(aws: Arc<LocalAws>) -> Self {
        Self { aws, roles: Arc::default() }
    }

    /// Annotates the ServiceAccount of a team with a role, by its ARN.
    pub(crate) fn annotate(&self, namespace: &str, role: &str) -> Result<String, local_aws::Error> {
        self.aws.kubernetes().apply(local_aws::ServiceAccount::new(namespace, READER).role(role))?;
        let arn = self.aws.role_arn(role);
        let mut roles = self.roles.lock().unwrap_or_else(PoisonError::into_inner);
        roles.insert(namespace.to_owned(), arn.clone());
        Ok(arn)
    }

    pub(crate) fn delete(&self, namespace: &str) {
        self.aws.kubernetes().delete(namespace, READER);
        self.roles.lock().unwrap_or_else(PoisonError::into_inner).remove(namespace);
    }
}

#[async_trait]
impl ServiceAccountTokens for Cluster {
    async fn service_account(&self, reference: &ServiceAccountRef) -> Result<ServiceAccount, Error> {
        let namespace = reference.namespace();
        let role = self.roles.lock().unwrap_or_else(PoisonError::into_inner).get(namespace).cloned();
        let missing =
            || Error::new(ErrorKind::Configuration, format!("serviceaccounts {reference} not found"));
        let annotations = [(ROLE_ARN_ANNOTATION, role.ok_or_else(missing)?)];
        let uid = self.aws.kubernetes().uid(namespace, reference.name()).ok_or_else(missing)?;
        Ok(ServiceAccount::new(annotations).with_uid(uid))
    }

    async fn create_token(&self, request: &TokenRequest<'_>) -> Result<ServiceAccountToken, Error> {
        let (namespace, name) = (request.service_account().namespace(), request.service_account().name());
        Ok(ServiceAccountToken::new(self.aws.issuer().token(namespace, name, request.audience(), HOUR)))
    }
}
