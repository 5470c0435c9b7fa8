//! How a registry wants to be asked: what its challenges say.

use std::sync::Arc;
use std::time::Duration;

use flux_aws_auth::cache::{LoadError, Loaded};

use super::challenge::Challenge;
use super::failure::{Said, facts, no_answer};
use super::origin::Origin;
use super::realm::Realms;
use super::token::{NotLoaded, TokenService};
use super::wire::{Request, Tries, Wire};
use crate::error::{Error, ErrorKind};

/// How a registry wants to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Demand {
    Nothing,
    Basic,
    Bearer { service: TokenService, scope: Option<String> },
}

impl Realms {
    /// What these challenges ask for: a token rather than a password, as [go-containerregistry] prefers. `None` for what is not
    /// understood.
    ///
    /// [go-containerregistry]: https://github.com/google/go-containerregistry/blob/main/pkg/v1/remote/transport/ping.go
    pub(super) fn demand(
        &self,
        registry: &Origin,
        challenges: &[Challenge],
    ) -> Result<Option<Demand>, Error> {
        let of = |scheme| challenges.iter().find(|challenge| challenge.is(scheme));
        let refused = match of("bearer").and_then(|bearer| Some((bearer, bearer.param("realm")?))) {
            None => None,
            Some((bearer, realm)) => match self.check(registry, realm) {
                Ok(realm) => {
                    let service = TokenService { realm, service: bearer.param("service").map(str::to_owned) };
                    let scope = bearer.param("scope").filter(|scope| scope.len() <= MAX_SCOPE);
                    let scope = scope.map(|scope| scope.split_whitespace().collect::<Vec<_>>().join(" "));
                    return Ok(Some(Demand::Bearer { service, scope }));
                }
                Err(refused) => Some(refused),
            },
        };
        match (of("basic"), refused) {
            (Some(_), _) => Ok(Some(Demand::Basic)),
            (None, Some(refused)) => {
                let registry = registry.authority();
                let message =
                    format!("{registry} asks for a token of a service that is not trusted with logins");
                Err(Error::new(ErrorKind::Configuration, message)
                    .with_hint("If it is to be trusted, name it with token_service.")
                    .with_source(refused))
            }
            (None, None) => Ok(None),
        }
    }
}

/// Asks a registry for nothing, to learn [what it wants][1].
///
/// [1]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#determining-support
pub(super) async fn ask(
    wire: Wire,
    realms: Arc<Realms>,
    origin: Origin,
) -> Result<Loaded<Demand>, LoadError<NotLoaded>> {
    let request = Request {
        method: "GET",
        origin: origin.clone(),
        path_and_query: "/v2/".to_owned(),
        accept: "application/json",
        authorization: None,
        form: None,
        max_bytes: MAX_PING_BYTES,
        is_streamed: false,
    };
    let answer = wire.send(&request, &Tries::default()).await.map_err(|unanswered| {
        LoadError::Transient(NotLoaded(no_answer(
            unanswered,
            &origin.authority(),
            "for its authentication scheme",
        )))
    })?;
    let kind = Said::read(&answer, &[]).kind(answer.status);
    let demand = match answer.status {
        401 => {
            let challenges = Challenge::all(answer.headers.get_all_bytes("www-authenticate"));
            let demand = realms.demand(&origin, &challenges);
            // Its scope is of nothing that is wanted here.
            match demand.map_err(|error| LoadError::Denied(NotLoaded(error)))? {
                Some(Demand::Bearer { service, .. }) => Demand::Bearer { service, scope: None },
                Some(demand) => demand,
                None => Demand::Nothing,
            }
        }
        // It says nothing of what it wants. Taken for an open one, it would be asked as nobody where a token is wanted.
        status if !answer.is_success() && matches!(kind, ErrorKind::Throttled | ErrorKind::Unavailable) => {
            let host = origin.authority();
            let message =
                format!("{host} answered the request for its authentication scheme with HTTP {status}");
            let error = Error::new(kind, message);
            let error = error.with_hint("Try again. If it lasts, check the registry's status.");
            return Err(LoadError::Transient(NotLoaded(error.with_response(facts(&answer)))));
        }
        _ => Demand::Nothing,
    };
    Ok(Loaded::new(demand).with_expiry(wire.now() + DEMAND_LIFETIME))
}

/// Longer than any list of scopes that one request takes.
const MAX_SCOPE: usize = 2000;
/// Until what a registry wants is asked again; half of it, in truth. What it refuses counts at once.
const DEMAND_LIFETIME: Duration = Duration::from_hours(24);
const MAX_PING_BYTES: usize = 64 * 1024;
