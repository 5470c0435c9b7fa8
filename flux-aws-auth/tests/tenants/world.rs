//! What the cases are made of: a cluster that its tenants change, an STS that writes on each key whose it is, and a clock that
//! can be set.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_smithy_async::time::TimeSource;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::date_time::Format;
use aws_smithy_types::{DateTime, base64};
use flux_aws_auth::{
    Error, ErrorKind, ROLE_ARN_ANNOTATION, ServiceAccount, ServiceAccountRef, ServiceAccountToken,
    ServiceAccountTokens, TokenRequest,
};
use tokio::sync::oneshot;

/// The namespaces of the tenants.
pub(crate) const TENANTS: [&str; 2] = ["a", "b"];
/// The name of a role, and the tenants that it trusts.
pub(crate) const ROLES: [(&str, &[&str]); 3] = [("of-a", &["a"]), ("of-b", &["b"]), ("of-both", &["a", "b"])];
/// The role that each of them may assume further.
pub(crate) const FURTHER: &str = "further";

pub(crate) fn arn(role: &str) -> String {
    format!("arn:aws:iam::111122223333:role/{role}")
}

/// A ServiceAccount as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) uid: String,
    pub(crate) role: &'static str,
}

/// How a request to STS ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    Answered { lifetime: Duration },
    ServerError,
    Reset,
}

#[derive(Clone, Default)]
pub(crate) struct World(Arc<Mutex<State>>);

#[derive(Default)]
pub(crate) struct State {
    /// Virtual time since the case began, which no step of the wall clock changes.
    pub(crate) elapsed: Duration,
    /// By how much the wall clock is ahead of it.
    pub(crate) wall_ahead: Duration,
    pub(crate) accounts: HashMap<&'static str, Account>,
    uids: u64,
    /// Whose a token is: tenant and uid.
    tokens: HashMap<String, (&'static str, String)>,
    /// Requests to STS that wait for their end.
    pub(crate) at_sts: Vec<oneshot::Sender<End>>,
    /// Requests to the Kubernetes API that wait to be answered.
    pub(crate) at_kubernetes: Vec<oneshot::Sender<()>>,
    pub(crate) kubernetes_is_slow: bool,
    pub(crate) violations: Vec<String>,
    pub(crate) given: u64,
    pub(crate) refused: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        let world = Self::default();
        world.state().wall_ahead = Duration::from_hours(24);
        for tenant in TENANTS {
            world.state().make(tenant, ROLES[2].0);
        }
        world
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the Kubernetes API, where it is slow. What is read after this is as of now.
    async fn kubernetes(&self) {
        let answered = {
            let mut state = self.state();
            let (answer, answered) = oneshot::channel();
            if state.kubernetes_is_slow {
                state.at_kubernetes.push(answer);
                Some(answered)
            } else {
                None
            }
        };
        if let Some(answered) = answered {
            let _ended = answered.await;
        }
    }

    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let (end, ended) = oneshot::channel();
        self.state().at_sts.push(end);
        let Ok(end) = ended.await else { return Err(ConnectorError::io("reset".into())) };
        let (status, body) = match end {
            End::Answered { lifetime } => self.state().judge(&request, lifetime),
            End::ServerError => (503, refusal("ServiceUnavailable")),
            End::Reset => return Err(ConnectorError::io("reset".into())),
        };
        Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body)))
    }
}

impl State {
    pub(crate) fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.wall_ahead + self.elapsed
    }

    /// Makes a ServiceAccount, which is another than any there was.
    pub(crate) fn make(&mut self, tenant: &'static str, role: &'static str) {
        self.uids += 1;
        self.accounts.insert(tenant, Account { uid: format!("u{}", self.uids), role });
    }

    /// STS's answer, by the role's trust and by whom the token or the key belongs to.
    fn judge(&self, request: &HttpRequest, lifetime: Duration) -> (u16, String) {
        let body = request.body().bytes().unwrap_or_default();
        let form: HashMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
        let action = form["Action"].as_str();
        let role = form["RoleArn"].rsplit('/').next().unwrap_or_default();
        let key = if action == "AssumeRole" {
            let authorization = request.headers().get("authorization").unwrap_or_default();
            let base = authorization.split("Credential=").nth(1).and_then(|rest| rest.split('/').next());
            format!("{}-{role}", base.unwrap_or_default())
        } else {
            let (tenant, uid) = &self.tokens[&form["WebIdentityToken"]];
            let trusted =
                ROLES.iter().find(|(name, _)| *name == role).is_some_and(|(_, by)| by.contains(tenant));
            if !trusted {
                return (403, refusal("AccessDenied"));
            }
            stamp(tenant, uid, role)
        };
        let expiry = DateTime::from(self.wall() + lifetime).fmt(Format::DateTime).unwrap();
        let answer = format!(
            "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result><Credentials>\
             <AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
             <Expiration>{expiry}</Expiration></Credentials></{action}Result></{action}Response>"
        );
        (200, answer)
    }
}

/// What is written on a key: whose ServiceAccount it was given to, and for which role.
pub(crate) fn stamp(tenant: &str, uid: &str, role: &str) -> String {
    format!("{tenant}-{uid}-{role}")
}

fn refusal(code: &str) -> String {
    format!("<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>")
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("World")
    }
}

impl TimeSource for World {
    fn now(&self) -> SystemTime {
        self.state().wall()
    }
}

impl HttpClient for World {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for World {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let world = self.clone();
        HttpConnectorFuture::new(async move { world.answer(request).await })
    }
}

#[async_trait]
impl ServiceAccountTokens for World {
    async fn service_account(&self, reference: &ServiceAccountRef) -> Result<ServiceAccount, Error> {
        self.kubernetes().await;
        let account = self.state().accounts.get(reference.namespace()).cloned();
        let missing = || Error::new(ErrorKind::Configuration, format!("{reference} not found"));
        let account = account.ok_or_else(missing)?;
        let role = [(ROLE_ARN_ANNOTATION, arn(account.role))];
        Ok(ServiceAccount::new(role).with_uid(account.uid))
    }

    /// Of whoever has the name now: an API that does not look at the uid that is meant.
    async fn create_token(&self, request: &TokenRequest<'_>) -> Result<ServiceAccountToken, Error> {
        self.kubernetes().await;
        let mut state = self.state();
        let namespace = request.service_account().namespace();
        let tenant = *TENANTS.iter().find(|tenant| **tenant == namespace).expect("a tenant");
        let Some(account) = state.accounts.get(tenant).cloned() else {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!("{} not found", request.service_account()),
            ));
        };
        let claims = format!(r#"{{"kubernetes.io":{{"serviceaccount":{{"uid":"{}"}}}}}}"#, account.uid);
        let claims = base64::encode(claims).trim_end_matches('=').replace('+', "-").replace('/', "_");
        let token = format!("h.{claims}.{tenant}{}", state.tokens.len());
        state.tokens.insert(token.clone(), (tenant, account.uid));
        Ok(ServiceAccountToken::new(token))
    }
}
