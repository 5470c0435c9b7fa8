//! Logins: one for many registries, held while they are good, and nobody's where that is allowed.

mod fake_login;
mod life;
mod public;

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use flux_ecr_reflect::{
    DockerConfig, Error, ErrorKind, ImageName, Login, LoginKind, LoginSource, RegistryLogin,
};
use serde_json::json;

use self::fake_login::{Clock, Fake, PASSWORD, builder, image, token};
use crate::fake::failure;

const EU: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp";
const EU_OF_ANOTHER_ACCOUNT: &str = "210987654321.dkr.ecr.eu-west-1.amazonaws.com/apps/other";
const US: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/apps/mainapp";

async fn login(logins: &RegistryLogin, name: &str) -> Arc<Login> {
    logins.login(&image(name)).await.expect(name).expect("a login")
}

#[tokio::test(start_paused = true)]
async fn a_login_has_user_password_endpoint_and_expiry() {
    let clock = Clock::default();
    let fake = Fake::new(&clock);
    let login = login(&fake.logins(), EU).await;
    assert_eq!((login.kind(), login.user()), (LoginKind::Basic, "AWS"));
    assert_eq!(login.secret(), format!("{PASSWORD}-0"));
    assert_eq!(login.endpoint(), Some("https://111122223333.dkr.ecr.eu-west-1.amazonaws.com"));
    assert_eq!(login.expiry(), Some(clock.in_hours(12)));
    assert!(login.note().is_none());
    let shown = format!("{login:?} {:?}", fake.logins());
    assert!(shown.contains("AWS") && !shown.contains(PASSWORD), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn one_login_serves_every_account_of_a_region() {
    let fake = Fake::new(&Clock::default());
    let logins = fake.logins();
    let eu = login(&logins, EU).await;
    assert!(Arc::ptr_eq(&eu, &login(&logins, EU_OF_ANOTHER_ACCOUNT).await));
    assert!(Arc::ptr_eq(&eu, &login(&logins.clone(), EU).await));
    assert!(!Arc::ptr_eq(&eu, &login(&logins, US).await));
    let asked = fake.asked();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert_eq!(asked[0].uri, "https://api.ecr.eu-west-1.amazonaws.com/");
    assert_eq!(asked[0].target, "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken");
    assert!(asked[0].authorization.contains("/eu-west-1/ecr/aws4_request"), "{asked:?}");
    assert_eq!(asked[0].body, "{}", "registryIds are deprecated");
    assert_eq!(asked[1].uri, "https://api.ecr.us-east-1.amazonaws.com/");
}

#[tokio::test(start_paused = true)]
async fn fips_and_dual_stack_hosts_log_in_at_endpoints_of_their_own() {
    let fake = Fake::new(&Clock::default());
    let logins = fake.logins();
    for (host, api) in [
        ("dkr.ecr-fips.us-east-1.amazonaws.com", "https://api.ecr-fips.us-east-1.amazonaws.com/"),
        ("dkr-ecr.eu-west-1.on.aws", "https://ecr.eu-west-1.api.aws/"),
        ("dkr-ecr-fips.us-gov-west-1.on.aws", "https://ecr-fips.us-gov-west-1.api.aws/"),
        ("dkr.ecr.cn-north-1.amazonaws.com.cn", "https://api.ecr.cn-north-1.amazonaws.com.cn/"),
        (
            "dkr-ecr.eusc-de-east-1.on.amazonwebservices.eu",
            "https://ecr.eusc-de-east-1.api.amazonwebservices.eu/",
        ),
    ] {
        login(&logins, &format!("123456789012.{host}/app")).await;
        assert_eq!(fake.asked().last().expect("asked").uri, api);
    }
}

#[tokio::test(start_paused = true)]
async fn many_who_come_at_once_share_one_request() {
    let fake = Fake::new(&Clock::default());
    let logins = fake.logins();
    let tasks: Vec<_> = (0..100)
        .map(|i| {
            let logins = logins.clone();
            tokio::spawn(async move {
                login(&logins, &format!("{i:012}.dkr.ecr.eu-west-1.amazonaws.com/app")).await
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    assert_eq!(fake.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn other_registries_are_left_to_others_or_refused() {
    let fake = Fake::new(&Clock::default());
    let ghcr = "ghcr.io/stefanprodan/podinfo";
    let error = fake.logins().login(&image(ghcr)).await.expect_err("not of ECR");
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.hint().is_some_and(|hint| hint.contains(".others(")), "{error:?}");

    let config = DockerConfig::default().with_login("ghcr.io", Login::basic("flux", "pat")).expect("valid");
    let logins = builder(&fake).others(config).build().expect("complete");
    assert_eq!(login(&logins, ghcr).await.user(), "flux");
    assert!(logins.login(&image("quay.io/org/app")).await.expect("no error").is_none());
    let rejected = login(&logins, ghcr).await;
    assert!(!logins.forget(&image(ghcr), &rejected), "nothing newer is to be had");
    assert!(fake.asked().is_empty());
}

/// Takes each host for one of ECR's, as for a proxy that passes requests on to it.
#[derive(Debug)]
struct BeforeEcr(RegistryLogin);

#[async_trait]
impl LoginSource for BeforeEcr {
    async fn login(&self, _: &ImageName) -> Result<Option<Arc<Login>>, Error> {
        self.0.login(&image(EU)).await
    }

    fn forget(&self, _: &ImageName, rejected: &Arc<Login>) -> bool {
        self.0.forget(&image(EU), rejected)
    }
}

#[tokio::test(start_paused = true)]
async fn others_let_go_of_their_own_logins_to_ecr() {
    let fake = Fake::new(&Clock::default());
    let logins = builder(&fake).others(BeforeEcr(fake.logins())).build().expect("complete");
    let (own, other) = (login(&logins, EU).await, login(&logins, "mirror.example.com/app").await);
    assert_ne!(own.secret(), other.secret());
    assert!(logins.forget(&image("mirror.example.com/app"), &other));
    assert_ne!(login(&logins, "mirror.example.com/app").await.secret(), other.secret());
    assert!(Arc::ptr_eq(&own, &login(&logins, EU).await));
}

#[tokio::test(start_paused = true)]
async fn a_look_alike_is_refused_before_anything_is_sent() {
    let fake = Fake::new(&Clock::default());
    let everyone = DockerConfig::default().with_login("evil.example", Login::basic("a", "b")).expect("valid");
    let logins = builder(&fake).others(everyone).build().expect("complete");
    for host in [
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com:443",
        "evil.123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "123456789012.DKR.ecr.eu-west-1.amazonaws.com",
        "123456789012.dkr.ecr.eu-west-1.evil.example",
        "public.ecr.aws.evil.example",
        "public.ecr.aws:443",
    ] {
        let error = logins.login(&image(&format!("{host}/app"))).await.expect_err(host);
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error:?}");
    }
    assert!(fake.asked().is_empty());
    for name in [
        "user@123456789012.dkr.ecr.eu-west-1.amazonaws.com/app",
        "public.ecr.aws./app",
        "public。ecr.aws/app",
        "public.ecr.aws%2eevil.example/app",
    ] {
        name.parse::<ImageName>().expect_err(name);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_makes_no_sense_is_told_without_what_is_in_it() {
    let good = token(0, 1e9);
    let with = |name: &str, value: serde_json::Value| {
        let mut answer = good.clone();
        answer["authorizationData"][0][name] = value;
        answer.to_string()
    };
    for (answer, problem) in [
        ("canary".to_owned(), "is not JSON"),
        ("{}".to_owned(), "has no authorizationData"),
        (r#"{"authorizationData": []}"#.to_owned(), "has no authorizationToken"),
        (r#"{"authorizationData": "canary"}"#.to_owned(), "has no authorizationToken"),
        (with("authorizationToken", json!(7)), "has no authorizationToken"),
        (with("authorizationToken", json!("canary!")), "not USER:PASSWORD"),
        (with("authorizationToken", json!("Y2FuYXJ5")), "not USER:PASSWORD"),
        (with("expiresAt", json!(null)), "has no expiresAt"),
        (with("expiresAt", json!(-1)), "has no expiresAt"),
        (with("expiresAt", json!(1e300)), "has no expiresAt"),
        (format!("{}{}", good, " ".repeat(100_000)), "cut its answer short"),
    ] {
        let fake = Fake::answering(&Clock::default(), move |_| (200, answer.clone()));
        let error = fake.logins().login(&image(EU)).await.expect_err(problem);
        assert!(error.to_string().contains(problem), "{error:?}");
        let told = format!("{error} {error:?} {:?}", error.source());
        assert!(!told.contains("canary") && !told.contains("Y2FuYXJ5") && !told.contains(PASSWORD), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_breaks_off_is_asked_for_once_more() {
    for (broken, is_well) in [(0, true), (1, true), (2, false)] {
        let asked = AtomicUsize::new(0);
        let fake = Fake::answering(&Clock::default(), move |_| {
            // Longer than a login can be, so that it is not read to its end.
            let rest = if asked.fetch_add(1, Ordering::Relaxed) < broken { 100_000 } else { 0 };
            (200, format!("{}{}", token(0, 1e10), " ".repeat(rest)))
        });
        let outcome = fake.logins().login(&image(EU)).await;
        assert_eq!(outcome.is_ok(), is_well, "{outcome:?}");
        assert_eq!(fake.asked().len(), broken.min(1) + 1);
        if let Err(error) = outcome {
            assert_eq!(error.kind(), ErrorKind::Unavailable);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_stops_a_login_has_a_remedy() {
    for (status, code, kind, remedy) in [
        (500, "ServerException", ErrorKind::Unavailable, "AWS Health Dashboard for ECR in eu-west-1"),
        (503, "ServiceUnavailableException", ErrorKind::Unavailable, "AWS Health Dashboard"),
        (400, "InvalidParameterException", ErrorKind::Configuration, "errors of GetAuthorizationToken"),
        (400, "SomethingElse", ErrorKind::InvalidResponse, "errors of GetAuthorizationToken"),
        (400, "", ErrorKind::InvalidResponse, "Something between here and ECR"),
        (407, "", ErrorKind::Unavailable, "A proxy asks for a password"),
    ] {
        let fake = Fake::answering(&Clock::default(), move |_| {
            if code.is_empty() {
                return (status, "<html>".to_owned());
            }
            let (status, body) = failure(status, code, "no");
            (status, body.to_string())
        });
        let error = fake.logins().login(&image(EU)).await.expect_err(code);
        assert_eq!(error.kind(), kind, "{status} {code}");
        assert!(error.hint().is_some_and(|hint| hint.contains(remedy)), "{status} {code}: {error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_denied_login_names_the_permission() {
    let fake = Fake::answering(&Clock::default(), |_| {
        let (status, body) = failure(
            400,
            "AccessDeniedException",
            "User: arn:aws:sts::123456789012:assumed-role/flux/s is not authorized to perform: ecr:GetAuthorizationToken on \
             resource: * because no identity-based policy allows the ecr:GetAuthorizationToken action",
        );
        (status, body.to_string())
    });
    let error = fake.logins().login(&image(EU)).await.expect_err("denied");
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    assert_eq!(error.denial(), Some(flux_ecr_reflect::Denial::NoTokenPermission));
    assert!(error.to_string().contains("ecr:GetAuthorizationToken"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("`*`")), "{error:?}");
}
