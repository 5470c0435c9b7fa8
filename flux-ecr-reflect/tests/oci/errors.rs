//! What a refusal means, in the registry's words and in ours.

use flux_ecr_reflect::{Denial, Error, ErrorKind, ImageName, Login, LoginSource};
use std::sync::Arc;

use crate::fake::{self, LIST, Reply, sources};

async fn refused(reply: Reply) -> Error {
    let (client, _) = fake::world(move |_| reply.clone());
    fake::scan(&fake::builder(client).build().expect("complete")).await.expect_err("refused")
}

#[tokio::test(start_paused = true)]
async fn each_refusal_has_its_kind() {
    for (status, code, kind) in [
        (401, "UNAUTHORIZED", ErrorKind::Credentials),
        (401, "", ErrorKind::Credentials),
        (403, "DENIED", ErrorKind::AccessDenied),
        (403, "", ErrorKind::AccessDenied),
        (404, "NAME_UNKNOWN", ErrorKind::NotFound),
        (404, "NOT_FOUND", ErrorKind::NotFound),
        (404, "", ErrorKind::InvalidResponse),
        (400, "NAME_INVALID", ErrorKind::Configuration),
        (400, "PAGINATION_NUMBER_INVALID", ErrorKind::Configuration),
        (405, "UNSUPPORTED", ErrorKind::InvalidResponse),
        (418, "", ErrorKind::InvalidResponse),
        (429, "TOOMANYREQUESTS", ErrorKind::Throttled),
        (429, "", ErrorKind::Throttled),
        (407, "", ErrorKind::Unavailable),
        (500, "UNKNOWN", ErrorKind::Unavailable),
        (503, "", ErrorKind::Unavailable),
    ] {
        let reply =
            if code.is_empty() { Reply::new(status, "<html>") } else { Reply::error(status, code, "why") };
        let error = refused(reply).await;
        assert_eq!((error.kind(), error.http_status()), (kind, Some(status)), "{status} {code}: {error}");
        let is_passing = matches!(kind, ErrorKind::Throttled | ErrorKind::Unavailable);
        assert_eq!(error.is_retryable(), is_passing, "{error}");
        let words = if code.is_empty() { Vec::new() } else { vec![format!("{code}: why")] };
        assert_eq!(sources(&error), words, "{error}");
        assert!(
            error.to_string().contains("registry.example.com") && !error.to_string().contains('\n'),
            "{error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_registry_s_words_are_one_short_line() {
    let error = refused(Reply::error(403, "DENIED", &format!("a\nb\u{1b}[31m{}", "c".repeat(1000)))).await;
    let said = sources(&error).concat();
    assert!(said.starts_with("DENIED: a b [31mccc") && said.len() < 400, "{said}");
}

#[tokio::test(start_paused = true)]
async fn what_private_ecr_denies_says_whose_policy_it_is() {
    let denied = "User: arn:aws:sts::123456789012:assumed-role/flux/s is not authorized to perform: ecr:ListImages on resource: \
                  arn:aws:ecr:eu-west-1:123456789012:repository/apps/app because no identity-based policy allows the action";
    let (client, _) = fake::world(move |_| Reply::error(403, "DENIED", denied));
    let registry = fake::builder(client).login(Same::basic()).build().expect("complete");
    let image: ImageName = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/apps/app".parse().expect("valid");
    let error = fake::reflector(&registry).scan(&image).await.expect_err("denied");
    assert_eq!(
        (error.kind(), error.denial()),
        (ErrorKind::AccessDenied, Some(Denial::NoRepositoryPermission))
    );
    assert!(error.hint().is_some_and(|hint| hint.contains("ecr:ListImages")), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_redirect_stays_where_it_is_or_ends_the_listing() {
    let (client, log) = fake::world(|asked| match asked.path.as_str() {
        "/v2/apps/app/tags/list?n=1000" => Reply::new(307, "").header("location", "/mirror/tags?n=1000"),
        "/mirror/tags?n=1000" => Reply::new(308, "").header("location", "https://registry.example.com/here"),
        "/here" => Reply::tags(&["1.0.0"]),
        other => panic!("{other}"),
    });
    let registry = fake::builder(client).build().expect("complete");
    assert_eq!(fake::scan(&registry).await.expect("complete").listing().requests(), 3);
    assert_eq!(log.all().len(), 3);

    for (location, said) in [
        ("https://evil.example/tags", "a redirect to https://evil.example, which is not followed"),
        ("//evil.example/tags", "a redirect to https://evil.example"),
        ("http://registry.example.com/v2/", "a redirect to http://registry.example.com"),
        ("javascript:alert(1)", "a redirect without a usable address"),
        (LIST, "redirects the request for the tags of registry.example.com/apps/app too many times"),
    ] {
        let (client, log) = fake::world(move |asked| match asked.authorization {
            Some(_) => Reply::new(302, "").header("location", location),
            None => Reply::unauthorized("Basic realm=x"),
        });
        let registry = fake::builder(client).login(Same::basic()).build().expect("complete");
        let error = fake::scan(&registry).await.expect_err(location);
        assert_eq!(error.kind(), ErrorKind::InvalidResponse);
        assert!(error.to_string().contains(said), "{error}");
        assert!(log.all().iter().all(|asked| asked.origin == "https://registry.example.com"), "{location}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_secret_is_shown_of_an_answer_that_repeats_it() {
    let echo = |asked: &fake::Asked| match &asked.authorization {
        None => Reply::unauthorized("Basic realm=x"),
        Some(header) => Reply::error(403, "DENIED", &format!("{header} and {SECRET} are wrong")),
    };
    let (client, _) = fake::world(echo);
    let registry = fake::builder(client).login(Same::basic()).build().expect("complete");
    let error = fake::scan(&registry).await.expect_err("denied");
    let shown = format!("{error:?} {error} {registry:?}");
    let encoded = aws_smithy_types::base64::encode(format!("user:{SECRET}"));
    assert!(!shown.contains(SECRET) && !shown.contains(&encoded), "{shown}");
    assert!(shown.contains("Basic … and … are wrong"), "{shown}");
}

#[test]
fn an_endpoint_is_checked() {
    for (url, said) in [
        ("http://registry.example.com", "endpoint_url"),
        ("https://registry.example.com/v2", "has a path"),
        ("https://user:hunter2@registry.example.com", "user name"),
        ("registry.example.com", "scheme"),
    ] {
        let (client, _) = fake::world(|_| Reply::new(200, ""));
        let error = fake::builder(client).endpoint_url(url).build().expect_err(url);
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains(said) && !error.to_string().contains("hunter2"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_is_asked_in_place_of_the_host_and_plain_http_only_when_told() {
    for (builder, origin) in [
        (0, "https://registry.example.com"),
        (1, "http://127.0.0.1:5000"),
        (2, "http://registry.example.com"),
    ] {
        let (client, log) = fake::world(|_| Reply::tags(&["1.0.0"]));
        let builder = match builder {
            0 => fake::builder(client),
            1 => fake::builder(client).endpoint_url("http://127.0.0.1:5000/"),
            _ => fake::builder(client).insecure(),
        };
        fake::scan(&builder.build().expect("complete")).await.expect("complete");
        assert_eq!(log.all()[0].origin, origin);
    }
}

/// A login to ECR opens all that its owner may read, for twelve hours.
#[tokio::test(start_paused = true)]
async fn amazon_ecr_is_asked_over_https_whatever_is_said_of_registries() {
    for (image, origin) in [
        (
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/apps/app",
            "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        ),
        ("public.ecr.aws/apps/app", "https://public.ecr.aws"),
        ("registry.example.com/apps/app", "http://registry.example.com"),
    ] {
        let (client, log) = fake::world(|asked| match asked.authorization {
            Some(_) => Reply::tags(&["1.0.0"]),
            None => Reply::unauthorized("Basic realm=\"registry\""),
        });
        let registry = fake::builder(client).login(Same::basic()).insecure().build().expect("complete");
        let image = image.parse().expect("valid");
        fake::reflector(&registry).scan(&image).await.expect("complete");
        assert!(log.all().iter().all(|asked| asked.origin == origin), "{:?}", log.lines());
    }
}

const SECRET: &str = "correct-horse-battery";

/// One login for every registry.
#[derive(Debug)]
struct Same(Arc<Login>);

impl Same {
    fn basic() -> Self {
        Self(Arc::new(Login::basic("user", SECRET)))
    }
}

#[async_trait::async_trait]
impl LoginSource for Same {
    async fn login(&self, _: &ImageName) -> Result<Option<Arc<Login>>, Error> {
        Ok(Some(self.0.clone()))
    }
}
