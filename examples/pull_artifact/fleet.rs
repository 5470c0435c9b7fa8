//! The registry: one of an embedded AWS, with a fleet's manifests in it, or a real one.

use std::io;

use flate2::{Compression, GzBuilder};
use flux_aws_auth::{Chain, Environment};
use flux_ecr_reflect::{Error, OciRegistry, RegistryLogin};
use local_aws::{Artifact, LocalAws, Repository, User};

use crate::BoxError;

/// The repository that the embedded AWS has.
pub(crate) const IMAGE: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/fleet/manifests";

const USER: &str = "source-controller";

/// What Flux's page asks for, and no more.
const PULL: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
    {"Effect": "Allow", "Action": ["ecr:ListImages", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
     "Resource": "arn:aws:ecr:eu-west-1:111122223333:repository/fleet/*"}]}"#;

/// An account whose ECR has releases of a fleet.
pub(crate) struct Fleet {
    pub(crate) aws: LocalAws,
}

impl Fleet {
    pub(crate) async fn start() -> Result<Self, BoxError> {
        let mut repository = Repository::empty("fleet/manifests");
        for (tag, replicas) in [("6.1.0", 2), ("6.2.0", 3), ("6.3.0-rc.1", 5)] {
            repository = repository.artifact(tag, release(tag, replicas)?);
        }
        let repository = repository.artifact("stable", release("6.1.0", 2)?.annotation("fleet", "stable"));
        let aws = LocalAws::builder()
            .account("111122223333")
            .region("eu-west-1")
            .user(User::new(USER).permissions(PULL))
            .repository(repository)
            .start()
            .await?;
        Ok(Self { aws })
    }

    /// The registry, asked as the user whose key is in the environment.
    pub(crate) fn registry(&self) -> Result<OciRegistry, BoxError> {
        let key = self.aws.access_key(USER).ok_or("the user has no access key")?;
        let environment = Environment::empty()
            .with_var("AWS_REGION", self.aws.region())
            .with_var("AWS_ACCESS_KEY_ID", key.id())
            .with_var("AWS_SECRET_ACCESS_KEY", key.secret());
        let chain = Chain::builder().environment(environment).build();
        let logins = RegistryLogin::builder().credentials(chain).endpoint_url(self.aws.ecr_url()).build()?;
        Ok(OciRegistry::builder().login(logins).endpoint_url(self.aws.registry_url()).build()?)
    }
}

/// The registry that an image names, asked as this process's own identity where it is Amazon's.
pub(crate) fn live() -> Result<OciRegistry, Error> {
    let logins = RegistryLogin::builder().credentials(Chain::builder().build()).build()?;
    OciRegistry::builder().login(logins).build()
}

/// What `flux push artifact` makes of a folder.
fn release(version: &str, replicas: u32) -> Result<Artifact, io::Error> {
    let deployment = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app\n  labels:\n    app.kubernetes.io/version: {version}\n\
         spec:\n  replicas: {replicas}\n"
    );
    let kustomization =
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n- deployment.yaml\n";
    let gzip = GzBuilder::new().write(Vec::new(), Compression::best());
    let mut archive = tar::Builder::new(gzip);
    for (name, content) in
        [("deploy/deployment.yaml", deployment.as_str()), ("deploy/kustomization.yaml", kustomization)]
    {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, content.as_bytes())?;
    }
    let tarball = archive.into_inner()?.finish()?;
    Ok(Artifact::flux(tarball)
        .annotation("org.opencontainers.image.created", "2026-01-01T00:00:00Z")
        .annotation("org.opencontainers.image.source", "https://github.com/example/fleet.git")
        .annotation(
            "org.opencontainers.image.revision",
            format!("v{version}@sha1:0123456789abcdef0123456789abcdef01234567"),
        ))
}
