//! Calls to the Security Token Service, on aws-sdk-sts.

use std::fmt;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sts::config::endpoint::{Endpoint as SdkEndpoint, EndpointFuture, Params, ResolveEndpoint};
use aws_sdk_sts::config::{BehaviorVersion, Region, StalledStreamProtectionConfig};
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::retry::RetryConfig;

use crate::arn::RoleArn;
use crate::endpoint::{Endpoint, Purpose};
use crate::error::{BoxError, Error, ErrorKind, ResponseFacts};
use crate::http_clients::aws_timeouts;
use crate::no_process_environment::NoProcessEnvironment;
use crate::partition::{check_region, dns_suffix};
use crate::principal::Principal;
use crate::session_name::SessionName;
use crate::source::{Notes, Provided, SourceContext};
use crate::text::one_line;
use crate::token::Claims;

const IGNORE_ENDPOINTS: &str = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";

/// The audience that AWS expects in a token ([Flux on AWS]).
///
/// [Flux on AWS]: https://fluxcd.io/flux/integrations/aws/#with-oidc-federation
pub(crate) const AUDIENCE: &str = "sts.amazonaws.com";

/// STS in one region.
pub(crate) struct Sts<'a> {
    context: &'a SourceContext,
    region: Region,
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
    /// STS in the context's region, at the address that the environment gives, if it gives one.
    pub(crate) fn new(context: &'a SourceContext) -> Result<Self, Error> {
        let region = context.region().ok_or_else(|| {
            Error::new(ErrorKind::Configuration, "no AWS region: AWS_REGION is not set").with_hint(
                "EKS sets AWS_REGION when it injects IRSA or Pod Identity, so if those are set up, restart the pod; elsewhere set \
                 it in the pod's manifest, or give the region to the builder.",
            )
        })?;
        Self::in_region(context, region)
    }

    pub(crate) fn in_region(context: &'a SourceContext, region: Region) -> Result<Self, Error> {
        check_region(region.as_ref())?;
        Ok(Self { endpoint: configured_endpoint(context)?, context, region })
    }

    pub(crate) fn region(&self) -> &str {
        self.region.as_ref()
    }

    /// Exchanges a ServiceAccount token for a session of `role`.
    pub(crate) async fn assume_role_with_web_identity(
        &self,
        notes: &mut Notes,
        role: &RoleArn,
        session_name: &SessionName,
        token: &str,
    ) -> Result<Provided, Error> {
        let request = self.client(None).assume_role_with_web_identity();
        let request = request
            .role_arn(role.as_str())
            .role_session_name(session_name.as_str())
            .web_identity_token(token);
        let output = match request.send().await {
            Ok(output) => output,
            Err(error) => {
                let failure = Failure::of(error, token);
                notes.add(self.to_string(), failure.summary.as_str());
                let (kind, hint) = self.explain_web_identity(&failure, role, &Claims::of(token));
                return Err(self.error(
                    failure,
                    kind,
                    &format!("AssumeRoleWithWebIdentity for {role}"),
                    hint,
                ));
            }
        };
        notes.add(self.to_string(), format!("assumed {role}"));
        let credentials = output.credentials.ok_or_else(|| self.invalid("no credentials"))?;
        let expiry =
            credentials.expiration.try_into().map_err(|_| self.invalid("an impossible expiration"))?;
        let credentials = Credentials::builder()
            .access_key_id(credentials.access_key_id)
            .secret_access_key(credentials.secret_access_key)
            .session_token(credentials.session_token)
            .expiry(expiry)
            .account_id(role.account_id())
            .provider_name("WebIdentity");
        Ok(Provided::new(credentials.build(), Principal::assumed_role(role.clone(), session_name.as_str())))
    }

    /// Asks who `credentials` belong to. Needs no permission.
    pub(crate) async fn caller_identity(&self, credentials: Credentials) -> Result<CallerIdentity, Error> {
        let client = self.client(Some(SharedCredentialsProvider::new(credentials)));
        let output = client.get_caller_identity().send().await.map_err(|error| {
            let failure = Failure::of(error, "");
            let (kind, hint) = self.explain(&failure);
            self.error(failure, kind, "GetCallerIdentity", hint)
        })?;
        match (output.account, output.arn, output.user_id) {
            (Some(account_id), Some(arn), Some(user_id)) => Ok(CallerIdentity { account_id, user_id, arn }),
            _ => Err(self.invalid("no account, no user id or no ARN")),
        }
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
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .interceptor(NoProcessEnvironment::for_crate(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")));
        config.set_credentials_provider(credentials);
        aws_sdk_sts::Client::from_conf(config.build())
    }

    fn address(&self) -> String {
        match &self.endpoint {
            Some(endpoint) => endpoint.url(),
            None => format!("https://sts.{}.{}", self.region, dns_suffix(self.region.as_ref())),
        }
    }

    /// What a refused exchange means and what to do, by AWS's code and by what the token claims.
    fn explain_web_identity(
        &self,
        failure: &Failure,
        role: &RoleArn,
        claims: &Claims,
    ) -> (ErrorKind, String) {
        let account = role.account_id();
        match failure.facts.code.as_deref() {
            Some("ExpiredTokenException") => (ErrorKind::InvalidToken, self.expired_hint(claims)),
            Some("InvalidIdentityToken") if *claims == Claims::default() => (
                ErrorKind::InvalidToken,
                "The file does not hold a ServiceAccount token: check what is mounted there.".to_owned(),
            ),
            Some("InvalidIdentityToken") if !claims.audiences().iter().any(|audience| audience == AUDIENCE) => (
                ErrorKind::InvalidToken,
                format!("The token must be issued for the audience {AUDIENCE}; this one has {claims}."),
            ),
            Some("InvalidIdentityToken") if failure.summary.contains("verification key") => (
                ErrorKind::InvalidToken,
                format!(
                    "AWS could not get the key that signed the token. Check that the keys of the token's issuer are public and \
                     current. The token has {claims}."
                ),
            ),
            Some("InvalidIdentityToken") => (
                ErrorKind::InvalidToken,
                format!(
                    "Account {account} needs an IAM OIDC provider for the token's issuer, with {AUDIENCE} among its client ids. \
                     The token has {claims}."
                ),
            ),
            Some("AccessDenied") => (
                ErrorKind::Denied,
                format!(
                    "Check that the role exists, and that its trust policy allows sts:AssumeRoleWithWebIdentity to what the token \
                     has: {claims}."
                ),
            ),
            Some("IDPCommunicationError") => (
                ErrorKind::Unavailable,
                "AWS could not reach the token's issuer. Try again later; if it lasts, check that the issuer is public.".to_owned(),
            ),
            Some("RegionDisabledException") => (
                ErrorKind::Configuration,
                format!("Activate STS in {} for account {account}, or use another region.", self.region),
            ),
            _ => self.explain(failure),
        }
    }

    /// What any failed call means and what to do.
    fn explain(&self, failure: &Failure) -> (ErrorKind, String) {
        let kind = failure.kind();
        let hint = match kind {
            ErrorKind::Unavailable if failure.facts.status.is_none() => format!(
                "Check that this pod may reach {}: network policies, the NAT gateway or the VPC endpoint for STS, and the proxy.",
                self.address()
            ),
            ErrorKind::Unavailable | ErrorKind::Throttled => "Try again later.".to_owned(),
            ErrorKind::InvalidToken => {
                "AWS does not accept these credentials: check that they are current, and this machine's clock.".to_owned()
            }
            ErrorKind::Configuration => "Check the role, the session name and the region that are set.".to_owned(),
            ErrorKind::InvalidResponse => format!("Check that it is AWS that answers at {}.", self.address()),
            _ => "Look AWS's error code up, and the call in CloudTrail.".to_owned(),
        };
        (kind, hint)
    }

    fn expired_hint(&self, claims: &Claims) -> String {
        match claims.is_expired(self.context.now()) {
            Some(false) => {
                "AWS says that the token has expired, but by this machine's clock it has not: check the clock of this node.".to_owned()
            }
            _ => "The token has expired. Kubernetes renews a projected token in time, so check that the pod mounts it as a \
                  projected volume and not as a copy."
                .to_owned(),
        }
    }

    fn error(&self, failure: Failure, kind: ErrorKind, call: &str, hint: String) -> Error {
        let error = Error::new(kind, format!("{self}: {call} failed: {}", failure.summary))
            .with_hint(hint)
            .with_response(failure.facts);
        match failure.cause {
            Some(cause) => error.with_source(cause),
            None => error,
        }
    }

    fn invalid(&self, what: &str) -> Error {
        Error::new(ErrorKind::InvalidResponse, format!("{self} answered with {what}"))
    }
}

/// The address as a person would name it.
impl fmt::Display for Sts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.endpoint {
            Some(endpoint) => write!(f, "STS at {endpoint}"),
            None => write!(f, "STS in {}", self.region),
        }
    }
}

