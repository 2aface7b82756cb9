//! The table of all targets.

use crate::seeds;

/// One thing that must withstand any bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: that of its function, its fuzzing binary and its folder of kept inputs.
    pub name: &'static str,
    /// Feeds it.
    pub run: fn(&[u8]),
    /// Inputs that reach deep, to be damaged from there.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

macro_rules! targets {
    ($($function:ident: $seeds:path,)*) => {
        &[$(Target { name: stringify!($function), run: crate::$function, seeds: $seeds },)*]
    };
}

/// Every target.
pub const TARGETS: &[Target] = targets![
    jute_reader: seeds::jute_reader,
    client_frames: seeds::client_frames,
    connect_request: seeds::connect_request,
    connect_response: seeds::connect_response,
    requests: seeds::requests,
    replies: seeds::replies,
    watcher_event: seeds::watcher_event,
    transactions: seeds::transactions,
    quorum_port: seeds::quorum_port,
    election_port: seeds::election_port,
    log_recovery: seeds::log_recovery,
    snapshot_file: seeds::snapshot_file,
    tree_loader: seeds::tree_loader,
    tree_commands: seeds::tree_commands,
    client_port: seeds::client_port,
    guarded_client_port: seeds::client_port,
    sasl_tokens: seeds::sasl_tokens,
    peer_ports: seeds::peer_ports,
    watch_commands: seeds::commands,
    session_commands: seeds::commands,
];
