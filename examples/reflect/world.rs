//! Where the program runs: in a pod of an embedded EKS, or where it really is.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use clap::ValueEnum;
use flux_aws_auth::{
    Chain, ChainBuilder, Environment, Error, ErrorKind, ROLE_ARN_ANNOTATION, ServiceAccount,
    ServiceAccountRef, ServiceAccountRole, ServiceAccountToken, ServiceAccountTokens, TokenRequest,
};
use local_aws::{EXAMPLE_ISSUER, ImdsMode, LocalAws, Repository, Role, TagScheme, TagStyle, User};

const NAMESPACE: &str = "flux-system";
const CONTROLLER: &str = "image-reflector-controller";
const ROLE: &str = "flux-image-reflector";
const NODE_ROLE: &str = "eks-node";
const USER: &str = "flux";
const TENANT: (&str, &str) = ("team-a", "image-reader");
const OWN_TOKEN_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
const IRSA_TOKEN_FILE: &str = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token";
const AGENT_TOKEN_FILE: &str =
    "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token";
const HOUR: Duration = Duration::from_secs(3600);

/// The image that the embedded AWS has.
pub(crate) const EMBEDDED_IMAGE: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp";

/// How the pod gets its identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Setup {
    /// An EKS Pod Identity association
    PodIdentity,
    /// IAM Roles for Service Accounts: a projected token and a role in the environment
    Irsa,
    /// An IAM user's access key in the environment
    AccessKeys,
    /// No identity of its own: the node's role, from the instance metadata service
    Node,
    /// Object level: the role of the ServiceAccount that an object names
    ServiceAccount,
    /// IRSA was never activated, and the node's metadata is out of a pod's reach
    Nothing,
}

/// What the program finds around itself.
pub(crate) struct World {
    pub(crate) environment: Environment,
    /// The identity of an object, where that is asked for instead of the controller's own.
    pub(crate) object: Option<ServiceAccountRole>,
    /// The pod's ServiceAccount as Kubernetes has it, where somebody looked.
    #[allow(dead_code, reason = "only the example `doctor` looks")]
    pub(crate) service_account: Option<(ServiceAccountRef, ServiceAccount)>,
    /// The ECR API, where it is not the region's own.
    pub(crate) ecr_endpoint: Option<String>,
    /// The registry itself, where it is not at the image's host.
    #[allow(dead_code, reason = "only the example `reflect` asks it")]
    pub(crate) registry_url: Option<String>,
    /// What was set up, line by line.
    pub(crate) story: Vec<String>,
    /// How many tags there are to list, where that is known.
    pub(crate) tags: Option<u64>,
    /// Serves until the world ends.
    pub(crate) aws: Option<Arc<LocalAws>>,
}

impl World {
    /// A pod of a Flux controller on an embedded EKS, with this repository in ECR.
    pub(crate) async fn embedded(
        setup: Setup,
        repository: Repository,
        tags: Option<u64>,
    ) -> Result<Self, local_aws::Error> {
        let aws = Arc::new(account(setup).repository(repository).start().await?);
        let (environment, mut story) = pod(setup, &aws);
        let annotated = matches!(setup, Setup::Irsa | Setup::Nothing).then(|| {
            let annotations = [(ROLE_ARN_ANNOTATION, aws.role_arn(ROLE))];
            let service_account = ServiceAccount::new(annotations);
            (ServiceAccountRef::new(NAMESPACE, CONTROLLER), service_account)
        });
        let (account, region) = (aws.account(), aws.region());
        story.push(format!(
            "The embedded AWS plays account {account} in {region}, with the ECR repository apps/mainapp."
        ));
        let object = (setup == Setup::ServiceAccount).then(|| {
            ServiceAccountRole::new(ServiceAccountRef::new(TENANT.0, TENANT.1), Cluster { aws: aws.clone() })
        });
        Ok(Self {
            environment,
            object,
            service_account: annotated,
            ecr_endpoint: Some(aws.ecr_url().to_owned()),
            registry_url: Some(aws.registry_url().to_owned()),
            story,
            tags,
            aws: Some(aws),
        })
    }

    /// This process's own environment, and the real AWS.
    #[allow(dead_code, reason = "no test asks the real AWS")]
    pub(crate) fn live() -> Self {
        Self {
            environment: Environment::from_process(),
            object: None,
            service_account: None,
            ecr_endpoint: None,
            registry_url: None,
            story: vec!["This process's own environment, and the real AWS.".to_owned()],
            tags: None,
            aws: None,
        }
    }

    /// The identity that the set-up gives, yet to be built.
    pub(crate) fn chain(&self) -> ChainBuilder {
        let chain = Chain::builder().environment(self.environment.clone());
        match &self.object {
            Some(object) => chain.service_account(object.clone()),
            None => chain,
        }
    }
}

/// An account with what each set-up needs in IAM.
fn account(setup: Setup) -> local_aws::Builder {
    let role = Role::new(ROLE)
        .trust(format!(
            r#"{{"Version": "2012-10-17", "Statement": [
                {{"Effect": "Allow", "Principal": {{"Service": "pods.eks.amazonaws.com"}},
                  "Action": ["sts:AssumeRole", "sts:TagSession"]}},
                {{"Effect": "Allow", "Principal": {{"Federated": "arn:aws:iam::111122223333:oidc-provider/{issuer}"}},
                  "Action": "sts:AssumeRoleWithWebIdentity",
                  "Condition": {{"StringEquals": {{
                    "{issuer}:aud": "sts.amazonaws.com",
                    "{issuer}:sub": ["system:serviceaccount:{NAMESPACE}:{CONTROLLER}",
                                     "system:serviceaccount:{namespace}:{name}"]}}}}}}]}}"#,
            issuer = EXAMPLE_ISSUER.trim_start_matches("https://"),
            namespace = TENANT.0,
            name = TENANT.1,
        ))
        .permissions(READ_ECR);
    let node = Role::new(NODE_ROLE)
        .trust(
            r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow",
                "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}}"#,
        )
        .permissions(READ_ECR);
    let aws = LocalAws::builder()
        .role(role)
        .role(node)
        .user(User::new(USER).permissions(READ_ECR))
        .node_role(NODE_ROLE);
    match setup {
        Setup::PodIdentity => aws.pod_identity_association(NAMESPACE, CONTROLLER, ROLE),
        Setup::Nothing => aws.imds(ImdsMode::HopLimitOne),
        _ => aws,
    }
}

