//! STS's hosts against the SDK's own rules, and against look-alikes.

use aws_sdk_sts::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use proptest::prelude::*;

use super::*;
use crate::endpoint::Endpoint;

const VARIANTS: [Variant; 4] = [
    Variant { fips: false, dual_stack: false },
    Variant { fips: true, dual_stack: false },
    Variant { fips: false, dual_stack: true },
    Variant { fips: true, dual_stack: true },
];

const REGIONS: &str = "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 \
                       ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 \
                       ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 \
                       eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 \
                       us-east-2 us-west-1 us-west-2 cn-north-1 cn-northwest-1 eusc-de-east-1 us-iso-east-1 us-iso-west-1 \
                       us-isob-east-1 us-isob-west-1 eu-isoe-west-1 us-isof-east-1 us-isof-south-1 us-gov-east-1 \
                       us-gov-west-1 eu-west-9";

/// The SDK's own resolver is asked for every region that there is, and one that there is not yet.
#[tokio::test]
async fn an_address_is_the_one_that_the_sdk_has() {
    let resolver = DefaultResolver::new();
    for region in REGIONS.split_whitespace() {
        for variant in VARIANTS {
            let params = Params::builder()
                .region(region)
                .use_fips(variant.fips)
                .use_dual_stack(variant.dual_stack)
                .use_global_endpoint(false)
                .build()
                .unwrap();
            let expected = ResolveEndpoint::resolve_endpoint(&resolver, &params).await.unwrap();
            assert_eq!(variant.sts_address(region), expected.url(), "{region}{variant}");
        }
    }
}

#[test]
fn every_address_of_ours_is_a_host_of_sts() {
    for region in REGIONS.split_whitespace() {
        for variant in VARIANTS {
            let address = variant.sts_address(region);
            assert!(Endpoint::tenant_sts("S", &address).is_ok(), "{address}");
        }
        let partition = Partition::of_region(region);
        for id in ["vpce-002b7cc8966426bc6-njisq19r", "vpce-002b7cc8966426bc6-njisq19r-us-east-1a"] {
            let address = format!("https://{id}.sts.{region}.vpce.{}", partition.dns_suffix());
            assert!(Endpoint::tenant_sts("S", &address).is_ok(), "{address}");
        }
    }
    assert!(Endpoint::tenant_sts("S", "https://sts.amazonaws.com").is_ok());
}

