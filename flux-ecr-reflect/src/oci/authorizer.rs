//! Who asks, and how a registry wants that proved.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flux_aws_auth::cache::{Cache, CacheBuilder, Handle, LoadError, Loaded};

use super::challenge::Challenge;
use super::demand::{Demand, ask};
use super::failure::{Said, Subject};
use super::origin::Origin;
use super::realm::Realms;
use super::token::{NotLoaded, Token, TokenKey, TokenService, whose};
use super::wire::{Answer, Wire};
use crate::error::{Error, ErrorKind};
use crate::image::ImageName;
use crate::login::{Login, LoginKind, LoginSource};
use crate::tags::Caller;

/// The logins, and what is known of the registries that they are for.
pub(super) struct Authorizer {
    wire: Wire,
    logins: Option<Arc<dyn LoginSource>>,
    realms: Arc<Realms>,
    /// What registries and, where it differs, their repositories asked for when they refused a request.
    demanded: Mutex<HashMap<String, Demand>>,
    /// What registries ask for when they are asked for nothing.
    demands: Cache<Origin, Demand, NotLoaded>,
    tokens: Cache<TokenKey, Token, NotLoaded>,
}

/// What a request carries to prove who asks.
pub(super) struct Proof {
    kind: ProofKind,
    /// What the registry was known to want when this was made.
    demand: Demand,
}

enum ProofKind {
    Nothing,
    Login(Arc<Login>),
    Token(Handle<Token, NotLoaded>, Arc<Token>),
}

impl Proof {
    pub(super) fn header(&self) -> Option<String> {
        match &self.kind {
            ProofKind::Nothing => None,
            ProofKind::Login(login) => login.authorization(),
            ProofKind::Token(_, token) => Some(format!("Bearer {}", token.secret())),
        }
    }

    /// Who asks, as reports name it.
    pub(super) fn caller(&self) -> Caller {
        self.login().map_or(Caller::Anonymous, |login| Caller::Login(login.kind()))
    }

    /// Who asks, as errors name it.
    pub(super) fn asker(&self) -> String {
        match &self.kind {
            ProofKind::Nothing => "a request without a login".to_owned(),
            ProofKind::Login(login) => whose(login),
            ProofKind::Token(_, token) => match &token.login {
                Some(login) => format!("a token for {}", whose(login)),
                None => "an anonymous token".to_owned(),
            },
        }
    }

    /// What no error may repeat.
    pub(super) fn secrets(&self) -> Vec<String> {
        let token = match &self.kind {
            ProofKind::Token(_, token) => Some(token.secret().to_owned()),
            _ => None,
        };
        token.into_iter().chain(self.login().into_iter().flat_map(Login::secrets)).collect()
    }

    fn login(&self) -> Option<&Login> {
        match &self.kind {
            ProofKind::Nothing => None,
            ProofKind::Login(login) => Some(login),
            ProofKind::Token(_, token) => token.login.as_deref(),
        }
    }
}

/// What was wrong with a proof.
pub(super) enum Refused {
    /// The registry wants another, which was not known.
    NewDemand,
    /// It is not good any more, or never was. What was held is held no more.
    SameDemand,
}

impl Authorizer {
    pub(super) fn new(
        wire: Wire,
        caches: &CacheBuilder,
        logins: Option<Arc<dyn LoginSource>>,
        realms: Realms,
    ) -> Self {
        Self {
            wire,
            logins,
            realms: Arc::new(realms),
            demanded: Mutex::default(),
            demands: caches.clone().build(),
            tokens: caches.clone().build(),
        }
    }

