//! Plays a script against a server or an ensemble, so that there is one legal outcome: whoever
//! acts has first seen everything that was done before, wherever it was done.

use super::link::{Link, Read};
use super::opcodes;
use super::profiles::Profile;
use super::script::{Field, Hello, Name, Password, Request, Script, Step};
use super::transcript::{Asked, Entry, Recording, What};
use super::warden::Warden;
use super::wire::{self, Meaning};
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

/// Xids of what the player itself asks, far from those of scripts.
pub(super) const OWN_XIDS: i32 = 1_000_000_000;

/// Plays one script.
pub(super) struct Player<'a> {
    pub(super) servers: &'a [SocketAddr],
    pub(super) prefix: &'a str,
    conns: BTreeMap<Name, Conn>,
    sessions: BTreeMap<Name, Session>,
    pub(super) recording: Recording,
    step: usize,
    /// How many steps so far may have changed something.
    changes: u64,
    /// How many of them each server has surely applied.
    applied: Vec<u64>,
    own_xid: i32,
}

struct Conn {
    link: Link,
    server: usize,
    session: Name,
    xid: i32,
    awaited: VecDeque<Asked>,
    open: bool,
}

struct Session {
    id: i64,
    password: Vec<u8>,
    server: usize,
    conn: Name,
}

/// Plays a script in a subtree of its own and leaves nothing of it.
pub(super) fn play(
    script: &Script,
    servers: &[SocketAddr],
    prefix: &str,
    warden: &mut Warden,
) -> Result<Recording> {
    let local_sessions = Profile::named(&script.profile).is_some_and(|it| it.local_sessions);
    let mut player = Player {
        servers,
        prefix,
        conns: BTreeMap::new(),
        sessions: BTreeMap::new(),
        recording: Recording::new(prefix, local_sessions),
        step: 0,
        changes: 1,
        applied: vec![0; servers.len()],
        own_xid: OWN_XIDS,
    };
    let created = warden.prepare(prefix, &mut player.recording);
    created.context("the subtree cannot be prepared")?;
    player.applied[0] = 1;
    for step in &script.steps {
        player.step += 1;
        player.take(step)?;
    }
    player.finish(warden)?;
    Ok(player.recording)
}

