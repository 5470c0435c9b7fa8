//! What the example does, and says.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use flux_aws_auth::{
    Authenticator, Chain, Environment, Error, ErrorKind, Identity, IdentityCredentials, ROLE_ARN_ANNOTATION,
    Resource, ServiceAccount, ServiceAccountRef, ServiceAccountToken, ServiceAccountTokens, TokenRequest,
};
use flux_ecr_reflect::{ImageName, Reflector};
use local_aws::{LocalAws, Repository, Role};

const CONTROLLER: (&str, &str) = ("flux-system", "image-reflector-controller");
const READER: &str = "image-reader";
const HOUR: Duration = Duration::from_hours(1);

pub(crate) async fn run(out: &mut impl Write) -> Result<(), Box<dyn StdError>> {
    let aws = Arc::new(account().await?);
    let cluster = Cluster::new(aws.clone());
    for (team, role) in [("team-a", "team-a"), ("team-b", "team-b"), ("team-c", "team-a")] {
        cluster.annotate(team, role)?;
        writeln!(out, "ServiceAccount {team}/{READER} is annotated with {}", aws.role_arn(role))?;
    }
    let authenticator = Authenticator::builder()
        .chain(Chain::builder().environment(pod(&aws)))
        .service_account_tokens(cluster.clone())
        .object_level_workload_identity(true)
        .build()?;

    let host = format!("{}.dkr.ecr.{}.amazonaws.com", aws.account(), aws.region());
    let of_object = |team: &str| -> Result<IdentityCredentials, Error> {
        let registry = Resource::image(&host)?;
        authenticator.credentials(&registry, Identity::object(team, Some(READER)))
    };

    writeln!(out, "\nEach team's ImageRepository reads the images of team-a and of team-b:")?;
    for team in ["team-a", "team-b", "team-c"] {
        let credentials = of_object(team)?;
        for owner in ["team-a", "team-b"] {
            let image: ImageName = format!("{host}/{owner}/app").parse()?;
            let reflector =
                Reflector::builder().credentials(credentials.clone()).endpoint_url(aws.ecr_url()).build()?;
            match reflector.scan(&image).await {
                Ok(scan) => writeln!(out, "  {team} reads {owner}/app: {} tags", scan.tags().count())?,
                Err(error) => writeln!(out, "  {team} reads {owner}/app: {}", reason(&error))?,
            }
        }
    }

    writeln!(out, "\nWhy not team-c:")?;
    if let Err(error) = of_object("team-c")?.resolve().await {
        writeln!(out, "  {}", error.hint().unwrap_or_default())?;
    }

    let credentials = of_object("team-a")?;
    writeln!(out, "\nteam-a is {}", credentials.resolve().await?.principal())?;
    cluster.annotate("team-a", "team-b")?;
    writeln!(
        out,
        "It annotates its ServiceAccount with the role of team-b: {}",
        outcome(&credentials).await
    )?;
    cluster.delete("team-a");
    writeln!(out, "Its ServiceAccount is deleted: {}", outcome(&credentials).await)?;

    let own = authenticator.credentials(&Resource::image(&host)?, Identity::Controller)?;
    writeln!(out, "The controller is {}, and nobody else was", own.resolve().await?.principal())?;
    Ok(())
}

/// Whose credentials there are now, or the code of why there are none.
async fn outcome(credentials: &IdentityCredentials) -> String {
    match credentials.resolve().await {
        Ok(resolved) => resolved.principal().to_string(),
        Err(error) => format!("no credentials ({})", error.reason()),
    }
}

/// The code of why there are no credentials, where that is the cause, else the kind of what ECR said.
fn reason(error: &flux_ecr_reflect::Error) -> String {
    let mut root = None;
    let mut cause: Option<&(dyn StdError + 'static)> = StdError::source(error);
    while let Some(error) = cause {
        root = error.downcast_ref::<Error>().or(root);
        cause = error.source();
    }
    match root {
        Some(error) => format!("no credentials ({})", error.reason()),
        None => format!("{:?} by ECR", error.kind()),
    }
}

/// A role for each of two teams, which trusts that team's ServiceAccount and may list that team's images, and one for the
/// controller.
async fn account() -> Result<LocalAws, local_aws::Error> {
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
fn pod(aws: &LocalAws) -> Environment {
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
struct Cluster {
    aws: Arc<LocalAws>,
    /// The roles that ServiceAccounts are annotated with, by namespace.
    roles: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Cluster {
    fn new(aws: Arc<LocalAws>) -> Self {
        Self { aws, roles: Arc::default() }
    }

    fn annotate(&self, namespace: &str, role: &str) -> Result<(), local_aws::Error> {
        self.aws.kubernetes().apply(local_aws::ServiceAccount::new(namespace, READER).role(role))?;
        let mut roles = self.roles.lock().unwrap_or_else(PoisonError::into_inner);
        roles.insert(namespace.to_owned(), self.aws.role_arn(role));
        Ok(())
    }

    fn delete(&self, namespace: &str) {
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
