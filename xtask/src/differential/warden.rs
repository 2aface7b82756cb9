//! Who prepares a script's subtree, looks at what became of it, and removes it: one session that
//! may do everything, for many scripts.

use super::link::{Link, Read};
use super::opcodes;
use super::play::OWN_XIDS;
use super::script::{Base, Field, Hello, Request};
use super::transcript::{Asked, Entry, Recording, What, names_in};
use super::wire::{self, Meaning};
use anyhow::{Result, bail, ensure};
use std::net::SocketAddr;

/// What every pair of servers knows as the super user, for wardens alone.
pub(super) const WARDEN: &str = "warden:look after them";
/// The same as servers are told it.
pub(super) const WARDEN_DIGEST: &str = "warden:EXsMzJEii8sQ3nCBJuxmbm24i8g=";

/// The nodes that every tree has.
const BUILT_IN: [&str; 4] = ["/", "/zookeeper", "/zookeeper/config", "/zookeeper/quota"];
/// Requests that are on their way at once.
const BLOCK: usize = 64;

pub(super) struct Warden {
    link: Link,
    xid: i32,
}

impl Warden {
    pub(super) fn new(server: SocketAddr) -> Result<Warden> {
        let mut link = Link::connect(server)?;
        link.send(&wire::hello(&Hello::default(), 0, &[0; 16]));
        let Read::Frame(_) = link.read() else {
            bail!("{server} gives the warden no session");
        };
        let mut warden = Warden {
            link,
            xid: OWN_XIDS,
        };
        let proof = vec![Field::Int(0), Field::text("digest"), Field::text(WARDEN)];
        let reply = warden.ask(&Request::new(opcodes::AUTH, proof))?;
        ensure!(code_of(&reply) == 0, "{server} does not know the warden");
        Ok(warden)
    }

    /// Creates the node that a script's subtree begins with.
    pub(super) fn prepare(&mut self, prefix: &str, recording: &mut Recording) -> Result<()> {
        if prefix.is_empty() {
            return Ok(());
        }
        let mut reply = self.ask(&create(prefix))?;
        if code_of(&reply) == -110 {
            self.clean(prefix)?;
            reply = self.ask(&create(prefix))?;
        }
        ensure!(code_of(&reply) == 0, "{prefix} is not created");
        let asked = Asked {
            op: opcodes::CREATE,
            xid: self.xid,
            step: 0,
        };
        recording.note(Entry {
            step: 0,
            conn: 'w',
            what: What::Reply {
                bytes: reply,
                asked,
            },
        });
        Ok(())
    }

    /// Lets the warden's server see what was done elsewhere.
    pub(super) fn catch_up(&mut self) -> Result<()> {
        let path = Field::text("/no parent/none");
        self.ask(&Request::new(opcodes::DELETE, vec![path, Field::Int(-1)]))
            .map(drop)
    }

    /// Notes data, stat and access list of every node.
    pub(super) fn walk(
        &mut self,
        prefix: &str,
        step: usize,
        recording: &mut Recording,
    ) -> Result<()> {
        for (path, replies) in self.nodes(prefix)? {
            recording.note(Entry {
                step,
                conn: 'w',
                what: What::Node { path, replies },
            });
        }
        Ok(())
    }

    /// Removes a script's subtree and its quotas; of the whole tree, all that servers did not
    /// begin with.
    pub(super) fn clean(&mut self, prefix: &str) -> Result<()> {
        let nodes = self.nodes(prefix)?;
        let doomed: Vec<Request> = nodes
            .iter()
            .rev()
            .filter(|(path, _)| !BUILT_IN.contains(&path.as_str()))
            .map(|(path, _)| delete(path))
            .collect();
        for block in doomed.chunks(BLOCK) {
            for reply in self.ask_all(block)? {
                ensure!(code_of(&reply) == 0, "a node cannot be removed");
            }
        }
        if prefix.is_empty() {
            self.restore()?;
        }
        Ok(())
    }

