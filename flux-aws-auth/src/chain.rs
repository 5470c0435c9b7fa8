//! The sources in order, and the credentials of the first that is set up.

use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_smithy_async::future::now_or_later::BoxFuture;
use aws_smithy_async::future::timeout::Timeout;
use aws_smithy_async::rt::sleep::AsyncSleep;
use aws_types::region::Region;

use crate::cache::{Cache, Counters, Handle};
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind};
use crate::expectation::Expectation;
use crate::principal::Principal;
use crate::report::{ChainReport, SourceReport};
use crate::role_hop::RoleHop;
use crate::source::{CredentialSource, Notes, Provided, RoleHopSource, SourceContext};
use crate::sts::{CallerIdentity, Sts};

mod ask;
mod builder;
mod refresh;
mod sdk_order;

pub use builder::{ChainBuilder, SourceOrder};
pub(crate) use sdk_order::SetUp;

/// Credential sources, asked in order.
///
/// The first source that is set up decides: its credentials are the chain's, and so is its failure. Only a source that is
/// *not* set up lets the chain go on, so no error can turn the program into another identity. Once a source has given a
/// chain its first credentials, that source alone is asked from then on: where it has none any more, that is a failure
/// ([`Reason::SourceGone`](crate::Reason::SourceGone)), and not the next source's turn.
///
/// The credentials of a node may outlive their expiry, as AWS lets them ([`InstanceMetadata`](crate::source::InstanceMetadata)
/// has the rule). No others do.
///
/// A chain is a handle: clones share what it holds. It implements [`ProvideCredentials`], so it goes into any `aws-sdk-*`
/// client. Such a client has a cache of its own, which asks again only seconds before the credentials expire; with
/// `identity_cache(IdentityCache::no_cache())` it leaves that to the chain, which then refreshes at half of their life and has
/// the other half to get over an outage.
///
/// # Limits
///
/// A call to STS connects within three seconds and is answered within five, body included; it is tried up to three times, with
/// random pauses, within fifteen seconds and the chain's [deadline](ChainBuilder::deadline). When it fails,
/// [`ConnectionFailure`](crate::ConnectionFailure) tells a name that is not found from a refused connection, a proxy that wants a
/// password, or a certificate that this machine's clock takes for expired. Of what is on the node, the Pod Identity agent has one
/// second to take a connection and five to answer, and the instance metadata service one second for each request.
///
/// # Example
///
/// ```no_run
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use flux_aws_auth::Chain;
///
/// let chain = Chain::builder().build();
/// match chain.resolve().await {
///     Ok(resolved) => println!("{}", resolved.report()),
///     Err(error) => eprintln!("{error}: {}", error.report().map_or(String::new(), ToString::to_string)),
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct Chain {
    inner: Arc<Inner>,
    held: Handle<Resolved, Error>,
}

struct Inner {
    sources: Vec<Arc<dyn CredentialSource>>,
    context: SourceContext,
    deadline: Duration,
    expectation: Expectation,
    /// Once a source has given credentials, what became of those before it: they are asked no more. Chains of one identity share
    /// it.
    settled: Arc<OnceLock<Vec<SourceReport>>>,
}

impl Chain {
    /// Starts a chain: the four sources that Flux knows, in [`SourceOrder::SecretlessFirst`], over the process's
    /// environment.
    pub fn builder() -> ChainBuilder {
        ChainBuilder::default()
    }

    /// The credentials and how they were found.
    ///
    /// Credentials are fresh for the first half of their life, give or take a tenth. The first call after that has the
    /// sources asked again in the background, while everybody goes on with the old ones: until they expire, however often that
    /// fails. Only a refusal ([`ErrorKind::AccessDenied`], [`ErrorKind::UnexpectedIdentity`]) ends them before. Credentials that
    /// never expire also end when their source has none any more ([`Reason::SourceGone`](crate::Reason::SourceGone)) or a key or a
    /// token is not accepted ([`ErrorKind::InvalidToken`]), since nothing else would end them. When there are none, the
    /// sources are asked once and all who came meanwhile share the outcome, good or bad; after a failure nobody asks again for a
    /// pause of 250 milliseconds, which grows to two seconds, and who comes meanwhile gets that failure. The
    /// [`cache`](crate::cache) has the whole contract.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoIdentity`] when no source is set up, else the kind of the failure of the first one that is.
    /// [`Error::report`] has what each source looked at. There is none where asking itself came to no end: a source panicked, held
    /// up its thread, or asked this chain, or [`forget`](Self::forget) cancelled it again and again.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: the sources are asked in a task of its own, which goes on. Outside tokio a caller
    /// who waits takes over.
    pub async fn resolve(&self) -> Result<Resolved, Error> {
        self.resolved().await.map(|resolved| Resolved::clone(&resolved))
    }

