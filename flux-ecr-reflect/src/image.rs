//! Image names and references, read strictly.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind};
use crate::registry::{EcrRegistry, RegistryKind};

mod digest;
mod tag;

pub use self::digest::Digest;
pub use self::tag::Tag;

/// The name of an image without tag and digest, as in Flux's [`.spec.image`][1]: `registry/repository`.
///
/// Short names are completed as Flux completes them: without a registry the name is Docker Hub's, and
/// `docker.io` and a missing `library/` are written out, so that `Display` is Flux's canonical name.
///
/// ```
/// use flux_ecr_reflect::ImageName;
///
/// let image: ImageName = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp".parse()?;
/// assert_eq!(image.repository(), "apps/mainapp");
/// assert_eq!(image.ecr_registry()?.region(), "eu-west-1");
///
/// assert_eq!("alpine".parse::<ImageName>()?.to_string(), "index.docker.io/library/alpine");
/// let error = "ghcr.io/org/app:1.0".parse::<ImageName>().unwrap_err();
/// assert_eq!(error.to_string(), r#"image "ghcr.io/org/app:1.0" includes a tag; remove ":1.0""#);
/// # Ok::<(), flux_ecr_reflect::Error>(())
/// ```
///
/// Repositories follow the grammar of the [distribution specification][2], which is a little narrower than
/// the check Flux makes: names such as `a//b`, which no registry can hold, are refused here already. So are hosts that Flux
/// lets pass and no certificate is for: with a dot at the end, with letters that are not ASCII, with more than 253
/// characters, with an empty port.
///
/// [1]: https://fluxcd.io/flux/components/image/imagerepositories/#image
/// [2]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageName {
    registry: String,
    repository: String,
}

impl ImageName {
    /// The host of the registry, with its port if it has one.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The repository within the registry.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The private ECR registry the host names.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when the host is another registry's, or only resembles one of ECR.
    pub fn ecr_registry(&self) -> Result<EcrRegistry, Error> {
        self.registry.parse()
    }

    /// Whose registry the host is: Amazon ECR's, private or public, or somebody else's.
    ///
    /// ```
    /// use flux_ecr_reflect::{ImageName, RegistryKind};
    ///
    /// let image: ImageName = "public.ecr.aws/docker/library/redis".parse()?;
    /// assert!(matches!(image.registry_kind()?, RegistryKind::EcrPublic { .. }));
    /// # Ok::<(), flux_ecr_reflect::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when the host only resembles one of ECR.
    pub fn registry_kind(&self) -> Result<RegistryKind, Error> {
        RegistryKind::of(&self.registry)
    }

    /// The reference to one tag of this image.
    pub fn with_tag(self, tag: Tag) -> ImageRef {
        ImageRef { name: self, tag: Some(tag), digest: None }
    }
}

impl FromStr for ImageName {
    type Err = Error;

    /// # Errors
    ///
    /// [`ErrorKind::Configuration`], with the part to remove or to correct: a scheme, a tag, a digest, a
    /// character.
    fn from_str(image: &str) -> Result<Self, Error> {
        if let (_, Some(digest)) = split_digest(image)? {
            return Err(refused(image, "includes a digest", format!("remove \"@{digest}\"")));
        }
        if let Some((scheme, _)) = image.split_once("://") {
            return Err(refused(image, "includes a URL scheme", format!("remove \"{scheme}://\"")));
        }
        let (registry, repository) = split_registry(image);
        if let Some((_, tag)) = repository.split_once(':') {
            return Err(refused(image, "includes a tag", format!("remove \":{tag}\"")));
        }
        if !registry.is_none_or(is_authority) {
            return Err(refused(
                image,
                "names no valid registry host",
                "use HOST or HOST:PORT before the first slash",
            ));
        }
        let registry = match registry {
            None | Some("docker.io") => DOCKER_HUB,
            Some(registry) => registry,
        };
        let repository = match repository {
            short if registry == DOCKER_HUB && !short.contains('/') && short.len() > 1 => {
                format!("library/{short}")
            }
            full => full.to_owned(),
        };
        if !(2..=255).contains(&repository.len()) || !repository.split('/').all(is_component) {
            return Err(refused(
                image,
                "names no valid repository",
                "use 2 to 255 of a-z, 0-9, '.', '_', '-' and '/', each part beginning and ending with a-z or 0-9",
            ));
        }
        Ok(Self { registry: registry.to_owned(), repository })
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)
    }
}

