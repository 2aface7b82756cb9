//! The tree against a plain map: random requests of several sessions, prepared ahead of their
//! application, with snapshots taken in between.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "model/reference.rs"]
#[allow(
    unreachable_pub,
    clippy::wildcard_enum_match_arm,
    reason = "a module of a test is reached from that test, and is plain rather than strict"
)]
mod reference;
#[path = "model/requests.rs"]
#[allow(
    unreachable_pub,
    reason = "a module of a test is reached from that test"
)]
mod requests;
mod support;

use proptest::prelude::*;
use reference::{Asked, Model};
use requests::{USER, op};
use support::*;
use zk_types::{ErrorCode, Identity, Op, SessionId, Txn, TxnHeader, WallTime, Zxid};
use znode_tree::{ReapLimits, Requester, Tree, TreeConfig};

#[derive(Clone, Debug)]
enum Step {
    Ask(usize, Op<'static>),
    Apply(usize),
    Reopen(usize),
    Wait(i64),
    Reap,
    BeginSnapshot,
    Chunk(usize),
    AbandonSnapshot,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (0..3_usize, op()).prop_map(|(who, op)| Step::Ask(who, op)),
        3 => (1..8_usize).prop_map(Step::Apply),
        1 => (0..3_usize).prop_map(Step::Reopen),
        2 => (1..40_i64).prop_map(Step::Wait),
        1 => Just(Step::Reap),
        2 => Just(Step::BeginSnapshot),
        4 => (0..300_usize).prop_map(Step::Chunk),
        1 => Just(Step::AbandonSnapshot),
    ]
}

/// A snapshot under way: what it must show, what was given of it, and what was applied since.
struct Taken {
    expected: Dump,
    bytes: Vec<u8>,
    since: Vec<(TxnHeader, Txn)>,
}

struct World {
    server: Server,
    model: Model,
    expected: Vec<Told>,
    sessions: [SessionId; 3],
    taken: Option<Taken>,
}

impl World {
    fn new() -> Self {
        let config = TreeConfig {
            extended_types: true,
            ..TreeConfig::new([5, 6])
        };
        World {
            server: Server::with(config),
            model: Model::new(),
            expected: Vec::new(),
            sessions: [SessionId(1), SessionId(2), SessionId(3)],
            taken: None,
        }
    }

    fn run(&mut self, steps: Vec<Step>) {
        for step in steps {
            self.step(step);
        }
        self.settle();
        while self.taken.is_some() {
            self.chunk(64);
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Ask(who, op) => {
                let identities: &[Identity] = match who {
                    0 => &[identity("ip", "1.2.3.4"), identity("digest", USER)],
                    1 => &[],
                    _ => &[identity("super", "")],
                };
                self.ask(self.sessions[who], identities, &op);
            }
            Step::Apply(count) => {
                for _ in 0..count.min(self.server.queue.len()) {
                    self.apply();
                }
            }
            Step::Reopen(who) => self.sessions[who].0 += 16,
            Step::Wait(ms) => self.server.now += ms,
            Step::Reap => self.reap(),
            Step::BeginSnapshot => {
                if self.taken.is_none() {
                    let expected = dump(&self.server.tree);
                    self.server.tree.begin_snapshot();
                    self.taken = Some(Taken {
                        expected,
                        bytes: Vec::new(),
                        since: Vec::new(),
                    });
                }
            }
            Step::Chunk(bytes_max) => self.chunk(bytes_max),
            Step::AbandonSnapshot => {
                self.server.tree.abandon_snapshot();
                self.taken = None;
            }
        }
    }

    fn ask(&mut self, session: SessionId, identities: &[Identity], op: &Op<'_>) {
        let asked = Asked {
            session,
            identities,
            zxid: Zxid(self.server.next),
            time: WallTime(self.server.now),
            in_multi: false,
        };
        // The session table knows of a session's end once that is applied.
        let closing = self.server.queue.iter().any(|(header, txn)| {
            header.session == session && matches!(txn, Txn::CloseSession { .. })
        });
        let mut requester = Requester::new(session, identities);
        if self.model.closed.contains(&session) && !closing {
            requester.session_check = Err(ErrorCode::SessionExpired);
        }
        let expected = self.model.request(asked, op);
        let prepared = self.server.prepare(&requester, op);
        assert_eq!(
            prepared,
            expected.as_ref().map(|_| ()).map_err(Clone::clone),
            "{op:?}"
        );
        self.expected.extend(expected);
    }

    fn apply(&mut self) {
        if let Some(taken) = &mut self.taken {
            taken.since.push(self.server.queue[0].clone());
        }
        let told = self.server.apply();
        assert_eq!(told, self.expected.remove(0));
    }

    fn settle(&mut self) {
        while !self.server.queue.is_empty() {
            self.apply();
        }
        self.compare();
    }

