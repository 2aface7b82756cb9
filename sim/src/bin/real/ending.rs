//! The end of a run: service has to come back, clients show that they are served, and somebody
//! looks at every server.

use super::client::Player as Client;
use super::observer::Mode;
use super::player::Player;
use client_core::{ClientRequest, Create, CreateMode, CreateReply, MultiOp, Watcher};
use sim::elsewhere::{Blob, Deed, LogFile};
use sim::{Ask, Fact, Micros, Verdict};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use zk_types::{Acl, Perms};

/// How long nothing may happen before everything is taken to have arrived.
const QUIET: Micros = 300_000;
/// How often each client shows that it is served.
const PROOFS: usize = 3;

/// Why service did not come back.
pub(crate) struct Missing {
    pub(crate) verdict: Verdict,
    pub(crate) rule: &'static str,
    pub(crate) seen: String,
}

impl Missing {
    fn service(seen: String) -> Self {
        Missing {
            verdict: Verdict::Liveness,
            rule: "L1 recovery: when nothing hinders it, service comes back",
            seen,
        }
    }

    pub(crate) fn server(seen: String) -> Self {
        Missing {
            verdict: Verdict::Liveness,
            rule: "L3 running: no server ends by itself",
            seen,
        }
    }

    pub(crate) fn fact(fact: &Fact) -> Self {
        Missing {
            verdict: Verdict::Harness,
            rule: "every line of a scenario is played",
            seen: format!("nothing came of `when {fact}`"),
        }
    }
}

impl Player {
    /// Waits until service is back, and has it shown.
    pub(crate) fn ending(&mut self, paths: &BTreeSet<String>) -> Result<Option<Missing>, String> {
        let until = self.clock.now() + self.plan.patience;
        if let Some(missing) = self.wait(until)? {
            return Ok(Some(missing));
        }
        self.say("service is back");
        for round in 0..PROOFS {
            let now = self.clock.now();
            for (index, client) in self.clients.iter_mut().enumerate() {
                for request in proof(index, round) {
                    client.ask(request, now, &mut self.tape);
                }
            }
            if let Some(missing) = self.wait(until)? {
                return Ok(Some(missing));
            }
        }
        let now = self.clock.now();
        for server in 0..self.plan.servers {
            let index = self.plan.clients + server;
            let wire = self.places.clients[index][server];
            let wires = vec![(server, wire)];
            let mut inspector = Client::new(index, wires, self.plan.session_timeout);
            inspector.start(now, &mut self.tape);
            for request in inspection(paths) {
                inspector.ask(request, now, &mut self.tape);
            }
            self.clients.push(inspector);
        }
        self.wait(until)
    }

    /// Waits until all servers serve the same and all clients have been answered, for a while.
    fn wait(&mut self, until: Micros) -> Result<Option<Missing>, String> {
        let mut quiet_since = None;
        loop {
            self.turn()?;
            let now = self.clock.now();
            let Some(missing) = self.what_is_missing() else {
                if now - *quiet_since.get_or_insert(now) > QUIET {
                    return Ok(None);
                }
                continue;
            };
            quiet_since = None;
            if now > until {
                return Ok(Some(Missing::service(missing)));
            }
        }
    }

    fn what_is_missing(&self) -> Option<String> {
        let mut leaders = 0;
        let mut applied = None;
        for server in 0..self.plan.servers {
            let Some((mode, zxid)) = self.observer.view(server).serves else {
                return Some(format!("s{} does not serve", server + 1));
            };
            leaders += usize::from(mode != Mode::Follower);
            // A new epoch of Apache's shows on its leader alone until something is written in it.
            let is_new = zxid & u64::from(u32::MAX) == 0;
            if !is_new && *applied.get_or_insert(zxid) != zxid {
                return Some(format!("s{} stands at {zxid:#x}", server + 1));
            }
        }
        if leaders != 1 {
            return Some(format!("{leaders} servers lead"));
        }
        let waits = |client: &Client| !(client.is_connected() && client.is_idle());
        let waiting = self.clients.iter().position(waits)?;
        Some(format!("c{} waits", waiting + 1))
    }
}

/// Every path that a client asks to change something at.
pub(crate) fn paths<'d>(deeds: impl Iterator<Item = &'d Deed>) -> BTreeSet<String> {
    let mut paths = BTreeSet::from(["/".to_owned()]);
    for deed in deeds {
        if let Deed::Ask {
            ask: Ask::Request(request),
            ..
        } = deed
        {
            paths.extend(paths_of(request));
        }
    }
    paths
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what else is asked changes no node"
)]
fn paths_of(request: &ClientRequest) -> Vec<String> {
    match request {
        ClientRequest::Create(create) => vec![create.path.clone()],
        ClientRequest::Delete { path, .. } | ClientRequest::SetData { path, .. } => {
            vec![path.clone()]
        }
        ClientRequest::Multi(parts) => parts
            .iter()
            .map(|part| match part {
                MultiOp::Create(create) => create.path.clone(),
                MultiOp::Delete { path, .. }
                | MultiOp::SetData { path, .. }
                | MultiOp::Check { path, .. } => path.clone(),
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// A read, a write that a watch tells of, and a read behind a sync.
fn proof(client: usize, round: usize) -> [ClientRequest; 4] {
    let path = format!("/proof-{client}-{round}");
    [
        ClientRequest::Exists {
            path: path.clone(),
            watch: Some(Watcher::Own),
        },
        ClientRequest::Create(Create {
            path: path.clone(),
            data: Some(b"proof".to_vec()),
            acl: vec![Acl::world(Perms::ALL)],
            mode: CreateMode::Persistent,
            reply: CreateReply::PathAndStat,
        }),
        ClientRequest::Sync { path: path.clone() },
        ClientRequest::GetData { path, watch: None },
    ]
}

/// Everything about some nodes, as a server has them.
fn inspection(paths: &BTreeSet<String>) -> Vec<ClientRequest> {
    let mut all = vec![ClientRequest::Sync {
        path: "/".to_owned(),
    }];
    for path in paths {
        let path = || path.clone();
        all.push(ClientRequest::GetData {
            path: path(),
            watch: None,
        });
        all.push(ClientRequest::GetChildren {
            path: path(),
            watch: None,
        });
    }
    all
}

/// The log files below a folder, without the zeros at their ends.
pub(crate) fn logs_of(home: &Path) -> Vec<LogFile> {
    let mut files = Vec::new();
    let mut folders = vec![home.to_owned()];
    while let Some(folder) = folders.pop() {
        // A file may go while it is looked at.
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            if name != "identity" && !name.starts_with("log.") {
                continue;
            }
            let mut bytes = fs::read(&path).unwrap_or_default();
            let used = bytes.iter().rposition(|byte| *byte != 0);
            bytes.truncate(used.map_or(0, |last| (last + 1).next_multiple_of(8)));
            let bytes = Blob(bytes);
            files.push(LogFile { name, bytes });
        }
    }
    files
}
