//! Guides: how to set an identity up, and what to do when something does not work.

#[doc = include_str!("guide/identity/start.md")]
#[doc = include_str!("guide/identity/pod_identity.md")]
#[doc = include_str!("guide/identity/oidc.md")]
#[doc = include_str!("guide/identity/objects.md")]
#[doc = include_str!("guide/identity/other_account.md")]
#[doc = include_str!("guide/identity/keys_and_node.md")]
#[doc = include_str!("guide/identity/check.md")]
pub mod identity {}

#[doc = include_str!("guide/troubleshooting/start.md")]
#[doc = include_str!("guide/troubleshooting/set_up.md")]
#[doc = include_str!("guide/troubleshooting/tokens.md")]
#[doc = include_str!("guide/troubleshooting/roles.md")]
#[doc = include_str!("guide/troubleshooting/settings.md")]
#[doc = include_str!("guide/troubleshooting/objects.md")]
#[doc = include_str!("guide/troubleshooting/network.md")]
#[doc = include_str!("guide/troubleshooting/outages.md")]
#[doc = include_str!("guide/troubleshooting/doctor.md")]
pub mod troubleshooting {}
