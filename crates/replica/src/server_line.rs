//! The lines `server.N=` that list an ensemble.
//!
//! Source: `operations.md` §4.1.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use core::fmt;
use zk_types::ServerId;

/// One server of an ensemble.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerLine {
    /// Its number.
    pub id: ServerId,
    /// Name or address, without brackets.
    pub host: String,
    /// Where it takes learners.
    pub quorum_port: u16,
    /// Where it takes notifications.
    pub election_port: u16,
    /// Whether it votes.
    pub role: PeerRole,
    /// Where it takes clients, when the line says so.
    pub client: Option<ClientAddress>,
}

/// Whether a server votes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerRole {
    /// It does.
    Participant,
    /// It only learns.
    Observer,
}

/// The part behind the `;`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientAddress {
    /// `0.0.0.0` when the line names none.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// What is wrong with a `server.N=` line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerLineError {
    /// The N is no number from 1 to 255.
    #[error("the number of a server must be 1 to 255")]
    Id,
    /// It has not the form it must have.
    #[error(
        "it must be host:quorumPort:electionPort[:participant|observer][;[clientHost:]clientPort]"
    )]
    Form,
    /// More than one address.
    #[error("several addresses for one server (`|`) are not supported; give one")]
    ManyAddresses,
    /// Both peer ports are the same.
    #[error("its quorum port and its election port must differ")]
    SamePorts,
    /// A TLS client port.
    #[error("a second client port is for TLS, which this server does not have yet; remove it")]
    SecureClientPort,
}

impl ServerLine {
    /// Reads `server.<number>=<text>`.
    ///
    /// # Errors
    /// When the line is not one of this grammar, or asks for what is not supported.
    pub fn parse(number: &str, text: &str) -> Result<ServerLine, ServerLineError> {
        let id = number
            .parse::<u64>()
            .ok()
            .filter(|id| (1..=255).contains(id));
        ServerLine::of(ServerId(id.ok_or(ServerLineError::Id)?), text)
    }

    /// Reads the text after `server.N=`, whatever the number.
    ///
    /// # Errors
    /// When it is not of this grammar, or asks for what is not supported.
    pub fn of(id: ServerId, text: &str) -> Result<ServerLine, ServerLineError> {
        if text.contains('|') {
            return Err(ServerLineError::ManyAddresses);
        }
        let mut parts = text.split(';').map(str::trim);
        let peer = parts.next().expect("a split gives something");
        let client = parts.next().filter(|client| !client.is_empty());
        if parts.any(|secure| !secure.is_empty()) {
            return Err(ServerLineError::SecureClientPort);
        }
        let client = client.map(ClientAddress::parse).transpose()?;
        let (host, rest) = split_host(peer).ok_or(ServerLineError::Form)?;
        let mut fields = rest.split(':');
        let mut port = || {
            fields
                .next()
                .and_then(parse_port)
                .ok_or(ServerLineError::Form)
        };
        let (quorum_port, election_port) = (port()?, port()?);
        let role = match fields.next().map(str::to_lowercase).as_deref() {
            None | Some("participant") => PeerRole::Participant,
            Some("observer") => PeerRole::Observer,
            Some(_) => return Err(ServerLineError::Form),
        };
        if fields.next().is_some() {
            return Err(ServerLineError::Form);
        }
        if quorum_port == election_port {
            return Err(ServerLineError::SamePorts);
        }
        Ok(ServerLine {
            id,
            host,
            quorum_port,
            election_port,
            role,
            client,
        })
    }

    /// The text after `server.N=` in canonical form.
    pub fn canonical(&self) -> String {
        let host = bracketed(&self.host);
        let peer = format!(
            "{host}:{}:{}:{}",
            self.quorum_port, self.election_port, self.role
        );
        match &self.client {
            None => peer,
            Some(client) => format!("{peer};{}:{}", bracketed(&client.host), client.port),
        }
    }
}

impl ClientAddress {
    fn parse(text: &str) -> Result<ClientAddress, ServerLineError> {
        if let Some(port) = parse_port(text) {
            return Ok(ClientAddress {
                host: "0.0.0.0".to_owned(),
                port,
            });
        }
        let (host, port) = split_host(text).ok_or(ServerLineError::Form)?;
        Ok(ClientAddress {
            host,
            port: parse_port(port).ok_or(ServerLineError::Form)?,
        })
    }
}

impl fmt::Display for PeerRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PeerRole::Participant => "participant",
            PeerRole::Observer => "observer",
        })
    }
}

/// The host, without brackets, and what follows the colon behind it.
fn split_host(text: &str) -> Option<(String, &str)> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (host, rest) = bracketed.split_once(']')?;
            (host, rest.strip_prefix(':')?)
        }
        None => text.split_once(':')?,
    };
    if host.is_empty() {
        None
    } else {
        Some((host.to_owned(), rest))
    }
}

fn parse_port(text: &str) -> Option<u16> {
    text.trim().parse().ok().filter(|port| *port != 0)
}

fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> Result<String, ServerLineError> {
        ServerLine::parse("1", text).map(|line| line.canonical())
    }

    #[test]
    fn every_form_has_its_canonical_one() {
        for (text, expected) in [
            ("h:2888:3888", "h:2888:3888:participant"),
            ("h:2888:3888:PARTICIPANT", "h:2888:3888:participant"),
            ("h:2888:3888:observer", "h:2888:3888:observer"),
            ("h:2888:3888;2181", "h:2888:3888:participant;0.0.0.0:2181"),
            (
                "h:2888:3888:participant;c:2181",
                "h:2888:3888:participant;c:2181",
            ),
            ("[::1]:1:2;[::2]:3", "[::1]:1:2:participant;[::2]:3"),
            ("h:2888:3888;", "h:2888:3888:participant"),
        ] {
            assert_eq!(canonical(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_of_the_grammar_is_refused() {
        for (text, expected) in [
            ("", ServerLineError::Form),
            ("h", ServerLineError::Form),
            ("h:2888", ServerLineError::Form),
            ("h:2888:x", ServerLineError::Form),
            ("h:2888:3888:leader", ServerLineError::Form),
            ("h:2888:3888:observer:1", ServerLineError::Form),
            ("h:0:3888", ServerLineError::Form),
            (":1:2", ServerLineError::Form),
            ("[::1:1:2", ServerLineError::Form),
            ("h:1:1", ServerLineError::SamePorts),
            ("h:1:2|g:1:2", ServerLineError::ManyAddresses),
            ("h:1:2;;2281", ServerLineError::SecureClientPort),
        ] {
            assert_eq!(canonical(text), Err(expected), "{text}");
        }
        for number in ["0", "256", "-1", "x", ""] {
            let error = ServerLine::parse(number, "h:1:2").unwrap_err();
            assert_eq!(error, ServerLineError::Id, "{number}");
        }
    }
}
