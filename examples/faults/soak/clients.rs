//! The program under test: one authenticator for all tenants, one chain for each controller, one reflector for each kind of
//! registry and for each tenant.

use std::io;
use std::time::Duration;

use flux_aws_auth::kube::KubeTokens;
use flux_aws_auth::{
    Authenticator, Chain, ChainBuilder, Environment, HttpClientBuilder, Identity, IdentityCredentials,
    Resource,
};
use flux_ecr_reflect::{DockerConfig, OciRegistry, Reflector, RegistryLogin, Throttle};
use local_aws::Service;
use serde_json::json;

use crate::notes::lock;
use crate::time::Time;
use crate::world::{AGENT_TOKEN_FILE, CONTROLLER, Controller, USER, WEB_TOKEN_FILE, World};

/// Longer is what a fault makes too long.
const PAGE_BYTES: usize = 1 << 20;
/// A caller waits no longer than this for a registry that throttles.
const TURN: Duration = Duration::from_secs(10);

pub(crate) struct Clients {
    /// In the order of the controllers.
    pub(crate) controllers: Vec<Chain>,
    /// In the order of the tenants.
    pub(crate) tenants: Vec<Of>,
    private: Reflector,
    public: Reflector,
    generic: Reflector,
}

/// What a controller keeps for a tenant's object.
pub(crate) struct Of {
    pub(crate) credentials: IdentityCredentials,
    reflector: Reflector,
}

impl Clients {
    pub(crate) fn new(world: &World, tenants: usize) -> Self {
        let aws = &world.aws;
        let time = Time(world.clock.clone());
        let http = HttpClientBuilder::new().without_proxy().build().unwrap();
        let chain = |environment: Environment| -> ChainBuilder {
            Chain::builder()
                .environment(environment)
                .http_client(http.clone())
                .metadata_http_client(http.clone())
                .time_source(time.clone())
        };
        let controllers: Vec<_> =
            world.controllers.iter().map(|controller| chain(pod(world, *controller)).build()).collect();
        let authenticator = Authenticator::builder()
            .chain(chain(pod(world, Controller::PodIdentity)))
            .service_account_tokens(KubeTokens::new(kubernetes(world)))
            .object_level_workload_identity(true)
            .build()
            .unwrap();
        let throttle = Throttle::new().with_max_wait(TURN);
        let of_tenants = (0..tenants).map(|number| {
            let registry = Resource::image("111122223333.dkr.ecr.eu-west-1.amazonaws.com").unwrap();
            let tenant = Identity::object(&world.tenants[number].namespace, Some(crate::tenant::READER));
            let credentials = authenticator.credentials(&registry, tenant).unwrap();
            let reflector = Reflector::builder()
                .credentials(credentials.clone())
                .http_client(http.clone())
                .time_source(time.clone())
                .endpoint_url(aws.ecr_url())
                .throttle(throttle.clone())
                .build()
                .unwrap();
            Of { credentials, reflector }
        });
        let registry = || {
            OciRegistry::builder()
                .http_client(http.clone())
                .time_source(time.clone())
                .throttle(throttle.clone())
                .max_page_bytes(PAGE_BYTES)
        };
        let reflector = |registry: OciRegistry| Reflector::builder().tag_source(registry).build().unwrap();
        let login = RegistryLogin::builder()
            .credentials(controllers[0].clone())
            .http_client(http.clone())
            .time_source(time.clone())
            .endpoint_url(aws.ecr_url())
            .build()
            .unwrap();
        let host = aws.generic_registry_host();
        let config = json!({ "auths": { host: { "username": USER.0, "password": USER.1 } } });
        let config = DockerConfig::from_json(config.to_string()).unwrap();
        Self {
            tenants: of_tenants.collect(),
            private: reflector(registry().login(login).endpoint_url(aws.registry_url()).build().unwrap()),
            public: reflector(registry().endpoint_url(aws.public_registry_url()).build().unwrap()),
            generic: reflector(registry().login(config).insecure().build().unwrap()),
            controllers,
        }
    }

    /// Who reads the repository of this number.
    pub(crate) fn reflector(&self, world: &World, number: usize) -> &Reflector {
        match world.repositories[number].registry {
            Service::Registry => &self.private,
            Service::PublicRegistry => &self.public,
            Service::GenericRegistry => &self.generic,
            _ => &self.tenants[number].reflector,
        }
    }
}

/// What the controller's pod has.
fn pod(world: &World, controller: Controller) -> Environment {
    let aws = &world.aws;
    let files = world.token_files();
    let environment = Environment::empty()
        .with_var("AWS_REGION", aws.region())
        .with_var("AWS_ENDPOINT_URL_STS", aws.sts_url())
        .with_var("AWS_EC2_METADATA_SERVICE_ENDPOINT", aws.imds_url())
        .with_file_reader(move |path| {
            let files = lock(&files);
            let found = path.to_str().and_then(|path| files.get(path));
            found.map(|token| token.clone().into_bytes()).ok_or_else(|| io::ErrorKind::NotFound.into())
        });
    match controller {
        Controller::PodIdentity => environment
            .with_var("AWS_CONTAINER_CREDENTIALS_FULL_URI", aws.pod_identity_url())
            .with_var("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", AGENT_TOKEN_FILE),
        Controller::WebIdentity => environment
            .with_var("AWS_ROLE_ARN", aws.role_arn(controller.role()))
            .with_var("AWS_WEB_IDENTITY_TOKEN_FILE", WEB_TOKEN_FILE),
        Controller::Node => environment,
    }
}

/// With a token that lasts as long as the soak.
fn kubernetes(world: &World) -> kube::Client {
    let mut config = kube::Config::new(world.aws.kubernetes_url().parse().unwrap());
    let token = world.aws.issuer().service_account_token(CONTROLLER.0, CONTROLLER.1);
    let token = token.ttl(Duration::from_hours(24 * 365)).sign();
    config.auth_info = serde_json::from_value(json!({ "token": token })).unwrap();
    kube::Client::try_from(config).unwrap()
}
