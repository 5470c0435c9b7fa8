//! Those who ask, and what must hold of what they get.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use flux_aws_auth::{Error, ErrorKind, Resolved};

use crate::clients::Clients;
use crate::notes::{Notes, count, lock, told};
use crate::tenant::Tenant;
use crate::time::pause;
use crate::world::{Controller, World};

/// As many ask at once.
pub(crate) const CALLERS: usize = 32;
/// The deadline of a chain, and a bit for a machine that has much to do.
const RESOLVE_LIMIT: Duration = Duration::from_secs(25);
/// Of the longest listings here, each page of which may be late.
const SCAN_LIMIT: Duration = Duration::from_secs(100);

/// What is asked for.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    Controller(usize),
    Tenant(usize),
    Repository(usize),
}

/// Asks for one thing after the other, until it is enough.
pub(crate) async fn run(
    world: Arc<World>,
    clients: Arc<Clients>,
    notes: Arc<Notes>,
    seed: u64,
    number: usize,
) {
    let mut random = Rng::with_seed(seed.wrapping_mul(1000) + number as u64);
    while !notes.has_ended() {
        let wanted = match random.u8(0..10) {
            0 => Wanted::Controller(random.usize(0..world.controllers.len())),
            1..6 => Wanted::Tenant(random.usize(0..world.tenants.len())),
            _ => Wanted::Repository(random.usize(0..world.repositories.len())),
        };
        let asked = ask(&world, &clients, &notes, wanted, random.bool());
        if random.u8(0..12) == 0 {
            let patience = Duration::from_millis(random.u64(0..60));
            if tokio::time::timeout(patience, asked).await.is_err() {
                count(&notes.left);
            }
        } else {
            asked.await;
        }
        pause(Duration::from_millis(random.u64(1..40))).await;
    }
}

/// Asks for everything that there is until it is there, and says how long that took. It takes `limit` at most.
pub(crate) async fn visit_all(
    world: &Arc<World>,
    clients: &Arc<Clients>,
    notes: &Arc<Notes>,
    limit: Duration,
) -> Duration {
    let all: Vec<_> = (0..world.controllers.len())
        .map(Wanted::Controller)
        .chain((0..world.tenants.len()).map(Wanted::Tenant))
        .chain((0..world.repositories.len()).map(Wanted::Repository))
        .collect();
    let (all, next) = (Arc::new(all), Arc::new(AtomicUsize::new(0)));
    let visitors: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (world, clients, notes) = (world.clone(), clients.clone(), notes.clone());
            let (all, next) = (all.clone(), next.clone());
            tokio::spawn(async move {
                while let Some(&wanted) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    while !ask(&world, &clients, &notes, wanted, true).await {
                        pause(Duration::from_millis(100)).await;
                    }
                }
            })
        })
        .collect();
    let mut took = Duration::ZERO;
    let step = Duration::from_millis(50);
    while took < limit && !visitors.iter().all(tokio::task::JoinHandle::is_finished) {
        pause(step).await;
        took += step;
    }
    let late = visitors.iter().filter(|visitor| !visitor.is_finished()).count();
    notes.check(late == 0, || format!("not everything works {limit:?} after the last fault"));
    for visitor in visitors {
        visitor.abort();
        let _ended = visitor.await;
    }
    took
}

/// Asks, looks at the answer, and says whether it is a good one.
async fn ask(world: &World, clients: &Clients, notes: &Notes, wanted: Wanted, whole: bool) -> bool {
    let limit = if matches!(wanted, Wanted::Repository(_)) { SCAN_LIMIT } else { RESOLVE_LIMIT };
    let answer = async {
        match wanted {
            Wanted::Controller(number) => controller(world, clients, notes, number).await,
            Wanted::Tenant(number) => tenant(world, clients, notes, number).await,
            Wanted::Repository(number) => repository(world, clients, notes, number, whole).await,
        }
    };
    let answer = tokio::time::timeout(limit, answer).await;
    notes.check(answer.is_ok(), || format!("{wanted:?} hangs: no answer in {limit:?}"));
    answer.unwrap_or(false)
}

