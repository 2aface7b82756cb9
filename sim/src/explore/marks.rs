//! What tells one state of a world from another for those who look for new ones.

use crate::host::Host;
use crate::world::World;
use xxhash_rust::xxh3::Xxh3Default;
use zab_core::{LearnerState, Role, Summary};
use zk_types::Standing;

/// A hash of what the servers of a world are, whichever of them is what: roles, standings, how
/// epochs and logs lie to each other, what is not durable yet, how far learners have come.
pub(super) fn mark(world: &World) -> u64 {
    let summaries: Vec<Option<Summary>> = world
        .hosts
        .iter()
        .map(|host| host.replica().map(|replica| replica.observe().zab))
        .collect();
    let running = || summaries.iter().flatten();
    let epoch = running().map(|one| one.accepted.0).max().unwrap_or(0);
    let current = running().map(|one| one.current.0).max().unwrap_or(0);
    let last = running().map(|one| one.last.0).max().unwrap_or(0);
    let mut shapes: Vec<Vec<u8>> = summaries
        .iter()
        .zip(&world.hosts)
        .map(|(summary, host)| match summary {
            None => vec![0],
            Some(one) => shape(one, host, (epoch, current, last)),
        })
        .collect();
    shapes.sort_unstable();
    let mut hasher = Xxh3Default::new();
    for shape in shapes {
        hasher.update(&shape);
        hasher.update(&[255]);
    }
    hasher.digest()
}

fn shape(one: &Summary, host: &Host, (epoch, current, last): (u32, u32, u64)) -> Vec<u8> {
    let role = match one.role {
        Role::Looking => 1,
        Role::LeadingPrepare { epoch: None } => 2,
        Role::LeadingPrepare { epoch: Some(_) } => 3,
        Role::Leading { .. } => 4,
        Role::FollowingPrepare { .. } => 5,
        Role::Following { .. } => 6,
    };
    let standing = match one.standing {
        Standing::Fresh => 0,
        Standing::Member => 1,
        Standing::Damaged => 2,
        Standing::Amnesiac => 3,
    };
    let behind = match (one.last.epoch().0 < current, one.last.0 < last) {
        (true, _) => 2,
        (false, is_shorter) => u8::from(is_shorter),
    };
    let mut shape = vec![
        role,
        standing,
        u8::from(one.accepted.0 < epoch),
        u8::from(one.current.0 < current),
        behind,
        u8::from(one.durable < one.last),
        u8::from(host.is_active()),
    ];
    let mut learners: Vec<u8> = one.learners.iter().map(|one| learner(one.state)).collect();
    learners.sort_unstable();
    shape.extend(learners);
    shape
}

fn learner(state: LearnerState) -> u8 {
    match state {
        LearnerState::Connected => 0,
        LearnerState::Informed => 1,
        LearnerState::Positioned => 2,
        LearnerState::Transfer => 3,
        LearnerState::Synchronising => 4,
        LearnerState::Synced => 5,
    }
}
