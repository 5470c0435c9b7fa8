//! Paths of the distribution API.

/// What a path of the distribution API means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target<'a> {
    Base,
    Tags { name: &'a str },
    Manifest { name: &'a str, reference: &'a str },
    Blob { name: &'a str, digest: &'a str },
}

impl<'a> Target<'a> {
    /// A name may have slashes, so the path is read from its end.
    pub(crate) fn parse(path: &'a str) -> Option<Self> {
        let path = path.strip_prefix("/v2/")?;
        if path.is_empty() {
            return Some(Self::Base);
        }
        if let Some(name) = path.strip_suffix("/tags/list") {
            return Some(Self::Tags { name });
        }
        let (rest, last) = path.rsplit_once('/')?;
        match rest.rsplit_once('/')? {
            (name, "manifests") => Some(Self::Manifest { name, reference: last }),
            (name, "blobs") => Some(Self::Blob { name, digest: last }),
            _ => None,
        }
    }

    pub(crate) fn operation(self) -> &'static str {
        match self {
            Self::Base => "Base",
            Self::Tags { .. } => "ListTags",
            Self::Manifest { .. } => "GetManifest",
            Self::Blob { .. } => "GetBlob",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let cases = [
            ("/v2/", Some(Target::Base)),
            ("/v2", None),
            ("/v1/", None),
            ("/v2/app/tags/list", Some(Target::Tags { name: "app" })),
            ("/v2/apps/web/tags/list", Some(Target::Tags { name: "apps/web" })),
            ("/v2/apps/web/manifests/1.0", Some(Target::Manifest { name: "apps/web", reference: "1.0" })),
            (
                "/v2/manifests/manifests/blobs",
                Some(Target::Manifest { name: "manifests", reference: "blobs" }),
            ),
            ("/v2/app/blobs/sha256:00", Some(Target::Blob { name: "app", digest: "sha256:00" })),
            ("/v2/app/other/1", None),
            ("/v2/app", None),
        ];
        for (path, expected) in cases {
            assert_eq!(Target::parse(path), expected, "{path}");
        }
    }
}
