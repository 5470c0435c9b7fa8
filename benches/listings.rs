//! From a registry to the latest tag, or to all tags: who is measured.

use std::pin::Pin;

use aws_credential_types::Credentials;
use aws_sdk_ecr::config::{BehaviorVersion, Region};
use aws_sdk_ecr::types::{ListImagesFilter, TagStatus};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorSettings, SharedHttpClient,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use flux_ecr_reflect::{OciRegistry, Reflector, TagEntry};
use flux_policy::Policy;
use http_body_util::BodyExt;
use regex::Regex;
use serde::Deserialize;

mod in_memory;

pub use in_memory::InMemory;

/// A registry, and how it is reached.
#[expect(clippy::exhaustive_structs, reason = "the benches make it")]
#[derive(Clone, Debug)]
pub struct Place {
    /// What carries the requests.
    pub http_client: SharedHttpClient,
    /// Who asks private ECR.
    pub credentials: Credentials,
    /// The ECR API, where it is not the region's own.
    pub ecr_url: Option<String>,
    /// Private ECR's image.
    pub ecr_image: String,
    /// A registry that asks for no login, and speaks the distribution API.
    pub oci_url: String,
    /// The repository there.
    pub oci_repository: String,
}

/// Who lists.
pub type Contender = (&'static str, fn(Place) -> Outcome);

/// The tag that was found, if all went well.
pub type Outcome = Pin<Box<dyn Future<Output = Option<String>>>>;

/// Those that find the latest version in private ECR.
pub const OF_ECR: [Contender; 2] =
    [("flux-ecr-reflect", |place| Box::pin(ours(place))), ("aws-sdk-ecr", |place| Box::pin(sdk(place)))];

/// Those that list a registry by the distribution API, and tell the greatest tag.
pub const OF_OCI: [Contender; 2] = [
    ("flux-ecr-reflect-oci", |place| Box::pin(ours_over_oci(place))),
    ("plain-loop", |place| Box::pin(plain_loop(place))),
];

async fn ours(place: Place) -> Option<String> {
    let reflector = Reflector::builder().credentials(place.credentials).http_client(place.http_client);
    let reflector = match place.ecr_url {
        Some(url) => reflector.endpoint_url(url),
        None => reflector,
    };
    let policy = Policy::semver(">=1.0.0 <2.0.0").ok()?;
    let latest = reflector.build().ok()?.latest_image(&place.ecr_image.parse().ok()?, &policy).await.ok()?;
    Some(latest.tag()?.to_string())
}

/// What one writes first: the SDK's paginator into a vector, then Flux's default exclusion and the best version in the range.
async fn sdk(place: Place) -> Option<String> {
    let config = aws_sdk_ecr::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(place.credentials)
        .http_client(place.http_client)
        .sleep_impl(TokioSleep::new());
    let config = match place.ecr_url {
        Some(url) => config.endpoint_url(url).build(),
        None => config.build(),
    };
    let (host, repository) = place.ecr_image.split_once('/')?;
    let images = aws_sdk_ecr::Client::from_conf(config)
        .list_images()
        .registry_id(host.get(..12)?)
        .repository_name(repository)
        .filter(ListImagesFilter::builder().tag_status(TagStatus::Tagged).build())
        .into_paginator()
        .page_size(1000)
        .items()
        .send()
        .collect::<Result<Vec<_>, _>>()
        .await
        .ok()?;
    let excluded = Regex::new(r"^.*\.sig$").ok()?;
    let range = semver::VersionReq::parse(">=1.0.0, <2.0.0").ok()?;
    let tags = images.iter().filter_map(|image| image.image_tag()).filter(|tag| !excluded.is_match(tag));
    let versions = tags.filter_map(|tag| {
        let version = semver::Version::parse(tag.strip_prefix('v').unwrap_or(tag)).ok()?;
        range.matches(&version).then_some((version, tag))
    });
    versions.max().map(|(_, tag)| tag.to_owned())
}

async fn ours_over_oci(place: Place) -> Option<String> {
    let registry = OciRegistry::builder().http_client(place.http_client).endpoint_url(place.oci_url);
    let reflector = Reflector::builder().oci_registry(registry.build().ok()?).build().ok()?;
    let image = format!("registry.example.com/{}", place.oci_repository).parse().ok()?;
    let mut pages = reflector.pages(&image);
    let mut tags = Vec::new();
    while let Some(page) = pages.next().await.ok()? {
        tags.extend(page.into_entries());
    }
    tags.iter().map(TagEntry::tag).max().map(ToString::to_string)
}

/// The same pages on the same HTTP client: no retries, no limits, no checks of `Link` and tags.
async fn plain_loop(place: Place) -> Option<String> {
    #[derive(Deserialize)]
    struct List {
        tags: Vec<String>,
    }

    let components = RuntimeComponentsBuilder::for_tests().build().ok()?;
    let connector = place.http_client.http_connector(&HttpConnectorSettings::default(), &components);
    let mut path = format!("/v2/{}/tags/list?n=1000", place.oci_repository);
    let mut tags = Vec::new();
    loop {
        let request = HttpRequest::get(format!("{}{path}", place.oci_url)).ok()?;
        let response =
            connector.call(request).await.ok().filter(|response| response.status().is_success())?;
        let next = response.headers().get("link").and_then(|link| {
            let target = link.split_once('<')?.1.split_once('>')?.0;
            Some(target.strip_prefix(place.oci_url.as_str()).unwrap_or(target).to_owned())
        });
        let body = response.into_body().collect().await.ok()?.to_bytes();
        tags.extend(serde_json::from_slice::<List>(&body).ok()?.tags);
        match next {
            Some(next) => path = next,
            None => return tags.into_iter().max(),
        }
    }
}
