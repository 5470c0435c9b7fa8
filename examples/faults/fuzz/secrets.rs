//! Keys in Secrets of Kubernetes.

use flux_aws_auth::AccessKeySecret;
use proptest::prelude::*;

use crate::mutant::{Mutant, mutants};
use crate::runs::Runs;
use crate::world::story;

const LAUGHS: &str =
    "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n";

/// SOPS's YAML: read or an error, and neither shows what is in it.
pub(crate) fn sops(runs: Runs) -> Result<(), String> {
    let samples = [
        "aws_access_key_id: AKIAEXAMPLE\naws_secret_access_key: canary/secret+key\naws_session_token: canary-token\n",
        "{\"aws_access_key_id\": \"AKIAEXAMPLE\", \"aws_secret_access_key\": \"canary-secret-key\"}",
        "aws_access_key_id: &k AKIAEXAMPLE\naws_secret_access_key: >-\n  canary-secret-key\nother: [1, {a: *k}]\n",
        LAUGHS,
    ];
    let words = [
        "---\n",
        ": ",
        "- ",
        "&a ",
        "*a",
        "*k",
        "<<: ",
        "!!binary ",
        "!!int ",
        "|\n",
        "  ",
        "[[[[[[[[[[[[[[[[[[[[[[[[",
    ];
    runs.check(&mutants(&samples, &words), |mutant| {
        let shown = match AccessKeySecret::sops("tenant/sops", [("sops.aws-kms", &mutant.0)]) {
            Ok(secret) => format!("{secret:?}"),
            Err(error) => story(&error),
        };
        prop_assert!(!shown.contains("canary"), "{}", shown);
        Ok(())
    })
}

/// A Bucket's two keys: a value that cannot be a header's is refused, and none is shown.
pub(crate) fn buckets(runs: Runs) -> Result<(), String> {
    let ids = mutants(&["AKIAEXAMPLE", "ASIAEXAMPLE"], &["\r\nx-evil: 1"]);
    let keys = mutants(&["canary/secret+key", "canary-secret-key"], &["\r\nx-evil: 1"]);
    runs.check(&(ids, keys), |(Mutant(id), Mutant(key))| {
        let shown = match AccessKeySecret::bucket("tenant/key", [("accesskey", &id), ("secretkey", &key)]) {
            Ok(secret) => {
                for value in [&id, &key] {
                    prop_assert!(value.iter().all(|byte| !byte.is_ascii_control()), "{:?}", value);
                }
                format!("{secret:?}")
            }
            Err(error) => story(&error),
        };
        prop_assert!(!shown.contains("canary"), "{}", shown);
        Ok(())
    })
}
