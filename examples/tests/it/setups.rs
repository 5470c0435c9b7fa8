//! Each way to an identity leads to the identity expected, or to the error expected.

use crate::program::Verdict;
use crate::support::{args, run, world};

#[tokio::test]
async fn each_setup_finds_its_own_identity() {
    let role = "role arn:aws:iam::111122223333:role/flux-image-reflector";
    let cases = [
        ("pod-identity", "from EKS Pod Identity: a role of account 111122223333".to_owned()),
        (
            "irsa",
            format!(
                "from web identity (IRSA): {role}, session image-reflector-controller.flux-system.eu-west-1.fluxcd.io"
            ),
        ),
        ("access-keys", "from access keys: the owner of access key AKIA".to_owned()),
        ("node", "from node metadata (IMDSv2): the node's role eks-node".to_owned()),
        (
            "service-account",
            format!("from ServiceAccount: {role}, session image-reader.team-a.eu-west-1.fluxcd.io"),
        ),
    ];
    for (setup, identity) in cases {
        let args = args(&["--setup", setup]);
        let world = world(&args).await;
        let run = run(&args, &world).await;
        assert_eq!(run.verdict, Verdict::Found, "{setup}: {}", run.err);
        assert!(run.out.contains(&format!("Credentials {identity}")), "{setup}:\n{}", run.out);
        assert!(run.err.is_empty(), "{setup}: {}", run.err);
        let headings = [
            "Set-up",
            "Credentials",
            "Scan",
            "successful scan: found 2375 tags with checksum",
            "Decision",
            "next:",
            "eligible, 675 left out",
            "Latest image",
            "@sha256:",
            "Took",
        ];
        let places: Vec<_> = headings
            .iter()
            .map(|heading| run.out.find(heading).unwrap_or_else(|| panic!("no {heading} in\n{}", run.out)))
            .collect();
        assert!(places.is_sorted(), "{setup}:\n{}", run.out);
    }
}

/// One exchange for the credentials and one request a page, as AWS counts them.
#[tokio::test]
async fn each_setup_asks_for_no_more_than_it_needs() {
    let cases: [(&str, &[(&str, u64)]); 5] = [
        ("pod-identity", &[("pod-identity:GetCredentials", 1)]),
        ("irsa", &[("sts:AssumeRoleWithWebIdentity", 1)]),
        ("access-keys", &[]),
        ("node", &[("imds:PutToken", 1), ("imds:ListCredentials", 1), ("imds:GetCredentials", 1)]),
        ("service-account", &[("sts:AssumeRoleWithWebIdentity", 1)]),
    ];
    for (setup, expected) in cases {
        let args = args(&["--setup", setup]);
        let world = world(&args).await;
        run(&args, &world).await;
        let mut expected: Vec<_> =
            expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        expected.push(("ecr:ListImages".to_owned(), 3));
        expected.sort();
        let counted: Vec<_> = world.aws.as_ref().unwrap().requests().into_iter().collect();
        assert_eq!(counted, expected, "{setup}");
    }
}

/// The story of the missing IRSA.
#[tokio::test]
async fn nothing_set_up_names_every_source_and_what_to_do() {
    let args = args(&["--setup", "nothing"]);
    let world = world(&args).await;
    let run = run(&args, &world).await;
    assert_eq!(run.verdict, Verdict::Failed);
    for expected in [
        "No AWS credentials: none of the 4 sources is set up",
        "1. EKS Pod Identity",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI: not set",
        "2. web identity (IRSA)",
        "AWS_ROLE_ARN: not set",
        "AWS_WEB_IDENTITY_TOKEN_FILE: not set",
        "annotate this pod's ServiceAccount with eks.amazonaws.com/role-arn, then restart the pod",
        "3. access keys",
        "AWS_ACCESS_KEY_ID: not set",
        "4. node metadata (IMDSv2)",
        "connected, but no answer within 1s",
        "hop limit",
    ] {
        assert!(run.err.contains(expected), "{expected:?} is not in\n{}", run.err);
    }
    let counted: Vec<_> = world.aws.as_ref().unwrap().requests().into_iter().collect();
    assert_eq!(counted, [("imds:PutToken".to_owned(), 1)], "without an identity ECR is not asked");
}
