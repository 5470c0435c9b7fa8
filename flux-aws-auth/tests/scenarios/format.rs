//! What a scenario file says. `README.md` explains it by an example.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::values::{Bounds, Span, TextOr};

/// One situation: what there is, what is asked, what is answered, and what must come of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    pub(crate) description: String,
    #[serde(default)]
    pub(crate) environment: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) files: BTreeMap<PathBuf, File>,
    /// ServiceAccounts by `namespace/name`.
    #[serde(default)]
    pub(crate) cluster: BTreeMap<String, Account>,
    #[serde(default)]
    pub(crate) options: Options,
    /// By how much the clocks of the other side are ahead of ours; negative when behind.
    #[serde(default)]
    pub(crate) other_clocks_ahead: Span,
    #[serde(default)]
    pub(crate) exchanges: Vec<Exchange>,
    #[serde(default)]
    steps: Vec<Step>,
    expect: Option<Expect>,
}

impl Scenario {
    /// Reads a scenario, and refuses one that could not fail or could not be understood.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut scenario: Self = yaml_serde::from_str(text).map_err(|error| error.to_string())?;
        match (scenario.expect.take(), scenario.steps.is_empty()) {
            (Some(expect), true) => scenario.steps.push(Step { expect, ..Step::default() }),
            (None, false) => {}
            (Some(_), false) => return Err("give either expect or steps, not both".to_owned()),
            (None, true) => return Err("give expect, or steps with one each".to_owned()),
        }
        scenario.check()?;
        Ok(scenario)
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    fn check(&self) -> Result<(), String> {
        if self.steps.iter().all(|step| step.expect.report.is_none()) {
            return Err("at least one expect needs a report".to_owned());
        }
        for (number, step) in self.steps.iter().enumerate() {
            let success = step.expect.source.is_some() && step.expect.identity.is_some();
            if success == step.expect.error.is_some() {
                return Err(format!(
                    "step {}: an expect has either source and identity, or error",
                    number + 1
                ));
            }
        }
        for name in SECRET_VARIABLES {
            let value = self.environment.get(*name);
            if value.is_some_and(|value| !value.trim().is_empty() && !value.contains("canary")) {
                return Err(format!("environment.{name}: a secret has the word canary in it"));
            }
        }
        Ok(())
    }
}

const SECRET_VARIABLES: &[&str] =
    &["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN"];

/// What is in a file, or at which times what is in it, or why it cannot be read.
#[derive(Debug)]
pub(crate) enum File {
    Same(Contents),
    Changing(Vec<Change>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    pub(crate) from: Span,
    pub(crate) holds: Contents,
}

pub(crate) type Contents = TextOr<OtherContents>;

/// Exactly one of the fields is given.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OtherContents {
    pub(crate) token: Option<Token>,
    pub(crate) bytes: Option<Vec<u8>>,
    pub(crate) unreadable: Option<Unreadable>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unreadable {
    Missing,
    Forbidden,
    Directory,
}

/// The claims of a ServiceAccount token.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Token {
    pub(crate) issuer: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) audience: Option<String>,
    /// Of the ServiceAccount.
    pub(crate) uid: Option<String>,
    /// Counted from the start of the scenario.
    pub(crate) expires: Option<Span>,
}

impl Default for Token {
    fn default() -> Self {
        Self {
            issuer: Some("https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE".to_owned()),
            subject: Some("system:serviceaccount:flux-system:image-reflector-controller".to_owned()),
            audience: Some("sts.amazonaws.com".to_owned()),
            uid: None,
            expires: Some(Span::hours(24)),
        }
    }
}

/// A ServiceAccount of the cluster, for the object level.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Account {
    #[serde(default)]
    pub(crate) role: Option<String>,
    #[serde(default)]
    pub(crate) uid: Option<String>,
    /// Without one, Kubernetes refuses to make tokens of it.
    #[serde(default)]
    pub(crate) token: Option<Token>,
}

/// What the builder of the chain is told.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Options {
    pub(crate) order: Option<Order>,
    pub(crate) without: Vec<Source>,
    pub(crate) provider: Option<Provider>,
    pub(crate) service_account: Option<String>,
    /// Of the ServiceAccount's object.
    pub(crate) sts_endpoint: Option<String>,
    pub(crate) region: Option<String>,
    /// What an authenticator gives the controller's credentials for: an image, or the ARN of a key.
    pub(crate) resource: Option<String>,
    pub(crate) deadline: Option<Span>,
    pub(crate) expect_account: Option<String>,
    pub(crate) expect_role: Option<String>,
    pub(crate) assume_role: Vec<Hop>,
}

