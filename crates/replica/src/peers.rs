//! Links to the other servers: who is at the other end, which bytes wait to leave, and the mesh of
//! election links.
//!
//! Each server dials its own election links and only sends on them; what it hears comes over links
//! the others dialled. Nothing has to be agreed about who dials whom, and a link that died silently
//! is replaced by its sender, which dials anew before it speaks after a long silence.

use crate::api::{Event, Output, PeerPort};
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;
use quorum_proto::{Decoder, Frame, Hello, PortKind};
use zab_core::{Input as ZabInput, LinkId, Message, Notification};
use zk_types::{Instant, ServerId};

/// Bytes of one frame between servers. The largest is the close of a session with very many
/// ephemeral nodes; a peer's decoder holds what has come of it and no more.
pub(crate) const PEER_FRAME_BYTES_MAX: usize = 1 << 30;

/// Bytes in which whoever dialled says who it is, and how long it may take.
const GREETING_BYTES_MAX: usize = 1_024;
const GREETING_WITHIN: Duration = Duration::from_secs(5);

/// Links that may be open towards this server and have not said who they are.
const STRANGERS_MAX: usize = 64;

/// First and longest pause before an election link is dialled again.
const REDIAL: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(1_000));

/// What a change among the links asks for.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    /// Of the world.
    World(Output),
    /// Of the protocol.
    Zab(ZabInput),
}

/// All links of one server.
#[derive(Clone)]
pub(crate) struct Peers {
    me: ServerId,
    storage: u64,
    members: BTreeSet<ServerId>,
    /// A link older than this is not trusted to have stayed alive in silence.
    trusted_for: Duration,
    dialled_count: u64,
    links: BTreeMap<LinkId, Link>,
    mesh: BTreeMap<ServerId, MeshPeer>,
    /// The protocol's names for links it dialled, to the world's.
    by_protocol: BTreeMap<LinkId, LinkId>,
    waiting: BTreeSet<LinkId>,
    /// Links that were accepted and have not said whose they are, by when they must have.
    strangers: BTreeSet<(Instant, LinkId)>,
    effects: VecDeque<Effect>,
}

