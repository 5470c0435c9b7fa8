//! The distribution API over real connections: Amazon ECR, private and public, and a registry that is not AWS's.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

use std::time::Duration;

use aws_credential_types::Credentials;
use flux_ecr_reflect::{
    DockerConfig, Error, ErrorKind, ImageName, ImageRef, OciRegistry, OciRegistryBuilder, Reflector,
    RegistryLogin, Scan, Throttle,
};
use local_aws::{Fault, GenericRegistry, Links, Listing, LocalAws, Repository, Service, TagStyle, User};

const PRIVATE: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/web";
const PUBLIC: &str = "public.ecr.aws/docker/library/alpine";

/// What the test's clients share with nobody.
fn registry() -> OciRegistryBuilder {
    OciRegistry::builder().throttle(Throttle::new())
}

async fn scan(registry: &OciRegistry, image: &str) -> Result<Scan, Error> {
    let reflector = Reflector::builder().tag_source(registry.clone()).build()?;
    reflector.scan(&image.parse()?).await
}

fn tags(scan: &Scan) -> Vec<String> {
    let mut tags: Vec<_> = scan.tags().map(|tag| tag.to_string()).collect();
    tags.sort();
    tags
}

/// The account's ECR, which the user `ci` may read.
async fn aws() -> (LocalAws, RegistryLogin) {
    let allowed = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Resource": "*", "Action": [
        "ecr:GetAuthorizationToken", "ecr:ListImages", "ecr:BatchGetImage", "ecr:DescribeImages"]}}"#;
    let aws = LocalAws::builder()
        .account("111122223333")
        .region("eu-west-1")
        .user(User::new("ci").permissions(allowed))
        .repository(Repository::generated("apps/web", 2_500, TagStyle::Semver))
        .public_repository("docker", Repository::generated("library/alpine", 2_500, TagStyle::Semver))
        .start()
        .await
        .expect("services");
    let key = aws.access_key("ci").expect("a key");
    let credentials = Credentials::new(key.id(), key.secret(), None, None, "test");
    let logins = RegistryLogin::builder()
        .credentials(credentials)
        .endpoint_url(aws.ecr_url())
        .build()
        .expect("complete");
    (aws, logins)
}

fn asked(aws: &LocalAws, operation: &str) -> u64 {
    aws.requests().get(operation).copied().unwrap_or_default()
}

#[tokio::test]
async fn private_ecr_by_its_registry_lists_what_its_api_lists() {
    let (aws, logins) = aws().await;
    let registry = registry().login(logins).endpoint_url(aws.registry_url()).build().unwrap();
    let listed = scan(&registry, PRIVATE).await.unwrap();
    assert_eq!((listed.len(), listed.listing().pages(), listed.listing().requests()), (2_500, 3, 3));
    let key = aws.access_key("ci").unwrap();
    let reflector = Reflector::builder()
        .credentials(Credentials::new(key.id(), key.secret(), None, None, "test"))
        .endpoint_url(aws.ecr_url())
        .build()
        .unwrap();
    let image: ImageName = PRIVATE.parse().unwrap();
    assert_eq!(tags(&listed), tags(&reflector.scan(&image).await.unwrap()));
    let page = reflector.pages(&image).next().await.unwrap().unwrap();
    let entry = &page.entries()[0];
    let tagged = image.with_tag(entry.tag().clone());
    assert_eq!(registry.digest(&tagged).await.unwrap().as_ref(), entry.digest());
    let requests = aws.requests();
    assert_eq!(
        requests.values().sum::<u64>(),
        1 + 3 + 3 + 1 + 1,
        "a login, pages twice and once more, a digest: {requests:?}"
    );
    aws.stop().await;
}

