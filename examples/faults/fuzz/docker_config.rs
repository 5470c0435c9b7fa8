//! Docker's configuration.

use aws_smithy_types::base64;
use flux_ecr_reflect::{DockerConfig, ImageName};
use proptest::prelude::*;

use crate::json::unambiguous;
use crate::mutant::mutants;
use crate::runs::Runs;
use crate::world::story;

/// A login is given to the host that its key names; nothing shows it.
pub(crate) fn logins(runs: Runs) -> Result<(), String> {
    let auth = base64::encode("me:canary-password");
    let samples = [
        format!(r#"{{"auths":{{"ghcr.io":{{"auth":"{auth}"}}}}}}"#),
        format!(r#"{{"auths":{{"https://index.docker.io/v1/":{{"auth":"{auth}"}},"ghcr.io/org":{{"username":"me","password":"canary-other"}}}}}}"#),
        r#"{"auths":{"registry.example.com:5000":{"identitytoken":"canary-identity"},"GHCR.IO":{"registrytoken":"canary-token"}},"credsStore":"x"}"#.to_owned(),
        r#"{"ghcr.io":{"username":"me","password":"canary-password","email":null}}"#.to_owned(),
    ];
    let words = [
        "\"auths\":",
        "\"ghcr.io\"",
        "me@",
        "http://",
        "/v2/",
        "/org",
        ".evil.example",
        "*.",
        "\\u0000",
        "\\ud800",
    ];
    let images: Vec<ImageName> =
        ["ghcr.io/org/app", "ghcr.io.evil.example/org/app", "evil.example/ghcr.io/org"]
            .map(|image| image.parse().expect("valid"))
            .into();
    runs.check(&mutants(&samples, &words), move |mutant| {
        for (config, of_auths) in
            [(DockerConfig::from_json(&mutant.0), true), (DockerConfig::from_dockercfg(&mutant.0), false)]
        {
            let config = match config {
                Ok(config) => config,
                Err(error) => {
                    let shown = story(&error);
                    // A key is shown, and a password may be pasted into one.
                    prop_assert!(!shown.contains("canary") || shown.contains("auths["), "{}", shown);
                    continue;
                }
            };
            let value: serde_json::Value = serde_json::from_slice(&mutant.0).expect("it was read");
            let auths = if of_auths { value.get("auths").cloned().unwrap_or_default() } else { value };
            let hosts: Vec<_> = auths
                .as_object()
                .into_iter()
                .flat_map(|auths| auths.keys())
                .map(|key| host_of(key))
                .collect();
            for image in &images {
                let Some(login) = config.login_for(image) else { continue };
                prop_assert!(hosts.iter().any(|host| host == image.registry()), "{} is in no key", image);
                let shown = format!("{login:?}");
                prop_assert!(
                    login.secret().len() < 6
                        || login.secret() == login.user()
                        || !shown.contains(login.secret()),
                    "{}",
                    shown
                );
            }
        }
        Ok(())
    })?;
    // An entry's login is what the entry says, and no other's.
    let one = [format!(r#"{{"auths":{{"ghcr.io":{{"auth":"{auth}"}}}}}}"#)];
    runs.check(&mutants(&one, &["=", "==", "\\u0000", "bWU6"]), |mutant| {
        let image: ImageName = "ghcr.io/org/app".parse().expect("valid");
        let read = unambiguous(&mutant.0);
        if let (Ok(config), Some(value)) = (DockerConfig::from_json(&mutant.0), read)
            && let Some(login) = config.login_for(&image)
            && let Some(auth) = value["auths"]["ghcr.io"]["auth"].as_str().filter(|auth| auth.len() % 4 == 0)
            && let Ok(text) = base64::decode(auth)
        {
            let expected = format!("{}:{}", login.user(), login.secret());
            let text = String::from_utf8(text).unwrap();
            prop_assert_eq!(text.trim_end_matches('\0'), expected);
        }
        Ok(())
    })
}

fn host_of(key: &str) -> String {
    let place = key.rsplit_once("://").map_or(key, |(_, place)| place);
    place.split('/').next().unwrap_or_default().to_ascii_lowercase()
}
