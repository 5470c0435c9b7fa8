//! A login from ECR: `GetAuthorizationToken` of the [ECR API], and of the [ECR Public API].
//!
//! [ECR API]: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
//! [ECR Public API]: https://docs.aws.amazon.com/AmazonECRPublic/latest/APIReference/API_GetAuthorizationToken.html

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::endpoint::{Endpoint, EndpointFuture, Params, ResolveEndpoint};
use aws_sdk_ecr::config::interceptors::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextMut,
};
use aws_sdk_ecr::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecr::error::{BoxError, SdkError};
use aws_smithy_async::future::timeout::Timeout;
use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::{Document, base64};
use aws_types::region::Region;
use http_body_util::{BodyExt, Limited};
use serde_json::Value;

use crate::error::{Error, ErrorKind};
use crate::image::ImageName;
use crate::login::Login;
use crate::registry::{EcrRegistry, PUBLIC_HOSTS};
use crate::tags::ecr_answer::Answer;
use crate::tags::ecr_api::EcrApi;
use crate::tags::ecr_error::{Failed, unanswered, unavailable};

impl EcrApi {
    /// Logs in to the registry of `image`.
    pub(crate) async fn log_in(&self, image: &ImageName, credentials: &Credentials) -> Result<Login, Error> {
        let api = LoginApi::of_registry(&image.ecr_registry()?, self.endpoint_url.as_deref());
        let login = api.log_in(&self.client, &self.sleep_impl, credentials).await;
        login.map_err(|failed| failed.error)
    }

    /// The credentials that calls for `image` are signed with.
    pub(crate) async fn credentials_for(&self, image: &ImageName) -> Result<Credentials, Error> {
        let registry = &image.ecr_registry()?;
        let call = self.call(image, registry);
        self.credentials.credentials().await.map_err(|error| call.has_no_credentials(error))
    }
}

/// Who gives logins. One is good for all registries of its region, whichever account's, that the identity may read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct LoginApi {
    region: String,
    url: String,
    is_configured: bool,
    /// The address of ECR Public, if that is asked for a login.
    public: Option<String>,
}

impl LoginApi {
    /// The ECR API for this registry, or the one that is configured.
    pub(crate) fn of_registry(registry: &EcrRegistry, endpoint_url: Option<&str>) -> Self {
        Self {
            region: registry.region().to_owned(),
            url: endpoint_url.map_or_else(|| registry.api_url(), str::to_owned),
            is_configured: endpoint_url.is_some(),
            public: None,
        }
    }

    /// The ECR Public API, or the one that is configured. Logins are given in [one region][1] only.
    ///
    /// [1]: https://docs.aws.amazon.com/AmazonECR/latest/public/public-registry-auth.html
    pub(crate) fn of_public(dual_stack: bool, endpoint_url: Option<&str>) -> Self {
        let own = if dual_stack {
            "https://ecr-public.us-east-1.api.aws"
        } else {
            "https://api.ecr-public.us-east-1.amazonaws.com"
        };
        Self {
            region: "us-east-1".to_owned(),
            url: endpoint_url.unwrap_or(own).to_owned(),
            is_configured: endpoint_url.is_some(),
            public: Some(format!("https://{}", PUBLIC_HOSTS[usize::from(dual_stack)])),
        }
    }

    pub(crate) fn is_public(&self) -> bool {
        self.public.is_some()
    }

    pub(super) fn region(&self) -> &str {
        &self.region
    }

