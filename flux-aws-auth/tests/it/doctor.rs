//! The doctor sees from the outside what a chain would stumble over, and asks nobody.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_smithy_async::time::TimeSource;
use aws_smithy_types::base64;
use flux_aws_auth::doctor::{Area, Doctor, Examination, Finding, Severity};
use flux_aws_auth::{Environment, Integration, Reason};

use crate::support::*;

mod agreement;
mod guide;
mod kubernetes;
mod live;
mod order;

const STS: &str = "sts.amazonaws.com";
const AGENT: &str = "pods.eks.amazonaws.com";
const AGENT_TOKEN: &str = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token";
const OWN_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
const ISSUER: &str = "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE";

/// A token of flux-system/reflector with this audience, `age` seconds old and good for `left` more.
fn token(clock: &TestClock, audience: &str, age: u64, left: i64) -> String {
    let now = clock.now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let expiry = now.saturating_add_signed(left);
    signed(&format!(
        r#"{{"iss":"{ISSUER}","sub":"system:serviceaccount:flux-system:reflector","aud":["{audience}"],
            "iat":{},"nbf":{},"exp":{expiry}}}"#,
        now - age,
        now - age,
    ))
}

fn signed(claims: &str) -> String {
    let text = base64::encode(claims).replace('+', "-").replace('/', "_");
    format!("canary-header.{}.canary-signature", text.trim_end_matches('='))
}

fn doctor(environment: Environment, clock: &TestClock) -> (Doctor, Network, Network) {
    let (aws, node) = (Network::silent(), Network::silent());
    (Doctor::new(&chain(environment, &aws, &node, clock).build()), aws, node)
}

/// Looks, and sees that nobody was asked.
#[track_caller]
fn examine(environment: Environment, clock: &TestClock) -> Examination {
    let (doctor, aws, node) = doctor(environment, clock);
    let examination = doctor.examine();
    assert!(aws.seen().is_empty() && node.seen().is_empty());
    examination
}

/// The gravest finding with this text in it.
#[track_caller]
fn finding(examination: &Examination, text: &str) -> Finding {
    let found = examination.findings().filter(|finding| finding.to_string().contains(text));
    found
        .max_by_key(|finding| finding.severity())
        .unwrap_or_else(|| panic!("{text:?} is not in\n{examination}"))
        .clone()
}

fn good(clock: &TestClock) -> Environment {
    irsa()
        .with_file(TOKEN_PATH, token(clock, STS, 600, 3000))
        .with_file(OWN_TOKEN, token(clock, "https://kubernetes.default.svc", 600, 3000))
}

#[tokio::test(start_paused = true)]
async fn a_pod_with_irsa_is_found_well_and_its_role_s_trust_policy_is_told() {
    let clock = TestClock::new();
    let examination = examine(good(&clock), &clock);
    assert_eq!(examination.severity(), Severity::Note, "{examination}");
    assert!(examination.to_string().starts_with("Nothing wrong was found.\n"), "{examination}");
    for text in [
        "token's audience (aud): sts.amazonaws.com",
        "token's subject (sub): system:serviceaccount:flux-system:reflector",
        "token's issuer (iss): https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE",
        "token's expiry (exp): in 50 min",
        "ServiceAccount: flux-system/reflector, by the pod's own token",
        "region: eu-west-1, from AWS_REGION; partition aws",
        "address of STS: https://sts.eu-west-1.amazonaws.com",
        "used: web identity (IRSA): role arn:aws:iam::111122223333:role/flux-image-reflector",
    ] {
        assert_eq!(finding(&examination, text).severity(), Severity::Ok, "{text}");
    }
    let trust = examination.trust_policy().unwrap().to_json();
    for part in [
        "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE",
        "system:serviceaccount:flux-system:reflector",
        "sts:AssumeRoleWithWebIdentity",
    ] {
        assert!(trust.contains(part), "{trust}");
    }
}

/// A pod with Pod Identity, as EKS sets it up.
fn associated(clock: &TestClock, audience: &str) -> Environment {
    Environment::empty()
        .with_var("AWS_REGION", "eu-west-1")
        .with_var("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials")
        .with_var("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", AGENT_TOKEN)
        .with_file(AGENT_TOKEN, token(clock, audience, 600, 3000))
}

#[tokio::test(start_paused = true)]
async fn pod_identity_is_held_against_its_own_audience() {
    let clock = TestClock::new();
    let examination = examine(associated(&clock, AGENT), &clock);
    assert_eq!(examination.severity(), Severity::Note, "{examination}");
    assert!(examination.trust_policy().unwrap().to_json().contains("sts:TagSession"));
    let wrong = finding(&examine(associated(&clock, STS), &clock), "token's audience");
    assert_eq!((wrong.severity(), wrong.reason()), (Severity::Problem, Some(Reason::WrongAudience)));
    assert!(wrong.text().contains("it must be pods.eks.amazonaws.com"), "{wrong}");
}

