//! The ports on which the servers of a development ensemble find each other. They are remembered
//! beside the data, so that an ensemble that is started again is the same ensemble.

use crate::cli::DevArguments;
use crate::config::parse_properties;
use crate::outcome::ServeError;
use shell_std::{BoundPort, SpawnError};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

/// Quorum and election port of each server.
///
/// # Errors
/// When `directory` belongs to an ensemble of another size, or cannot be used.
pub(crate) fn of_peers(
    directory: &Path,
    arguments: &DevArguments,
) -> Result<Vec<(u16, u16)>, ServeError> {
    let file = directory.join("dev.properties");
    let count = usize::from(arguments.servers);
    let remembered = fs::read(&file)
        .map(|bytes| parse(&bytes))
        .unwrap_or_default();
    if !remembered.is_empty() && remembered.len() != count {
        let there = remembered.len();
        return Err(ServeError::Arguments(format!(
            "{} holds an ensemble of {there} servers: start it with --servers {there}, or name \
             another --data-dir",
            directory.display()
        )));
    }
    let mut taken = Vec::new();
    let mut ports = Vec::new();
    for index in 0..count {
        let wanted = remembered
            .get(index)
            .copied()
            .unwrap_or_else(|| preferred(arguments, index));
        ports.push((take(wanted.0, &mut taken)?, take(wanted.1, &mut taken)?));
    }
    if ports != remembered {
        fs::create_dir_all(directory)?;
        fs::write(&file, print(&ports))?;
    }
    Ok(ports)
}

/// Away from the range from which systems give out ports by themselves. Chosen by chance where the
/// client ports are, so that ensembles beside each other do not meet.
fn preferred(arguments: &DevArguments, index: usize) -> (u16, u16) {
    let index = u16::try_from(index).expect("there are few servers");
    match arguments.client_port {
        0 => (
            rand::random_range(20_000..26_000),
            rand::random_range(26_000..32_000),
        ),
        first => (
            27_000 + first % 1_000 + index,
            28_000 + first % 1_000 + index,
        ),
    }
}

/// `wanted` when it is free, else any port that is; held until all are chosen.
fn take(wanted: u16, taken: &mut Vec<TcpListener>) -> Result<u16, ServeError> {
    let listen = |port| {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        BoundPort::bind("a peer port", address).and_then(|bound| bound.listen(1))
    };
    let listening = listen(wanted)
        .or_else(|_| listen(0))
        .map_err(SpawnError::Bind)?;
    let port = listening.local_addr()?.port();
    taken.push(listening);
    Ok(port)
}

fn print(ports: &[(u16, u16)]) -> String {
    let lines = (1..).zip(ports).map(|(number, (quorum, election))| {
        format!("server.{number}=127.0.0.1:{quorum}:{election}\n")
    });
    lines.collect()
}

fn parse(bytes: &[u8]) -> Vec<(u16, u16)> {
    let properties = parse_properties(bytes).unwrap_or_default();
    let ports = properties.iter().filter_map(|property| {
        let mut fields = property
            .value
            .split(':')
            .skip(1)
            .map(|port| port.parse().ok());
        Some((fields.next()??, fields.next()??))
    });
    ports.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_remembered_and_the_size_of_the_ensemble_with_them() {
        let home = tempfile::tempdir().unwrap();
        let mut arguments = DevArguments {
            servers: 3,
            client_port: 7_777,
            data_dir: None,
            tick_ms: 100,
        };
        let first = of_peers(home.path(), &arguments).unwrap();
        assert_eq!(first.len(), 3);
        arguments.client_port = 8_888;
        assert_eq!(of_peers(home.path(), &arguments).unwrap(), first);
        arguments.servers = 5;
        let refused = of_peers(home.path(), &arguments).unwrap_err().to_string();
        assert!(refused.contains("--servers 3"), "{refused}");
    }
}
