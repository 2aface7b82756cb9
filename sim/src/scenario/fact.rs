//! What a line may wait for: facts of the protocol and of its clients, true or not at any moment.

use super::words::{Clear, Words, numbered, unclear};
use crate::oracle::broken::{Broken, client_name, server_name};
use crate::world::World;
use core::fmt;
use zab_core::Role;
use zk_types::{Epoch, Zxid};

/// Something that a line waits for. Servers and clients count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The server's disk holds the record, whatever happens to the process.
    Durable {
        /// Whose.
        server: usize,
        /// Up to which record.
        zxid: Zxid,
    },
    /// The server has applied the record.
    Applied {
        /// Which.
        server: usize,
        /// Up to which record.
        zxid: Zxid,
    },
    /// The server leads and serves.
    Leads(usize),
    /// The server follows and serves.
    Follows(usize),
    /// The server looks for a leader.
    Looks(usize),
    /// No process of the server runs any more.
    IsDown(usize),
    /// The client is served.
    Connected(usize),
    /// So many requests of the client were answered.
    Answered {
        /// Whose.
        client: usize,
        /// How many.
        count: u64,
    },
}

impl Fact {
    pub(super) fn read(words: &mut Words) -> Clear<Self> {
        let who = words.word("who")?;
        let what = words.word("what")?;
        if who.starts_with('c') {
            let client = numbered(&who, 'c')?;
            return match what.as_str() {
                "connected" => Ok(Fact::Connected(client)),
                "answered" => Ok(Fact::Answered {
                    client,
                    count: words.number("count")?,
                }),
                _ => unclear(format_args!(
                    "a client is connected or answered, not {what:?}"
                )),
            };
        }
        let server = numbered(&who, 's')?;
        match what.as_str() {
            "durable" => Ok(Fact::Durable {
                server,
                zxid: zxid(&words.word("a zxid")?)?,
            }),
            "applied" => Ok(Fact::Applied {
                server,
                zxid: zxid(&words.word("a zxid")?)?,
            }),
            "leads" => Ok(Fact::Leads(server)),
            "follows" => Ok(Fact::Follows(server)),
            "looks" => Ok(Fact::Looks(server)),
            "down" => Ok(Fact::IsDown(server)),
            _ => unclear(format_args!(
                "a server is durable, applied, leads, follows, looks or is down, not {what:?}"
            )),
        }
    }

    /// Whether it is true now.
    pub(crate) fn is_true(&self, world: &mut World) -> Result<bool, Broken> {
        let role = |world: &World, server: usize| {
            let replica = world.hosts.get(server).and_then(|host| host.replica());
            replica.map(|replica| replica.role())
        };
        Ok(match *self {
            Fact::Durable { server, zxid } => {
                let Some(host) = world.hosts.get(server) else {
                    return Ok(false);
                };
                world.judges.durable(server, &host.disk)? >= zxid.0
            }
            Fact::Applied { server, zxid } => {
                let replica = world.hosts.get(server).and_then(|host| host.replica());
                replica.is_some_and(|replica| replica.observe().applied >= zxid)
            }
            Fact::Leads(server) => matches!(role(world, server), Some(Role::Leading { .. })),
            Fact::Follows(server) => matches!(role(world, server), Some(Role::Following { .. })),
            Fact::Looks(server) => matches!(role(world, server), Some(Role::Looking)),
            Fact::IsDown(server) => {
                let has_run = server < world.hosts.len() && world.judges.incarnation(server) > 0;
                has_run && role(world, server).is_none()
            }
            Fact::Connected(client) => {
                let client = world.clients.get(client);
                client.is_some_and(|client| client.open_tap().is_some())
            }
            Fact::Answered { client, count } => {
                let client = world.clients.get(client);
                client.is_some_and(|client| client.answered >= count)
            }
        })
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Fact::Durable { server, zxid } => write!(f, "{} durable {zxid:?}", server_name(server)),
            Fact::Applied { server, zxid } => write!(f, "{} applied {zxid:?}", server_name(server)),
            Fact::Leads(server) => write!(f, "{} leads", server_name(server)),
            Fact::Follows(server) => write!(f, "{} follows", server_name(server)),
            Fact::Looks(server) => write!(f, "{} looks", server_name(server)),
            Fact::IsDown(server) => write!(f, "{} down", server_name(server)),
            Fact::Connected(client) => write!(f, "{} connected", client_name(client)),
            Fact::Answered { client, count } => {
                write!(f, "{} answered {count}", client_name(client))
            }
        }
    }
}

/// `1.2` as epoch 1, counter 2.
fn zxid(word: &str) -> Clear<Zxid> {
    let parts = word.split_once('.').and_then(|(epoch, counter)| {
        Some((epoch.parse::<u32>().ok()?, counter.parse::<u32>().ok()?))
    });
    match parts {
        Some((epoch, counter)) => Ok(Zxid::new(Epoch(epoch), counter)),
        None => unclear(format_args!("{word:?} is no zxid such as 1.2")),
    }
}
