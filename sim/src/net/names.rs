//! Machines and connections by names that stay when others are left out.

use super::{ConnName, ConnNumber, EndState, Machine, Net, Node, Port, Side};

impl Net {
    /// How many connections of clients a server has no reason to think gone.
    pub(crate) fn held(&self, server: Node) -> usize {
        let conns = self.conns.iter().flatten();
        let of_clients = conns.filter(|conn| conn.port == Port::Client);
        let accepted = of_clients.map(|conn| &conn.ends[Side::Accepter.index()]);
        accepted
            .filter(|end| end.node == server && end.state == EndState::Open)
            .count()
    }

    /// Every machine, in the order of their nodes.
    pub(crate) fn machines(&self) -> &[Machine] {
        &self.machines
    }

    /// Where a machine is.
    pub(crate) fn node(&self, machine: Machine) -> Option<Node> {
        self.machines.iter().position(|known| *known == machine)
    }

    /// The name of a connection that is not gone.
    pub(crate) fn name(&self, conn: ConnNumber) -> Option<ConnName> {
        Some(self.conns.get(conn)?.as_ref()?.name)
    }

    /// The connection of that name, or the newest open one of its kind.
    pub(crate) fn open_by_name(&self, name: ConnName) -> Option<ConnNumber> {
        let kind = |name: ConnName| (name.from, name.to, name.port);
        let mut newest = None;
        for (number, conn) in self.conns.iter().enumerate() {
            let Some(conn) = conn.as_ref().filter(|conn| kind(conn.name) == kind(name)) else {
                continue;
            };
            newest = Some(number);
            if conn.name == name {
                break;
            }
        }
        newest
    }
}
