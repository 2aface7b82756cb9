//! True histories, made up: what a right ensemble would have committed and answered. To see how
//! fast histories are checked, and whether the check notices what is not true.

use crate::decide::{Dice, Stream};
use crate::oracle::history::{self, Writes};
use crate::oracle::ledger::Ledger;
use crate::oracle::model::{Answer, Model};
use crate::oracle::txn::{Change, Created};
use crate::oracle::wire::{Frame, FrameKind, Request, Tap, WireStat};
use crate::swarm::Locality;
use smol_str::{SmolStr, format_smolstr};
use std::collections::VecDeque;
use std::rc::Rc;
use zk_types::{Chain, Record, RecordBody, Zxid};

/// Sessions are named by this and their client.
const SESSION: i64 = 0x0100_0000_0000_0000;

/// A history and what it should be checked with.
#[derive(Clone, Debug)]
pub(crate) struct History {
    pub(crate) entries: Vec<(u64, Made)>,
    pub(crate) taps: Vec<Tap>,
}

/// A transaction of a made-up history.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) session: i64,
    pub(crate) cxid: i32,
    pub(crate) change: Change,
}

impl History {
    /// What the ensemble would have committed.
    pub(crate) fn ledger(&self) -> Ledger {
        let record = |(zxid, made): &(u64, Made)| Record {
            zxid: Zxid(*zxid),
            committed_upto: Zxid(0),
            body: RecordBody::Txn(payload(*zxid, made).into()),
            chain: Chain(0),
        };
        Ledger::of(self.entries.iter().map(record).collect())
    }
}

/// A true history that waits to be checked: for whoever wants to know how long that takes.
pub struct HistoryBench {
    history: History,
    ledger: Ledger,
}

impl HistoryBench {
    /// What 16 clients did at once, `operations` things in all.
    pub fn new(seed: u64, operations: usize) -> Self {
        let history = history(seed, operations, 16);
        let ledger = history.ledger();
        HistoryBench { history, ledger }
    }

    /// Checks it as the end of a run does.
    ///
    /// # Errors
    /// The rule that it breaks, in words; a true history breaks none.
    pub fn check(&self) -> Result<(), String> {
        let writes = Writes::collect(&self.history.taps);
        history::judge(&self.ledger, &self.history.taps, &writes, Locality::Global)
            .map(|_| ())
            .map_err(|broken| format!("{}: {}", broken.rule, broken.seen))
    }
}

struct Pending {
    xid: i32,
    request: Request,
    /// Stamp, error and body, once it took effect.
    outcome: Option<(u64, i32, Vec<u8>)>,
}

/// Makes up what `clients` did at once, until they had asked for `operations` things.
pub(crate) fn history(seed: u64, operations: usize, clients: usize) -> History {
    let mut maker = Maker {
        dice: Dice::new(seed, Stream::Workload, 0),
        model: Model::new(),
        zxid: 0x1_0000_0000,
        order: 0,
        entries: Vec::new(),
    };
    let mut taps = Vec::new();
    let mut waiting: Vec<VecDeque<Pending>> = Vec::new();
    for client in 0..clients {
        let session = SESSION + i64::try_from(client).expect("few clients");
        maker.commit(session, 0, Change::CreateSession { timeout_ms: 9_000 });
        let mut tap = Tap::new(client, 0);
        tap.session = Some(session);
        taps.push(tap);
        waiting.push(VecDeque::new());
    }
    let mut asked = 0;
    while asked < operations {
        let client = maker.dice.index(clients);
        match maker.dice.below(3) {
            0 if waiting[client].len() < 8 => {
                asked += 1;
                let xid = i32::try_from(asked).expect("few operations");
                let request = maker.request(xid);
                let what = FrameKind::Request {
                    xid,
                    request: request.clone(),
                };
                taps[client].frames.push(maker.frame(what));
                waiting[client].push_back(Pending {
                    xid,
                    request,
                    outcome: None,
                });
            }
            1 => {
                let session = taps[client].session.expect("it was granted");
                let next = waiting[client].iter_mut().find(|p| p.outcome.is_none());
                if let Some(pending) = next {
                    pending.outcome = Some(maker.happen(session, pending.xid, &pending.request));
                }
            }
            _ => {
                let is_settled = |pending: &mut Pending| pending.outcome.is_some();
                let Some(pending) = waiting[client].pop_front_if(is_settled) else {
                    continue;
                };
                let (zxid, error, body) = pending.outcome.expect("it is settled");
                let what = FrameKind::Reply {
                    xid: pending.xid,
                    zxid: zxid.cast_signed(),
                    error,
                    body: Rc::from(body),
                };
                taps[client].frames.push(maker.frame(what));
            }
        }
    }
    History {
        entries: maker.entries,
        taps,
    }
}

