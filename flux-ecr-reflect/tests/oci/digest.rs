//! Digests of single tags.

use flux_ecr_reflect::{Digest, Error, ErrorKind, ImageRef};

use crate::fake::{self, Asked, Log, Reply};

/// Of `{}`.
const OF_BODY: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

async fn digest(
    image: &str,
    answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
) -> (Result<Option<Digest>, Error>, Log) {
    let (client, log) = fake::world(answer);
    let image: ImageRef = image.parse().expect("valid");
    let registry = fake::builder(client).build().expect("complete");
    (registry.digest(&image).await, log)
}

fn sha256(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

#[tokio::test(start_paused = true)]
async fn one_request_without_a_body_tells_a_digest() {
    let header = sha256('a');
    let (digest, log) = digest("registry.example.com/apps/app:1.0.0", {
        let header = header.clone();
        move |_| Reply::ok("").header("docker-content-digest", &header)
    })
    .await;
    assert_eq!(digest.expect("an answer").map(|digest| digest.to_string()), Some(header));
    assert_eq!(log.lines(), ["HEAD https://registry.example.com/v2/apps/app/manifests/1.0.0"]);
    for kind in [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ] {
        assert!(log.all()[0].accept.split(", ").any(|accepted| accepted == kind), "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reference_is_looked_up_by_its_tag_and_else_by_its_digest() {
    let a = sha256('a');
    for (suffix, reference) in
        [(":1.0.0".to_owned(), "1.0.0"), (format!("@{a}"), a.as_str()), (format!(":1.0.0@{a}"), "1.0.0")]
    {
        let (_, log) =
            digest(&format!("registry.example.com/apps/app{suffix}"), |_| Reply::new(404, "")).await;
        let head = format!("HEAD https://registry.example.com/v2/apps/app/manifests/{reference}");
        assert_eq!(log.lines(), [head]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_has_no_digest() {
    let (digest, log) = digest("registry.example.com/apps/app:1.0.0", |_| Reply::new(404, "")).await;
    assert_eq!(digest.expect("an answer"), None);
    assert_eq!(log.all().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_digest_that_is_not_told_is_computed() {
    for head in [Reply::ok(""), Reply::ok("").header("docker-content-digest", " "), Reply::new(405, "")] {
        for get in [Reply::ok("{}"), Reply::ok("{}").header("docker-content-digest", OF_BODY)] {
            let (digest, log) = digest("registry.example.com/apps/app:1.0.0", {
                let head = head.clone();
                move |asked| if asked.method == "HEAD" { head.clone() } else { get.clone() }
            })
            .await;
            assert_eq!(digest.expect("an answer").expect("a digest").as_str(), OF_BODY);
            assert_eq!(log.all().len(), 2);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_manifest_that_is_not_of_its_digest_is_an_error() {
    let lie = sha256('b');
    for (image, get) in [
        (
            "registry.example.com/apps/app:1.0.0".to_owned(),
            Reply::ok("{}").header("docker-content-digest", &lie),
        ),
        (format!("registry.example.com/apps/app@{lie}"), Reply::ok("{}")),
    ] {
        let (digest, _) =
            digest(&image, move |asked| if asked.method == "HEAD" { Reply::ok("") } else { get.clone() })
                .await;
        let error = digest.expect_err("a lie");
        assert_eq!(error.kind(), ErrorKind::InvalidResponse);
        assert!(error.to_string().contains(OF_BODY), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_digest_than_was_asked_for_is_an_error() {
    let image = format!("registry.example.com/apps/app@{}", sha256('a'));
    let (digest, _) = digest(&image, |_| Reply::ok("").header("docker-content-digest", sha256('b'))).await;
    assert_eq!(digest.expect_err("another").kind(), ErrorKind::InvalidResponse);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_digest_is_an_error() {
    let (digest, _) = digest("registry.example.com/apps/app:1.0.0", |_| {
        Reply::ok("").header("docker-content-digest", "sha256:abc")
    })
    .await;
    let error = digest.expect_err("malformed");
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);
    let (subject, said) = ("the manifest registry.example.com/apps/app:1.0.0", "a malformed digest");
    assert!(error.to_string().contains(subject) && error.to_string().contains(said), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_says_of_what() {
    for (reply, kind) in [
        (Reply::new(403, ""), ErrorKind::AccessDenied),
        (Reply::unauthorized("Basic realm=x"), ErrorKind::Credentials),
        (Reply::new(429, "").header("retry-after", "100"), ErrorKind::Throttled),
        (Reply::new(400, ""), ErrorKind::InvalidResponse),
    ] {
        let (digest, _) = digest("registry.example.com/apps/app:1.0.0", move |_| reply.clone()).await;
        let error = digest.expect_err("refused");
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains("the manifest registry.example.com/apps/app:1.0.0"), "{error}");
    }
}
