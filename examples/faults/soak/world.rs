//! The account: its tenants, its controllers and its repositories.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use flux_ecr_reflect::ImageName;
use local_aws::{
    Builder, Clock, GenericRegistry, Links, Listing, LocalAws, Rbac, Role, Service, ServiceAccount, TagStyle,
};

use crate::notes::lock;
use crate::repository::Repository;
use crate::tenant::{Change, READER, Tenant};

pub(crate) const CONTROLLER: (&str, &str) = ("flux-system", "image-reflector-controller");
pub(crate) const AGENT_TOKEN_FILE: &str = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/token";
pub(crate) const WEB_TOKEN_FILE: &str = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token";
/// The user of the registry that is not AWS's.
pub(crate) const USER: (&str, &str) = ("flux", "password");
const TOKEN_LIFETIME: Duration = Duration::from_hours(1);

pub(crate) struct World {
    pub(crate) aws: LocalAws,
    pub(crate) clock: Clock,
    pub(crate) tenants: Vec<Tenant>,
    /// The controller in three pods, by what gives it its identity.
    pub(crate) controllers: [Controller; 3],
    /// Those of the tenants first, in their order.
    pub(crate) repositories: Vec<Repository>,
    token_files: Arc<Mutex<HashMap<&'static str, String>>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Controller {
    PodIdentity,
    WebIdentity,
    Node,
}

impl Controller {
    /// The name of its role.
    pub(crate) fn role(self) -> &'static str {
        match self {
            Self::PodIdentity => "by-pod-identity",
            Self::WebIdentity => "by-web-identity",
            Self::Node => "of-the-node",
        }
    }
}

impl World {
    pub(crate) async fn start(tenants: usize, repositories: usize, seed: u64) -> Arc<Self> {
        let mut random = Rng::with_seed(seed);
        let clock = Clock::system();
        let mut builder = account().clock(clock.clone());
        let host = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
        let mut all = Vec::new();
        let mut add = |registry, path: String, image: String| {
            let count = random.u64(20..250);
            let image: ImageName = image.parse().unwrap();
            all.push(Repository::new(registry, path, image, count));
            (count, Listing::new().at_most(random.u64(30..120)))
        };
        let tenants: Vec<_> = (0..tenants).map(Tenant::new).collect();
        for tenant in &tenants {
            let name = format!("{}/app", tenant.namespace);
            let (count, listing) = add(Service::Ecr, name.clone(), format!("{host}/{name}"));
            builder = builder.repository(semver(name, count, listing));
            let images = format!("arn:aws:ecr:*:*:repository/{}/*", tenant.namespace);
            for role in tenant.roles() {
                let role = Role::new(role).assumed_by_service_account(&tenant.namespace, READER);
                builder = builder.role(role.allowed(["ecr:ListImages"], &images));
            }
        }
        let mut generic = GenericRegistry::bearer().reader(USER.0, USER.1);
        for number in 0..repositories {
            let name = format!("shared/app{number}");
            let (count, listing) = add(Service::Registry, name.clone(), format!("{host}/{name}"));
            builder = builder.repository(semver(name.clone(), count, listing));
            let path = format!("soak/{name}");
            let (count, listing) =
                add(Service::PublicRegistry, path.clone(), format!("public.ecr.aws/{path}"));
            builder = builder.public_repository("soak", semver(name.clone(), count, listing));
            // The port is known when it is open.
            let image = format!("registry.invalid/{name}");
            let (count, listing) = add(Service::GenericRegistry, name.clone(), image);
            let links = [Links::Absolute, Links::Relative, Links::Query, Links::AmongOthers];
            let listing = listing.links(links[number % links.len()].clone());
            generic = generic.repository(semver(name, count, listing));
        }
        let aws = builder.generic_registry(generic).start().await.unwrap();
        for repository in &mut all {
            if repository.registry == Service::GenericRegistry {
                let name =
                    repository.image.to_string().replace("registry.invalid", aws.generic_registry_host());
                repository.image = name.parse().unwrap();
            }
        }
        let controllers = [Controller::PodIdentity, Controller::WebIdentity, Controller::Node];
        let world = Self { aws, clock, tenants, controllers, repositories: all, token_files: Arc::default() };
        world.restore();
        Arc::new(world)
    }

    /// Every tenant has its own role, and every file a good token.
    pub(crate) fn restore(&self) {
        for tenant in &self.tenants {
            tenant.change(&self.aws.kubernetes(), Change::Role(tenant.roles()[0].clone()));
        }
        self.rotate_tokens();
    }

    /// Writes new tokens into the files, as Kubernetes does.
    pub(crate) fn rotate_tokens(&self) {
        let mut files = lock(&self.token_files);
        for (file, audience) in
            [(AGENT_TOKEN_FILE, "pods.eks.amazonaws.com"), (WEB_TOKEN_FILE, "sts.amazonaws.com")]
        {
            let token = self.aws.issuer().token(CONTROLLER.0, CONTROLLER.1, audience, TOKEN_LIFETIME);
            files.insert(file, token);
        }
    }

    pub(crate) fn token_files(&self) -> Arc<Mutex<HashMap<&'static str, String>>> {
        self.token_files.clone()
    }

    /// How many requests there were.
    pub(crate) fn requests(&self) -> u64 {
        self.aws.requests().values().sum()
    }
}

/// The account and the cluster, without tenants and repositories.
fn account() -> Builder {
    let reads = ["ecr:GetAuthorizationToken", "ecr:ListImages", "ecr:BatchGetImage"];
    let may = [Rbac::GetServiceAccounts, Rbac::CreateServiceAccountTokens];
    let role = |controller: Controller| Role::new(controller.role()).allowed(reads, "*");
    LocalAws::builder()
        .role(role(Controller::PodIdentity).assumed_by_pods())
        .pod_identity_association(CONTROLLER.0, CONTROLLER.1, Controller::PodIdentity.role())
        .role(role(Controller::WebIdentity).assumed_by_service_account(CONTROLLER.0, CONTROLLER.1))
        .role(role(Controller::Node).assumed_by_node())
        .node_role(Controller::Node.role())
        .service_account(ServiceAccount::new(CONTROLLER.0, CONTROLLER.1).granted_everywhere(may))
}

fn semver(name: String, count: u64, listing: Listing) -> local_aws::Repository {
    local_aws::Repository::generated(name, count, TagStyle::Semver).listing(listing)
}