struct Maker {
    dice: Dice,
    model: Model,
    zxid: u64,
    order: u64,
    entries: Vec<(u64, Made)>,
}

impl Maker {
    fn frame(&mut self, what: FrameKind) -> Frame {
        self.order += 1;
        Frame {
            order: self.order,
            time: self.order,
            what,
        }
    }

    fn path(&mut self) -> SmolStr {
        // Half of all keys are hot, the other half are many.
        let top = if self.dice.percent(50) {
            self.dice.below(4)
        } else {
            self.dice.below(1_000)
        };
        match self.dice.below(10) {
            0..6 => format_smolstr!("/k{top}"),
            _ => format_smolstr!("/k{top}/c{}", self.dice.below(4)),
        }
    }

    fn version(&mut self, path: &str) -> i32 {
        match self.dice.below(3) {
            0 => -1,
            1 => self.model.node(path).map_or(0, |node| node.version),
            _ => i32::try_from(self.dice.below(3)).expect("small"),
        }
    }

    fn request(&mut self, xid: i32) -> Request {
        let path = self.path();
        match self.dice.below(20) {
            0..7 => Request::GetData { path, watch: false },
            7 | 8 => Request::Exists { path, watch: false },
            9 | 10 => Request::GetChildren {
                path: format_smolstr!("/k{}", 4 + self.dice.below(996)),
                watch: false,
                with_stat: true,
            },
            11 => Request::Sync,
            12 => Request::Multi((0..2).map(|_| self.write(xid)).collect()),
            _ => self.write(xid),
        }
    }

    fn write(&mut self, xid: i32) -> Request {
        let path = self.path();
        let data = Some(Rc::from(xid.to_be_bytes()));
        match self.dice.below(10) {
            0..3 => Request::Create {
                path,
                data,
                flags: 0,
                with_stat: true,
                ttl_ms: -1,
            },
            3 => Request::Create {
                path: format_smolstr!("/k{}/q-", self.dice.below(4)),
                data,
                flags: 2,
                with_stat: false,
                ttl_ms: -1,
            },
            4 => Request::Delete {
                version: self.version(&path),
                path,
            },
            _ => Request::SetData {
                version: self.version(&path),
                path,
                data,
            },
        }
    }

    fn commit(&mut self, session: i64, cxid: i32, change: Change) {
        self.zxid += 1;
        self.model
            .apply(session, self.zxid, 0, &change)
            .expect("it follows from the state before it");
        let made = Made {
            session,
            cxid,
            change,
        };
        self.entries.push((self.zxid, made));
    }

    /// A request takes effect now.
    fn happen(&mut self, session: i64, xid: i32, request: &Request) -> (u64, i32, Vec<u8>) {
        if !request.is_write() {
            let (error, body) = read(&self.model, request, self.zxid);
            return (self.zxid, error, body);
        }
        let (change, answer) = self.model.expect(session, self.zxid + 1, 0, request);
        self.commit(session, xid, change);
        let mut body = Vec::new();
        let error = match &answer {
            Answer::Error(code) => *code,
            Answer::Created { .. } | Answer::Stat(_) | Answer::Void | Answer::Multi(_) => {
                put_answer(&mut body, &answer, request);
                0
            }
        };
        (self.zxid, error, body)
    }
}

fn read(model: &Model, request: &Request, zxid: u64) -> (i32, Vec<u8>) {
    let mut body = Vec::new();
    let (Request::Exists { path, .. }
    | Request::GetData { path, .. }
    | Request::GetChildren { path, .. }) = request
    else {
        put_buffer(&mut body, Some(b"/"));
        return (0, body);
    };
    let Some(node) = model.node_at(path, zxid) else {
        return (-101, Vec::new());
    };
    if let Request::GetData { .. } = request {
        put_buffer(&mut body, node.data.as_deref());
    }
    if let Request::GetChildren { .. } = request {
        let names: Vec<String> = children(model, path);
        put_int(&mut body, i32::try_from(names.len()).expect("few"));
        for name in names {
            put_buffer(&mut body, Some(name.as_bytes()));
        }
    }
    put_stat(&mut body, &node.stat());
    (0, body)
}

/// The children that the generator may have made.
fn children(model: &Model, path: &str) -> Vec<String> {
    let names = (0..4).map(|child| format!("c{child}"));
    let there = |name: &String| model.node(&format!("{path}/{name}")).is_some();
    names.filter(there).collect()
}

fn put_acl(out: &mut Vec<u8>, perms: i32) {
    put_int(out, 1);
    put_int(out, perms);
    put_buffer(out, Some(b"world"));
    put_buffer(out, Some(b"anyone"));
}

