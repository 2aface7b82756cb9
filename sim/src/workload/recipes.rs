//! What applications do with a coordination service: each recipe asks for a few things, one
//! behind the other, for the sake of one purpose.

use super::{Draw, FEATURES};
use crate::decide::Dice;
use client_core::{
    AddWatchMode, ClientRequest, Create, CreateMode, CreateReply, MultiOp, MultiReadOp, Watcher,
    WatcherType,
};
use serde::{Deserialize, Serialize};
use zk_types::{Acl, Perms};

/// A purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Recipe {
    /// Read a register, and write it where nobody else has meanwhile.
    Register,
    /// Take a number, look who has the lowest, and give an own one back.
    Lock,
    /// Put something at the end of a queue, or take what stands first.
    Queue,
    /// Become the leader, or watch the one there is.
    Election,
    /// Count two counters up together.
    Counter,
    /// Go deep.
    Deep,
    /// Have many children, and list them in pages.
    Wide,
    /// Say who may do what.
    Access,
    /// Say how much there may be.
    Quota,
    /// Have nodes that go by themselves.
    Mortal,
    /// Watch for long, and stop watching.
    Watching,
    /// Ask about oneself and about whole subtrees.
    Inspection,
}

impl Recipe {
    /// Every recipe.
    pub(crate) const ALL: [Recipe; 12] = [
        Recipe::Register,
        Recipe::Lock,
        Recipe::Queue,
        Recipe::Election,
        Recipe::Counter,
        Recipe::Deep,
        Recipe::Wide,
        Recipe::Access,
        Recipe::Quota,
        Recipe::Mortal,
        Recipe::Watching,
        Recipe::Inspection,
    ];
}

/// Which recipes a world knows, and how often clients follow one.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Recipes {
    /// Of a hundred operations.
    pub(crate) percent: u32,
    pub(crate) known: Vec<Recipe>,
}

impl Recipes {
    /// Draws them for a world.
    pub(crate) fn draw(dice: &mut Dice) -> Self {
        let percent = dice.pick(&[0, 10, 30, 60]);
        let share = u32::try_from(dice.range(10, 90)).expect("small");
        let mut known: Vec<Recipe> = Recipe::ALL.to_vec();
        known.retain(|_| dice.percent(share));
        if known.is_empty() {
            known.push(dice.pick(&Recipe::ALL));
        }
        Recipes { percent, known }
    }
}

fn persistent(path: impl Into<String>) -> ClientRequest {
    ClientRequest::Create(node(path.into(), CreateMode::Persistent, None))
}

fn node(path: String, mode: CreateMode, data: Option<Vec<u8>>) -> Create {
    Create {
        path,
        data,
        acl: vec![Acl::world(Perms::ALL)],
        mode,
        reply: CreateReply::PathAndStat,
    }
}

fn delete(path: impl Into<String>, version: Option<i32>) -> ClientRequest {
    ClientRequest::Delete {
        path: path.into(),
        version,
    }
}

