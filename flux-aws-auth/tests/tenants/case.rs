//! One case: what happens, in the order that its seed decides, and what must hold of each answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_credential_types::provider::ProvideCredentials;
use fastrand::Rng;
use flux_aws_auth::{
    Authenticator, Chain, Environment, Identity, IdentityCredentials, Integration, Resource, RoleHop,
};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use crate::world::{End, FURTHER, ROLES, TENANTS, World, arn, stamp};

const CONTROLLER: &str = "AKIACONTROLLER";

pub(crate) struct Case {
    random: Rng,
    world: World,
    runtime: Runtime,
    authenticator: Authenticator,
    /// Those that controllers keep for an object.
    kept: Vec<(Who, IdentityCredentials)>,
    callers: Vec<Caller>,
    seen: Seen,
}

/// Who asks: the controller, or a tenant, with or without a further role.
#[derive(Clone, Copy, Debug)]
enum Who {
    Controller,
    Tenant(&'static str, bool),
}

struct Caller {
    task: JoinHandle<()>,
    has_ended: Arc<AtomicBool>,
}

/// How much there was to see.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) calls: u64,
    pub(crate) given: u64,
    pub(crate) refused: u64,
    pub(crate) changes: u64,
}

impl Case {
    pub(crate) fn new(seed: u64) -> Self {
        // The chances of the library and of the AWS SDK, on the one thread that there is.
        fastrand::seed(seed);
        let mut random = Rng::with_seed(seed);
        let world = World::new();
        let environment = Environment::empty()
            .with_var("AWS_REGION", "eu-west-1")
            .with_var("AWS_ACCESS_KEY_ID", CONTROLLER)
            .with_var("AWS_SECRET_ACCESS_KEY", "s");
        let chain = Chain::builder()
            .environment(environment)
            .http_client(world.clone())
            .metadata_http_client(world.clone())
            .time_source(world.clone());
        let authenticator = Authenticator::builder()
            .chain(chain)
            .service_account_tokens(world.clone())
            .object_level_workload_identity(true)
            .default_service_account("default")
            .capacity(random.usize(0..4))
            .build()
            .unwrap();
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        Self {
            random,
            world,
            runtime,
            authenticator,
            kept: Vec::new(),
            callers: Vec::new(),
            seen: Seen::default(),
        }
    }

    pub(crate) fn run(mut self) -> Seen {
        for _ in 0..self.random.usize(10..50) {
            self.step();
            self.settle();
            self.check();
        }
        self.nobody_hangs();
        let state = self.world.state();
        Seen { given: state.given, refused: state.refused, ..self.seen }
    }

    fn step(&mut self) {
        match self.random.u8(0..100) {
            0..30 => self.call(),
            30..34 => self.leave(),
            34..60 => self.end_a_request(),
            60..66 => self.answer_of_kubernetes(),
            66..82 => self.change(),
            82..94 => {
                let time = self.some_time();
                self.pass(time);
            }
            94..97 => self.set_the_wall_clock(),
            _ => {
                let mut state = self.world.state();
                state.kubernetes_is_slow = !state.kubernetes_is_slow;
            }
        }
    }

    fn call(&mut self) {
        self.seen.calls += 1;
        let (who, credentials) = match self.random.choice(0..self.kept.len()) {
            Some(kept) if self.random.bool() => self.kept[kept].clone(),
            _ => self.credentials(),
        };
        if self.random.bool() && self.kept.len() < 8 {
            self.kept.push((who, credentials.clone()));
        }
        let has_ended = Arc::new(AtomicBool::new(false));
        let as_provider = self.random.bool();
        let call = one_call(self.world.clone(), who, credentials, as_provider, has_ended.clone());
        self.callers.push(Caller { task: self.runtime.spawn(call), has_ended });
    }

    fn credentials(&mut self) -> (Who, IdentityCredentials) {
        let resource = Resource::new(Integration::S3).with_region("eu-central-1").unwrap();
        if self.random.u8(0..8) == 0 {
            let own = self.authenticator.credentials(&resource, Identity::Controller).unwrap();
            return (Who::Controller, own);
        }
        let tenant = self.random.choice(TENANTS).unwrap();
        let name = Some("sa").filter(|_| self.random.bool());
        let own = self.authenticator.credentials(&resource, Identity::object(tenant, name)).unwrap();
        let further = self.random.u8(0..4) == 0;
        let hop = || RoleHop::new(arn(FURTHER).parse().unwrap());
        (Who::Tenant(tenant, further), if further { own.assume_role(hop()) } else { own })
    }

