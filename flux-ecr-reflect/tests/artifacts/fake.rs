//! A registry with one repository, in memory.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use aws_smithy_http_client::test_util::infallible_client_fn;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use flux_ecr_reflect::artifact::{Artifact, ArtifactRef, FLUX_CONFIG_MEDIA_TYPE, FLUX_CONTENT_MEDIA_TYPE};
use flux_ecr_reflect::{Error, ImageName, Login, LoginSource, OciRegistry, OciRegistryBuilder};
use http::{Request, Response};
use http_body::{Body, Frame};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub(crate) const HOST: &str = "registry.example.com";

/// What a request came with.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) uri: String,
    pub(crate) authorization: Option<String>,
}

/// What is answered instead of a blob.
type Elsewhere = dyn Fn(&str) -> Option<Response<SdkBody>> + Send + Sync;

#[derive(Clone, Default)]
pub(crate) struct Registry {
    manifests: BTreeMap<String, String>,
    blobs: BTreeMap<String, Bytes>,
    tags: Vec<String>,
    elsewhere: Option<Arc<Elsewhere>>,
    pub(crate) asked: Arc<Mutex<Vec<Asked>>>,
}

impl Registry {
    /// Keeps a blob, and says its digest.
    pub(crate) fn blob(&mut self, bytes: impl Into<Bytes>) -> String {
        let bytes = bytes.into();
        let digest = digest(&bytes);
        self.blobs.insert(digest.clone(), bytes);
        digest
    }

    /// Sends these bytes for a blob that they are not.
    pub(crate) fn with_blob_as(mut self, digest: &str, bytes: impl Into<Bytes>) -> Self {
        self.blobs.insert(digest.to_owned(), bytes.into());
        self
    }

    /// Keeps a manifest under its digest and a tag, and says its digest.
    pub(crate) fn manifest(&mut self, tag: &str, manifest: &Value) -> String {
        let text = manifest.to_string();
        let digest = digest(text.as_bytes());
        self.manifests.insert(tag.to_owned(), text.clone());
        self.manifests.insert(digest.clone(), text);
        self.tags.push(tag.to_owned());
        digest
    }

    /// Keeps a manifest under a name that is not its own.
    pub(crate) fn with_manifest_as(mut self, reference: &str, manifest: &Value) -> Self {
        self.manifests.insert(reference.to_owned(), manifest.to_string());
        self
    }

    /// A Flux artifact with this content. The digest of its manifest.
    pub(crate) fn flux_artifact(&mut self, tag: &str, content: impl Into<Bytes>) -> String {
        let content = content.into();
        let layer = layer(FLUX_CONTENT_MEDIA_TYPE, &content);
        self.blob(content);
        self.manifest(tag, &manifest(&[layer], tag))
    }

    /// Answers requests for blobs, and those to other hosts, in another way where `answer` has one for the address.
    pub(crate) fn with_elsewhere(
        mut self,
        answer: impl Fn(&str) -> Option<Response<SdkBody>> + Send + Sync + 'static,
    ) -> Self {
        self.elsewhere = Some(Arc::new(answer));
        self
    }

    pub(crate) fn client(&self) -> OciRegistry {
        self.builder().build().expect("complete")
    }

    pub(crate) fn builder(&self) -> OciRegistryBuilder {
        let registry = self.clone();
        let client = infallible_client_fn(move |request| registry.answer(&request));
        OciRegistry::builder()
            .http_client(client)
            .login(Everybody(Arc::new(Login::basic("me", "canary-password"))))
    }

    pub(crate) async fn resolve(&self, reference: &ArtifactRef) -> Result<Artifact, Error> {
        Artifact::resolve(&self.client(), &name(), reference).await
    }

    pub(crate) async fn latest(&self) -> Artifact {
        self.resolve(&ArtifactRef::latest()).await.expect("an artifact")
    }

    pub(crate) fn manifest_of_latest(&self) -> Response<SdkBody> {
        of_status(200, self.manifests.get("latest").expect("a manifest"))
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("not poisoned").clone()
    }