/// An image name with a tag, a digest, or both: `name:tag@sha256:…`, what is written into a manifest.
///
/// ```
/// use flux_ecr_reflect::ImageRef;
///
/// let image: ImageRef = "ghcr.io/org/app:1.0".parse()?;
/// assert_eq!(image.tag().map(|tag| tag.as_str()), Some("1.0"));
/// assert_eq!(image.to_string(), "ghcr.io/org/app:1.0");
/// # Ok::<(), flux_ecr_reflect::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageRef {
    name: ImageName,
    tag: Option<Tag>,
    digest: Option<Digest>,
}

impl ImageRef {
    /// The same reference, pinned to a digest.
    #[must_use]
    pub fn with_digest(mut self, digest: Digest) -> Self {
        self.digest = Some(digest);
        self
    }

    /// The name, without tag and digest.
    pub fn name(&self) -> &ImageName {
        &self.name
    }

    /// The tag, if the reference has one.
    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// The digest, if the reference is pinned to one.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }
}

impl FromStr for ImageRef {
    type Err = Error;

    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when a part is malformed, or there is neither a tag nor a digest.
    fn from_str(reference: &str) -> Result<Self, Error> {
        let (rest, digest) = split_digest(reference)?;
        let digest = digest.map(str::parse).transpose()?;
        let (_, repository) = split_registry(rest);
        let (name, tag) = match repository.split_once(':') {
            Some((_, tag)) => (&rest[..rest.len() - tag.len() - 1], Some(tag.parse()?)),
            None => (rest, None),
        };
        if tag.is_none() && digest.is_none() {
            return Err(refused(
                reference,
                "has neither a tag nor a digest",
                "add \":TAG\" or \"@sha256:…\"",
            ));
        }
        Ok(Self { name: name.parse()?, tag, digest })
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// The name under which Docker Hub's registry is reached, and which Flux writes for it.
const DOCKER_HUB: &str = "index.docker.io";

/// Splits at the `@`, behind which only a digest may stand.
///
/// # Errors
///
/// [`ErrorKind::Configuration`] when a user stands before it, who may have a password: nothing of the text is repeated.
fn split_digest(image: &str) -> Result<(&str, Option<&str>), Error> {
    let Some((before, behind)) = image.split_once('@') else { return Ok((image, None)) };
    let is_digest = !behind.contains(['/', '@'])
        && behind.contains(':')
        && (before.contains('/') || behind.starts_with("sha256:") || behind.starts_with("sha512:"))
        && !before.contains("://");
    if is_digest {
        return Ok((before, Some(behind)));
    }
    Err(Error::new(
        ErrorKind::Configuration,
        "the image includes a user before its registry; remove everything up to the @",
    ))
}

/// The first part is a registry only if it has a dot or a colon; `localhost/app` is a repository of Docker
/// Hub, as in Flux with go-containerregistry up to 0.21.6; from 0.21.7 on, `localhost` is a registry there.
fn split_registry(image: &str) -> (Option<&str>, &str) {
    match image.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) => (Some(first), rest),
        _ => (None, image),
    }
}

fn is_authority(authority: &str) -> bool {
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, "")) => return address.parse::<std::net::Ipv6Addr>().is_ok(),
        Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => {
            ("localhost", port.strip_prefix(':'))
        }
        Some(_) => return false,
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => return is_host(authority),
        },
    };
    let is_port = |port: &str| {
        port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|n| n > 0)
    };
    is_host(host) && port.is_some_and(is_port)
}

fn is_host(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    // No longer name is in DNS.
    host.len() <= 253 && host.split('.').all(is_label)
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(component: &str) -> bool {
    let is_separator = |between: &str| {
        matches!(between, "." | "_" | "__")
            || (!between.is_empty() && between.bytes().all(|byte| byte == b'-'))
    };
    let mut rest = component;
    loop {
        let word = rest.bytes().take_while(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()).count();
        if word == 0 || word == rest.len() {
            return word > 0;
        }
        rest = &rest[word..];
        let (between, next) = rest.split_at(rest.bytes().take_while(|byte| b"._-".contains(byte)).count());
        if !is_separator(between) {
            return false;
        }
        rest = next;
    }
}

fn refused(value: &str, problem: &str, remedy: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Configuration, format!("image {value:?} {problem}; {remedy}"))
}

#[cfg(test)]
mod tests;