#[test]
fn nothing_that_only_looks_like_sts_passes() {
    for address in [
        "",
        "https://",
        "sts.eu-west-1.amazonaws.com",
        "http://sts.eu-west-1.amazonaws.com",
        "HTTPS://sts.eu-west-1.amazonaws.com",
        "https://STS.eu-west-1.amazonaws.com",
        "https://sts.eu-west-1.amazonaws.com.",
        "https://sts.eu-west-1.amazonaws.com/",
        "https://sts.eu-west-1.amazonaws.com:443",
        "https://sts.eu-west-1.amazonaws.com:8443",
        "https://sts.eu-west-1.amazonaws.com?x",
        "https://sts.eu-west-1.amazonaws.com#x",
        "https://me@sts.eu-west-1.amazonaws.com",
        "https://sts.eu-west-1.amazonaws.com@evil.example",
        "https://sts.eu-west-1.amazonaws.com.evil.example",
        "https://sts.eu-west-1.amazonaws.com\\.evil.example",
        "https://evil.example/.sts.eu-west-1.amazonaws.com",
        "https://evil.example/sts.amazonaws.com",
        "https://evil.example#.sts.amazonaws.com",
        "https://evil.example?.sts.amazonaws.com",
        "https://evil.sts.amazonaws.com",
        "https://evil-sts.eu-west-1.amazonaws.com",
        "https://evil.sts.eu-west-1.amazonaws.com",
        "https://sts.evil.eu-west-1.amazonaws.com",
        "https://stsXeu-west-1.amazonaws.com",
        // Hosts of other services: a bucket, a load balancer, an API.
        "https://sts.s3.amazonaws.com",
        "https://x.sts.s3.amazonaws.com",
        "https://sts.elb.amazonaws.com",
        "https://sts.execute-api.amazonaws.com",
        "https://vpce-1a2b.sts.s3.vpce.amazonaws.com",
        "https://evil.sts.eu-west-1.vpce.amazonaws.com",
        "https://a.vpce-1a2b.sts.eu-west-1.vpce.amazonaws.com",
        "https://sts.eu-west-1.vpce.amazonaws.com",
        "https://vpce-1a2b.sts.eu-west-1.vpce.api.aws",
        "https://sts.vpce.amazonaws.com",
        // A region of another partition than the suffix.
        "https://sts.cn-north-1.amazonaws.com",
        "https://sts.eu-west-1.amazonaws.com.cn",
        "https://sts.eu-west-1.c2s.ic.gov",
        "https://sts.amazonaws.com.cn",
        "https://sts.api.aws",
        "https://xn--sts.eu-west-1.amazonaws.com",
        "https://sts.eu\u{2010}west\u{2010}1.amazonaws.com",
        "https://sts.eu-west-1.amazonaws\u{3002}com",
        "https://%73ts.eu-west-1.amazonaws.com",
        "https://sts.eu-west-1.amazonaws.com%2eevil.example",
        "https://sts.eu-west-1.amazonaws.com\n",
        " https://sts.eu-west-1.amazonaws.com",
        "https://127.0.0.1",
    ] {
        let error = Endpoint::tenant_sts("spec.sts.endpoint", address).expect_err(address);
        assert_eq!(error.reason(), Reason::EndpointNotAccepted);
        assert!(error.to_string().starts_with("spec.sts.endpoint: ") && error.hint().is_some(), "{error}");
    }
}

proptest! {
    /// What passes is a host that ends in a suffix of AWS, whatever it was made of.
    #[test]
    fn what_passes_is_under_aws_s_own_suffixes(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "sts", "sts-fips", ".", "eu-west-1", "cn-north-1", "amazonaws.com", "api.aws", ".cn", "vpce", "vpce-1a", "s3",
                "evil.example", "@", ":443", "/", "?", "#", "%2e", "\\", "A", "\u{e9}", "-", " ",
            ]),
            1..9,
        ),
    ) {
        let address = format!("https://{}", parts.concat());
        if let Ok(endpoint) = Endpoint::tenant_sts("S", &address) {
            let host = endpoint.url().strip_prefix("https://").unwrap().to_owned();
            prop_assert_eq!(&address, &format!("https://{host}"));
            prop_assert!(host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-'));
            let labels: Vec<_> = host.split('.').collect();
            let at = labels.iter().position(|label| matches!(*label, "sts" | "sts-fips")).unwrap();
            let is_global = host == "sts.amazonaws.com";
            prop_assert!(at == 0 || (at == 1 && labels[0].starts_with("vpce-") && labels[3] == "vpce"));
            prop_assert!(is_global || is_region(labels[at + 1]), "{}", host);
            let under = |suffix: &str| host.ends_with(&format!(".{suffix}"));
            prop_assert!(Partition::ALL.iter().any(|p| under(p.dns_suffix()) || under(p.dual_stack_dns_suffix())));
        }
    }

    /// With one character changed it is another region's host, or none.
    #[test]
    fn a_slip_of_one_character_makes_another_region_or_nothing(at in 0_usize..35, with in "[ -~]") {
        let good = "https://sts.eu-west-1.amazonaws.com";
        let slip = format!("{}{with}{}", &good[..at], &good[at + 1..]);
        if Endpoint::tenant_sts("S", &slip).is_ok() {
            let region = slip.strip_prefix("https://sts.").and_then(|rest| rest.strip_suffix(".amazonaws.com"));
            prop_assert!(region.is_some_and(is_region), "{}", slip);
        }
    }
}
