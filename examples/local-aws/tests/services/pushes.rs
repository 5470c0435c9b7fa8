//! Images that are pushed: to ECR, to ECR Public and to the registry that is not AWS's.

use aws_lc_rs::digest::{SHA256, digest};
use local_aws::{GenericRegistry, LocalAws, Repository, User};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Login, Reply};
use crate::scenario::{allows, bot, builder, now, user};
use crate::signed::Signer;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.example.config.v1+json";

async fn start() -> LocalAws {
    let pusher = |name: &str, without: &str| {
        let actions: Vec<_> = PUSH.iter().filter(|action| **action != without).collect();
        User::new(name).permissions(allows(&json!(actions), "*"))
    };
    let mut aws = builder();
    for (at, action) in PUSH.iter().enumerate() {
        aws = aws.user(pusher(&format!("without-{at}"), action));
    }
    aws.repository(Repository::empty("apps/new"))
        .user(
            User::new("publisher")
                .permissions(allows(&json!(["ecr-public:*", "sts:GetServiceBearerToken"]), "*")),
        )
        .public_repository("team", Repository::empty("app"))
        .generic_registry(
            GenericRegistry::open()
                .repository(Repository::empty("apps/new"))
                .repository(Repository::empty("apps/other")),
        )
        .start()
        .await
        .expect("a valid set-up")
}

/// What a push by tag needs, in order, as AWS's guide has it.
const PUSH: [&str; 6] = [
    "ecr:GetAuthorizationToken",
    "ecr:BatchCheckLayerAvailability",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
];

fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(digest(&SHA256, bytes)))
}

fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": digest_of(bytes), "size": bytes.len() })
}

/// A manifest of `config` and one layer.
fn manifest(config: &[u8], layer: &[u8]) -> String {
    json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(CONFIG, config),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", layer)],
    })
    .to_string()
}

/// A repository of a registry, as somebody.
struct Client {
    login: Login,
    registry: String,
    name: &'static str,
}

impl Client {
    /// The bot's, who may do everything in ECR.
    async fn ecr(aws: &LocalAws) -> Self {
        let login = Login::ecr(aws, &Signer::new(&bot(aws), "ecr", now())).await;
        Self { login, registry: aws.registry_url().to_owned(), name: "apps/new" }
    }

