//! Many images at once.

use std::fmt;
use std::iter::Fuse;
use std::pin::Pin;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::Reflector;
use super::task::{ImageTask, ImageUpdate};
use crate::error::Error;

/// Updates of many images, some at a time: made by [`Reflector::update_all`].
///
/// They go on while [`next`](Self::next) is waited for, and end where this is dropped. Between two calls they stand still, and
/// keep the turns that they hold: whoever asks the same registry there may wait for them as long as its
/// [`Throttle`](crate::Throttle) lets it.
#[must_use = "updates do nothing until they are waited for"]
pub struct Updates<I> {
    reflector: Reflector,
    tasks: Fuse<I>,
    under_way: FuturesUnordered<UnderWay>,
    concurrency: usize,
}

type UnderWay = Pin<Box<dyn Future<Output = (ImageTask, Result<ImageUpdate, Error>)> + Send>>;

impl<I: Iterator<Item = ImageTask> + Send> Updates<I> {
    pub(super) fn new(reflector: Reflector, tasks: I) -> Self {
        Self { reflector, tasks: tasks.fuse(), under_way: FuturesUnordered::new(), concurrency: CONCURRENCY }
    }

    /// How many images are under way at once; 16 unless set, and at least one. Each takes the memory of one page.
    ///
    /// Requests to one registry also wait for the turn that its [`Throttle`](crate::Throttle) gives them.
    pub fn with_concurrency(mut self, images: usize) -> Self {
        self.concurrency = images.max(1);
        self
    }

    /// The next image to be done, in the order in which they are, with what came of it; `None` after the last one.
    ///
    /// That one fails stops no other.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: what is under way goes on with the next call.
    pub async fn next(&mut self) -> Option<(ImageTask, Result<ImageUpdate, Error>)> {
        while self.under_way.len() < self.concurrency {
            let Some(task) = self.tasks.next() else { break };
            let reflector = self.reflector.clone();
            self.under_way.push(Box::pin(async move {
                let update = reflector.update(&task).await;
                (task, update)
            }));
        }
        self.under_way.next().await
    }
}

impl<I> fmt::Debug for Updates<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Updates")
            .field("under_way", &self.under_way.len())
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}

/// What a registry's limiter lets through at first.
const CONCURRENCY: usize = 16;
