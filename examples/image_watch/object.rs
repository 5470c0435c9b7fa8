//! Names of objects, as they are printed.

use std::fmt;

use flux_policy::manifest::Metadata;

/// What has a name and a health.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    ImageRepository,
    ImagePolicy,
}

impl Kind {
    /// The kind of the manifest.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::ImageRepository => "ImageRepository",
            Self::ImagePolicy => "ImagePolicy",
        }
    }
}

/// An object by kind, namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Object {
    pub(crate) kind: Kind,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Object {
    pub(crate) fn new(kind: Kind, metadata: &Metadata) -> Self {
        let namespace = metadata.namespace.clone().unwrap_or_default();
        Self { kind, namespace, name: metadata.name.clone() }
    }

    /// `namespace/name`, or the name alone where the manifest gives no namespace.
    pub(crate) fn qualified(&self) -> String {
        match &*self.namespace {
            "" => self.name.clone(),
            namespace => format!("{namespace}/{}", self.name),
        }
    }
}

/// `repository apps/web`
impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::ImageRepository => "repository",
            Kind::ImagePolicy => "policy",
        };
        write!(f, "{kind} {}", self.qualified())
    }
}
