//! The ECR API: images by list and by name, and who may see them.

use local_aws::{Repository, TagStyle, User};
use serde_json::{Value, json};

use crate::scenario::{allows, bot, builder, ecr, now, start, user};
use crate::signed::{Signer, ecr_headers, post, target};

const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/reflector/flux";

fn tags(listed: &Value) -> Vec<&str> {
    let mut tags: Vec<_> = listed["imageIds"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|id| id["imageTag"].as_str())
        .collect();
    tags.sort_unstable();
    tags
}

#[tokio::test]
async fn list_images_by_tag_status() {
    let aws = start().await;
    let ecr = ecr(&aws).await;
    let list = async |status: Option<&str>| {
        let mut input = json!({ "repositoryName": "apps/small", "registryId": "111122223333" });
        if let Some(status) = status {
            input["filter"] = json!({ "tagStatus": status });
        }
        ecr.ecr(aws.ecr_url(), "ListImages", &input).await.json()
    };
    let tagged = list(Some("TAGGED")).await;
    assert_eq!(tags(&tagged), ["1.0.0", "1.1.0", "latest"]);
    assert!(tagged.get("nextToken").is_none());
    let untagged = list(Some("UNTAGGED")).await;
    assert_eq!(untagged["imageIds"].as_array().map(Vec::len), Some(1));
    assert!(untagged["imageIds"][0].get("imageTag").is_none());
    for all in [list(Some("ANY")).await, list(None).await] {
        assert_eq!(all["imageIds"].as_array().map(Vec::len), Some(4));
    }

    let digest = |tag: &str| {
        let ids = tagged["imageIds"].as_array().expect("a list");
        ids.iter().find(|id| id["imageTag"] == tag).expect("the tag")["imageDigest"].clone()
    };
    assert_eq!(digest("latest"), digest("1.1.0"));
    assert_ne!(digest("latest"), digest("1.0.0"));
}

#[tokio::test]
async fn describe_images_by_page_and_by_name() {
    let aws = start().await;
    let ecr = ecr(&aws).await;
    let describe = async |input: &Value| ecr.ecr(aws.ecr_url(), "DescribeImages", input).await;

    let named =
        describe(&json!({ "repositoryName": "apps/small", "imageIds": [{ "imageTag": "latest" }] })).await;
    let image = &named.json()["imageDetails"][0];
    assert_eq!(image["registryId"], "111122223333");
    assert_eq!(image["repositoryName"], "apps/small");
    assert_eq!(image["imageTags"], json!(["1.1.0", "latest"]));
    assert_eq!(image["imagePushedAt"], 1_704_067_260.0);
    assert_eq!(image["imageManifestMediaType"], "application/vnd.oci.image.manifest.v1+json");
    assert!(image["imageSizeInBytes"].as_u64() > Some(1024));

    let all = describe(&json!({ "repositoryName": "apps/small" })).await.json();
    let count = |status: &str, page: &Value| {
        assert_eq!(
            page["imageDetails"].as_array().map(Vec::len),
            Some(if status == "TAGGED" { 2 } else { 1 })
        );
    };
    assert_eq!(all["imageDetails"].as_array().map(Vec::len), Some(3));
    for status in ["TAGGED", "UNTAGGED"] {
        let input = json!({ "repositoryName": "apps/small", "filter": { "tagStatus": status } });
        count(status, &describe(&input).await.json());
    }

    let by_digest =
        json!({ "repositoryName": "apps/small", "imageIds": [{ "imageDigest": image["imageDigest"] }] });
    assert_eq!(describe(&by_digest).await.json()["imageDetails"][0], *image);

    let missing = json!({ "repositoryName": "apps/small", "imageIds": [{ "imageTag": "9.9.9" }] });
    describe(&missing).await.is_json_fault(
        "ImageNotFoundException",
        "The image with imageId {imageDigest:'null', imageTag:'9.9.9'} does not exist within the repository with name \
         'apps/small' in the registry with id '111122223333'",
    );
    let both =
        json!({ "repositoryName": "apps/small", "imageIds": [{ "imageTag": "latest" }], "maxResults": 5 });
    assert_eq!(describe(&both).await.json()["__type"], "InvalidParameterException");
}