    fn leave(&mut self) {
        if !self.callers.is_empty() {
            let caller = self.callers.swap_remove(self.random.usize(0..self.callers.len()));
            caller.task.abort();
        }
    }

    fn end_a_request(&mut self) {
        let lifetime = Duration::from_secs(self.random.u64(10..200));
        let end = match self.random.u8(0..10) {
            0..7 => End::Answered { lifetime },
            7 => End::ServerError,
            8 => End::Reset,
            // It hangs on, until its limit.
            _ => return,
        };
        let mut state = self.world.state();
        state.at_sts.retain(|request| !request.is_closed());
        if let Some(index) = self.random.choice(0..state.at_sts.len()) {
            let _gone = state.at_sts.swap_remove(index).send(end);
        }
    }

    fn answer_of_kubernetes(&mut self) {
        let mut state = self.world.state();
        if let Some(index) = self.random.choice(0..state.at_kubernetes.len()) {
            let _gone = state.at_kubernetes.swap_remove(index).send(());
        }
    }

    /// A tenant changes its ServiceAccount, to any role that there is.
    fn change(&mut self) {
        self.seen.changes += 1;
        let tenant = self.random.choice(TENANTS).unwrap();
        let (role, _) = self.random.choice(ROLES).unwrap();
        let mut state = self.world.state();
        match (self.random.u8(0..4), state.accounts.get_mut(tenant)) {
            (0, _) => {
                state.accounts.remove(tenant);
            }
            (1, _) | (_, None) => state.make(tenant, role),
            (_, Some(account)) => account.role = role,
        }
    }

    fn some_time(&mut self) -> Duration {
        let longest = self.random.choice([100, 3000, 30_000, 120_000]).unwrap();
        Duration::from_millis(self.random.u64(1..longest))
    }

    fn pass(&mut self, time: Duration) {
        let mut left = time;
        while !left.is_zero() {
            let step = left.min(Duration::from_millis(900));
            left -= step;
            self.world.state().elapsed += step;
            self.runtime.block_on(tokio::time::advance(step));
            self.settle();
        }
    }

    fn set_the_wall_clock(&mut self) {
        let by = self.some_time();
        let ahead = self.random.bool();
        let mut state = self.world.state();
        state.wall_ahead = if ahead { state.wall_ahead + by } else { state.wall_ahead.saturating_sub(by) };
    }

    /// Lets every task that can go on do so.
    fn settle(&self) {
        self.runtime.block_on(async {
            for _ in 0..8 {
                tokio::task::yield_now().await;
            }
        });
    }

    fn check(&mut self) {
        self.callers.retain(|caller| !caller.has_ended.load(Ordering::Relaxed));
        let violations = std::mem::take(&mut self.world.state().violations);
        assert!(violations.is_empty(), "{violations:#?}");
    }

    /// Nobody answers any more, and still all callers have an answer soon.
    fn nobody_hangs(&mut self) {
        for _ in 0..4 {
            self.pass(Duration::from_secs(16));
            self.check();
            if self.callers.is_empty() {
                return;
            }
        }
        panic!("{} callers hang", self.callers.len());
    }
}

async fn one_call(
    world: World,
    who: Who,
    credentials: IdentityCredentials,
    as_provider: bool,
    has_ended: Arc<AtomicBool>,
) {
    let result = if as_provider {
        credentials.provide_credentials().await.map_err(|_| ())
    } else {
        credentials.resolve().await.map(|resolved| resolved.credentials().clone()).map_err(|_| ())
    };
    let mut state = world.state();
    has_ended.store(true, Ordering::Relaxed);
    let Ok(given) = result else {
        state.refused += 1;
        return;
    };
    state.given += 1;
    let key = given.access_key_id();
    // Of a tenant: what its ServiceAccount is at this moment, and nothing that it was.
    let expected = match who {
        Who::Controller => Some(CONTROLLER.to_owned()),
        Who::Tenant(tenant, further) => state.accounts.get(tenant).map(|account| {
            let own = stamp(tenant, &account.uid, account.role);
            if further { format!("{own}-{FURTHER}") } else { own }
        }),
    };
    if expected.as_deref() != Some(key) {
        state.violations.push(format!("{who:?} got {key}, and is {expected:?}"));
    }
    let wall = state.wall();
    if given.expiry().is_some_and(|expiry| expiry <= wall) {
        state.violations.push(format!("{who:?} got {key}, which has expired"));
    }
}
