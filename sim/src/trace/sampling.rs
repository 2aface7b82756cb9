//! What the world shows to the recorder after each of its steps.

use super::{LaneId, Recorder, ServerState, State};
use crate::host::Host;
use crate::oracle::broken::Broken;
use crate::world::World;
use crate::{client::SimClient, trace::Chronicle};
use replica::Replica;
use zab_core::{LearnerSummary, Role};

impl World {
    /// Shows the recorder what a step came to; `all` when it may have touched anybody.
    pub(crate) fn show(&mut self, all: bool) {
        let Some(mut recorder) = self.notes.recorder.take() else {
            return;
        };
        let net = &self.net;
        recorder.sweep(|conn| net.ends(conn).is_none());
        if all {
            recorder.cuts(|from, to, port| net.is_blocked(from, to, port));
        }
        let lanes = if all {
            (0..recorder.world()).collect()
        } else {
            recorder.touched()
        };
        for lane in lanes {
            self.show_lane(lane, &mut recorder);
        }
        self.notes.recorder = Some(recorder);
    }

    fn show_lane(&self, lane: LaneId, recorder: &mut Recorder) {
        let index = usize::from(lane);
        let servers = self.hosts.len();
        if let Some(host) = self.hosts.get(index) {
            recorder.disk_seen(index, &host.disk);
            let on_disk = recorder.on_disk(index);
            recorder.state(lane, State::Server(Box::new(glance(host, on_disk))));
        } else if let Some(client) = self.clients.get(index - servers) {
            recorder.state(lane, State::Client(SimClient::glance(client)));
        }
    }

    /// Ends the recording, if there is one.
    pub(crate) fn take_chronicle(&mut self, broken: Option<&Broken>) -> Option<Box<Chronicle>> {
        self.show(true);
        let mut recorder = self.notes.recorder.take()?;
        Some(Box::new(recorder.finish(broken, &self.judges.ledger)))
    }
}

fn glance(host: &Host, on_disk: u64) -> ServerState {
    let (inputs, disk_operations) = host.queues();
    let state = ServerState {
        process: host.process,
        on_disk,
        inputs,
        disk_operations,
        ..ServerState::default()
    };
    match host.replica() {
        Some(replica) => running(replica, !host.is_active(), &state),
        None => state,
    }
}

fn running(replica: &Replica, is_paused: bool, state: &ServerState) -> ServerState {
    let observed = replica.observe();
    let zab = &observed.zab;
    let (role, leader) = match zab.role {
        Role::Looking => ("looking", None),
        Role::LeadingPrepare { .. } => ("preparing to lead", None),
        Role::Leading { .. } => ("leading", None),
        Role::FollowingPrepare { leader } => ("joining", Some(leader.0)),
        Role::Following { leader, .. } => ("following", Some(leader.0)),
    };
    ServerState {
        is_up: true,
        is_paused,
        role: role.to_owned(),
        leader,
        phase: format!("{:?}", zab.phase).to_lowercase(),
        standing: format!("{:?}", zab.standing).to_lowercase(),
        accepted: zab.accepted.0,
        current: zab.current.0,
        logged: zab.last.0,
        durable: zab.durable.0,
        committed: zab.committed.0,
        applied: observed.applied.0,
        window_start: zab.window_start.0,
        vote: zab
            .vote
            .map(|vote| (vote.epoch.0, vote.zxid.0, vote.leader.0)),
        round: zab.round,
        learners: zab.learners.iter().map(learner_words).collect(),
        sessions: observed.sessions.len(),
        nodes: observed.tree.node_count(),
        ..state.clone()
    }
}

fn learner_words(learner: &LearnerSummary) -> String {
    format!(
        "s{} {}: sent {:?}, acked {:?}{}",
        learner.server.0,
        format!("{:?}", learner.state).to_lowercase(),
        learner.sent,
        learner.acked,
        if learner.counted { "" } else { ", not counted" }
    )
}
