//! The tags of a private repository through the ECR API: tags and digests together, a thousand at a time.

use std::fmt;

use async_trait::async_trait;
use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::endpoint::{Endpoint, EndpointFuture, Params, ResolveEndpoint};
use aws_sdk_ecr::operation::list_images::ListImagesOutput;
use aws_sdk_ecr::types::{ImageIdentifier, ListImagesFilter, TagStatus};
use aws_types::region::Region;

use crate::error::{Error, ErrorKind};
use crate::image::{Digest, ImageName, Tag};
use crate::tags::ecr_client::{Connection, RequestCounter};
use crate::tags::ecr_error::Call;
use crate::tags::{Cursor, TagEntry, TagPage, TagSource};

/// [`ListImages`][1] with SigV4: no registry login, and every tag comes with its digest.
///
/// [1]: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImages.html
pub(crate) struct EcrApi {
    client: Client,
    endpoint_url: Option<String>,
}

impl EcrApi {
    /// Calls `endpoint_url`, or the API of each image's own registry.
    pub(crate) fn new(connection: Connection, endpoint_url: Option<String>) -> Self {
        Self { client: connection.into_client(), endpoint_url }
    }
}

#[async_trait]
impl TagSource for EcrApi {
    async fn page(&self, image: &ImageName, cursor: Option<&Cursor>) -> Result<TagPage, Error> {
        let registry = image.ecr_registry()?;
        let counter = RequestCounter::default();
        let place = aws_sdk_ecr::config::Builder::new()
            .region(Region::new(registry.region().to_owned()))
            .endpoint_resolver(OneAddress(self.endpoint_url.clone().unwrap_or_else(|| registry.api_url())));
        let output = self
            .client
            .list_images()
            .registry_id(registry.account_id())
            .repository_name(image.repository())
            .filter(ListImagesFilter::builder().tag_status(TagStatus::Tagged).build())
            .max_results(MAX_RESULTS)
            .set_next_token(cursor.map(|cursor| cursor.as_str().to_owned()))
            .customize()
            .config_override(place)
            .interceptor(counter.clone())
            .send()
            .await
            .map_err(|error| {
                Call { image, registry: &registry, endpoint_url: self.endpoint_url.as_deref() }.failed(error)
            })?;
        Ok(page(output, image)?.with_requests(counter.count()))
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
struct OneAddress(String);

impl ResolveEndpoint for OneAddress {
    fn resolve_endpoint<'a>(&'a self, _params: &'a Params) -> EndpointFuture<'a> {
        EndpointFuture::ready(Ok(Endpoint::builder().url(self.0.clone()).build()))
    }
}

/// The most the API gives in one answer.
const MAX_RESULTS: i32 = 1000;

fn page(output: ListImagesOutput, image: &ImageName) -> Result<TagPage, Error> {
    let images = output.image_ids.unwrap_or_default();
    let mut entries = Vec::with_capacity(images.len());
    for id in images {
        entries.extend(entry(id).map_err(|error| {
            Error::new(ErrorKind::Response, format!("ListImages of {image} answered with a malformed image"))
                .with_source(error)
        })?);
    }
    let page = TagPage::new(entries);
    Ok(match output.next_token.filter(|token| !token.is_empty()) {
        Some(token) => page.with_next(Cursor::new(token)),
        None => page,
    })
}

/// `None` for an image without a tag, which the filter keeps away.
fn entry(id: ImageIdentifier) -> Result<Option<TagEntry>, Error> {
    let Some(tag) = id.image_tag else { return Ok(None) };
    let entry = TagEntry::new(Tag::try_from(tag)?);
    Ok(Some(match id.image_digest {
        Some(digest) => entry.with_digest(Digest::try_from(digest)?),
        None => entry,
    }))
}