    /// The permissions that a login takes.
    pub(super) fn actions(&self) -> &'static str {
        if self.is_public() {
            "ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken"
        } else {
            "ecr:GetAuthorizationToken"
        }
    }

    /// Asks for a login, and once more if the answer is cut short: the SDK's retries end where the answer begins.
    pub(crate) async fn log_in(
        &self,
        client: &Client,
        sleep_impl: &SharedAsyncSleep,
        credentials: &Credentials,
    ) -> Result<Login, Failed> {
        let answer = self.ask(client, credentials).await?;
        let body = match self.whole(answer, sleep_impl).await {
            Ok(body) => body,
            Err(_) => self.whole(self.ask(client, credentials).await?, sleep_impl).await?,
        };
        Ok(self.login(&body)?)
    }

    /// The body of a good answer, not yet read.
    async fn ask(&self, client: &Client, credentials: &Credentials) -> Result<SdkBody, Failed> {
        let place = aws_sdk_ecr::config::Builder::new()
            .region(Region::new(self.region.clone()))
            .credentials_provider(credentials.clone())
            .endpoint_resolver(self.clone());
        let exchange = Exchange { is_public: self.is_public(), body: Arc::default() };
        let request = client.get_authorization_token().customize();
        match request.config_override(place).interceptor(exchange.clone()).send().await {
            Ok(_) => Ok(exchange.take_body()),
            Err(SdkError::ServiceError(context)) => {
                Err(self.refused(Answer::new(context.err(), context.raw())))
            }
            Err(error) => Err(unanswered(error, &self.to_string(), &self.region, self.configured()).into()),
        }
    }

    async fn whole(&self, body: SdkBody, sleep_impl: &SharedAsyncSleep) -> Result<Vec<u8>, Error> {
        let broke_off = |how| unavailable(format!("{self} {how}"), &self.region, self.configured());
        let body = Limited::new(body, MAX_BODY_BYTES).collect();
        let body = Timeout::new(body, sleep_impl.sleep(BODY_TIMEOUT)).await;
        let body = body.map_err(|_| broke_off("did not end its answer in time"))?;
        Ok(body.map_err(|error| broke_off("cut its answer short").with_source(error))?.to_bytes().into())
    }

    /// What the answer to `GetAuthorizationToken` holds.
    fn login(&self, body: &[u8]) -> Result<Login, Error> {
        let wrong = |what| {
            Error::new(ErrorKind::InvalidResponse, format!("the answer of {self} to GetAuthorizationToken {what}")).with_hint(
                "Check what stands between here and ECR: a proxy or the endpoint may have answered in its place.",
            )
        };
        // An error of the parser's could show what it stands at.
        let answer: Value = serde_json::from_slice(body).map_err(|_| wrong("is not JSON"))?;
        // Private ECR gives a list, of one.
        let data = answer.get("authorizationData");
        let data =
            data.map(|data| data.get(0).unwrap_or(data)).ok_or_else(|| wrong("has no authorizationData"))?;
        let token = data.get("authorizationToken").and_then(Value::as_str);
        let token = token.ok_or_else(|| wrong("has no authorizationToken"))?;
        let token = base64::decode(token).ok().and_then(|token| String::from_utf8(token).ok());
        let (user, password) = token
            .as_deref()
            .and_then(|token| token.split_once(':'))
            .ok_or_else(|| wrong("has an authorizationToken that is not USER:PASSWORD in base64"))?;
        let expiry = data.get("expiresAt").and_then(Value::as_f64).and_then(instant);
        let expiry = expiry.ok_or_else(|| wrong("has no expiresAt"))?;
        let endpoint = data.get("proxyEndpoint").and_then(Value::as_str).or(self.public.as_deref());
        let login = Login::basic(user, password).with_expiry(expiry);
        Ok(match endpoint {
            Some(endpoint) => login.with_endpoint(endpoint),
            None => login,
        })
    }

    fn refused(&self, answer: Answer) -> Failed {
        let kind = answer.kind();
        let message = match kind {
            ErrorKind::AccessDenied => format!("{self} denied a login, which takes {}", self.actions()),
            ErrorKind::Credentials => format!("AWS does not accept the credentials used to log in at {self}"),
            ErrorKind::Throttled => format!("{self} throttled a login"),
            _ => format!("the login at {self} failed"),
        };
        // Without a code it need not be AWS that answers.
        let hint = match answer.facts.code {
            Some(_) => answer.remedy_of_login(self),
            None => answer.remedy_without_code().to_owned(),
        };
        let error = Error::new(kind, message)
            .with_response(answer.facts.clone())
            .with_denial(answer.denial_of_login())
            .with_hint(hint);
        let credentials_rejected = answer.rejects_credentials();
        Failed { error: error.with_source(answer), credentials_rejected, throttled: None }
    }

    fn configured(&self) -> Option<&str> {
        self.is_configured.then_some(&self.url)
    }
}

/// As in "broken off by …".
impl fmt::Display for LoginApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_public() {
            f.write_str("the ECR Public API")
        } else {
            write!(f, "the ECR API of {}", self.region)
        }
    }
}

/// The one address to call, and for which service requests to it are signed.
impl ResolveEndpoint for LoginApi {
    fn resolve_endpoint<'a>(&'a self, _params: &'a Params) -> EndpointFuture<'a> {
        let endpoint = Endpoint::builder().url(self.url.clone());
        let endpoint = if self.is_public() {
            let scheme = [("name", "sigv4"), ("signingName", "ecr-public"), ("signingRegion", &self.region)]
                .map(|(name, value)| (name.to_owned(), Document::from(value.to_owned())));
            endpoint.property("authSchemes", vec![Document::Object(HashMap::from(scheme))])
        } else {
            endpoint
        };
        EndpointFuture::ready(Ok(endpoint.build()))
    }
}

/// Takes a good answer away before the SDK reads it: its trace output would show the password.
///
/// And makes a request to the ECR Public API of one to the ECR API. The two are alike but for the operation's prefix, the
/// service they are signed for, and the form of the answer; a client of its own would be a whole SDK crate more.
#[derive(Clone)]
struct Exchange {
    is_public: bool,
    body: Arc<Mutex<Option<SdkBody>>>,
}

impl Exchange {
    fn take_body(&self) -> SdkBody {
        let body = self.body.lock().unwrap_or_else(PoisonError::into_inner).take();
        body.unwrap_or_else(SdkBody::empty)
    }
}

/// The SDK shows it in its trace output.
impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("is_public", &self.is_public).finish_non_exhaustive()
    }
}

impl Intercept for Exchange {
    fn name(&self) -> &'static str {
        "Exchange"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.is_public {
            context.request_mut().headers_mut().insert("x-amz-target", PUBLIC_TARGET);
        }
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        if response.status().is_success() {
            let body = std::mem::replace(response.body_mut(), "{}".into());
            *self.body.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        }
        Ok(())
    }
}

const PUBLIC_TARGET: &str = "SpencerFrontendService.GetAuthorizationToken";
/// A login is about three kilobytes; what is longer is broken off.
const MAX_BODY_BYTES: usize = 64 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// From seconds since 1970.
fn instant(seconds: f64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(seconds).ok()?)
}
