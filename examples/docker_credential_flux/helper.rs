//! Docker's protocol, and how each of its questions is answered.

use std::error::Error as StdError;
use std::fmt;

use flux_aws_auth::{Chain, HttpClientBuilder, Partition};
use flux_ecr_reflect::{ImageName, LoginKind, LoginSource, RegistryKind, RegistryLogin};
use serde_json::{Value, json};

use crate::world::World;

/// Answers one question of Docker's.
pub(crate) async fn answer(action: &str, input: &str, world: &World) -> Result<String, Failure> {
    match action {
        "get" => get(server(input)?, world).await,
        "list" => list(world).await,
        "store" => Err(refused_to_store(input)),
        "erase" => Err(server(input).err().unwrap_or(Failure::NothingIsStored)),
        "version" => Ok(format!("docker-credential-flux {}", env!("CARGO_PKG_VERSION"))),
        unknown => Err(Failure::Unknown(unknown.to_owned())),
    }
}

/// Whether Docker says something with this.
pub(crate) fn reads_input(action: &str) -> bool {
    matches!(action, "get" | "store" | "erase")
}

/// Why there is no answer. `Display` is what Docker is told; [the first three][words] are words that it knows.
///
/// [words]: https://github.com/docker/docker-credential-helpers/blob/main/credentials/error.go
#[derive(Debug)]
pub(crate) enum Failure {
    NotFound,
    NoServer,
    NoUser,
    NothingIsStored,
    Usage,
    Unknown(String),
    Other(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("credentials not found in native keychain"),
            Self::NoServer => f.write_str("no credentials server URL"),
            Self::NoUser => f.write_str("no credentials username"),
            Self::NothingIsStored => {
                f.write_str("not implemented: logins to Amazon ECR come from AWS, and none is stored")
            }
            Self::Usage => f.write_str("Usage: docker-credential-flux <store|get|erase|list|version>"),
            Self::Unknown(action) => write!(f, "Unknown credential action `{action}`"),
            Self::Other(message) => f.write_str(message),
        }
    }
}

impl Failure {
    /// All that is known, in one line: Docker shows no more.
    fn of(error: &(dyn StdError + 'static), hint: Option<&str>) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            message = format!("{message}: {error}");
            cause = error.source();
        }
        if let Some(hint) = hint {
            message = format!("{message}. {hint}");
        }
        Self::Other(message.replace('\n', " "))
    }
}

impl From<flux_ecr_reflect::Error> for Failure {
    fn from(error: flux_ecr_reflect::Error) -> Self {
        Self::of(&error, error.hint())
    }
}

impl From<flux_aws_auth::Error> for Failure {
    fn from(error: flux_aws_auth::Error) -> Self {
        Self::of(&error, error.hint())
    }
}

/// `{"ServerURL": …, "Username": "AWS", "Secret": …}`, with the server as Docker wrote it.
async fn get(server: &str, world: &World) -> Result<String, Failure> {
    // Docker Hub is `https://index.docker.io/v1/`, a registry its bare host.
    let host = server.strip_prefix("https://").or_else(|| server.strip_prefix("http://")).unwrap_or(server);
    let host = host.split('/').next().unwrap_or_default();
    // A login is a registry's, so any image will do.
    let Ok(image) = format!("{host}/image").parse::<ImageName>() else { return Err(Failure::NotFound) };
    let region = match image.registry_kind()? {
        RegistryKind::Ecr(registry) => registry.region().to_owned(),
        RegistryKind::EcrPublic { .. } => "us-east-1".to_owned(),
        _ => return Err(Failure::NotFound),
    };
    let logins = logins(world, chain(world, region))?;
    match logins.login(&image).await? {
        Some(login) if login.kind() == LoginKind::Basic => Ok(json!({
            "ServerURL": server,
            "Username": login.user(),
            "Secret": login.secret(),
        })
        .to_string()),
        _ => Err(Failure::NotFound),
    }
}

/// `{SERVER: USER}` of the registry that the identity has in its own region, in both ways that Docker writes it. Without a
/// region, none.
async fn list(world: &World) -> Result<String, Failure> {
    let variable = |name| world.environment.var(name);
    let Some(region) = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")) else {
        return Ok("{}".to_owned());
    };
    let suffix = Partition::of_region(&region).dns_suffix();
    let identity = chain(world, region.clone()).caller_identity().await?;
    let host = format!("{}.dkr.ecr.{region}.{suffix}", identity.account_id);
    Ok(json!({ format!("https://{host}"): "AWS", host: "AWS" }).to_string())
}

fn refused_to_store(input: &str) -> Failure {
    let credentials: Value = serde_json::from_str(input).unwrap_or_default();
    let is_empty = |name: &str| credentials[name].as_str().unwrap_or_default().is_empty();
    match () {
        () if is_empty("ServerURL") => Failure::NoServer,
        () if is_empty("Username") => Failure::NoUser,
        () => Failure::NothingIsStored,
    }
}

fn server(input: &str) -> Result<&str, Failure> {
    match input.trim() {
        "" => Err(Failure::NoServer),
        server => Ok(server),
    }
}

/// The identity of this program, asked for in the region of the registry, as Flux does: a node's role comes without one.
fn chain(world: &World, region: String) -> Chain {
    world.chain().region(region).build()
}

fn logins(world: &World, chain: Chain) -> Result<RegistryLogin, Failure> {
    let http_client = HttpClientBuilder::from_environment(&world.environment).build()?;
    let logins = RegistryLogin::builder().credentials(chain).http_client(http_client);
    let logins = match &world.ecr_endpoint {
        Some(url) => logins.endpoint_url(url),
        None => logins,
    };
    let logins = match &world.aws {
        Some(aws) => logins.public_endpoint_url(aws.ecr_public_url()),
        None => logins,
    };
    Ok(logins.build()?)
}
