//! A blocking client of a few operations, written from the protocol alone: it shares no code with
//! the servers it looks at.

use anyhow::{Result, bail, ensure};
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const CREATE: i32 = 1;
const DELETE: i32 = 2;
const GET_DATA: i32 = 4;
const SET_DATA: i32 = 5;
const GET_CHILDREN: i32 = 8;
const SYNC: i32 = 9;
const PING: i32 = 11;
const CLOSE: i32 = -11;

const ADD_WATCH: i32 = 106;

const PING_XID: i32 = -2;
const EVENT_XID: i32 = -1;

const FRAME_BYTES_MAX: usize = 64 << 20;

/// What a session takes with it to another server.
#[derive(Clone, Default)]
pub(crate) struct Session {
    id: i64,
    password: Vec<u8>,
    /// The largest zxid this session was shown.
    zxid: i64,
}

impl Session {
    /// No session yet, of a client that has already seen what this one saw.
    pub(crate) fn successor(&self) -> Session {
        Session {
            zxid: self.zxid,
            ..Session::default()
        }
    }
}

/// One connection, with its session.
pub(crate) struct Zk {
    socket: TcpStream,
    xid: i32,
    pub(crate) session: Session,
    /// A reply that was older than one before it, if there ever was one.
    pub(crate) went_back: Option<(i64, i64)>,
}

/// Why an operation did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server refused it; nothing happened.
    Refused(i32),
    /// The connection is gone; it may have happened.
    Unknown(io::Error),
    /// The session is over; it did not happen.
    Expired,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused(code) => write!(f, "refused with {code}"),
            Failure::Unknown(error) => write!(f, "connection lost: {error}"),
            Failure::Expired => f.write_str("the session is over"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Unknown(error)
    }
}

impl Zk {
    /// Connects and opens a session, or takes up the one given.
    pub(crate) fn connect(
        address: SocketAddr,
        patience: Duration,
        session: Session,
    ) -> Result<Zk, Failure> {
        Zk::connect_with(address, patience, session, Duration::from_secs(10))
    }