fn put_int(out: &mut Vec<u8>, number: i32) {
    out.extend(number.to_be_bytes());
}

fn put_long(out: &mut Vec<u8>, number: i64) {
    out.extend(number.to_be_bytes());
}

fn put_buffer(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        None => put_int(out, -1),
        Some(bytes) => {
            put_int(out, i32::try_from(bytes.len()).expect("short"));
            out.extend(bytes);
        }
    }
}

fn put_stat(out: &mut Vec<u8>, stat: &WireStat) {
    put_long(out, stat.czxid.cast_signed());
    put_long(out, stat.mzxid.cast_signed());
    put_long(out, stat.ctime);
    put_long(out, stat.mtime);
    put_int(out, stat.version);
    put_int(out, stat.cversion);
    put_int(out, stat.aversion);
    put_long(out, stat.owner);
    put_int(out, stat.data_length);
    put_int(out, stat.children);
    put_long(out, stat.pzxid.cast_signed());
}

fn put_answer(out: &mut Vec<u8>, answer: &Answer, request: &Request) {
    match answer {
        Answer::Created { path, stat } => {
            put_buffer(out, Some(path.as_bytes()));
            if let Some(stat) = stat {
                put_stat(out, stat);
            }
        }
        Answer::Stat(stat) => put_stat(out, stat),
        Answer::Void | Answer::Error(_) => {}
        Answer::Multi(results) => {
            let Request::Multi(parts) = request else {
                unreachable!("a multi is answered by parts")
            };
            for (result, part) in results.iter().zip(parts) {
                let (kind, error) = match result {
                    Ok(_) => (kind_of(part), 0),
                    Err(code) => (-1, *code),
                };
                put_int(out, kind);
                out.push(0);
                put_int(out, error);
                match result {
                    Ok(answer) => put_answer(out, answer, part),
                    Err(code) => put_int(out, *code),
                }
            }
            put_int(out, -1);
            out.push(1);
            put_int(out, -1);
        }
    }
}

fn kind_of(part: &Request) -> i32 {
    if let Request::Create { with_stat, .. } = part {
        return if *with_stat { 15 } else { 1 };
    }
    if let Request::Delete { .. } = part {
        2
    } else {
        5
    }
}

fn payload(zxid: u64, made: &Made) -> Vec<u8> {
    let mut out = vec![0; 16];
    out[7] = 1;
    put_long(&mut out, made.session);
    put_int(&mut out, made.cxid);
    put_long(&mut out, zxid.cast_signed());
    put_long(&mut out, 0);
    put_change(&mut out, &made.change);
    out
}

fn put_change(out: &mut Vec<u8>, change: &Change) {
    match change {
        Change::CreateSession { timeout_ms } => {
            put_int(out, -10);
            put_int(out, *timeout_ms);
        }
        Change::CloseSession { paths } => {
            put_int(out, -11);
            put_int(out, i32::try_from(paths.len()).expect("few"));
            for path in paths {
                put_buffer(out, Some(path.as_bytes()));
            }
        }
        Change::Create(Created {
            path,
            data,
            owner,
            parent_cversion,
            mortality: _,
        }) => {
            put_int(out, 1);
            put_buffer(out, Some(path.as_bytes()));
            put_buffer(out, data.as_deref());
            put_acl(out, 31);
            out.push(u8::from(*owner != 0));
            put_int(out, *parent_cversion);
        }
        Change::Delete { path } => {
            put_int(out, 2);
            put_buffer(out, Some(path.as_bytes()));
        }
        Change::SetData {
            path,
            data,
            version,
        } => {
            put_int(out, 5);
            put_buffer(out, Some(path.as_bytes()));
            put_buffer(out, data.as_deref());
            put_int(out, *version);
        }
        Change::Reap { path } => {
            put_int(out, 20);
            put_buffer(out, Some(path.as_bytes()));
        }
        Change::SetAcl {
            path,
            perms,
            version,
        } => {
            put_int(out, 7);
            put_buffer(out, Some(path.as_bytes()));
            put_acl(out, *perms);
            put_int(out, *version);
        }
        Change::Check => {
            put_int(out, 13);
            put_buffer(out, Some(b"/"));
            put_int(out, 0);
        }
        Change::Multi(parts) => {
            put_int(out, 14);
            put_int(out, i32::try_from(parts.len()).expect("few"));
            for part in parts {
                let mut whole = Vec::new();
                put_change(&mut whole, part);
                let (kind, body) = whole.split_at(4);
                out.extend(kind);
                put_buffer(out, Some(body));
            }
        }
        Change::Error(code) => {
            put_int(out, -1);
            put_int(out, *code);
        }
    }
}

#[cfg(test)]
mod tests;
