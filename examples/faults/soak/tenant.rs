//! Tenants: what their ServiceAccounts were at each time, so that it can be said who they may be.

use std::sync::Mutex;

use local_aws::{KeyOwner, Kubernetes, ServiceAccount};

use crate::notes::lock;

/// The name of every tenant's ServiceAccount.
pub(crate) const READER: &str = "reader";

#[derive(Debug)]
pub(crate) struct Tenant {
    pub(crate) namespace: String,
    /// All that its ServiceAccount ever was, one after the other.
    history: Mutex<Vec<State>>,
}

/// A ServiceAccount at one time.
#[derive(Clone, Debug)]
pub(crate) enum State {
    Missing,
    There { uid: String, role: String },
}

/// What a tenant does with its ServiceAccount.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// Annotates it with this role.
    Role(String),
    Delete,
    /// Makes it again, with the role that it had, or its first one.
    Recreate,
}

impl Tenant {
    pub(crate) fn new(number: usize) -> Self {
        Self { namespace: format!("t{number}"), history: Mutex::default() }
    }

    /// Its two roles, which trust its ServiceAccount and no other.
    pub(crate) fn roles(&self) -> [String; 2] {
        ["a", "b"].map(|letter| format!("{}-{letter}", self.namespace))
    }

    /// The present, as a number to tell [`is`](Self::is) and [`may_fail`](Self::may_fail).
    pub(crate) fn now(&self) -> usize {
        lock(&self.history).len().saturating_sub(1)
    }

    /// What its ServiceAccount was from `since` until now.
    pub(crate) fn states(&self, since: usize) -> Vec<State> {
        lock(&self.history)[since..].to_vec()
    }

    /// Makes a change. Who looks at the history meanwhile waits, so that nobody sees the one without the other.
    pub(crate) fn change(&self, kubernetes: &Kubernetes, change: Change) {
        let mut history = lock(&self.history);
        let role = match change {
            Change::Delete => {
                kubernetes.delete(&self.namespace, READER);
                history.push(State::Missing);
                return;
            }
            Change::Recreate => {
                kubernetes.delete(&self.namespace, READER);
                match history.last() {
                    Some(State::There { role, .. }) => role.clone(),
                    _ => self.roles()[0].clone(),
                }
            }
            Change::Role(role) => role,
        };
        kubernetes.apply(ServiceAccount::new(&self.namespace, READER).role(&role)).unwrap();
        let uid = kubernetes.uid(&self.namespace, READER).unwrap();
        history.push(State::There { uid, role });
    }

    /// Whether a key of this owner is one of the ServiceAccount as it was at some time from `since` until now.
    pub(crate) fn is(&self, since: usize, owner: &KeyOwner) -> bool {
        self.states(since).iter().any(|state| match state {
            State::Missing => false,
            State::There { uid, role } => {
                let role = format!(":assumed-role/{role}/");
                owner.service_account_uid() == Some(uid) && owner.arn().contains(&role)
            }
        })
    }

    /// Whether at some time from `since` until now there was no ServiceAccount, or another's role, or another ServiceAccount
    /// than before.
    pub(crate) fn may_fail(&self, since: usize) -> bool {
        let (own, states) = (self.roles(), self.states(since));
        states.len() > 1
            || states.iter().any(|state| match state {
                State::Missing => true,
                State::There { role, .. } => !own.contains(role),
            })
    }
}
