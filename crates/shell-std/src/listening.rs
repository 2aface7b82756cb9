//! Listening sockets: bound first, so that a port in use is known before a long recovery, and
//! listening later, so that no client waits for one.

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

/// A port that belongs to this process and takes no connections yet.
#[derive(Debug)]
pub struct BoundPort {
    socket: Socket,
    purpose: &'static str,
    address: SocketAddr,
}

/// Why a port could not be taken.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {purpose} {address}: {}", why(source, *address))]
pub struct BindError {
    /// What the port is for, such as `client port`.
    pub purpose: &'static str,
    /// The address.
    pub address: SocketAddr,
    /// What the system said.
    pub source: io::Error,
}

impl BoundPort {
    /// Takes `address`; port 0 is any free one. The IPv6 wildcard takes IPv4 too, and stands for
    /// the IPv4 wildcard where there is no IPv6.
    ///
    /// # Errors
    /// When the port is in use, forbidden, or the address is not of this machine.
    pub fn bind(purpose: &'static str, address: SocketAddr) -> Result<BoundPort, BindError> {
        let fail = |source| BindError {
            purpose,
            address,
            source,
        };
        let socket = match bind(address) {
            Err(error) if address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) && !in_use(&error) => {
                bind(SocketAddr::new(
                    IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                    address.port(),
                ))
            }
            other => other,
        };
        let socket = socket.map_err(fail)?;
        let bound = socket.local_addr().map_err(fail)?;
        let address = bound
            .as_socket()
            .expect("an internet socket has an internet address");
        Ok(BoundPort {
            socket,
            purpose,
            address,
        })
    }

    /// The wildcard address with `port`.
    pub fn wildcard(port: u16) -> SocketAddr {
        SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port)
    }

    /// The address it has, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins to take connections, of which `backlog` may wait.
    ///
    /// # Errors
    /// When somebody else began to listen there in between.
    pub fn listen(self, backlog: i32) -> Result<TcpListener, BindError> {
        let BoundPort {
            socket,
            purpose,
            address,
        } = self;
        match socket.listen(backlog) {
            Ok(()) => Ok(socket.into()),
            Err(source) => Err(BindError {
                purpose,
                address,
                source,
            }),
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(address.ip() != IpAddr::V6(Ipv6Addr::UNSPECIFIED))?;
    }
    // A restart must not wait for connections of the last run to time out.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn in_use(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrInUse
}

fn why(error: &io::Error, address: SocketAddr) -> String {
    let (ip, port) = (address.ip(), address.port());
    if in_use(error) {
        format!(
            "port {port} is in use by another process; stop that one, or configure another port"
        )
    } else if error.kind() == io::ErrorKind::PermissionDenied {
        format!("port {port} needs rights this user does not have; use one above 1023")
    } else if error.kind() == io::ErrorKind::AddrNotAvailable {
        format!("{ip} is not an address of this machine; configure one that is, or none for all")
    } else {
        error.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_known_at_once_and_said_so() {
        let first = BoundPort::bind("client port", SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = first.address();
        let _listening = first.listen(1).unwrap();
        let refused = BoundPort::bind("client port", address).unwrap_err();
        let sentence = refused.to_string();
        assert!(sentence.contains("in use by another process"), "{sentence}");
    }

    #[test]
    fn port_zero_becomes_a_real_one() {
        let port = BoundPort::bind("client port", BoundPort::wildcard(0)).unwrap();
        assert_ne!(port.address().port(), 0);
    }
}
