use std::error::Error as _;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::login::LoginKind;

fn config(auths: &Value) -> DockerConfig {
    DockerConfig::from_json(json!({ "auths": auths }).to_string()).expect("well-formed")
}

fn image(name: &str) -> ImageName {
    name.parse().expect(name)
}

/// An entry whose user tells which it is.
fn user(name: &str) -> Value {
    json!({ "username": name, "password": "secret" })
}

#[track_caller]
fn finds(config: &DockerConfig, name: &str, user: Option<&str>) {
    assert_eq!(config.login_for(&image(name)).map(|login| login.user()), user, "{name}");
}

#[test]
fn a_key_is_a_host_or_what_is_below_it() {
    let config = config(&json!({
        "ghcr.io": user("host"),
        "ghcr.io/org": user("org"),
        "ghcr.io/org/app": user("app"),
        "https://index.docker.io/v1/": user("hub"),
        "https://quay.io": user("scheme"),
        "http://registry.example/v2/": user("v2"),
        "registry.example:5000/team/": user("port"),
        "REGISTRY.internal": user("case"),
        "registry.gitlab.example/v2/group": user("group"),
        "*.wild.example": user("pattern"),
    }));
    for (name, user) in [
        ("ghcr.io/other/app", Some("host")),
        ("ghcr.io/org/other", Some("org")),
        ("ghcr.io/organisation/app", Some("host")),
        ("ghcr.io/org/app", Some("app")),
        ("ghcr.io/org/app/part", Some("app")),
        ("ghcr.io:443/org/app", None),
        ("alpine", Some("hub")),
        ("docker.io/fluxcd/flux", Some("hub")),
        ("quay.io/org/app", Some("scheme")),
        ("registry.example/app", Some("v2")),
        ("registry.example:5000/team/app", Some("port")),
        ("registry.example:5000/other/app", None),
        ("registry.example:5001/team/app", None),
        ("registry.internal/app", Some("case")),
        ("registry.gitlab.example/group/app", Some("group")),
        ("registry.gitlab.example/other", None),
        ("a.wild.example/app", None),
        ("evil.ghcr.io/org/app", None),
        ("ghcr.io.evil.example/org/app", None),
    ] {
        finds(&config, name, user);
    }
}

#[test]
fn an_empty_entry_says_that_there_is_no_login() {
    let config = config(&json!({ "ghcr.io": user("host"), "ghcr.io/public": {} }));
    finds(&config, "ghcr.io/org/app", Some("host"));
    finds(&config, "ghcr.io/public/app", None);
}

#[test]
fn each_form_of_an_entry() {
    let base64 = |text: &str| base64::encode(text);
    let padded = base64("flux:pass:word");
    let unpadded = padded.trim_end_matches('=').to_owned();
    assert_ne!(padded, unpadded);
    for (entry, kind, user, secret) in [
        (json!({ "auth": padded }), LoginKind::Basic, "flux", "pass:word"),
        (json!({ "auth": unpadded }), LoginKind::Basic, "flux", "pass:word"),
        (json!({ "auth": format!(" {padded}\n") }), LoginKind::Basic, "flux", "pass:word"),
        (json!({ "auth": base64("flux:pw\0\0") }), LoginKind::Basic, "flux", "pw"),
        (json!({ "auth": base64("flux:") }), LoginKind::Basic, "flux", ""),
        (json!({ "username": "u", "password": "p" }), LoginKind::Basic, "u", "p"),
        (json!({ "auth": base64("a:b"), "username": "u", "password": "p" }), LoginKind::Basic, "a", "b"),
        (json!({ "auth": base64("a:b"), "identitytoken": "id" }), LoginKind::IdentityToken, "", "id"),
        (json!({ "identitytoken": "id", "registrytoken": "t" }), LoginKind::BearerToken, "", "t"),
        (json!({ "auth": "", "username": null, "password": "p", "email": 7 }), LoginKind::Basic, "", "p"),
    ] {
        let config = config(&json!({ "ghcr.io": entry }));
        let login = config.login_for(&image("ghcr.io/org/app")).expect("a login");
        assert_eq!((login.kind(), login.user(), login.secret()), (kind, user, secret));
    }
}

