//! The guide to identity, followed step by step: AWS's own command makes the roles on ministack, and the pods that its manifests
//! describe are who they should be. What Terraform and ACK are given is read as they would read it, and compared.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use flux_aws_auth::{Chain, Environment, Reason, RoleHop};
use interop::{Ministack, Python, isolated};
use local_aws::LocalAws;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::account::HOUR;
use crate::guide_page::{Section, all, document, documents};

const ROLE: &str = "arn:aws:iam::111122223333:role/flux-image-reflector";

/// An account with the cluster that the guide is about, and a directory with the files that its programs print.
struct Reader {
    aws: Ministack,
    python: Python,
    directory: TempDir,
}

impl Reader {
    #[expect(clippy::disallowed_methods, reason = "the guide's reader has files")]
    fn start() -> Self {
        let reader =
            Self { aws: Ministack::start().unwrap(), python: python(), directory: TempDir::new().unwrap() };
        for (name, text) in documents() {
            fs::write(reader.directory.path().join(name), text).unwrap();
        }
        for (name, service) in [("production-cluster", "eks"), ("production-nodes", "ec2")] {
            let trust = json!({
                "Version": "2012-10-17",
                "Statement": [{
                    "Effect": "Allow",
                    "Principal": { "Service": format!("{service}.amazonaws.com") },
                    "Action": "sts:AssumeRole",
                }],
            });
            let role = json!({ "RoleName": name, "AssumeRolePolicyDocument": trust.to_string() });
            reader.root("iam", "create_role", &role);
        }
        let role = reader.aws.role_arn("production-cluster");
        let network = json!({ "subnetIds": ["subnet-1", "subnet-2"] });
        let cluster = json!({ "name": "production", "roleArn": role, "resourcesVpcConfig": network });
        reader.root("eks", "create_cluster", &cluster);
        reader
    }

    /// Types the commands of this section; gives what they print.
    fn follow(&self, section: &Section) -> String {
        self.type_in(self.aws.account(), &section.commands())
    }

    /// Types commands as somebody of this account, until one fails; gives what they print.
    fn type_in(&self, account: &str, commands: &str) -> String {
        let script = format!("\n{commands}\n").replace("\n$ ", "\n");
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", &script]).current_dir(self.directory.path()).envs([
            ("AWS_ACCESS_KEY_ID", account),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_DEFAULT_REGION", self.aws.region()),
            ("AWS_ENDPOINT_URL", &self.aws.url()),
            ("AWS_PAGER", ""),
        ]);
        let mut command = isolated(command, self.directory.path());
        let path = command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, path)| path);
        let path = format!("{}:{}", self.python.programs().display(), path.unwrap().display());
        let done = command.env("PATH", path).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{commands}\n{said}");
        String::from_utf8(done.stdout).unwrap()
    }

    fn root(&self, service: &str, operation: &str, parameters: &Value) -> Value {
        self.aws.boto3().root(service, operation, parameters).unwrap()
    }

    /// Sees that the role has these two documents.
    fn assert_role(&self, trust: &str) {
        let role = self.root("iam", "get_role", &json!({ "RoleName": "flux-image-reflector" }));
        assert_eq!(role["Role"]["AssumeRolePolicyDocument"], document(trust));
        let policy = json!({ "RoleName": "flux-image-reflector", "PolicyName": "read-images" });
        let policy = self.root("iam", "get_role_policy", &policy);
        assert_eq!(policy["PolicyDocument"], document("permissions.json"));
    }

    /// Who AWS says that a pod with this environment is.
    async fn identity(&self, environment: Environment) -> String {
        let environment = environment
            .with_var("AWS_REGION", self.aws.region())
            .with_var("AWS_ENDPOINT_URL_STS", self.aws.url());
        Chain::builder().environment(environment).build().caller_identity().await.unwrap().arn
    }
}

const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/flux-image-reflector/image-reflector-controller.flux-system.eu-west-1.\
                       fluxcd.io";

/// A token that the cluster with this issuer makes for the guide's ServiceAccount.
async fn token(issuer: &str, audience: &str) -> String {
    let cluster = LocalAws::builder().issuer(issuer).start().await.unwrap();
    cluster.issuer().token("flux-system", "image-reflector-controller", audience, HOUR)
}

