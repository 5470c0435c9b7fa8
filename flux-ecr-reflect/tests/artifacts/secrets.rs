//! No secret of a pull comes out: not in anybody's tracing at any level, not in Debug, not in an error.

use aws_smithy_http_client::test_util::infallible_client_fn;
use aws_smithy_types::base64;
use flux_ecr_reflect::ErrorKind;
use flux_ecr_reflect::artifact::{Artifact, ArtifactRef};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;

use crate::fake::{Pieces, Registry, name, of_status, redirect, streamed};
use crate::log::Log;

const BUCKET: &str = "https://bucket.s3.eu-west-1.amazonaws.com/layer?X-Amz-Signature=canary-signature";

#[tokio::test]
async fn traces_debug_and_errors_are_clean() {
    let captured = Log::default();
    let subscriber = tracing_subscriber::registry()
        .with(
            tracing_subscriber::fmt::layer()
                .with_ansi(false)
                .with_span_events(FmtSpan::FULL)
                .with_writer(captured.clone()),
        )
        .with(LevelFilter::TRACE);
    // For the whole process: what one thread alone listens to, another may have switched off.
    tracing::subscriber::set_global_default(subscriber).expect("the only subscriber");
    tracing::trace!("somebody listens");

    let mut registry = Registry::default();
    registry.flux_artifact("latest", "content");
    // The blob is another than the one that was asked for.
    let registry = registry.with_elsewhere(move |uri| {
        let is_here = uri.contains("/blobs/");
        Some(if is_here { redirect(BUCKET) } else { streamed(Pieces::of(&"CONTENT".into())) })
    });
    let client = infallible_client_fn({
        let registry = registry.clone();
        move |request| {
            let is_known = request.headers().contains_key("authorization");
            let is_bucket = request.uri().host().is_some_and(|host| host.starts_with("bucket."));
            if is_known || is_bucket {
                return registry.answer(&request);
            }
            let mut answer = of_status(401, "");
            answer
                .headers_mut()
                .insert("www-authenticate", http::HeaderValue::from_static("Basic realm=\"r\""));
            answer
        }
    });
    let builder = registry.builder().http_client(client);
    let built = format!("{builder:?}");
    let client = builder.build().expect("complete");
    let artifact = Artifact::resolve(&client, &name(), &ArtifactRef::latest()).await.expect("an artifact");
    let layer = artifact.layer(None).expect("a layer");
    let error = artifact.write_to(layer, Vec::new()).await.expect_err("another blob");
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);

    let password = base64::encode("me:canary-password");
    let asked = registry.asked();
    assert!(asked.iter().any(|asked| asked.authorization.as_deref() == Some(&format!("Basic {password}"))));
    assert!(asked.iter().any(|asked| asked.uri == BUCKET && asked.authorization.is_none()));
    let traced = captured.text();
    assert!(traced.contains("somebody listens"), "{traced}");
    let shown = format!("{built} {client:?} {artifact:?} {layer:?} {error} {error:?} {traced}");
    for secret in ["canary", password.as_str()] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}