#[tokio::test]
async fn batch_get_image_tells_what_it_found_and_what_not() {
    let aws = start().await;
    let ecr = ecr(&aws).await;
    let input = json!({
        "repositoryName": "apps/small",
        "imageIds": [
            { "imageTag": "1.0.0" },
            { "imageTag": "9.9.9" },
            { "imageDigest": "not-a-digest" },
            {},
            { "imageTag": "1.0.0", "imageDigest": format!("sha256:{:064}", 0) },
        ],
    });
    let answer = ecr.ecr(aws.ecr_url(), "BatchGetImage", &input).await.json();
    assert_eq!(answer["images"].as_array().map(Vec::len), Some(1));
    let manifest = answer["images"][0]["imageManifest"].as_str().expect("a manifest");
    let manifest: Value = serde_json::from_str(manifest).expect("JSON");
    assert_eq!(manifest["schemaVersion"], 2);
    let codes: Vec<_> =
        answer["failures"].as_array().expect("a list").iter().map(|it| &it["failureCode"]).collect();
    assert_eq!(
        codes,
        ["ImageNotFound", "InvalidImageDigest", "MissingDigestAndTag", "ImageTagDoesNotMatchDigest"]
    );

    let docker_only = json!({
        "repositoryName": "apps/small",
        "imageIds": [{ "imageTag": "1.0.0" }],
        "acceptedMediaTypes": ["application/vnd.docker.distribution.manifest.v2+json"],
    });
    let answer = ecr.ecr(aws.ecr_url(), "BatchGetImage", &docker_only).await.json();
    assert_eq!(answer["failures"][0]["failureCode"], "ImageNotFound");

    let none = json!({ "repositoryName": "apps/small", "imageIds": [] });
    let answer = ecr.ecr(aws.ecr_url(), "BatchGetImage", &none).await.json();
    assert_eq!(answer["__type"], "InvalidParameterException");
}

#[tokio::test]
async fn authorization_token_is_a_login_of_twelve_hours() {
    let aws = start().await;
    let answer = ecr(&aws).await.ecr(aws.ecr_url(), "GetAuthorizationToken", &json!({})).await.json();
    let data = &answer["authorizationData"][0];
    assert_eq!(data["expiresAt"], 1_767_323_045.0 + 12.0 * 3600.0);
    assert_eq!(data["proxyEndpoint"], aws.registry_url());
    let token = data["authorizationToken"].as_str().expect("a token");
    assert!(aws.secrets_issued().iter().any(|issued| issued == token));
}

#[tokio::test]
async fn what_a_policy_does_not_allow_is_denied() {
    let aws = start().await;
    let denied = |who: &str, action: &str, resource: &str| {
        format!(
            "User: {who} is not authorized to perform: {action} on resource: {resource} because no identity-based \
             policy allows the {action} action"
        )
    };
    let here = |name: &str| format!("arn:aws:ecr:eu-west-1:111122223333:repository/{name}");

    let session = ecr(&aws).await;
    for name in ["secret/app", "secret/not-there"] {
        for operation in ["ListImages", "DescribeImages"] {
            let action = format!("ecr:{operation}");
            let answer = session.ecr(aws.ecr_url(), operation, &json!({ "repositoryName": name })).await;
            answer.is_json_fault("AccessDeniedException", &denied(SESSION, &action, &here(name)));
        }
    }

    let stranger = Signer::new(&user(&aws, "stranger"), "ecr", now());
    let who = "arn:aws:iam::111122223333:user/stranger";
    let answer = stranger.ecr(aws.ecr_url(), "GetAuthorizationToken", &json!({})).await;
    answer.is_json_fault("AccessDeniedException", &denied(who, "ecr:GetAuthorizationToken", "*"));
}

