//! The account: roles, a user, a bucket and a key on ministack, by the policy documents that `flux_aws_auth::iam` writes.

use flux_aws_auth::iam::{KeyArn, OidcProvider, OidcTrust, PermissionPolicy, PolicyDocument};
use flux_aws_auth::{AccessKeySecret, Environment, Identity, RoleArn, ServiceAccountRef};
use interop::{Error, Ministack};
use serde_json::{Value, json};

use crate::object::{Object, Wants};

const BUCKET: &str = "tenant-config";
const OBJECT: &str = "apps/app.yaml";

/// An account with what the objects read, and who may.
#[derive(Debug)]
pub(crate) struct Account {
    aws: Ministack,
    /// The ARN of an alias.
    key: String,
    ciphertext: Vec<u8>,
    /// The Secret of a Bucket, with the access key of a user.
    secret: AccessKeySecret,
}

/// Starts ministack, and sets up what this program needs there. The account trusts the tokens of this issuer.
pub(crate) fn start(issuer: &str) -> Result<Account, Error> {
    let aws = Ministack::start()?;
    let key = aws.boto3().root("kms", "create_key", &json!({}))?;
    let key: KeyArn = text(&key, "/KeyMetadata/Arn")?.parse()?;
    let alias = "alias/sops";
    aws.boto3().root(
        "kms",
        "create_alias",
        &json!({ "AliasName": alias, "TargetKeyId": key.to_string() }),
    )?;
    let encrypted = json!({ "KeyId": key.to_string(), "Plaintext": "the data key of a file" });
    let encrypted = aws.boto3().root("kms", "encrypt", &encrypted)?;
    let ciphertext = serde_json::from_value(encrypted.get("CiphertextBlob").cloned().unwrap_or_default())?;

    let location = json!({ "LocationConstraint": aws.region() });
    aws.boto3().root(
        "s3",
        "create_bucket",
        &json!({ "Bucket": BUCKET, "CreateBucketConfiguration": location }),
    )?;
    aws.boto3().root(
        "s3",
        "put_object",
        &json!({ "Bucket": BUCKET, "Key": OBJECT, "Body": "kind: ConfigMap\n" }),
    )?;

    let provider = json!({ "Url": issuer, "ClientIDList": ["sts.amazonaws.com"] });
    aws.boto3().root("iam", "create_open_id_connect_provider", &provider)?;
    let reads_bucket = PermissionPolicy::s3(&format!("arn:aws:s3:::{BUCKET}").parse()?);
    role(&aws, issuer, "config-reader", reads_bucket.minimal())?;
    role(&aws, issuer, "sops-reader", PermissionPolicy::kms([key])?.minimal())?;

    let user = json!({ "UserName": "config-reader" });
    aws.boto3().root("iam", "create_user", &user)?;
    let policy = reads_bucket.minimal().to_json();
    let policy = json!({ "UserName": "config-reader", "PolicyName": "read", "PolicyDocument": policy });
    aws.boto3().root("iam", "put_user_policy", &policy)?;
    let made = aws.boto3().root("iam", "create_access_key", &user)?;
    let data = [
        ("accesskey", text(&made, "/AccessKey/AccessKeyId")?),
        ("secretkey", text(&made, "/AccessKey/SecretAccessKey")?),
    ];
    let secret = AccessKeySecret::bucket("tenant/bucket-key", data)?;
    let key = format!("arn:aws:kms:{}:{}:{alias}", aws.region(), aws.account());
    Ok(Account { aws, key, ciphertext, secret })
}

impl Account {
    /// The address of S3 and KMS.
    pub(crate) fn url(&self) -> String {
        self.aws.url()
    }

    /// What the controller's pod knows: where STS is. It has no identity of its own, and needs none.
    pub(crate) fn environment(&self) -> Environment {
        Environment::empty().with_var("AWS_ENDPOINT_URL_STS", self.aws.url())
    }

    /// The objects of two tenants.
    pub(crate) fn objects(&self) -> Vec<Object> {
        let of = |namespace: &str, name: &str| Identity::object(namespace, Some(name));
        let bucket = || Wants::Object {
            region: self.aws.region().to_owned(),
            bucket: BUCKET.to_owned(),
            object: OBJECT.to_owned(),
        };
        let value = || Wants::Plaintext { key: self.key.clone(), ciphertext: self.ciphertext.clone() };
        let object = |name: &str, identity, wants| Object { name: name.to_owned(), identity, wants };
        vec![
            object(
                "Bucket tenant/config, ServiceAccount config-reader",
                of("tenant", "config-reader"),
                bucket(),
            ),
            object("Bucket tenant/config, Secret bucket-key", self.secret.clone().into(), bucket()),
            object(
                "Kustomization tenant/app, ServiceAccount sops-reader",
                of("tenant", "sops-reader"),
                value(),
            ),
            object(
                "Kustomization tenant/app, ServiceAccount config-reader",
                of("tenant", "config-reader"),
                value(),
            ),
            object(
                "Bucket other/config, ServiceAccount config-reader",
                of("other", "config-reader"),
                bucket(),
            ),
        ]
    }
}

/// A role for the ServiceAccount of that name.
fn role(aws: &Ministack, issuer: &str, name: &str, policy: &PolicyDocument) -> Result<(), Error> {
    let role: RoleArn = aws.role_arn(name).parse()?;
    let provider = OidcProvider::for_role(&role, issuer)?;
    let trust = OidcTrust::new(&provider, &ServiceAccountRef::new("tenant", name))?.document().to_json();
    aws.boto3().root(
        "iam",
        "create_role",
        &json!({ "RoleName": name, "AssumeRolePolicyDocument": trust }),
    )?;
    let policy = json!({ "RoleName": name, "PolicyName": "read", "PolicyDocument": policy.to_json() });
    aws.boto3().root("iam", "put_role_policy", &policy)?;
    Ok(())
}

fn text<'a>(answer: &'a Value, pointer: &str) -> Result<&'a str, Error> {
    answer.pointer(pointer).and_then(Value::as_str).ok_or_else(|| format!("no {pointer}").into())
}
