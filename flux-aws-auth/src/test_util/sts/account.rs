//! What the fake knows, and what it says.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use super::SESSION_DURATION;
use super::request::Request;
use crate::arn::RoleArn;
use crate::service_account::ServiceAccountRef;
use crate::sts::AUDIENCE;
use crate::token::Claims;

#[derive(Debug)]
pub(super) struct Account {
    pub(super) roles: BTreeMap<RoleArn, Trust>,
    pub(super) keys: BTreeMap<String, Key>,
    pub(super) failures: VecDeque<(u16, String)>,
    pub(super) session_duration: Duration,
    pub(super) requests: Vec<String>,
    sessions: u64,
}

/// Whom a role's trust policy names.
#[derive(Debug)]
pub(super) enum Trust {
    Everybody,
    ServiceAccount(ServiceAccountRef),
}

/// Whose an access key is, and until when.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) arn: String,
    pub(super) expiry: Option<SystemTime>,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            roles: BTreeMap::new(),
            keys: BTreeMap::new(),
            failures: VecDeque::new(),
            session_duration: SESSION_DURATION,
            requests: Vec::new(),
            sessions: 0,
        }
    }
}

type Answer = Result<(u16, String), Refusal>;

impl Account {
    pub(super) fn answer(&mut self, request: &Request, now: SystemTime) -> Answer {
        let operation = request.operation();
        let (role, session) = (request.parameter("RoleArn"), request.parameter("RoleSessionName"));
        let of_role = if role.is_empty() { String::new() } else { format!(" {role} as {session}") };
        self.requests.push(format!("{operation}{of_role}"));
        if let Some((status, code)) = self.failures.pop_front() {
            return Err(Refusal { status, code, message: "as the test asked".to_owned() });
        }
        match operation {
            "AssumeRoleWithWebIdentity" => {
                let role = self.role_for_token(role, request.parameter("WebIdentityToken"), now)?;
                Ok(self.begin_session(&role, request, now))
            }
            "AssumeRole" => {
                let role = self.role_for_caller(role, &self.caller(request, now)?.arn)?;
                Ok(self.begin_session(&role, request, now))
            }
            "GetCallerIdentity" => {
                let Key { arn, .. } = self.caller(request, now)?;
                let account = arn.split(':').nth(4).unwrap_or_default();
                let user_id = match arn.rsplit_once('/') {
                    Some((_, session)) if arn.contains(":assumed-role/") => format!("AROAFAKE:{session}"),
                    _ => "AIDAFAKE".to_owned(),
                };
                let result =
                    format!("<Arn>{arn}</Arn><UserId>{user_id}</UserId><Account>{account}</Account>");
                Ok(accepted(operation, &result))
            }
            _ => Err(Refusal::new(400, "InvalidAction", format!("Could not find operation {operation}"))),
        }
    }

    fn caller(&self, request: &Request, now: SystemTime) -> Result<Key, Refusal> {
        let key = request.access_key_id.as_ref().and_then(|id| self.keys.get(id)).ok_or_else(|| {
            let message = "The security token included in the request is invalid.";
            Refusal::new(403, "InvalidClientTokenId", message)
        })?;
        if key.expiry.is_some_and(|expiry| expiry <= now) {
            let message = "The security token included in the request is expired";
            return Err(Refusal::new(403, "ExpiredToken", message));
        }
        Ok(key.clone())
    }

    fn role_for_caller(&self, role: &str, caller: &str) -> Result<RoleArn, Refusal> {
        if let Some((role, Trust::Everybody)) = self.roles.get_key_value(&asked_for(role)?) {
            return Ok(role.clone());
        }
        let message =
            format!("User: {caller} is not authorized to perform: sts:AssumeRole on resource: {role}");
        Err(Refusal::new(403, "AccessDenied", message))
    }

    fn role_for_token(&self, role: &str, token: &str, now: SystemTime) -> Result<RoleArn, Refusal> {
        let claims = Claims::of(token);
        let invalid = |message: &str| Refusal::new(400, "InvalidIdentityToken", message);
        let subject = claims.service_account().ok_or_else(|| {
            invalid("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
        })?;
        if !claims.audiences().iter().any(|audience| audience == AUDIENCE) {
            return Err(invalid("Incorrect token audience"));
        }
        if claims.is_expired(now) == Some(true) {
            let message = "Token expired: current date/time must be before the expiration date/time";
            return Err(Refusal::new(400, "ExpiredTokenException", message));
        }
        let trusts = |trust: &Trust| match trust {
            Trust::Everybody => true,
            Trust::ServiceAccount(trusted) => (trusted.namespace(), trusted.name()) == subject,
        };
        if let Some((role, trust)) = self.roles.get_key_value(&asked_for(role)?)
            && trusts(trust)
        {
            return Ok(role.clone());
        }
        let message = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
        Err(Refusal::new(403, "AccessDenied", message))
    }

    fn begin_session(&mut self, role: &RoleArn, request: &Request, now: SystemTime) -> (u16, String) {
        self.sessions += 1;
        let number = self.sessions;
        let asked = request.parameter("DurationSeconds").parse().map(Duration::from_secs);
        let expiry = now + asked.unwrap_or(self.session_duration);
        let written = DateTime::from(expiry).fmt(Format::DateTime).unwrap_or_default();
        let (id, name) = (format!("ASIASTS{number:013}"), request.parameter("RoleSessionName"));
        let (partition, account) = (role.partition(), role.account_id());
        let arn = format!("arn:{partition}:sts::{account}:assumed-role/{}/{name}", role.name());
        let credentials = format!(
            "<Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>fake-secret</SecretAccessKey>\
             <SessionToken>fake-session-{number}</SessionToken><Expiration>{written}</Expiration></Credentials>\
             <AssumedRoleUser><AssumedRoleId>AROAFAKE:{name}</AssumedRoleId><Arn>{arn}</Arn></AssumedRoleUser>"
        );
        self.keys.insert(id, Key { arn, expiry: Some(expiry) });
        accepted(request.operation(), &credentials)
    }
}

/// How STS says no.
pub(super) struct Refusal {
    status: u16,
    code: String,
    message: String,
}

impl Refusal {
    fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into() }
    }

    /// In the form of the [query protocol](https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html).
    pub(super) fn into_answer(self) -> (u16, String) {
        let Self { status, code, message } = self;
        let body = format!(
            "<ErrorResponse xmlns=\"{XMLNS}\"><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>\
             </Error><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ErrorResponse>"
        );
        (status, body)
    }
}

fn accepted(operation: &str, result: &str) -> (u16, String) {
    let body = format!(
        "<{operation}Response xmlns=\"{XMLNS}\"><{operation}Result>{result}</{operation}Result></{operation}Response>"
    );
    (200, body)
}

fn asked_for(role: &str) -> Result<RoleArn, Refusal> {
    role.parse().map_err(|_| Refusal::new(400, "ValidationError", format!("{role} is invalid")))
}

const XMLNS: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