#[tokio::test]
async fn a_repository_of_another_account_needs_its_own_policy_as_well() {
    let policy = |principal: &str| {
        json!({
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Allow", "Principal": { "AWS": principal }, "Action": "ecr:ListImages",
            },
        })
        .to_string()
    };
    let other = |name: &str| Repository::generated(name, 3, TagStyle::BuildNumber).in_account("444455556666");
    let aws = builder()
        .repository(other("apps/shared").policy(policy("arn:aws:iam::111122223333:root")))
        .repository(other("apps/own"))
        .start()
        .await
        .expect("a valid set-up");
    let ecr = ecr(&aws).await;
    let list = async |name: &str| {
        let input = json!({ "registryId": "444455556666", "repositoryName": name });
        ecr.ecr(aws.ecr_url(), "ListImages", &input).await
    };
    assert_eq!(tags(&list("apps/shared").await.json()), ["1", "2", "3"]);
    list("apps/own").await.is_json_fault(
        "AccessDeniedException",
        "User: arn:aws:sts::111122223333:assumed-role/reflector/flux is not authorized to perform: ecr:ListImages on \
         resource: arn:aws:ecr:eu-west-1:444455556666:repository/apps/own because no resource-based policy allows the \
         ecr:ListImages action",
    );
}

#[tokio::test]
async fn an_explicit_deny_wins() {
    let deny = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Deny", "Action": "ecr:ListImages", "Resource": "*",
    } });
    let torn = User::new("torn").permissions(allows(&json!("ecr:*"), "*")).permissions(deny.to_string());
    let aws = builder().user(torn).start().await.expect("a valid set-up");
    let torn = Signer::new(&user(&aws, "torn"), "ecr", now());
    let answer = torn.ecr(aws.ecr_url(), "ListImages", &json!({ "repositoryName": "apps/small" })).await;
    answer.is_json_fault(
        "AccessDeniedException",
        "User: arn:aws:iam::111122223333:user/torn is not authorized to perform: ecr:ListImages on resource: \
         arn:aws:ecr:eu-west-1:111122223333:repository/apps/small with an explicit deny in an identity-based policy",
    );
}

#[tokio::test]
async fn inputs_that_do_not_fit_the_model() {
    let aws = start().await;
    let bot = Signer::new(&bot(&aws), "ecr", now());
    let list = async |input: &Value| bot.ecr(aws.ecr_url(), "ListImages", input).await;

    list(&json!({ "repositoryName": "apps/not-there" })).await.is_json_fault(
        "RepositoryNotFoundException",
        "The repository with name 'apps/not-there' does not exist in the registry with id '111122223333'",
    );
    let cases = [
        (json!({ "repositoryName": "Apps/Main" }), "repositoryName"),
        (json!({ "repositoryName": "apps/small", "registryId": "123" }), "registryId"),
        (json!({ "repositoryName": "apps/small", "maxResults": 0 }), "maxResults"),
        (json!({ "repositoryName": "apps/small", "maxResults": 1001 }), "maxResults"),
        (json!({ "repositoryName": "apps/small", "nextToken": "AAAA" }), "nextToken"),
    ];
    for (input, parameter) in cases {
        let answer = list(&input).await.json();
        assert_eq!(answer["__type"], "InvalidParameterException", "{input}");
        let message = answer["message"].as_str().expect("a message");
        assert!(
            message
                .starts_with(&format!("Invalid parameter at '{parameter}' failed to satisfy constraint: "))
        );
    }
    for input in [
        json!({ "repositoryName": 1 }),
        json!({ "repositoryName": "apps/small", "filter": { "tagStatus": "SOME" } }),
        json!({ "repositoryName": "apps/small", "tagStatus": "ANY" }),
        json!({}),
    ] {
        assert_eq!(list(&input).await.json()["__type"], "SerializationException", "{input}");
    }
}

#[tokio::test]
async fn operations_that_are_not_there() {
    let aws = start().await;
    let bot = Signer::new(&bot(&aws), "ecr", now());
    let answer = bot.ecr(aws.ecr_url(), "PutImage", &json!({})).await;
    answer.is_json_fault("UnknownOperationException", "");

    let listing = target("ListImages");
    let body = json!({ "repositoryName": "apps/small" }).to_string();
    let plain = [("content-type", "application/json"), ecr_headers(&listing)[1]];
    let answer = post(aws.ecr_url(), &bot.headers(aws.ecr_url(), &plain, &body), body).await;
    answer.is_json_fault("UnknownOperationException", "");
}