async fn controller(world: &World, clients: &Clients, notes: &Notes, number: usize) -> bool {
    let (who, asked_at, was_stormy) = (world.controllers[number], notes.now(), notes.is_stormy());
    match clients.controllers[number].resolve().await {
        Ok(resolved) => {
            let key = resolved.credentials().access_key_id();
            let Some(owner) = world.aws.key_owner(key) else {
                notes.check(false, || format!("{who:?} got {key}, which nobody gave"));
                return false;
            };
            let role = format!(":assumed-role/{}/", who.role());
            notes.check(owner.arn().contains(&role), || format!("{who:?} is {}", owner.arn()));
            let expires =
                if who == Controller::Node { resolved.credentials().expiry() } else { owner.expires() };
            notes.check(expires.is_some_and(|expires| expires > asked_at), || {
                format!("{who:?} got {key}, which expired at {expires:?}, at {asked_at:?}")
            });
            given(notes, who.role(), &resolved);
            true
        }
        Err(error) => {
            let faults_explain = was_stormy && explains(&error);
            notes.check(faults_explain, || {
                format!("{who:?}: {:?} by {}: {}", error.kind(), error.reason(), told(&error))
            });
            notes.error(who.role(), error.reason().as_str());
            false
        }
    }
}

async fn tenant(world: &World, clients: &Clients, notes: &Notes, number: usize) -> bool {
    let who = &world.tenants[number];
    let (since, asked_at, was_stormy) = (who.now(), notes.now(), notes.is_stormy());
    match clients.tenants[number].credentials.resolve().await {
        Ok(resolved) => {
            let key = resolved.credentials().access_key_id();
            let Some(owner) = world.aws.key_owner(key) else {
                notes.check(false, || format!("{} got {key}, which nobody gave", who.namespace));
                return false;
            };
            notes.check(who.is(since, &owner), || {
                format!("{} was {:?}, and got {owner:?}", who.namespace, who.states(since))
            });
            notes.check(owner.expires().is_some_and(|expires| expires > asked_at), || {
                format!("{} got {owner:?}, which had expired at {asked_at:?}", who.namespace)
            });
            given(notes, &who.namespace, &resolved);
            true
        }
        Err(error) => {
            let is_explained = who.may_fail(since) || was_stormy && explains(&error);
            notes.check(is_explained, || {
                format!("{}: {:?} by {}: {}", who.namespace, error.kind(), error.reason(), told(&error))
            });
            notes.error("tenants", error.reason().as_str());
            false
        }
    }
}

/// Lists a repository: as a scan, or page by page.
async fn repository(world: &World, clients: &Clients, notes: &Notes, number: usize, whole: bool) -> bool {
    let repository = &world.repositories[number];
    let reflector = clients.reflector(world, number);
    // The first repositories are those of the tenants.
    let reader = world.tenants.get(number);
    let (since, reader_since, was_stormy) = (repository.now(), reader.map(Tenant::now), notes.is_stormy());
    let listed = if whole {
        reflector.scan(&repository.image).await.map(|scan| scan.tags().map(|tag| tag.to_string()).collect())
    } else {
        let mut pages = reflector.pages(&repository.image);
        let mut tags = BTreeSet::new();
        loop {
            match pages.next().await {
                Ok(Some(page)) => tags.extend(page.entries().iter().map(|entry| entry.tag().to_string())),
                Ok(None) => break Ok(tags),
                Err(error) => break Err(error),
            }
        }
    };
    match listed {
        Ok(listed) => {
            count(&notes.scans);
            let wrong = repository.judge(since, &listed);
            notes.check(wrong.is_none(), || wrong.unwrap_or_default());
            true
        }
        Err(error) => {
            use flux_ecr_reflect::ErrorKind::{AccessDenied, Configuration, Credentials, NotFound};
            let kind = error.kind();
            let by_reader = reader.zip(reader_since).is_some_and(|(reader, since)| reader.may_fail(since));
            let faults_explain = was_stormy && !matches!(kind, AccessDenied | NotFound | Configuration);
            let is_explained = by_reader && kind == Credentials || faults_explain;
            notes.check(is_explained, || format!("{}: {kind:?}: {}", repository.image, told(&error)));
            notes.error(&format!("{:?}", repository.registry), &format!("{kind:?}"));
            false
        }
    }
}

/// Whether it can come of a fault. That the identity is refused cannot, nor that something is set up wrongly.
fn explains(error: &Error) -> bool {
    use ErrorKind::{InvalidResponse, InvalidToken, Throttled, TimedOut, Unavailable};
    matches!(error.kind(), InvalidResponse | InvalidToken | Throttled | TimedOut | Unavailable)
}

/// Counts an answer, and whether it is another one than the identity's last.
fn given(notes: &Notes, who: &str, resolved: &Resolved) {
    static LAST: Mutex<Option<HashMap<String, String>>> = Mutex::new(None);
    count(&notes.resolved);
    let key = resolved.credentials().access_key_id();
    let last = lock(&LAST).get_or_insert_default().insert(who.to_owned(), key.to_owned());
    if last.is_some_and(|last| last != key) {
        count(&notes.refreshed);
    }
}