#[tokio::test]
async fn public_ecr_is_read_as_nobody() {
    let (aws, _) = aws().await;
    let registry = registry().endpoint_url(aws.public_registry_url()).build().unwrap();
    let listed = scan(&registry, PUBLIC).await.unwrap();
    assert_eq!((listed.len(), listed.listing().pages(), listed.listing().requests()), (2_500, 3, 4));
    assert_eq!(asked(&aws, "public-registry:Token"), 1, "{:?}", aws.requests());
    let tagged: ImageRef = format!("{PUBLIC}:{}", tags(&listed)[0]).parse().unwrap();
    assert!(registry.digest(&tagged).await.unwrap().is_some());
    let missing: ImageRef = format!("{PUBLIC}:nowhere").parse().unwrap();
    assert_eq!(registry.digest(&missing).await.unwrap(), None);
    assert_eq!(aws.requests().values().sum::<u64>(), 1 + 1 + 3 + 2, "{:?}", aws.requests());
    aws.stop().await;
}

#[tokio::test]
async fn a_public_token_that_dies_between_pages_is_replaced() {
    let (aws, _) = aws().await;
    let registry = registry().endpoint_url(aws.public_registry_url()).build().unwrap();
    let expired = "Your authorization token has expired. Reauthenticate and try again.";
    let fault = Fault::error(400, "DENIED", expired).mentioning("last=").once();
    let injection = aws.inject(Service::PublicRegistry, fault);
    let listed = scan(&registry, PUBLIC).await.unwrap();
    assert_eq!((listed.len(), injection.hits()), (2_500, 1));
    assert_eq!(asked(&aws, "public-registry:Token"), 2, "{:?}", aws.requests());
    aws.stop().await;
}

