//! The floor: a server without state. It reads the frames of requests and answers each with as many
//! bytes as a server would; writes it also logs, a whole batch with one sync, before it answers.

use super::connection::{Connection, ROOM};
use super::wire::{self, Frame, opcode};
use super::work;
use anyhow::{Context, Result};
use clap::Args;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// How to be a floor.
#[derive(Args)]
pub(crate) struct Options {
    #[arg(long)]
    listen: SocketAddr,
    /// Where writes are logged; a file of zeros is made there first.
    #[arg(long)]
    log: PathBuf,
}

const LISTENER: Token = Token(usize::MAX);
const STAT: [u8; 68] = [0; 68];
/// The log begins anew when it is this long.
const LOG_BYTES: usize = 64 << 20;

/// Serves until it is killed.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut floor = Floor::new(options)?;
    let mut listener = TcpListener::bind(options.listen)?;
    let mut poll = Poll::new()?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut connections: BTreeMap<Token, (Connection, bool)> = BTreeMap::new();
    let mut next = 0;
    let mut events = Events::with_capacity(1024);
    println!("serves");
    loop {
        poll.poll(&mut events, None)?;
        let mut ready = Vec::new();
        for event in &events {
            if event.token() != LISTENER {
                ready.push(event.token());
                continue;
            }
            while let Ok((stream, _)) = listener.accept() {
                let token = Token(next);
                next += 1;
                let connection = Connection::over(stream, ROOM, poll.registry(), token)?;
                connections.insert(token, (connection, false));
            }
        }
        for token in &ready {
            if let Some((connection, is_open)) = connections.get_mut(token)
                && floor.answer(connection, is_open).is_err()
            {
                connections.remove(token);
            }
        }
        floor.sync()?;
        for token in &ready {
            if let Some((connection, _)) = connections.get_mut(token)
                && connection.flush().is_err()
            {
                connections.remove(token);
            }
        }
    }
}

struct Floor {
    value: Vec<u8>,
    names: Vec<Vec<u8>>,
    log: File,
    at: usize,
    to_log: Vec<u8>,
}

impl Floor {
    fn new(options: &Options) -> Result<Self> {
        let mut log = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&options.log)
            .context("cannot make the floor's log")?;
        let zeros = vec![0; 1 << 20];
        for _ in 0..LOG_BYTES / zeros.len() {
            log.write_all(&zeros)?;
        }
        log.sync_all()?;
        Ok(Floor {
            value: Vec::new(),
            names: (0..work::CHILDREN)
                .map(|number| format!("c{number:09}").into_bytes())
                .collect(),
            log,
            at: 0,
            to_log: Vec::new(),
        })
    }

    fn answer(&mut self, connection: &mut Connection, is_open: &mut bool) -> Result<()> {
        let mut answers = std::mem::take(&mut connection.to_send);
        loop {
            let more = connection.fill()?;
            while let Some(body) = connection.next_frame() {
                if *is_open {
                    self.one(body, &mut answers)?;
                } else {
                    *is_open = true;
                    let frame = Frame::begin(&mut answers).int(0).int(40_000).long(1);
                    frame.bytes(&[0; 16]).bool(false).end();
                }
            }
            if !more {
                break;
            }
        }
        connection.to_send = answers;
        Ok(())
    }

    fn one(&mut self, body: &[u8], answers: &mut Vec<u8>) -> Result<()> {
        let xid = wire::int(body, 0).context("a request has a number")?;
        let frame = Frame::begin(answers).int(xid).long(1).int(0);
        let frame = match wire::int(body, 4).context("a request has an opcode")? {
            opcode::GET_DATA => {
                let length = usize::try_from(wire::int(body, 8).context("a path")?)?;
                let path = body.get(12..12 + length).context("a whole path")?;
                if let Some(length) = work::value_of(path) {
                    self.value.resize(length, b'x');
                }
                frame.bytes(&self.value).raw(&STAT)
            }
            opcode::GET_CHILDREN => {
                let count = i32::try_from(self.names.len())?;
                self.names
                    .iter()
                    .fold(frame.int(count), |frame, name| frame.bytes(name))
            }
            opcode::CREATE => {
                self.to_log.extend_from_slice(body);
                let length = usize::try_from(wire::int(body, 8).context("a path")?)?;
                frame.bytes(body.get(12..12 + length).context("a whole path")?)
            }
            opcode::SET_DATA => {
                self.to_log.extend_from_slice(body);
                frame.raw(&STAT)
            }
            _ => {
                self.to_log.extend_from_slice(body);
                frame
            }
        };
        frame.end();
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        if self.to_log.is_empty() {
            return Ok(());
        }
        if self.at + self.to_log.len() > LOG_BYTES {
            self.at = 0;
        }
        self.log
            .write_all_at(&self.to_log, u64::try_from(self.at)?)?;
        self.log.sync_data()?;
        self.at += self.to_log.len();
        self.to_log.clear();
        Ok(())
    }
}
