//! `conf`, `envi` and `dirs`.

use crate::server::Replica;
use alloc::string::String;
use core::fmt::Write;

/// The configuration in force.
pub(super) fn configuration(replica: &Replica) -> String {
    let config = &replica.config;
    let facts = &config.facts;
    let (log_bytes, data_bytes) = replica.disk_bytes();
    let mut text = String::new();
    // A server that stands alone has no number in Apache's view.
    let number = if config.members.is_empty() {
        0
    } else {
        config.me.0
    };
    let _ = write!(
        text,
        "clientPort={}\nsecureClientPort=-1\ndataDir={}\ndataDirSize={data_bytes}\n\
         dataLogDir={}\ndataLogSize={log_bytes}\ntickTime={}\nmaxClientCnxns={}\n\
         minSessionTimeout={}\nmaxSessionTimeout={}\nclientPortListenBacklog=-1\nserverId={}\n",
        facts.client_port,
        facts.data_dir,
        facts.data_log_dir,
        config.tick.as_millis(),
        config.connections_per_ip_max,
        config.session_timeout_min.as_millis(),
        config.session_timeout_max.as_millis(),
        number,
    );
    if !config.members.is_empty() {
        let _ = write!(
            text,
            "initLimit={}\nsyncLimit={}\nelectionAlg=3\nelectionPort={}\nquorumPort={}\n\
             peerType=0\n",
            config.init_limit, config.sync_limit, facts.election_port, facts.quorum_port,
        );
    }
    if !config.members.is_empty() && !replica.serves_read_only() {
        text.push_str("membership: \n");
        for (id, line) in &config.members {
            let _ = writeln!(text, "server.{id}={line}");
        }
        text.push_str("version=0");
    }
    text
}

/// The environment of the process.
pub(super) fn environment(replica: &Replica) -> String {
    let mut text = String::from("Environment:\n");
    for (key, value) in &replica.config.facts.environment {
        let _ = writeln!(text, "{key}={value}");
    }
    text
}

/// Bytes of the two directories.
pub(super) fn directories(replica: &Replica) -> String {
    let (log_bytes, data_bytes) = replica.disk_bytes();
    let mut text = String::new();
    let _ = write!(
        text,
        "datadir_size: {data_bytes}\nlogdir_size: {log_bytes}\n"
    );
    text
}
