//! Where the servers are: the connection string of every ZooKeeper client.

use zk_types::{PathError, ZnodePath};

/// The parts of a connection string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Servers as `host:port`; names are resolved with each attempt at a connection.
    pub servers: Vec<String>,
    /// What every path is below.
    pub chroot: Option<ZnodePath>,
}

/// Why a text is no connection string.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It names no server.
    #[error("the connection string names no server")]
    Empty,
    /// A port that is no number from 1 to 65535.
    #[error("`{0}` has no valid port")]
    Port(String),
    /// A chroot that is no path.
    #[error("the chroot is no path: {0}")]
    Chroot(PathError),
}

impl Addresses {
    /// Parses `host:port,host:port/chroot`. A port may be left out and is 2181 then; an IPv6
    /// address with a port stands in brackets.
    ///
    /// # Errors
    /// See [`AddressError`].
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (servers, chroot) = match text.find('/') {
            None => (text, None),
            Some(at) => (&text[..at], Some(&text[at..])),
        };
        let chroot = chroot
            .map(ZnodePath::parse)
            .transpose()
            .map_err(AddressError::Chroot)?;
        let servers = servers
            .split(',')
            .map(str::trim)
            .filter(|server| !server.is_empty())
            .map(with_port)
            .collect::<Result<Vec<String>, AddressError>>()?;
        if servers.is_empty() {
            return Err(AddressError::Empty);
        }
        Ok(Addresses { servers, chroot })
    }
}

fn with_port(server: &str) -> Result<String, AddressError> {
    let is_bare_v6 = !server.starts_with('[') && server.matches(':').count() > 1;
    if is_bare_v6 {
        return Ok(format!("[{server}]:{PORT_DEFAULT}"));
    }
    match server.rsplit_once(':') {
        Some((_, port)) if !port.ends_with(']') => match port.parse::<u16>() {
            Ok(1..) => Ok(server.to_owned()),
            Ok(0) | Err(_) => Err(AddressError::Port(server.to_owned())),
        },
        Some(_) | None => Ok(format!("{server}:{PORT_DEFAULT}")),
    }
}

/// The port of a ZooKeeper server that names none.
const PORT_DEFAULT: u16 = 2181;

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(text: &str) -> Vec<String> {
        Addresses::parse(text).unwrap().servers
    }

    #[test]
    fn servers_and_chroot_are_told_apart() {
        let addresses = Addresses::parse("a:1, b:2 ,c/app/x").unwrap();
        assert_eq!(addresses.servers, ["a:1", "b:2", "c:2181"]);
        assert_eq!(addresses.chroot, Some(ZnodePath::parse("/app/x").unwrap()));
        assert_eq!(
            Addresses::parse("a/").unwrap().chroot,
            Some(ZnodePath::root())
        );
    }

    #[test]
    fn addresses_of_the_sixth_version_are_understood() {
        assert_eq!(
            servers("::1,[::1]:5,[fe80::2]"),
            ["[::1]:2181", "[::1]:5", "[fe80::2]:2181"]
        );
    }

    #[test]
    fn what_is_no_connection_string_is_refused() {
        assert_eq!(Addresses::parse(" ,"), Err(AddressError::Empty));
        assert_eq!(
            Addresses::parse("a:0"),
            Err(AddressError::Port("a:0".into()))
        );
        assert_eq!(
            Addresses::parse("a:99999"),
            Err(AddressError::Port("a:99999".into()))
        );
        assert!(matches!(
            Addresses::parse("a/x/"),
            Err(AddressError::Chroot(_))
        ));
    }
}
