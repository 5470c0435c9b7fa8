//! Roles and users: names with policy documents.

use std::sync::Arc;

use serde_json::{Value, json};

use super::document::{Document, Kind};
use crate::error::Error;

/// An IAM role: who may assume it, and what its sessions may do.
///
/// The documents are JSON as IAM takes it, read with IAM's rules when the services start. `Principal`, `Action`,
/// `NotAction`, `Resource`, `NotResource` and the string and ARN conditions, `ForAllValues` and `ForAnyValue` included, are
/// evaluated; a document that has anything else is refused.
///
/// Conditions can ask about `aws:PrincipalArn`, `aws:PrincipalAccount`, `aws:PrincipalTag/…`, `aws:SourceIdentity` and
/// `aws:RequestedRegion`, and in a trust policy, as far as the request has them, also about `sts:RoleSessionName`,
/// `sts:ExternalId`, `sts:SourceIdentity`, `sts:TransitiveTagKeys`, `aws:RequestTag/…`, `aws:TagKeys`, `aws:SourceArn`,
/// `aws:SourceAccount` and the issuer's `aud` and `sub`. Any other key is absent.
///
/// What most roles here need can be said without a document:
///
/// ```
/// use local_aws::Role;
///
/// let tenant = Role::new("team-a-images")
///     .assumed_by_service_account("team-a", "image-reader")
///     .allowed(["ecr:ListImages"], "arn:aws:ecr:*:*:repository/team-a/*");
/// ```
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html>.
#[derive(Clone, Debug)]
pub struct Role {
    name: String,
    account: Option<String>,
    trust: Option<String>,
    assumers: Vec<Assumer>,
    permissions: Vec<String>,
    max_session_seconds: u64,
}

/// Who may assume a role, without the document that says so.
#[derive(Clone, Debug)]
enum Assumer {
    ServiceAccount { namespace: String, name: String },
    Service(&'static str),
    Principal(String),
}

impl Role {
    /// A role that nobody may assume and that may do nothing, with sessions of at most one hour.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            account: None,
            trust: None,
            assumers: Vec::new(),
            permissions: Vec::new(),
            max_session_seconds: 3600,
        }
    }

    /// The account it is in, if not the builder's: a role that is assumed from another account, by way of its trust policy.
    #[must_use]
    pub fn account(mut self, id: impl Into<String>) -> Self {
        self.account = Some(id.into());
        self
    }

    /// Its trust policy: who may assume it. A second call replaces the first, and takes nothing from what the
    /// `assumed_by_…` methods add.
    #[must_use]
    pub fn trust(mut self, document: impl Into<String>) -> Self {
        self.trust = Some(document.into());
        self
    }

    /// May also be assumed with the token of this ServiceAccount, for the audience `sts.amazonaws.com`.
    #[must_use]
    pub fn assumed_by_service_account(
        mut self,
        namespace: impl Into<String>,
        name: impl Into<String>,
    ) -> Self {
        self.assumers.push(Assumer::ServiceAccount { namespace: namespace.into(), name: name.into() });
        self
    }

    /// May also be assumed, and tagged, by EKS for the pods it is associated with.
    #[must_use]
    pub fn assumed_by_pods(mut self) -> Self {
        self.assumers.push(Assumer::Service("pods.eks.amazonaws.com"));
        self
    }

    /// May also be assumed by EC2 for the node.
    #[must_use]
    pub fn assumed_by_node(mut self) -> Self {
        self.assumers.push(Assumer::Service("ec2.amazonaws.com"));
        self
    }

    /// May also be assumed, and tagged, by this principal: the ARN of a role, a user, a session or an account's root.
    #[must_use]
    pub fn assumed_by(mut self, principal: impl Into<String>) -> Self {
        self.assumers.push(Assumer::Principal(principal.into()));
        self
    }

    /// One more permission policy: its sessions may do this with that.
    #[must_use]
    pub fn allowed<'a>(self, actions: impl IntoIterator<Item = &'a str>, resource: &str) -> Self {
        let actions: Vec<&str> = actions.into_iter().collect();
        let statement = json!({ "Effect": "Allow", "Action": actions, "Resource": resource });
        self.permissions(document(&[statement]))
    }

    /// One more permission policy: what its sessions may, and with `"Effect": "Deny"` may not, do.
    #[must_use]
    pub fn permissions(mut self, document: impl Into<String>) -> Self {
        self.permissions.push(document.into());
        self
    }

    /// The longest session that may be asked for, in seconds: 3600, the default, to 43200.
    #[must_use]
    pub fn max_session_seconds(mut self, seconds: u64) -> Self {
        self.max_session_seconds = seconds;
        self
    }

    /// Reads its documents, for the builder's account and an issuer there.
    pub(crate) fn compile(self, account: &str, issuer: &str) -> Result<CompiledRole, Error> {
        valid_name("role", &self.name)?;
        let account = self.account.unwrap_or_else(|| account.to_owned());
        valid_account(&account)?;
        if !(3600..=43200).contains(&self.max_session_seconds) {
            return Err(Error::Invalid {
                field: "max_session_seconds",
                value: self.max_session_seconds.to_string(),
                expected: "from 3600 to 43200 seconds",
            });
        }
        let owner = format!("role `{}`", self.name);
        let assumers: Vec<Value> =
            self.assumers.iter().map(|assumer| assumer.statement(&account, issuer)).collect();
        let added = (!assumers.is_empty()).then(|| document(&assumers));
        let documents = self.trust.into_iter().chain(added);
        let trust = documents.map(|json| parse(&json, Kind::Trust, &owner)).collect::<Result<Vec<_>, _>>()?;
        let trust = trust.into_iter().reduce(Document::and);
        let permissions = parse_all(&self.permissions, &owner)?;
        Ok(CompiledRole {
            arn: format!("arn:aws:iam::{account}:role/{}", self.name),
            id: crate::random::unique_id("AROA"),
            account,
            name: self.name,
            trust,
            permissions,
            max_session_seconds: self.max_session_seconds,
        })
    }
}

