//! Whether an identity may log in to a registry.

use aws_credential_types::Credentials;
use aws_sdk_ecr::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_ecr::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecr::error::{BoxError, SdkError};
use aws_types::region::Region;

use crate::error::{Error, ErrorKind};
use crate::image::ImageName;
use crate::tags::ecr_answer::Answer;
use crate::tags::ecr_api::{EcrApi, OneAddress};
use crate::tags::ecr_error::Call;

/// The permission that a login takes.
pub(super) const ACTION: &str = "ecr:GetAuthorizationToken";

impl EcrApi {
    /// Logs in to the registry of `image` ([GetAuthorizationToken]). The password is not even read.
    ///
    /// [GetAuthorizationToken]: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
    pub(crate) async fn log_in(&self, image: &ImageName, credentials: &Credentials) -> Result<(), Error> {
        let registry = &image.ecr_registry()?;
        let call = self.call(image, registry);
        let place = aws_sdk_ecr::config::Builder::new()
            .region(Region::new(registry.region().to_owned()))
            .credentials_provider(credentials.clone())
            .endpoint_resolver(OneAddress(self.endpoint_url.clone().unwrap_or_else(|| registry.api_url())));
        let request = self.client.get_authorization_token().customize();
        let result = request.config_override(place).interceptor(UnreadAnswer).send().await;
        let error = match result {
            Ok(_) => return Ok(()),
            Err(SdkError::ServiceError(context)) => refused(&call, Answer::new(context.err(), context.raw())),
            Err(error) => call.unanswered(error),
        };
        Err(error)
    }

    /// The credentials that calls for `image` are signed with.
    pub(crate) async fn credentials_for(&self, image: &ImageName) -> Result<Credentials, Error> {
        let registry = &image.ecr_registry()?;
        let call = self.call(image, registry);
        self.credentials.credentials().await.map_err(|error| call.has_no_credentials(error))
    }
}

fn refused(call: &Call<'_>, answer: Answer) -> Error {
    let (kind, registry) = (answer.kind(), call.registry);
    let message = match kind {
        ErrorKind::AccessDenied => format!("{ACTION} is denied, so there is no login to {registry}"),
        ErrorKind::Credentials => {
            format!("AWS does not accept the credentials used to log in to {registry}")
        }
        ErrorKind::Throttled => format!("ECR throttled the login to {registry}"),
        _ => format!("ECR failed to log in to {registry}"),
    };
    let error = Error::new(kind, message)
        .with_response(answer.facts.clone())
        .with_denial(answer.denial(ACTION, registry));
    match answer.remedy_of_login(registry) {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
    .with_source(answer)
}

/// Lets go of the password before anything reads it: the SDK's own trace output would show it. What is no success says why
/// there is none.
#[derive(Debug)]
struct UnreadAnswer;

impl Intercept for UnreadAnswer {
    fn name(&self) -> &'static str {
        "UnreadAnswer"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        if response.status().is_success() {
            *response.body_mut() = "{}".into();
        }
        Ok(())
    }
}