impl Draw<'_> {
    pub(super) fn recipe(&mut self) -> Vec<ClientRequest> {
        match self.dice.pick(&self.weights.recipes.known) {
            Recipe::Register => self.register(),
            Recipe::Lock => self.lock(),
            Recipe::Queue => self.queue(),
            Recipe::Election => self.election(),
            Recipe::Counter => self.counter(),
            Recipe::Deep => self.deep(),
            Recipe::Wide => self.wide(),
            Recipe::Access => self.access(),
            Recipe::Quota => self.quota(),
            Recipe::Mortal => self.mortal(),
            Recipe::Watching => self.watching(),
            Recipe::Inspection => self.inspection(),
        }
    }

    /// Half from few that are fought over, half from thousands.
    fn key(&mut self, kind: &str) -> String {
        let number = if self.dice.percent(50) {
            self.dice.below(4)
        } else {
            4 + self.dice.below(4_000)
        };
        format!("/{kind}{number}")
    }

    fn register(&mut self) -> Vec<ClientRequest> {
        let path = self.key("r");
        let Some(version) = self.known.version(&path) else {
            let mut asked = vec![ClientRequest::GetData {
                path: path.clone(),
                watch: None,
            }];
            if self.dice.percent(60) {
                let data = self.data();
                let create = node(path, CreateMode::Persistent, data);
                asked.push(ClientRequest::Create(create));
            }
            return asked;
        };
        let set = ClientRequest::SetData {
            path: path.clone(),
            data: self.data(),
            version: Some(version),
        };
        vec![set, ClientRequest::GetData { path, watch: None }]
    }

    fn lock(&mut self) -> Vec<ClientRequest> {
        let lock = format!("/lock{}", self.dice.below(3));
        let watched = ClientRequest::GetChildren {
            path: lock.clone(),
            watch: self.dice.percent(50).then_some(Watcher::Own),
        };
        match self.known.made_below(&lock) {
            Some(own) if self.dice.percent(70) => vec![delete(own, None), watched],
            Some(_) | None => {
                let data = self.data();
                let number = node(format!("{lock}/n-"), CreateMode::EphemeralSequential, data);
                vec![persistent(lock), ClientRequest::Create(number), watched]
            }
        }
    }

    fn queue(&mut self) -> Vec<ClientRequest> {
        let queue = format!("/queue{}", self.dice.below(2));
        let look = ClientRequest::GetChildren {
            path: queue.clone(),
            watch: None,
        };
        if self.dice.percent(50) {
            let data = self.data();
            let mode = CreateMode::PersistentSequential;
            let item = node(format!("{queue}/q-"), mode, data);
            return vec![persistent(queue), ClientRequest::Create(item)];
        }
        match self.known.first_child(&queue) {
            Some(first) => vec![delete(format!("{queue}/{first}"), None), look],
            None => vec![look],
        }
    }

    fn election(&mut self) -> Vec<ClientRequest> {
        let path = "/leader".to_owned();
        let data = self.data();
        let watch = ClientRequest::Exists {
            path: path.clone(),
            watch: Some(Watcher::Own),
        };
        match self.dice.below(10) {
            // Resigns, or is resigned.
            0 => vec![delete(path, None)],
            _ => vec![
                ClientRequest::Create(node(path, CreateMode::Ephemeral, data)),
                watch,
            ],
        }
    }

    fn counter(&mut self) -> Vec<ClientRequest> {
        let paths = ["/count0", "/count1"];
        let versions = paths.map(|path| self.known.version(path));
        let ([Some(_), Some(_)], true) = (versions, self.dice.percent(80)) else {
            let read = |path: &str| ClientRequest::GetData {
                path: path.to_owned(),
                watch: None,
            };
            let mut asked: Vec<_> = paths.map(persistent).into();
            asked.extend(paths.map(read));
            return asked;
        };
        let mut ops = vec![MultiOp::Check {
            path: paths[0].to_owned(),
            version: versions[0],
        }];
        for (path, version) in paths.into_iter().zip(versions) {
            ops.push(MultiOp::SetData {
                path: path.to_owned(),
                data: Some(self.tag.clone().into_bytes()),
                version,
            });
        }
        vec![ClientRequest::Multi(ops)]
    }

    fn deep(&mut self) -> Vec<ClientRequest> {
        let depth = self.dice.octaves(1, 30);
        let mut path = format!("/deep{}", self.dice.below(2));
        let mut ways = Vec::new();
        for _ in 1..depth {
            let part = node(path.clone(), CreateMode::Persistent, None);
            ways.push(MultiOp::Create(part));
            path.push_str("/d");
        }
        match self.dice.below(4) {
            0 => vec![delete(path, None)],
            1 => vec![ClientRequest::GetAllChildrenNumber {
                path: format!("/deep{}", self.dice.below(2)),
            }],
            2 => vec![ClientRequest::Multi(ways)],
            // As far as there is something already.
            _ => vec![persistent(path)],
        }
    }

    fn wide(&mut self) -> Vec<ClientRequest> {
        let top = "/wide".to_owned();
        match self.dice.below(6) {
            0 => {
                let few = self.dice.range(1, 20);
                let number = || {
                    let mode = CreateMode::PersistentSequential;
                    MultiOp::Create(node("/wide/w-".to_owned(), mode, None))
                };
                let many = std::iter::repeat_with(number);
                let many = many.take(usize::try_from(few).expect("few")).collect();
                vec![persistent(top), ClientRequest::Multi(many)]
            }
            1 => {
                let name = self.dice.below(4_000);
                let data = self.data();
                let child = node(format!("/wide/k{name}"), CreateMode::Persistent, data);
                vec![persistent(top), ClientRequest::Create(child)]
            }
            2 => vec![ClientRequest::GetChildren {
                path: top,
                watch: None,
            }],
            3 => match self.known.first_child(&top) {
                Some(first) => vec![delete(format!("{top}/{first}"), None)],
                None => vec![ClientRequest::GetChildren {
                    path: top,
                    watch: None,
                }],
            },
            _ if !self.known.speaks_pages() => vec![ClientRequest::GetData {
                path: FEATURES.to_owned(),
                watch: None,
            }],
            _ => vec![ClientRequest::GetChildrenPage {
                after: self.known.page_end(&top),
                path: top,
                names_max: usize::try_from(self.dice.octaves(1, 64)).expect("small"),
            }],
        }
    }

    fn access(&mut self) -> Vec<ClientRequest> {
        let top = format!("/acl{}", self.dice.below(3));
        let child = format!("{top}/c{}", self.dice.below(3));
        let any = if self.dice.percent(50) {
            top.clone()
        } else {
            child.clone()
        };
        match self.dice.below(8) {
            0 => vec![persistent(top), persistent(child)],
            1 => vec![persistent(child)],
            2 => vec![delete(child, None)],
            3 => vec![ClientRequest::SetData {
                path: any,
                data: self.data(),
                version: None,
            }],
            4 | 5 => {
                // Reading and changing the list stay open to all.
                let base = Perms::READ | Perms::ADMIN;
                let perms = self.dice.pick(&[
                    Perms::ALL,
                    base,
                    base | Perms::WRITE,
                    base | Perms::CREATE,
                    base | Perms::CREATE | Perms::DELETE,
                ]);
                vec![ClientRequest::SetAcl {
                    path: any,
                    acl: vec![Acl::world(perms)],
                    version: self.dice.percent(30).then_some(0),
                }]
            }
            _ => vec![ClientRequest::GetAcl { path: any }],
        }
    }

    fn quota(&mut self) -> Vec<ClientRequest> {
        let of = format!("/zookeeper/quota/k{}", self.dice.index(self.weights.paths));
        let part = |path: String, data: &str| {
            let data = Some(data.as_bytes().to_vec());
            MultiOp::Create(node(path, CreateMode::Persistent, data))
        };
        if self.dice.percent(30) {
            let gone = |path: String| MultiOp::Delete {
                path,
                version: None,
            };
            return vec![ClientRequest::Multi(vec![
                gone(format!("{of}/zookeeper_limits")),
                gone(format!("{of}/zookeeper_stats")),
                gone(of),
            ])];
        }
        let limits = format!("count={},bytes=-1", self.dice.below(20));
        vec![ClientRequest::Multi(vec![
            part(of.clone(), ""),
            part(format!("{of}/zookeeper_limits"), &limits),
            part(format!("{of}/zookeeper_stats"), "count=0,bytes=0"),
        ])]
    }

    fn mortal(&mut self) -> Vec<ClientRequest> {
        let top = format!("/mortal{}", self.dice.below(6));
        let child = format!("{top}/c");
        let data = self.data();
        match self.dice.below(8) {
            0 | 1 => vec![ClientRequest::Create(node(
                top,
                CreateMode::Container,
                data,
            ))],
            2 => {
                let ttl_ms = i64::try_from(self.dice.octaves(100, 20_000)).expect("small");
                vec![ClientRequest::Create(node(
                    top,
                    CreateMode::Ttl(ttl_ms),
                    data,
                ))]
            }
            3 => {
                let mode = CreateMode::TtlSequential(1_000);
                let path = "/mortal-".to_owned();
                vec![ClientRequest::Create(node(path, mode, data))]
            }
            4 => vec![persistent(child.clone()), delete(child, None)],
            5 => vec![ClientRequest::SetData {
                path: top,
                data,
                version: None,
            }],
            6 => vec![delete(child, None)],
            _ => vec![ClientRequest::GetData {
                path: top,
                watch: Some(Watcher::Own),
            }],
        }
    }

    fn watching(&mut self) -> Vec<ClientRequest> {
        let path = self.path();
        let kind = self.dice.pick(&[
            WatcherType::Children,
            WatcherType::Data,
            WatcherType::Any,
            WatcherType::Persistent,
            WatcherType::PersistentRecursive,
        ]);
        match self.dice.below(6) {
            0 | 1 => {
                let mode = if self.dice.percent(50) {
                    AddWatchMode::Persistent
                } else {
                    AddWatchMode::PersistentRecursive
                };
                let watcher = Watcher::Own;
                let add = ClientRequest::AddWatch {
                    path,
                    mode,
                    watcher,
                };
                vec![add]
            }
            2 => vec![self.read(Some(Watcher::Own))],
            3 => vec![ClientRequest::CheckWatches { path, kind }],
            _ => vec![ClientRequest::RemoveWatches { path, kind }],
        }
    }

    fn inspection(&mut self) -> Vec<ClientRequest> {
        match self.dice.below(6) {
            0 => vec![ClientRequest::WhoAmI],
            1 => {
                let prefix = if self.dice.percent(50) {
                    "/".to_owned()
                } else {
                    self.top()
                };
                vec![ClientRequest::GetEphemerals { prefix }]
            }
            2 => {
                let path = if self.dice.percent(50) {
                    "/".to_owned()
                } else {
                    self.top()
                };
                vec![ClientRequest::GetAllChildrenNumber { path }]
            }
            3 => vec![ClientRequest::GetAcl { path: self.path() }],
            _ => {
                let parts = self.dice.range(1, 5);
                let part = |_| {
                    let path = self.path();
                    if self.dice.percent(50) {
                        MultiReadOp::GetData { path }
                    } else {
                        MultiReadOp::GetChildren { path }
                    }
                };
                vec![ClientRequest::MultiRead((0..parts).map(part).collect())]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::Stream;
    use crate::script::Ask;
    use crate::workload::{Known, next};
    use std::collections::BTreeSet;

    fn weights(known: Vec<Recipe>) -> crate::swarm::WorkWeights {
        crate::swarm::WorkWeights {
            recipes: Recipes {
                percent: 100,
                known,
            },
            ..crate::swarm::Swarm::default().work
        }
    }

    fn asked(recipe: Recipe) -> Vec<ClientRequest> {
        let dice = &mut Dice::new(1, Stream::Workload, 0);
        let weights = weights(vec![recipe]);
        let mut asked = Vec::new();
        for count in 0..500 {
            for ask in next(dice, &weights, &Known::default(), 3, count) {
                match ask {
                    Ask::Request(request) => asked.push(request),
                    Ask::Close => panic!("no recipe closes a session"),
                }
            }
        }
        asked
    }

    #[test]
    fn every_recipe_asks_for_something_and_data_names_its_writer() {
        for recipe in Recipe::ALL {
            let asked = asked(recipe);
            assert!(asked.len() >= 500, "{recipe:?}");
            let data = asked.iter().filter_map(|request| {
                if let ClientRequest::Create(create) = request {
                    return create.data.as_deref();
                }
                if let ClientRequest::SetData { data, .. } = request {
                    return data.as_deref();
                }
                None
            });
            for data in data.filter(|data| !data.is_empty()) {
                assert!(data.starts_with(b"c4."), "{recipe:?}: {data:?}");
            }
        }
    }

    #[test]
    fn keys_are_half_hot_and_half_one_of_thousands() {
        let paths = asked(Recipe::Register);
        let paths: Vec<&str> = paths
            .iter()
            .filter_map(|request| {
                if let ClientRequest::GetData { path, .. } = request {
                    return Some(path.as_str());
                }
                None
            })
            .collect();
        let is_hot = |path: &&&str| ["/r0", "/r1", "/r2", "/r3"].contains(*path);
        let hot = paths.iter().filter(is_hot).count();
        assert!((200..300).contains(&hot), "{hot}");
        assert!(paths.iter().collect::<BTreeSet<_>>().len() > 200);
    }
}
