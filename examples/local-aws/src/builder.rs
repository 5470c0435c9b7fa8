//! The set-up of an account, checked as a whole when the services start.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::cloud::Cloud;
use crate::credentials::{AccessKey, KeyStore};
use crate::error::Error;
use crate::fault::Faults;
use crate::generic_registry::GenericRegistry;
use crate::iam::{Caller, CompiledRole, Role, SessionAttributes, User, valid_account};
use crate::imds::{ImdsMode, Node};
use crate::issuer::Issuer;
use crate::kubernetes::{Cluster, ServiceAccount};
use crate::local_aws::LocalAws;
use crate::meter::{Ledger, Meter};
use crate::oidc::Provider;
use crate::pod_identity::Association;
use crate::public_registry::{PublicLogins, valid_alias};
use crate::registry::Logins;
use crate::repository::{Catalog, Repository};
use crate::seal::Seal;
use crate::server::Listeners;

/// The issuer of a [`LocalAws`] unless [`Builder::issuer`] says otherwise: the form an EKS cluster's has.
///
/// The account has an OpenID Connect provider for it, so trust policies can name
/// `arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE`.
pub const EXAMPLE_ISSUER: &str =
    "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE";

/// Describes a [`LocalAws`]; [`start`](Self::start) checks the description and opens the ports.
///
/// A cluster with two tenants, each with a role for its own images, and a third namespace that has none; the controller may
/// have tokens of the two:
///
/// ```
/// # async fn tenants() -> Result<(), local_aws::Error> {
/// use local_aws::{LocalAws, Rbac, Repository, Role, ServiceAccount};
///
/// let mut aws = LocalAws::builder();
/// let mut controller = ServiceAccount::new("flux-system", "image-reflector-controller")
///     .granted_everywhere([Rbac::GetServiceAccounts]);
/// for team in ["team-a", "team-b"] {
///     let images = format!("arn:aws:ecr:*:*:repository/{team}/*");
///     aws = aws
///         .role(Role::new(team).assumed_by_service_account(team, "image-reader").allowed(["ecr:ListImages"], &images))
///         .service_account(ServiceAccount::new(team, "image-reader").role(team))
///         .repository(Repository::with_tags(format!("{team}/app"), ["1.0.0"]));
///     controller = controller.granted_in(team, [Rbac::CreateServiceAccountTokens]);
/// }
/// // Annotated with another's role, and no token of it for the controller.
/// let intruder = ServiceAccount::new("team-c", "image-reader").role("team-a");
/// let aws = aws.service_account(controller).service_account(intruder).start().await?;
///
/// let token = aws.kubernetes().token("flux-system", "image-reflector-controller");
/// println!("{} with {} characters of token", aws.kubernetes_url(), token.len());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    account: String,
    region: String,
    issuer: String,
    clock: Clock,
    roles: Vec<Role>,
    users: Vec<User>,
    associations: Vec<(String, String, String)>,
    service_accounts: Vec<ServiceAccount>,
    node_role: Option<String>,
    imds: ImdsMode,
    repositories: Vec<Repository>,
    public_repositories: Vec<(String, Repository)>,
    generic_registry: GenericRegistry,
    oidc_accounts: BTreeSet<String>,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            account: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
            issuer: EXAMPLE_ISSUER.to_owned(),
            clock: Clock::system(),
            roles: Vec::new(),
            users: Vec::new(),
            associations: Vec::new(),
            service_accounts: Vec::new(),
            node_role: None,
            imds: ImdsMode::Normal,
            repositories: Vec::new(),
            public_repositories: Vec::new(),
            generic_registry: GenericRegistry::default(),
            oidc_accounts: BTreeSet::new(),
        }
    }

    /// The account's id, twelve digits; `111122223333` unless this is called.
    #[must_use]
    pub fn account(mut self, id: impl Into<String>) -> Self {
        self.account = id.into();
        self
    }

    /// The region; `eu-west-1` unless this is called. Requests signed for another are refused.
    #[must_use]
    pub fn region(mut self, name: impl Into<String>) -> Self {
        self.region = name.into();
        self
    }

    /// The issuer of ServiceAccount tokens, an `https` URL; [`EXAMPLE_ISSUER`] unless this is called. The account has an
    /// OpenID Connect provider for it, for the audience `sts.amazonaws.com`.
    #[must_use]
    pub fn issuer(mut self, url: impl Into<String>) -> Self {
        self.issuer = url.into();
        self
    }

    /// Gives another account an OpenID Connect provider for the issuer too, so that its roles can trust the cluster's
    /// ServiceAccounts.
    #[must_use]
    pub fn oidc_provider_in(mut self, account: impl Into<String>) -> Self {
        self.oidc_accounts.insert(account.into());
        self
    }

    /// The clock that expiry and signatures are judged by; the machine's unless this is called.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Adds a role.
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.roles.push(role);
        self
    }

    /// Adds a user with an access key, which [`LocalAws::access_key`] tells.
    #[must_use]
    pub fn user(mut self, user: User) -> Self {
        self.users.push(user);
        self
    }

    /// Adds a ServiceAccount to the cluster. The [token issuer](LocalAws::issuer) makes tokens for others too; the
    /// Kubernetes API knows these only.
    #[must_use]
    pub fn service_account(mut self, service_account: ServiceAccount) -> Self {
        self.service_accounts.push(service_account);
        self
    }

    /// Associates a role with the pods of a ServiceAccount, for the Pod Identity agent.
    #[must_use]
    pub fn pod_identity_association(
        mut self,
        namespace: impl Into<String>,
        service_account: impl Into<String>,
        role: impl Into<String>,
    ) -> Self {
        self.associations.push((namespace.into(), service_account.into(), role.into()));
        self
    }

    /// The role of the node's instance profile; without this call the node has none.
    #[must_use]
    pub fn node_role(mut self, role: impl Into<String>) -> Self {
        self.node_role = Some(role.into());
        self
    }

    /// How the node's metadata service behaves; [`ImdsMode::Normal`] unless this is called.
    #[must_use]
    pub fn imds(mut self, mode: ImdsMode) -> Self {
        self.imds = mode;
        self
    }

    /// Adds a repository.
    #[must_use]
    pub fn repository(mut self, repository: Repository) -> Self {
        self.repositories.push(repository);
        self
    }

    /// Adds a repository to the public registry, below an alias: `docker` and `library/alpine` are
    /// `public.ecr.aws/docker/library/alpine` at AWS.
    ///
    /// Source: <https://docs.aws.amazon.com/AmazonECR/latest/public/public-registries.html#public-registry-concepts>.
    #[must_use]
    pub fn public_repository(mut self, alias: impl Into<String>, repository: Repository) -> Self {
        self.public_repositories.push((alias.into(), repository));
        self
    }

    /// The registry that is not AWS's; one without a user or a repository unless this is called.
    #[must_use]
    pub fn generic_registry(mut self, registry: GenericRegistry) -> Self {
        self.generic_registry = registry;
        self
    }

    /// Checks the set-up, opens a loopback port for each service and starts to serve, on the runtime this is called on.
    ///
    /// # Errors
    ///
    /// What in the set-up is not as AWS would have it, or why no port could be opened.
    ///
    /// # Cancel safety
    ///
    /// Nothing is left running when the future is dropped.
    pub async fn start(self) -> Result<LocalAws, Error> {
        valid_account(&self.account)?;
        if !self.issuer.starts_with("https://") {
            return Err(Error::Invalid { field: "issuer", value: self.issuer, expected: "an https URL" });
        }
        let roles = self.compile_roles()?;
        let associations = self.compile_associations(&roles)?;
        let node_role =
            self.node_role.as_ref().map(|role| self.known_role(&roles, role, "the node")).transpose()?;
        let repositories = self.compile_repositories()?;
        let public_repositories = self.compile_public_repositories()?;
        let ledger = Arc::new(Ledger::default());
        let keys = KeyStore::new(Arc::clone(&ledger));
        let access_keys = self.compile_users(&keys)?;
        let generic_registry = self.generic_registry.compile(&self.account, &ledger)?;

        let cluster = Arc::new(Cluster::new(&self.account, self.clock.clone(), self.service_accounts)?);
        let issuer =
            Issuer::new(&self.issuer, self.clock.clone(), Arc::clone(&ledger), Arc::clone(&cluster))?;
        let mut oidc_accounts = self.oidc_accounts;
        oidc_accounts.insert(self.account.clone());
        let oidc_provider = Provider::new(oidc_accounts, issuer.url(), issuer.keys());
        let listeners = Listeners::open().await?;
        let (stop, running) = watch::channel(());
        let cloud = Arc::new(Cloud {
            account: self.account,
            region: self.region,
            clock: self.clock,
            endpoints: listeners.endpoints()?,
            roles,
            keys,
            issuer,
            cluster,
            oidc_provider,
            associations,
            node: Node::new(node_role, self.imds),
            repositories,
            public_repositories,
            generic_registry,
            page_tokens: Seal::new(),
            layer_links: Seal::new(),
            logins: Logins::default(),
            public_logins: PublicLogins::default(),
            faults: Faults::default(),
            meter: Meter::default(),
            ledger,
            running,
        });
        let servers = listeners.serve(&cloud);
        Ok(LocalAws::new(cloud, access_keys, servers, stop))
    }

    fn compile_roles(&self) -> Result<BTreeMap<String, CompiledRole>, Error> {
        let roles = self.roles.iter().cloned().map(|role| role.compile(&self.account, &self.issuer));
        by_key("roles", roles, |role| role.arn.clone(), |role| role.name.clone())
    }

    fn compile_users(&self, keys: &KeyStore) -> Result<BTreeMap<String, AccessKey>, Error> {
        let users = self.users.iter().cloned().map(|user| user.compile(&self.account));
        let users = by_key("users", users, |user| user.name.clone(), |user| user.name.clone())?;
        let with_key = users.into_iter().map(|(name, user)| {
            let caller = Caller {
                arn: user.arn.clone(),
                user_id: crate::random::unique_id("AIDA"),
                account: self.account.clone(),
                principal_arn: user.arn,
                permissions: user.permissions,
                session: SessionAttributes::default(),
            };
            (name, keys.issue_user_key(caller))
        });
        Ok(with_key.collect())
    }

    fn compile_associations(
        &self,
        roles: &BTreeMap<String, CompiledRole>,
    ) -> Result<BTreeMap<(String, String), Association>, Error> {
        let associations = self.associations.iter().map(|(namespace, service_account, role)| {
            let user = format!("the association of {namespace}/{service_account}");
            let role = self.known_role(roles, role, &user)?;
            Ok(((namespace.clone(), service_account.clone()), Association { role }))
        });
        associations.collect()
    }

    /// The ARN of this account's role of that name.
    fn known_role(
        &self,
        roles: &BTreeMap<String, CompiledRole>,
        role: &str,
        user: &str,
    ) -> Result<String, Error> {
        let arn = format!("arn:aws:iam::{}:role/{role}", self.account);
        if roles.contains_key(&arn) {
            return Ok(arn);
        }
        Err(Error::UnknownRole { user: user.to_owned(), role: role.to_owned() })
    }

    fn compile_repositories(&self) -> Result<BTreeMap<(String, String), Catalog>, Error> {
        let repositories = self.repositories.iter().cloned().map(|it| Catalog::new(it, &self.account));
        let key = |it: &Catalog| (it.account.clone(), it.name.clone());
        by_key("repositories", repositories, key, |it| it.name.clone())
    }

    fn compile_public_repositories(&self) -> Result<BTreeMap<String, Catalog>, Error> {
        let repositories = self.public_repositories.iter().cloned().map(|(alias, repository)| {
            valid_alias(&alias)?;
            let repository = Catalog::new(repository, &self.account)?;
            Ok((format!("{alias}/{}", repository.name), repository))
        });
        let path = |(path, _): &(String, Catalog)| path.clone();
        let repositories = by_key("public repositories", repositories, path, path)?;
        Ok(repositories.into_iter().map(|(path, (_, repository))| (path, repository)).collect())
    }
}

/// The items by their keys, no two under the same.
fn by_key<T, K: Ord>(
    what: &'static str,
    items: impl Iterator<Item = Result<T, Error>>,
    key: impl Fn(&T) -> K,
    name: impl Fn(&T) -> String,
) -> Result<BTreeMap<K, T>, Error> {
    let mut map = BTreeMap::new();
    for item in items {
        let item = item?;
        let name = name(&item);
        if map.insert(key(&item), item).is_some() {
            return Err(Error::Duplicate { what, name });
        }
    }
    Ok(map)
}
