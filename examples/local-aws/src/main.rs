//! `local-aws`: an AWS on loopback ports until it is interrupted.
//!
//! It prints what to put into a shell's environment to play one of its identities with any AWS SDK or the AWS CLI, and
//! keeps the tokens those variables speak of in a directory of its own.

use std::path::Path;
use std::time::Duration;
use std::{error, fs};

use clap::Parser;
use local_aws::{EXAMPLE_ISSUER, LocalAws, Repository, Role, TagStyle, User};
use serde_json::{Value, json};

const NAMESPACE: &str = "flux-system";
const CONTROLLER: &str = "image-reflector-controller";
const ROLE: &str = "image-reflector";
const HOUR: Duration = Duration::from_secs(3600);

/// Serves an AWS account for Flux's image-reflector-controller on loopback ports, until it is interrupted.
#[derive(Debug, Parser)]
struct Options {
    /// How many tags the repository `apps/mainapp` has.
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
    let issuer = EXAMPLE_ISSUER.trim_start_matches("https://");
    let service = |name: &str| {
        json!({
            "Effect": "Allow",
            "Principal": { "Service": name },
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        })
    };
    let trust = json!([
        {
            "Effect": "Allow",
            "Principal": { "Federated": format!("arn:aws:iam::111122223333:oidc-provider/{issuer}") },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": { "StringEquals": {
                format!("{issuer}:aud"): "sts.amazonaws.com",
                format!("{issuer}:sub"): format!("system:serviceaccount:{NAMESPACE}:{CONTROLLER}"),
            } },
        },
        service("pods.eks.amazonaws.com"),
        service("ec2.amazonaws.com"),
    ]);
    let read = json!([
        { "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*" },
        {
            "Effect": "Allow",
            "Action": ["ecr:ListImages", "ecr:DescribeImages", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            "Resource": "arn:aws:ecr:*:*:repository/apps/*",
        },
    ]);
    LocalAws::builder()
        .role(Role::new(ROLE).trust(document(&trust)).permissions(document(&read)))
        .user(User::new("flux").permissions(document(&read)))
        .pod_identity_association(NAMESPACE, CONTROLLER, ROLE)
        .node_role(ROLE)
        .repository(Repository::generated("apps/mainapp", tags, TagStyle::Semver))
        .repository(
            Repository::with_tags("apps/small", ["1.0.0", "1.1.0"])
                .also_tagged("1.1.0", "latest")
                .untagged(1),
        )
        .repository(Repository::with_tags("other/app", ["1.0.0"]))
        .start()
        .await
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
                ("AWS_EC2_METADATA_SERVICE_ENDPOINT", aws.imds_url().to_owned()),
                ("LOCAL_AWS_REGISTRY", aws.registry_host().to_owned()),
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
