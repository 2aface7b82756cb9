//! What is done to the network.

use super::direction::Broken;
use super::{ConnNumber, Dials, EndState, Micros, Name, Net, Node, Port, Side, Waiting};
use std::collections::BTreeMap;

impl Net {
    /// Stops every oddity that the seed drew.
    pub(crate) fn calm(&mut self) {
        self.is_calm = true;
        self.knobs.rechunk = 0;
        self.knobs.late = 0;
        self.knobs.abrupt = 0;
        for conn in 0..self.conns.len() {
            for side in [Side::Dialler, Side::Accepter] {
                let Some(open) = self.conns[conn].as_mut() else {
                    break;
                };
                let direction = &mut open.directions[side.index()];
                direction.cut_after = None;
                if direction.has_swallowed {
                    // What was sent again and again is answered at last: by a refusal.
                    self.lose(conn, side);
                    self.forget_if_over(conn);
                }
            }
        }
    }

    /// What happened to streams, by name.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.counts.named()
    }

    // Paths.

    /// Blocks or unblocks a path in one direction on one port; blocks add up.
    pub(crate) fn block(&mut self, from: Node, to: Node, port: Port) {
        let index = self.path_index(from, to, port);
        self.paths[index].blocked += 1;
    }

    /// Takes one block off a path again; what waited for it comes at once.
    pub(crate) fn unblock(&mut self, from: Node, to: Node, port: Port) {
        let index = self.path_index(from, to, port);
        self.paths[index].blocked -= 1;
        if self.paths[index].blocked == 0 {
            self.resume(|open, side| {
                open.port == port
                    && open.ends[side.index()].node == from
                    && open.ends[side.other().index()].node == to
            });
        }
    }

    /// Makes everything that is sent on a path this much slower; 0 ends it.
    pub(crate) fn clog(&mut self, from: Node, to: Node, port: Port, by: Micros) {
        let index = self.path_index(from, to, port);
        self.paths[index].clog = by;
    }

    /// Lets no more bytes leave in a second on a path, all its connections together; 0 for no
    /// limit.
    pub(crate) fn cap(&mut self, from: Node, to: Node, port: Port, rate: u64) {
        let index = self.path_index(from, to, port);
        self.paths[index].cap(rate);
    }

    /// Says what becomes of dials from now on.
    pub(crate) fn dials(&mut self, from: Node, to: Node, port: Port, dials: Dials) {
        let index = self.path_index(from, to, port);
        self.paths[index].dials = dials;
    }

    /// Says where a machine that looks another one up is led from now on.
    pub(crate) fn lead(&mut self, from: Node, to: Node, name: Name) {
        self.names[from * self.machines.len() + to] = name;
    }

    // Connections.

    /// Breaks a connection; both ends are told at once, if they can be reached.
    pub(crate) fn reset(&mut self, conn: ConnNumber) {
        let Some(open) = self.conns[conn].as_mut() else {
            return;
        };
        for direction in &mut open.directions {
            direction.empty();
        }
        for side in [Side::Dialler, Side::Accepter] {
            self.lose(conn, side);
        }
        self.forget_if_over(conn);
    }

    /// Tells each end, behind what was sent before, that the other one has closed.
    pub(crate) fn finish(&mut self, conn: ConnNumber) {
        for side in [Side::Dialler, Side::Accepter] {
            let open = self.conns[conn].as_ref();
            if open.is_some_and(|open| open.ends[side.index()].state == EndState::Open) {
                self.end(conn, side);
            }
        }
    }

    /// Breaks a connection after `bytes` more in the direction that `side` sends.
    pub(crate) fn cut_after(&mut self, conn: ConnNumber, side: Side, bytes: usize) {
        self.cut(conn, side, (bytes, Broken::Connection));
    }

    /// After `bytes` more nothing that `side` sends arrives, and nobody is told.
    pub(crate) fn lose_after(&mut self, conn: ConnNumber, side: Side, bytes: usize) {
        self.cut(conn, side, (bytes, Broken::Direction));
    }

    fn cut(&mut self, conn: ConnNumber, side: Side, cut: (usize, Broken)) {
        if let Some(open) = self.conns[conn].as_mut() {
            open.directions[side.index()].cut_after = Some(cut);
        }
    }

    /// From now on nothing arrives at either end of a connection, and nobody is told.
    pub(crate) fn halve(&mut self, conn: ConnNumber) {
        if let Some(open) = self.conns[conn].as_mut() {
            for direction in &mut open.directions {
                direction.is_lost = true;
            }
        }
    }

    /// One end reads nothing, or goes on reading.
    pub(crate) fn stall_reader(&mut self, conn: ConnNumber, side: Side, is_stalled: bool) {
        if let Some(open) = self.conns[conn].as_mut() {
            let end = &mut open.ends[side.index()];
            end.is_stalled = is_stalled;
            let reading = end.reading;
            self.set_reading(conn, side, reading);
        }
    }

    /// Bytes came on a direction that is lost.
    pub(super) fn swallow(&mut self, conn: ConnNumber, side: Side) {
        let open = self.conns[conn].as_mut().expect("it was just looked at");
        let direction = &mut open.directions[side.index()];
        direction.empty();
        direction.waiting = Waiting::Nothing;
        direction.has_swallowed = true;
        self.counts.swallowed += 1;
        if self.is_calm {
            self.lose(conn, side);
            self.forget_if_over(conn);
        }
    }
}