fn configured_endpoint(context: &SourceContext) -> Result<Option<Endpoint>, Error> {
    let environment = context.environment();
    if environment.var(IGNORE_ENDPOINTS).is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Ok(None);
    }
    let configured = ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"];
    let named = configured.into_iter().find_map(|name| environment.var(name).map(|value| (name, value)));
    named.map(|(name, value)| Endpoint::parse(Purpose::AwsApi, name, &value)).transpose()
}

/// What remains of a failed call: facts for the error, and no raw response, which could hold a secret.
struct Failure {
    facts: ResponseFacts,
    summary: String,
    /// The request could not even be made.
    unsendable: bool,
    cause: Option<BoxError>,
}

impl Failure {
    fn of<E>(error: SdkError<E, HttpResponse>, token: &str) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let facts = ResponseFacts {
            status: error.raw_response().map(|response| response.status().as_u16()),
            code: error.code().map(str::to_owned),
            request_id: error.request_id().map(str::to_owned),
        };
        let said = match (error.code(), error.message()) {
            (Some(code), Some(message)) => Some(format!("{code}: {message}")),
            (Some(code), None) => Some(code.to_owned()),
            _ => None,
        };
        let summary = said.unwrap_or_else(|| match &error {
            SdkError::TimeoutError(_) => "no answer in time".to_owned(),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => "no answer in time".to_owned(),
            SdkError::DispatchFailure(_) => "no connection".to_owned(),
            SdkError::ConstructionFailure(_) => "the request could not be made".to_owned(),
            _ => match facts.status {
                Some(status) => format!("an answer that could not be read, HTTP {status}"),
                None => "no usable answer".to_owned(),
            },
        });
        let summary = one_line(&if token.is_empty() { summary } else { summary.replace(token, "…") }, 400);
        let unsendable = matches!(error, SdkError::ConstructionFailure(_));
        // Of an error that AWS modelled all is said already.
        let cause = if facts.code.is_some() { None } else { error.into_source().ok() };
        Self { facts, summary, unsendable, cause }
    }

    fn kind(&self) -> ErrorKind {
        match (self.facts.status, self.facts.code.as_deref()) {
            (None, _) if self.unsendable => ErrorKind::Configuration,
            (None, _) => ErrorKind::Unavailable,
            (_, Some("Throttling" | "ThrottlingException" | "RequestLimitExceeded")) | (Some(429), _) => {
                ErrorKind::Throttled
            }
            (Some(500..), _) => ErrorKind::Unavailable,
            (_, Some("ValidationError")) => ErrorKind::Configuration,
            (
                _,
                Some("InvalidClientTokenId" | "SignatureDoesNotMatch" | "ExpiredToken" | "RequestExpired"),
            ) => ErrorKind::InvalidToken,
            (_, Some(_)) => ErrorKind::Denied,
            (_, None) => ErrorKind::InvalidResponse,
        }
    }
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
