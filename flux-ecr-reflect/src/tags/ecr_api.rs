//! The tags of a private repository through the ECR API: tags and digests together, a thousand at a time.

use std::fmt;

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::endpoint::{Endpoint, EndpointFuture, Params, ResolveEndpoint};
use aws_sdk_ecr::operation::RequestId;
use aws_sdk_ecr::operation::list_images::ListImagesOutput;
use aws_sdk_ecr::types::{ImageIdentifier, ListImagesFilter, TagStatus};
use aws_types::region::Region;

use crate::error::{Error, ErrorKind, ResponseFacts};
use crate::image::{Digest, ImageName, Tag};
use crate::reflect::credentials::Holder;
use crate::tags::ecr_client::{Connection, RequestCounter};
use crate::tags::ecr_error::{Call, Failed};
use crate::tags::{Cursor, PageRequest, TagEntry, TagPage, TagSource};

/// [`ListImages`][1] with SigV4: no registry login, and every tag comes with its digest.
///
/// [1]: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImages.html
pub(crate) struct EcrApi {
    pub(super) client: Client,
    pub(super) credentials: Holder,
    pub(super) endpoint_url: Option<String>,
}

impl EcrApi {
    /// Calls `endpoint_url`, or the API of each image's own registry.
    pub(crate) fn new(credentials: Holder, connection: Connection, endpoint_url: Option<String>) -> Self {
        Self { client: connection.into_client(), credentials, endpoint_url }
    }

    async fn list_images(
        &self,
        call: &Call<'_>,
        credentials: &Credentials,
        requests: &RequestCounter,
    ) -> Result<ListImagesOutput, Failed> {
        let Call { image, registry, cursor, .. } = call;
        let place = aws_sdk_ecr::config::Builder::new()
            .region(Region::new(registry.region().to_owned()))
            .credentials_provider(credentials.clone())
            .endpoint_resolver(OneAddress(self.endpoint_url.clone().unwrap_or_else(|| registry.api_url())));
        self.client
            .list_images()
            .registry_id(registry.account_id())
            .repository_name(image.repository())
            .filter(ListImagesFilter::builder().tag_status(TagStatus::Tagged).build())
            .max_results(MAX_RESULTS)
            .set_next_token(cursor.map(|cursor| cursor.as_str().to_owned()))
            .customize()
            .config_override(place)
            .interceptor(requests.clone())
            .send()
            .await
            .map_err(|error| call.failed(error))
    }

    /// Tries once more when AWS refused credentials that, by their expiry, were still good: a session can be revoked, a key
    /// rotated.
    async fn list_again(
        &self,
        call: &Call<'_>,
        rejected: &Credentials,
        failed: Failed,
        requests: &RequestCounter,
    ) -> Result<ListImagesOutput, Error> {
        let new = self.credentials_after(rejected).await.map_err(|error| call.has_no_credentials(error))?;
        if new == *rejected {
            return Err(failed.error.with_addition("; asked again, their source gave the same ones"));
        }
        self.list_images(call, &new, requests).await.map_err(|failed| {
            if failed.credentials_rejected {
                failed.error.with_addition("; it was tried again with new ones")
            } else {
                failed.error
            }
        })
    }

    async fn credentials_after(&self, rejected: &Credentials) -> Result<Credentials, flux_aws_auth::Error> {
        // Another listing may have had them replaced meanwhile: then this one forgets nothing.
        self.credentials.forget_credentials(rejected);
        self.credentials.credentials().await
    }
}

#[async_trait]
impl TagSource for EcrApi {
    async fn page(&self, request: &PageRequest<'_>) -> Result<TagPage, Error> {
        let (image, cursor) = (request.image(), request.cursor());
        let registry = &image.ecr_registry()?;
        let call = Call { image, registry, cursor, endpoint_url: self.endpoint_url.as_deref() };
        let requests = RequestCounter::default();
        let credentials =
            self.credentials.credentials().await.map_err(|error| call.has_no_credentials(error))?;
        let output = match self.list_images(&call, &credentials, &requests).await {
            Err(failed) if failed.credentials_rejected => {
                self.list_again(&call, &credentials, failed, &requests).await?
            }
            outcome => outcome.map_err(|failed| failed.error)?,
        };
        Ok(page(output, image)?.with_requests(requests.count()))
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

fn page(output: ListImagesOutput, image: &ImageName) -> Result<TagPage, Error> {
    let facts =
        ResponseFacts { request_id: output.request_id().map(str::to_owned), ..ResponseFacts::default() };
    let wrong = |message| Error::new(ErrorKind::Response, message).with_response(facts.clone());
    // Without a list this is no empty page but no page at all, and the listing would seem complete.
    let ids = output.image_ids.ok_or_else(|| {
        wrong(format!("ECR's answer to ListImages of {image} has no list of images")).with_hint(
            "Check what stands between here and ECR: a proxy or the endpoint may have answered in its place.",
        )
    })?;
    let malformed = || wrong(format!("ECR listed a malformed image among the tags of {image}"));
    let mut entries = Vec::with_capacity(ids.len());
    for ImageIdentifier { image_tag, image_digest, .. } in ids {
        // Images without a tag were not asked for.
        let tag = image_tag
            .ok_or_else(|| malformed().with_addition(": one without a tag"))
            .and_then(|tag| Tag::try_from(tag).map_err(|error| malformed().with_source(error)))?;
        let entry = TagEntry::new(tag);
        entries.push(match image_digest {
            Some(digest) => {
                entry.with_digest(Digest::try_from(digest).map_err(|error| malformed().with_source(error))?)
            }
            None => entry,
        });
    }
    let page = TagPage::new(entries);
    Ok(match output.next_token.filter(|token| !token.is_empty()) {
        Some(token) => page.with_next(Cursor::new(token)),
        None => page,
    })
}
