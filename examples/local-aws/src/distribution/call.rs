//! Requests of the distribution API by method and path.

use axum::http::{Method, StatusCode};

use super::unsupported;
use crate::wire::Rejection;

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target<'a> {
    /// Whether the API is there, and whether one is let in.
    Base,
    Repository {
        name: &'a str,
        call: Call<'a>,
    },
}

/// What is asked of a repository.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Call<'a> {
    ListTags,
    GetManifest { reference: &'a str },
    PutManifest { reference: &'a str },
    CheckBlob { digest: &'a str },
    GetBlob { digest: &'a str },
    StartUpload,
    UploadPart { upload: &'a str },
    CompleteUpload { upload: &'a str },
    UploadStatus { upload: &'a str },
    CancelUpload { upload: &'a str },
}

impl<'a> Target<'a> {
    /// A name may have slashes, so the path is read from its end.
    pub(crate) fn parse(method: &Method, path: &'a str) -> Result<Self, Rejection> {
        let rest = path.strip_prefix("/v2/").ok_or_else(no_such_path)?;
        if rest.is_empty() {
            return if is_read(method) { Ok(Self::Base) } else { Err(unknown_method()) };
        }
        if let Some(name) = rest.strip_suffix("/tags/list") {
            return Self::of(name, is_read(method).then_some(Call::ListTags));
        }
        if let Some(name) = rest.strip_suffix("/blobs/uploads/").or(rest.strip_suffix("/blobs/uploads")) {
            return Self::of(name, (method == Method::POST).then_some(Call::StartUpload));
        }
        let (rest, last) = rest.rsplit_once('/').ok_or_else(no_such_path)?;
        if let Some(name) = rest.strip_suffix("/blobs/uploads") {
            return Self::of(name, upload(method, last));
        }
        match rest.rsplit_once('/').ok_or_else(no_such_path)? {
            (name, "manifests") => Self::of(name, manifest(method, last)),
            (name, "blobs") => Self::of(name, blob(method, last)),
            _ => Err(no_such_path()),
        }
    }

    fn of(name: &'a str, call: Option<Call<'a>>) -> Result<Self, Rejection> {
        call.map(|call| Self::Repository { name, call }).ok_or_else(unknown_method)
    }
}

impl Call<'_> {
    /// The name it is counted under.
    pub(crate) fn operation(self) -> &'static str {
        match self {
            Self::ListTags => "ListTags",
            Self::GetManifest { .. } => "GetManifest",
            Self::PutManifest { .. } => "PutManifest",
            Self::CheckBlob { .. } => "CheckBlob",
            Self::GetBlob { .. } => "GetBlob",
            Self::StartUpload => "StartUpload",
            Self::UploadPart { .. } => "UploadPart",
            Self::CompleteUpload { .. } => "CompleteUpload",
            Self::UploadStatus { .. } => "UploadStatus",
            Self::CancelUpload { .. } => "CancelUpload",
        }
    }

    /// The action that ECR asks permission for, without its service.
    ///
    /// Source: <https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html>.
    pub(crate) fn ecr_action(self) -> &'static str {
        match self {
            Self::ListTags => "ListImages",
            Self::GetManifest { .. } => "BatchGetImage",
            Self::PutManifest { .. } => "PutImage",
            Self::CheckBlob { .. } => "BatchCheckLayerAvailability",
            Self::GetBlob { .. } => "GetDownloadUrlForLayer",
            Self::StartUpload => "InitiateLayerUpload",
            Self::UploadPart { .. } | Self::UploadStatus { .. } | Self::CancelUpload { .. } => {
                "UploadLayerPart"
            }
            Self::CompleteUpload { .. } => "CompleteLayerUpload",
        }
    }

    /// Whether it leaves the repository as it is.
    pub(crate) fn is_pull(self) -> bool {
        matches!(
            self,
            Self::ListTags | Self::GetManifest { .. } | Self::CheckBlob { .. } | Self::GetBlob { .. }
        )
    }
}

fn manifest<'a>(method: &Method, reference: &'a str) -> Option<Call<'a>> {
    match *method {
        Method::GET | Method::HEAD => Some(Call::GetManifest { reference }),
        Method::PUT => Some(Call::PutManifest { reference }),
        _ => None,
    }
}

fn blob<'a>(method: &Method, digest: &'a str) -> Option<Call<'a>> {
    match *method {
        Method::GET => Some(Call::GetBlob { digest }),
        Method::HEAD => Some(Call::CheckBlob { digest }),
        _ => None,
    }
}