#[derive(Clone)]
struct Link {
    purpose: Purpose,
    state: LinkState,
    decoder: Decoder,
    out: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Purpose {
    ElectionOut {
        to: ServerId,
    },
    ElectionIn {
        from: Option<ServerId>,
    },
    QuorumOut {
        to: ServerId,
        protocol: LinkId,
    },
    QuorumIn {
        from: Option<ServerId>,
        protocol: LinkId,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LinkState {
    Dialling,
    Up { since: Instant },
}

/// The sending half of the mesh towards one server.
#[derive(Clone)]
struct MeshPeer {
    link: Option<LinkId>,
    /// The newest notification that has not been handed to a link.
    unsent: Option<Notification>,
    redial_at: Option<Instant>,
    pause: Duration,
}

impl Link {
    /// Whether it was accepted and has not said whose it is.
    fn is_of_a_stranger(&self) -> bool {
        match self.purpose {
            Purpose::ElectionIn { from } | Purpose::QuorumIn { from, .. } => from.is_none(),
            Purpose::ElectionOut { .. } | Purpose::QuorumOut { .. } => false,
        }
    }
}

impl Peers {
    /// No links yet.
    pub(crate) fn new(
        me: ServerId,
        storage: u64,
        members: BTreeSet<ServerId>,
        trusted_for: Duration,
    ) -> Self {
        let mesh = members
            .iter()
            .filter(|&&peer| peer != me)
            .map(|&peer| {
                (
                    peer,
                    MeshPeer {
                        link: None,
                        unsent: None,
                        redial_at: None,
                        pause: REDIAL.0,
                    },
                )
            })
            .collect();
        Peers {
            me,
            storage,
            members,
            trusted_for,
            dialled_count: 0,
            links: BTreeMap::new(),
            mesh,
            by_protocol: BTreeMap::new(),
            waiting: BTreeSet::new(),
            strangers: BTreeSet::new(),
            effects: VecDeque::new(),
        }
    }

    /// What the last call asks for, in order.
    pub(crate) fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When an election link is to be dialled again, or a stranger's time is up.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let redial = self.mesh.values().filter_map(|peer| peer.redial_at);
        let greeting = self.strangers.first().map(|(until, _)| *until);
        redial.chain(greeting).min()
    }

    /// Dials the election links whose pause is over, and closes links of whoever never said who it
    /// is.
    pub(crate) fn on_timeout(&mut self, now: Instant) {
        while let Some(&(until, id)) = self.strangers.first()
            && until <= now
        {
            self.close(id);
        }
        let due: Vec<ServerId> = self
            .mesh
            .iter()
            .filter(|(_, peer)| peer.redial_at.is_some_and(|at| at <= now))
            .map(|(&to, _)| to)
            .collect();
        for to in due {
            self.dial_election(to);
        }
    }

    /// Sends a notification, or keeps it as the newest until a link is up.
    pub(crate) fn notify(&mut self, now: Instant, to: ServerId, notification: Notification) {
        let Some(peer) = self.mesh.get_mut(&to) else {
            return;
        };
        peer.unsent = Some(notification);
        let Some(link) = peer.link else {
            if peer.redial_at.is_none() {
                self.dial_election(to);
            }
            return;
        };
        match self.links[&link].state {
            LinkState::Dialling => {}
            LinkState::Up { since } if now.since(since) > self.trusted_for => {
                self.close(link);
                self.dial_election(to);
            }
            LinkState::Up { .. } => self.send_unsent(to, link),
        }
    }

    /// Opens a quorum link that the protocol names `protocol`.
    pub(crate) fn dial_quorum(&mut self, protocol: LinkId, to: ServerId) {
        let link = self.dial(Purpose::QuorumOut { to, protocol }, to, PeerPort::Quorum);
        self.by_protocol.insert(protocol, link);
    }

    /// Sends over a quorum link; a link that is gone takes nothing.
    pub(crate) fn send(&mut self, protocol: LinkId, message: &Message) {
        let Some(&id) = self.by_protocol.get(&protocol) else {
            return;
        };
        let link = self.links.get_mut(&id).expect("a named link exists");
        quorum_proto::encode_message(message, &mut link.out);
        self.waiting.insert(id);
    }

    /// Closes a quorum link on the protocol's word.
    pub(crate) fn close_quorum(&mut self, protocol: LinkId) {
        if let Some(&link) = self.by_protocol.get(&protocol) {
            self.close(link);
        }
    }

    /// A peer dialled this server.
    pub(crate) fn on_accepted(&mut self, now: Instant, id: LinkId, port: PeerPort) {
        if self.strangers.len() >= STRANGERS_MAX {
            let (_, oldest) = *self.strangers.first().expect("there are many");
            self.close(oldest);
        }
        self.strangers.insert((now + GREETING_WITHIN, id));
        let purpose = match port {
            PeerPort::Election => Purpose::ElectionIn { from: None },
            PeerPort::Quorum => Purpose::QuorumIn {
                from: None,
                protocol: protocol_name(id),
            },
        };
        let state = LinkState::Up { since: now };
        self.links.insert(
            id,
            Link {
                purpose,
                state,
                decoder: decoder(port),
                out: Vec::new(),
            },
        );
    }

    /// A link this server dialled is up.
    pub(crate) fn on_connected(&mut self, now: Instant, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        let (port, recipient) = match link.purpose {
            Purpose::ElectionOut { to } => (PortKind::Election, to),
            Purpose::QuorumOut { to, .. } => (PortKind::Quorum, to),
            // Up from its first moment.
            Purpose::ElectionIn { .. } | Purpose::QuorumIn { .. } => return,
        };
        link.state = LinkState::Up { since: now };
        let hello = Hello {
            sender: self.me,
            storage: self.storage,
            recipient,
            port,
        };
        quorum_proto::encode_hello(&hello, &mut link.out);
        self.waiting.insert(id);
        match link.purpose {
            Purpose::ElectionOut { to } => {
                self.mesh.get_mut(&to).expect("a member").pause = REDIAL.0;
                self.send_unsent(to, id);
            }
            Purpose::QuorumOut { to, protocol } => {
                self.effects.push_back(Effect::Zab(ZabInput::Connected {
                    link: protocol,
                    peer: to,
                }));
            }
            Purpose::ElectionIn { .. } | Purpose::QuorumIn { .. } => {}
        }
    }

    /// A link is gone, or could not be dialled.
    pub(crate) fn on_closed(&mut self, now: Instant, id: LinkId) {
        let Some(link) = self.forget(id) else {
            return;
        };
        match link.purpose {
            Purpose::ElectionOut { to } => {
                let peer = self.mesh.get_mut(&to).expect("a member");
                peer.link = None;
                if peer.unsent.is_some() {
                    peer.redial_at = Some(now + peer.pause);
                    peer.pause = (peer.pause * 2).min(REDIAL.1);
                }
            }
            Purpose::QuorumOut { protocol, .. }
            | Purpose::QuorumIn {
                from: Some(_),
                protocol,
            } => {
                self.effects
                    .push_back(Effect::Zab(ZabInput::Disconnected { link: protocol }));
            }
            Purpose::ElectionIn { .. } | Purpose::QuorumIn { from: None, .. } => {}
        }
    }

    /// Bytes came over a link.
    pub(crate) fn on_bytes(&mut self, id: LinkId, bytes: &[u8]) {
        let is_stranger = self.links.get(&id).is_some_and(Link::is_of_a_stranger);
        let (head, rest) = bytes.split_at(if is_stranger {
            bytes.len().min(GREETING_BYTES_MAX)
        } else {
            0
        });
        self.take_bytes(id, head);
        if rest.is_empty() {
            return;
        }
        if self.links.get(&id).is_some_and(Link::is_of_a_stranger) {
            return self.refuse(id, "a long speech in place of a greeting".into());
        }
        self.take_bytes(id, rest);
    }

    fn take_bytes(&mut self, id: LinkId, bytes: &[u8]) {
        if let Some(link) = self.links.get_mut(&id) {
            link.decoder.push(bytes);
        }
        loop {
            let Some(link) = self.links.get_mut(&id) else {
                return;
            };
            match link.decoder.next() {
                Ok(Some(frame)) => {
                    if let Err(what) = self.on_frame(id, frame) {
                        return self.refuse(id, what);
                    }
                }
                Ok(None) => return,
                Err(error) => return self.refuse(id, error.to_string()),
            }
        }
    }

    /// Hands everything gathered for the links to the world.
    pub(crate) fn flush(&mut self) {
        while let Some(id) = self.waiting.pop_first() {
            let link = self.links.get_mut(&id).expect("a waiting link exists");
            if link.state == LinkState::Dialling {
                continue;
            }
            let bytes = core::mem::take(&mut link.out);
            self.effects
                .push_back(Effect::World(Output::PeerSend { link: id, bytes }));
        }
    }

    fn on_frame(&mut self, id: LinkId, frame: Frame) -> Result<(), String> {
        let link = self
            .links
            .get_mut(&id)
            .expect("a link that sent a frame exists");
        match (link.purpose, frame) {
            (Purpose::ElectionIn { from: None }, Frame::Hello(hello)) => {
                self.check_hello(&hello)?;
                self.replace_election_link(hello.sender);
                self.strangers.retain(|(_, stranger)| *stranger != id);
                let link = self.links.get_mut(&id).expect("it is still there");
                link.purpose = Purpose::ElectionIn {
                    from: Some(hello.sender),
                };
                self.redial_at_once(hello.sender);
            }
            (
                Purpose::QuorumIn {
                    from: None,
                    protocol,
                },
                Frame::Hello(hello),
            ) => {
                self.check_hello(&hello)?;
                let link = self.links.get_mut(&id).expect("it is still there");
                link.purpose = Purpose::QuorumIn {
                    from: Some(hello.sender),
                    protocol,
                };
                self.strangers.retain(|(_, stranger)| *stranger != id);
                self.by_protocol.insert(protocol, id);
                self.effects.push_back(Effect::Zab(ZabInput::Connected {
                    link: protocol,
                    peer: hello.sender,
                }));
            }
            (Purpose::ElectionIn { from: Some(from) }, Frame::Notification(notification)) => {
                self.effects
                    .push_back(Effect::Zab(ZabInput::Notification { from, notification }));
            }
            (
                Purpose::QuorumIn {
                    from: Some(_),
                    protocol,
                }
                | Purpose::QuorumOut { protocol, .. },
                Frame::Message(message),
            ) => {
                self.effects.push_back(Effect::Zab(ZabInput::Message {
                    link: protocol,
                    message,
                }));
            }
            (_, Frame::Hello(_)) => return Err("a greeting where none is due".into()),
            (_, Frame::Notification(_)) => return Err("a notification where none is due".into()),
            (_, Frame::Message(_)) => return Err("a message where none is due".into()),
        }
        Ok(())
    }

    /// A server dials anew when it no longer trusts its old link: that one is done with.
    fn replace_election_link(&mut self, sender: ServerId) {
        let old = self
            .links
            .iter()
            .find_map(|(&id, link)| match link.purpose {
                Purpose::ElectionIn { from } if from == Some(sender) => Some(id),
                Purpose::ElectionIn { .. }
                | Purpose::ElectionOut { .. }
                | Purpose::QuorumIn { .. }
                | Purpose::QuorumOut { .. } => None,
            });
        if let Some(old) = old {
            self.close(old);
        }
    }

    fn check_hello(&self, hello: &Hello) -> Result<(), String> {
        if hello.recipient != self.me {
            return Err(format!(
                "server {} looks for server {} here, and this is server {}",
                hello.sender, hello.recipient, self.me
            ));
        }
        if hello.sender == self.me || !self.members.contains(&hello.sender) {
            return Err(format!(
                "server {} is no peer of this ensemble",
                hello.sender
            ));
        }
        Ok(())
    }

    fn refuse(&mut self, id: LinkId, what: String) {
        self.effects
            .push_back(Effect::World(Output::Event(Event::PeerSentNonsense {
                link: id,
                what,
            })));
        let link = self.forget(id).expect("the link that is refused exists");
        self.effects
            .push_back(Effect::World(Output::PeerClose { link: id }));
        match link.purpose {
            Purpose::ElectionOut { to } => {
                self.mesh.get_mut(&to).expect("a member").link = None;
            }
            Purpose::QuorumOut { protocol, .. }
            | Purpose::QuorumIn {
                from: Some(_),
                protocol,
            } => {
                self.effects
                    .push_back(Effect::Zab(ZabInput::Disconnected { link: protocol }));
            }
            Purpose::ElectionIn { .. } | Purpose::QuorumIn { from: None, .. } => {}
        }
    }

    fn dial_election(&mut self, to: ServerId) {
        let link = self.dial(Purpose::ElectionOut { to }, to, PeerPort::Election);
        let peer = self.mesh.get_mut(&to).expect("only members are dialled");
        peer.link = Some(link);
        peer.redial_at = None;
    }

    /// Whoever greets is there: what it is to be told waits no longer.
    fn redial_at_once(&mut self, to: ServerId) {
        let peer = self.mesh.get_mut(&to).expect("only members greet");
        if peer.redial_at.is_some() {
            peer.pause = REDIAL.0;
            self.dial_election(to);
        }
    }

    fn dial(&mut self, purpose: Purpose, to: ServerId, port: PeerPort) -> LinkId {
        self.dialled_count += 1;
        let id = LinkId(self.dialled_count << 1);
        let link = Link {
            purpose,
            state: LinkState::Dialling,
            decoder: decoder(port),
            out: Vec::new(),
        };
        self.links.insert(id, link);
        self.effects
            .push_back(Effect::World(Output::PeerDial { link: id, to, port }));
        id
    }

    fn send_unsent(&mut self, to: ServerId, id: LinkId) {
        let peer = self.mesh.get_mut(&to).expect("only members are notified");
        if let Some(notification) = peer.unsent.take() {
            let link = self.links.get_mut(&id).expect("the mesh holds live links");
            quorum_proto::encode_notification(&notification, &mut link.out);
            self.waiting.insert(id);
        }
    }

    /// Closes a link without telling the protocol, which asked for it or does not know the link.
    fn close(&mut self, id: LinkId) {
        if let Some(link) = self.forget(id) {
            if link.state != LinkState::Dialling && !link.out.is_empty() {
                self.effects.push_back(Effect::World(Output::PeerSend {
                    link: id,
                    bytes: link.out,
                }));
            }
            self.effects
                .push_back(Effect::World(Output::PeerClose { link: id }));
            if let Purpose::ElectionOut { to } = link.purpose {
                self.mesh.get_mut(&to).expect("a member").link = None;
            }
        }
    }

    fn forget(&mut self, id: LinkId) -> Option<Link> {
        let link = self.links.remove(&id)?;
        self.waiting.remove(&id);
        self.strangers.retain(|(_, stranger)| *stranger != id);
        match link.purpose {
            Purpose::QuorumOut { protocol, .. } | Purpose::QuorumIn { protocol, .. } => {
                self.by_protocol.remove(&protocol);
            }
            Purpose::ElectionOut { .. } | Purpose::ElectionIn { .. } => {}
        }
        Some(link)
    }
}

/// The protocol names the links it dials itself; one that was accepted gets a name out of its way.
fn protocol_name(accepted: LinkId) -> LinkId {
    LinkId(1 << 63 | accepted.0)
}

fn decoder(port: PeerPort) -> Decoder {
    let kind = match port {
        PeerPort::Election => PortKind::Election,
        PeerPort::Quorum => PortKind::Quorum,
    };
    Decoder::new(kind, PEER_FRAME_BYTES_MAX)
}
