//! What a server of a seed is told before it starts.

use crate::swarm::{Locality, Minority, Swarm};
use replica::auth::AuthRules;
use replica::{
    Config, ConnectLimits, Facts, FourLetterWords, Limits, LocalSessions, ReadOnlyMode,
    ReaperRules, ReconfigRules, SessionRules,
};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use zk_types::ServerId;

/// The address of a machine.
pub(crate) fn address(node: usize) -> IpAddr {
    let low = u8::try_from(node + 1).expect("few machines");
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, low))
}

pub(super) fn config(index: usize, swarm: &Swarm) -> Config {
    let id = |server: usize| ServerId(u64::try_from(server + 1).expect("few servers"));
    let member = |server: usize| {
        let line = format!("{}:2888:3888:participant;0.0.0.0:2181", address(server));
        (id(server), line)
    };
    let members = if swarm.servers == 1 {
        Vec::new()
    } else {
        (0..swarm.servers).map(member).collect()
    };
    Config {
        me: id(index),
        members,
        tick: Duration::from_micros(swarm.tick),
        init_limit: swarm.init_limit,
        sync_limit: swarm.sync_limit,
        session_timeout_min: Duration::from_micros(swarm.session_timeout.0),
        session_timeout_max: Duration::from_micros(swarm.session_timeout.1),
        connections_per_ip_max: 0,
        connections_max: 0,
        outstanding_max: swarm.outstanding_max,
        frame_bytes_max: swarm.frame_bytes_max,
        snapshot_txns: swarm.snapshot_txns,
        snapshot_nodes_per_txn: swarm.snapshot_nodes_per_txn,
        fetch_nodes_min: 0,
        snapshot_log_bytes: swarm.snapshot_log_bytes,
        snapshots_kept: swarm.snapshots_kept,
        segment_bytes: swarm.segment_bytes,
        window_bytes_max: swarm.window_bytes_max,
        backlog_bytes_max: swarm.backlog_bytes_max,
        chunk_bytes: swarm.chunk_bytes,
        counter_max: swarm.counter_max,
        four_letter_words: FourLetterWords::All,
        extended_types: true,
        enforce_quota: false,
        skip_acl: false,
        sessions: SessionRules {
            local: match swarm.locality {
                Locality::Global => LocalSessions::Never,
                Locality::Local => LocalSessions::Always,
                Locality::UntilEphemeral => LocalSessions::UntilEphemeral,
            },
            read_only: match swarm.minority {
                Minority::Silent => ReadOnlyMode::Off,
                Minority::Readable => ReadOnlyMode::On,
            },
        },
        reaper: ReaperRules {
            interval: Duration::from_micros(swarm.tick * 2),
            ..ReaperRules::default()
        },
        reconfig: ReconfigRules::default(),
        auth: rules(swarm),
        limits: limits(swarm),
        facts: Facts::default(),
        seed: [0; 32],
        hash_salt: 0,
    }
}

fn limits(swarm: &Swarm) -> Limits {
    let connects = ConnectLimits {
        tokens_max: swarm.connects_max,
        fill_interval: Duration::from_micros(swarm.tick),
        fill_tokens: swarm.connects_max,
        opening_takes: 1,
        opening_locally_takes: 1,
        resuming_takes: 1,
        drops: None,
    };
    Limits {
        connects: (swarm.connects_max > 0).then_some(connects),
        requests_max: swarm.requests_max,
        ..Limits::default()
    }
}

fn rules(swarm: &Swarm) -> AuthRules {
    let demanded = swarm.demands_proof.then(|| "digest".to_owned());
    AuthRules {
        enforced_schemes: demanded.into_iter().collect(),
        ..AuthRules::default()
    }
}
