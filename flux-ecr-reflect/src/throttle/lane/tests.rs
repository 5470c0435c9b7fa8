use proptest::prelude::*;

use super::*;

fn waiter(lane: &Lane) -> Arc<Notify> {
    let waiter = Arc::new(Notify::new());
    lane.enqueue(&waiter);
    waiter
}

#[expect(clippy::disallowed_methods, reason = "where virtual time begins")]
fn start() -> Instant {
    Instant::now()
}

#[test]
fn a_lane_is_halved_once_by_answers_to_requests_that_were_in_flight_together() {
    let (lane, now) = (Lane::default(), start());
    let epochs: Vec<u64> = (0..WIDEST)
        .map(|_| match lane.ask(&waiter(&lane), now) {
            Answer::Go(epoch) => epoch,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(lane.ask(&waiter(&lane), now), Answer::Wait);
    for epoch in epochs {
        lane.slow_down(epoch, None, now);
        lane.release();
    }
    let state = lane.state();
    assert_eq!((state.window, state.epoch, state.strikes), (WIDEST / 2, 1, 1));
    assert_eq!(state.paused_until, Some(now + SHORTEST_PAUSE));
}

#[test]
fn an_answer_to_a_request_from_before_a_lane_slowed_down_does_not_speed_it_up() {
    let (lane, now) = (Lane::default(), start());
    lane.slow_down(0, None, now);
    lane.slow_down(1, None, now);
    let later = now + Duration::from_secs(10);
    lane.answered(0, later);
    lane.answered(1, later);
    let facts = || {
        let state = lane.state();
        (state.window, state.strikes)
    };
    assert_eq!(facts(), (WIDEST / 4, 2));
    lane.answered(2, later);
    assert_eq!(facts(), (WIDEST / 4 + 1, 0));
}

#[test]
fn pauses_double_until_an_answer_is_fine() {
    let lane = Lane::default();
    let mut now = start();
    let mut pauses = Vec::new();
    for _ in 0..7 {
        let epoch = lane.state().epoch;
        lane.slow_down(epoch, None, now);
        let until = lane.state().paused_until.unwrap();
        pauses.push((until - now).as_secs());
        now = until;
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 20, 20]);
    let epoch = lane.state().epoch;
    lane.answered(epoch, now);
    lane.slow_down(epoch, None, now);
    assert_eq!(lane.state().paused_until, Some(now + SHORTEST_PAUSE));
}

#[test]
fn a_pause_is_bounded_even_if_the_clock_goes_back() {
    let (lane, now) = (Lane::default(), start());
    let later = now + Duration::from_secs(3600);
    lane.slow_down(0, Some(Duration::MAX), later);
    assert_eq!(lane.state().paused_until, Some(later + LONGEST_PAUSE));
    assert_eq!(lane.ask(&waiter(&lane), now), Answer::Paused(now + LONGEST_PAUSE));
    assert_eq!(lane.ask(&waiter(&lane), now + LONGEST_PAUSE), Answer::Wait, "the first waiter is before");
}

#[derive(Debug, Clone)]
enum Step {
    Come,
    Leave(usize),
    Ask,
    Fine(usize),
    Throttled(usize, Option<u16>),
    Pass(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Come),
        1 => any::<usize>().prop_map(Step::Leave),
        4 => Just(Step::Ask),
        2 => any::<usize>().prop_map(Step::Fine),
        1 => (any::<usize>(), proptest::option::of(any::<u16>()))
            .prop_map(|(which, after)| Step::Throttled(which, after)),
        2 => (0..5000_u16).prop_map(Step::Pass),
    ]
}

proptest! {
    /// Whatever happens in whatever order: no more in flight than allowed, first come, first served, and nobody stalls once
    /// the pause is over and a place is free.
    #[test]
    fn turns_are_given_in_order_and_never_lost(steps in prop::collection::vec(step(), 1..200)) {
        let lane = Lane::default();
        let mut now = start();
        let (mut queue, mut flying) = (VecDeque::new(), Vec::new());
        for step in steps {
            match step {
                Step::Come => queue.push_back(waiter(&lane)),
                Step::Leave(which) if !queue.is_empty() => {
                    let left: Arc<Notify> = queue.remove(which % queue.len()).unwrap();
                    lane.leave(&left);
                }
                Step::Ask => {
                    // Everyone asks, the last one first: only the first may go.
                    for other in queue.iter().skip(1).rev() {
                        prop_assert!(!matches!(lane.ask(other, now), Answer::Go(_)));
                    }
                    let Some(first) = queue.front().cloned() else { continue };
                    let (window, paused) = { let mut state = lane.state(); (state.window, state.pause(now).is_some()) };
                    match lane.ask(&first, now) {
                        Answer::Go(epoch) => {
                            prop_assert!(!paused && flying.len() < window);
                            flying.push(epoch);
                            queue.pop_front();
                        }
                        Answer::Paused(until) => prop_assert!(paused && until <= now + LONGEST_PAUSE),
                        Answer::Wait => prop_assert!(!paused && flying.len() >= window),
                    }
                }
                Step::Fine(which) if !flying.is_empty() => {
                    lane.answered(flying.swap_remove(which % flying.len()), now);
                    lane.release();
                }
                Step::Throttled(which, after) if !flying.is_empty() => {
                    let after = after.map(|seconds| Duration::from_secs(seconds.into()));
                    lane.slow_down(flying.swap_remove(which % flying.len()), after, now);
                    lane.release();
                }
                Step::Pass(ms) => now += Duration::from_millis(ms.into()),
                Step::Leave(_) | Step::Fine(_) | Step::Throttled(..) => {}
            }
            let state = lane.state();
            prop_assert_eq!(state.in_flight, flying.len());
            prop_assert!((1..=WIDEST).contains(&state.window));
        }
    }
}
