//! The tags of a private repository through the ECR API: tags and digests together, a thousand at a time.

use std::fmt;

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::endpoint::{Endpoint, EndpointFuture, Params, ResolveEndpoint};
use aws_sdk_ecr::operation::describe_images::DescribeImagesError;
use aws_sdk_ecr::operation::list_images::ListImagesError;
use aws_sdk_ecr::types::{DescribeImagesFilter, ListImagesFilter, TagStatus};
use aws_smithy_async::rt::sleep::SharedAsyncSleep;
use aws_smithy_async::time::SharedTimeSource;
use aws_types::region::Region;

use crate::error::Error;
use crate::image::{Digest, ImageName, ImageRef};
use crate::reflect::credentials::Holder;
use crate::registry::EcrRegistry;
use crate::tags::ecr_client::{Connection, RequestCounter};
use crate::tags::ecr_error::{Call, Failed, Operation};
use crate::tags::ecr_list::ListReader;
use crate::tags::ecr_page;
use crate::tags::ecr_turn::{NoRetryWhenThrottled, in_turn};
use crate::tags::{Access, Caller, Detail, PageRequest, TagPage, TagSource};
use crate::throttle::{RegistryApi, Throttle};

/// [`ListImages`][1] or [`DescribeImages`][2] with SigV4: no registry login, and every tag comes with its digest.
///
/// Both list what is tagged. Neither lists what was [archived][3], unless asked to.
///
/// [1]: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImages.html
/// [2]: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html
/// [3]: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImagesFilter.html
pub(crate) struct EcrApi {
    pub(super) client: Client,
    pub(super) sleep_impl: SharedAsyncSleep,
    pub(super) credentials: Holder,
    pub(super) endpoint_url: Option<String>,
    pub(super) throttle: Throttle,
    pub(super) time_source: SharedTimeSource,
}

impl EcrApi {
    /// Calls `endpoint_url`, or the API of each image's own registry.
    pub(crate) fn new(credentials: Holder, connection: Connection, endpoint_url: Option<String>) -> Self {
        let (throttle, time_source) = (connection.throttle.clone(), connection.time_source.clone());
        let sleep_impl = connection.sleep_impl.clone();
        let client = connection.into_client();
        Self { client, sleep_impl, credentials, endpoint_url, throttle, time_source }
    }

    /// A call for tags and digests, from the first page.
    pub(super) fn call<'a>(&'a self, image: &'a ImageName, registry: &'a EcrRegistry) -> Call<'a> {
        let operation = Operation::for_detail(Detail::Digests);
        Call { operation, image, registry, cursor: None, endpoint_url: self.endpoint_url.as_deref() }
    }

    async fn ask(
        &self,
        call: &Call<'_>,
        credentials: &Credentials,
        requests: &RequestCounter,
    ) -> Result<TagPage, Failed> {
        let Call { image, registry, .. } = call;
        let place = aws_sdk_ecr::config::Builder::new()
            .region(Region::new(registry.region().to_owned()))
            .credentials_provider(credentials.clone())
            .endpoint_resolver(OneAddress(self.endpoint_url.clone().unwrap_or_else(|| registry.api_url())));
        let now = || self.time_source.now();
        let next_token = call.cursor.map(|cursor| cursor.as_str().to_owned());
        let page = match call.operation {
            Operation::ListImages => {
                let place = place.retry_classifier(NoRetryWhenThrottled::<ListImagesError>::new());
                let request = self
                    .client
                    .list_images()
                    .registry_id(registry.account_id())
                    .repository_name(image.repository())
                    .filter(ListImagesFilter::builder().tag_status(TagStatus::Tagged).build())
                    .max_results(MAX_RESULTS)
                    .set_next_token(next_token)
                    .customize();
                let list = ListReader::default();
                let request = request.config_override(place).interceptor(list.clone());
                let sent = request.interceptor(requests.clone()).send().await;
                ecr_page::of_identifiers(sent.map_err(|error| call.failed(error, now()))?, list.take(), call)?
            }
            Operation::DescribeImages => {
                let place = place.retry_classifier(NoRetryWhenThrottled::<DescribeImagesError>::new());
                let request = self
                    .client
                    .describe_images()
                    .registry_id(registry.account_id())
                    .repository_name(image.repository())
                    .filter(DescribeImagesFilter::builder().tag_status(TagStatus::Tagged).build())
                    .max_results(MAX_RESULTS)
                    .set_next_token(next_token)
                    .customize();
                let sent = request.config_override(place).interceptor(requests.clone()).send().await;
                ecr_page::of_details(sent.map_err(|error| call.failed(error, now()))?, call)?
            }
        };
        Ok(page)
    }

    /// Tries once more when AWS refused credentials that, by their expiry, were still good: a session can be revoked, a key
    /// rotated.
    async fn ask_again(
        &self,
        call: &Call<'_>,
        rejected: &Credentials,
        failed: Failed,
        requests: &RequestCounter,
    ) -> Result<TagPage, Error> {
        let new = self.credentials_after(rejected).await.map_err(|error| call.has_no_credentials(error))?;
        if new == *rejected {
            return Err(failed.error.with_addition("; asked again, their source gave the same ones"));
        }
        let again = in_turn(&self.throttle, call, || self.ask(call, &new, requests)).await;
        again.map_err(|failed| {
            if failed.credentials_rejected {
                failed.error.with_addition("; it was tried again with new ones")
            } else {
                failed.error
            }
        })
    }

    pub(super) async fn credentials_after(
        &self,
        rejected: &Credentials,
    ) -> Result<Credentials, flux_aws_auth::Error> {
        // Another listing may have had them replaced meanwhile: then this one forgets nothing.
        self.credentials.forget_credentials(rejected);
        self.credentials.credentials().await
    }
}

#[async_trait]
impl TagSource for EcrApi {
    async fn page(&self, request: &PageRequest<'_>) -> Result<TagPage, Error> {
        let image = request.image();
        let registry = &image.ecr_registry()?;
        let operation = Operation::for_detail(request.detail());
        let call = Call { operation, cursor: request.cursor(), ..self.call(image, registry) };
        let requests = RequestCounter::default();
        let resolved = self.credentials.resolve().await.map_err(|error| call.has_no_credentials(error))?;
        let credentials = resolved.credentials();
        let page = match in_turn(&self.throttle, &call, || self.ask(&call, credentials, &requests)).await {
            Err(failed) if failed.credentials_rejected => {
                self.ask_again(&call, credentials, failed, &requests).await?
            }
            outcome => outcome.map_err(|failed| failed.error)?,
        };
        let access = Access::new(RegistryApi::Ecr, Caller::Aws(resolved.report().origin()));
        Ok(page.with_requests(requests.count()).with_access(access))
    }

    async fn digest(&self, image: &ImageRef) -> Result<Option<Digest>, Error> {
        self.digest_of(image).await
    }
}

impl fmt::Debug for EcrApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EcrApi").field("endpoint_url", &self.endpoint_url).finish_non_exhaustive()
    }
}

/// The one address to call. In place of the SDK's own resolver, which a file that the process's environment names could
/// send elsewhere.
#[derive(Debug)]
pub(super) struct OneAddress(pub(super) String);

impl ResolveEndpoint for OneAddress {
    fn resolve_endpoint<'a>(&'a self, _params: &'a Params) -> EndpointFuture<'a> {
        EndpointFuture::ready(Ok(Endpoint::builder().url(self.0.clone()).build()))
    }
}

/// The most the API gives in one answer.
const MAX_RESULTS: i32 = 1000;
