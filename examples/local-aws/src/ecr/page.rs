//! Pages of a listing.

use std::ops::Range;

use super::parameters::{invalid, page_size};
use crate::cloud::Cloud;
use crate::wire::Rejection;

/// The part of a listing that one answer has.
pub(crate) struct Page {
    pub(crate) positions: Range<u64>,
    /// Where the next part begins, unless this is the last.
    pub(crate) next_token: Option<String>,
}

impl Page {
    /// The page of `listing`, which has `total` entries, that a request asks for.
    pub(crate) fn new(
        cloud: &Cloud,
        listing: &str,
        token: Option<&str>,
        max_results: Option<i64>,
        total: u64,
    ) -> Result<Self, Rejection> {
        let size = page_size(max_results)?;
        let start = match token {
            None => 0,
            Some(token) => cloud
                .page_tokens
                .open(listing, token)
                .ok_or_else(|| invalid("nextToken", "must be a token of this listing"))?,
        };
        let end = (start + size).min(total);
        let next_token = (end < total).then(|| cloud.page_tokens.close(listing, end));
        Ok(Self { positions: start..end, next_token })
    }
}
