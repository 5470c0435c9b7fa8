//! Logins from the embedded AWS, used at its registries.

use std::io::{Read, Write};
use std::net::TcpStream;

use aws_smithy_types::base64;
use flux_ecr_reflect::{Login, LoginKind, LoginSource, RegistryLogin};
use serde_json::Value;

use crate::helper;
use crate::world::{EMBEDDED_IMAGE, Setup, World, mixed_repository};

const REGISTRY: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";

async fn world(setup: Setup) -> World {
    World::embedded(setup, mixed_repository(20), None).await.unwrap()
}

fn logins(world: &World) -> RegistryLogin {
    let chain = world.chain().region("eu-west-1").build();
    let aws = world.aws.as_ref().unwrap();
    let logins = RegistryLogin::builder().credentials(chain).http_client(flux_aws_auth::http_client());
    logins.endpoint_url(aws.ecr_url()).public_endpoint_url(aws.ecr_public_url()).build().unwrap()
}

/// The status of a request to a registry on this machine, and the body.
async fn get(url: &str, path: &str, user_and_password: Option<(&str, &str)>) -> (u16, String) {
    let host = url.strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
    let login = user_and_password.map_or_else(String::new, |(user, password)| {
        format!("Authorization: Basic {}\r\n", base64::encode(format!("{user}:{password}")))
    });
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{login}Connection: close\r\n\r\n");
    let answer = tokio::task::spawn_blocking(move || {
        let mut answer = String::new();
        let mut stream = TcpStream::connect(host).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let answer = answer.await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

async fn get_with(url: &str, path: &str, login: &Login) -> u16 {
    get(url, path, Some((login.user(), login.secret()))).await.0
}

#[tokio::test(flavor = "multi_thread")]
async fn the_helper_s_secret_opens_the_registry() {
    let world = world(Setup::PodIdentity).await;
    let answer: Value =
        serde_json::from_str(&helper::answer("get", REGISTRY, &world).await.unwrap()).unwrap();
    let (user, secret) = (answer["Username"].as_str().unwrap(), answer["Secret"].as_str().unwrap());
    let url = world.aws.as_ref().unwrap().registry_url().to_owned();
    assert_eq!(get(&url, "/v2/apps/mainapp/tags/list", Some((user, secret))).await.0, 200);
    assert_eq!(get(&url, "/v2/apps/mainapp/tags/list", Some((user, "another"))).await.0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_login_in_every_set_up_is_held_and_replaced_when_it_is_rejected() {
    for setup in [Setup::PodIdentity, Setup::Irsa, Setup::AccessKeys, Setup::Node, Setup::ServiceAccount] {
        let world = world(setup).await;
        let (aws, logins) = (world.aws.clone().unwrap(), logins(&world));
        let image = EMBEDDED_IMAGE.parse().unwrap();
        let first = logins.login(&image).await.unwrap().unwrap();
        for _ in 0..10 {
            logins.login(&image).await.unwrap();
        }
        let asked = || aws.requests().into_iter().filter(|(name, _)| name.contains("GetAuthorizationToken"));
        assert_eq!(asked().map(|(_, count)| count).sum::<u64>(), 1, "{setup:?} {:?}", aws.requests());
        assert_eq!(get_with(aws.registry_url(), "/v2/", &first).await, 200, "{setup:?}");
        assert!(logins.forget(&image, &first));
        let second = logins.login(&image).await.unwrap().unwrap();
        assert_ne!(first.secret(), second.secret());
        assert_eq!(get_with(aws.registry_url(), "/v2/", &second).await, 200, "{setup:?}");
        assert!(aws.secrets_issued().iter().any(|secret| secret == second.secret()), "it is the registry's");
        let shown = format!("{first:?} {second:?} {logins:?}");
        assert!(!aws.secrets_issued().iter().any(|secret| shown.contains(secret)), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_to_ecr_public_opens_its_token_service_as_the_identity() {
    let world = world(Setup::Irsa).await;
    let aws = world.aws.clone().unwrap();
    let image = "public.ecr.aws/flux/app".parse().unwrap();
    let login = logins(&world).login(&image).await.unwrap().unwrap();
    assert_eq!((login.kind(), login.user()), (LoginKind::Basic, "AWS"));
    let token = "/token/?service=public.ecr.aws&scope=aws";
    assert_eq!(get_with(aws.public_registry_url(), token, &login).await, 200);
    assert_ne!(get_with(aws.public_registry_url(), token, &Login::basic("AWS", "another")).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_identity_ecr_public_is_read_as_nobody_and_private_ecr_not_at_all() {
    let world = world(Setup::Nothing).await;
    let logins = logins(&world);
    let login = logins.login(&"public.ecr.aws/flux/app".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(login.kind(), LoginKind::Anonymous);
    assert!(login.note().is_some());
    let error = logins.login(&EMBEDDED_IMAGE.parse().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), flux_ecr_reflect::ErrorKind::Credentials, "{error:?}");
}