    pub(crate) fn answer(&self, request: &Request<SdkBody>) -> Response<SdkBody> {
        let uri = request.uri().to_string();
        let header =
            |name| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        self.asked
            .lock()
            .expect("not poisoned")
            .push(Asked { uri: uri.clone(), authorization: header("authorization") });
        let is_here = request.uri().authority().is_some_and(|authority| authority == HOST);
        let path = request.uri().path();
        if (!is_here || path.contains("/blobs/"))
            && let Some(answer) = self.elsewhere.as_ref().and_then(|answer| answer(&uri))
        {
            return answer;
        }
        let Some(rest) = path.strip_prefix("/v2/apps/app/").filter(|_| is_here) else {
            return of_status(if is_here { 200 } else { 404 }, "");
        };
        if rest == "tags/list" {
            return of_status(200, &json!({ "name": "apps/app", "tags": self.tags }).to_string());
        }
        if let Some(manifest) = rest.strip_prefix("manifests/").and_then(|name| self.manifests.get(name)) {
            return of_status(200, manifest);
        }
        match rest.strip_prefix("blobs/").and_then(|digest| self.blobs.get(digest)) {
            Some(blob) => streamed(Pieces::of(blob)),
            None => of_status(404, r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"not here"}]}"#),
        }
    }
}

pub(crate) fn name() -> ImageName {
    format!("{HOST}/apps/app").parse().expect("valid")
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("written");
        text
    })
}

pub(crate) fn layer(media_type: &str, content: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": digest(content), "size": content.len() })
}

/// As `flux push artifact` writes it.
pub(crate) fn manifest(layers: &[Value], revision: &str) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": { "mediaType": FLUX_CONFIG_MEDIA_TYPE, "digest": digest(b"{}"), "size": 2 },
        "layers": layers,
        "annotations": {
            "org.opencontainers.image.created": "2026-01-01T00:00:00Z",
            "org.opencontainers.image.revision": revision,
            "org.opencontainers.image.source": "https://github.com/org/app",
        },
    })
}

pub(crate) fn of_status(status: u16, body: &str) -> Response<SdkBody> {
    Response::builder().status(status).body(SdkBody::from(body)).expect("a response")
}

pub(crate) fn redirect(location: &str) -> Response<SdkBody> {
    let response = Response::builder().status(307).header("location", location);
    response.body(SdkBody::empty()).expect("a response")
}

pub(crate) fn streamed(pieces: Pieces) -> Response<SdkBody> {
    Response::builder().status(200).body(SdkBody::from_body_1_x(pieces)).expect("a response")
}

/// A body that comes in pieces, and may never end.
pub(crate) struct Pieces {
    rest: Bytes,
    ends: bool,
}

impl Pieces {
    pub(crate) fn of(bytes: &Bytes) -> Self {
        Self { rest: bytes.clone(), ends: true }
    }

    pub(crate) fn and_then_silence(bytes: &Bytes) -> Self {
        Self { rest: bytes.clone(), ends: false }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let length = self.rest.len().min(1000);
        if length > 0 {
            return Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))));
        }
        if self.ends { Poll::Ready(None) } else { Poll::Pending }
    }
}

#[derive(Debug)]
struct Everybody(Arc<Login>);

#[async_trait::async_trait]
impl LoginSource for Everybody {
    async fn login(&self, _: &ImageName) -> Result<Option<Arc<Login>>, Error> {
        Ok(Some(self.0.clone()))
    }
}

/// A tar archive, compressed with gzip, of what `fill` puts in.
pub(crate) fn archive(fill: impl FnOnce(&mut tar::Builder<GzEncoder<Vec<u8>>>)) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    fill(&mut builder);
    builder.into_inner().expect("an archive").finish().expect("compressed")
}

/// An entry of any kind and name, however bad.
pub(crate) fn entry(
    builder: &mut tar::Builder<GzEncoder<Vec<u8>>>,
    kind: tar::EntryType,
    name: &str,
    mode: u32,
    content: &[u8],
) {
    let mut header = tar::Header::new_gnu();
    let place = header.as_old_mut().name.get_mut(..name.len()).expect("a short name");
    place.copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(content.len() as u64);
    if kind.is_symlink() || kind.is_hard_link() {
        header.set_link_name("/etc/passwd").expect("a name");
    }
    header.set_cksum();
    builder.append(&header, content).expect("appended");
}

/// The names in a folder.
pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