    fn compare(&self) {
        let tree = &self.server.tree;
        let seen = dump(tree);
        for (path, (data, acl, stat)) in &seen.nodes {
            let node = &self.model.nodes[path];
            assert_eq!(
                (data, acl, *stat),
                (&node.data, &node.acl, self.model.stat(path)),
                "{path}"
            );
            assert_eq!(self.server.names(path), self.model.children(path));
        }
        assert_eq!(seen.nodes.len(), self.model.nodes.len());
        assert_eq!(tree.digest(), self.model.digest());
        let lengths = |(path, node): (&String, &reference::ModelNode)| {
            path.len() + node.data.as_ref().map_or(0, Vec::len)
        };
        let size: usize = self.model.nodes.iter().map(lengths).sum();
        assert_eq!(tree.approximate_data_size(), u64::try_from(size).unwrap());
        let mut owned: Vec<(SessionId, String)> = Vec::new();
        for (path, node) in &self.model.nodes {
            if let zk_types::NodeKind::Ephemeral(session) = node.kind {
                owned.push((session, path.clone()));
            }
        }
        owned.sort();
        let seen: Vec<(SessionId, String)> = seen
            .ephemerals
            .into_iter()
            .flat_map(|(session, paths)| paths.into_iter().map(move |path| (session, path)))
            .collect();
        assert_eq!(seen, owned);
    }

    fn reap(&mut self) {
        self.settle();
        let now = self.server.now;
        let limits = ReapLimits {
            never_used_ms: Some(20),
            count_max: 100,
        };
        let mut due: Vec<String> = self
            .server
            .tree
            .expired_containers(WallTime(now), limits)
            .into_iter()
            .map(String::from)
            .collect();
        due.sort();
        assert_eq!(due, self.model.due(now, 20));
        for path in due {
            self.ask(SessionId::NONE, &[], &delete_container(&path));
        }
    }

    fn chunk(&mut self, bytes_max: usize) {
        let Some(taken) = &mut self.taken else { return };
        match self.server.tree.snapshot_chunk(bytes_max) {
            Some(chunk) => taken.bytes.extend(chunk),
            None => self.restore(),
        }
    }

    /// A server that loads the snapshot and replays what came after it is the same.
    fn restore(&mut self) {
        let Some(taken) = self.taken.take() else {
            return;
        };
        let mut tree = load(&taken.bytes);
        assert_eq!(dump(&tree), taken.expected);
        for (header, txn) in &taken.since {
            tree.apply(header, txn, &mut |_| {});
        }
        assert_eq!(dump(&tree), dump(&self.server.tree));
        let due = |tree: &Tree| {
            let limits = ReapLimits {
                never_used_ms: Some(0),
                count_max: 100,
            };
            let mut due = tree.expired_containers(WallTime(i64::MAX), limits);
            due.sort();
            due
        };
        assert_eq!(due(&tree), due(&self.server.tree));
    }
}

#[cfg(not(mutants))]
proptest! {
    #[test]
    fn the_tree_does_what_the_documentation_says(steps in prop::collection::vec(step(), 1..120)) {
        World::new().run(steps);
    }

    #[test]
    fn damaged_bytes_are_refused_or_make_a_sound_tree(
        steps in prop::collection::vec(step(), 1..60),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
        piece in 1..200_usize,
    ) {
        let mut world = World::new();
        for step in steps {
            if !matches!(step, Step::BeginSnapshot) {
                world.step(step);
            }
        }
        world.settle();
        let mut bytes = world.server.snapshot();
        for (place, byte) in &damage {
            let place = place.index(bytes.len());
            bytes[place] = *byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let mut loader = znode_tree::Loader::new(TreeConfig::new([7, 7]));
        let pushed = bytes.chunks(piece).try_for_each(|piece| loader.push(piece));
        match loader.finish() {
            Ok(tree) => {
                prop_assert!(pushed.is_ok());
                prop_assert!(cut.is_none());
                dump(&tree);
            }
            Err(error) => prop_assert!(!damage.is_empty() || cut.is_some(), "{}", error),
        }
    }

    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut loader = znode_tree::Loader::new(TreeConfig::new([7, 7]));
        let _ = loader.push(&bytes);
        prop_assert!(loader.finish().is_err());
    }
}

/// With `--cfg mutants`: the property above notices each of them.
#[cfg(mutants)]
#[test]
fn every_mutant_is_found() {
    use proptest::test_runner::TestRunner;

    for name in [
        "ephemeral-kept-after-expiry",
        "pending-ephemerals-survive-their-session",
        "failed-multi-leaves-its-first-change-pending",
        "version-check-ignores-pending-writes",
        "deletion-keeps-the-pzxid",
        "snapshot-shows-later-changes",
    ] {
        zk_types::activate_mutant(name);
        let steps = prop::collection::vec(step(), 1..120);
        let result = TestRunner::deterministic().run(&steps, |steps| {
            World::new().run(steps);
            Ok(())
        });
        assert!(result.is_err(), "{name} was not noticed");
    }
}
