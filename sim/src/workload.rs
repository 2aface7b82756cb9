//! What clients ask for. Keys are few, so that they meet; every value names its writer.

mod known;
mod recipes;

pub(crate) use self::known::{FEATURES, Known};
pub(crate) use self::recipes::Recipes;
use crate::decide::Dice;
use crate::script::Ask;
use crate::swarm::WorkWeights;
use client_core::{AddWatchMode, ClientRequest, Create, CreateMode, CreateReply, MultiOp, Watcher};
use zk_types::{Acl, Perms};

/// Draws what the client with this number asks for next, one thing behind the other, at its
/// `count`th operation.
pub(crate) fn next(
    dice: &mut Dice,
    weights: &WorkWeights,
    known: &Known,
    client: usize,
    count: u64,
) -> Vec<Ask> {
    let mut draw = Draw {
        dice,
        weights,
        known,
        tag: format!("c{}.{count}", client + 1),
    };
    if draw.dice.percent(weights.recipes.percent) {
        return draw.recipe().into_iter().map(Ask::Request).collect();
    }
    let table = [
        weights.create,
        weights.delete,
        weights.set,
        weights.sequential,
        weights.ephemeral,
        weights.multi,
        weights.read,
        weights.watch,
        weights.sync,
        weights.close,
    ];
    let total: u32 = table.iter().sum();
    let mut left = draw.dice.below(u64::from(total));
    let chosen = table
        .iter()
        .position(|weight| {
            let here = left < u64::from(*weight);
            left = left.saturating_sub(u64::from(*weight));
            here
        })
        .expect("a number below the total falls on an entry");
    let requests = match chosen {
        0 => vec![ClientRequest::Create(draw.create(CreateMode::Persistent))],
        1 => vec![draw.delete()],
        2 => vec![draw.set()],
        3 => vec![ClientRequest::Create(draw.sequential())],
        4 => vec![ClientRequest::Create(draw.ephemeral())],
        5 => vec![draw.multi()],
        6 => vec![draw.read(None)],
        7 => vec![draw.watch()],
        8 => vec![
            ClientRequest::Sync {
                path: "/".to_owned(),
            },
            draw.read(None),
        ],
        _ => return vec![Ask::Close],
    };
    requests.into_iter().map(Ask::Request).collect()
}

struct Draw<'d> {
    dice: &'d mut Dice,
    weights: &'d WorkWeights,
    known: &'d Known,
    tag: String,
}

impl Draw<'_> {
    fn top(&mut self) -> String {
        format!("/k{}", self.dice.index(self.weights.paths))
    }

    fn path(&mut self) -> String {
        let top = self.top();
        match self.dice.below(10) {
            0..6 => top,
            6..9 => format!("{top}/c{}", self.dice.below(4)),
            _ => format!("{top}/e{}", self.dice.below(3)),
        }
    }

    fn data(&mut self) -> Option<Vec<u8>> {
        match self.dice.below(20) {
            0 => None,
            1 => Some(Vec::new()),
            drawn if drawn < 2 + self.weights.long => {
                Some(self.tag.repeat(self.dice.index(400) + 1).into_bytes())
            }
            _ => Some(self.tag.clone().into_bytes()),
        }
    }

    fn version(&mut self, path: &str) -> Option<i32> {
        match self.dice.below(10) {
            0..5 => None,
            5..9 => self.known.version(path),
            _ => Some(i32::try_from(self.dice.below(4)).expect("small")),
        }
    }

    fn node(&mut self, path: String, mode: CreateMode) -> Create {
        let reply = if self.dice.percent(50) {
            CreateReply::Path
        } else {
            CreateReply::PathAndStat
        };
        Create {
            path,
            data: self.data(),
            acl: vec![Acl::world(Perms::ALL)],
            mode,
            reply,
        }
    }

    fn create(&mut self, mode: CreateMode) -> Create {
        let path = self.path();
        self.node(path, mode)
    }

    fn sequential(&mut self) -> Create {
        let path = format!("{}/q-", self.top());
        let mode = if self.dice.percent(50) {
            CreateMode::PersistentSequential
        } else {
            CreateMode::EphemeralSequential
        };
        self.node(path, mode)
    }

    fn ephemeral(&mut self) -> Create {
        let path = format!("{}/e{}", self.top(), self.dice.below(3));
        self.node(path, CreateMode::Ephemeral)
    }

    fn delete(&mut self) -> ClientRequest {
        let path = self.path();
        ClientRequest::Delete {
            version: self.version(&path),
            path,
        }
    }

    fn set(&mut self) -> ClientRequest {
        let path = self.path();
        ClientRequest::SetData {
            version: self.version(&path),
            data: self.data(),
            path,
        }
    }

    fn read(&mut self, watch: Option<Watcher>) -> ClientRequest {
        let path = self.path();
        match self.dice.below(3) {
            0 => ClientRequest::Exists { path, watch },
            1 => ClientRequest::GetData { path, watch },
            _ => {
                let path = if self.dice.percent(10) {
                    "/".to_owned()
                } else {
                    path
                };
                ClientRequest::GetChildren { path, watch }
            }
        }
    }

    fn watch(&mut self) -> ClientRequest {
        if self.dice.percent(85) {
            return self.read(Some(Watcher::Own));
        }
        let mode = if self.dice.percent(50) {
            AddWatchMode::Persistent
        } else {
            AddWatchMode::PersistentRecursive
        };
        let path = match self.dice.below(10) {
            0 => "/".to_owned(),
            _ => self.path(),
        };
        ClientRequest::AddWatch {
            path,
            mode,
            watcher: Watcher::Own,
        }
    }

    fn multi(&mut self) -> ClientRequest {
        let parts = self.dice.range(1, 4);
        ClientRequest::Multi((0..parts).map(|_| self.part()).collect())
    }

    fn part(&mut self) -> MultiOp {
        let path = self.path();
        match self.dice.below(6) {
            0 => MultiOp::Check {
                version: self.version(&path),
                path,
            },
            1 => MultiOp::Create(self.sequential()),
            2 | 3 => MultiOp::Create(self.node(path, CreateMode::Persistent)),
            4 => MultiOp::SetData {
                version: self.version(&path),
                data: self.data(),
                path,
            },
            _ => MultiOp::Delete {
                version: self.version(&path),
                path,
            },
        }
    }
}
