//! `local-aws`: an AWS on loopback ports until it is interrupted.
//!
//! It prints what to put into a shell's environment to play one of its identities with any AWS SDK or the AWS CLI, and
//! keeps the tokens those variables speak of in a directory of its own.

use std::path::Path;
use std::time::Duration;
use std::{error, fs};

use clap::Parser;
use local_aws::{Builder, GenericRegistry, LocalAws, Rbac, Repository, Role, ServiceAccount, TagStyle, User};
use serde_json::{Value, json};

const NAMESPACE: &str = "flux-system";
const CONTROLLER: &str = "image-reflector-controller";
const ROLE: &str = "image-reflector";
/// What a login at the public registry needs, and what reading its API does.
const PUBLIC: [&str; 4] = [
    "ecr-public:GetAuthorizationToken",
    "sts:GetServiceBearerToken",
    "ecr-public:DescribeImageTags",
    "ecr-public:DescribeImages",
];
/// What a push to ECR needs, besides a login.
const PUSH: [&str; 5] = [
    "ecr:BatchCheckLayerAvailability",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
];
/// Who may push to the generic registry.
const GENERIC_USER: (&str, &str) = ("ci", "example-password");
const HOUR: Duration = Duration::from_secs(3600);

/// Serves an AWS account for Flux's image-reflector-controller on loopback ports, until it is interrupted.
///
/// Private ECR has `apps/mainapp`, `apps/small` and `apps/new`, which is empty, of 111122223333.dkr.ecr.eu-west-1.amazonaws.com, and
/// `other/app`, which none of the identities may read. ECR Public has `docker/library/alpine` and `team/app`. The generic registry has
/// `apps/mainapp` and `apps/new`.
#[derive(Debug, Parser)]
struct Options {
    /// How many tags the repository `apps/mainapp` has, and `library/alpine` of the public registry.
    #[arg(long, default_value_t = 1_000)]
    tags: u64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn error::Error>> {
    let options = Options::parse();
    let aws = start(options.tags).await?;
    let tokens = tempfile::tempdir()?;
    write_tokens(&aws, tokens.path())?;
    print(&describe(&aws, tokens.path()));
    tokio::signal::ctrl_c().await?;
    aws.stop().await;
    Ok(())
}

async fn start(tags: u64) -> Result<LocalAws, local_aws::Error> {
    let read = ["ecr:ListImages", "ecr:DescribeImages", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
    let apps = "arn:aws:ecr:*:*:repository/apps/*";
    let new = "arn:aws:ecr:*:*:repository/apps/new";
    let public_push = PUSH.map(|action| action.replace("ecr:", "ecr-public:"));
    let controller = Role::new(ROLE)
        .assumed_by_service_account(NAMESPACE, CONTROLLER)
        .assumed_by_pods()
        .assumed_by_node()
        .allowed(["ecr:GetAuthorizationToken"], "*")
        .allowed(PUBLIC, "*")
        .allowed(read, apps)
        .allowed(["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], "*");
    let user = User::new("flux").permissions(document(&json!([
        { "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*" },
        { "Effect": "Allow", "Action": read, "Resource": apps },
        { "Effect": "Allow", "Action": PUSH, "Resource": new },
        { "Effect": "Allow", "Action": public_push, "Resource": "arn:aws:ecr-public::*:repository/app" },
        { "Effect": "Allow", "Action": PUBLIC, "Resource": "*" },
    ])));
    let aws = LocalAws::builder()
        .role(controller)
        .user(user)
        .pod_identity_association(NAMESPACE, CONTROLLER, ROLE)
        .node_role(ROLE)
        .repository(Repository::generated("apps/mainapp", tags, TagStyle::Semver))
        .repository(
            Repository::with_tags("apps/small", ["1.0.0", "1.1.0"])
                .also_tagged("1.1.0", "latest")
                .untagged(1),
        )
        .repository(Repository::with_tags("other/app", ["1.0.0"]))
        .repository(Repository::empty("apps/new"))
        .generic_registry(
            GenericRegistry::bearer()
                .user(GENERIC_USER.0, GENERIC_USER.1)
                .anonymous_pull()
                .repository(Repository::generated("apps/mainapp", tags, TagStyle::Semver))
                .repository(Repository::empty("apps/new")),
        )
        .public_repository("team", Repository::empty("app"))
        .public_repository("docker", Repository::generated("library/alpine", tags, TagStyle::Semver));
    hops(tenants(aws)).start().await
}

/// A tenant whose tokens the controller may have, and one whose it may not.
fn tenants(aws: Builder) -> Builder {
    aws.role(
        Role::new("team-a")
            .assumed_by_service_account("team-a", "image-reader")
            .allowed(["ecr:ListImages"], "arn:aws:ecr:*:*:repository/apps/small"),
    )
    .service_account(ServiceAccount::new("team-a", "image-reader").role("team-a"))
    // Of a role that another AWS has, one with S3.
    .service_account(ServiceAccount::new("team-a", "bucket-reader").role("bucket-reader"))
    .service_account(ServiceAccount::new("team-b", "image-reader").role("team-b"))
    .service_account(
        ServiceAccount::new(NAMESPACE, CONTROLLER)
            .granted_everywhere([Rbac::GetServiceAccounts])
            .granted_in("team-a", [Rbac::CreateServiceAccountTokens]),
    )
}

/// Roles that the controller's may assume, in its account and another.
fn hops(aws: Builder) -> Builder {
    let controller = format!("arn:aws:iam::111122223333:role/{ROLE}");
    let trust = |principal: &str, actions: &Value, condition: &Value| {
        document(&json!([{
            "Effect": "Allow",
            "Principal": { "AWS": principal },
            "Action": actions,
            "Condition": condition,
        }]))
    };
    let (hop, anything) = ("arn:aws:iam::111122223333:role/hop", json!({}));
    let (plain, all) = (json!("sts:AssumeRole"), json!("sts:*"));
    let partner = json!({ "StringEquals": { "sts:ExternalId": "flux-42" } });
    let team_a = json!({ "StringEquals": { "aws:PrincipalTag/team": "a" } });
    aws.role(
        Role::new("hop")
            .trust(trust(&controller, &all, &anything))
            .allowed(["sts:*", "ecr:ListImages"], "*")
            .max_session_seconds(43200),
    )
    .role(Role::new("hop-again").trust(trust(hop, &all, &anything)))
    .role(Role::new("team-a-only").trust(trust(hop, &all, &team_a)))
    .role(Role::new("untagged").trust(trust(&controller, &plain, &anything)))
    .role(Role::new("partner").account("444455556666").trust(trust(&controller, &plain, &partner)))
}

fn document(statements: &Value) -> String {
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

/// The tokens a pod would have mounted, and wrong ones to see refused.
fn write_tokens(aws: &LocalAws, directory: &Path) -> std::io::Result<()> {
    let right = |audience: &str| {
        aws.issuer().service_account_token(NAMESPACE, CONTROLLER).audience(audience).ttl(HOUR)
    };
    let (sts, pods) = ("sts.amazonaws.com", "pods.eks.amazonaws.com");
    let tokens = [
        ("web-identity", right(sts).sign()),
        ("pod-identity", right(pods).sign()),
        ("expired", right(sts).issued_ago(2 * HOUR).sign()),
        ("expired-pod-identity", right(pods).issued_ago(2 * HOUR).sign()),
        ("not-valid-yet", right(sts).issued_in(HOUR).sign()),
        ("wrong-audience", right("https://kubernetes.default.svc").sign()),
        ("wrong-issuer", right(sts).issuer("https://issuer.example.com").sign()),
        ("wrong-subject", aws.issuer().token("default", "default", sts, HOUR)),
        ("not-associated", aws.issuer().token("default", "default", pods, HOUR)),
        ("forged", right(sts).forged().sign()),
        ("kubernetes", aws.kubernetes().token(NAMESPACE, CONTROLLER)),
    ];
    for (name, token) in tokens {
        #[expect(clippy::disallowed_methods, reason = "token files are what this program is run for")]
        fs::write(directory.join(name), token)?;
    }
    Ok(())
}

/// The endpoints, then one identity after the other: what to export, with comments a shell skips.
fn describe(aws: &LocalAws, tokens: &Path) -> String {
    let file = |name: &str| tokens.join(name).display().to_string();
    let key = aws.access_key("flux");
    let sections: [(&str, Vec<(&str, String)>); 5] = [
        (
            "endpoints, for every identity",
            vec![
                ("AWS_REGION", aws.region().to_owned()),
                ("AWS_DEFAULT_REGION", aws.region().to_owned()),
                ("AWS_ENDPOINT_URL_STS", aws.sts_url().to_owned()),
                ("AWS_ENDPOINT_URL_ECR", aws.ecr_url().to_owned()),
                ("AWS_ENDPOINT_URL_ECR_PUBLIC", aws.ecr_public_url().to_owned()),
                ("AWS_EC2_METADATA_SERVICE_ENDPOINT", aws.imds_url().to_owned()),
                ("LOCAL_AWS_REGISTRY", aws.registry_host().to_owned()),
                ("LOCAL_AWS_PUBLIC_REGISTRY", aws.public_registry_host().to_owned()),
                ("LOCAL_AWS_GENERIC_REGISTRY", aws.generic_registry_host().to_owned()),
                ("LOCAL_AWS_GENERIC_USER", format!("{}:{}", GENERIC_USER.0, GENERIC_USER.1)),
                ("LOCAL_AWS_KUBERNETES", aws.kubernetes_url().to_owned()),
                ("LOCAL_AWS_ISSUER", aws.issuer_endpoint().to_owned()),
                ("LOCAL_AWS_TOKENS", tokens.display().to_string()),
            ],
        ),
        (
            "pod identity",
            vec![
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", aws.pod_identity_url()),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file("pod-identity")),
            ],
        ),
        (
            "web identity (IRSA)",
            vec![("AWS_ROLE_ARN", aws.role_arn(ROLE)), ("AWS_WEB_IDENTITY_TOKEN_FILE", file("web-identity"))],
        ),
        (
            "access keys",
            vec![
                ("AWS_ACCESS_KEY_ID", key.map(|key| key.id().to_owned()).unwrap_or_default()),
                ("AWS_SECRET_ACCESS_KEY", key.map(|key| key.secret().to_owned()).unwrap_or_default()),
            ],
        ),
        ("node: nothing more to export", Vec::new()),
    ];
    let mut lines = Vec::new();
    for (title, variables) in sections {
        lines.push(format!("# {title}"));
        lines.extend(variables.into_iter().map(|(name, value)| format!("export {name}='{value}'")));
        lines.push(String::new());
    }
    lines.push("# serving until interrupted".to_owned());
    lines.join("\n")
}

#[expect(clippy::print_stdout, reason = "a program for people to read")]
fn print(text: &str) {
    println!("{text}");
}