    /// As [`Zk::connect`], with the session timeout that is asked for.
    pub(crate) fn connect_with(
        address: SocketAddr,
        patience: Duration,
        session: Session,
        timeout: Duration,
    ) -> Result<Zk, Failure> {
        let socket = TcpStream::connect_timeout(&address, patience)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(patience))?;
        socket.set_write_timeout(Some(patience))?;
        let mut zk = Zk {
            socket,
            xid: 0,
            session,
            went_back: None,
        };
        let mut request = Vec::new();
        put_int(&mut request, 0);
        put_long(&mut request, zk.session.zxid);
        put_int(
            &mut request,
            i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX),
        );
        put_long(&mut request, zk.session.id);
        let password = if zk.session.id == 0 {
            vec![0; 16]
        } else {
            zk.session.password.clone()
        };
        put_buffer(&mut request, &password);
        request.push(0);
        zk.send(&request)?;
        let reply = zk.receive()?;
        let mut reply = Body(&reply);
        let (_version, granted, id) = (reply.int()?, reply.int()?, reply.long()?);
        let password = reply.buffer()?.to_vec();
        if id == 0 || granted <= 0 {
            return Err(Failure::Expired);
        }
        zk.session.id = id;
        zk.session.password = password;
        Ok(zk)
    }

    /// Creates a znode that everybody may do everything with; its path as the server made it.
    pub(crate) fn create(
        &mut self,
        path: &str,
        data: &[u8],
        flags: i32,
    ) -> Result<String, Failure> {
        let reply = self.call(CREATE, &create_body(path, data, flags))?;
        Ok(String::from_utf8_lossy(Body(&reply).buffer()?).into_owned())
    }

    /// Deletes a znode, whatever its version.
    pub(crate) fn delete(&mut self, path: &str) -> Result<(), Failure> {
        let mut body = Vec::new();
        put_buffer(&mut body, path.as_bytes());
        put_int(&mut body, -1);
        self.call(DELETE, &body).map(drop)
    }

    /// Replaces the data of a znode, whatever its version.
    pub(crate) fn set(&mut self, path: &str, data: &[u8]) -> Result<(), Failure> {
        let mut body = Vec::new();
        put_buffer(&mut body, path.as_bytes());
        put_buffer(&mut body, data);
        put_int(&mut body, -1);
        self.call(SET_DATA, &body).map(drop)
    }

    /// The data of a znode, and what it is made of as the server states it, byte for byte.
    pub(crate) fn get(&mut self, path: &str) -> Result<(Vec<u8>, Vec<u8>), Failure> {
        let reply = self.call(GET_DATA, &path_and_no_watch(path))?;
        let mut body = Body(&reply);
        let data = body.buffer()?.to_vec();
        Ok((data, body.0.to_vec()))
    }

    /// The names of a znode's children, sorted.
    pub(crate) fn children(&mut self, path: &str) -> Result<Vec<String>, Failure> {
        let reply = self.call(GET_CHILDREN, &path_and_no_watch(path))?;
        let mut body = Body(&reply);
        let count = body.int()?;
        let mut names = Vec::new();
        for _ in 0..count {
            names.push(String::from_utf8_lossy(body.buffer()?).into_owned());
        }
        names.sort();
        Ok(names)
    }

    /// Waits until this server has seen everything that was finished before.
    pub(crate) fn sync(&mut self) -> Result<(), Failure> {
        let mut body = Vec::new();
        put_buffer(&mut body, b"/");
        self.call(SYNC, &body).map(drop)
    }

    /// A sign of life.
    pub(crate) fn ping(&mut self) -> Result<(), Failure> {
        self.request(PING_XID, PING, &[])?;
        self.reply(PING_XID).map(drop)
    }

    /// Ends the session.
    pub(crate) fn close(mut self) -> Result<(), Failure> {
        self.call(CLOSE, &[]).map(drop)
    }

    /// Sends a create without waiting for its answer.
    pub(crate) fn send_create(&mut self, path: &str, data: &[u8]) -> Result<(), Failure> {
        self.xid += 1;
        let xid = self.xid;
        self.request(xid, CREATE, &create_body(path, data, 0))
    }

    /// Sends a set without waiting for its answer.
    pub(crate) fn send_set(&mut self, path: &str, data: &[u8]) -> Result<(), Failure> {
        self.xid += 1;
        let xid = self.xid;
        let mut body = Vec::new();
        put_buffer(&mut body, path.as_bytes());
        put_buffer(&mut body, data);
        put_int(&mut body, -1);
        self.request(xid, SET_DATA, &body)
    }

    /// Asks for every event below a path, without waiting for the answer.
    pub(crate) fn send_watch_below(&mut self, path: &str) -> Result<(), Failure> {
        const PERSISTENT_RECURSIVE: i32 = 1;
        self.xid += 1;
        let xid = self.xid;
        let mut body = Vec::new();
        put_buffer(&mut body, path.as_bytes());
        put_int(&mut body, PERSISTENT_RECURSIVE);
        self.request(xid, ADD_WATCH, &body)
    }

    /// Takes the next event, before which no reply may come.
    pub(crate) fn take_event(&mut self) -> Result<(), Failure> {
        let frame = self.receive()?;
        if Body(&frame).int()? != EVENT_XID {
            return Err(
                io::Error::new(ErrorKind::InvalidData, "a reply where none was due").into(),
            );
        }
        Ok(())
    }

    /// Takes the answer of an operation that was only sent; its xid must be `xid`.
    pub(crate) fn take(&mut self, xid: i32) -> Result<(), Failure> {
        self.reply(xid).map(drop)
    }

    /// The xid of the operation that was sent last.
    pub(crate) fn last_xid(&self) -> i32 {
        self.xid
    }

    fn call(&mut self, kind: i32, body: &[u8]) -> Result<Vec<u8>, Failure> {
        self.xid += 1;
        let xid = self.xid;
        self.request(xid, kind, body)?;
        self.reply(xid)
    }

    fn request(&mut self, xid: i32, kind: i32, body: &[u8]) -> Result<(), Failure> {
        let mut request = Vec::with_capacity(8 + body.len());
        put_int(&mut request, xid);
        put_int(&mut request, kind);
        request.extend_from_slice(body);
        self.send(&request)
    }

    fn reply(&mut self, xid: i32) -> Result<Vec<u8>, Failure> {
        loop {
            let frame = self.receive()?;
            let mut head = Body(&frame);
            let (got, zxid, code) = (head.int()?, head.long()?, head.int()?);
            if zxid > 0 {
                if zxid < self.session.zxid {
                    self.went_back = Some((self.session.zxid, zxid));
                }
                self.session.zxid = zxid;
            }
            if got == EVENT_XID {
                continue;
            }
            if got != xid {
                let what = format!("reply {got} where {xid} was expected");
                return Err(io::Error::new(ErrorKind::InvalidData, what).into());
            }
            if code != 0 {
                return Err(Failure::Refused(code));
            }
            return Ok(head.0.to_vec());
        }
    }

    fn send(&mut self, request: &[u8]) -> Result<(), Failure> {
        let mut frame = Vec::with_capacity(4 + request.len());
        put_buffer(&mut frame, request);
        Ok(self.socket.write_all(&frame)?)
    }

    fn receive(&mut self) -> Result<Vec<u8>, Failure> {
        let mut length = [0; 4];
        self.socket.read_exact(&mut length)?;
        let length = usize::try_from(i32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > FRAME_BYTES_MAX {
            return Err(io::Error::new(ErrorKind::InvalidData, "a frame of absurd length").into());
        }
        let mut frame = vec![0; length];
        self.socket.read_exact(&mut frame)?;
        Ok(frame)
    }
}

