//! The node's role, from the instance metadata service.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::exchange::Exchange;
use super::{CredentialSource, Notes, Outcome, Skipped, SourceContext, SourceKind};
use crate::endpoint::{Endpoint, Purpose};
use crate::environment::Environment;
use crate::error::{Error, ErrorKind};
use crate::reason::Reason;
use crate::text::quoted;

mod service;
mod session;

use service::Service;
use session::Sessions;

pub(crate) const DISABLED: &str = "AWS_EC2_METADATA_DISABLED";
const ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
const ENDPOINT_MODE: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE";
const TIMEOUT: &str = "AWS_METADATA_SERVICE_TIMEOUT";
const NUM_ATTEMPTS: &str = "AWS_METADATA_SERVICE_NUM_ATTEMPTS";
const IPV4: &str = "http://169.254.169.254";
const IPV6: &str = "http://[fd00:ec2::254]";

/// The role of the EC2 instance that this program runs on, from IMDSv2 ([Instance Metadata Service]).
///
/// The last resort of the default order: where nothing is configured, everything on the node shares this role. Flux
/// supports it for ECR alone ([Flux on AWS]).
///
/// # What is asked
///
/// A session token, the name of the role, its credentials; nothing else, and never the region. The session token is kept
/// for the next time, until two minutes before its end. Server errors are tried again, up to three tries in all. A service that
/// does not answer is asked once, and skipped within about a second.
///
/// # What the environment says
///
/// | variable | |
/// |---|---|
/// | `AWS_EC2_METADATA_DISABLED` | `true` means that nothing is sent at all; a value but `true` and `false` is a failure |
/// | `AWS_EC2_METADATA_SERVICE_ENDPOINT` | the address of the service |
/// | `AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE` | `IPv4` or `IPv6`, where the address is not given |
/// | `AWS_METADATA_SERVICE_TIMEOUT` | seconds to wait for an answer; 1 unless set |
/// | `AWS_METADATA_SERVICE_NUM_ATTEMPTS` | tries in all; where it is set, no answer is tried again too |
///
/// The last two are AWS's for [a metadata service that is slow]. Both lengthen the time that a machine which is not an EC2 instance
/// loses here.
///
/// # Static stability
///
/// The metadata service is part of the node, and the node keeps its role. So when a refresh fails for a reason that may pass
/// (no answer, a server error, garbage), or the service hands out credentials that have expired, those in hand are used
/// beyond their expiry, for ten to fifteen minutes at a time, as the AWS SDKs do. A chain says so in its report and warns in its
/// tracing. A refusal, or that the node has no role any more, ends them.
///
/// [Instance Metadata Service]: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
/// [Flux on AWS]: https://fluxcd.io/flux/integrations/aws/#at-the-node-level
/// [a metadata service that is slow]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-ec2-instance-metadata.html
#[derive(Clone, Debug, Default)]
pub struct InstanceMetadata {
    /// Shared by clones.
    sessions: Arc<Sessions>,
}

impl InstanceMetadata {
    /// The source; it has no settings but those of the environment.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl CredentialSource for InstanceMetadata {
    fn kind(&self) -> SourceKind {
        SourceKind::InstanceMetadata
    }

    /// Never: the node is there for every pod, and nothing in the environment asks for it.
    fn is_configured(&self, _environment: &Environment) -> bool {
        false
    }

    async fn load(&self, context: &SourceContext, notes: &mut Notes) -> Outcome {
        match settings(context.environment(), notes) {
            Ok(Some((endpoint, exchange))) => {
                let service = Service { context, endpoint, exchange, sessions: &self.sessions };
                service.credentials(notes).await
            }
            Ok(None) => Skipped::new(Reason::MetadataDisabled, format!("{DISABLED} is true")).into(),
            Err(error) => Outcome::Failed(error),
        }
    }
}

/// The address that would be asked; `None` where the environment switches the source off.
pub(crate) fn address(environment: &Environment, notes: &mut Notes) -> Result<Option<Endpoint>, Error> {
    Ok(settings(environment, notes)?.map(|(endpoint, _)| endpoint))
}

/// What the environment says; `None` where it switches the source off.
fn settings(environment: &Environment, notes: &mut Notes) -> Result<Option<(Endpoint, Exchange)>, Error> {
    match environment.var(DISABLED) {
        Some(value) if value.eq_ignore_ascii_case("true") => {
            notes.add(DISABLED, "true");
            return Ok(None);
        }
        // The AWS SDKs ignore other values; whoever wrote `1` did not mean to become the node.
        Some(value) if !value.eq_ignore_ascii_case("false") => {
            return Err(malformed(DISABLED, &value, "neither true nor false", "true or false"));
        }
        _ => {}
    }
    let endpoint = endpoint(environment, notes)?;
    Ok(Some((endpoint, exchange(environment, notes)?)))
}

fn endpoint(environment: &Environment, notes: &mut Notes) -> Result<Endpoint, Error> {
    if let Some(address) = environment.var(ENDPOINT) {
        notes.add(ENDPOINT, "set");
        return Endpoint::parse(Purpose::InstanceMetadata, ENDPOINT, &address);
    }
    let address = match environment.var(ENDPOINT_MODE) {
        None => IPV4,
        Some(mode) if mode.eq_ignore_ascii_case("ipv4") => IPV4,
        Some(mode) if mode.eq_ignore_ascii_case("ipv6") => IPV6,
        Some(mode) => return Err(malformed(ENDPOINT_MODE, &mode, "neither IPv4 nor IPv6", "IPv4 or IPv6")),
    };
    Endpoint::parse(Purpose::InstanceMetadata, ENDPOINT_MODE, address)
}

/// A black hole is given up within a second and not tried again: on a machine that is not an EC2 instance this is the usual
/// case. The limit for an answer counts from the start of the call, so that for a connection must be shorter for the two to
/// be told apart.
fn exchange(environment: &Environment, notes: &mut Notes) -> Result<Exchange, Error> {
    let timeout = at_least_one(environment, notes, TIMEOUT)?;
    let attempts = at_least_one(environment, notes, NUM_ATTEMPTS)?;
    let read_timeout = Duration::from_secs(timeout.unwrap_or(1).into());
    Ok(Exchange {
        connect_timeout: read_timeout.mul_f64(0.8),
        read_timeout,
        attempts: attempts.unwrap_or(3),
        retry_network: attempts.is_some(),
        expects_json: false,
    })
}

fn at_least_one(environment: &Environment, notes: &mut Notes, name: &str) -> Result<Option<u32>, Error> {
    let Some(value) = environment.var(name) else { return Ok(None) };
    match value.trim().parse() {
        Ok(number) if number > 0 => {
            notes.add(name, value.trim());
            Ok(Some(number))
        }
        _ => Err(malformed(name, &value, "not a whole number from 1", "a whole number from 1")),
    }
}

fn malformed(name: &str, value: &str, flaw: &str, rule: &str) -> Error {
    Error::new(ErrorKind::Configuration, format!("{name}: {} is {flaw}", quoted(value)))
        .with_hint(format!("Set {name} to {rule}, or remove it."))
}