impl Player<'_> {
    fn take(&mut self, step: &Step) -> Result<()> {
        self.settle_others(step);
        match step {
            Step::Open {
                conn,
                server,
                hello,
            } => self.open(*conn, *server, hello),
            Step::Request {
                conn,
                pipelined,
                request,
            } => {
                let sent = self.request(*conn, request);
                self.recording.sent += usize::from(sent);
                if !pipelined {
                    self.settle(*conn);
                }
                if request.op == opcodes::CLOSE_SESSION && self.servers.len() > 1 {
                    // Apache's leader counts the children that the end of a session takes with it
                    // until it has applied that end itself, whoever has been answered.
                    self.applied[0] = 0;
                    self.catch_up_with_a_scout(0)?;
                }
                Ok(())
            }
            Step::Cut { conn } => {
                self.conns.remove(conn);
                Ok(())
            }
            Step::Expire { conn } => self.expire(*conn),
            Step::Raw { server, bytes } => {
                let server = server % self.servers.len();
                let mut link = Link::connect(self.servers[server])?;
                link.send(bytes);
                let (bytes, closed) = link.read_to_end();
                self.note('-', What::Bytes(bytes));
                let end = if closed { What::Closed } else { What::Silent };
                self.note('-', end);
                Ok(())
            }
        }
    }

    /// Whoever acts finds the requests of others answered.
    fn settle_others(&mut self, step: &Step) {
        let actor = match step {
            Step::Request { conn, .. } => Some(*conn),
            Step::Open { .. } | Step::Cut { .. } | Step::Expire { .. } | Step::Raw { .. } => None,
        };
        let others: Vec<Name> = self
            .conns
            .iter()
            .filter(|(name, conn)| Some(**name) != actor && !conn.awaited.is_empty())
            .map(|(name, _)| *name)
            .collect();
        for name in others {
            self.settle(name);
        }
    }

    /// A client that comes to another server, or without its password, has lost its connection:
    /// what servers make of the old one is a declared difference.
    fn leave_behind(&mut self, server: usize, hello: &Hello) {
        let Some(session) = hello.session.and_then(|name| self.sessions.get(&name)) else {
            return;
        };
        if session.server != server || hello.password != Password::Good {
            self.conns.remove(&session.conn);
        }
    }

    fn open(&mut self, conn: Name, server: usize, hello: &Hello) -> Result<()> {
        let server = server % self.servers.len();
        self.leave_behind(server, hello);
        if hello.session.is_some() {
            self.catch_up_with_a_scout(server)?;
        }
        let taken_up = hello.session.and_then(|name| self.sessions.get(&name));
        let (id, password) = match taken_up {
            Some(session) => (session.id, session.password.clone()),
            None if hello.session.is_some() => (self.nobodys_session(), vec![0; 16]),
            None => (0, vec![0; 16]),
        };
        let mut link = Link::connect(self.servers[server])?;
        link.send(&wire::hello(hello, id, &password));
        self.conns.remove(&conn);
        let Read::Frame(bytes) = link.read() else {
            self.note(conn, What::Closed);
            return Ok(());
        };
        let (id, password) = granted(&bytes);
        self.note(conn, What::Connected { bytes });
        if id == 0 {
            self.expect_close(conn, &mut link);
            return Ok(());
        }
        let session = hello.session.unwrap_or(conn);
        if hello.session.is_none() {
            self.recording.sessions.insert(id, conn);
            if !self.recording.local_sessions {
                // A session's creation is applied in order.
                self.applied[server] = self.changes;
            }
        }
        let facts = Session {
            id,
            password,
            server,
            conn,
        };
        self.sessions.insert(session, facts);
        let conn_facts = Conn {
            link,
            server,
            session,
            xid: 0,
            awaited: VecDeque::new(),
            open: true,
        };
        self.conns.insert(conn, conn_facts);
        Ok(())
    }

    /// Only from here on the session's timeout is short, however long the script took so far.
    fn expire(&mut self, name: Name) -> Result<()> {
        let Some(conn) = self.conns.remove(&name).filter(|conn| conn.open) else {
            return Ok(());
        };
        let hello = Hello {
            session: Some(conn.session),
            timeout: 0,
            ..Hello::default()
        };
        let server = conn.server;
        drop(conn);
        self.open(name, server, &hello)?;
        if let Some(mut conn) = self.conns.remove(&name) {
            self.expect_close(name, &mut conn.link);
            self.changes += 1;
        }
        Ok(())
    }

    /// The id of a session nobody opened; no other script uses it.
    fn nobodys_session(&self) -> i64 {
        let bytes = self.prefix.bytes();
        bytes.fold(1, |id, byte| {
            (id << 8 ^ id >> 40 ^ i64::from(byte)) & 0xffff_ffff_ffff
        })
    }

    /// Sends a request; false where the connection is not open.
    fn request(&mut self, name: Name, request: &Request) -> bool {
        self.catch_up(name);
        let Some(conn) = self.conns.get_mut(&name).filter(|conn| conn.open) else {
            return false;
        };
        conn.xid += 1;
        let xid = request.xid.unwrap_or(conn.xid);
        let meaning = Meaning {
            prefix: self.prefix,
            zxids: &self.recording.zxids,
        };
        conn.link.send(&wire::frame(request, xid, &meaning));
        conn.awaited.push_back(Asked {
            op: request.op,
            xid,
            step: self.step,
        });
        if opcodes::is_write(request.op) {
            self.changes += 1;
        }
        true
    }

    /// Lets the connection's server see what was done elsewhere, by a write that fails: it takes
    /// its place among all writes, on whichever server.
    fn catch_up(&mut self, name: Name) {
        let Some(conn) = self.conns.get(&name).filter(|conn| conn.open) else {
            return;
        };
        let server = conn.server;
        if self.applied[server] == self.changes || !conn.awaited.is_empty() {
            return;
        }
        let mut barrier = barrier();
        self.own_xid += 1;
        barrier.xid = Some(self.own_xid);
        self.applied[server] = self.changes;
        self.request(name, &barrier);
        self.changes -= 1;
        self.settle(name);
        if self.conns.get(&name).is_none_or(|conn| !conn.open) {
            self.applied[server] = 0;
        }
    }

    /// Lets a server see what was done elsewhere, by a session of its own and a write that fails:
    /// the end of a session, for one, ends what takes it up elsewhere before it is known there.
    fn catch_up_with_a_scout(&mut self, server: usize) -> Result<()> {
        if self.applied[server] == self.changes {
            return Ok(());
        }
        let mut scout = Link::connect(self.servers[server])?;
        scout.send(&wire::hello(&Hello::default(), 0, &[0; 16]));
        let meaning = Meaning {
            prefix: "",
            zxids: &[],
        };
        let end = Request::new(opcodes::CLOSE_SESSION, Vec::new());
        scout.send(&wire::frame(&barrier(), 1, &meaning));
        scout.send(&wire::frame(&end, 2, &meaning));
        for what in ["session", "answer", "end"] {
            let Read::Frame(_) = scout.read() else {
                bail!("a scout is given no {what}");
            };
        }
        self.applied[server] = self.changes;
        Ok(())
    }

    /// Reads what the server owes a connection.
    fn settle(&mut self, name: Name) {
        let Some(mut conn) = self.conns.remove(&name) else {
            return;
        };
        let now = self.step;
        while let Some(asked) = conn.awaited.front().filter(|_| conn.open) {
            // What comes belongs to the request it comes after, or answers.
            self.step = asked.step;
            match conn.link.read() {
                Read::Closed => {
                    self.note(name, What::Closed);
                    conn.open = false;
                }
                Read::Silent => {
                    self.note(name, What::Silent);
                    conn.open = false;
                }
                Read::Frame(bytes) => self.on_frame(name, &mut conn, bytes),
            }
        }
        self.step = now;
        conn.awaited.clear();
        if conn.open {
            self.applied[conn.server] = self.changes;
        }
        self.conns.insert(name, conn);
    }

    fn on_frame(&mut self, name: Name, conn: &mut Conn, bytes: Vec<u8>) {
        if super::transcript::is_event(&bytes) {
            return self.note(name, What::Event { bytes });
        }
        let asked = conn.awaited.pop_front().expect("something is awaited");
        let ending = super::transcript::ends_connection(&bytes, asked);
        let is_barrier = asked.xid >= OWN_XIDS && asked.xid <= self.own_xid;
        if !is_barrier {
            self.note(name, What::Reply { bytes, asked });
        }
        match ending {
            Ending::GoesOn => {}
            Ending::Closes => {
                self.expect_close(name, &mut conn.link);
                conn.open = false;
            }
            Ending::Unwatched => conn.open = false,
        }
    }

    fn expect_close(&mut self, name: Name, link: &mut Link) {
        let what = match link.read() {
            Read::Closed => What::Closed,
            Read::Silent => What::Silent,
            Read::Frame(bytes) => What::Event { bytes },
        };
        self.note(name, what);
    }

    /// Collects what connections are still owed, looks at the tree, ends all sessions, and looks
    /// again.
    fn finish(&mut self, warden: &mut Warden) -> Result<()> {
        self.step += 1;
        let names: Vec<Name> = self.conns.keys().copied().collect();
        for name in names {
            self.request(name, &Request::new(opcodes::PING, Vec::new()));
            self.settle(name);
        }
        self.step += 1;
        self.walk(warden)?;
        self.step += 1;
        let sessions: Vec<Name> = self.sessions.keys().copied().collect();
        for session in sessions {
            self.end_session(session)?;
        }
        self.step += 1;
        self.walk(warden)?;
        warden.clean(self.prefix)
    }

    fn walk(&mut self, warden: &mut Warden) -> Result<()> {
        if self.applied[0] != self.changes {
            warden.catch_up()?;
            self.applied[0] = self.changes;
        }
        warden.walk(self.prefix, self.step, &mut self.recording)
    }

    fn end_session(&mut self, name: Name) -> Result<()> {
        let session = &self.sessions[&name];
        let (server, mut conn) = (session.server, session.conn);
        let is_live = self
            .conns
            .get(&conn)
            .is_some_and(|it| it.open && it.session == name);
        if !is_live {
            conn = name.to_ascii_uppercase();
            let hello = Hello {
                session: Some(name),
                password: Password::Good,
                ..Hello::default()
            };
            self.open(conn, server, &hello)?;
        }
        self.request(conn, &Request::new(opcodes::CLOSE_SESSION, Vec::new()));
        self.settle(conn);
        Ok(())
    }

    fn note(&mut self, conn: Name, what: What) {
        let step = self.step;
        self.recording.note(Entry { step, conn, what });
    }
}

/// A write that fails.
fn barrier() -> Request {
    let path = Field::text("/no parent/none");
    Request::new(opcodes::DELETE, vec![path, Field::Int(-1)])
}

/// What comes after a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    GoesOn,
    /// The server must close.
    Closes,
    /// The two servers are known to differ: nothing after it is looked at.
    Unwatched,
}

/// The session id and the password that a server grants.
fn granted(response: &[u8]) -> (i64, Vec<u8>) {
    let id = response.get(8..16).and_then(|id| id.try_into().ok());
    let password = response.get(20..36).unwrap_or_default().to_vec();
    (id.map_or(0, i64::from_be_bytes), password)
}
