//! What the example does: each step through the public API, each outcome kept.

use std::sync::Arc;

use examples::failure::{Failure, causes};
use flux_aws_auth::{Authenticator, Chain, Error, Identity, IdentityCredentials, Principal, Resource};
use flux_ecr_reflect::{ImageName, Reflector};

use crate::cluster::{Cluster, READER, account, pod};

const TEAMS: [&str; 3] = ["team-a", "team-b", "team-c"];

/// What happened.
pub(crate) struct Story {
    /// The teams' ServiceAccounts, and the roles that they are annotated with.
    pub(crate) annotated: Vec<(String, String)>,
    pub(crate) reads: Vec<Read>,
    /// What team-c would have to do.
    pub(crate) hint: String,
    /// Whose credentials team-a has: at first, with another's role, without a ServiceAccount.
    pub(crate) team_a: [Result<Principal, Refusal>; 3],
    pub(crate) controller: Principal,
}

/// A team, a repository, and how many tags the team found there.
pub(crate) struct Read {
    pub(crate) team: &'static str,
    pub(crate) repository: String,
    pub(crate) tags: Result<usize, Refusal>,
}

/// Who refused, and the code.
pub(crate) enum Refusal {
    /// There are no credentials, and this is the reason's code.
    NoCredentials(&'static str),
    /// There are, and ECR does not let them in.
    ByEcr(String),
}

pub(crate) async fn run() -> Result<Story, Failure> {
    let aws = Arc::new(account().await?);
    let cluster = Cluster::new(aws.clone());
    let mut annotated = Vec::new();
    for (team, role) in [("team-a", "team-a"), ("team-b", "team-b"), ("team-c", "team-a")] {
        annotated.push((format!("{team}/{READER}"), cluster.annotate(team, role)?));
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

    let mut reads = Vec::new();
    for team in TEAMS {
        let credentials = of_object(team)?;
        for owner in ["team-a", "team-b"] {
            let repository = format!("{owner}/app");
            let image: ImageName = format!("{host}/{repository}").parse()?;
            let reflector =
                Reflector::builder().credentials(credentials.clone()).endpoint_url(aws.ecr_url()).build()?;
            let scan = reflector.scan(&image).await;
            let tags = scan.map(|scan| scan.tags().count()).map_err(|error| refusal(&error));
            reads.push(Read { team, repository, tags });
        }
    }
    let refused = of_object("team-c")?.resolve().await.err();
    let hint = refused.and_then(|error| error.hint().map(str::to_owned)).unwrap_or_default();

    let credentials = of_object("team-a")?;
    let at_first = principal(&credentials).await;
    cluster.annotate("team-a", "team-b")?;
    let with_another_role = principal(&credentials).await;
    cluster.delete("team-a");
    let without = principal(&credentials).await;

    let own = authenticator.credentials(&Resource::image(&host)?, Identity::Controller)?;
    let controller = own.resolve().await?.principal().clone();
    Ok(Story { annotated, reads, hint, team_a: [at_first, with_another_role, without], controller })
}

/// Whose credentials there are now.
async fn principal(credentials: &IdentityCredentials) -> Result<Principal, Refusal> {
    let resolved = credentials.resolve().await;
    resolved.map(|resolved| resolved.principal().clone()).map_err(|error| no_credentials(&error))
}

/// Why a scan failed: the innermost error of credentials among its causes, or else what ECR said.
fn refusal(error: &flux_ecr_reflect::Error) -> Refusal {
    let of_credentials = causes(error).filter_map(|cause| cause.downcast_ref::<Error>()).last();
    of_credentials.map_or_else(|| Refusal::ByEcr(format!("{:?}", error.kind())), no_credentials)
}

fn no_credentials(error: &Error) -> Refusal {
    Refusal::NoCredentials(error.reason().as_str())
}
