//! How a client shows that it is served: it reads, writes, and sees a change that it watched.

use super::{Aim, SimClient};
use crate::host::Around;
use crate::oracle::broken::Broken;
use crate::oracle::wire::Tap;
use client_core::{ClientRequest, Create, CreateMode, CreateReply, Ticket, Watcher};
use zk_types::{Acl, Perms};

/// How far a client has come in showing that it is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// Ask whether the own node exists, watching it.
    Ask,
    /// That was asked.
    Asked(Ticket),
    /// The node was created or deleted; both the answer and the event are awaited.
    Changed {
        change: Ticket,
        watch: Ticket,
        answered: bool,
        fired: bool,
    },
}

/// Rounds of a proof: each is a read, a write and a watched change.
pub(super) const PROOF_ROUNDS: u32 = 10;

impl SimClient {
    fn own_path(&self) -> String {
        format!("/proof-{}", self.index)
    }

    pub(super) fn act_for_proof(
        &mut self,
        taps: &mut [Tap],
        around: &mut Around<'_>,
    ) -> Result<(), Broken> {
        if self.proof == Proof::Ask && !self.is_satisfied() && self.asked.is_empty() {
            let request = ClientRequest::Exists {
                path: self.own_path(),
                watch: Some(Watcher::Own),
            };
            let ticket = Ticket(self.next_ticket);
            self.proof = Proof::Asked(ticket);
            self.ask(request, taps, around)?;
        }
        if let Proof::Changed { change, .. } = self.proof
            && change.0 == self.next_ticket
        {
            let request = self.proof_change();
            self.ask(request, taps, around)?;
        }
        Ok(())
    }

    fn proof_change(&self) -> ClientRequest {
        let path = self.own_path();
        if self.known_to_exist() {
            ClientRequest::Delete {
                path,
                version: None,
            }
        } else {
            ClientRequest::Create(Create {
                path,
                data: None,
                acl: vec![Acl::world(Perms::ALL)],
                mode: CreateMode::Persistent,
                reply: CreateReply::Path,
            })
        }
    }

    fn known_to_exist(&self) -> bool {
        self.watches.last_exists()
    }

    /// A request was settled: does that take the proof further?
    pub(super) fn prove(&mut self, ticket: Ticket, answered: bool, request: &ClientRequest) {
        if self.aim != Aim::Proof {
            return;
        }
        match self.proof {
            Proof::Asked(asked) if asked == ticket => {
                self.proof = if answered && matches!(request, ClientRequest::Exists { .. }) {
                    let change = Ticket(self.next_ticket);
                    Proof::Changed {
                        change,
                        watch: ticket,
                        answered: false,
                        fired: false,
                    }
                } else {
                    Proof::Ask
                };
            }
            Proof::Changed {
                change,
                watch,
                fired,
                ..
            } if change == ticket => {
                self.proof = if answered {
                    Proof::Changed {
                        change,
                        watch,
                        answered: true,
                        fired,
                    }
                } else {
                    Proof::Ask
                };
            }
            Proof::Ask | Proof::Asked(_) | Proof::Changed { .. } => {}
        }
        self.conclude();
    }

    pub(super) fn watched(&mut self, ticket: Ticket) {
        if let Proof::Changed { watch, fired, .. } = &mut self.proof
            && *watch == ticket
        {
            *fired = true;
        }
        self.conclude();
    }

    fn conclude(&mut self) {
        if let Proof::Changed {
            answered: true,
            fired: true,
            ..
        } = self.proof
        {
            self.proofs += 1;
            self.proof = Proof::Ask;
        }
    }
}
