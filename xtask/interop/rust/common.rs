//! What the programs of checks share: the list of checks, patience, and asking for trouble.

use std::fmt::Debug;
use std::future::Future;
use std::io::{BufRead, Read, Write, stdin};
use std::net::TcpStream;
use std::pin::Pin;
use std::time::{Duration, Instant};

pub const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);

/// What a check works with.
#[derive(Clone)]
pub struct World {
    pub servers: String,
    /// A path that is this check's own.
    pub root: String,
}

pub type Check = (
    &'static str,
    fn(World) -> Pin<Box<dyn Future<Output = ()> + Send>>,
);

/// Runs every check as a task of its own, so that a panic ends that one only.
pub async fn run(name: &str, checks: &[Check]) {
    let servers = std::env::args().nth(1).expect("a list of servers");
    // The panic is told with its check.
    std::panic::set_hook(Box::new(|_| {}));
    for (number, (sentence, check)) in checks.iter().enumerate() {
        let world = World {
            servers: servers.clone(),
            root: format!("/{name}-{}-{number}", std::process::id()),
        };
        let task = tokio::spawn(check(world));
        let wrong = match tokio::time::timeout(3 * PATIENCE, task).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(told(error)),
            Err(_) => Some("it does not end".to_owned()),
        };
        // Whatever was killed comes back.
        for server in servers.split(',') {
            if TcpStream::connect(server).is_err() {
                ask(&format!("start {server}"));
            }
        }
        match wrong {
            None => println!("ok {name}: {sentence}"),
            Some(wrong) => println!("FAILED {name}: {sentence}: {wrong}"),
        }
    }
    std::process::exit(0);
}

fn told(error: tokio::task::JoinError) -> String {
    let payload = error.into_panic();
    let text = payload.downcast_ref::<String>().cloned();
    let text = text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    text.unwrap_or_else(|| "it panicked".to_owned()).replace('\n', " ")
}

/// Asks the one who runs this program for something.
pub fn ask(wish: &str) -> String {
    println!("ask {wish}");
    let mut answer = String::new();
    stdin().lock().read_line(&mut answer).expect("an answer");
    assert!(!answer.starts_with("cannot"), "{wish}: {answer}");
    answer.trim().to_owned()
}

pub async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "waited for {what}");
        tokio::time::sleep(POLL).await;
    }
}

pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let outcome = tokio::time::timeout(PATIENCE, future).await;
    outcome.unwrap_or_else(|_| panic!("waited for {what}"))
}

/// Tries until the answer is another than a lost connection.
pub async fn again<T, E: Debug, F: Future<Output = Result<T, E>>>(
    lost: fn(&E) -> bool,
    mut operation: impl FnMut() -> F,
) -> Result<T, E> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match operation().await {
            Err(error) if lost(&error) && Instant::now() < deadline => {
                tokio::time::sleep(POLL).await;
            }
            outcome => return outcome,
        }
    }
}

/// The server that holds the connection of a session, which is named in hexadecimal.
pub fn server_of(servers: &str, session: &str) -> String {
    let wanted = format!("sid={session},");
    let holds = |server: &&str| {
        let mut text = String::new();
        let mut stream = TcpStream::connect(server).expect("a server");
        stream.write_all(b"cons").expect("a request");
        stream.read_to_string(&mut text).expect("an answer");
        text.contains(&wanted)
    };
    let found = servers.split(',').find(holds);
    found.expect("a server that knows the session").to_owned()
}
