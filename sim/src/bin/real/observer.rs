//! What servers say of themselves, asked again and again by a thread for each of them.

use super::clock::Clock;
use sim::Micros;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// What a server that serves is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Leader,
    Follower,
    Alone,
}

/// What a server said last.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct View {
    /// What it is and has applied; none while it serves nobody.
    pub(crate) serves: Option<(Mode, u64)>,
    /// Whether it took the connection at all.
    pub(crate) answers: bool,
    /// When it was asked.
    pub(crate) asked: Micros,
}

/// Looks at all servers.
pub(crate) struct Observer {
    views: Vec<Arc<Mutex<View>>>,
}

const BETWEEN: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_millis(500);

impl Observer {
    pub(crate) fn start(servers: &[SocketAddr], clock: Clock) -> Self {
        let watch = |server: &SocketAddr| {
            let view = Arc::new(Mutex::new(View::default()));
            let (seen, server) = (Arc::clone(&view), *server);
            thread::spawn(move || {
                loop {
                    let asked = clock.now();
                    let answer = srvr(server);
                    let fresh = View {
                        serves: answer.as_deref().and_then(read),
                        answers: answer.is_some(),
                        asked,
                    };
                    *seen.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
                    clock.wait(BETWEEN);
                }
            });
            view
        };
        Observer {
            views: servers.iter().map(watch).collect(),
        }
    }

    pub(crate) fn view(&self, server: usize) -> View {
        let view = self.views[server].lock();
        *view.unwrap_or_else(PoisonError::into_inner)
    }
}

fn srvr(server: SocketAddr) -> Option<String> {
    let mut socket = TcpStream::connect_timeout(&server, PATIENCE).ok()?;
    socket.set_read_timeout(Some(PATIENCE)).ok()?;
    socket.write_all(b"srvr").ok()?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).ok()?;
    Some(answer)
}

fn read(answer: &str) -> Option<(Mode, u64)> {
    let field = |name: &str| {
        let value = answer.lines().find_map(|line| line.strip_prefix(name));
        value.map(str::trim)
    };
    let mode = match field("Mode:")? {
        "leader" => Mode::Leader,
        "follower" => Mode::Follower,
        "standalone" => Mode::Alone,
        _ => return None,
    };
    let zxid = field("Zxid:")?.strip_prefix("0x")?;
    Some((mode, u64::from_str_radix(zxid, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_serves_when_it_says_what_it_is_and_has() {
        let text = "Zookeeper version: x\nZxid: 0x10000000a\nMode: leader\nNode count: 5\n";
        assert_eq!(read(text), Some((Mode::Leader, 0x1_0000_000a)));
        let text = "This ZooKeeper instance is not currently serving requests\n";
        assert_eq!(read(text), None);
    }
}
