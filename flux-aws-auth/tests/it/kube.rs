//! ServiceAccounts and their tokens over a `kube::Client`, against a Kubernetes API on loopback.

mod api_server;
mod refusals;
mod requests;
mod unanswered;
