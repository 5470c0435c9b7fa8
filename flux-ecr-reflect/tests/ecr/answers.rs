//! Answers that are no page: a list is complete, or it is an error.

use flux_ecr_reflect::{Cursor, Error, ErrorKind};
use serde_json::json;

use crate::fake;

async fn failed(answer: impl Fn(usize) -> (u16, String) + Send + Sync + 'static) -> Error {
    fake::reflector(fake::anything(answer)).scan(&fake::image()).await.expect_err("a failure")
}

#[tokio::test]
async fn nothing_but_a_list_is_taken_for_a_page() {
    for body in [
        "",
        "{}",
        r#"{"imageIds":null}"#,
        r#"{"nextToken":"more"}"#,
        r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#,
        r#"{"imageIds":[{"imageTag":"1.0.0"}"#,
        r#"{"imageIds":[{"imageDigest":"sha256:00"}]}"#,
        r#"{"imageIds":[{}]}"#,
        r#"{"imageIds":[{"imageTag":"no/tag"}]}"#,
        r#"{"imageIds":[{"imageTag":"1.0.0","imageDigest":"sha256:short"}]}"#,
        r#"{"imageIds":"not a list"}"#,
        r#""not an object""#,
        "<html>Sign in</html>",
    ] {
        let error = failed(move |_| (200, body.to_owned())).await;
        assert_eq!((error.kind(), error.page()), (ErrorKind::InvalidResponse, Some(1)), "{body}: {error:?}");

        let first = json!({ "imageIds": [{ "imageTag": "0.1.0" }], "nextToken": "token-2" }).to_string();
        let error =
            failed(move |asked| (200, if asked == 0 { first.clone() } else { body.to_owned() })).await;
        assert_eq!((error.kind(), error.page()), (ErrorKind::InvalidResponse, Some(2)), "{body}: {error:?}");
        assert_eq!(error.cursor().map(Cursor::as_str), Some("token-2"));
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_page_is_told_once() {
    let error = failed(|_| (200, "{}".to_owned())).await;
    let image = fake::image();
    assert_eq!(error.to_string(), format!("ECR's answer to ListImages of {image} has no list of images"));

    let error = failed(|_| (200, r#"{"imageIds":[{}]}"#.to_owned())).await;
    let listed = format!("ECR listed a malformed image among the tags of {image}");
    assert_eq!(error.to_string(), format!("{listed}: one without a tag"));

    let error = failed(|_| (200, r#"{"imageIds":[{"imageTag":"no/tag"}]}"#.to_owned())).await;
    assert_eq!(error.to_string(), listed);
    assert!(fake::sources(&error)[0].starts_with(r#"tag "no/tag" is malformed"#), "{error:?}");

    let error = failed(|_| (200, "<html>".to_owned())).await;
    assert_eq!(error.to_string(), format!("ECR's answer to ListImages of {image} cannot be read"));
    assert_eq!(error.http_status(), Some(200));
    assert!(fake::sources(&error).iter().all(|source| !source.starts_with("unhandled")), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_in_aws_s_words_says_nothing_of_the_identity() {
    for (status, kind) in [
        (302, ErrorKind::InvalidResponse),
        (401, ErrorKind::InvalidResponse),
        (403, ErrorKind::InvalidResponse),
        (404, ErrorKind::InvalidResponse),
        (407, ErrorKind::Unavailable),
        (429, ErrorKind::Throttled),
        (500, ErrorKind::Unavailable),
        (502, ErrorKind::Unavailable),
    ] {
        for body in ["<html>blocked by the proxy</html>", "", "{}"] {
            let error = failed(move |_| (status, body.to_owned())).await;
            assert_eq!(
                (error.kind(), error.http_status()),
                (kind, Some(status)),
                "{status} {body}: {error:?}"
            );
            assert_eq!((error.aws_code(), error.request_id()), (None, None));
            assert!(error.to_string().contains(&format!("HTTP {status} and no AWS error code")), "{error}");
            assert!(error.hint().is_some_and(|hint| hint.to_lowercase().contains("prox")), "{error:?}");
            assert!(fake::sources(&error).is_empty(), "{error:?}");
        }
    }
}
