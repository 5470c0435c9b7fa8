//! The controller's own identity, in the region that is set, or in those of the resources.

use crate::cache::Cache;
use crate::chain::{Chain, Resolved};
use crate::error::Error;

/// The chain of the controller, and its sessions by region where none is set.
#[derive(Clone)]
pub(super) struct Controller {
    chain: Chain,
    by_region: Cache<String, Resolved, Error>,
}

impl Controller {
    pub(super) fn new(chain: Chain, capacity: usize) -> Self {
        Self { by_region: chain.cache(capacity), chain }
    }

    pub(super) fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The chain for a resource in this region: the one of all resources, unless only the resource has a region.
    ///
    /// A session is good in all regions of its partition, so it might serve them all. But what a resource says may come from a
    /// tenant, and a region that is mistyped there must not be everybody's.
    pub(super) fn chain_for(&self, region: Option<&str>) -> Chain {
        match region {
            Some(region) if self.chain.context().region().is_none() => {
                self.chain.for_resource_in(region, &self.by_region)
            }
            _ => self.chain.clone(),
        }
    }
}