    fn generic(aws: &LocalAws) -> Self {
        Self { login: Login::none(), registry: aws.generic_registry_url().to_owned(), name: "apps/new" }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Reply {
        let url = if path.starts_with("/v2/") {
            format!("{}{path}", self.registry)
        } else {
            format!("{}/v2/{}/{path}", self.registry, self.name)
        };
        self.login.send(method, &url, headers, body).await
    }

    async fn start_upload(&self) -> String {
        let started = self.send(Method::POST, "blobs/uploads/", &[], "").await;
        assert_eq!((started.status, started.header("range")), (202, "0-0"), "{started:?}");
        assert!(started.header("location").ends_with(started.header("docker-upload-uuid")));
        started.header("location").to_owned()
    }

    async fn complete(&self, upload: &str, digest: &str, rest: &[u8]) -> Reply {
        self.send(Method::PUT, &format!("{upload}?digest={digest}"), &[], rest).await
    }

    async fn blob(&self, bytes: &[u8]) {
        let upload = self.start_upload().await;
        assert_eq!(self.complete(&upload, &digest_of(bytes), bytes).await.status, 201);
    }

    async fn manifest(&self, reference: &str, media_type: &str, manifest: &str) -> Reply {
        let headers = [("content-type", media_type)];
        self.send(Method::PUT, &format!("manifests/{reference}"), &headers, manifest).await
    }
}

#[tokio::test]
async fn an_image_is_pushed_listed_and_pulled() {
    let aws = start().await;
    let client = Client::ecr(&aws).await;
    let (config, layer) = (b"{}".as_slice(), b"a layer".as_slice());
    assert_eq!(client.send(Method::HEAD, &format!("blobs/{}", digest_of(layer)), &[], "").await.status, 404);
    client.blob(config).await;
    client.blob(layer).await;
    let head = client.send(Method::HEAD, &format!("blobs/{}", digest_of(layer)), &[], "").await;
    assert_eq!((head.status, head.header("content-length")), (200, "7"));

    let manifest = manifest(config, layer);
    let pushed = client.manifest("1.0.0", MANIFEST, &manifest).await;
    let digest = digest_of(manifest.as_bytes());
    assert_eq!((pushed.status, pushed.header("docker-content-digest")), (201, digest.as_str()));
    assert_eq!(client.manifest(&digest, MANIFEST, &manifest).await.status, 201, "by digest, once more");

    assert_eq!(client.send(Method::GET, "tags/list", &[], "").await.tags(), ["1.0.0"]);
    let pulled = client.send(Method::GET, "manifests/1.0.0", &[], "").await;
    assert_eq!((pulled.header("content-type"), pulled.body.as_slice()), (MANIFEST, manifest.as_bytes()));
    let blob = client.send(Method::GET, &format!("blobs/{}", digest_of(layer)), &[], "").await;
    let blob = Login::none().get(blob.header("location")).await;
    assert_eq!((blob.status, blob.body.as_slice()), (200, layer));

    let ecr = Signer::new(&bot(&aws), "ecr", now());
    let call = async |operation: &str, input: Value| ecr.ecr(aws.ecr_url(), operation, &input).await.json();
    let images = call("DescribeImages", json!({ "repositoryName": "apps/new" })).await;
    let image = json!({
        "registryId": "111122223333",
        "repositoryName": "apps/new",
        "imageDigest": digest,
        "imageTags": ["1.0.0"],
        "imageSizeInBytes": manifest.len() + config.len() + layer.len(),
        "imagePushedAt": 1_767_323_045.0,
        "imageManifestMediaType": MANIFEST,
        "artifactMediaType": CONFIG,
        "imageStatus": "ACTIVE",
    });
    assert_eq!(images["imageDetails"], json!([image]));
    let input = json!({ "repositoryName": "apps/new", "imageIds": [{ "imageTag": "1.0.0" }] });
    assert_eq!(call("BatchGetImage", input).await["images"][0]["imageManifest"], manifest);
    assert_eq!(aws.requests()["registry:PutManifest"], 2);
}

#[tokio::test]
async fn a_tag_that_is_pushed_again_moves_and_leaves_its_image() {
    let aws = start().await;
    let client = Client::generic(&aws);
    client.blob(b"{}").await;
    client.blob(b"one").await;
    client.blob(b"two").await;
    let (one, two) = (manifest(b"{}", b"one"), manifest(b"{}", b"two"));
    for manifest in [&one, &two] {
        assert_eq!(client.manifest("latest", MANIFEST, manifest).await.status, 201);
    }
    assert_eq!(client.send(Method::GET, "tags/list", &[], "").await.tags(), ["latest"]);
    for (reference, manifest) in [("latest", &two), (&digest_of(one.as_bytes()), &one)] {
        let pulled = client.send(Method::GET, &format!("manifests/{reference}"), &[], "").await;
        assert_eq!(pulled.body, manifest.as_bytes());
    }

    let list = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [
        descriptor(MANIFEST, one.as_bytes()), descriptor(MANIFEST, two.as_bytes()),
    ] });
    assert_eq!(client.manifest("index", INDEX, &list.to_string()).await.status, 201);
    let blob = client.send(Method::GET, &format!("blobs/{}", digest_of(b"one")), &[], "").await;
    assert_eq!((blob.status, blob.body.as_slice()), (200, b"one".as_slice()));
}

