//! The identity of an object: its ServiceAccount as it is now, and the session that goes with it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_smithy_async::future::timeout::Timeout;
use aws_smithy_async::rt::sleep::AsyncSleep;

use super::Tenancy;
#[cfg(feature = "assume-role-annotation")]
use super::annotation::AssumeRole;
use crate::chain::{Chain, Resolved};
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind};
use crate::reason::Reason;
use crate::report::{ChainReport, SourceReport, SourceResult};
use crate::role_hop::RoleHop;
use crate::service_account::{ServiceAccount, ServiceAccountRef, ServiceAccountRole, ServiceAccountSource};
use crate::source::{Notes, SourceKind};

/// How long reading a ServiceAccount may take, beside the deadline of the exchange with STS.
const READ_LIMIT: Duration = Duration::from_secs(5);

/// All that makes one session different from another: the key of the cache.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Request {
    service_account: ServiceAccountRef,
    uid: String,
    role: Option<String>,
    /// The ServiceAccount has the controller's identity assume the first of the hops.
    starts_at_controller: bool,
    region: String,
    sts_endpoint: Option<String>,
    hops: Vec<RoleHop>,
}

/// What an object asks for.
pub(super) struct Object {
    tenancy: Arc<Tenancy>,
    role: ServiceAccountRole,
    reference: ServiceAccountRef,
    /// It names no ServiceAccount, and this is the default one.
    is_default: bool,
    region: String,
    sts_endpoint: Option<Endpoint>,
    hops: Vec<RoleHop>,
    /// The last request, whose session stays in the cache as long as this is here.
    last: Mutex<Option<(Request, Chain)>>,
}

impl Object {
    pub(super) fn new(
        tenancy: Arc<Tenancy>,
        reference: ServiceAccountRef,
        is_default: bool,
        region: &str,
        sts_endpoint: Option<Endpoint>,
    ) -> Self {
        let role = ServiceAccountRole::at(reference.clone(), tenancy.tokens.clone(), sts_endpoint.clone());
        let (region, hops, last) = (region.to_owned(), Vec::new(), Mutex::new(None));
        Self { tenancy, role, reference, is_default, region, sts_endpoint, hops, last }
    }

    pub(super) fn with_hop(&self, hop: RoleHop) -> Self {
        let object = Self::new(
            self.tenancy.clone(),
            self.reference.clone(),
            self.is_default,
            &self.region,
            self.sts_endpoint.clone(),
        );
        Self { hops: self.hops.iter().cloned().chain([hop]).collect(), ..object }
    }

    /// The credentials of the ServiceAccount as it is now.
    pub(super) async fn resolve(&self) -> Result<Resolved, Error> {
        let (request, account) = self.read().await?;
        let chain = self.chain(&request, &account);
        if let Some(ready) = chain.ready() {
            return Ok(Resolved::clone(&ready));
        }
        chain.resolve().await?;
        // That took a while, in which the ServiceAccount may have been taken away, or given another role.
        let (now, _) = self.read().await?;
        let error = match chain.ready().filter(|_| now == request) {
            Some(ready) => return Ok(Resolved::clone(&ready)),
            None if now == request => self.too_late(),
            None => self.replaced(),
        };
        Err(self.failed(error, Notes::default(), None))
    }

    pub(super) fn forget_credentials(&self, rejected: &Credentials) -> bool {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        last.is_some_and(|(_, chain)| chain.forget_credentials(rejected))
    }

    /// Reads the ServiceAccount, and what it asks for.
    async fn read(&self) -> Result<(Request, ServiceAccount), Error> {
        let (time, sleep) = self.tenancy.template.time();
        let started_at = time.now();
        let mut notes = Notes::default();
        let read = Timeout::new(self.role.account(&mut notes), sleep.sleep(READ_LIMIT)).await;
        let read = read.unwrap_or_else(|_| {
            notes.add(self.role.to_string(), format!("no answer within {READ_LIMIT:?}"));
            Err(Error::because(
                Reason::DeadlinePassed,
                format!(
                    "failed to get service account '{}': no answer within {READ_LIMIT:?}",
                    self.reference
                ),
            )
            .with_hint(
                "Check that the Kubernetes API answers, or read ServiceAccounts from a watch's cache.",
            ))
        });
        let account = read.map_err(|error| self.failed(self.explained(error), notes, Some(started_at)))?;
        let Some(uid) = account.uid() else {
            let error = Error::new(ErrorKind::Configuration, format!("{} was read without its uid", self.role))
                .with_hint("Let the implementation of ServiceAccountTokens give metadata.uid by ServiceAccount::with_uid.");
            return Err(self.failed(error, Notes::default(), Some(started_at)));
        };
        let (starts_at_controller, hops) = match self.annotated(&account) {
            Ok(annotated) => annotated,
            Err(error) => return Err(self.failed(error, Notes::default(), Some(started_at))),
        };
        let request = Request {
            service_account: self.reference.clone(),
            uid: uid.to_owned(),
            role: account.role_arn().map(str::to_owned),
            region: self.region.clone(),
            sts_endpoint: self.sts_endpoint.as_ref().map(Endpoint::url),
            starts_at_controller,
            hops,
        };
        Ok((request, account))
    }

