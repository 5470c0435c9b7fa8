//! From a listing's first page to its last, one at a time.

use std::fmt;

use crate::error::{Error, ErrorKind};
use crate::image::ImageName;
use crate::tags::{Cursor, Detail, PageRequest, TagPage, TagSource};

/// No listing is longer: at ECR's 1,000 tags a page this is a hundred million tags.
const MAX_PAGES: u64 = 100_000;

/// What a listing took and gave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Listing {
    pages: u64,
    requests: u64,
    tags: u64,
    excluded: u64,
}

impl Listing {
    /// Pages read.
    pub fn pages(&self) -> u64 {
        self.pages
    }

    /// Requests made for them, retries included. What obtaining credentials took is not part of it.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// Tags the registry listed.
    pub fn tags(&self) -> u64 {
        self.tags
    }

    /// Of those, the tags that were left out: by the exclusion list, or as
    /// [accessories](crate::ReflectorBuilder::without_accessories).
    pub fn excluded(&self) -> u64 {
        self.excluded
    }

    /// Pages, requests, tags and excluded tags, to be stored.
    pub(crate) fn to_numbers(self) -> [u64; 4] {
        [self.pages, self.requests, self.tags, self.excluded]
    }

    pub(crate) fn from_numbers([pages, requests, tags, excluded]: [u64; 4]) -> Self {
        Self { pages, requests, tags, excluded }
    }

    #[cfg(test)]
    pub(crate) fn with_requests(self, requests: u64) -> Self {
        Self { requests, ..self }
    }
}

/// How far a listing is, told after every page.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct PageProgress<'a> {
    /// The image whose tags are being listed.
    pub image: &'a ImageName,
    /// Pages read so far.
    pub pages: u64,
    /// Requests made for them, retries included.
    pub requests: u64,
    /// Tags listed so far, before exclusion.
    pub tags: u64,
    /// Whether another page follows.
    pub more: bool,
}

/// The hook of [`ReflectorBuilder::on_page`](crate::ReflectorBuilder::on_page).
pub(crate) type OnPage = dyn Fn(PageProgress<'_>) + Send + Sync;

/// A listing under way, made by [`Reflector::pages`](crate::Reflector::pages).
///
/// The pages hold every tag, with its digest where the registry tells it, before exclusion. Only a page that arrived moves
/// the listing on.
pub struct Pages<'a> {
    source: &'a dyn TagSource,
    image: &'a ImageName,
    on_page: Option<&'a OnPage>,
    detail: Detail,
    listing: Listing,
    next: Next,
    landmark: Option<Cursor>,
}

#[derive(Debug)]
enum Next {
    First,
    At(Cursor),
    End,
}

impl<'a> Pages<'a> {
    pub(crate) fn new(source: &'a dyn TagSource, image: &'a ImageName, on_page: Option<&'a OnPage>) -> Self {
        let (listing, detail) = (Listing::default(), Detail::default());
        Self { source, image, on_page, detail, listing, next: Next::First, landmark: None }
    }

    /// Asks for more than digests. A listing that is resumed asks for what it asked for before.
    #[must_use]
    pub fn with_detail(mut self, detail: Detail) -> Self {
        self.detail = detail;
        self
    }

    pub(crate) fn beginning_at(mut self, cursor: Cursor) -> Self {
        self.next = Next::At(cursor);
        self
    }

    /// The next page, or `None` after the last one. Only with that `None` is the listing complete.
    ///
    /// # Errors
    ///
    /// Whatever stopped the page, with its number and cursor: see [`ErrorKind`]. Calling again asks for the same page
    /// again. [`ErrorKind::InvalidResponse`] also for a listing that runs in circles, or is longer than 100,000 pages.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing but the page, which the next call asks for again.
    pub async fn next(&mut self) -> Result<Option<TagPage>, Error> {
        let cursor = match &self.next {
            Next::First => None,
            Next::At(cursor) => Some(cursor),
            Next::End => return Ok(None),
        };
        let mut request = PageRequest::new(self.image).with_detail(self.detail);
        if let Some(cursor) = cursor {
            request = request.with_cursor(cursor);
        }
        let number = self.listing.pages + 1;
        let page = match self.source.page(&request).await {
            Ok(page) => page,
            // Of a name or a setting that is wrong, not of a page: nothing was listed yet.
            Err(error) if cursor.is_none() && error.kind() == ErrorKind::Configuration => return Err(error),
            Err(error) => return Err(error.at_page(number, cursor.cloned())),
        };
        if let Err(error) = self.refuse_circles(&page) {
            return Err(error.at_page(number, cursor.cloned()));
        }
        if number.is_power_of_two() {
            self.landmark = page.next().cloned();
        }
        self.listing.pages = number;
        self.listing.requests += page.requests();
        self.listing.tags += page.entries().len() as u64;
        self.next = page.next().cloned().map_or(Next::End, Next::At);
        tracing::debug!(
            page = number,
            tags = page.entries().len(),
            more = page.next().is_some(),
            "page of tags read"
        );
        if let Some(on_page) = self.on_page {
            let Listing { pages, requests, tags, .. } = self.listing;
            on_page(PageProgress { image: self.image, pages, requests, tags, more: page.next().is_some() });
        }
        Ok(Some(page))
    }

    /// What the listing took so far, nothing being excluded.
    pub fn listing(&self) -> Listing {
        self.listing
    }

    /// What the listing took, `excluded` being for the caller to count.
    pub(crate) fn into_listing(self, excluded: u64) -> Listing {
        Listing { excluded, ..self.listing }
    }

    // Brent's cycle detection: one remembered cursor, moved on at every power of two, meets a circle of any
    // length.
    fn refuse_circles(&self, page: &TagPage) -> Result<(), Error> {
        let Some(next) = page.next() else { return Ok(()) };
        let number = self.listing.pages + 1;
        let repeated =
            self.landmark.as_ref() == Some(next) || matches!(&self.next, Next::At(cursor) if cursor == next);
        if repeated || number >= MAX_PAGES {
            let what = if repeated { "repeats a cursor" } else { "does not end" };
            return Err(Error::new(
                ErrorKind::InvalidResponse,
                format!(
                    "the registry's list of the tags of {} {what} and would never be complete",
                    self.image
                ),
            ));
        }
        Ok(())
    }
}

impl fmt::Debug for Pages<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("image", &self.image)
            .field("listing", &self.listing)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