    /// Gives the nodes that every tree has their lists and their data back.
    fn restore(&mut self) -> Result<()> {
        for path in BUILT_IN {
            let perms = if path.ends_with("config") { 1 } else { 31 };
            let list = [
                Field::Int(1),
                Field::Int(perms),
                Field::text("world"),
                Field::text("anyone"),
            ];
            let mut fields = vec![Field::text(path)];
            fields.extend(list);
            fields.push(Field::Int(-1));
            self.ask(&Request::new(opcodes::SET_ACL, fields))?;
            if !path.ends_with("config") {
                let fields = vec![Field::text(path), Field::text(""), Field::Int(-1)];
                self.ask(&Request::new(opcodes::SET_DATA, fields))?;
            }
        }
        Ok(())
    }

    /// Every node of a subtree and of its quotas, parents first: replies to getData, getACL and
    /// getChildren.
    fn nodes(&mut self, prefix: &str) -> Result<Vec<(String, Vec<Vec<u8>>)>> {
        let mut level = if prefix.is_empty() {
            vec!["/".to_owned()]
        } else {
            vec![prefix.to_owned(), format!("/zookeeper/quota{prefix}")]
        };
        let mut nodes = Vec::new();
        while !level.is_empty() {
            let mut next = Vec::new();
            for paths in level.chunks(BLOCK) {
                let requests: Vec<Request> = paths.iter().flat_map(|path| look(path)).collect();
                let replies = self.ask_all(&requests)?;
                for (path, replies) in paths.iter().zip(replies.chunks(3)) {
                    if code_of(&replies[0]) == -101 {
                        continue;
                    }
                    let parent = path.trim_end_matches('/');
                    let children = names_in(&replies[2]);
                    next.extend(children.iter().map(|name| format!("{parent}/{name}")));
                    nodes.push((path.clone(), replies.to_vec()));
                }
            }
            next.sort();
            level = next;
        }
        Ok(nodes)
    }

    fn ask(&mut self, request: &Request) -> Result<Vec<u8>> {
        let mut replies = self.ask_all(std::slice::from_ref(request))?;
        Ok(replies.remove(0))
    }

    fn ask_all(&mut self, requests: &[Request]) -> Result<Vec<Vec<u8>>> {
        let meaning = Meaning {
            prefix: "",
            zxids: &[],
        };
        let mut bytes = Vec::new();
        for request in requests {
            self.xid += 1;
            bytes.extend(wire::frame(request, self.xid, &meaning));
        }
        self.link.send(&bytes);
        requests
            .iter()
            .map(|_| match self.link.read() {
                Read::Frame(reply) => Ok(reply),
                Read::Closed => bail!("the warden's connection is closed"),
                Read::Silent => bail!("the warden is not answered"),
            })
            .collect()
    }
}

fn path_field(path: &str) -> Field {
    Field::Text(Base::Nothing, path.as_bytes().to_vec())
}

fn create(path: &str) -> Request {
    let fields = vec![
        path_field(path),
        Field::text(""),
        Field::OpenAcl,
        Field::Int(0),
    ];
    Request::new(opcodes::CREATE, fields)
}

fn delete(path: &str) -> Request {
    Request::new(opcodes::DELETE, vec![path_field(path), Field::Int(-1)])
}

fn look(path: &str) -> [Request; 3] {
    let unwatched = || vec![path_field(path), Field::Byte(0)];
    [
        Request::new(opcodes::GET_DATA, unwatched()),
        Request::new(opcodes::GET_ACL, vec![path_field(path)]),
        Request::new(opcodes::GET_CHILDREN, unwatched()),
    ]
}

fn code_of(reply: &[u8]) -> i32 {
    let code = reply.get(12..16).and_then(|code| code.try_into().ok());
    code.map_or(i32::MIN, i32::from_be_bytes)
}
