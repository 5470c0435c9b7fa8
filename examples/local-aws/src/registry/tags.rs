//! `tags/list`, a page at a time, with ECR's habits: no order, at most 1000 a page, an absolute `Link`, and a `last` that
//! is not a tag.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::unsupported;
use crate::cloud::Cloud;
use crate::ecr::Page;
use crate::repository::{Catalog, Listed};
use crate::wire::Rejection;

pub(super) fn list(cloud: &Cloud, repository: &Catalog, query: Option<&str>) -> Result<Response, Rejection> {
    let (mut count, mut last) = (None, None);
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match name.as_ref() {
            "n" => count = Some(value.parse().map_err(|_| unsupported("Invalid parameter at 'maxResults'"))?),
            "last" => last = Some(value.into_owned()),
            _ => {}
        }
    }
    let listing = format!("tags/list {}", repository.arn(&cloud.region));
    let total = repository.entries(Listed::Tagged);
    let page = Page::new(cloud, &listing, last.as_deref(), count, total)
        .map_err(|fault| unsupported(fault.message))?;
    let tags: Vec<_> = page.positions.filter_map(|at| repository.entry(Listed::Tagged, at).tag).collect();
    let body = Json(json!({ "name": repository.name, "tags": tags }));
    let Some(token) = page.next_token else { return Ok((StatusCode::OK, body).into_response()) };

    let size = count.map(|count| format!("&n={count}")).unwrap_or_default();
    let link = format!(
        "<{}/v2/{}/tags/list?last={token}{size}>; rel=\"next\"",
        cloud.endpoints.registry, repository.name
    );
    Ok((StatusCode::OK, [(header::LINK, link)], body).into_response())
}
