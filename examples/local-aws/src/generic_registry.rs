//! A registry that is not AWS's: Basic users, or Bearer tokens from a service on a port of its own.
//!
//! Source: <https://distribution.github.io/distribution/spec/auth/token/>.

mod set_up;
mod tokens;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};

pub(crate) use self::set_up::CompiledRegistry;
pub use self::set_up::GenericRegistry;
use self::set_up::{Rights, Scheme};
use self::tokens::TokenFault;
pub(crate) use self::tokens::{operation as tokens_operation, router as tokens_router};
use crate::cloud::Cloud;
use crate::distribution::{Place, Registry, Target, name_unknown, response};
use crate::registry::basic_credentials;
use crate::wire::{Rejection, read_body};

/// What challenges call the service.
const SERVICE: &str = "registry.local-aws";

/// The service.
pub(crate) fn router(cloud: Arc<Cloud>) -> Router {
    Router::new().fallback(serve).with_state(cloud)
}

async fn serve(State(cloud): State<Arc<Cloud>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    response(read_body(body).await.and_then(|body| answer(&cloud, &parts, &body)))
}

fn answer(cloud: &Cloud, request: &Parts, body: &Bytes) -> Result<Response, Rejection> {
    let target = Target::parse(&request.method, request.uri.path())?;
    let needed = match target {
        Target::Base => None,
        Target::Repository { name, call } => Some(Scope { name, push: !call.is_pull() }),
    };
    let access = match access(cloud, &request.headers) {
        Ok(access) => access,
        Err(problem) => return Ok(unauthorized(cloud, needed, problem)),
    };
    if !needed.is_none_or(|needed| access.covers(needed)) {
        return match cloud.generic_registry.scheme {
            Scheme::Bearer => Ok(unauthorized(cloud, needed, Some("insufficient_scope"))),
            Scheme::Basic | Scheme::Open => {
                Err(Rejection::forbidden("DENIED", "requested access to the resource is denied"))
            }
        };
    }
    let Target::Repository { name, call } = target else { return Ok(StatusCode::OK.into_response()) };
    let repository = Registry::Generic.find(cloud, name).ok_or_else(|| name_unknown(name, "the registry"))?;
    let place = Place { cloud, registry: Registry::Generic, name, repository };
    let readable = |from: &str| {
        let allowed = access.covers(Scope { name: from, push: false });
        allowed.then(|| Registry::Generic.find(cloud, from)).flatten()
    };
    place.perform(&call, request, body, readable)
}

/// What must be allowed for a request.
#[derive(Clone, Copy)]
struct Scope<'a> {
    name: &'a str,
    push: bool,
}

/// What a request may do.
enum Access {
    Everywhere(Rights),
    /// In these repositories.
    In(Vec<(String, Rights)>),
}

impl Access {
    fn covers(&self, scope: Scope<'_>) -> bool {
        match self {
            Self::Everywhere(rights) => rights.cover(scope.push),
            Self::In(repositories) => {
                repositories.iter().any(|(name, rights)| name == scope.name && rights.cover(scope.push))
            }
        }
    }
}

/// What a request's login lets it do; the problem with it, where a challenge tells that, is the error.
fn access(cloud: &Cloud, headers: &HeaderMap) -> Result<Access, Option<&'static str>> {
    let registry = &cloud.generic_registry;
    match registry.scheme {
        Scheme::Open => Ok(Access::Everywhere(Rights::PUSH)),
        Scheme::Basic => match basic_credentials(headers) {
            Some(login) => registry.user(&login).map(Access::Everywhere).ok_or(None),
            None if headers.contains_key(header::AUTHORIZATION) => Err(None),
            None => registry.anonymous.map(Access::Everywhere).ok_or(None),
        },
        Scheme::Bearer => {
            let value = headers.get(header::AUTHORIZATION).ok_or(None)?;
            let (scheme, token) = value.to_str().ok().and_then(|it| it.split_once(' ')).ok_or(None)?;
            if !scheme.eq_ignore_ascii_case("Bearer") {
                return Err(None);
            }
            match registry.tokens.find(token.trim(), cloud.now()) {
                Ok(scopes) => Ok(Access::In(scopes)),
                Err(TokenFault::Unknown | TokenFault::Expired) => Err(Some("invalid_token")),
            }
        }
    }
}

fn unauthorized(cloud: &Cloud, needed: Option<Scope<'_>>, problem: Option<&str>) -> Response {
    let registry = &cloud.generic_registry;
    let challenge = if registry.scheme == Scheme::Bearer {
        let scope = needed.map(|Scope { name, push }| {
            let actions = if push { "pull,push" } else { "pull" };
            format!(",scope=\"repository:{name}:{actions}\"")
        });
        let problem = problem.map(|problem| format!(",error=\"{problem}\""));
        format!(
            "Bearer realm=\"{}\",service=\"{SERVICE}\"{}{}",
            registry.realm.clone().unwrap_or_else(|| tokens::realm(cloud)),
            scope.unwrap_or_default(),
            problem.unwrap_or_default(),
        )
    } else {
        format!("Basic realm=\"{SERVICE}\"")
    };
    let rejection = Rejection::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "authentication required");
    ([(header::WWW_AUTHENTICATE, challenge)], rejection.into_registry()).into_response()
}
