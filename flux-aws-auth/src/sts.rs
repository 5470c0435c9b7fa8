//! Calls to the Security Token Service, on aws-sdk-sts.

use std::fmt;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sts::config::endpoint::{Endpoint as SdkEndpoint, EndpointFuture, Params, ResolveEndpoint};
use aws_sdk_sts::config::{BehaviorVersion, Region, StalledStreamProtectionConfig};
use aws_smithy_types::retry::RetryConfig;

use crate::answer_limit::AnswerLimit;
use crate::arn::RoleArn;
use crate::endpoint::{Endpoint, Variant};
use crate::error::Error;
use crate::http_clients::aws_timeouts;
use crate::no_process_environment::NoProcessEnvironment;
use crate::partition::check_region;
use crate::principal::Principal;
use crate::reason::Reason;
use crate::retry;
use crate::session_name::SessionName;
use crate::source::{LastExchange, Notes, Provided, SourceContext};
use crate::text::is_of_credentials;
use crate::token::Claims;

mod assume_role;
mod recorder;
mod refusal;
mod tries;
mod whole_answer;

use recorder::{Recorded, Recorder};
use refusal::{Failure, Proof};
use tries::NotTheSameToken;
pub(crate) use tries::Tries;
use whole_answer::WholeAnswer;

/// An answer takes about two kilobytes.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

const IGNORE_ENDPOINTS: &str = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";

/// The audience that AWS expects in a token ([Flux on AWS]).
///
/// [Flux on AWS]: https://fluxcd.io/flux/integrations/aws/#with-oidc-federation
pub(crate) const AUDIENCE: &str = "sts.amazonaws.com";

/// STS in one region.
pub(crate) struct Sts<'a> {
    context: &'a SourceContext,
    region: Region,
    variant: Variant,
    /// In place of the region's own.
    endpoint: Option<Endpoint>,
}

/// Who AWS says the caller is, from STS's `GetCallerIdentity`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallerIdentity {
    /// The account's id, twelve digits.
    pub account_id: String,
    /// The caller's unique id, such as `AROAEXAMPLE:session`.
    pub user_id: String,
    /// The caller's ARN, such as `arn:aws:sts::111122223333:assumed-role/flux/session`.
    pub arn: String,
}

impl fmt::Display for CallerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.arn)
    }
}

impl<'a> Sts<'a> {
    /// STS in the context's region, at the address of the object whose identity it is or that the environment gives, if one of
    /// them does.
    pub(crate) fn new(context: &'a SourceContext) -> Result<Self, Error> {
        let region = context.region().ok_or_else(|| {
            Error::because(Reason::RegionMissing, "no AWS region: AWS_REGION is not set").with_hint(
                "EKS sets AWS_REGION when it injects IRSA or Pod Identity, so if those are set up, restart the pod; elsewhere set \
                 it in the pod's manifest, or give the region to the builder, or to the Authenticator's resource.",
            )
        })?;
        Self::in_region(context, region, context.sts_endpoint.clone())
    }

    /// STS in `region`, at the address that a tenant gave, if it gave one; else as [`new`](Self::new).
    pub(crate) fn in_region(
        context: &'a SourceContext,
        region: Region,
        of_tenant: Option<Endpoint>,
    ) -> Result<Self, Error> {
        check_region(region.as_ref()).map_err(|error| error.about(context.region_setting()))?;
        let endpoint =
            of_tenant.map_or_else(|| configured_endpoint(context), |endpoint| Ok(Some(endpoint)))?;
        let variant = context.switches.resolve(context.environment())?;
        match &endpoint {
            Some(endpoint) if !variant.is_plain() => Err(contradiction(endpoint, variant)),
            _ => Ok(Self { context, region, variant, endpoint }),
        }
    }

    pub(crate) fn region(&self) -> &str {
        self.region.as_ref()
    }

