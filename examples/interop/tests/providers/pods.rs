//! Pods of an embedded AWS, by their variables.

use std::fs;
use std::time::Duration;

use interop::Error;
use local_aws::{LocalAws, Role, User};
use tempfile::TempDir;

pub(crate) struct Pods {
    aws: LocalAws,
    files: TempDir,
}

/// What a process is started with.
pub(crate) struct Pod {
    pub(crate) name: &'static str,
    pub(crate) variables: Variables,
}

type Variables = Vec<(&'static str, String)>;

impl Pods {
    /// An account where each way to an identity leads to another one.
    pub(crate) async fn start() -> Result<Self, Error> {
        let aws = LocalAws::builder()
            .user(User::new("key-owner"))
            .role(Role::new("irsa").assumed_by_service_account("tenant", "reader"))
            .role(Role::new("pod").assumed_by_pods())
            .pod_identity_association("tenant", "reader", "pod")
            .role(Role::new("node").assumed_by_node())
            .node_role("node");
        Ok(Self { aws: aws.start().await?, files: TempDir::new()? })
    }

    pub(crate) fn all(&self) -> Result<Vec<Pod>, Error> {
        let keys = || self.keys();
        let (irsa, pod_identity, node) = (self.irsa("reader")?, self.pod_identity("reader")?, self.node());
        let other_irsa = self.irsa("writer")?;
        let other_pod_identity = self.pod_identity("writer")?;
        let without = |variables: &Variables, name: &str| -> Variables {
            variables.iter().filter(|(other, _)| *other != name).cloned().collect()
        };
        let blank = || vec![("AWS_ACCESS_KEY_ID", String::new()), ("AWS_SECRET_ACCESS_KEY", String::new())];
        let missing = vec![
            ("AWS_ROLE_ARN", self.aws.role_arn("irsa")),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", self.path("missing")),
        ];
        let cases: [(&'static str, Vec<Variables>); 15] = [
            ("an access key", vec![keys()]),
            ("a web identity token", vec![irsa.clone()]),
            ("Pod Identity", vec![pod_identity.clone()]),
            ("a node", vec![node.clone()]),
            ("nothing", vec![]),
            ("an access key, a web identity token", vec![keys(), irsa.clone()]),
            ("an access key, Pod Identity", vec![keys(), pod_identity.clone()]),
            ("a web identity token, Pod Identity", vec![irsa.clone(), pod_identity.clone()]),
            ("Pod Identity, a node", vec![pod_identity.clone(), node.clone()]),
            ("blank variables for an access key, a node", vec![blank(), node.clone()]),
            (
                "an access key's id alone, a node",
                vec![without(&keys(), "AWS_SECRET_ACCESS_KEY"), node.clone()],
            ),
            ("a role's ARN alone, a node", vec![without(&irsa, "AWS_WEB_IDENTITY_TOKEN_FILE"), node.clone()]),
            ("a token file that is missing, a node", vec![missing, node.clone()]),
            ("another's web identity token, a node", vec![other_irsa, node.clone()]),
            ("Pod Identity without an association, a node", vec![other_pod_identity, node]),
        ];
        Ok(cases.into_iter().map(|(name, parts)| Pod { name, variables: self.variables(parts) }).collect())
    }

    /// A web identity token, and what the session is to be called.
    pub(crate) fn with_named_session(&self) -> Result<Pod, Error> {
        let name = vec![("AWS_ROLE_SESSION_NAME", "reader-7".to_owned())];
        Ok(Pod { name: "a named session", variables: self.variables(vec![self.irsa("reader")?, name]) })
    }

    fn variables(&self, parts: Vec<Variables>) -> Variables {
        let region = self.aws.region().to_owned();
        let mut variables = vec![
            ("AWS_REGION", region.clone()),
            ("AWS_DEFAULT_REGION", region), // the only one that botocore reads
            ("AWS_ENDPOINT_URL_STS", self.aws.sts_url().to_owned()),
        ];
        variables.extend(parts.into_iter().flatten());
        if variables.iter().all(|(name, _)| *name != "AWS_EC2_METADATA_SERVICE_ENDPOINT") {
            variables.push(("AWS_EC2_METADATA_DISABLED", "true".to_owned()));
        }
        variables
    }

    fn keys(&self) -> Variables {
        let key = self.aws.access_key("key-owner").map(|key| (key.id().to_owned(), key.secret().to_owned()));
        let (id, secret) = key.unwrap_or_default();
        vec![("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", secret)]
    }

    fn irsa(&self, name: &str) -> Result<Variables, Error> {
        let file = self.token(name, "sts.amazonaws.com")?;
        Ok(vec![("AWS_ROLE_ARN", self.aws.role_arn("irsa")), ("AWS_WEB_IDENTITY_TOKEN_FILE", file)])
    }

    fn pod_identity(&self, name: &str) -> Result<Variables, Error> {
        let file = self.token(name, "pods.eks.amazonaws.com")?;
        let address = self.aws.pod_identity_url();
        Ok(vec![
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", address),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file),
        ])
    }

    fn node(&self) -> Variables {
        vec![("AWS_EC2_METADATA_SERVICE_ENDPOINT", self.aws.imds_url().to_owned())]
    }

    /// A file with a token of a ServiceAccount.
    fn token(&self, name: &str, audience: &str) -> Result<String, Error> {
        let path = self.path(&format!("{name}-{audience}"));
        #[expect(clippy::disallowed_methods, reason = "processes of others read files")]
        fs::write(&path, self.aws.issuer().token("tenant", name, audience, Duration::from_secs(3600)))?;
        Ok(path)
    }

    fn path(&self, name: &str) -> String {
        self.files.path().join(name).display().to_string()
    }
}
