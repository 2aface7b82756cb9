//! Asks a server a four-letter word.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// The answer of `server` (`host:port`, port 2181 when there is none) to `word`.
///
/// # Errors
/// When it cannot be reached or does not answer within `patience`.
pub fn ask(server: &str, word: &str, patience: Duration) -> io::Result<String> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in with_port(server).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, patience) {
            Ok(stream) => return converse(stream, word, patience),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The servers of a list, without a chroot behind it.
pub fn servers(list: &str) -> Vec<String> {
    let list = list.split_once('/').map_or(list, |(servers, _)| servers);
    let servers = list
        .split(',')
        .map(str::trim)
        .filter(|server| !server.is_empty());
    servers.map(with_port).collect()
}

fn with_port(server: &str) -> String {
    let after_host = server.rsplit(']').next().unwrap_or(server);
    if after_host.contains(':') {
        server.to_owned()
    } else {
        format!("{server}:2181")
    }
}

fn converse(mut stream: TcpStream, word: &str, patience: Duration) -> io::Result<String> {
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    stream.write_all(word.as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    if answer.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "it closed the connection",
        ));
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

const ANSWER_BYTES_MAX: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_may_leave_out_ports_and_may_have_a_chroot() {
        assert_eq!(
            servers("a,b:1, [::1] ,[::1]:2/app"),
            ["a:2181", "b:1", "[::1]:2181", "[::1]:2"]
        );
    }
}