/// Asks a server a word of four letters.
pub(crate) fn four_letters(address: SocketAddr, word: &str, patience: Duration) -> Result<String> {
    ensure!(word.len() == 4, "{word} has not four letters");
    let mut socket = TcpStream::connect_timeout(&address, patience)?;
    socket.set_read_timeout(Some(patience))?;
    socket.write_all(word.as_bytes())?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    if answer.contains("not in the whitelist") {
        bail!("{word} is not on the server's list");
    }
    Ok(answer)
}

fn create_body(path: &str, data: &[u8], flags: i32) -> Vec<u8> {
    let mut body = Vec::with_capacity(64 + path.len() + data.len());
    put_buffer(&mut body, path.as_bytes());
    put_buffer(&mut body, data);
    put_int(&mut body, 1);
    put_int(&mut body, 31);
    put_buffer(&mut body, b"world");
    put_buffer(&mut body, b"anyone");
    put_int(&mut body, flags);
    body
}

fn path_and_no_watch(path: &str) -> Vec<u8> {
    let mut body = Vec::new();
    put_buffer(&mut body, path.as_bytes());
    body.push(0);
    body
}

fn put_int(out: &mut Vec<u8>, value: i32) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn put_long(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn put_buffer(out: &mut Vec<u8>, bytes: &[u8]) {
    put_int(out, i32::try_from(bytes.len()).expect("a request is short"));
    out.extend_from_slice(bytes);
}

/// The rest of a reply.
struct Body<'a>(&'a [u8]);

impl<'a> Body<'a> {
    fn take(&mut self, count: usize) -> io::Result<&'a [u8]> {
        let Some((taken, rest)) = self.0.split_at_checked(count) else {
            return Err(io::Error::new(
                ErrorKind::InvalidData,
                "a reply is too short",
            ));
        };
        self.0 = rest;
        Ok(taken)
    }

    fn int(&mut self) -> io::Result<i32> {
        Ok(i32::from_be_bytes(
            self.take(4)?.try_into().expect("four bytes were taken"),
        ))
    }

    fn long(&mut self) -> io::Result<i64> {
        Ok(i64::from_be_bytes(
            self.take(8)?.try_into().expect("eight bytes were taken"),
        ))
    }

    /// A buffer or a string; one that is null is empty.
    fn buffer(&mut self) -> io::Result<&'a [u8]> {
        let length = self.int()?;
        self.take(usize::try_from(length).unwrap_or(0))
    }
}
