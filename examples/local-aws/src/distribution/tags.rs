//! `tags/list`, a page at a time, in no order and with a `last` that is not a tag.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{Place, Registry, parameter, unsupported};
use crate::ecr::Page;
use crate::repository::{Links, Which};
use crate::wire::Rejection;

/// The most tags that any registry here puts on a page.
const MOST: i64 = 1000;

pub(super) fn list(place: Place<'_>, query: &str) -> Result<Response, Rejection> {
    let Place { cloud, registry, name, repository } = place;
    let count = parameter(query, "n").map(|count| page_size(registry, &count)).transpose()?;
    let total = repository.entry_count(Which::TAGS);
    if repository.listing.unpaged {
        return Ok(answer(place, 0..total).into_response());
    }
    // Asked for nothing, other registries give nothing; ECR refuses.
    if registry == Registry::Generic && count == Some(0) {
        return Ok(answer(place, 0..0).into_response());
    }
    let asked = if registry == Registry::Generic { Some(count.unwrap_or(MOST).min(MOST)) } else { count };
    let listing = format!("tags/list {registry:?} {name}");
    let last = parameter(query, "last");
    let page = Page::new(cloud, &listing, &repository.listing, total, last.as_deref(), asked)
        .map_err(|fault| unsupported(fault.message))?;
    let mut response = answer(place, page.positions).into_response();
    if let Some(token) = page.next_token {
        let size = count.map(|count| format!("&n={count}")).unwrap_or_default();
        for link in links(place, &format!("?last={token}{size}")) {
            if let Ok(link) = HeaderValue::from_str(&link) {
                response.headers_mut().append(header::LINK, link);
            }
        }
    }
    Ok(response)
}

fn page_size(registry: Registry, count: &str) -> Result<i64, Rejection> {
    let count = count.parse().ok().filter(|count| *count >= 0 || registry != Registry::Generic);
    count.ok_or_else(|| match registry {
        Registry::Generic => {
            Rejection::bad_request("PAGINATION_NUMBER_INVALID", "invalid number of results requested")
        }
        _ => unsupported("Invalid parameter at 'maxResults'"),
    })
}

fn answer(place: Place<'_>, positions: std::ops::Range<u64>) -> impl IntoResponse {
    let entries = place.repository.entries(Which::TAGS, positions);
    let tags: Vec<String> = entries.into_iter().filter_map(|entry| entry.tag).collect();
    let tags = if tags.is_empty() && place.repository.listing.null_tags { Value::Null } else { json!(tags) };
    (StatusCode::OK, Json(json!({ "name": place.name, "tags": tags })))
}

/// The values of the `Link` headers that say where the page with this query is.
fn links(place: Place<'_>, query: &str) -> Vec<String> {
    let relative = format!("{}{query}", place.path("tags/list"));
    let absolute = format!("{}{relative}", place.registry.url(place.cloud));
    let usual = if place.registry == Registry::Generic { Links::Relative } else { Links::Absolute };
    match place.repository.listing.links.as_ref().unwrap_or(&usual) {
        Links::Absolute => vec![format!("<{absolute}>; rel=\"next\"")],
        Links::Relative => vec![format!("<{relative}>; rel=\"next\"")],
        Links::Query => vec![format!("<{query}>; rel=\"next\"")],
        Links::At(origin) => vec![format!("<{origin}{relative}>; rel=\"next\"")],
        Links::SecondHeader => {
            vec!["</v2/>; rel=\"start\"".to_owned(), format!("<{relative}>; rel=\"next\"")]
        }
        Links::AmongOthers => vec![format!(
            "</v2/,a>; rel=start; title=\"first, <of> \\\"all\\\"; rel=\\\"next\\\"\", \
             <{relative}>; title=\"a, b; c\"; rel=\"last NEXT\", </v2/>; rel=\"nextish\""
        )],
    }
}
