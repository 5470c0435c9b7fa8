//! Pages of a listing.

use std::ops::Range;

use super::parameters::{invalid, page_size};
use crate::cloud::Cloud;
use crate::repository::Listing;
use crate::wire::Rejection;

/// The part of a listing that one answer has.
pub(crate) struct Page {
    pub(crate) positions: Range<u64>,
    /// Where the next part begins, unless this is the last.
    pub(crate) next_token: Option<String>,
}

impl Page {
    /// The page of the listing `name`, which has `total` entries, that a request asks for.
    pub(crate) fn new(
        cloud: &Cloud,
        name: &str,
        listing: &Listing,
        total: u64,
        token: Option<&str>,
        max_results: Option<i64>,
    ) -> Result<Self, Rejection> {
        let size = page_size(max_results)?;
        let start = match token {
            None => Start::default(),
            Some(token) => cloud
                .page_tokens
                .open(name, token)
                .map(Start::from_number)
                .ok_or_else(|| invalid("nextToken", "must be a token of this listing"))?,
        };
        let (positions, next) = start.page(listing, size, total);
        Ok(Self { positions, next_token: next.map(|next| cloud.page_tokens.close(name, next.to_number())) })
    }
}

/// Where a page begins.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Start {
    position: u64,
    /// Whether an empty page comes first.
    empty: bool,
}

impl Start {
    /// What the page has that begins here, and where the next one begins.
    fn page(self, listing: &Listing, size: u64, total: u64) -> (Range<u64>, Option<Self>) {
        let Self { position, empty } = self;
        if empty {
            return (position..position, Some(Self { position, empty: false }));
        }
        let size = listing.at_most.map_or(size, |most| most.min(size));
        let end = (position + size).min(total);
        let next = Self { position: end - listing.repeating.min(size - 1), empty: listing.empty_pages };
        let next = (end < total).then_some(next).or(listing.endless.then_some(Self::default()));
        (position..end.max(position), next)
    }

    fn to_number(self) -> u64 {
        self.position * 2 + u64::from(self.empty)
    }

    fn from_number(number: u64) -> Self {
        Self { position: number / 2, empty: number % 2 == 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pages of a listing of ten entries, four a page.
    fn pages(listing: &Listing, most: usize) -> Vec<Vec<u64>> {
        let (mut pages, mut next) = (Vec::new(), Some(Start::default()));
        while let Some(start) = next.filter(|_| pages.len() < most) {
            let (positions, after) = start.page(listing, 4, 10);
            pages.push(positions.collect());
            next = after.map(|after| Start::from_number(after.to_number()));
        }
        pages
    }

    #[test]
    fn pages_and_their_oddities() {
        let all: [&[u64]; 3] = [&[0, 1, 2, 3], &[4, 5, 6, 7], &[8, 9]];
        assert_eq!(pages(&Listing::new(), 9), all);
        let short: [&[u64]; 4] = [&[0, 1, 2], &[3, 4, 5], &[6, 7, 8], &[9]];
        assert_eq!(pages(&Listing::new().at_most(3), 9), short);
        let empty: [&[u64]; 5] = [all[0], &[], all[1], &[], all[2]];
        assert_eq!(pages(&Listing::new().empty_pages(), 9), empty);
        let repeating: [&[u64]; 3] = [&[0, 1, 2, 3], &[3, 4, 5, 6], &[6, 7, 8, 9]];
        assert_eq!(pages(&Listing::new().repeating(1), 9), repeating);
        assert_eq!(pages(&Listing::new().repeating(100), 9).len(), 7, "a page has something new");
        let endless: [&[u64]; 5] = [all[0], all[1], all[2], all[0], all[1]];
        assert_eq!(pages(&Listing::new().endless(), 5), endless);
    }
}
