//! `tags/list`, a page at a time, with ECR's habits: no order, at most 1000 a page, an absolute `Link`, and a `last` that
//! is not a tag.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::{Place, unsupported};
use crate::ecr::Page;
use crate::repository::Listed;
use crate::wire::Rejection;

pub(crate) fn list(place: Place<'_>, query: Option<&str>) -> Result<Response, Rejection> {
    let Place { cloud, registry, name, repository } = place;
    let registry = registry.url(cloud);
    let (mut count, mut last) = (None, None);
    for (key, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match key.as_ref() {
            "n" => count = Some(value.parse().map_err(|_| unsupported("Invalid parameter at 'maxResults'"))?),
            "last" => last = Some(value.into_owned()),
            _ => {}
        }
    }
    let listing = format!("tags/list {registry}/{name}");
    let total = repository.entries(Listed::Tagged);
    let page = Page::new(cloud, &listing, last.as_deref(), count, total)
        .map_err(|fault| unsupported(fault.message))?;
    let tags: Vec<_> = page.positions.filter_map(|at| repository.entry(Listed::Tagged, at).tag).collect();
    let body = Json(json!({ "name": name, "tags": tags }));
    let Some(token) = page.next_token else { return Ok((StatusCode::OK, body).into_response()) };

    let size = count.map(|count| format!("&n={count}")).unwrap_or_default();
    let link = format!("<{registry}/v2/{name}/tags/list?last={token}{size}>; rel=\"next\"");
    Ok((StatusCode::OK, [(header::LINK, link)], body).into_response())
}