/// Sees each of these told as a problem, with its reason and a remedy, and without a secret.
#[track_caller]
fn problems<const N: usize>(clock: &TestClock, cases: [(&str, Environment, Reason); N]) {
    for (text, environment, reason) in cases {
        let examination = examine(environment, clock);
        let found = finding(&examination, text);
        assert_eq!(
            (found.severity(), found.reason()),
            (Severity::Problem, Some(reason)),
            "{text}: {found:?}"
        );
        assert!(found.hint().is_some_and(|remedy| !remedy.is_empty()), "{text}: {found:?}");
        let shown = format!("{examination}{examination:?}");
        assert!(!shown.contains("canary"), "{text}: {shown}");
        assert!(examination.to_string().contains(&format!("({reason})")), "{examination}");
    }
}

/// Each thing that can be wrong, by itself, in a pod where all else is right.
#[tokio::test(start_paused = true)]
async fn each_flaw_of_a_token_or_a_role_is_told_with_its_reason_and_a_remedy() {
    use Reason::*;
    let clock = TestClock::new();
    let irsa = || good(&clock);
    let with_token = |token: String| irsa().with_file(TOKEN_PATH, token);
    let now = clock.now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let subject = "system:serviceaccount:flux-system:reflector";
    let not_yet = signed(&format!(
        r#"{{"iss":"{ISSUER}","sub":"{subject}","aud":"{STS}","nbf":{},"exp":{}}}"#,
        now + 600,
        now + 4200
    ));
    let cases = [
        (
            "AWS_ROLE_ARN is set, but",
            irsa().with_var("AWS_WEB_IDENTITY_TOKEN_FILE", ""),
            IncompleteConfiguration,
        ),
        (
            "AWS_WEB_IDENTITY_TOKEN_FILE is set, but",
            irsa().with_var("AWS_ROLE_ARN", " "),
            IncompleteConfiguration,
        ),
        ("invalid AWS role ARN", irsa().with_var("AWS_ROLE_ARN", "flux"), RoleArnMalformed),
        (
            "in partition aws-cn, but region eu-west-1",
            irsa().with_var("AWS_ROLE_ARN", "arn:aws-cn:iam::111122223333:role/flux"),
            InvalidConfiguration,
        ),
        ("no such file", irsa().with_var("AWS_WEB_IDENTITY_TOKEN_FILE", "/elsewhere"), TokenFileMissing),
        ("is empty", with_token(String::new()), TokenFileEmpty),
        ("it is not a JWT", with_token("canary".into()), TokenMalformed),
        (
            "holds a token",
            irsa().with_var("AWS_WEB_IDENTITY_TOKEN_FILE", "eyJhbGciOiJub25lIn0.canary.x"),
            InvalidConfiguration,
        ),
        ("must be sts.amazonaws.com", with_token(token(&clock, "vault", 600, 3000)), WrongAudience),
        ("expired 10 min ago", with_token(token(&clock, STS, 4200, -600)), TokenExpired),
        ("not good for another 10 min", with_token(not_yet), ClockSkewed),
        (
            "AWS_ROLE_SESSION_NAME",
            irsa().with_var("AWS_ROLE_SESSION_NAME", "no spaces"),
            InvalidConfiguration,
        ),
        ("none is set, and STS is asked", irsa().with_var("AWS_REGION", ""), RegionMissing),
        ("is not an AWS region", irsa().with_var("AWS_REGION", "Ireland"), RegionMalformed),
    ];
    problems(&clock, cases);
}

