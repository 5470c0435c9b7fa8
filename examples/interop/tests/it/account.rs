//! An account on ministack, whose roles are made from the documents that `flux_aws_auth::iam` writes, and a cluster whose
//! tokens it trusts.

use std::time::Duration;

use flux_aws_auth::iam::{OidcProvider, OidcTrust, PolicyDocument};
use flux_aws_auth::{Chain, Environment, RoleArn, ServiceAccountRef, http_client};
use flux_ecr_reflect::{ImageName, Reflector};
use interop::Ministack;
use local_aws::LocalAws;
use serde_json::{Value, json};

pub(crate) const HOUR: Duration = Duration::from_secs(3600);
const HOST: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
const TOKEN_FILE: &str = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token";

pub(crate) struct Account {
    pub(crate) aws: Ministack,
    cluster: LocalAws,
}

impl Account {
    pub(crate) async fn start() -> Self {
        let cluster = LocalAws::builder().start().await.unwrap();
        let aws = Ministack::start().unwrap();
        let account = Self { aws, cluster };
        let provider =
            json!({ "Url": account.cluster.issuer().url(), "ClientIDList": ["sts.amazonaws.com"] });
        account.root("iam", "create_open_id_connect_provider", &provider);
        account
    }

    /// A call of the account's root, which is to succeed.
    pub(crate) fn root(&self, service: &str, operation: &str, parameters: &Value) -> Value {
        self.aws.boto3().root(service, operation, parameters).unwrap()
    }

    /// A repository with an image for each tag.
    pub(crate) fn repository(&self, name: &str, tags: &[&str]) {
        self.root("ecr", "create_repository", &json!({ "repositoryName": name }));
        for tag in tags {
            let manifest =
                json!({ "schemaVersion": 2, "annotations": { "name": name, "tag": tag } }).to_string();
            let image = json!({ "repositoryName": name, "imageManifest": manifest, "imageTag": tag });
            self.root("ecr", "put_image", &image);
        }
    }

    pub(crate) fn role(&self, name: &str, trust: &PolicyDocument, policies: &[&str]) -> RoleArn {
        self.root(
            "iam",
            "create_role",
            &json!({ "RoleName": name, "AssumeRolePolicyDocument": trust.to_json() }),
        );
        for (index, policy) in policies.iter().enumerate() {
            let name = json!({ "RoleName": name, "PolicyName": format!("policy-{index}"), "PolicyDocument": policy });
            self.root("iam", "put_role_policy", &name);
        }
        self.aws.role_arn(name).parse().unwrap()
    }

    /// Trusts `tenant/reader`.
    pub(crate) fn trusts_reader(&self) -> PolicyDocument {
        let role = self.aws.role_arn("any").parse().unwrap();
        let provider = OidcProvider::for_role(&role, self.cluster.issuer().url()).unwrap();
        OidcTrust::new(&provider, &ServiceAccountRef::new("tenant", "reader")).unwrap().document()
    }

    /// What `tenant/reader` gets for a new role with these permissions.
    pub(crate) fn reader(&self, role: &str, policies: &[&str]) -> Chain {
        let role = self.role(role, &self.trusts_reader(), policies);
        self.pod(&role, &self.token("reader", "sts.amazonaws.com"))
    }

    /// A token of a ServiceAccount in the namespace `tenant`.
    pub(crate) fn token(&self, name: &str, audience: &str) -> String {
        self.cluster.issuer().token("tenant", name, audience, HOUR)
    }

    pub(crate) fn issuer(&self) -> &local_aws::Issuer {
        self.cluster.issuer()
    }

    /// A pod with IRSA.
    pub(crate) fn pod(&self, role: &RoleArn, token: &str) -> Chain {
        let environment = Environment::empty()
            .with_var("AWS_REGION", self.aws.region())
            .with_var("AWS_ENDPOINT_URL_STS", self.aws.url())
            .with_var("AWS_ROLE_ARN", role.as_str())
            .with_var("AWS_WEB_IDENTITY_TOKEN_FILE", TOKEN_FILE)
            .with_file(TOKEN_FILE, token);
        Chain::builder().environment(environment).build()
    }

    pub(crate) fn reflector(&self, chain: &Chain) -> Reflector {
        let builder = Reflector::builder().credentials(chain.clone()).http_client(http_client());
        builder.endpoint_url(self.aws.url()).build().unwrap()
    }
}

pub(crate) fn image(name: &str) -> ImageName {
    format!("{HOST}/{name}").parse().unwrap()
}