fn upload<'a>(method: &Method, upload: &'a str) -> Option<Call<'a>> {
    match *method {
        Method::PATCH => Some(Call::UploadPart { upload }),
        Method::PUT => Some(Call::CompleteUpload { upload }),
        Method::GET => Some(Call::UploadStatus { upload }),
        Method::DELETE => Some(Call::CancelUpload { upload }),
        _ => None,
    }
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn no_such_path() -> Rejection {
    Rejection::new(StatusCode::NOT_FOUND, "NAME_INVALID", "The path is not one of the distribution API's")
}

fn unknown_method() -> Rejection {
    unsupported("The operation is unsupported.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let cases = [
            (Method::GET, "/v2/app/tags/list", "app", Call::ListTags),
            (Method::HEAD, "/v2/apps/web/tags/list", "apps/web", Call::ListTags),
            (Method::GET, "/v2/apps/web/manifests/1.0", "apps/web", Call::GetManifest { reference: "1.0" }),
            (Method::PUT, "/v2/app/manifests/1.0", "app", Call::PutManifest { reference: "1.0" }),
            (
                Method::GET,
                "/v2/manifests/manifests/blobs",
                "manifests",
                Call::GetManifest { reference: "blobs" },
            ),
            (Method::GET, "/v2/app/blobs/sha256:00", "app", Call::GetBlob { digest: "sha256:00" }),
            (Method::HEAD, "/v2/app/blobs/sha256:00", "app", Call::CheckBlob { digest: "sha256:00" }),
            (Method::POST, "/v2/a/b/blobs/uploads/", "a/b", Call::StartUpload),
            (Method::POST, "/v2/a/b/blobs/uploads", "a/b", Call::StartUpload),
            (Method::PATCH, "/v2/app/blobs/uploads/7", "app", Call::UploadPart { upload: "7" }),
            (Method::PUT, "/v2/app/blobs/uploads/7", "app", Call::CompleteUpload { upload: "7" }),
            (Method::GET, "/v2/app/blobs/uploads/7", "app", Call::UploadStatus { upload: "7" }),
            (Method::DELETE, "/v2/app/blobs/uploads/7", "app", Call::CancelUpload { upload: "7" }),
        ];
        for (method, path, name, call) in cases {
            assert_eq!(
                Target::parse(&method, path),
                Ok(Target::Repository { name, call }),
                "{method} {path}"
            );
        }
        assert_eq!(Target::parse(&Method::GET, "/v2/"), Ok(Target::Base));
    }

    #[test]
    fn what_there_is_not() {
        for path in ["/v2", "/v1/", "/v2/app/other/1", "/v2/app"] {
            let refused = Target::parse(&Method::GET, path).map_err(|rejection| rejection.code);
            assert_eq!(refused, Err("NAME_INVALID".into()), "{path}");
        }
        for (method, path) in [
            (Method::POST, "/v2/"),
            (Method::POST, "/v2/app/tags/list"),
            (Method::DELETE, "/v2/app/manifests/1.0"),
            (Method::GET, "/v2/app/blobs/uploads/"),
        ] {
            let refused = Target::parse(&method, path).map_err(|rejection| rejection.code);
            assert_eq!(refused, Err("UNSUPPORTED".into()), "{method} {path}");
        }
    }
}
