//! The load: connections that each keep some requests under way, and what came of it.

use super::connection::{Connection, ROOM};
use super::outcome::{Counted, Meter};
use super::wire;
use super::work::{self, Kind, Mix};
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use mio::{Events, Poll, Token};
use std::cell::Cell;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How to load what.
#[derive(Args, Clone)]
pub(crate) struct Options {
    /// Where servers take clients, with commas; connections go round.
    #[arg(long, value_delimiter = ',', required = true)]
    pub(crate) servers: Vec<SocketAddr>,
    /// The servers' processes, to be asked for their processor time.
    #[arg(long, value_delimiter = ',')]
    pub(crate) pids: Vec<u32>,
    #[arg(long, default_value_t = 32)]
    pub(crate) connections: usize,
    /// Requests that each connection has under way.
    #[arg(long, default_value_t = 16)]
    pub(crate) depth: usize,
    /// What to ask for: get, set, create, delete, multi and list, in percent.
    #[arg(long, default_value = "get=100")]
    pub(crate) mix: Mix,
    /// Bytes of a value.
    #[arg(long, default_value_t = 100)]
    pub(crate) value: usize,
    /// Nodes that are read and changed; they are made first.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) nodes: u32,
    /// Requests per second; as many as are answered when it is not said.
    #[arg(long)]
    pub(crate) rate: Option<u32>,
    /// How long to load before anything is counted, in milliseconds.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) warm_up_ms: u64,
    /// How long to count, in milliseconds.
    #[arg(long, default_value_t = 5_000)]
    pub(crate) ms: u64,
}

/// How long a server may take to open a session.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const SESSION_MS: i32 = 40_000;
const CREATES_UNDER_WAY: usize = 500;
const PATIENCE_OF_A_TURN: Duration = Duration::from_millis(100);
/// How often a paced load looks whether more is due.
const PACE_EVERY: Duration = Duration::from_millis(1);

/// Loads the servers, and prints what came of it.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut load = Load::connect(options)?;
    load.prepare()?;
    load.go(Duration::from_millis(options.warm_up_ms))?;
    load.counted = Counted::new()?;
    let meter = Meter::start(&options.pids)?;
    load.go(Duration::from_millis(options.ms))?;
    println!("{}", serde_json::to_string(&meter.stop(&load.counted)?)?);
    Ok(())
}

/// One connection with what it waits for.
struct Client {
    connection: Connection,
    is_open: bool,
    asked: VecDeque<Instant>,
    xid: i32,
    created: u64,
    deleted: u64,
}

struct Load<'o> {
    options: &'o Options,
    poll: Poll,
    clients: Vec<Client>,
    value: Vec<u8>,
    dice: Cell<u64>,
    counted: Counted,
    is_asking: bool,
    pace: Option<Pace>,
}

/// How many requests may have been made by now.
struct Pace {
    per_second: f64,
    started: Instant,
    asked: u64,
}

impl Pace {
    fn new(per_second: u32) -> Self {
        Pace {
            per_second: f64::from(per_second),
            started: Instant::now(),
            asked: 0,
        }
    }

    /// Whether another one may be made; then it is counted.
    fn admits(&mut self) -> bool {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a load makes few enough requests"
        )]
        let is_due = (self.asked as f64) < self.started.elapsed().as_secs_f64() * self.per_second;
        self.asked += u64::from(is_due);
        is_due
    }
}

impl<'o> Load<'o> {
    fn connect(options: &'o Options) -> Result<Self> {
        let poll = Poll::new()?;
        let mut clients = Vec::new();
        for index in 0..options.connections.max(1) {
            let address = options.servers[index % options.servers.len()];
            let mut connection = Connection::dial(address, ROOM, poll.registry(), Token(index))?;
            wire::hello(&mut connection.to_send, SESSION_MS);
            connection.flush()?;
            clients.push(Client {
                connection,
                is_open: false,
                asked: VecDeque::new(),
                xid: 0,
                created: 0,
                deleted: 0,
            });
        }
        let mut load = Load {
            options,
            poll,
            clients,
            value: vec![b'x'; options.value],
            dice: Cell::new(work::SEED),
            counted: Counted::new()?,
            is_asking: false,
            pace: None,
        };
        let deadline = Instant::now() + PATIENCE;
        while !load.clients.iter().all(|client| client.is_open) {
            ensure!(Instant::now() < deadline, "a server opens no session");
            load.turn(Duration::from_millis(100))?;
        }
        Ok(load)
    }

