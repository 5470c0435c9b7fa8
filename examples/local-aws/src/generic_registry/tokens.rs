//! The token service, on a port of its own.
//!
//! Sources: <https://distribution.github.io/distribution/spec/auth/token/>,
//! <https://distribution.github.io/distribution/spec/auth/oauth/>.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use form_urlencoded::parse;
use serde_json::{Value, json};

use super::SERVICE;
use super::set_up::Rights;
use crate::cloud::Cloud;
use crate::distribution::unsupported;
use crate::meter::lock;
use crate::random;
use crate::registry::basic_credentials;
use crate::wire::{Rejection, read_body, timestamp};

const PATH: &str = "/token";

/// Where tokens are to be had.
pub(super) fn realm(cloud: &Cloud) -> String {
    format!("{}{PATH}", cloud.endpoints.generic_tokens)
}

/// The service.
pub(crate) fn router(cloud: Arc<Cloud>) -> Router {
    Router::new().fallback(serve).with_state(cloud)
}

/// `Get`, or `Exchange` for the form of OAuth 2.
pub(crate) fn operation(request: &Parts, _: &Bytes) -> Option<Cow<'static, str>> {
    match request.method {
        _ if request.uri.path() != PATH => None,
        Method::GET => Some(Cow::Borrowed("Get")),
        Method::POST => Some(Cow::Borrowed("Exchange")),
        _ => None,
    }
}

async fn serve(State(cloud): State<Arc<Cloud>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let answer = read_body(body).await.and_then(|body| match parts.method {
        _ if parts.uri.path() != PATH => {
            Err(Rejection::new(StatusCode::NOT_FOUND, "NOT_FOUND", "there is nothing here but /token"))
        }
        Method::GET => get(&cloud, &parts),
        Method::POST => exchange(&cloud, &body),
        _ => Err(unsupported("The operation is unsupported.")),
    });
    answer.unwrap_or_else(Rejection::into_registry)
}

/// A token for who has a user name and password, or for nobody.
fn get(cloud: &Cloud, request: &Parts) -> Result<Response, Rejection> {
    let registry = &cloud.generic_registry;
    let login = basic_credentials(&request.headers);
    let rights = match &login {
        Some(login) => Some(registry.user(login).ok_or_else(incorrect)?),
        None if request.headers.contains_key(header::AUTHORIZATION) => return Err(incorrect()),
        None => registry.anonymous,
    };
    let query = Query::parse(request.uri.query().unwrap_or_default().as_bytes());
    query.check_service()?;
    let granted = query.granted(rights);
    let mut answer = registry.tokens.issue(cloud, granted);
    answer["token"] = answer["access_token"].clone();
    if query.get("offline_token") == Some("true")
        && let Some((user, _)) = login.as_deref().and_then(|login| login.split_once(':'))
    {
        answer["refresh_token"] = json!(registry.identity_token_of(user));
    }
    Ok(Json(answer).into_response())
}

/// A token for a password or an identity token, sent as a form.
fn exchange(cloud: &Cloud, body: &Bytes) -> Result<Response, Rejection> {
    let registry = &cloud.generic_registry;
    let form = Query::parse(body);
    form.check_service()?;
    let field = |name: &str| form.get(name).unwrap_or_default();
    let (rights, refresh_token) = match field("grant_type") {
        "refresh_token" => {
            let token = field("refresh_token");
            (registry.user_of_token(token).ok_or_else(incorrect)?, Some(token))
        }
        "password" => {
            let login = format!("{}:{}", field("username"), field("password"));
            let offline = field("access_type") == "offline";
            let token = registry.identity_token_of(field("username")).filter(|_| offline);
            (registry.user(&login).ok_or_else(incorrect)?, token)
        }
        _ => return Err(Rejection::bad_request("UNSUPPORTED", "unknown grant_type")),
    };
    let granted = form.granted(Some(rights));
    let scope: Vec<String> = granted.iter().map(|(name, rights)| scope(name, *rights)).collect();
    let mut answer = registry.tokens.issue(cloud, granted);
    answer["scope"] = json!(scope.join(" "));
    answer["refresh_token"] = json!(refresh_token);
    Ok(Json(answer).into_response())
}

fn incorrect() -> Rejection {
    Rejection::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "incorrect username or password")
}

fn scope(name: &str, rights: Rights) -> String {
    format!("repository:{name}:{}", if rights.cover(true) { "pull,push" } else { "pull" })
}

/// Parameters of a request for a token.
struct Query(Vec<(String, String)>);

impl Query {
    fn parse(encoded: &[u8]) -> Self {
        Self(parse(encoded).into_owned().collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn check_service(&self) -> Result<(), Rejection> {
        if self.get("service") == Some(SERVICE) {
            return Ok(());
        }
        Err(Rejection::bad_request("UNSUPPORTED", "the service is not the one of the challenge"))
    }

    /// What is asked for, in one or more parameters `scope` of one or more scopes, as far as `rights` go.
    fn granted(&self, rights: Option<Rights>) -> Vec<(String, Rights)> {
        let Some(rights) = rights else { return Vec::new() };
        let scopes = self.0.iter().filter(|(key, _)| key == "scope").flat_map(|(_, value)| value.split(' '));
        let granted = scopes.filter_map(|scope| {
            let (name, actions) = scope.strip_prefix("repository:")?.rsplit_once(':')?;
            let asks = |action: &str| actions.split(',').any(|asked| asked == action || asked == "*");
            if asks("push") && rights.cover(true) {
                return Some((name.to_owned(), Rights::PUSH));
            }
            asks("pull").then(|| (name.to_owned(), Rights::PULL))
        });
        granted.collect()
    }
}

/// The tokens given out, each with what it is for.
pub(super) struct Tokens {
    lifetime: Duration,
    tells_lifetime: bool,
    given: Mutex<HashMap<String, Token>>,
}

struct Token {
    scopes: Vec<(String, Rights)>,
    expires: SystemTime,
}

/// Why a token is not taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum TokenFault {
    Unknown,
    Expired,
}

impl Tokens {
    pub(super) fn new(lifetime: Duration, tells_lifetime: bool) -> Self {
        Self { lifetime, tells_lifetime, given: Mutex::default() }
    }

    /// What a token is for.
    pub(super) fn find(&self, token: &str, now: SystemTime) -> Result<Vec<(String, Rights)>, TokenFault> {
        let given = lock(&self.given);
        let token = given.get(token).ok_or(TokenFault::Unknown)?;
        if token.expires > now { Ok(token.scopes.clone()) } else { Err(TokenFault::Expired) }
    }

    /// Forgets every token.
    pub(super) fn revoke(&self) {
        lock(&self.given).clear();
    }

    /// A new token, as the service sends it.
    fn issue(&self, cloud: &Cloud, scopes: Vec<(String, Rights)>) -> Value {
        let (token, now) = (random::session_token(), cloud.now());
        cloud.ledger.record(&token);
        lock(&self.given).insert(token.clone(), Token { scopes, expires: now + self.lifetime });
        let mut answer = json!({ "access_token": token, "issued_at": timestamp(now) });
        if self.tells_lifetime {
            answer["expires_in"] = json!(self.lifetime.as_secs());
        }
        answer
    }
}
