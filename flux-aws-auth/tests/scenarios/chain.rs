//! A scenario's options, told to the builder, and what is asked for credentials.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use flux_aws_auth::source::NamedProvider;
use flux_aws_auth::{
    Authenticator, Chain, ChainBuilder, Error, Identity, IdentityCredentials, Resolved, Resource, RoleHop,
    ServiceAccountRef, ServiceAccountRole, SourceKind, SourceOrder,
};

use crate::format::{Client, Hop, Options, Order, Provider, Scenario, Source};
use crate::network::Network;
use crate::values::Span;
use crate::world::{Clock, Cluster, Files};

/// What a scenario asks for credentials.
#[derive(Debug)]
pub(crate) enum Asked {
    Chain(Chain),
    /// The controller's for a resource, by an authenticator.
    Controller(IdentityCredentials),
}

impl Asked {
    /// What a scenario's options ask for.
    pub(crate) fn new(scenario: &Arc<Scenario>, clock: Clock, network: &Network, files: &Files) -> Self {
        let builder = builder(scenario, clock, network, files);
        let hops = scenario.options.assume_role.iter().map(role_hop);
        match &scenario.options.resource {
            None => Self::Chain(hops.fold(builder.build(), |chain, hop| chain.assume_role(hop))),
            Some(resource) => {
                let resource = if resource.starts_with("arn:") {
                    Resource::kms_key(resource)
                } else {
                    Resource::image(resource)
                };
                let authenticator =
                    Authenticator::builder().chain(builder).build().expect("an authenticator");
                let credentials =
                    authenticator.credentials(&resource.expect("an image or a key"), Identity::Controller);
                Self::Controller(
                    hops.fold(credentials.expect("credentials"), |credentials, hop| {
                        credentials.assume_role(hop)
                    }),
                )
            }
        }
    }

    pub(crate) async fn resolve(&self) -> Result<Resolved, Error> {
        match self {
            Self::Chain(chain) => Box::pin(chain.resolve()).await,
            Self::Controller(credentials) => Box::pin(credentials.resolve()).await,
        }
    }

    /// The chain, for what only a chain can do.
    pub(crate) fn chain(&self) -> &Chain {
        match self {
            Self::Chain(chain) => chain,
            Self::Controller(_) => panic!("`forget` and `wait_for_identity` do not go with `resource`"),
        }
    }
}

fn builder(scenario: &Arc<Scenario>, clock: Clock, network: &Network, files: &Files) -> ChainBuilder {
    let options: &Options = &scenario.options;
    let mut builder = Chain::builder()
        .environment(files.environment())
        .http_client(network.client(Client::Aws))
        .metadata_http_client(network.client(Client::Node))
        .time_source(clock);
    if let Some(order) = options.order {
        builder = builder.order(match order {
            Order::SecretlessFirst => SourceOrder::SecretlessFirst,
            Order::AwsSdk => SourceOrder::AwsSdk,
        });
    }
    for source in &options.without {
        builder = builder.without(match source {
            Source::PodIdentity => SourceKind::PodIdentity,
            Source::WebIdentity => SourceKind::WebIdentity,
            Source::AccessKeys => SourceKind::AccessKeys,
            Source::InstanceMetadata => SourceKind::InstanceMetadata,
        });
    }
    if let Some(provider) = options.provider {
        builder = builder.source(NamedProvider::new(
            "my profile",
            Profile { provider, clock, asked: AtomicBool::new(false) },
        ));
    }
    if let Some((namespace, name)) = options.service_account.as_deref().and_then(|name| name.split_once('/'))
    {
        let reference = ServiceAccountRef::new(namespace, name);
        let mut role = ServiceAccountRole::new(reference, Cluster(scenario.clone()));
        if let Some(endpoint) = &options.sts_endpoint {
            role = role.with_sts_endpoint(endpoint).expect("an endpoint that a tenant may give");
        }
        builder = builder.service_account(role);
    }
    if let Some(region) = &options.region {
        builder = builder.region(region);
    }
    if let Some(deadline) = options.deadline {
        builder = builder.deadline(deadline.duration());
    }
    if let Some(account) = &options.expect_account {
        builder = builder.expect_account(account);
    }
    if let Some(role) = &options.expect_role {
        builder = builder.expect_role(role.parse().expect("the ARN of a role"));
    }
    builder
}

fn role_hop(of: &Hop) -> RoleHop {
    let mut hop = RoleHop::new(of.role.parse().expect("the ARN of a role"));
    if let Some(id) = &of.external_id {
        hop = hop.with_external_id(id).expect("an external id");
    }
    if let Some(duration) = of.duration {
        hop = hop.with_duration(duration.duration()).expect("a duration");
    }
    of.tags.iter().fold(hop, |hop, (key, value)| hop.with_tag(key, value).expect("a tag"))
}

/// A credentials provider of the AWS SDK's kind.
#[derive(Debug)]
struct Profile {
    provider: Provider,
    clock: Clock,
    asked: AtomicBool,
}

impl Profile {
    fn credentials(&self) -> Result<Credentials, CredentialsError> {
        let of =
            |expiry| Credentials::new("AKIAPROFILE", "canary-secret-access-key", None, expiry, "profile");
        let asked_before = self.asked.swap(true, Ordering::Relaxed);
        match self.provider {
            Provider::GivesCredentials => Ok(of(None)),
            Provider::GivesCredentialsOnce if !asked_before => Ok(of(Some(self.clock.in_(Span::hours(1))))),
            Provider::GivesCredentialsOnce | Provider::HasNothing => {
                Err(CredentialsError::not_loaded("no profile"))
            }
            Provider::IsInvalid => {
                Err(CredentialsError::invalid_configuration("the profile refers to itself"))
            }
            Provider::Fails => Err(CredentialsError::provider_error("no route to the sign-in page")),
        }
    }
}

impl ProvideCredentials for Profile {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(self.credentials())
    }
}