    /// Resolves, again and again until it succeeds or `patience` is over. For the start of a program, which in a new pod can
    /// come before its Pod Identity agent answers, or before IAM knows an association or a trust policy everywhere.
    ///
    /// Between two tries it waits half a second, then twice as long each time, up to four seconds. What waiting cannot mend
    /// ([`ErrorKind::Configuration`], [`ErrorKind::UnexpectedIdentity`]) is returned at once.
    ///
    /// # Errors
    ///
    /// That of the last try. When `patience` ends in the middle of a try, that of the one before; of the first,
    /// [`ErrorKind::TimedOut`].
    ///
    /// # Cancel safety
    ///
    /// As [`resolve`](Self::resolve).
    pub async fn wait_for_identity(&self, patience: Duration) -> Result<Resolved, Error> {
        let sleep_impl = &self.inner.context.sleep_impl;
        let mut last = ask::timed_out(patience);
        let mut pause = Duration::from_millis(500);
        let tries = async {
            loop {
                match self.resolve().await {
                    Ok(resolved) => return Ok(resolved),
                    Err(error) if !error.kind().may_pass() => return Err(error),
                    Err(error) => last = error,
                }
                sleep_impl.sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(4));
            }
        };
        match Timeout::new(tries, sleep_impl.sleep(patience)).await {
            Ok(result) => result,
            Err(_) => Err(last),
        }
    }

    /// A chain whose credentials are those of a further role, assumed with the credentials of this one: STS's [AssumeRole].
    ///
    /// The new chain holds its own credentials, by the same rules; they are renewed with what this chain then gives, never with
    /// themselves. It shares this chain's region, clients, clock and deadline, which covers both. What
    /// [was expected](ChainBuilder::expect_role) of the first is not asked of the second, whose role is known. Its report has
    /// this chain's [inside](SourceReport::base).
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), flux_aws_auth::Error> {
    /// use flux_aws_auth::{Chain, RoleHop};
    ///
    /// let hop = RoleHop::new("arn:aws:iam::444455556666:role/reader".parse()?).with_external_id("flux")?;
    /// let chain = Chain::builder().build().assume_role(hop);
    /// println!("{}", chain.resolve().await?.principal());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A refusal of AWS comes as [`Reason::HopNotTrusted`](crate::Reason::HopNotTrusted) or
    /// [`Reason::TagSessionDenied`](crate::Reason::TagSessionDenied), with what the policies on both sides must allow.
    ///
    /// [AssumeRole]: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    #[must_use]
    pub fn assume_role(&self, hop: RoleHop) -> Self {
        let inner = self.hop(hop, None);
        Self { held: inner.clone().held(), inner }
    }

    /// The same for an object, with credentials that are those that the cache has for `key`.
    pub(crate) fn assume_role_in<K>(
        &self,
        cache: &Cache<K, Resolved, Error>,
        key: K,
        hop: RoleHop,
        sts_endpoint: Option<Endpoint>,
    ) -> Self
    where
        K: Eq + Hash + Clone + Send + Sync + 'static,
    {
        let inner = self.hop(hop, sts_endpoint);
        Self { held: inner.clone().held_in(cache, key), inner }
    }

    fn hop(&self, hop: RoleHop, sts_endpoint: Option<Endpoint>) -> Arc<Inner> {
        Arc::new(Inner {
            sources: vec![Arc::new(RoleHopSource { base: self.clone(), hop, sts_endpoint })],
            context: self.inner.context.clone(),
            deadline: self.inner.deadline,
            expectation: Expectation::default(),
            settled: Arc::default(),
        })
    }

    /// Lets go of the credentials that are held, so that every later caller gets new ones. It ends the pause after a failure.
    ///
    /// For when the set-up has changed: another association, another annotation, a rotated key. What the sources are being
    /// asked at this moment is cancelled and asked again. The chain stays with the source that it has: a new chain asks all.
    pub fn forget(&self) {
        self.held.forget();
    }

    /// As [`forget`](Self::forget), if these are the credentials that are held; says whether they were. The key and the session
    /// token decide: what has been given a longer life since is still what AWS rejected.
    ///
    /// For credentials that AWS no longer accepts, though they have not expired. Of many who find that out, the first makes
    /// them go and the others do not undo what was loaded since.
    pub fn forget_credentials(&self, rejected: &Credentials) -> bool {
        let held = self.held.peek().filter(|held| held.provided.has_key_of(rejected));
        held.is_some_and(|held| self.held.forget_value(&held))
    }

    /// How often there were credentials at once, how often not, and what became of asking.
    pub fn counters(&self) -> Counters {
        self.held.counters()
    }

    /// What the sources work with.
    pub(crate) fn context(&self) -> &SourceContext {
        &self.inner.context
    }

    /// The sources, in their order.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &dyn CredentialSource> {
        self.inner.sources.iter().map(AsRef::as_ref)
    }

    /// Asks STS whose credentials these are. AWS grants this to everyone ([GetCallerIdentity]).
    ///
    /// [GetCallerIdentity]: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    ///
    /// # Errors
    ///
    /// Those of [`resolve`](Self::resolve), a missing region, and what STS answers.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the request.
    pub async fn caller_identity(&self) -> Result<CallerIdentity, Error> {
        let sts = Sts::new(&self.inner.context)?;
        let resolved = self.resolve().await?;
        sts.caller_identity(&mut Notes::default(), resolved.credentials().clone()).await
    }
}

