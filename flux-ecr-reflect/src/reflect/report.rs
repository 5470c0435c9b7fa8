//! What finding an image took.

use std::fmt;
use std::time::Duration;

use crate::pages::Listing;
use crate::tags::Access;

/// What finding an image took: requests, time, and who was asked as whom. `Display` is one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    pub(super) listing: Listing,
    pub(super) access: Option<Access>,
    pub(super) asked_for_digest: bool,
    pub(super) duration: Duration,
}

impl Report {
    /// The listing: pages, requests, tags listed and excluded.
    pub fn listing(&self) -> Listing {
        self.listing
    }

    /// Requests beyond one for each page: retries, and of the distribution API what its challenges and tokens take.
    pub fn extra_requests(&self) -> u64 {
        self.listing.requests().saturating_sub(self.listing.pages())
    }

    /// Through which API the last page came, and as whom it was asked for. `None` of a
    /// [`TagSource`](crate::TagSource) that does not say.
    pub fn access(&self) -> Option<Access> {
        self.access
    }

    /// Whether the digest of the chosen tag was asked for by itself, because the listing did not tell it. Those requests are not
    /// part of the listing's.
    pub fn asked_for_digest(&self) -> bool {
        self.asked_for_digest
    }

    /// How long all of it took by the reflector's clock, waits for credentials and turns included.
    pub fn duration(&self) -> Duration {
        self.duration
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: u64| if count == 1 { "" } else { "s" };
        let (tags, pages, requests) = (self.listing.tags(), self.listing.pages(), self.listing.requests());
        write!(f, "{tags} tag{} in {pages} page{}", plural(tags), plural(pages))?;
        write!(f, ", {requests} request{}", plural(requests))?;
        if self.asked_for_digest {
            f.write_str(" and one for the digest")?;
        }
        write!(f, ", {} ms", self.duration.as_millis())?;
        match self.access {
            Some(access) => write!(f, ", through {access}"),
            None => Ok(()),
        }
    }
}
