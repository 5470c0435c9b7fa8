//! What tenants, publishers, Kubernetes and time do meanwhile.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;

use crate::notes::{Notes, count};
use crate::tenant::Change;
use crate::time::pause;
use crate::world::World;

/// So many changes lie between two leaps of the clock, at least.
const BETWEEN_LEAPS: u32 = 150;

pub(crate) async fn run(world: Arc<World>, notes: Arc<Notes>, seed: u64) {
    let mut random = Rng::with_seed(seed ^ 0xc4a6);
    let mut to_leap = BETWEEN_LEAPS;
    while !notes.has_ended() {
        count(&notes.changes);
        match random.u8(0..20) {
            0..14 => {
                let repository = &world.repositories[random.usize(0..world.repositories.len())];
                repository.change(&world.aws, &mut random);
            }
            14..19 => change_tenant(&world, &mut random),
            _ => world.rotate_tokens(),
        }
        to_leap -= 1;
        if to_leap == 0 {
            // As a machine does that was suspended. What is under way then is late.
            world.clock.advance(Duration::from_mins(random.u64(20..480)));
            world.rotate_tokens();
            to_leap = random.u32(BETWEEN_LEAPS..BETWEEN_LEAPS * 3);
        }
        pause(Duration::from_millis(random.u64(5..30))).await;
    }
}

fn change_tenant(world: &World, random: &mut Rng) {
    let tenant = |random: &mut Rng| &world.tenants[random.usize(0..world.tenants.len())];
    let (changing, other) = (tenant(random), tenant(random));
    let [a, b] = changing.roles();
    let change = match random.u8(0..10) {
        0..3 => Change::Role(a),
        3..6 => Change::Role(b),
        6 => Change::Role(other.roles()[0].clone()),
        7 => Change::Delete,
        _ => Change::Recreate,
    };
    changing.change(&world.aws.kubernetes(), change);
}