    /// Exchanges a ServiceAccount token for a session of `role`, with some of the requests that `tries` has left.
    pub(crate) async fn assume_role_with_web_identity(
        &self,
        notes: &mut Notes,
        role: &RoleArn,
        session_name: &SessionName,
        token: &str,
        tries: &mut Tries,
    ) -> Result<Provided, Error> {
        let recorder = Recorder::default();
        let request = self.client(None).assume_role_with_web_identity();
        let request = request
            .role_arn(role.as_str())
            .role_session_name(session_name.as_str())
            .web_identity_token(token);
        let retries = aws_sdk_sts::Config::builder()
            .retry_config(RetryConfig::standard().with_max_attempts(tries.left()))
            .retry_classifier(NotTheSameToken);
        let request = request.customize().config_override(retries).interceptor(recorder.clone());
        notes.asks(&self.address());
        let result = request.send().await;
        let seen = recorder.recorded();
        tries.spend(seen.tries);
        let output = result.map_err(|error| {
            let failure = Failure::of(error, &seen, Proof::Token(token));
            self.note(notes, &seen, Some(&failure), failure.brief());
            let explanation = self.explain_web_identity(&failure, role, &Claims::of(token));
            self.error(failure, &format!("AssumeRoleWithWebIdentity for {role}"), explanation)
        })?;
        let credentials = self.session(notes, &seen, output.credentials, role, "WebIdentity")?;
        Ok(Provided::new(credentials, Principal::assumed_role(role.clone(), session_name.as_str())))
    }

    /// Asks who `credentials` belong to. Needs no permission.
    pub(crate) async fn caller_identity(
        &self,
        notes: &mut Notes,
        credentials: Credentials,
    ) -> Result<CallerIdentity, Error> {
        let recorder = Recorder::default();
        let caller = SharedCredentialsProvider::new(credentials.clone());
        let request = self.client(Some(caller)).get_caller_identity();
        notes.asks(&self.address());
        let result = request.customize().interceptor(recorder.clone()).send().await;
        let seen = recorder.recorded();
        let output = result.map_err(|error| {
            let failure = Failure::of(error, &seen, Proof::Credentials(&credentials));
            self.note(notes, &seen, Some(&failure), failure.brief());
            let explanation = self.explain(&failure);
            self.error(failure, "GetCallerIdentity", explanation)
        })?;
        match (output.account, output.arn, output.user_id) {
            (Some(account_id), Some(arn), Some(user_id)) => {
                self.note(notes, &seen, None, &format!("the caller is {arn}"));
                Ok(CallerIdentity { account_id, user_id, arn })
            }
            _ => Err(self.invalid(notes, &seen, "no account, no user id or no ARN")),
        }
    }

    /// Notes a call for the report: what came of it, and the facts of its last answer.
    fn note(&self, notes: &mut Notes, seen: &Recorded, failure: Option<&Failure>, finding: &str) {
        notes.add(self.to_string(), finding);
        let response = failure.map_or_else(|| seen.response.clone(), |failure| failure.facts.clone());
        notes.exchanged(LastExchange { endpoint: self.address(), response, clock_skew: seen.clock_skew });
    }

