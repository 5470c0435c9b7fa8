//! What surrounds a chain in a scenario: clock, files, ServiceAccounts.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_smithy_async::time::TimeSource;
use aws_smithy_types::base64;
use flux_aws_auth::{
    Environment, Error, ErrorKind, ROLE_ARN_ANNOTATION, ServiceAccount, ServiceAccountRef,
    ServiceAccountToken, ServiceAccountTokens, TokenRequest,
};
use serde_json::{Map, Value, json};

use crate::format::{Account, Contents, File, OtherContents, Scenario, Token, Unreadable};
use crate::values::{Span, TextOr};

/// A wall clock that moves with tokio's paused time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: tokio::time::Instant,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "tokio's paused clock is the virtual time of these tests")]
    pub(crate) fn new() -> Self {
        Self { started: tokio::time::Instant::now() }
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.started.elapsed()
    }

    /// The time `span` after now.
    pub(crate) fn in_(self, span: Span) -> SystemTime {
        shifted(self.now(), span)
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        start() + self.elapsed()
    }
}

/// When every scenario starts.
fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn shifted(time: SystemTime, span: Span) -> SystemTime {
    let length = Duration::from_millis(span.milliseconds().unsigned_abs());
    if span.milliseconds() < 0 { time - length } else { time + length }
}

/// The files of a scenario.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    scenario: Arc<Scenario>,
    clock: Clock,
}

impl Files {
    pub(crate) fn new(scenario: Arc<Scenario>, clock: Clock) -> Self {
        Self { scenario, clock }
    }

    /// Variables and files as the chain sees them.
    pub(crate) fn environment(&self) -> Environment {
        let files = self.clone();
        let environment = Environment::empty().with_file_reader(move |path| files.read(path));
        self.scenario
            .environment
            .iter()
            .fold(environment, |environment, (name, value)| environment.with_var(name, value))
    }

    pub(crate) fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self.scenario.files.get(path) {
            None => Err(missing()),
            Some(File::Same(contents)) => read(contents),
            Some(File::Changing(changes)) => {
                let elapsed = self.clock.elapsed();
                let begun = changes.iter().rev().find(|change| change.from.duration() <= elapsed);
                begun.map_or_else(|| Err(missing()), |change| read(&change.holds))
            }
        }
    }
}

fn missing() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "no such file")
}

fn read(contents: &Contents) -> io::Result<Vec<u8>> {
    match contents {
        TextOr::Text(text) => Ok(text.clone().into_bytes()),
        TextOr::Fields(OtherContents { token: Some(token), .. }) => Ok(token.encoded().into_bytes()),
        TextOr::Fields(OtherContents { bytes: Some(bytes), .. }) => Ok(bytes.clone()),
        TextOr::Fields(OtherContents { unreadable, .. }) => Err(match unreadable {
            Some(Unreadable::Forbidden) => io::ErrorKind::PermissionDenied.into(),
            Some(Unreadable::Directory) => io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"),
            Some(Unreadable::Missing) | None => missing(),
        }),
    }
}

impl Token {
    /// A JWT with these claims, a secret by the convention of these tests, and with a signature that nobody checks.
    fn encoded(&self) -> String {
        let mut claims = Map::new();
        let mut claim = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                claims.insert(name.to_owned(), value);
            }
        };
        claim("iss", self.issuer.clone().map(Value::from));
        claim("sub", self.subject.clone().map(Value::from));
        claim("aud", self.audience.clone().map(|audience| Value::from(vec![audience])));
        let uid = self.uid.as_ref();
        claim("kubernetes.io", uid.map(|uid| json!({ "serviceaccount": { "uid": uid } })));
        let expires = self.expires.map(|expires| shifted(start(), expires));
        let seconds = expires.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        claim("exp", seconds.map(|seconds| Value::from(seconds.as_secs())));
        let payload = base64::encode(Value::Object(claims).to_string());
        let payload = payload.trim_end_matches('=').replace('+', "-").replace('/', "_");
        format!("canary-header.{payload}.canary-signature")
    }
}

/// The part of the Kubernetes API that the object level needs.
#[derive(Debug)]
pub(crate) struct Cluster(pub(crate) Arc<Scenario>);

impl Cluster {
    fn account(&self, reference: &ServiceAccountRef) -> Result<&Account, Error> {
        let accounts: &BTreeMap<String, Account> = &self.0.cluster;
        accounts.get(&reference.to_string()).ok_or_else(|| {
            Error::new(
                ErrorKind::Configuration,
                format!("serviceaccounts \"{}\" not found", reference.name()),
            )
        })
    }
}

#[async_trait]
impl ServiceAccountTokens for Cluster {
    async fn service_account(&self, reference: &ServiceAccountRef) -> Result<ServiceAccount, Error> {
        let account = self.account(reference)?;
        let role = account.role.as_deref().map(|role| (ROLE_ARN_ANNOTATION, role));
        let read = ServiceAccount::new(role);
        Ok(match &account.uid {
            Some(uid) => read.with_uid(uid),
            None => read,
        })
    }

    async fn create_token(&self, request: &TokenRequest<'_>) -> Result<ServiceAccountToken, Error> {
        match &self.account(request.service_account())?.token {
            Some(token) => Ok(ServiceAccountToken::new(token.encoded())),
            None => Err(Error::new(
                ErrorKind::AccessDenied,
                "serviceaccounts is forbidden: cannot create resource \"serviceaccounts/token\"",
            )),
        }
    }
}

/// The path in `$file:PATH`, which stands for what the file holds.
pub(crate) fn file_reference(expected: &str) -> Option<PathBuf> {
    expected.strip_prefix("$file:").map(PathBuf::from)
}