/// The permissions that a scan and a login need, and a login to ECR Public.
const READ_ECR: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
    {"Effect": "Allow", "Action": ["ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"], "Resource": "*"},
    {"Effect": "Allow", "Action": ["ecr:ListImages", "ecr:DescribeImages", "ecr:BatchGetImage"],
     "Resource": "arn:aws:ecr:eu-west-1:111122223333:repository/*"}]}"#;

/// What EKS puts into the pod, and what a person would say about it.
fn pod(setup: Setup, aws: &LocalAws) -> (Environment, Vec<String>) {
    let token = |audience| aws.issuer().token(NAMESPACE, CONTROLLER, audience, HOUR);
    let base = Environment::empty()
        .with_file(OWN_TOKEN_FILE, token("https://kubernetes.default.svc"))
        .with_var("AWS_ENDPOINT_URL_STS", aws.sts_url())
        .with_var("AWS_EC2_METADATA_SERVICE_ENDPOINT", aws.imds_url());
    let in_region = base.clone().with_var("AWS_REGION", aws.region());
    let role_arn = aws.role_arn(ROLE);
    match setup {
        Setup::PodIdentity => (
            in_region
                .with_var("AWS_CONTAINER_CREDENTIALS_FULL_URI", aws.pod_identity_url())
                .with_var("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", AGENT_TOKEN_FILE)
                .with_file(AGENT_TOKEN_FILE, token("pods.eks.amazonaws.com")),
            vec![format!("EKS Pod Identity associates {NAMESPACE}/{CONTROLLER} with {role_arn}.")],
        ),
        Setup::Irsa => (
            in_region
                .with_var("AWS_ROLE_ARN", &role_arn)
                .with_var("AWS_WEB_IDENTITY_TOKEN_FILE", IRSA_TOKEN_FILE)
                .with_file(IRSA_TOKEN_FILE, token("sts.amazonaws.com")),
            vec![format!("IRSA: ServiceAccount {NAMESPACE}/{CONTROLLER} is annotated with {role_arn}.")],
        ),
        Setup::AccessKeys => {
            let key = aws.access_key(USER);
            let (id, secret) = key.map(|key| (key.id(), key.secret())).unwrap_or_default();
            (
                in_region.with_var("AWS_ACCESS_KEY_ID", id).with_var("AWS_SECRET_ACCESS_KEY", secret),
                vec![format!("An access key of IAM user {USER} is in the environment.")],
            )
        }
        Setup::Node => (
            base,
            vec![format!(
                "The pod has no identity of its own; the node has the role {}.",
                aws.role_arn(NODE_ROLE)
            )],
        ),
        Setup::ServiceAccount => (
            base,
            vec![format!(
                "Object level: the object names ServiceAccount {}/{}, annotated with {role_arn}.",
                TENANT.0, TENANT.1
            )],
        ),
        Setup::Nothing => (
            base,
            vec![
                "IRSA is not active: the ServiceAccount was annotated after the pod had started.".to_owned(),
                "The node's metadata answers no pod: its hop limit is 1.".to_owned(),
            ],
        ),
    }
}

/// The part of a Kubernetes API that an object-level identity needs, with one tenant's ServiceAccount in it.
#[derive(Clone, Debug)]
struct Cluster {
    aws: Arc<LocalAws>,
}

#[async_trait]
impl ServiceAccountTokens for Cluster {
    async fn service_account(&self, reference: &ServiceAccountRef) -> Result<ServiceAccount, Error> {
        if (reference.namespace(), reference.name()) != TENANT {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!("serviceaccounts {reference} not found"),
            ));
        }
        Ok(ServiceAccount::new([(ROLE_ARN_ANNOTATION, self.aws.role_arn(ROLE))]))
    }

    async fn create_token(&self, request: &TokenRequest<'_>) -> Result<ServiceAccountToken, Error> {
        let (namespace, name) = (request.service_account().namespace(), request.service_account().name());
        Ok(ServiceAccountToken::new(self.aws.issuer().token(namespace, name, request.audience(), HOUR)))
    }
}

/// A repository as real ones are: releases (five patches in each of ten minors in each major), release candidates,
/// variants, builds of a branch, releases by date, and signatures.
pub(crate) fn mixed_repository(images: u64) -> Repository {
    Repository::generated("apps/mainapp", images, |index: u64| {
        let (twenty, place) = (index / 20, index % 20);
        let release = |number: u64| format!("{}.{}.{}", number / 50, number / 5 % 10, number % 5);
        match place {
            ..14 => release(twenty * 14 + place),
            14 => format!("{}-alpine3.20", release(twenty * 14)),
            15 => format!("{}-rc.1", release(twenty * 14)),
            16 | 17 => TagStyle::BranchBuild.tag(index),
            18 => TagStyle::ReleaseTimestamp.tag(index),
            _ => format!("sha256-{index:064x}.sig"),
        }
    })
}
