//! Secrets on their way into headers: logins, credentials, the agent's token.

use std::sync::Arc;

use async_trait::async_trait;
use aws_credential_types::Credentials;
use flux_aws_auth::{Chain, Environment};
use flux_ecr_reflect::{Error, ImageName, Login, LoginSource, OciRegistry, Reflector, Throttle};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use crate::credentials::TOKEN_PATH;
use crate::mutant::mutants;
use crate::runs::Runs;
use crate::world::{Answer, Asked, Clock, World, in_virtual_time, story};

#[derive(Debug)]
struct Given(Arc<Login>);

#[async_trait]
impl LoginSource for Given {
    async fn login(&self, _: &ImageName) -> Result<Option<Arc<Login>>, Error> {
        Ok(Some(self.0.clone()))
    }
}

/// A secret with line breaks and worse in it is an error or is sent in one piece, and never panics.
pub(crate) fn nothing_is_smuggled_into_a_header(runs: Runs) -> Result<(), String> {
    let secrets = || {
        mutants(&["canary-secret", "canary.secret.token"], &["\r\nx-evil: 1", "\r\n\r\nGET / HTTP/1.1\r\n"])
    };
    runs.check(&(secrets(), secrets(), 0..5), |(first, second, way)| {
        let (first, second) = (first.text(), second.text());
        let world = World::new(answer);
        let shown = in_virtual_time(async {
            let by_login = |login: Login| {
                let registry = OciRegistry::builder()
                    .http_client(world.clone())
                    .time_source(Clock::started())
                    .throttle(Throttle::new())
                    .login(Given(Arc::new(login)))
                    .build()
                    .expect("complete");
                Reflector::builder().tag_source(registry).build().expect("complete")
            };
            let image = "registry.example.com/apps/app".parse::<ImageName>().expect("valid");
            match way {
                0 => by_login(Login::basic(first.clone(), second))
                    .scan(&image)
                    .await
                    .err()
                    .map(|error| story(&error)),
                1 => {
                    by_login(Login::bearer_token(second)).scan(&image).await.err().map(|error| story(&error))
                }
                2 => by_login(Login::identity_token(second))
                    .scan(&image)
                    .await
                    .err()
                    .map(|error| story(&error)),
                3 => {
                    let credentials = Credentials::new("AKIAEXAMPLE", first, Some(second), None, "fuzz");
                    let builder = Reflector::builder().http_client(world.clone()).credentials(credentials);
                    let reflector = builder
                        .time_source(Clock::started())
                        .throttle(Throttle::new())
                        .build()
                        .expect("complete");
                    let image =
                        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/apps/app".parse().expect("valid");
                    reflector.scan(&image).await.err().map(|error| story(&error))
                }
                _ => {
                    let environment = Environment::empty()
                        .with_var(
                            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                            "http://169.254.170.23/v1/credentials",
                        )
                        .with_var("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", TOKEN_PATH)
                        .with_file(TOKEN_PATH, second);
                    let chain = Chain::builder()
                        .environment(environment)
                        .http_client(World::empty())
                        .metadata_http_client(world.clone())
                        .time_source(Clock::started())
                        .build();
                    chain.resolve().await.err().map(|error| story(&error))
                }
            }
        });
        prop_assert!(!shown.clone().unwrap_or_default().contains("canary"), "{:?}", shown);
        check_headers(&world)
    })
}

fn answer(asked: &Asked) -> Answer {
    match asked.uri.as_str() {
        uri if uri.contains("/token") => Answer::ok(r#"{"token":"a-token"}"#),
        uri if uri.contains("169.254") => Answer::new(400, "no"),
        uri if uri.contains("amazonaws.com") => Answer::ok(r#"{"imageIds":[]}"#),
        _ if asked.header("authorization").is_some() => Answer::ok(r#"{"tags":[]}"#),
        _ => Answer::new(401, "")
            .with("www-authenticate", "Bearer realm=\"https://registry.example.com/token\""),
    }
}

fn check_headers(world: &World) -> TestCaseResult {
    for asked in world.asked() {
        for (name, value) in &asked.headers {
            prop_assert!(name != "x-evil" && !value.contains(['\r', '\n', '\0']), "{}: {:?}", name, value);
        }
    }
    Ok(())
}