#[tokio::test]
async fn a_registry_that_is_not_aws_s_is_read_as_a_docker_configuration_says() {
    let web = || Repository::generated("apps/web", 2_500, TagStyle::Semver);
    for (kind, generic, auth) in [
        (
            "tokens",
            GenericRegistry::bearer().reader("flux", "pass:word"),
            r#""username":"flux","password":"pass:word""#,
        ),
        (
            "identity token",
            GenericRegistry::bearer().reader("flux", "p").identity_token("flux", "an-identity"),
            r#""username":"flux","identitytoken":"an-identity""#,
        ),
        (
            "passwords",
            GenericRegistry::basic().reader("flux", "pass:word"),
            r#""username":"flux","password":"pass:word""#,
        ),
        ("nothing", GenericRegistry::open(), r#""username":"flux","password":"pass:word""#),
        ("nobody", GenericRegistry::bearer().anonymous_pull(), ""),
    ] {
        let aws = LocalAws::builder().generic_registry(generic.repository(web())).start().await.unwrap();
        let host = aws.generic_registry_host();
        let auths = if auth.is_empty() { String::new() } else { format!(r#""{host}":{{{auth}}}"#) };
        let config = DockerConfig::from_json(format!(r#"{{"auths":{{{auths}}}}}"#)).unwrap();
        let registry = registry().login(config).insecure().build().unwrap();
        let image = format!("{host}/apps/web");
        for _ in 0..2 {
            let listed = scan(&registry, &image).await.expect(kind);
            assert_eq!((listed.len(), listed.listing().pages()), (2_500, 3), "{kind}");
        }
        let tokens = asked(&aws, "generic-tokens:Get") + asked(&aws, "generic-tokens:Exchange");
        let is_bearer = matches!(kind, "tokens" | "identity token" | "nobody");
        assert_eq!(tokens, u64::from(is_bearer), "{kind}: {:?}", aws.requests());
        // Two listings, what the token took, and one question for what is wanted.
        assert_eq!(aws.requests().values().sum::<u64>(), 3 + 3 + 1 + tokens, "{kind}: {:?}", aws.requests());
        aws.stop().await;
    }
}

#[tokio::test]
async fn however_a_registry_deals_its_pages_out_the_list_is_whole() {
    for (kind, listing) in [
        ("absolute", Listing::new().links(Links::Absolute)),
        ("relative", Listing::new().links(Links::Relative)),
        ("query", Listing::new().links(Links::Query)),
        ("among others", Listing::new().links(Links::AmongOthers)),
        ("second header", Listing::new().links(Links::SecondHeader)),
        ("short pages", Listing::new().at_most(70)),
        ("empty pages", Listing::new().at_most(500).empty_pages()),
        ("repeated entries", Listing::new().repeating(10)),
        ("unpaged", Listing::new().unpaged()),
    ] {
        let web = Repository::generated("apps/web", 2_500, TagStyle::Semver).listing(listing);
        let generic = GenericRegistry::open().repository(web);
        let aws = LocalAws::builder().generic_registry(generic).start().await.unwrap();
        let registry = registry().insecure().build().unwrap();
        let listed = scan(&registry, &format!("{}/apps/web", aws.generic_registry_host())).await.expect(kind);
        assert_eq!(listed.len(), 2_500, "{kind}");
        assert_eq!(
            asked(&aws, "generic-registry:ListTags"),
            listed.listing().pages(),
            "{kind}: {:?}",
            aws.requests()
        );
        aws.stop().await;
    }
}

#[tokio::test]
async fn a_list_that_cannot_be_whole_is_an_error() {
    for (kind, listing, said) in [
        ("endless", Listing::new().endless(), "would never be complete"),
        (
            "elsewhere",
            Listing::new().links(Links::At("http://registry.example.com".to_owned())),
            "http://registry.example.com",
        ),
    ] {
        let web = Repository::generated("apps/web", 2_500, TagStyle::Semver).listing(listing);
        let generic = GenericRegistry::open().repository(web);
        let aws = LocalAws::builder().generic_registry(generic).start().await.unwrap();
        let registry = registry().insecure().build().unwrap();
        let error =
            scan(&registry, &format!("{}/apps/web", aws.generic_registry_host())).await.expect_err(kind);
        assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{kind}");
        assert!(error.to_string().contains(said), "{kind}: {error}");
        aws.stop().await;
    }
}

#[tokio::test]
async fn what_fails_on_the_way_is_tried_again_or_told() {
    let second_second = Duration::from_secs(1);
    for (kind, fault, outcome) in [
        ("reset", Fault::reset().times(2), None),
        ("cut", Fault::cut_body().once(), None),
        ("503", Fault::status(503).times(2), None),
        ("429", Fault::status(429).retry_after(second_second).once(), None),
        ("late", Fault::delay(Duration::from_millis(300)), None),
        ("garbage", Fault::garbage(), Some(ErrorKind::InvalidResponse)),
        ("huge", Fault::huge(64 * 1024 * 1024), Some(ErrorKind::InvalidResponse)),
        ("redirect", Fault::redirect("https://evil.example/v2/"), Some(ErrorKind::InvalidResponse)),
        ("404", Fault::error(404, "NAME_UNKNOWN", "not here"), Some(ErrorKind::NotFound)),
    ] {
        let web = Repository::generated("apps/web", 1_500, TagStyle::Semver);
        let generic = GenericRegistry::open().repository(web);
        let aws = LocalAws::builder().generic_registry(generic).start().await.unwrap();
        let injection = aws.inject(Service::GenericRegistry, fault.mentioning("last="));
        let registry = registry().insecure().build().unwrap();
        let result = scan(&registry, &format!("{}/apps/web", aws.generic_registry_host())).await;
        assert!(injection.hits() > 0, "{kind}: {:?}", aws.requests());
        match (result, outcome) {
            (Ok(listed), None) => assert_eq!(listed.len(), 1_500, "{kind}"),
            (Err(error), Some(expected)) => {
                assert_eq!((error.kind(), error.page()), (expected, Some(2)), "{kind}: {error}");
                assert!(error.cursor().is_some(), "{kind}");
            }
            (result, _) => panic!("{kind}: {result:?}"),
        }
        aws.stop().await;
    }
}
