//! Tokens of ServiceAccounts, which are decoded to tell what is wrong with them.

use aws_smithy_types::base64;
use flux_aws_auth::doctor::Doctor;
use flux_aws_auth::{Chain, Environment};
use proptest::prelude::*;

use crate::credentials::{TOKEN, TOKEN_PATH};
use crate::mutant::{Mutant, mutants};
use crate::runs::Runs;
use crate::world::{Answer, Clock, World, in_virtual_time, story};

/// Whatever is in the file, the doctor has something to say, the exchange sends it whole or not at all, and neither shows the token.
pub(crate) fn claims(runs: Runs) -> Result<(), String> {
    let claims = [
        r#"{"iss":"https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE","sub":"system:serviceaccount:a:b","aud":["sts.amazonaws.com"],"iat":1799999400,"nbf":1799999400,"exp":1800003000,"kubernetes.io":{"namespace":"a","serviceaccount":{"name":"b","uid":"u"},"pod":{"name":"p"}}}"#,
        r#"{"sub":"x","aud":"sts.amazonaws.com","exp":1.8e9}"#,
    ];
    let words = [
        "\"aud\":",
        "\"exp\":",
        "\"sub\":",
        "1e300",
        "-1e300",
        "9223372036854775807",
        "\\u0000",
        "\\ud800",
        "\\n",
        "[[[[[[[[[[",
    ];
    let encoded = mutants(&claims, &words).prop_map(|Mutant(claims)| {
        let claims = base64::encode(claims).replace('+', "-").replace('/', "_");
        Mutant(format!("canary-header.{}.canary-signature", claims.trim_end_matches('=')).into_bytes())
    });
    let raw = mutants(&[TOKEN], &["..", ".", "Bearer ", "=", "eyJ"]);
    runs.check(&prop_oneof![2 => encoded, 1 => raw], |Mutant(token)| {
        let sent = in_virtual_time(async {
            let aws = World::new(|_| Answer::new(400, "<ErrorResponse><Error><Code>InvalidIdentityToken</Code><Message>no</Message></Error></ErrorResponse>"));
            let chain = Chain::builder()
                .environment(environment(&token))
                .http_client(aws.clone())
                .metadata_http_client(World::empty())
                .time_source(Clock::started())
                .build();
            let examination = Doctor::new(&chain).examine();
            let error = chain.resolve().await.expect_err("refused");
            let shown = format!("{examination} {examination:?} {}", story(&error));
            prop_assert!(!shown.contains("canary"), "{}", shown);
            Ok(aws.asked())
        })?;
        for asked in sent {
            let field = asked.body.split('&').find_map(|pair| pair.strip_prefix("WebIdentityToken=")).expect("a token");
            let field = field.replace("%20", " ").replace("%3D", "=");
            prop_assert!(!field.contains("%0"), "a control character was sent: {}", field);
        }
        Ok(())
    })
}

fn environment(token: &[u8]) -> Environment {
    Environment::empty()
        .with_var("AWS_REGION", "eu-west-1")
        .with_var("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/x")
        .with_var("AWS_WEB_IDENTITY_TOKEN_FILE", TOKEN_PATH)
        .with_file(TOKEN_PATH, token)
}
