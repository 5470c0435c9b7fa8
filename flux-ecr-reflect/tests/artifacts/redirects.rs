//! Where a registry may send its clients for a layer, and with what.

use flux_ecr_reflect::ErrorKind;
use flux_ecr_reflect::artifact::{Artifact, ArtifactRef};

use crate::fake::{HOST, Pieces, Registry, name, of_status, redirect, streamed};

const BUCKET: &str =
    "https://prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com/layer?X-Amz-Signature=canary";

/// A registry that sends its clients for every blob to `location`, where the blob is.
fn sending_to(location: &'static str) -> Registry {
    let mut registry = Registry::default();
    registry.flux_artifact("latest", "content");
    registry.with_elsewhere(move |uri| {
        let is_here = uri.contains("/blobs/");
        Some(if is_here { redirect(location) } else { streamed(Pieces::of(&"content".into())) })
    })
}

async fn pull(registry: &Registry) -> Result<u64, flux_ecr_reflect::Error> {
    let artifact = registry.latest().await;
    artifact.write_to(artifact.layer(None)?, Vec::new()).await
}

#[tokio::test]
async fn a_login_goes_to_the_registry_and_not_where_it_keeps_its_blobs() {
    for (location, asked) in [
        (BUCKET, BUCKET),
        ("//cdn.example.com/layer", "https://cdn.example.com/layer"),
        ("https://cdn.example.com", "https://cdn.example.com/"),
        // Another port is another server.
        ("https://registry.example.com:8443/layer", "https://registry.example.com:8443/layer"),
    ] {
        let registry = sending_to(location);
        assert_eq!(pull(&registry).await.expect("whole"), 7, "{location}");
        let asked_for = registry.asked();
        let (last, before) = asked_for.split_last().expect("requests");
        assert_eq!((last.uri.as_str(), &last.authorization), (asked, &None), "{location}");
        assert!(before.iter().all(|asked| asked.uri.starts_with(&format!("https://{HOST}/"))), "{before:?}");
        assert!(before.last().is_some_and(|asked| asked.authorization.is_some()), "{before:?}");
    }
}

#[tokio::test]
async fn a_redirect_on_the_registry_itself_keeps_the_login() {
    let mut registry = Registry::default();
    registry.flux_artifact("latest", "content");
    let registry = registry.with_elsewhere(|uri| {
        let is_there = uri.contains("/moved");
        Some(if is_there {
            streamed(Pieces::of(&"content".into()))
        } else {
            redirect("/v2/apps/app/blobs/moved")
        })
    });
    assert_eq!(pull(&registry).await.expect("whole"), 7);
    let asked = registry.asked();
    assert!(asked.last().is_some_and(|asked| asked.authorization.is_some()), "{asked:?}");
}

/// Not even a request without a login: what answers there may act on it.
#[tokio::test]
async fn nobody_is_sent_out_of_tls_or_to_an_address_that_is_not_public() {
    for location in [
        "http://cdn.example.com/layer?canary",
        "http://registry.example.com/layer",
        "https://169.254.169.254/latest/meta-data/",
        "https://127.0.0.1/layer",
        "https://localhost/layer",
        "https://[::1]/layer",
        "https://10.0.0.1/layer",
        "https://2130706433/layer",
        "https://[fd00:ec2::254]/layer",
        "https://user:canary@cdn.example.com/layer",
        "ftp://cdn.example.com/layer",
        "https://",
        "",
    ] {
        let registry = sending_to(location);
        let error = pull(&registry).await.expect_err(location);
        assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{location}: {error:?}");
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
        let asked = registry.asked();
        assert!(asked.iter().all(|asked| asked.uri.starts_with(&format!("https://{HOST}/"))), "{asked:?}");
    }
}

#[tokio::test]
async fn who_is_sent_on_and_on_stops() {
    let mut registry = Registry::default();
    registry.flux_artifact("latest", "content");
    let registry = registry.with_elsewhere(|uri| {
        let next = if uri.contains("//a.") { "https://b.example.com/" } else { "https://a.example.com/" };
        Some(redirect(next))
    });
    let error = pull(&registry).await.expect_err("no end");
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);
    assert!(registry.asked().len() < 10);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_place_of_blobs_shows_nothing_of_the_signed_address() {
    for (status, kind) in
        [(403, ErrorKind::InvalidResponse), (404, ErrorKind::InvalidResponse), (503, ErrorKind::Unavailable)]
    {
        let mut registry = Registry::default();
        registry.flux_artifact("latest", "content");
        let registry = registry.with_elsewhere(move |uri| {
            Some(if uri.contains("/blobs/") { redirect(BUCKET) } else { of_status(status, "canary") })
        });
        let error = pull(&registry).await.expect_err("refused");
        assert_eq!(error.kind(), kind, "{status}: {error:?}");
        assert!(error.hint().is_some());
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    }
}

/// On this machine a registry may keep its blobs on this machine.
#[tokio::test]
async fn a_registry_on_loopback_may_send_its_clients_to_loopback() {
    let mut registry = Registry::default();
    registry.flux_artifact("latest", "content");
    let sent = registry.clone();
    let client = aws_smithy_http_client::test_util::infallible_client_fn(move |request| {
        let uri = request.uri().to_string();
        if uri.contains(":5001") {
            streamed(Pieces::of(&"content".into()))
        } else if uri.contains("/blobs/") {
            redirect("http://localhost:5001/layer")
        } else {
            sent.manifest_of_latest()
        }
    });
    let client = flux_ecr_reflect::OciRegistry::builder()
        .http_client(client)
        .endpoint_url("http://127.0.0.1:5000")
        .build()
        .expect("complete");
    let artifact = Artifact::resolve(&client, &name(), &ArtifactRef::latest()).await.expect("an artifact");
    let bytes = artifact.write_to(artifact.layer(None).expect("a layer"), Vec::new()).await;
    assert_eq!(bytes.expect("whole"), 7);
}
