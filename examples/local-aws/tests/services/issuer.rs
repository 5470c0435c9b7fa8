//! The issuer: what it publishes verifies what it signs.

use std::collections::HashMap;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use local_aws::EXAMPLE_ISSUER;
use serde_json::Value;

use crate::scenario::{CONTROLLER, HOUR, NAMESPACE, STS, start};

async fn fetch(url: &str) -> String {
    reqwest::get(url).await.expect("an answer").text().await.expect("a body")
}

#[tokio::test]
async fn published_keys_verify_tokens() {
    let aws = start().await;
    let discovery = fetch(&format!("{}/.well-known/openid-configuration", aws.issuer_endpoint())).await;
    let discovery: Value = serde_json::from_str(&discovery).expect("JSON");
    assert_eq!(discovery["issuer"], EXAMPLE_ISSUER);
    let keys = fetch(discovery["jwks_uri"].as_str().expect("an address")).await;
    assert!(!keys.contains("\"d\""), "no private part is published");
    let keys: JwkSet = serde_json::from_str(&keys).expect("keys");

    let token = aws.issuer().token(NAMESPACE, CONTROLLER, STS, HOUR);
    let header = jsonwebtoken::decode_header(&token).expect("a header");
    assert_eq!(header.alg, Algorithm::RS256);
    let key =
        DecodingKey::from_jwk(keys.find(&header.kid.expect("a key id")).expect("the key")).expect("a key");
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[STS]);
    validation.validate_exp = false;
    let claims =
        jsonwebtoken::decode::<HashMap<String, Value>>(&token, &key, &validation).expect("valid").claims;
    assert_eq!(claims["iss"], EXAMPLE_ISSUER);
    assert_eq!(claims["sub"], "system:serviceaccount:flux-system:image-reflector-controller");
    assert_eq!(claims["iat"], 1_767_323_045);
    assert_eq!(claims["exp"], 1_767_326_645);
    assert_eq!(claims["kubernetes.io"]["namespace"], NAMESPACE);
    assert_eq!(claims["kubernetes.io"]["serviceaccount"]["name"], CONTROLLER);

    let forged = aws.issuer().service_account_token(NAMESPACE, CONTROLLER).audience(STS).forged().sign();
    assert!(jsonwebtoken::decode::<HashMap<String, Value>>(&forged, &key, &validation).is_err());
}