#[tokio::test(flavor = "multi_thread")]
async fn pod_identity_has_its_agent_its_role_and_its_association() {
    let reader = Reader::start();
    reader.follow(&Section::of("EKS Pod Identity"));
    reader.assert_role("pod-identity-trust.json");
    let addon = json!({ "clusterName": "production", "addonName": "eks-pod-identity-agent" });
    assert_eq!(reader.root("eks", "describe_addon", &addon)["addon"]["addonName"], "eks-pod-identity-agent");
    let associations =
        reader.root("eks", "list_pod_identity_associations", &json!({ "clusterName": "production" }));
    let id = json!({ "clusterName": "production", "associationId": associations["associations"][0]["associationId"] });
    let association = reader.root("eks", "describe_pod_identity_association", &id);
    let part = |name: &str| association["association"][name].as_str().unwrap().to_owned();
    assert_eq!(
        (part("namespace"), part("serviceAccount"), part("roleArn")),
        ("flux-system".to_owned(), "image-reflector-controller".to_owned(), ROLE.to_owned())
    );
}

/// The pod is as EKS makes it of the guide's ServiceAccount.
#[tokio::test(flavor = "multi_thread")]
async fn irsa_lets_the_annotated_service_account_in() {
    let reader = Reader::start();
    let section = Section::of("IRSA");
    reader.follow(&section);
    reader.assert_role("irsa-trust.json");
    let manifests = yaml(&reader.python, &section.blocks("yaml"));
    let role =
        &manifest(&manifests, "ServiceAccount")["metadata"]["annotations"]["eks.amazonaws.com/role-arn"];
    let issuer = &manifest(&manifests, "OpenIDConnectProvider")["spec"]["url"];
    let token = token(issuer.as_str().unwrap(), "sts.amazonaws.com").await;
    let pod = Environment::empty()
        .with_var("AWS_ROLE_ARN", role.as_str().unwrap())
        .with_var("AWS_WEB_IDENTITY_TOKEN_FILE", "/token")
        .with_file("/token", token);
    assert_eq!(reader.identity(pod).await, SESSION);
}

/// The pod has what the guide's Deployment says, and no more.
#[tokio::test(flavor = "multi_thread")]
async fn outside_eks_the_manifest_makes_the_identity() {
    let reader = Reader::start();
    let section = Section::of("Outside EKS");
    reader.follow(&section);
    reader.assert_role("oidc-trust.json");
    let manifests = yaml(&reader.python, &section.blocks("yaml"));
    let pod = &manifest(&manifests, "Deployment")["spec"]["template"]["spec"];
    let token_volume = &pod["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"];
    let mount = pod["containers"][0]["volumeMounts"][0]["mountPath"].as_str().unwrap();
    let path = format!("{mount}/{}", token_volume["path"].as_str().unwrap());
    let audience = token_volume["audience"].as_str().unwrap();
    let token = token("https://issuer.example.com/production", audience).await;
    let variables = pod["containers"][0]["env"].as_array().unwrap();
    let pod = variables.iter().fold(Environment::empty().with_file(path, token), |pod, variable| {
        let text = |name: &str| variable[name].as_str().unwrap();
        pod.with_var(text("name"), text("value"))
    });
    assert_eq!(reader.identity(pod).await, SESSION);
}

/// The program's own role is that of IRSA, and the other account's is assumed with it, as the external id lets it.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_of_another_account_lets_the_program_s_own_in() {
    let reader = Reader::start();
    reader.follow(&Section::of("IRSA"));
    let section = Section::of("A role of another account");
    let [own, other] = section.blocks("console")[..] else { panic!("two accounts") };
    reader.type_in("111122223333", own);
    reader.type_in("444455556666", other);
    let token = token("https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE", "sts.amazonaws.com").await;
    let pod = Environment::empty()
        .with_var("AWS_REGION", reader.aws.region())
        .with_var("AWS_ENDPOINT_URL_STS", reader.aws.url())
        .with_var("AWS_ROLE_ARN", ROLE)
        .with_var("AWS_WEB_IDENTITY_TOKEN_FILE", "/token")
        .with_file("/token", token);
    let chain = Chain::builder().environment(pod).expect_account("111122223333").build();
    let hop = RoleHop::new("arn:aws:iam::444455556666:role/image-reader".parse().unwrap());
    let caller =
        chain.assume_role(hop.clone().with_external_id("production").unwrap()).caller_identity().await;
    assert!(caller.unwrap().arn.starts_with("arn:aws:sts::444455556666:assumed-role/image-reader/"));
    let refused = chain.assume_role(hop).resolve().await.unwrap_err();
    assert_eq!(refused.reason(), Reason::HopNotTrusted);
}

