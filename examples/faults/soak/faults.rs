//! Faults that come and go.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fastrand::Rng;
use local_aws::{Fault, Injection, Service};

use crate::notes::Notes;
use crate::time::pause;
use crate::world::World;

const SERVICES: [Service; 10] = [
    Service::Ecr,
    Service::Ecr,
    Service::GenericRegistry,
    Service::GenericTokens,
    Service::Imds,
    Service::Kubernetes,
    Service::PodIdentity,
    Service::PublicRegistry,
    Service::Registry,
    Service::Sts,
];

/// Injects a fault and removes another, over and over, and all of them in the end.
pub(crate) async fn run(world: Arc<World>, notes: Arc<Notes>, seed: u64) {
    let mut random = Rng::with_seed(seed ^ 0xfa17);
    // Each with the number of steps that it has left.
    let mut present: Vec<(Injection, u8)> = Vec::new();
    let remove = |injection: &Injection| {
        injection.remove();
        notes.faults.fetch_add(injection.hits(), Ordering::Relaxed);
    };
    while !notes.has_ended() {
        if present.len() < 4 {
            let service = random.choice(SERVICES).unwrap();
            present.push((world.aws.inject(service, fault(&mut random)), random.u8(1..12)));
        }
        if random.u8(0..60) == 0 {
            let registries = [Service::Registry, Service::PublicRegistry, Service::GenericRegistry];
            world.aws.revoke_logins(random.choice(registries).unwrap());
        }
        pause(Duration::from_millis(random.u64(30..200))).await;
        present.retain_mut(|(injection, left)| {
            *left -= 1;
            if *left == 0 {
                remove(injection);
            }
            *left > 0
        });
    }
    for (injection, _) in &present {
        remove(injection);
    }
}

fn fault(random: &mut Rng) -> Fault {
    let short = Duration::from_millis(random.u64(20..800));
    let fault = match random.u8(0..12) {
        0 => Fault::status(500),
        1 => Fault::status(503),
        2 => Fault::status(429).retry_after(Duration::from_secs(1)),
        3 => Fault::throttle(),
        4 | 5 => Fault::reset(),
        6 => Fault::cut_body(),
        7 => Fault::garbage(),
        8 => Fault::redirect("http://elsewhere.invalid/"),
        9 => Fault::hold(),
        10 => Fault::huge(2 << 20),
        _ => Fault::delay(short),
    };
    if random.bool() { fault.times(random.u64(1..20)) } else { fault }
}