    /// What a request about `subject` is to carry.
    pub(super) async fn proof(&self, subject: Subject<'_>) -> Result<Proof, Error> {
        let login = self.login(subject).await?;
        if let Some(login) = login.as_ref().filter(|login| login.kind() == LoginKind::BearerToken) {
            return Ok(Proof { kind: ProofKind::Login(login.clone()), demand: Demand::Nothing });
        }
        let demand = self.demand(subject, login.as_ref()).await?;
        let kind = match (&demand, login) {
            (Demand::Bearer { service, scope }, login) => {
                self.token(subject, service.clone(), scope.as_deref(), login).await?
            }
            (Demand::Basic, Some(login)) if login.kind() == LoginKind::IdentityToken => {
                let registry = subject.registry();
                let message =
                    format!("{registry} takes a user and a password, and the login is an identity token");
                return Err(Error::new(ErrorKind::Credentials, message));
            }
            // A registry that is open may show more to those whom it knows.
            (_, Some(login)) if login.kind() == LoginKind::Basic => ProofKind::Login(login),
            _ => ProofKind::Nothing,
        };
        Ok(Proof { kind, demand })
    }

    async fn login(&self, subject: Subject<'_>) -> Result<Option<Arc<Login>>, Error> {
        match &self.logins {
            Some(logins) => logins.login(subject.image).await,
            None => Ok(None),
        }
    }

    /// Takes in what a registry answered to a request with `proof`. `None` unless it is that it does not accept that.
    pub(super) fn refused(
        &self,
        subject: Subject<'_>,
        proof: &Proof,
        answer: &Answer,
    ) -> Result<Option<Refused>, Error> {
        let is_expired = || Said::read(answer, &[]).is_of_expired_login(answer.status);
        // What went well is not read twice.
        if answer.is_success() || (answer.status != 401 && !is_expired()) {
            return Ok(None);
        }
        self.learn(subject, answer)?;
        // Whoever was refused with the same may have let go of it before: that there is another says only the next one.
        match (&proof.kind, &self.logins) {
            (ProofKind::Login(login), Some(logins)) => {
                logins.forget(subject.image, login);
            }
            (ProofKind::Token(handle, token), _) => {
                handle.forget_value(token);
            }
            _ => {}
        }
        // Others may have learned it first.
        let has_new_demand = self.known(subject).is_some_and(|demand| demand != proof.demand);
        Ok(Some(if has_new_demand { Refused::NewDemand } else { Refused::SameDemand }))
    }

    fn learn(&self, subject: Subject<'_>, answer: &Answer) -> Result<(), Error> {
        let challenges = Challenge::all(answer.headers.get_all_bytes("www-authenticate"));
        let Some(mut demand) = self.realms.demand(subject.origin, &challenges)? else { return Ok(()) };
        let mut demanded = self.demanded();
        if demanded.len() > MAX_DEMANDED {
            demanded.clear();
        }
        if let Demand::Bearer { scope, .. } = &mut demand {
            let special = scope.take().filter(|scope| *scope != own_scope(subject));
            if special.is_some() {
                let mut of_repository_alone = demand.clone();
                if let Demand::Bearer { scope, .. } = &mut of_repository_alone {
                    *scope = special;
                }
                demanded.insert(of_repository(subject), of_repository_alone);
            } else {
                demanded.remove(&of_repository(subject));
            }
        }
        demanded.insert(subject.origin.to_string(), demand);
        Ok(())
    }

    fn known(&self, subject: Subject<'_>) -> Option<Demand> {
        let demanded = self.demanded();
        let of_repository = demanded.get(&of_repository(subject));
        of_repository.or_else(|| demanded.get(&subject.origin.to_string())).cloned()
    }

    async fn demand(&self, subject: Subject<'_>, login: Option<&Arc<Login>>) -> Result<Demand, Error> {
        match (self.known(subject), login) {
            (Some(demand), _) => Ok(demand),
            // The request itself is as good a question as any.
            (None, None) => Ok(Demand::Nothing),
            (None, Some(login)) if login.kind() == LoginKind::Anonymous => Ok(Demand::Nothing),
            (None, Some(_)) if subject.image.ecr_registry().is_ok() => Ok(Demand::Basic),
            // Without a login a registry may answer, and leave out what is not public: so it is asked for what it wants first.
            (None, Some(_)) => {
                let handle = self.demands.handle(subject.origin.clone(), {
                    let (wire, realms) = (self.wire.clone(), self.realms.clone());
                    let origin = subject.origin.clone();
                    move |_| ask(wire.clone(), realms.clone(), origin.clone())
                });
                let demand = handle.get().await.map_err(|NotLoaded(error)| error)?;
                Ok((*demand).clone())
            }
        }
    }

