//! Credentials that are at hand cost no allocation.
//!
//! A program of its own: the counting allocator is a matter of the whole process.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_async::time::StaticTimeSource;
use flux_aws_auth::cache::{CacheBuilder, Handle, Loaded};
use flux_aws_auth::source::NamedProvider;
use flux_aws_auth::{Chain, Environment, Error};

const NOW: u64 = 1_800_000_000;

fn allocations(of: impl Fn()) -> u64 {
    of();
    allocation_counter::measure(|| (0..1000).for_each(|_| of())).count_total
}

fn now_or_never<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it had to wait"),
    }
}

#[tokio::test]
async fn a_provider_of_fresh_credentials_allocates_nothing() {
    let expiry = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW + 3600);
    let credentials = Credentials::new("ASIAEXAMPLE", "secret", Some("token".into()), Some(expiry), "test");
    let chain = Chain::builder()
        .environment(Environment::empty())
        .time_source(StaticTimeSource::from_secs(NOW))
        .only(NamedProvider::new("test", credentials.clone()))
        .build();
    chain.resolve().await.unwrap();
    let provide = || {
        let provided = now_or_never(chain.provide_credentials()).unwrap();
        assert_eq!(black_box(provided).expiry(), Some(expiry));
    };
    assert_eq!(allocations(provide), 0);
    assert_eq!(chain.counters().loads, 1);
}

#[tokio::test]
async fn a_handle_to_a_fresh_value_allocates_nothing() {
    let handle: Handle<u32, Error> = CacheBuilder::new().single(|_| async { Ok(Loaded::new(7)) });
    handle.get().await.unwrap();
    assert_eq!(allocations(|| assert_eq!(*now_or_never(handle.get()).unwrap(), 7)), 0);
    assert_eq!(allocations(|| assert_eq!(handle.ready().as_deref(), Some(&7))), 0);
    assert_eq!(allocations(|| drop(black_box(handle.clone()))), 0);
}

#[test]
fn the_test_sees_allocations() {
    assert_eq!(allocations(|| drop(black_box(Box::new(1)))), 1000);
}
