//! The ServiceAccounts there are at the moment.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use serde_json::{Value, json};

use super::User;
use super::attributes::Wanted;
use super::service_account::{Rbac, ServiceAccount};
use super::status::Status;
use crate::clock::Clock;
use crate::error::Error;
use crate::issuer::{Issuer, uid_of_names};
use crate::meter::lock;
use crate::random;
use crate::wire::timestamp;

/// The cluster while it runs: its ServiceAccounts come and go, and change.
///
/// ```
/// # async fn change() -> Result<(), local_aws::Error> {
/// use local_aws::{LocalAws, ServiceAccount};
///
/// let aws = LocalAws::builder()
///     .service_account(ServiceAccount::new("team-a", "image-reader").role("first"))
///     .start()
///     .await?;
/// let kubernetes = aws.kubernetes();
/// let uid = kubernetes.uid("team-a", "image-reader");
///
/// // Annotated anew, it stays the same object.
/// kubernetes.apply(ServiceAccount::new("team-a", "image-reader").role("second"))?;
/// assert_eq!(kubernetes.uid("team-a", "image-reader"), uid);
///
/// // Recreated, it is another.
/// kubernetes.delete("team-a", "image-reader");
/// kubernetes.apply(ServiceAccount::new("team-a", "image-reader").role("second"))?;
/// assert_ne!(kubernetes.uid("team-a", "image-reader"), uid);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Kubernetes {
    cluster: Arc<Cluster>,
    issuer: Issuer,
}

impl Kubernetes {
    pub(crate) fn new(cluster: Arc<Cluster>, issuer: Issuer) -> Self {
        Self { cluster, issuer }
    }

    /// Creates the ServiceAccount, or makes the one of that name into this: annotations and grants are replaced, the UID
    /// stays.
    ///
    /// # Errors
    ///
    /// If Kubernetes takes no such name.
    pub fn apply(&self, service_account: ServiceAccount) -> Result<(), Error> {
        self.cluster.apply(service_account)
    }

    /// Deletes a ServiceAccount, and says whether there was one. Its tokens open the Kubernetes API no more; STS, which
    /// asks no cluster, takes them until they expire.
    pub fn delete(&self, namespace: &str, name: &str) -> bool {
        self.cluster.delete(namespace, name)
    }

    /// The UID of a ServiceAccount, if there is one.
    pub fn uid(&self, namespace: &str, name: &str) -> Option<String> {
        self.cluster.uid(namespace, name)
    }

    /// A token that opens this cluster's API to a pod of that ServiceAccount: the one mounted at
    /// `/var/run/secrets/kubernetes.io/serviceaccount/token`, good for an hour.
    pub fn token(&self, namespace: &str, name: &str) -> String {
        self.issuer.service_account_token(namespace, name).sign()
    }
}

impl fmt::Debug for Kubernetes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kubernetes")
            .field("service_accounts", &lock(&self.cluster.objects).keys())
            .finish_non_exhaustive()
    }
}

/// The objects by namespace and name.
pub(crate) struct Cluster {
    account: String,
    clock: Clock,
    objects: Mutex<BTreeMap<(String, String), Object>>,
}

/// A ServiceAccount with what the API server adds to it.
#[derive(Clone)]
pub(super) struct Object {
    service_account: ServiceAccount,
    annotations: BTreeMap<String, String>,
    pub(super) uid: String,
    version: u64,
    created: SystemTime,
}

impl Cluster {
    /// A cluster of this account with these objects, no two of the same name.
    pub(crate) fn new(
        account: &str,
        clock: Clock,
        service_accounts: Vec<ServiceAccount>,
    ) -> Result<Self, Error> {
        let cluster = Self { account: account.to_owned(), clock, objects: Mutex::default() };
        for service_account in &service_accounts {
            let same = |other: &&ServiceAccount| {
                (&other.namespace, &other.name) == (&service_account.namespace, &service_account.name)
            };
            if service_accounts.iter().filter(same).count() > 1 {
                let name = format!("{}/{}", service_account.namespace, service_account.name);
                return Err(Error::Duplicate { what: "ServiceAccounts", name });
            }
        }
        for service_account in service_accounts {
            service_account.check()?;
            // The first of a name has the UID that the issuer's tokens have for the name.
            let uid = uid_of_names(&service_account.namespace, &service_account.name);
            cluster.put(service_account, uid);
        }
        Ok(cluster)
    }

    fn apply(&self, service_account: ServiceAccount) -> Result<(), Error> {
        service_account.check()?;
        self.put(service_account, random::uuid().to_string());
        Ok(())
    }

    /// Replaces the object of that name, or adds one with this UID.
    fn put(&self, service_account: ServiceAccount, new_uid: String) {
        let mut objects = lock(&self.objects);
        let version = objects.values().map(|object| object.version).max().unwrap_or(1000) + 1;
        let key = (service_account.namespace.clone(), service_account.name.clone());
        let (uid, created) = match objects.get(&key) {
            Some(object) => (object.uid.clone(), object.created),
            None => (new_uid, self.clock.now()),
        };
        let annotations = service_account.annotations(&self.account);
        objects.insert(key, Object { service_account, annotations, uid, version, created });
    }

    fn delete(&self, namespace: &str, name: &str) -> bool {
        lock(&self.objects).remove(&(namespace.to_owned(), name.to_owned())).is_some()
    }

    pub(crate) fn uid(&self, namespace: &str, name: &str) -> Option<String> {
        self.get(namespace, name).ok().map(|object| object.uid)
    }

    pub(super) fn get(&self, namespace: &str, name: &str) -> Result<Object, Status> {
        let objects = lock(&self.objects);
        let found = objects.get(&(namespace.to_owned(), name.to_owned())).cloned();
        found.ok_or_else(|| Status::not_found("serviceaccounts", name))
    }

    /// Whether the user's grants have what is wanted.
    pub(super) fn allows(&self, user: &User, wanted: &Wanted<'_>) -> bool {
        let (rule, namespace) = match wanted {
            Wanted::ServiceAccount { namespace, .. } => (Rbac::GetServiceAccounts, namespace),
            Wanted::Token { namespace, .. } => (Rbac::CreateServiceAccountTokens, namespace),
        };
        let object = self.get(&user.namespace, &user.service_account);
        object.is_ok_and(|object| object.service_account.may(rule, namespace))
    }
}

impl Object {
    /// As the API server shows it.
    pub(super) fn document(&self) -> Value {
        let mut metadata = json!({
            "name": self.service_account.name,
            "namespace": self.service_account.namespace,
            "uid": self.uid,
            "resourceVersion": self.version.to_string(),
            "creationTimestamp": timestamp(self.created),
        });
        if !self.annotations.is_empty() {
            metadata["annotations"] = json!(self.annotations);
        }
        json!({ "kind": "ServiceAccount", "apiVersion": "v1", "metadata": metadata })
    }
}