#[tokio::test]
async fn a_blob_comes_in_parts_in_one_piece_or_from_another_repository() {
    let aws = start().await;
    let client = Client::generic(&aws);
    let upload = client.start_upload().await;
    for (range, part, held) in [("0-2", "abc", "0-2"), ("3-5", "def", "0-5")] {
        let reply = client.send(Method::PATCH, &upload, &[("content-range", range)], part).await;
        assert_eq!((reply.status, reply.header("range")), (202, held));
    }
    let reply = client.send(Method::PATCH, &upload, &[("content-range", "3-5")], "def").await;
    reply.is_fault(416, "BLOB_UPLOAD_INVALID");
    let status = client.send(Method::GET, &upload, &[], "").await;
    assert_eq!((status.status, status.header("range")), (204, "0-5"));
    assert_eq!(client.complete(&upload, &digest_of(b"abcdefghi"), b"ghi").await.status, 201);

    let whole = format!("blobs/uploads/?digest={}", digest_of(b"whole"));
    let reply = client.send(Method::POST, &whole, &[], "whole").await;
    assert_eq!((reply.status, reply.header("docker-content-digest")), (201, digest_of(b"whole").as_str()));
    client.send(Method::POST, &whole, &[], "hole").await.is_fault(400, "DIGEST_INVALID");

    let other = Client { name: "apps/other", ..Client::generic(&aws) };
    for (from, status) in [("apps/new", 201), ("apps/none", 202)] {
        let mount = format!("blobs/uploads/?mount={}&from={from}", digest_of(b"whole"));
        assert_eq!(other.send(Method::POST, &mount, &[], "").await.status, status, "{from}");
    }
    let cancelled = client.start_upload().await;
    assert_eq!(client.send(Method::DELETE, &cancelled, &[], "").await.status, 204);
    client.send(Method::GET, &cancelled, &[], "").await.is_fault(404, "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn what_is_not_as_it_says_is_refused() {
    let aws = start().await;
    for client in [Client::generic(&aws), Client::ecr(&aws).await] {
        let upload = client.start_upload().await;
        client.complete(&upload, &digest_of(b"other"), b"bytes").await.is_fault(400, "DIGEST_INVALID");
        client.complete(&upload, &digest_of(b"bytes"), b"bytes").await.is_fault(404, "BLOB_UPLOAD_UNKNOWN");
        let upload = client.start_upload().await;
        client.complete(&upload, "md5:00", b"").await.is_fault(400, "DIGEST_INVALID");
        client.send(Method::PUT, &upload, &[], "").await.is_fault(400, "DIGEST_INVALID");

        client.blob(b"{}").await;
        let lacking = manifest(b"{}", b"never pushed");
        client.manifest("1", MANIFEST, &lacking).await.is_fault(400, "MANIFEST_BLOB_UNKNOWN");
        client.blob(b"layer").await;
        let right = manifest(b"{}", b"layer");
        client.manifest("1", "text/plain", &right).await.is_fault(400, "MANIFEST_INVALID");
        client.manifest("1", INDEX, &right).await.is_fault(400, "MANIFEST_INVALID");
        client.manifest("1", MANIFEST, "{}").await.is_fault(400, "MANIFEST_INVALID");
        client.manifest("1", MANIFEST, "no JSON").await.is_fault(400, "MANIFEST_INVALID");
        client.manifest("-1", MANIFEST, &right).await.is_fault(400, "TAG_INVALID");
        let other = digest_of(lacking.as_bytes());
        client.manifest(&other, MANIFEST, &right).await.is_fault(400, "DIGEST_INVALID");
        assert!(client.send(Method::GET, "tags/list", &[], "").await.tags().is_empty());
    }
}

#[tokio::test]
async fn every_step_of_a_push_has_its_permission() {
    let aws = start().await;
    for (at, action) in PUSH.iter().enumerate().skip(1) {
        let signer = Signer::new(&user(&aws, &format!("without-{at}")), "ecr", now());
        let login = Login::ecr(&aws, &signer).await;
        let client = Client { login, registry: aws.registry_url().to_owned(), name: "apps/new" };
        let refused = push_until_refused(&client).await;
        assert_eq!(refused.status, 403, "{action}");
        // The answer to a HEAD has no body.
        if *action != "ecr:BatchCheckLayerAvailability" {
            let message = refused.json()["errors"][0]["message"].to_string();
            assert!(
                message.contains(&format!("not authorized to perform: {action} on resource")),
                "{message}"
            );
        }
    }
}

/// The steps of a push, until one is refused.
async fn push_until_refused(client: &Client) -> Reply {
    let head = client.send(Method::HEAD, &format!("blobs/{}", digest_of(b"{}")), &[], "").await;
    if head.status != 404 {
        return head;
    }
    let started = client.send(Method::POST, "blobs/uploads/", &[], "").await;
    if started.status != 202 {
        return started;
    }
    let upload = started.header("location").to_owned();
    let part = client.send(Method::PATCH, &upload, &[], "{}").await;
    if part.status != 202 {
        return part;
    }
    let completed = client.complete(&upload, &digest_of(b"{}"), b"").await;
    if completed.status != 201 {
        return completed;
    }
    client.manifest("1.0.0", MANIFEST, &manifest(b"{}", b"{}")).await
}

#[tokio::test]
async fn the_public_registry_is_written_by_who_may() {
    let aws = start().await;
    let mut signer = Signer::new(&user(&aws, "publisher"), "ecr-public", now());
    "us-east-1".clone_into(&mut signer.region);
    let target = "SpencerFrontendService.GetAuthorizationToken";
    let answer = signer.json(aws.ecr_public_url(), target, &json!({})).await.json();
    let token = answer["authorizationData"]["authorizationToken"].as_str().expect("a token");
    let registry = aws.public_registry_url();
    let anonymous = Login::none().get(&format!("{registry}/token/")).await.json();
    let anonymous = Login::bearer(anonymous["token"].as_str().expect("a token"));

    let name = "team/app";
    let [owner, nobody] =
        [Login::bearer(token), anonymous].map(|login| Client { login, registry: registry.to_owned(), name });
    nobody.send(Method::POST, "blobs/uploads/", &[], "").await.is_fault(403, "DENIED");
    owner.blob(b"{}").await;
    assert_eq!(owner.manifest("1.0.0", MANIFEST, &manifest(b"{}", b"{}")).await.status, 201);
    assert_eq!(nobody.send(Method::GET, "tags/list", &[], "").await.tags(), ["1.0.0"]);
}
