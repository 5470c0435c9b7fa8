//! What each public type is, beside its own methods.

use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::str::FromStr;
use std::time::SystemTime;

use flux_policy::range::Range;
use flux_policy::version::{NotAVersion, Version};
use flux_policy::{
    Candidate, Decision, Error, ErrorKind, ExclusionList, Explainer, Explanation, GroupDecision, Hold, Lint,
    Loss, Order, Policy, Reason, Rejection, Ruling, Selected, Selector, TagFilter, Timestamp, Verdict,
};

fn shared<T: Debug + Send + Sync + Unpin>() {}
fn value<T: Debug + Clone + Send + Sync + Unpin>() {}
fn compared<T: Debug + Clone + PartialEq + Send + Sync + Unpin>() {}
fn key<T: Debug + Clone + Eq + Hash + Send + Sync + Unpin>() {}
fn shown<T: Display>() {}
fn read<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>() {}
fn error<T: std::error::Error + Clone + Send + Sync + 'static>() {}

#[test]
fn what_is_handed_out_can_be_shared_kept_and_compared() {
    let _: &[fn()] = &[
        shared::<Selector>,
        shared::<Explainer>,
        value::<Policy>,
        value::<TagFilter>,
        value::<ExclusionList>,
        value::<Range>,
        value::<Explanation>,
        value::<Version<'_>>,
        compared::<Candidate<'_>>,
        compared::<Hold>,
        compared::<Lint>,
        compared::<Decision>,
        compared::<GroupDecision>,
        compared::<Selected>,
        compared::<Verdict>,
        compared::<Ruling>,
        compared::<Rejection>,
        key::<Order>,
        key::<Reason>,
        key::<Loss>,
        key::<Timestamp>,
        key::<ErrorKind>,
        error::<Error>,
        error::<NotAVersion>,
    ];
}

#[test]
fn what_people_read_is_displayed_and_what_they_write_is_read() {
    let _: &[fn()] = &[
        shown::<Policy>,
        shown::<Decision>,
        shown::<Explanation>,
        shown::<Verdict>,
        shown::<Lint>,
        shown::<Reason>,
        shown::<Rejection>,
        shown::<Ruling>,
        shown::<Order>,
        shown::<Timestamp>,
        read::<Order>,
        read::<Range>,
    ];
    assert_eq!(Timestamp::from(SystemTime::UNIX_EPOCH), Timestamp::from_unix_millis(0));
}

/// As a program shows it whose `main` returns it.
#[test]
fn the_debug_of_an_error_is_what_it_says() {
    let error = Policy::semver(">=six").unwrap_err();
    assert_eq!(
        format!("{error:?}"),
        r#"Error { kind: InvalidPolicy, message: "semver range \">=six\": \">=six\" is not a comparator such as >=1.2.3", hint: None, source: None }"#
    );
}