#[tokio::test(start_paused = true)]
async fn each_flaw_of_another_setting_is_told_with_its_reason_and_a_remedy() {
    use Reason::*;
    let clock = TestClock::new();
    let irsa = || good(&clock);
    let cases = [
        (
            "AWS_ENDPOINT_URL_STS",
            irsa().with_var("AWS_ENDPOINT_URL_STS", "http://sts.example.com/?canary"),
            EndpointNotAccepted,
        ),
        (
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            irsa().with_var("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://10.0.0.1/?canary"),
            EndpointNotAccepted,
        ),
        (
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE is set, but",
            irsa().with_var("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", TOKEN_PATH),
            IncompleteConfiguration,
        ),
        (
            "AWS_ACCESS_KEY_ID is set, but",
            irsa().with_var("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
            IncompleteConfiguration,
        ),
        (
            "is a temporary key, but",
            irsa().with_var("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE").with_var("AWS_SECRET_ACCESS_KEY", SECRET),
            IncompleteConfiguration,
        ),
        (
            "AWS_EC2_METADATA_DISABLED",
            irsa().with_var("AWS_EC2_METADATA_DISABLED", "1"),
            InvalidConfiguration,
        ),
        (
            "AWS_EC2_METADATA_SERVICE_ENDPOINT",
            irsa().with_var("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://10.0.0.1"),
            EndpointNotAccepted,
        ),
        (
            "SOCKS",
            irsa().with_var("HTTPS_PROXY", "socks5://me:canary@proxy.example:1080"),
            InvalidConfiguration,
        ),
        ("AWS_CA_BUNDLE", irsa().with_var("AWS_CA_BUNDLE", "/no/such/bundle"), InvalidConfiguration),
        (
            "the token is mounted, but AWS_ROLE_ARN",
            irsa().with_var("AWS_ROLE_ARN", "").with_var("AWS_WEB_IDENTITY_TOKEN_FILE", ""),
            IncompleteConfiguration,
        ),
        (
            "none: no source is set up",
            Environment::empty().with_var("AWS_EC2_METADATA_DISABLED", "true"),
            NoIdentity,
        ),
    ];
    problems(&clock, cases);
}

#[tokio::test(start_paused = true)]
async fn what_works_but_is_odd_is_a_warning_and_nothing_more() {
    let clock = TestClock::new();
    let key = |environment: Environment, id: &str| {
        environment.with_var("AWS_ACCESS_KEY_ID", id).with_var("AWS_SECRET_ACCESS_KEY", SECRET)
    };
    let own = signed(r#"{"iss":"https://issuer.example","sub":"system:serviceaccount:flux-system:other"}"#);
    let cases = [
        ("would have renewed", good(&clock).with_file(TOKEN_PATH, token(&clock, STS, 3550, 50))),
        ("but the pod runs as flux-system/other", good(&clock).with_file(OWN_TOKEN, own)),
        ("access keys is set up too", key(good(&clock), "AKIAEXAMPLE")),
        ("would use access keys here", key(good(&clock), "AKIAEXAMPLE")),
        (
            "a long-term key",
            key(Environment::empty(), "AKIAEXAMPLE").with_var("AWS_SESSION_TOKEN", SESSION_TOKEN),
        ),
        (
            "nobody renews it",
            key(Environment::empty(), "ASIAEXAMPLE").with_var("AWS_SESSION_TOKEN", SESSION_TOKEN),
        ),
        ("without a key", good(&clock).with_var("AWS_SESSION_TOKEN", SESSION_TOKEN)),
        ("so the node is asked", Environment::empty()),
        (
            "gives nothing without a token",
            associated(&clock, AGENT).with_var("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", ""),
        ),
    ];
    for (text, environment) in cases {
        let examination = examine(environment, &clock);
        assert_eq!(finding(&examination, text).severity(), Severity::Warning, "{text}\n{examination}");
        assert_eq!(examination.severity(), Severity::Warning, "{text}\n{examination}");
        assert!(!format!("{examination}{examination:?}").contains("canary"), "{text}");
    }
}

/// The pod without an identity: the notes name its own ServiceAccount in the commands that would give it one.
#[tokio::test(start_paused = true)]
async fn the_way_to_an_identity_names_the_pod_s_own_service_account() {
    let clock = TestClock::new();
    let own = token(&clock, "https://kubernetes.default.svc", 600, 3000);
    let examination = examine(Environment::empty().with_file(OWN_TOKEN, own), &clock);
    for command in [
        "kubectl annotate serviceaccount -n flux-system reflector eks.amazonaws.com/role-arn=",
        "create-pod-identity-association --cluster-name CLUSTER --namespace flux-system --service-account reflector",
    ] {
        assert!(examination.to_string().contains(command), "{examination}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_flux_does_not_support_is_told_for_the_integration_asked_for() {
    let clock = TestClock::new();
    let severity = |environment: Environment, integration| {
        let (doctor, ..) = doctor(environment, &clock);
        finding(&doctor.with_integration(integration).examine(), &format!(" for {integration}")).severity()
    };
    assert_eq!(severity(good(&clock), Integration::S3), Severity::Ok);
    assert_eq!(severity(Environment::empty(), Integration::Ecr), Severity::Ok);
    assert_eq!(severity(Environment::empty(), Integration::Kms), Severity::Warning);
    let key = Environment::empty()
        .with_var("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .with_var("AWS_SECRET_ACCESS_KEY", SECRET);
    assert_eq!(severity(key, Integration::Ecr), Severity::Warning);
}

#[tokio::test(start_paused = true)]
async fn a_program_adds_what_it_finds_by_itself() {
    let clock = TestClock::new();
    let mut examination = examine(good(&clock), &clock);
    let registry = Finding::new(Severity::Problem, Area::Other("registry"), "login", "denied");
    examination.add(registry.with_reason(Reason::AccessDenied).with_hint("Ask for it."));
    assert_eq!(examination.severity(), Severity::Problem);
    let shown = examination.to_string();
    assert!(shown.starts_with("1 problem, 0 warnings\n  PROBLEM  registry: login: denied (AccessDenied)\n           What to do: Ask for it.\n"), "{shown}");
}

/// A token's times are a stranger's numbers.
#[test]
fn no_time_in_a_token_breaks_the_doctor() {
    use proptest::prelude::*;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    proptest!(|(iat in any::<u64>(), nbf in any::<u64>(), exp in any::<u64>())| {
        runtime.block_on(async {
            let clock = TestClock::new();
            let claims = format!(r#"{{"iss":"x","sub":"y","aud":"{STS}","iat":{iat},"nbf":{nbf},"exp":{exp}}}"#);
            let examination = examine(good(&clock).with_file(TOKEN_PATH, signed(&claims)), &clock);
            let expired = finding(&examination, "token's ").severity() == Severity::Problem;
            let now = clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
            prop_assert_eq!(!expired, exp > now && nbf <= now, "{}", examination);
            Ok(())
        })?;
    });
}
