//! The table of addresses, row by row.

use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;

#[track_caller]
fn accepted(purpose: Purpose, values: &[&str]) {
    for value in values {
        assert!(Endpoint::parse(purpose, "SETTING", value).is_ok(), "{purpose:?} should accept {value}");
    }
}

#[track_caller]
fn refused(purpose: Purpose, values: &[&str]) {
    for value in values {
        let error = Endpoint::parse(purpose, "SETTING", value).expect_err(value);
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().starts_with("SETTING: "), "{error}");
    }
}

#[test]
fn the_table_holds() {
    let everywhere =
        ["https://example.com/x", "http://127.0.0.1:1", "http://[::1]/v1", "http://localhost:80"];
    for purpose in [Purpose::ContainerCredentials, Purpose::InstanceMetadata, Purpose::Sts, Purpose::AwsApi] {
        accepted(purpose, &everywhere);
        refused(
            purpose,
            &[
                "http://example.com",
                "http://10.0.0.1",
                "http://127.0.0.1.example.com",
                "http://localhost.example.com",
                "http://169.254.170.3",
                "http://user@127.0.0.1",
                "https://user:word@example.com",
                "ftp://127.0.0.1",
                "//127.0.0.1",
                "127.0.0.1",
                "",
                "http://",
                "not a url",
                "http://127.0.0.1:99999/x",
                "http://127.0.0.1:abc/",
                "http://127.0.0.1:",
                "http://127.0.0.1:0",
                "https://example.com:99999",
                "https://user:pa#ss@example.com/x",
                "http://[127.0.0.1]/",
                "http://[localhost]/",
                "http://2130706433/",
                "http://[::ffff:127.0.0.1]/",
            ],
        );
    }
    accepted(
        Purpose::ContainerCredentials,
        &["http://169.254.170.23/v1/credentials", "http://[fd00:ec2::23]/"],
    );
    refused(Purpose::ContainerCredentials, &["http://169.254.169.254/"]);
    accepted(Purpose::InstanceMetadata, &["http://169.254.169.254", "http://[fd00:ec2::254]"]);
    refused(Purpose::InstanceMetadata, &["http://169.254.170.23"]);
    refused(Purpose::AwsApi, &["http://169.254.169.254", "http://169.254.170.2"]);
}

#[test]
fn an_api_s_address_has_no_query_and_no_fragment() {
    for refused in
        ["https://example.com/?canary", "https://example.com/#canary", "https://example.com?canary"]
    {
        let error = Endpoint::aws_api("endpoint_url", refused).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    }
    assert_eq!(Endpoint::aws_api("S", "http://127.0.0.1:4566/").unwrap().url(), "http://127.0.0.1:4566");
}

#[test]
fn a_token_service_is_public_and_allowed() {
    let allowed = ["auth.example.com", "auth.example.com:8443", "[2600:1f00::1]", "10.0.0.9", "not a host"];
    for (value, server) in [
        ("https://registry.example.com/token", "registry.example.com"),
        ("https://REGISTRY.example.com/token", "registry.example.com"),
        ("https://registry.example.com:443/token", "Registry.example.com"),
        ("https://registry.example.com:5000/token", "registry.example.com:5000"),
        ("https://auth.example.com/token", "registry.example.com"),
        ("https://auth.example.com:8443/token", "registry.example.com"),
        ("https://[2600:1f00::1]/token", "registry.example.com"),
        ("https://8.8.8.8", "8.8.8.8"),
    ] {
        assert!(Endpoint::token_service("realm", value, server, &allowed).is_ok(), "{value} from {server}");
    }
    for (value, server) in [
        ("http://registry.example.com/token", "registry.example.com"),
        ("https://registry.example.com/token", "registry.example.com:5000"),
        ("https://registry.example.com:5000/token", "registry.example.com"),
        ("https://registry.example.com./token", "registry.example.com"),
        ("https://registry.example.com.evil.example/token", "registry.example.com"),
        ("https://evil.registry.example.com/token", "registry.example.com"),
        ("https://registry.example.com@evil.example/token", "registry.example.com"),
        ("https://registry.example.com\\@evil.example/token", "registry.example.com"),
        ("https://registry.example.com%2eevil.example/", "registry.example.com"),
        ("https://registry.example.com/token?x=1", "registry.example.com"),
        ("https://registry.example.com/token#x", "registry.example.com"),
        ("https://evil.example/token", "registry.example.com"),
        ("https://auth.example.com:5000/token", "registry.example.com"),
        ("https://localhost/token", "localhost"),
        ("https://127.0.0.1/token", "127.0.0.1"),
        ("https://10.0.0.9/token", "registry.example.com"),
        ("https://169.254.169.254/latest", "169.254.169.254"),
        ("https://[::ffff:10.0.0.9]/token", "[::ffff:10.0.0.9]"),
        ("https://[::1]/token", "[::1]"),
        ("https://0x7f.1/token", "0x7f.1"),
        ("https://2130706433/token", "2130706433"),
        ("//registry.example.com/token", "registry.example.com"),
        ("", "registry.example.com"),
    ] {
        let error = Endpoint::token_service("realm", value, server, &allowed).expect_err(value);
        assert_eq!(error.reason(), Reason::EndpointNotAccepted, "{value} from {server}");
    }
}

