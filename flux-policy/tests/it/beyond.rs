//! What Flux does not do, and only on request.

use core::time::Duration;

use flux_policy::{
    Candidate, Decision, Error, ErrorKind, ExclusionList, Hold, Order, Policy, Reason, TagFilter, Timestamp,
};

const DAY: i64 = 86_400;

fn pushed(tag: &str, day: i64) -> Candidate<'_> {
    Candidate::new(tag).with_pushed_at(Timestamp::from_unix_seconds(day * DAY))
}

fn on_day(policy: &Policy, day: i64, candidates: &[Candidate<'_>]) -> Result<Decision, Error> {
    let mut selector = policy.selector().at(Timestamp::from_unix_seconds(day * DAY));
    for candidate in candidates {
        selector.push(candidate);
    }
    selector.finish()
}

#[track_caller]
fn selects(decision: &Decision, winner: Option<&str>, left_out: &[(Reason, u64)]) {
    assert_eq!(decision.winner().map(flux_policy::Selected::tag), winner);
    for &reason in Reason::ALL {
        let expected = left_out.iter().find(|(other, _)| *other == reason).map_or(0, |(_, count)| *count);
        assert_eq!(decision.count(reason), expected, "{reason}");
    }
}

#[test]
fn a_policy_says_whether_push_times_take_part() {
    let semver = Policy::semver("1.x").unwrap();
    assert!(!semver.needs_push_time());
    assert!(!semver.clone().with_denied_tags(["1.0.0"]).needs_push_time());
    assert!(semver.clone().with_minimum_age(Duration::ZERO).needs_push_time());
    assert!(semver.with_denied_tags(["1.0.0"]).with_minimum_age(Duration::from_secs(1)).needs_push_time());
    assert!(Policy::newest_push().needs_push_time());
}

#[test]
fn a_cool_down_leaves_out_what_is_too_young_or_of_unknown_age() {
    let policy = Policy::semver("1.x").unwrap().with_minimum_age(Duration::from_secs(3 * 86_400));
    let candidates = [pushed("1.0.0", 1), pushed("1.1.0", 7), pushed("1.2.0", 8), Candidate::new("1.3.0")];
    let decision = on_day(&policy, 10, &candidates).unwrap();
    selects(&decision, Some("1.1.0"), &[(Reason::TooYoung, 1), (Reason::PushTimeUnknown, 1)]);
    let lenient = policy.clone().with_unknown_push_times();
    selects(&on_day(&lenient, 10, &candidates).unwrap(), Some("1.3.0"), &[(Reason::TooYoung, 1)]);
    // A push time in the future is no age at all, and nothing overflows.
    let far = [Candidate::new("1.0.0").with_pushed_at(Timestamp::from_unix_millis(i64::MAX))];
    selects(&on_day(&policy, 10, &far).unwrap(), None, &[(Reason::TooYoung, 1)]);
}

#[test]
fn a_policy_that_needs_the_time_says_so() {
    let policy = Policy::semver("1.x").unwrap().with_minimum_age(Duration::from_secs(1));
    assert_eq!(policy.latest(["1.0.0"]).unwrap_err().kind(), ErrorKind::MissingInput);
    let hold = Hold::new("1.0.0", "freeze");
    let policy = Policy::semver("1.x").unwrap();
    assert!(policy.clone().with_hold(hold.clone()).latest(["1.0.0"]).is_ok());
    let ending = policy.with_hold(hold.until(Timestamp::from_unix_millis(0)));
    assert_eq!(ending.latest(["1.0.0"]).unwrap_err().kind(), ErrorKind::MissingInput);
}

#[test]
fn a_hold_keeps_everything_else_out_until_it_ends() {
    let until = Timestamp::from_unix_seconds(20 * DAY);
    let policy = Policy::semver("1.x").unwrap().with_hold(Hold::new("1.0.0", "1.1 loses data").until(until));
    let candidates = [Candidate::new("1.0.0"), Candidate::new("1.1.0"), Candidate::new("2.0.0")];
    let decision = on_day(&policy, 19, &candidates).unwrap();
    selects(&decision, Some("1.0.0"), &[(Reason::Held, 1), (Reason::OutsideRange, 1)]);
    selects(&on_day(&policy, 20, &candidates).unwrap(), Some("1.1.0"), &[(Reason::OutsideRange, 1)]);
    let decision = on_day(&policy, 19, &candidates[1..]).unwrap();
    assert_eq!(
        decision.advice(),
        ["ending the hold on 1.0.0, which is not eligible itself (1.1 loses data)", "a wider range"]
    );
}

#[test]
fn denied_excluded_and_required() {
    let policy = Policy::semver("*")
        .unwrap()
        .with_denied_tags(["1.4.0"])
        .with_denied_tags(["1.3.0".to_owned()])
        .with_exclusion_list(ExclusionList::new(["^pr-", "^1[.]9"]).unwrap())
        .with_required_pattern("^1")
        .unwrap();
    let decision = policy.latest(["1.2.0", "1.3.0", "1.4.0", "1.9.0", "2.0.0", "pr-1"]).unwrap();
    selects(
        &decision,
        Some("1.2.0"),
        &[(Reason::Denied, 2), (Reason::Excluded, 2), (Reason::RequiredPatternDoesNotMatch, 1)],
    );
    assert_eq!(decision.examples(Reason::Denied), ["1.3.0", "1.4.0"]);
}

#[test]
fn no_downgrade_compares_with_the_previous_choice() {
    let policy = Policy::semver("<2.0.0").unwrap();
    let latest = |previous: &str, tags: &[&str]| {
        let mut selector = policy.selector().not_below(&Candidate::new(previous))?;
        for tag in tags {
            selector.push(&Candidate::new(tag));
        }
        selector.finish()
    };
    selects(&latest("1.4.0", &["1.3.0", "v1.4.0"]).unwrap(), Some("v1.4.0"), &[(Reason::Downgrade, 1)]);
    // The previous choice may be outside the range by now.
    selects(&latest("2.1.0", &["1.3.0"]).unwrap(), None, &[(Reason::Downgrade, 1)]);
    assert_eq!(latest("latest", &["1.3.0"]).unwrap_err().kind(), ErrorKind::InvalidTag);
}

#[test]
fn groups_are_capped() {
    let policy = Policy::numerical(Order::Desc)
        .with_filter(TagFilter::new(r"^(?P<branch>[a-z]+)-(\d+)$", "$2").unwrap())
        .with_winner_per_group("branch", 2)
        .unwrap();
    let decision = policy.latest(["main-3", "dev-9", "main-2", "dev-4"]).unwrap();
    let groups: Vec<_> =
        decision.groups().map(|g| (g.name(), g.winner().tag(), g.runner_up().unwrap().tag())).collect();
    assert_eq!(groups, [("dev", "dev-4", "dev-9"), ("main", "main-2", "main-3")]);
    let error = policy.latest(["a-1", "b-1", "c-1"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooManyGroups);
    assert!(Policy::alphabetical(Order::Asc).with_winner_per_group("branch", 2).is_err());
}

#[test]
fn what_comes_too_late_is_refused_not_ignored() {
    let day = Duration::from_secs(86_400);
    let now = Timestamp::from_unix_seconds(1_000_000);
    let young = Candidate::new("1.0.0").with_pushed_at(Timestamp::from_unix_seconds(999_999));
    let mut selector = Policy::semver("*").unwrap().with_minimum_age(day).selector();
    selector.push(&young);
    assert_eq!(selector.at(now).finish().unwrap_err().kind(), ErrorKind::MissingInput);

    let mut selector = Policy::semver("*").unwrap().selector();
    selector.push(&Candidate::new("1.0.0"));
    assert_eq!(selector.not_below(&Candidate::new("2.0.0")).unwrap_err().kind(), ErrorKind::MissingInput);
}

#[test]
fn groups_follow_a_filter_that_is_set_later() {
    let first = TagFilter::new(r"^(?P<line>\d+)\.", "").unwrap();
    let second = TagFilter::new(r"^(v)?(?P<line>\d+\.\d+)\.\d+$", "").unwrap();
    let policy = Policy::semver("*").unwrap().with_filter(first).with_winner_per_group("line", 9).unwrap();
    let decision = policy.clone().with_filter(second).latest(["1.4.0", "1.4.2", "1.5.0"]).unwrap();
    let names: Vec<_> = decision.groups().map(|group| group.name().to_owned()).collect();
    assert_eq!(names, ["1.4", "1.5"]);

    let without = policy.with_filter(TagFilter::new("^1", "").unwrap());
    assert_eq!(without.latest(["1.4.0"]).unwrap_err().kind(), ErrorKind::InvalidPolicy);
}