impl Assumer {
    /// The statement of a trust policy that lets it.
    fn statement(&self, account: &str, issuer: &str) -> Value {
        let (principal, action) = match self {
            Self::ServiceAccount { namespace, name } => {
                let issuer = issuer.trim_start_matches("https://");
                return json!({
                    "Effect": "Allow",
                    "Principal": { "Federated": format!("arn:aws:iam::{account}:oidc-provider/{issuer}") },
                    "Action": "sts:AssumeRoleWithWebIdentity",
                    "Condition": { "StringEquals": {
                        format!("{issuer}:aud"): "sts.amazonaws.com",
                        format!("{issuer}:sub"): format!("system:serviceaccount:{namespace}:{name}"),
                    } },
                });
            }
            Self::Service(service @ "ec2.amazonaws.com") => {
                (json!({ "Service": service }), json!("sts:AssumeRole"))
            }
            Self::Service(service) => {
                (json!({ "Service": service }), json!(["sts:AssumeRole", "sts:TagSession"]))
            }
            Self::Principal(arn) => (json!({ "AWS": arn }), json!(["sts:AssumeRole", "sts:TagSession"])),
        };
        json!({ "Effect": "Allow", "Principal": principal, "Action": action })
    }
}

fn document(statements: &[Value]) -> String {
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

/// An IAM user with one access key.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html>.
#[derive(Clone, Debug)]
pub struct User {
    name: String,
    permissions: Vec<String>,
}

impl User {
    /// A user that may do nothing; its access key is made when the services start.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), permissions: Vec::new() }
    }

    /// One more permission policy.
    #[must_use]
    pub fn permissions(mut self, document: impl Into<String>) -> Self {
        self.permissions.push(document.into());
        self
    }

    pub(crate) fn compile(self, account: &str) -> Result<CompiledUser, Error> {
        valid_name("user", &self.name)?;
        let permissions = parse_all(&self.permissions, &format!("user `{}`", self.name))?;
        let arn = format!("arn:aws:iam::{account}:user/{}", self.name);
        Ok(CompiledUser { name: self.name, arn, permissions })
    }
}

/// A role whose documents have been read.
#[derive(Debug)]
pub(crate) struct CompiledRole {
    pub(crate) name: String,
    pub(crate) account: String,
    pub(crate) arn: String,
    pub(crate) id: String,
    pub(crate) trust: Option<Document>,
    pub(crate) permissions: Arc<[Document]>,
    pub(crate) max_session_seconds: u64,
}

/// A user whose documents have been read.
#[derive(Debug)]
pub(crate) struct CompiledUser {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) permissions: Arc<[Document]>,
}

fn parse_all(documents: &[String], owner: &str) -> Result<Arc<[Document]>, Error> {
    documents.iter().map(|json| parse(json, Kind::Permission, owner)).collect()
}

/// Reads `owner`'s document of this kind.
pub(crate) fn parse(json: &str, kind: Kind, owner: &str) -> Result<Document, Error> {
    Document::parse(json, kind).map_err(|problem| Error::Policy {
        owner: owner.to_owned(),
        kind: kind.name(),
        problem,
    })
}

pub(crate) fn valid_account(id: &str) -> Result<(), Error> {
    if id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    Err(Error::Invalid { field: "account", value: id.to_owned(), expected: "twelve digits" })
}

/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-names>.
fn valid_name(field: &'static str, name: &str) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
    if (1..=64).contains(&name.len()) && name.chars().all(allowed) {
        return Ok(());
    }
    Err(Error::Invalid {
        field,
        value: name.to_owned(),
        expected: "1 to 64 letters, digits or characters of `+=,.@_-`",
    })
}