#[test]
fn what_may_be_secret_is_not_shown() {
    let refused =
        Endpoint::parse(Purpose::AwsApi, "S", "http://me:canary@example.com/p?token=canary").unwrap_err();
    assert!(!format!("{refused} {refused:?}").contains("canary"), "{refused:?}");
    for hidden in
        ["ftp://canary:se?cret@example.com", "https://user:canary#x@example.com/", "http://h/?canary"]
    {
        let refused = Endpoint::parse(Purpose::AwsApi, "S", hidden).unwrap_err();
        assert!(!format!("{refused} {refused:?}").contains("canary"), "{refused:?}");
    }
    let bare = Endpoint::parse(Purpose::AwsApi, "S", "http://127.0.0.1?x").unwrap();
    assert_eq!(bare.path_and_query(), "/?x");
    let accepted = Endpoint::parse(Purpose::AwsApi, "S", "https://example.com/p?token=canary").unwrap();
    assert_eq!(format!("{accepted} {accepted:?}"), "https://example.com/p Endpoint(https://example.com/p)");
    assert_eq!(accepted.path_and_query(), "/p?token=canary");
}

proptest! {
    /// What passes is https, and the host and port of one that is allowed, whatever it was made of.
    #[test]
    fn no_look_alike_of_a_token_service_passes(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "registry.example.com", "auth.example.com", "evil.example", "127.0.0.1", "[::1]", "10.0.0.1", ".", "@", ":443",
                ":5000", "/", "?", "#", "%2e", "%40", "\\", "//", "https:", "X", "\u{e9}", "\u{3002}", " ", "\t",
            ]),
            1..7,
        ),
    ) {
        let value = format!("https://{}", parts.concat());
        if let Ok(endpoint) = Endpoint::token_service("realm", &value, "registry.example.com", &["auth.example.com"]) {
            let url = endpoint.url();
            let authority = url.strip_prefix("https://").and_then(|rest| rest.split('/').next()).unwrap();
            let host = authority.strip_suffix(":443").unwrap_or(authority);
            prop_assert!(["registry.example.com", "auth.example.com"].contains(&host), "{value} gave {url}");
        }
    }
}

/// A password or a token that stands in an address's place, in whatever way it is written.
#[test]
fn a_refusal_shows_no_secret() {
    for value in [
        "https://me:canary@example.com:x/",
        "https://me:canary%40example.com/",
        "https://me%3Acanary%40example.com/",
        "http://example.com:canary/",
        "me:canary",
        "eyJhbGciOiJSUzI1NiJ9.canary.canary",
        "canary secret://Example",
        "http://10.0.0.1/?canary",
        "http://10.0.0.1#canary",
    ] {
        let error = Endpoint::parse(Purpose::ContainerCredentials, "SETTING", value).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    }
    for (value, shown) in [
        ("http://10.0.0.1:8080/path", "\"http://10.0.0.1:8080\""),
        ("http://[fd00::1]:8080", "\"http://[fd00::1]:8080\""),
        ("169.254.170.23/v1", "\"169.254.170.23\""),
    ] {
        let error = Endpoint::parse(Purpose::ContainerCredentials, "SETTING", value).unwrap_err();
        assert!(error.to_string().contains(shown), "{error}");
    }
}

#[test]
fn a_port_is_written_in_one_way() {
    accepted(Purpose::Sts, &["http://127.0.0.1:80", "https://example.com:65535"]);
    for port in [":", ":0", ":+80", ":080", ":65536", ":80:80"] {
        let value = format!("http://127.0.0.1{port}");
        assert!(Endpoint::parse(Purpose::Sts, "SETTING", &value).is_err(), "{value}");
    }
}