/// For those who hold several chains, or put conditions on what one gives.
impl Chain {
    // In a box, so that asking the sources is compiled once, here, and not by everybody who resolves a chain.
    pub(crate) fn resolved(&self) -> BoxFuture<'_, Result<Arc<Resolved>, Error>> {
        Box::pin(self.held.get())
    }

    /// What is held and good, without waiting; a stale one is renewed in the background.
    pub(crate) fn ready(&self) -> Option<Arc<Resolved>> {
        self.held.ready()
    }

    pub(crate) fn peek(&self) -> Option<Arc<Resolved>> {
        self.held.peek()
    }

    /// The same chain, from which hops go to STS in another region.
    #[cfg(feature = "assume-role-annotation")]
    pub(crate) fn in_region(&self, region: &str) -> Self {
        let inner = &self.inner;
        let context = SourceContext { region: Some(Region::new(region.to_owned())), ..inner.context.clone() };
        Self { inner: inner.with_context(context), held: self.held.clone() }
    }

    /// The same identity for a resource in this region, whose STS is asked where nothing else says one. Its credentials are those
    /// that the cache has for the region.
    pub(crate) fn for_resource_in(&self, region: &str, cache: &Cache<String, Resolved, Error>) -> Self {
        let of_resource = Some(Region::new(region.to_owned()));
        let context = SourceContext { region_of_resource: of_resource, ..self.inner.context.clone() };
        let inner = self.inner.with_context(context);
        Self { held: inner.clone().held_in(cache, region.to_owned()), inner }
    }

    /// A cache for chains that are like this one.
    pub(crate) fn cache<K>(&self, capacity: usize) -> Cache<K, Resolved, Error>
    where
        K: Eq + Hash + Clone + Send + Sync + 'static,
    {
        self.inner.cache_builder().capacity(capacity).build()
    }
}

impl Inner {
    fn with_context(&self, context: SourceContext) -> Arc<Self> {
        Arc::new(Self {
            sources: self.sources.clone(),
            deadline: self.deadline,
            expectation: self.expectation.clone(),
            settled: self.settled.clone(),
            context,
        })
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<_> = self.inner.sources.iter().map(CredentialSource::kind).collect();
        f.debug_struct("Chain").field("sources", &kinds).finish_non_exhaustive()
    }
}

impl ProvideCredentials for Chain {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        // The rule, not the exception: no allocation, no task switch.
        if let Some(credentials) = self.held.ready_as(|resolved| resolved.credentials().clone()) {
            return future::ProvideCredentials::ready(Ok(credentials));
        }
        future::ProvideCredentials::new(async move {
            let resolved = self.resolved().await;
            resolved.map(|resolved| resolved.credentials().clone()).map_err(to_credentials_error)
        })
    }

    /// What is held and still good: a client whose patience ended before the sources answered goes on with it.
    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.held.peek().map(|resolved| resolved.credentials().clone())
    }
}

/// The error in the AWS SDK's words, with all of it inside.
pub(crate) fn to_credentials_error(error: Error) -> CredentialsError {
    match error.kind() {
        ErrorKind::NoIdentity => CredentialsError::not_loaded(error),
        ErrorKind::Configuration => CredentialsError::invalid_configuration(error),
        _ => CredentialsError::provider_error(error),
    }
}

/// Credentials, and how they were found.
#[derive(Clone, Debug)]
pub struct Resolved {
    provided: Provided,
    report: ChainReport,
}

impl Resolved {
    /// The credentials. For a client, give it the [`Chain`] instead: these do not refresh.
    pub fn credentials(&self) -> &Credentials {
        self.provided.credentials()
    }

    /// Whose they are, as far as the source says.
    pub fn principal(&self) -> &Principal {
        self.provided.principal()
    }

    /// When they end, if they do.
    pub fn expiry(&self) -> Option<SystemTime> {
        self.provided.expiry()
    }

    /// What each source looked at and found.
    pub fn report(&self) -> &ChainReport {
        &self.report
    }
}