/// A role to assume with the credentials of the chain so far.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hop {
    pub(crate) role: String,
    pub(crate) external_id: Option<String>,
    #[serde(default)]
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) duration: Option<Span>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    SecretlessFirst,
    AwsSdk,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    PodIdentity,
    WebIdentity,
    AccessKeys,
    InstanceMetadata,
}

/// A provider of the SDK's kind as a link of the chain, named `my profile`, and what it answers.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Provider {
    GivesCredentials,
    /// For an hour; then it has nothing.
    GivesCredentialsOnce,
    HasNothing,
    IsInvalid,
    Fails,
}

/// A request that must come next, and what happens to it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exchange {
    /// `METHOD address`.
    pub(crate) request: String,
    /// Which of the two HTTP clients must send it, where the address does not tell.
    pub(crate) client: Option<Client>,
    /// Headers that it must have; with `~` for a value, must not have.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, Option<String>>,
    /// Fields that the form in its body must have; with `~` for a value, must not have.
    #[serde(default)]
    pub(crate) form: BTreeMap<String, Option<String>>,
    /// How many times it comes in a row and is answered so; once unless given.
    pub(crate) times: Option<usize>,
    /// The time until the answer.
    #[serde(default)]
    pub(crate) delay: Span,
    pub(crate) answer: Option<TextOr<Answer>>,
    pub(crate) fails: Option<Failure>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Client {
    Aws,
    Node,
}

/// No answer.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Failure {
    /// The connection is refused.
    Refused,
    /// The name of the host is not found.
    NoSuchHost,
    /// No name server answers.
    NoNameServer,
    /// There is no route to the host.
    Unreachable,
    /// No connection, and no word of it: a black hole.
    NoConnection,
    /// A connection, and then silence.
    NoAnswer,
    /// The connection breaks before the answer.
    Reset,
    /// It breaks within the answer.
    CutOff,
    /// The server's certificate is from an unknown authority.
    TlsUnknownIssuer,
    /// It has expired.
    TlsExpired,
    /// It is not valid yet.
    TlsNotYetValid,
    /// It is for another host.
    TlsWrongName,
    /// What answers does not speak TLS.
    NoTls,
    /// The proxy cannot be reached.
    NoProxy,
    /// The proxy opens no tunnel.
    ProxyRefuses,
    /// The proxy wants a password.
    ProxyWantsPassword,
}

/// An answer. Its body is one of `body`, `credentials`, `error` and `caller`, or empty.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Answer {
    /// 200 unless given.
    pub(crate) status: Option<u16>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Option<String>,
    /// Credentials, in the form in which the address asked gives them.
    pub(crate) credentials: Option<Credentials>,
    /// An error code of STS, or of the EKS Auth service behind the Pod Identity agent.
    pub(crate) error: Option<String>,
    /// The text beside the code.
    pub(crate) message: Option<String>,
    /// The ARN that GetCallerIdentity answers.
    pub(crate) caller: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    /// Counted from the answer; may be negative.
    pub(crate) lifetime: Span,
    /// The access key's id, where several are to be told apart.
    pub(crate) key: Option<String>,
}

/// A call of the chain, and what must come of it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// The time that passes before the call.
    #[serde(default)]
    pub(crate) after: Span,
    /// Whether the chain is told to forget before the call.
    #[serde(default)]
    pub(crate) forget: bool,
    /// The call is `wait_for_identity` with this patience, and not `resolve`.
    pub(crate) wait_for_identity: Option<Span>,
    pub(crate) expect: Expect,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Expect {
    pub(crate) source: Option<String>,
    pub(crate) identity: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) expires_in: Option<Span>,
    pub(crate) error: Option<ExpectedError>,
    /// The virtual time of the call, as `at most` or `from..to`.
    pub(crate) elapsed: Option<Bounds>,
    /// How many requests the call makes.
    pub(crate) requests: Option<usize>,
    pub(crate) report: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectedError {
    pub(crate) kind: String,
    pub(crate) reason: String,
    /// What the messages of the error and its causes say, among other things.
    pub(crate) message: String,
    /// What the hint says, among other things.
    #[serde(default)]
    pub(crate) hint: Vec<String>,
    pub(crate) status: Option<u16>,
    pub(crate) code: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) retryable: Option<bool>,
}

impl<'de> Deserialize<'de> for File {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FileVisitor)
    }
}

struct FileVisitor;

impl<'de> Visitor<'de> for FileVisitor {
    type Value = File;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a map, or a list of changes")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<File, E> {
        Ok(File::Same(TextOr::Text(text.to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<File, A::Error> {
        Contents::deserialize(MapAccessDeserializer::new(map)).map(File::Same)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<File, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(File::Changing)
    }
}
