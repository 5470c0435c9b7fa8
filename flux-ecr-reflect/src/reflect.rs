//! The front door: one walk over an image's tags, for a scan, for the latest image, or for both.

use std::fmt;
use std::sync::Arc;

use crate::error::Error;
use crate::image::ImageName;
use crate::scan::{Scan, ScanBuilder, is_excluded};
use crate::tags::TagSource;
use crate::walk::{OnPage, Walk};

mod builder;

pub use self::builder::ReflectorBuilder;

/// Reads the tags of images: all of them as a [`Scan`].
///
/// Cheap to clone; clones share the client and its credentials. One reflector serves every account, region and repository
/// its credentials may read.
#[derive(Clone)]
pub struct Reflector {
    inner: Arc<Inner>,
}

struct Inner {
    source: Arc<dyn TagSource>,
    on_page: Option<Arc<OnPage>>,
}

impl Reflector {
    /// A reflector with nothing set.
    pub fn builder() -> ReflectorBuilder {
        ReflectorBuilder::default()
    }

    /// Lists all tags of an image.
    ///
    /// # Errors
    ///
    /// Whatever stopped the listing, with the page it stopped at; see [`ErrorKind`](crate::ErrorKind).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the listing. Nothing of it is kept, and the next call starts at the first page.
    #[tracing::instrument(skip_all, fields(%image))]
    pub async fn scan(&self, image: &ImageName) -> Result<Scan, Error> {
        let mut tags = ScanBuilder::default();
        let mut walk = self.walk(image);
        while let Some(page) = walk.next().await? {
            for entry in page.entries() {
                if is_excluded(entry.tag()) {
                    walk.listing_mut().exclude();
                } else {
                    tags.push(entry.tag())?;
                }
            }
        }
        Ok(tags.finish(image.clone(), walk.into_listing()))
    }

    fn walk<'a>(&'a self, image: &'a ImageName) -> Walk<'a> {
        Walk::new(&*self.inner.source, image, self.inner.on_page.as_deref())
    }
}

impl fmt::Debug for Reflector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reflector").field("source", &self.inner.source).finish_non_exhaustive()
    }
}
