//! An ECR API that says whatever it likes.

use aws_credential_types::Credentials;
use aws_smithy_types::base64;
use flux_ecr_reflect::{Detail, Error, ImageName, LoginSource, Reflector, RegistryLogin, Throttle};
use flux_policy::ExclusionList;
use proptest::prelude::*;
use serde_json::Value;

use crate::json::unambiguous;
use crate::mutant::{Mutant, mutants};
use crate::runs::Runs;
use crate::world::{Answer, Asked, Clock, World, in_virtual_time, story};

const DIGEST: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const HOST: &str = "https://api.ecr.eu-west-1.amazonaws.com";

fn credentials() -> Credentials {
    Credentials::new("AKIAEXAMPLE", "canary-secret", Some("canary-session".to_owned()), None, "fuzz")
}

fn image() -> ImageName {
    "123456789012.dkr.ecr.eu-west-1.amazonaws.com/apps/app".parse().expect("valid")
}

/// All tags of all pages.
async fn list(world: &World, detail: Detail) -> Result<Vec<String>, Error> {
    let everything = ExclusionList::new([""; 0]).expect("no pattern");
    let reflector = Reflector::builder()
        .http_client(world.clone())
        .credentials(credentials())
        .time_source(Clock::started())
        .throttle(Throttle::new())
        .exclusion_list(everything)
        .build()?;
    let image = image();
    let mut pages = reflector.pages(&image).with_detail(detail);
    let mut tags = Vec::new();
    while let Some(page) = pages.next().await? {
        tags.extend(page.entries().iter().map(|entry| entry.tag().to_string()));
    }
    tags.sort();
    Ok(tags)
}

/// Listings: just the tags that another reader of JSON finds, page after page, or an error.
pub(crate) fn listings(runs: Runs) -> Result<(), String> {
    let id = |tag: &str| format!(r#"{{"imageTag":"{tag}","imageDigest":"{DIGEST}"}}"#);
    let images = format!(
        r#"{{"registryId":"123456789012","repositoryName":"apps/app","imageDigest":"{DIGEST}","imageTags":["1.0.0","1.0"],"imageSizeInBytes":1024,"imagePushedAt":1799999999.123,"imageManifestMediaType":"application/vnd.oci.image.manifest.v1+json","imageStatus":"ACTIVE"}}"#
    );
    let samples = [
        format!(r#"{{"imageIds":[{},{}],"nextToken":"2"}}"#, id("1.0.0"), id("1.1.0")),
        format!(r#"{{"imageIds":[{}]}}"#, id("1.0.0")),
        format!(r#"{{"imageIds":[{},{{"imageDigest":"{DIGEST}"}}],"nextToken":null}}"#, id("1.0.0")),
        format!(r#"{{"imageDetails":[{images}],"nextToken":"2"}}"#),
        format!(r#"{{"imageDetails":[{images},{images}]}}"#),
        r#"{"__type":"com.amazonaws.ecr#AccessDeniedException","message":"not authorized"}"#.to_owned(),
    ];
    let words = [
        "\"imageIds\":",
        "\"imageDetails\":",
        "\"nextToken\":\"3\",",
        "\"imageTag\":",
        "\\u0000",
        "\\ud800",
        "\"ARCHIVED\"",
        "[[[[[[[[[[[[",
    ];
    let detail = prop_oneof![Just(Detail::Digests), Just(Detail::Images)];
    runs.check(&(mutants(&samples, &words), detail), |(mutant, detail)| {
        let key = if detail == Detail::Digests { "imageIds" } else { "imageDetails" };
        let Mutant(body) = mutant.clone();
        let world = World::new(move |asked: &Asked| {
            if asked.body.contains("nextToken") {
                let last =
                    if key == "imageIds" { r#"{"imageTag":"9.9.9"}"# } else { r#"{"imageTags":["9.9.9"]}"# };
                return Answer::ok(format!(r#"{{"{key}":[{last}]}}"#));
            }
            Answer::ok(body.clone())
        });
        let result = in_virtual_time(list(&world, detail));
        for asked in world.asked() {
            prop_assert_eq!(asked.origin(), HOST);
        }
        let tags = match result {
            Ok(tags) => tags,
            Err(error) => {
                prop_assert!(!story(&error).contains("canary"), "{}", story(&error));
                return Ok(());
            }
        };
        // What the SDK makes of two keys of the same name is its own matter.
        let Some(answer) = unambiguous(&mutant.0) else { return Ok(()) };
        prop_assert_eq!(Some(tags), expected(&answer, key));
        Ok(())
    })
}

fn expected(answer: &Value, key: &str) -> Option<Vec<String>> {
    let mut tags = Vec::new();
    for image in answer.get(key)?.as_array()? {
        match image.get("imageStatus").and_then(Value::as_str) {
            None | Some("ACTIVE") => {}
            Some(_) => continue,
        }
        if key == "imageIds" {
            tags.push(image.get("imageTag")?.as_str()?.to_owned());
        } else {
            for tag in image.get("imageTags")?.as_array()?.iter().filter(|tag| !tag.is_null()) {
                tags.push(tag.as_str()?.to_owned());
            }
        }
    }
    if answer.get("nextToken").and_then(Value::as_str).is_some_and(|token| !token.is_empty()) {
        tags.push("9.9.9".to_owned());
    }
    tags.sort();
    Some(tags)
}

/// Logins: what the answer holds, whole, or an error that shows nothing of it.
pub(crate) fn logins(runs: Runs) -> Result<(), String> {
    let token = base64::encode("AWS:canary-password");
    let samples = [
        format!(
            r#"{{"authorizationData":[{{"authorizationToken":"{token}","expiresAt":1800043200.5,"proxyEndpoint":"https://123456789012.dkr.ecr.eu-west-1.amazonaws.com"}}]}}"#
        ),
        format!(r#"{{"authorizationData":{{"authorizationToken":"{token}","expiresAt":1800043200}}}}"#),
        r#"{"authorizationData":[]}"#.to_owned(),
    ];
    let words = ["\"authorizationData\":", "\"expiresAt\":", "1e300", "-1", "1e15", "\\u0000", "\\n", "QVdT"];
    runs.check(&mutants(&samples, &words), |mutant| {
        let Mutant(body) = mutant.clone();
        let world = World::new(move |_| Answer::ok(body.clone()));
        let result = in_virtual_time(async {
            let logins = RegistryLogin::builder()
                .credentials(credentials())
                .http_client(world.clone())
                .time_source(Clock::started())
                .build()?;
            logins.login(&image()).await
        });
        for asked in world.asked() {
            prop_assert_eq!(asked.origin(), HOST);
        }
        let login = match result {
            Ok(login) => login.expect("an identity's"),
            Err(error) => {
                prop_assert!(!story(&error).contains("canary"), "{}", story(&error));
                return Ok(());
            }
        };
        let shown = format!("{login:?}");
        prop_assert!(!shown.contains("canary-password"));
        let answer: Value = serde_json::from_slice(&mutant.0).expect("it was read whole");
        let data = answer["authorizationData"].get(0).unwrap_or(&answer["authorizationData"]);
        let token = data["authorizationToken"].as_str().and_then(|token| base64::decode(token).ok());
        let token = token.and_then(|token| String::from_utf8(token).ok());
        prop_assert_eq!(token, Some(format!("{}:{}", login.user(), login.secret())));
        prop_assert!(login.expiry().is_some());
        Ok(())
    })
}
