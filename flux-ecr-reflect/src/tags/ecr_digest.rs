//! The digest that a tag has now, through the ECR API.

use aws_credential_types::Credentials;
use aws_sdk_ecr::error::SdkError;
use aws_sdk_ecr::operation::describe_images::DescribeImagesError;
use aws_sdk_ecr::types::ImageIdentifier;
use aws_types::region::Region;

use crate::error::Error;
use crate::image::{Digest, ImageRef, Tag};
use crate::tags::ecr_api::{EcrApi, OneAddress};
use crate::tags::ecr_error::{Call, Failed, Operation};
use crate::tags::ecr_turn::{NoRetryWhenThrottled, in_turn};

impl EcrApi {
    /// [`DescribeImages`][1] of one tag. `None` if the repository has no such tag.
    ///
    /// [1]: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html
    pub(super) async fn digest_of(&self, image: &ImageRef) -> Result<Option<Digest>, Error> {
        let Some(tag) = image.tag() else { return Ok(image.digest().cloned()) };
        let registry = &image.name().ecr_registry()?;
        let call = Call { operation: Operation::DescribeImages, ..self.call(image.name(), registry) };
        let credentials =
            self.credentials.credentials().await.map_err(|error| call.has_no_credentials(error))?;
        match in_turn(&self.throttle, &call, || self.describe(&call, tag, &credentials)).await {
            Err(failed) if failed.credentials_rejected => {
                let renewed = self.credentials_after(&credentials).await;
                let renewed = renewed.map_err(|error| call.has_no_credentials(error))?;
                if renewed == credentials {
                    return Err(failed.error);
                }
                let again = in_turn(&self.throttle, &call, || self.describe(&call, tag, &renewed)).await;
                again.map_err(|failed| failed.error)
            }
            outcome => outcome.map_err(|failed| failed.error),
        }
    }

    async fn describe(
        &self,
        call: &Call<'_>,
        tag: &Tag,
        credentials: &Credentials,
    ) -> Result<Option<Digest>, Failed> {
        let Call { image, registry, .. } = call;
        let place = aws_sdk_ecr::config::Builder::new()
            .region(Region::new(registry.region().to_owned()))
            .credentials_provider(credentials.clone())
            .endpoint_resolver(OneAddress(self.endpoint_url.clone().unwrap_or_else(|| registry.api_url())))
            .retry_classifier(NoRetryWhenThrottled::<DescribeImagesError>::new());
        let request = self
            .client
            .describe_images()
            .registry_id(registry.account_id())
            .repository_name(image.repository())
            .image_ids(ImageIdentifier::builder().image_tag(tag.as_str()).build())
            .customize();
        let described = match request.config_override(place).send().await {
            Ok(described) => described,
            Err(SdkError::ServiceError(context)) if context.err().is_image_not_found_exception() => {
                return Ok(None);
            }
            Err(error) => return Err(call.failed(error, self.time_source.now())),
        };
        let digest = described.image_details.into_iter().flatten().find_map(|image| image.image_digest);
        Ok(digest.map(Digest::try_from).transpose()?)
    }
}