/// The key is the one that the last command prints, in the Secret that the Deployment takes its variables from.
#[tokio::test(flavor = "multi_thread")]
async fn an_access_key_is_its_user() {
    let reader = Reader::start();
    let section = Section::of("Access keys");
    let printed = reader.follow(&section);
    let key: Value =
        serde_json::from_str(&printed[printed.rfind("{\n    \"AccessKey\"").unwrap()..]).unwrap();
    let manifests = yaml(&reader.python, &section.blocks("yaml"));
    let secret = manifest(&manifests, "Secret");
    let container = &manifest(&manifests, "Deployment")["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["envFrom"][0]["secretRef"]["name"], secret["metadata"]["name"]);
    let made = BTreeMap::from([
        ("AWS_ACCESS_KEY_ID", &key["AccessKey"]["AccessKeyId"]),
        ("AWS_SECRET_ACCESS_KEY", &key["AccessKey"]["SecretAccessKey"]),
    ]);
    let names: Vec<_> = secret["stringData"].as_object().unwrap().keys().collect();
    let pod = names
        .into_iter()
        .fold(Environment::empty(), |pod, name| pod.with_var(name, made[name.as_str()].as_str().unwrap()));
    assert_eq!(reader.identity(pod).await, "arn:aws:iam::111122223333:user/flux-image-reflector");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_s_metadata_service_answers_pods() {
    let reader = Reader::start();
    reader.follow(&Section::of("The node's role"));
    let versions =
        reader.root("ec2", "describe_launch_template_versions", &json!({ "LaunchTemplateName": "nodes" }));
    let data = &versions["LaunchTemplateVersions"][0]["LaunchTemplateData"];
    assert_eq!(data["MetadataOptions"]["HttpPutResponseHopLimit"], 2, "{versions}");
}

/// ACK's resources are read as YAML: their policies are those of the files.
#[test]
fn what_ack_is_given_is_what_the_other_tools_are() {
    let python = python();
    let manifests = yaml(&python, &all("yaml"));
    let role = manifest(&manifests, "Role");
    let policy = |text: &Value| serde_json::from_str::<Value>(text.as_str().unwrap()).unwrap();
    assert_eq!(policy(&role["spec"]["assumeRolePolicyDocument"]), document("pod-identity-trust.json"));
    assert_eq!(policy(&role["spec"]["inlinePolicies"]["read-images"]), document("permissions.json"));
    let association = manifest(&manifests, "PodIdentityAssociation");
    assert_eq!(association["spec"]["roleRef"]["from"]["name"], role["metadata"]["name"]);
    let binding = manifest(&manifests, "RoleBinding");
    assert_eq!(binding["roleRef"]["name"], manifest(&manifests, "ClusterRole")["metadata"]["name"]);
}

/// Terraform's are read by a parser of its language: each policy is a file that the guide's programs print.
#[test]
fn what_terraform_is_given_is_what_the_other_tools_are() {
    let python = python();
    let files: Vec<_> = documents().into_iter().map(|(name, _)| name).collect();
    let parsed =
        parsed(&python, "import hcl2; print(json.dumps([hcl2.loads(text) for text in texts]))", &all("hcl"));
    let text = parsed.to_string();
    let named: Vec<_> =
        text.split("${path.module}/").skip(1).filter_map(|rest| rest.split('\\').next()).collect();
    assert!(named.len() >= 4 && named.iter().all(|name| files.contains(name)), "{named:?}");
    for resource in ["aws_iam_role", "aws_eks_pod_identity_association", "aws_iam_openid_connect_provider"] {
        assert!(text.contains(resource), "{resource}: {text}");
    }
}

/// The `aws` command, and what reads the languages of Kubernetes and Terraform.
fn python() -> Python {
    Python::with("awscli", &["awscli>=1.46,<2", "python-hcl2>=8.1,<9"]).unwrap()
}

/// The documents of YAML texts.
fn yaml(python: &Python, texts: &[&str]) -> Vec<Value> {
    let all = parsed(
        python,
        "import yaml; print(json.dumps([one for text in texts for one in yaml.safe_load_all(text)]))",
        texts,
    );
    all.as_array().unwrap().clone()
}

/// What a program in Python makes of `texts`.
fn parsed(python: &Python, program: &str, texts: &[&str]) -> Value {
    let program = format!("import json, os; texts = json.loads(os.environ['TEXTS']); {program}");
    let printed = python.run(&program, [("TEXTS", json!(texts).to_string())]).unwrap();
    serde_json::from_str(&printed).unwrap()
}

fn manifest<'a>(manifests: &'a [Value], kind: &str) -> &'a Value {
    manifests.iter().find(|manifest| manifest["kind"] == kind).expect(kind)
}