    fn client(&self, credentials: Option<SharedCredentialsProvider>) -> aws_sdk_sts::Client {
        let mut config = aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(self.region.clone())
            .endpoint_resolver(OneAddress(self.address()))
            .http_client(self.context.http_client.clone())
            .time_source(self.context.time_source.clone())
            .sleep_impl(self.context.sleep_impl.clone())
            .timeout_config(aws_timeouts())
            .retry_config(RetryConfig::standard().with_max_attempts(3))
            .retry_partition(retry::unmetered())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .interceptor(NoProcessEnvironment::for_crate(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")))
            .interceptor(AnswerLimit::bytes(MAX_ANSWER_BYTES))
            .interceptor(WholeAnswer)
            .retry_classifier(AnswerLimit::never_again());
        config.set_credentials_provider(credentials);
        aws_sdk_sts::Client::from_conf(config.build())
    }

    /// The address that is asked.
    pub(crate) fn address(&self) -> String {
        match &self.endpoint {
            Some(endpoint) => endpoint.url(),
            None => self.variant.sts_address(self.region.as_ref()),
        }
    }

    /// The credentials of a session of `role` that STS answered with. The SDK makes up what an answer leaves out, so that is
    /// looked for here.
    fn session(
        &self,
        notes: &mut Notes,
        seen: &Recorded,
        answered: Option<aws_sdk_sts::types::Credentials>,
        role: &RoleArn,
        provider: &'static str,
    ) -> Result<Credentials, Error> {
        let credentials =
            session_credentials(answered, role, provider).map_err(|what| self.invalid(notes, seen, what))?;
        self.note(notes, seen, None, &format!("assumed {role}"));
        Ok(credentials)
    }

    /// The error of an answer that has not what it must have.
    fn invalid(&self, notes: &mut Notes, seen: &Recorded, what: &str) -> Error {
        self.note(notes, seen, None, &format!("an answer with {what}"));
        Error::because(Reason::MalformedAnswer, format!("{self} answered with {what}"))
            .with_hint(format!("Check that it is AWS that answers at {}.", self.address()))
            .with_response(seen.response.clone())
    }
}

/// The address as a person would name it.
impl fmt::Display for Sts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.endpoint {
            Some(endpoint) => write!(f, "STS at {endpoint}"),
            None => write!(f, "STS in {}{}", self.region, self.variant),
        }
    }
}

/// The credentials of a session of `role`, or what is wrong with STS's answer.
fn session_credentials(
    answered: Option<aws_sdk_sts::types::Credentials>,
    role: &RoleArn,
    provider: &'static str,
) -> Result<Credentials, &'static str> {
    let answered = answered.ok_or("no credentials")?;
    for (part, missing, unfit) in [
        (&answered.access_key_id, "no access key id", "blanks or control characters in the access key id"),
        (
            &answered.secret_access_key,
            "no secret access key",
            "blanks or control characters in the secret access key",
        ),
        (&answered.session_token, "no session token", "blanks or control characters in the session token"),
    ] {
        if part.trim().is_empty() {
            return Err(missing);
        }
        if !is_of_credentials(part) {
            return Err(unfit);
        }
    }
    let expiry = answered.expiration.try_into().map_err(|_| "an impossible expiration")?;
    if expiry == SystemTime::UNIX_EPOCH {
        return Err("no expiration");
    }
    Ok(Credentials::builder()
        .access_key_id(answered.access_key_id)
        .secret_access_key(answered.secret_access_key)
        .session_token(answered.session_token)
        .expiry(expiry)
        .account_id(role.account_id())
        .provider_name(provider)
        .build())
}

fn configured_endpoint(context: &SourceContext) -> Result<Option<Endpoint>, Error> {
    let environment = context.environment();
    if environment.var(IGNORE_ENDPOINTS).is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Ok(None);
    }
    let configured = ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"];
    let named = configured.into_iter().find_map(|name| environment.var(name).map(|value| (name, value)));
    named.map(|(name, value)| Endpoint::sts(name, &value)).transpose()
}

/// As in the AWS SDKs: what stands at another address may not be what the switch promises.
fn contradiction(endpoint: &Endpoint, variant: Variant) -> Error {
    Error::because(
        Reason::InvalidConfiguration,
        format!("the endpoint {endpoint} is set for STS, and so is a switch for another one{variant}"),
    )
    .with_hint("Remove the endpoint, or AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT or the builder's switches.")
}

/// The one address to ask. In place of the SDK's own resolver, which a file that the process's environment names could
/// send elsewhere.
#[derive(Debug)]
struct OneAddress(String);

impl ResolveEndpoint for OneAddress {
    fn resolve_endpoint<'a>(&'a self, _params: &'a Params) -> EndpointFuture<'a> {
        EndpointFuture::ready(Ok(SdkEndpoint::builder().url(self.0.clone()).build()))
    }
}