    /// Whether the controller's identity makes the first hop, and the hops: the one that the ServiceAccount asks for, then those
    /// of the program.
    #[cfg(feature = "assume-role-annotation")]
    fn annotated(&self, account: &ServiceAccount) -> Result<(bool, Vec<RoleHop>), Error> {
        let asked = match self.tenancy.controller_of_hops {
            Some(_) => {
                let is_locked = self.tenancy.default_service_account.is_some();
                AssumeRole::read(&self.role, account, is_locked)?
            }
            None => None,
        };
        let starts_at_controller = asked.as_ref().is_some_and(|asked| !asked.uses_service_account);
        let hops = asked.map(|asked| asked.hop).into_iter().chain(self.hops.iter().cloned());
        Ok((starts_at_controller, hops.collect()))
    }

    #[cfg(not(feature = "assume-role-annotation"))]
    #[expect(clippy::unnecessary_wraps, reason = "as with the feature")]
    fn annotated(&self, _account: &ServiceAccount) -> Result<(bool, Vec<RoleHop>), Error> {
        Ok((false, self.hops.clone()))
    }

    /// The chain of this request: the last one, or one that shares its session with all who ask for the same.
    fn chain(&self, request: &Request, account: &ServiceAccount) -> Chain {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, chain)) = last.as_ref().filter(|(asked, _)| asked == request) {
            return chain.clone();
        }
        let chain = self.new_chain(request, account);
        let before = last.replace((request.clone(), chain.clone()));
        drop(last);
        // Not under the lock: it may be the last handle to a session.
        drop(before);
        chain
    }

    fn new_chain(&self, request: &Request, account: &ServiceAccount) -> Chain {
        let sessions = &self.tenancy.sessions;
        let mut part = Request { hops: Vec::new(), ..request.clone() };
        let first = self.first(account, &part);
        request.hops.iter().fold(first, |chain, hop| {
            part.hops.push(hop.clone());
            chain.assume_role_in(sessions, part.clone(), hop.clone(), self.sts_endpoint.clone())
        })
    }

    /// Where the hops start: at the ServiceAccount's own role.
    #[cfg(not(feature = "assume-role-annotation"))]
    fn first(&self, account: &ServiceAccount, request: &Request) -> Chain {
        self.session(account, request)
    }

    /// Where the hops start: at the ServiceAccount's own role, or at the controller's identity where it asks for that.
    #[cfg(feature = "assume-role-annotation")]
    fn first(&self, account: &ServiceAccount, request: &Request) -> Chain {
        match &self.tenancy.controller_of_hops {
            Some(controller) if request.starts_at_controller => {
                controller.chain_for(Some(&self.region)).in_region(&self.region)
            }
            _ => self.session(account, request),
        }
    }

    fn session(&self, account: &ServiceAccount, request: &Request) -> Chain {
        let source = ServiceAccountSource::as_read(self.role.clone(), account.clone());
        let template = self.tenancy.template.clone();
        template.session(source, &self.region).build_in(&self.tenancy.sessions, request.clone())
    }

    /// A failure to read, in Flux's words where it has some.
    fn explained(&self, error: Error) -> Error {
        if !self.is_default || error.kind() != ErrorKind::Configuration {
            return error;
        }
        let message = format!(
            "failed to get service account '{}': the specified default service account does not exist in the object namespace. \
             your cluster is subject to multi-tenant workload identity lockdown, reach out to your cluster administrator for help",
            self.reference
        );
        Error::because(Reason::DefaultServiceAccountMissing, message)
            .with_hint(format!(
                "Make ServiceAccount {} and annotate it with its role, or name another in the object's spec.",
                self.reference
            ))
            .with_source(error)
    }

    /// The session ended while its ServiceAccount was read again.
    fn too_late(&self) -> Error {
        Error::because(
            Reason::ExpiredOnArrival,
            format!("the session of {} had expired before it could be handed out", self.role),
        )
        .with_hint(
            "Try again; if it lasts, check this machine's clock and how fast the Kubernetes API answers.",
        )
    }

    fn replaced(&self) -> Error {
        Error::because(
            Reason::ServiceAccountReplaced,
            format!("{} was changed while its role was assumed", self.role),
        )
        .with_hint("Try again: the next try starts from what it is now.")
    }

    /// The same failure with a report of its own, as a chain's has one.
    fn failed(&self, error: Error, notes: Notes, started_at: Option<SystemTime>) -> Error {
        let now = self.tenancy.template.time().0.now();
        let started_at = started_at.unwrap_or(now);
        let duration = now.duration_since(started_at).unwrap_or_default();
        let source = SourceReport {
            kind: SourceKind::ServiceAccount,
            notes,
            hint: error.hint().map(str::to_owned),
            result: SourceResult::Failed(error.clone()),
            duration,
        };
        let report = ChainReport::new(vec![source], None, started_at, duration);
        error
            .wrapped(format!("no AWS credentials: {} failed", SourceKind::ServiceAccount))
            .with_report(report)
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object")
            .field("service_account", &self.reference)
            .field("region", &self.region)
            .field("hops", &self.hops)
            .finish_non_exhaustive()
    }
}
