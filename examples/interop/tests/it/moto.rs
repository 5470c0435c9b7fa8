//! Answers of an ECR and an STS nobody here wrote, of more images than AWS has in a page.

use std::collections::BTreeMap;

use flux_aws_auth::{Chain, Environment, RoleHop, http_client};
use flux_ecr_reflect::{Reflector, Tag};
use flux_policy::Policy;
use interop::Moto;
use serde_json::{Value, json};

const TOKEN_FILE: &str = "/token";
/// Unsigned: `{"sub":"system:serviceaccount:tenant:reader","aud":["sts.amazonaws.com"],"iss":"https://issuer.example",
/// "exp":4102444800}`.
const TOKEN: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQ6dGVuYW50OnJlYWRlciIsImF1ZCI6WyJzdHMuYW1hem9uYX\
                     dzLmNvbSJdLCJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiZXhwIjo0MTAyNDQ0ODAwfQ.c2ln";

fn pod(moto: &Moto) -> Chain {
    let environment = Environment::empty()
        .with_var("AWS_REGION", "eu-west-1")
        .with_var("AWS_ENDPOINT_URL_STS", moto.url())
        .with_var("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/reader")
        .with_var("AWS_WEB_IDENTITY_TOKEN_FILE", TOKEN_FILE)
        .with_file(TOKEN_FILE, TOKEN);
    Chain::builder().environment(environment).build()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_answer_of_sts_is_read() {
    let moto = Moto::start().unwrap();
    let reader = pod(&moto);
    let first = reader.caller_identity().await.unwrap();
    assert_eq!(first.arn, "arn:aws:sts::123456789012:assumed-role/reader/reader.tenant.eu-west-1.fluxcd.io");
    assert!(reader.resolve().await.unwrap().expiry().is_some());
    let hop = RoleHop::new("arn:aws:iam::123456789012:role/further".parse().unwrap());
    let second = reader.assume_role(hop).caller_identity().await.unwrap();
    assert_eq!(second.arn, "arn:aws:sts::123456789012:assumed-role/further/further.eu-west-1.fluxcd.io");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_more_than_a_thousand_images_are_listed_with_their_digests_and_push_times() {
    const IMAGES: usize = 1100;
    let moto = Moto::start().unwrap();
    let root = |operation: &str, parameters: Value| moto.boto3().root("ecr", operation, &parameters).unwrap();
    root("create_repository", json!({ "repositoryName": "apps/mainapp" }));
    let mut pushed = BTreeMap::new();
    for minor in 0..IMAGES {
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "annotations": { "minor": minor },
        });
        let tag = format!("1.{minor}.0");
        let image = json!({ "repositoryName": "apps/mainapp", "imageManifest": manifest.to_string(), "imageTag": tag });
        let answer = root("put_image", image);
        let digest = answer.pointer("/image/imageId/imageDigest").and_then(Value::as_str).unwrap();
        pushed.insert(tag, digest.to_owned());
    }
    let reflector = Reflector::builder().credentials(pod(&moto)).http_client(http_client());
    let reflector = reflector.endpoint_url(moto.url()).build().unwrap();
    let image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp".parse().unwrap();

    let mut listed = BTreeMap::new();
    let mut pages = reflector.pages(&image);
    while let Some(page) = pages.next().await.unwrap() {
        for entry in page.entries() {
            listed.insert(entry.tag().as_str().to_owned(), entry.digest().unwrap().as_str().to_owned());
        }
    }
    assert_eq!(listed, pushed);
    assert_eq!(reflector.scan(&image).await.unwrap().len(), IMAGES);

    // Two of the last ones may be of one second, so the tag need not be the last; it has to be what boto3 takes for the newest.
    let newest = reflector.latest_image(&image, &Policy::newest_push()).await.unwrap();
    let described = root("describe_images", json!({ "repositoryName": "apps/mainapp" }));
    let described = described["imageDetails"].as_array().unwrap();
    let pushed_at = |image: &Value| image["imagePushedAt"].as_str().unwrap().to_owned();
    let latest_time = described.iter().map(pushed_at).max().unwrap();
    let of_chosen = described.iter().find(|image| {
        image["imageTags"][0].as_str() == newest.image_ref().and_then(|image| image.tag()).map(Tag::as_str)
    });
    assert_eq!(described.len(), IMAGES);
    assert_eq!(pushed_at(of_chosen.unwrap()), latest_time);
}
