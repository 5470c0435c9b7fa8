//! What only AWS can tell.

use flux_aws_auth::Reason;
use flux_aws_auth::doctor::{Area, Doctor, Severity};

use super::good;
use crate::support::*;

#[tokio::test(start_paused = true)]
async fn the_chain_is_asked_and_aws_says_who_the_caller_is() {
    let clock = TestClock::new();
    let caller = r#"<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
        <Arn>arn:aws:sts::111122223333:assumed-role/flux-image-reflector/s</Arn><UserId>AROAEXAMPLE:s</UserId>
        <Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"#;
    let aws = Network::in_order(vec![ok(sts_credentials(&clock, 3600)), ok(caller)]);
    let examination =
        Doctor::new(&chain(good(&clock), &aws, &Network::silent(), &clock).build()).examine_live().await;
    assert_eq!(examination.severity(), Severity::Note, "{examination}");
    assert_eq!(examination.caller().unwrap().account_id, "111122223333");
    assert!(examination.report().is_some());
    assert!(!format!("{examination}{examination:?}").contains("canary"), "{examination:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_a_problem_with_the_chain_s_own_remedy() {
    let clock = TestClock::new();
    let denied = || sts_error(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity");
    let aws = Network::new(move |_| denied());
    let examination =
        Doctor::new(&chain(good(&clock), &aws, &Network::silent(), &clock).build()).examine_live().await;
    let refused = examination.problems().next().unwrap();
    assert_eq!((refused.area(), refused.reason()), (Area::Live, Some(Reason::NotTrusted)));
    assert!(refused.hint().unwrap().contains("system:serviceaccount:flux-system:reflector"));
    assert!(examination.caller().is_none() && examination.report().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_wrong_clock_is_told_once() {
    let clock = TestClock::new();
    let (good_xml, date) = (sts_credentials(&clock, 3600), clock.date_off_by(-3600));
    // Once by the doctor, who measures; once by AWS, who refuses for that reason.
    for code in ["Denied", "SignatureDoesNotMatch"] {
        let (good_xml, date) = (good_xml.clone(), date.clone());
        let aws = Network::new(move |seen| {
            let is_exchange = seen.body.contains("Action=AssumeRoleWithWebIdentity");
            let (status, body) = match sts_error(403, code, "no") {
                _ if is_exchange => (200, good_xml.clone()),
                Reply::Answer(status, body) => (status, body),
                _ => panic!("an answer"),
            };
            Reply::Headed(status, vec![("date", date.clone())], body)
        });
        let chain = chain(good(&clock), &aws, &Network::silent(), &clock).build();
        let examination = Doctor::new(&chain).examine_live().await;
        let told = examination.problems().filter(|problem| problem.reason() == Some(Reason::ClockSkewed));
        assert_eq!(told.count(), 1, "{code}: {examination}");
    }
}
