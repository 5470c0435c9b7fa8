//! Logins, and a registry that wants tokens.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use flux_ecr_reflect::{Error, ImageName, Login, LoginSource, OciRegistry};

use crate::fake::{self, Asked, LIST, Log, Reply};

pub(crate) const PASSWORD: &str = "correct-horse-battery";
/// `user:correct-horse-battery`.
pub(crate) const BASIC: &str = "Basic dXNlcjpjb3JyZWN0LWhvcnNlLWJhdHRlcnk=";
pub(crate) const BEARER: &str = r#"Bearer realm="https://registry.example.com/token",service="the service",scope="repository:apps/app:pull""#;

/// Logins in a row: when one is let go of, the next is held.
#[derive(Debug, Clone)]
pub(crate) struct Held(pub(crate) Arc<Mutex<Vec<Arc<Login>>>>);

impl Held {
    pub(crate) fn one(login: Login) -> Self {
        Self::all([login])
    }

    pub(crate) fn all(logins: impl IntoIterator<Item = Login>) -> Self {
        let mut logins: Vec<_> = logins.into_iter().map(Arc::new).collect();
        logins.reverse();
        Self(Arc::new(Mutex::new(logins)))
    }

    pub(crate) fn user() -> Self {
        Self::one(Login::basic("user", PASSWORD))
    }
}

#[async_trait]
impl LoginSource for Held {
    async fn login(&self, _: &ImageName) -> Result<Option<Arc<Login>>, Error> {
        Ok(self.0.lock().expect("not poisoned").last().cloned())
    }

    fn forget(&self, _: &ImageName, rejected: &Arc<Login>) -> bool {
        let mut logins = self.0.lock().expect("not poisoned");
        let is_held = logins.len() > 1 && logins.last().is_some_and(|login| Arc::ptr_eq(login, rejected));
        if is_held {
            logins.pop();
        }
        is_held
    }
}

pub(crate) fn registry(
    logins: Option<Held>,
    answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
) -> (OciRegistry, Log) {
    let (client, log) = fake::world(answer);
    let builder = fake::builder(client);
    let builder = match logins {
        Some(logins) => builder.login(logins),
        None => builder,
    };
    (builder.build().expect("complete"), log)
}

/// Two pages for whoever has `Bearer token-N` with N of `good`; tokens are `token-1`, `token-2` and so on.
pub(crate) fn with_tokens(
    good: impl Fn(usize) -> bool + Send + Sync,
) -> impl Fn(&Asked) -> Reply + Send + Sync {
    let given = AtomicUsize::new(0);
    move |asked| {
        if asked.path.starts_with("/token") {
            let number = given.fetch_add(1, Ordering::Relaxed) + 1;
            return Reply::ok(format!(r#"{{"token":"token-{number}","expires_in":300}}"#));
        }
        let number = asked.authorization.as_deref().and_then(|header| header.strip_prefix("Bearer token-"));
        match number.and_then(|number| number.parse().ok()).filter(|number| good(*number)) {
            None => Reply::unauthorized(BEARER),
            Some(_) => match asked.query("last") {
                None => Reply::tags(&["1.0.0"]).header("link", format!("<{LIST}?last=x>; rel=next")),
                Some(_) => Reply::tags(&["2.0.0"]),
            },
        }
    }
}
