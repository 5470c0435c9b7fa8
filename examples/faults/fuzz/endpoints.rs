//! Addresses that others may name.

use flux_aws_auth::{Endpoint, Proxy};
use proptest::prelude::*;

use crate::mutant::mutants;
use crate::runs::Runs;
use crate::world::story;

/// What is taken leads, for another reader of URLs, where the rule says.
pub(crate) fn addresses_of_token_services_and_sts(runs: Runs) -> Result<(), String> {
    let samples = [
        "https://registry.example.com/token",
        "https://registry.example.com:443/v2/token/",
        "https://auth.example.com/token",
        "https://registry.example.com@evil.example/token",
        "https://registry.example.com.evil.example/token",
        "http://registry.example.com/token",
        "https://sts.eu-west-1.amazonaws.com",
        "https://sts-fips.us-east-1.api.aws",
        "https://sts.cn-north-1.amazonaws.com.cn",
        "https://vpce-1a2b3c4d-5e6f7a8b.sts.eu-west-1.vpce.amazonaws.com",
    ];
    runs.check(
        &mutants(&samples, &["https://", "sts.", ".amazonaws.com", ":443", ":0", "token", "."]),
        |mutant| {
            let text = mutant.text();
            if let Ok(endpoint) =
                Endpoint::token_service("realm", &text, "registry.example.com", &["auth.example.com"])
            {
                let uri: http::Uri = endpoint.url().parse().unwrap();
                prop_assert_eq!(uri.scheme_str(), Some("https"));
                let host = uri.host().unwrap_or_default().to_ascii_lowercase();
                prop_assert!(["registry.example.com", "auth.example.com"].contains(&&*host), "{}", host);
                prop_assert!(uri.port_u16().is_none_or(|port| port == 443), "{}", uri);
                prop_assert!(!uri.authority().unwrap().as_str().contains('@'));
            }
            if let Ok(endpoint) = Endpoint::tenant_sts("spec.sts.endpoint", &text) {
                let uri: http::Uri = endpoint.url().parse().unwrap();
                let host = uri.host().unwrap_or_default();
                let is_of_aws = [
                    ".amazonaws.com",
                    ".amazonaws.com.cn",
                    ".api.aws",
                    ".amazonaws.eu",
                    ".c2s.ic.gov",
                    ".sc2s.sgov.gov",
                ];
                prop_assert_eq!(uri.scheme_str(), Some("https"));
                prop_assert!(
                    host.contains("sts") && is_of_aws.iter().any(|suffix| host.ends_with(suffix)),
                    "{}",
                    host
                );
                prop_assert_eq!(uri.path().trim_matches('/'), "");
            }
            if let Ok(endpoint) = Endpoint::aws_api("endpoint_url", &text) {
                let uri: http::Uri = endpoint.url().parse().unwrap();
                let host = uri.host().unwrap_or_default().to_ascii_lowercase();
                let is_loopback = host == "localhost" || host.starts_with("127.") || host == "[::1]";
                prop_assert!(uri.scheme_str() == Some("https") || is_loopback, "{}", uri);
            }
            Ok(())
        },
    )
}

/// A password in an address is in nothing that is shown.
pub(crate) fn addresses_of_proxies(runs: Runs) -> Result<(), String> {
    let samples = [
        "http://proxy.example:3128",
        "https://me:canary-password@proxy.example:3128/",
        "http://me:canary-password@[2001:db8::1]:8080",
        "me:canary-password@proxy.example",
        "socks5://me:canary-password@proxy.example:1080",
    ];
    runs.check(&mutants(&samples, &["://", "socks5://", ":3128", "%40"]), |mutant| {
        let text = mutant.text();
        // Where no @ is left, there is no password before it.
        let shown = match Proxy::new(&text) {
            Ok(proxy) => format!("{proxy:?}"),
            Err(error) => story(&error),
        };
        prop_assert!(
            !text.contains('@') || text.rfind("canary") > text.rfind('@') || !shown.contains("canary"),
            "{}",
            shown
        );
        Ok(())
    })
}
