//! Replies as text, with names for what no two runs have in common.

use super::opcodes;
use super::script::quoted;
use super::transcript::{Asked, Recording, What, code_of, zxid_of};
use std::collections::BTreeMap;
use std::fmt::Write as _;

const SHOWN_BYTES_MAX: usize = 200;

pub(super) struct Renderer<'a> {
    recording: &'a Recording,
    /// When each transaction happened, as the first node that tells says.
    times: BTreeMap<i64, i64>,
}

impl<'a> Renderer<'a> {
    pub(super) fn new(recording: &'a Recording) -> Renderer<'a> {
        Renderer {
            recording,
            times: BTreeMap::new(),
        }
    }

    pub(super) fn text(&mut self, what: &What) -> String {
        match what {
            What::Closed => "closed".to_owned(),
            What::Silent => "silent".to_owned(),
            What::Bytes(bytes) => format!("bytes {}", shown(bytes)),
            What::Connected { bytes } => self
                .connected(bytes)
                .unwrap_or_else(|| format!("connected, but {}", hex(bytes))),
            What::Event { bytes } => self
                .event(bytes)
                .unwrap_or_else(|| format!("event, but {}", hex(bytes))),
            What::Reply { bytes, asked } => self.reply(bytes, *asked),
            What::Node { path, replies } => {
                let mut text = format!("node {}", self.path(path.as_bytes()));
                let ops = [opcodes::GET_DATA, opcodes::GET_ACL, opcodes::GET_CHILDREN];
                for (op, reply) in ops.into_iter().zip(replies) {
                    let body = self.body(op, reply);
                    write!(text, " | {}{body}", code_of(reply)).expect("a string takes all");
                }
                text
            }
        }
    }

    fn connected(&self, bytes: &[u8]) -> Option<String> {
        let mut body = Body(bytes);
        let (version, timeout, id) = (body.int()?, body.int()?, body.long()?);
        let password = body.buffer()??;
        let is_zero = password.iter().all(|byte| *byte == 0);
        let mut text = if id == 0 {
            format!("refused timeout={timeout}")
        } else {
            format!("connected {} timeout={timeout}", self.session(id))
        };
        write!(
            text,
            " version={version} password={}{}",
            password.len(),
            if is_zero { " zero" } else { "" }
        )
        .ok()?;
        match body.0 {
            [] => {}
            [byte] => write!(text, " ro={byte}").ok()?,
            rest => write!(text, " and {}", hex(rest)).ok()?,
        }
        Some(text)
    }

    fn event(&self, bytes: &[u8]) -> Option<String> {
        let mut body = Body(bytes);
        let (_xid, zxid, code) = (body.int()?, body.long()?, body.int()?);
        let (kind, state) = (body.int()?, body.int()?);
        let path = self.string(body.buffer()?);
        let rest = body.rest();
        Some(format!(
            "event {kind} {path} zxid={} err={code} state={state}{rest}",
            self.zxid(zxid)
        ))
    }

    fn reply(&mut self, bytes: &[u8], asked: Asked) -> String {
        if bytes.len() < 16 {
            return format!("reply, but {}", hex(bytes));
        }
        let xid = i32::from_be_bytes(bytes[..4].try_into().expect("it is long enough"));
        let mut text = opcodes::name(asked.op);
        if xid != asked.xid && !(asked.op == opcodes::PING && xid == -2) {
            let off = i64::from(xid) - i64::from(asked.xid);
            write!(text, " xid off by {off}").expect("a string takes all");
        }
        let zxid = match zxid_of(bytes) {
            special @ (0 | -1) => special.to_string(),
            zxid => format!("#{}", self.rank(zxid)),
        };
        let body = self.body(asked.op, bytes);
        write!(text, " zxid={zxid} err={}{body}", code_of(bytes)).expect("a string takes all");
        text
    }

    /// What follows a reply's header.
    fn body(&mut self, op: i32, reply: &[u8]) -> String {
        let mut body = Body(reply.get(16..).unwrap_or_default());
        if body.0.is_empty() {
            return String::new();
        }
        let text = if code_of(reply) == 0 {
            self.record(op, &mut body)
        } else {
            None
        };
        match text {
            Some(text) => format!(" {text}{}", body.rest()),
            None => format!(" and {}", hex(reply.get(16..).unwrap_or_default())),
        }
    }

    fn record(&mut self, op: i32, body: &mut Body<'_>) -> Option<String> {
        match op {
            opcodes::CREATE | opcodes::SYNC => Some(self.string(body.buffer()?)),
            opcodes::CREATE_2 | opcodes::CREATE_CONTAINER | opcodes::CREATE_TTL => {
                let path = self.string(body.buffer()?);
                Some(format!("{path} {}", self.stat(body)?))
            }
            opcodes::EXISTS | opcodes::SET_DATA | opcodes::SET_ACL => self.stat(body),
            opcodes::GET_DATA | opcodes::RECONFIG => {
                let data = body.buffer()?.map_or("null".to_owned(), data);
                Some(format!("{data} {}", self.stat(body)?))
            }
            opcodes::GET_ACL => {
                let list = self.acl(body)?;
                Some(format!("{list} {}", self.stat(body)?))
            }
            opcodes::GET_CHILDREN | opcodes::GET_EPHEMERALS => self.names(body),
            opcodes::GET_CHILDREN_2 => {
                let names = self.names(body)?;
                Some(format!("{names} {}", self.stat(body)?))
            }
            opcodes::MULTI | opcodes::MULTI_READ => self.parts(body),
            opcodes::GET_ALL_CHILDREN_NUMBER | opcodes::ADD_WATCH => Some(body.int()?.to_string()),
            opcodes::SASL => Some(self.string(body.buffer()?)),
            opcodes::WHO_AM_I => {
                let mut infos = Vec::new();
                for _ in 0..body.int()? {
                    let (scheme, user) = (body.buffer()?, body.buffer()?);
                    infos.push(format!("{}:{}", self.string(scheme), self.string(user)));
                }
                Some(format!("[{}]", infos.join(" ")))
            }
            _ => None,
        }
    }

    fn parts(&mut self, body: &mut Body<'_>) -> Option<String> {
        let mut parts = Vec::new();
        loop {
            let (op, done, code) = (body.int()?, body.byte()?, body.int()?);
            if done != 0 {
                parts.push(format!("end {op} {done} {code}"));
                return Some(format!("[{}]", parts.join(", ")));
            }
            let record = match op {
                opcodes::ERROR => body.int()?.to_string(),
                opcodes::DELETE | opcodes::CHECK => String::new(),
                op => self.record(op, body)?,
            };
            parts.push(format!("{} {code} {record}", opcodes::name(op)));
        }
    }

    fn stat(&mut self, body: &mut Body<'_>) -> Option<String> {
        let (czxid, mzxid) = (body.long()?, body.long()?);
        let (ctime, mtime) = (body.long()?, body.long()?);
        let (version, cversion, aversion) = (body.int()?, body.int()?, body.int()?);
        let owner = body.long()?;
        let (length, children, pzxid) = (body.int()?, body.int()?, body.long()?);
        let mut text = format!(
            "{{c={} m={} p={} v={version} cv={cversion} av={aversion} len={length} kids={children}",
            self.zxid(czxid),
            self.zxid(mzxid),
            self.zxid(pzxid)
        );
        if owner != 0 {
            write!(text, " owner={}", self.session(owner)).ok()?;
        }
        // Every transaction has one time, wherever it is told. Nodes that every tree has were
        // not made by one.
        for (name, zxid, time) in [("ctime", czxid, ctime), ("mtime", mzxid, mtime)] {
            let is_own = self.recording.zxids.binary_search(&zxid).is_ok();
            if is_own && *self.times.entry(zxid).or_insert(time) != time {
                write!(text, " {name} is of another transaction").ok()?;
            }
        }
        text.push('}');
        Some(text)
    }

    fn acl(&self, body: &mut Body<'_>) -> Option<String> {
        let count = body.int()?;
        if count < 0 {
            return Some(format!("acl {count}"));
        }
        let mut entries = Vec::new();
        for _ in 0..count {
            let (perms, scheme, id) = (body.int()?, body.buffer()?, body.buffer()?);
            let (scheme, id) = (self.string(scheme), self.string(id));
            entries.push(format!("{perms}:{scheme}:{id}"));
        }
        Some(format!("acl[{}]", entries.join(" ")))
    }

    fn names(&self, body: &mut Body<'_>) -> Option<String> {
        let count = body.int()?;
        let mut names = Vec::new();
        for _ in 0..count {
            names.push(self.string(body.buffer()?));
        }
        names.sort();
        Some(format!("[{}]", names.join(" ")))
    }

    /// The script's own transactions by number; `+` says that it is one of somebody else's after
    /// that.
    fn zxid(&self, zxid: i64) -> String {
        match zxid {
            0 | -1 => zxid.to_string(),
            zxid if self.recording.zxids.binary_search(&zxid).is_ok() => {
                format!("#{}", self.rank(zxid))
            }
            zxid => format!("#{}+", self.rank(zxid)),
        }
    }

    fn rank(&self, zxid: i64) -> usize {
        self.recording.zxids.partition_point(|own| *own <= zxid)
    }

    fn session(&self, id: i64) -> String {
        match self.recording.sessions.get(&id) {
            Some(name) => format!("session {name}"),
            None => "a session of nobody".to_owned(),
        }
    }

    fn string(&self, bytes: Option<&[u8]>) -> String {
        bytes.map_or("null".to_owned(), |bytes| self.path(bytes))
    }

    fn path(&self, bytes: &[u8]) -> String {
        let prefix = self.recording.prefix.as_bytes();
        let below = |bytes: &[u8]| match bytes.strip_prefix(prefix) {
            Some(rest) if rest.is_empty() || rest.starts_with(b"/") => Some(shown(rest)),
            _ => None,
        };
        if prefix.is_empty() {
            return shown(bytes);
        }
        if let Some(rest) = below(bytes) {
            return format!("@{rest}");
        }
        match bytes.strip_prefix(b"/zookeeper/quota").and_then(below) {
            Some(rest) => format!("~{rest}"),
            None => shown(bytes),
        }
    }
}

/// Data of a node. The ports of servers differ from run to run, but not in length.
fn data(bytes: &[u8]) -> String {
    if !bytes.starts_with(b"server.") {
        return shown(bytes);
    }
    let text = String::from_utf8_lossy(bytes);
    let without_ports: Vec<&str> = text
        .split([':', ';', '\n'])
        .filter(|part| part.len() < 4 || part.parse::<u16>().is_err())
        .collect();
    shown(without_ports.join(" ").as_bytes())
}

fn shown(bytes: &[u8]) -> String {
    if bytes.len() <= SHOWN_BYTES_MAX {
        return quoted(bytes);
    }
    let sum = bytes.iter().fold(0u32, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u32::from(*byte))
    });
    format!("{} bytes with the sum {sum:08x}", bytes.len())
}

fn hex(bytes: &[u8]) -> String {
    let end = bytes.len().min(SHOWN_BYTES_MAX);
    let digits: String = bytes[..end]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{} bytes {digits}", bytes.len())
}

/// What is left of a frame.
pub(super) struct Body<'a>(pub(super) &'a [u8]);

impl<'a> Body<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        Some(self.take(1)?[0])
    }

    pub(super) fn int(&mut self) -> Option<i32> {
        Some(i32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    pub(super) fn long(&mut self) -> Option<i64> {
        Some(i64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }

    /// A string or a buffer; the inner `None` is one that is null.
    pub(super) fn buffer(&mut self) -> Option<Option<&'a [u8]>> {
        match self.int()? {
            -1 => Some(None),
            length => Some(Some(self.take(usize::try_from(length).ok()?)?)),
        }
    }

    fn rest(&self) -> String {
        if self.0.is_empty() {
            String::new()
        } else {
            format!(" and {}", hex(self.0))
        }
    }
}
