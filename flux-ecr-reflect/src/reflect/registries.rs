//! Through which API the registry of an image is asked.

use std::sync::Arc;

use async_trait::async_trait;

use crate::error::{Error, ErrorKind};
use crate::image::{Digest, ImageName, ImageRef};
use crate::login::{Login, LoginSource};
use crate::oci::OciRegistry;
use crate::registry::{EcrRegistry, RegistryKind};
use crate::tags::ecr_api::EcrApi;
use crate::tags::{PageRequest, TagPage, TagSource};

/// Private ECR through its own API, if there are credentials; all others, and private ECR where that is wanted or a login is all
/// there is, through the distribution API.
#[derive(Debug)]
pub(super) struct Registries {
    pub(super) ecr: Option<EcrApi>,
    pub(super) others: OciRegistry,
    /// Whether `others` may be asked for private ECR too.
    pub(super) others_know_ecr: bool,
    pub(super) prefer_others: bool,
}

impl Registries {
    fn of(&self, image: &ImageName) -> Result<&dyn TagSource, Error> {
        match (image.registry_kind()?, &self.ecr) {
            (RegistryKind::Ecr(_), Some(ecr)) if !self.prefer_others => Ok(ecr),
            (RegistryKind::Ecr(registry), _) if !self.others_know_ecr => Err(nobody_asks(&registry)),
            _ => Ok(&self.others),
        }
    }

    /// The API of private ECR, and of nothing else.
    pub(super) fn ecr_of(&self, image: &ImageName) -> Result<&EcrApi, Error> {
        let registry = image.ecr_registry()?;
        self.ecr.as_ref().ok_or_else(|| nobody_asks(&registry))
    }
}

#[async_trait]
impl TagSource for Registries {
    async fn page(&self, request: &PageRequest<'_>) -> Result<TagPage, Error> {
        self.of(request.image())?.page(request).await
    }

    async fn digest(&self, image: &ImageRef) -> Result<Option<Digest>, Error> {
        self.of(image.name())?.digest(image).await
    }
}

/// Gives no logins.
#[derive(Debug)]
pub(super) struct NoLogins;

#[async_trait]
impl LoginSource for NoLogins {
    async fn login(&self, _: &ImageName) -> Result<Option<Arc<Login>>, Error> {
        Ok(None)
    }
}

fn nobody_asks(registry: &EcrRegistry) -> Error {
    let message = format!("the reflector has no credentials, and {registry} is a private registry");
    Error::new(ErrorKind::Configuration, message)
        .with_hint("Call .credentials(provider), or .login(source) with a login to the registry.")
}