    async fn token(
        &self,
        subject: Subject<'_>,
        service: TokenService,
        scope: Option<&str>,
        login: Option<Arc<Login>>,
    ) -> Result<ProofKind, Error> {
        let own = own_scope(subject);
        // Services that look at one scope alone look at the first.
        let scope = match scope {
            Some(scope) if !scope.split(' ').any(|scope| scope == own) => format!("{scope} {own}"),
            Some(scope) => scope.to_owned(),
            None => own,
        };
        let key = TokenKey {
            registry: subject.origin.clone(),
            image: subject.image.clone(),
            realm: service.realm.to_string(),
            service: service.service.clone(),
            scope: scope.clone(),
        };
        let handle = self.tokens.handle(key, {
            let (wire, logins) = (self.wire.clone(), self.logins.clone());
            let (origin, image) = (subject.origin.clone(), subject.image.clone());
            move |_| {
                fetch(
                    wire.clone(),
                    logins.clone(),
                    service.clone(),
                    origin.clone(),
                    image.clone(),
                    scope.clone(),
                )
            }
        });
        let mut token = handle.get().await.map_err(|NotLoaded(error)| error)?;
        let is_of = |login: Option<&Arc<Login>>, token: &Token| is_same(token.login.as_ref(), login);
        // Getting the token may have brought a new login.
        if !is_of(login.as_ref(), &token) && !is_of(self.login(subject).await?.as_ref(), &token) {
            handle.forget_value(&token);
            token = handle.get().await.map_err(|NotLoaded(error)| error)?;
        }
        Ok(ProofKind::Token(handle, token))
    }

    fn demanded(&self) -> MutexGuard<'_, HashMap<String, Demand>> {
        self.demanded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorizer").field("logins", &self.logins).finish_non_exhaustive()
    }
}

/// More registries and repositories than one process asks; beyond it they are asked again.
const MAX_DEMANDED: usize = 20_000;

fn of_repository(subject: Subject<'_>) -> String {
    format!("{}/{}", subject.origin, subject.image.repository())
}

fn own_scope(subject: Subject<'_>) -> String {
    format!("repository:{}:pull", subject.image.repository())
}

fn is_same(one: Option<&Arc<Login>>, other: Option<&Arc<Login>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.proves_the_same_as(other),
        (one, other) => one.is_none() && other.is_none(),
    }
}

/// Exchanges the login of the moment for a token; once more, if its source has another.
async fn fetch(
    wire: Wire,
    logins: Option<Arc<dyn LoginSource>>,
    service: TokenService,
    registry: Origin,
    image: ImageName,
    scope: String,
) -> Result<Loaded<Token>, LoadError<NotLoaded>> {
    let Some(logins) = logins else {
        return Ok(service.fetch(&wire, &registry, &scope, None).await?);
    };
    let login = || async {
        logins.login(&image).await.map_err(|error| {
            if error.is_retryable() {
                LoadError::Transient(NotLoaded(error))
            } else {
                LoadError::Denied(NotLoaded(error))
            }
        })
    };
    let first = login().await?;
    let failed = match service.fetch(&wire, &registry, &scope, first.clone()).await {
        Err(failed) if failed.is_rejection => failed,
        outcome => return Ok(outcome?),
    };
    if let Some(first) = &first {
        logins.forget(&image, first);
    }
    // Another repository's token may have been refused for the same login before.
    let second = login().await?;
    if is_same(first.as_ref(), second.as_ref()) {
        return Err(failed.into());
    }
    Ok(service.fetch(&wire, &registry, &scope, second).await?)
}