    /// Nodes that a load reads and changes; those that are there already stay.
    fn prepare(&mut self) -> Result<()> {
        let mix = &self.options.mix;
        let mut paths = vec![work::ROOT.to_owned()];
        if mix.has(Kind::List) {
            paths.push(work::listed());
            paths.extend((0..work::CHILDREN).map(work::child));
        }
        self.make(paths.into_iter())?;
        let mut last = work::ROOT.to_owned();
        let mix = &self.options.mix;
        if [Kind::Get, Kind::Set, Kind::Multi]
            .iter()
            .any(|kind| mix.has(*kind))
        {
            last = work::node(self.options.nodes.saturating_sub(1), self.options.value);
            // They are made in order: where the last one is, all are.
            if !self.knows(0, &last)? {
                let value = self.options.value;
                self.make((0..self.options.nodes).map(|number| work::node(number, value)))?;
            }
        }
        // Servers that follow come to know the nodes before they are asked for them.
        for index in 0..self.clients.len().min(self.options.servers.len()) {
            let deadline = Instant::now() + PATIENCE;
            while !self.knows(index, &last)? {
                ensure!(
                    Instant::now() < deadline,
                    "a server does not come to know {last}"
                );
            }
        }
        Ok(())
    }

    fn make(&mut self, paths: impl Iterator<Item = String>) -> Result<()> {
        for path in paths {
            self.ask(0, Kind::Create, &path);
            if self.clients[0].asked.len() >= CREATES_UNDER_WAY {
                self.settle()?;
            }
        }
        self.settle()
    }

    fn knows(&mut self, index: usize, path: &str) -> Result<bool> {
        let before = self.counted.errors;
        self.ask(index, Kind::Get, path);
        self.settle()?;
        Ok(self.counted.errors == before)
    }

    /// Waits for every answer.
    fn settle(&mut self) -> Result<()> {
        for client in &mut self.clients {
            client.connection.flush()?;
        }
        let deadline = Instant::now() + PATIENCE;
        while self.clients.iter().any(|client| !client.asked.is_empty()) {
            ensure!(Instant::now() < deadline, "a server does not answer");
            self.turn(PATIENCE_OF_A_TURN)?;
        }
        Ok(())
    }

    fn go(&mut self, length: Duration) -> Result<()> {
        let until = Instant::now() + length;
        self.is_asking = true;
        self.pace = self.options.rate.map(Pace::new);
        self.top_up_all()?;
        let patience = self
            .pace
            .as_ref()
            .map_or(PATIENCE_OF_A_TURN, |_| PACE_EVERY);
        while Instant::now() < until {
            self.turn(patience)?;
            if self.pace.is_some() {
                self.top_up_all()?;
            }
        }
        self.is_asking = false;
        // The last requests are answered outside the time that counts.
        let counted = self.counted.clone();
        self.settle()?;
        self.counted = counted;
        Ok(())
    }

    fn turn(&mut self, patience: Duration) -> Result<()> {
        let mut events = Events::with_capacity(1024);
        if let Err(error) = self.poll.poll(&mut events, Some(patience)) {
            if error.kind() == std::io::ErrorKind::Interrupted {
                return Ok(());
            }
            bail!(error);
        }
        for event in &events {
            let index = event.token().0;
            loop {
                let more = self.clients[index].connection.fill()?;
                self.take(index)?;
                if !more {
                    break;
                }
            }
            if self.is_asking {
                self.top_up(index)?;
            }
            self.clients[index].connection.flush()?;
        }
        Ok(())
    }

    fn take(&mut self, index: usize) -> Result<()> {
        let now = Instant::now();
        let client = &mut self.clients[index];
        while let Some(body) = client.connection.next_frame() {
            if !client.is_open {
                let granted = wire::int(body, 4).context("a short answer to the first frame")?;
                ensure!(granted > 0, "the server opens no session");
                client.is_open = true;
                continue;
            }
            let xid = wire::int(body, 0).context("an answer without a number")?;
            if xid < 0 {
                continue;
            }
            let code = wire::int(body, 12).context("an answer without a code")?;
            let asked = client.asked.pop_front().context("an answer to nothing")?;
            self.counted.errors += u64::from(code != 0);
            self.counted.answer(asked, now);
        }
        Ok(())
    }

    fn top_up_all(&mut self) -> Result<()> {
        (0..self.clients.len()).try_for_each(|index| self.top_up(index))
    }

    fn top_up(&mut self, index: usize) -> Result<()> {
        while self.clients[index].asked.len() < self.options.depth {
            if self.pace.as_mut().is_some_and(|pace| !pace.admits()) {
                break;
            }
            let percent = work::draw(&self.dice, 100);
            let mut kind = self.options.mix.pick(percent);
            let client = &mut self.clients[index];
            if kind == Kind::Delete && client.deleted == client.created {
                kind = Kind::Create;
            }
            let path = match kind {
                Kind::Get | Kind::Set | Kind::Multi => work::node(
                    work::draw(&self.dice, self.options.nodes),
                    self.options.value,
                ),
                Kind::List => work::listed(),
                Kind::Create => {
                    client.created += 1;
                    work::own(index, client.created)
                }
                Kind::Delete => {
                    client.deleted += 1;
                    work::own(index, client.deleted)
                }
            };
            self.ask(index, kind, &path);
        }
        self.clients[index].connection.flush()
    }

    fn ask(&mut self, index: usize, kind: Kind, path: &str) {
        let client = &mut self.clients[index];
        client.xid = client.xid.checked_add(1).unwrap_or(1);
        work::write(
            &mut client.connection.to_send,
            client.xid,
            kind,
            path,
            &self.value,
        );
        client.asked.push_back(Instant::now());
    }
}