#[test]
fn nothing_configured_is_no_error() {
    for json in ["{}", r#"{"auths": null}"#, r#"{"auths": {}}"#, r#"{"credsStore": "desktop"}"#] {
        finds(&DockerConfig::from_json(json).expect(json), "ghcr.io/org/app", None);
    }
}

#[test]
fn what_is_malformed_is_named_and_not_shown() {
    let not_text = base64::encode(b"\xff\xfe:canary");
    for (json, field) in [
        (r"canary".to_owned(), ".dockerconfigjson is not JSON"),
        (r#"{"auths": {"ghcr.io": {"auth": "canary""#.to_owned(), ".dockerconfigjson is not JSON"),
        (r#"["canary"]"#.to_owned(), ".dockerconfigjson is not a JSON object"),
        (r#"{"auths": "canary"}"#.to_owned(), "auths is not an object"),
        (r#"{"auths": {"ghcr.io": "canary"}}"#.to_owned(), r#"auths["ghcr.io"] is not an object"#),
        (
            r#"{"auths": {"ghcr.io": {"auth": "canary!"}}}"#.to_owned(),
            r#"auths["ghcr.io"].auth is not base64"#,
        ),
        (
            r#"{"auths": {"ghcr.io": {"auth": "Y2FuYXJ5"}}}"#.to_owned(),
            r#"["ghcr.io"].auth is not USER:PASSWORD"#,
        ),
        (format!(r#"{{"auths": {{"a.io": {{"auth": "{not_text}"}}}}}}"#), r#"["a.io"].auth is not text"#),
        (
            r#"{"auths": {"ghcr.io": {"password": ["canary"]}}}"#.to_owned(),
            r#"["ghcr.io"].password is not a string"#,
        ),
        (
            r#"{"auths": {"https://user:canary@ghcr.io": {}}}"#.to_owned(),
            "a key with a user before the registry",
        ),
        (r#"{"auths": {"https://": {}}}"#.to_owned(), "names no registry"),
        (r#"{"auths": {"": {}}}"#.to_owned(), "names no registry"),
    ] {
        let error = DockerConfig::from_json(&json).expect_err(&json);
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains(field), "{error}");
        let all = format!("{error} {error:?} {:?}", error.source());
        assert!(!all.contains("canary") && !all.contains("Y2FuYXJ5"), "{all}");
    }
}

#[test]
fn the_older_form_and_several_secrets() {
    let older = DockerConfig::from_dockercfg(json!({ "ghcr.io": user("older") }).to_string()).expect("valid");
    finds(&older, "ghcr.io/org/app", Some("older"));
    let both =
        older.with_config(config(&json!({ "https://ghcr.io/": user("newer"), "quay.io": user("quay") })));
    finds(&both, "ghcr.io/org/app", Some("newer"));
    finds(&both, "quay.io/org/app", Some("quay"));
    let own = both.with_login("ghcr.io/org", Login::basic("own", "secret")).expect("valid");
    finds(&own, "ghcr.io/org/app", Some("own"));
    let error = own.with_login("https://user:canary@ghcr.io", Login::basic("a", "b")).expect_err("a user");
    assert!(!format!("{error:?}").contains("canary"));
}

#[test]
fn debug_tells_hosts_and_users_only() {
    let shown = format!(
        "{:?}",
        config(&json!({ "ghcr.io/org": user("flux"), "quay.io": {"registrytoken": "secret"} }))
    );
    assert!(shown.contains("ghcr.io/org") && shown.contains("flux"), "{shown}");
    assert!(!shown.contains("secret"), "{shown}");
}

proptest! {
    #[test]
    fn any_bytes_are_a_configuration_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = DockerConfig::from_json(&bytes);
        let _ = DockerConfig::from_dockercfg(&bytes);
    }

    // A login goes to the host of its key, whatever else a name has in common with it.
    #[test]
    fn a_login_is_for_its_own_host(name in "[a-z0-9.:/-]{1,30}") {
        let config = config(&json!({ "ghcr.io": user("a"), "index.docker.io": user("b"), "localhost:5000": user("c") }));
        if let Ok(image) = name.parse::<ImageName>() {
            let expected = match image.registry() {
                "ghcr.io" => Some("a"),
                "index.docker.io" => Some("b"),
                "localhost:5000" => Some("c"),
                _ => None,
            };
            prop_assert_eq!(config.login_for(&image).map(|login| login.user()), expected);
        }
    }
}
