//! The handle on a client.

mod reads;
mod watching;
mod writes;

use crate::driver::{Answer, Command, Driver, Listen, Session};
use crate::error::{ConnectError, Error};
use crate::{Addresses, ConnectOptions, Events, Watch};
use client_core::{Auth, ClientError, ClientRequest, ConnectionState, PageEnd, Response};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use tokio::sync::{mpsc, oneshot, watch};
use zk_types::Stat;

/// A handle on one session. Clones share it; when the last is gone, the session is closed.
///
/// Requests are sent in the order in which they are first polled and answered in that order, as
/// many at once as [`ConnectOptions::requests_max`]. While there is no connection they wait for
/// the next. Versions are `None` for any. Every method fails with an [`Error`] that names its
/// path; [`ClientError::ConnectionLoss`] means that the outcome is unknown.
#[derive(Clone, Debug)]
pub struct Client {
    commands: mpsc::Sender<Command>,
    session: watch::Receiver<Session>,
}

/// A node that was created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// Its path, number included.
    pub path: String,
    /// Its Stat.
    pub stat: Stat,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its data; null data is empty.
    pub data: Vec<u8>,
    /// Its Stat.
    pub stat: Stat,
}

/// The children of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Children {
    /// Their names, in no particular order.
    pub names: Vec<String>,
    /// The parent's Stat.
    pub stat: Stat,
}

/// Some of the children of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildrenPage {
    /// Their names, the latest created first; no other page has them.
    pub names: Vec<String>,
    /// The parent's Stat as of this page.
    pub stat: Stat,
    /// What to ask the next page with, if there is one.
    pub end: Option<PageEnd>,
}

impl Client {
    /// Connects to one of the servers of `addresses`, such as `zk1:2181,zk2:2181/app`, and begins
    /// a session. The client runs as a task of the current tokio runtime.
    ///
    /// # Errors
    /// A malformed address, no server in time, or a session that was refused.
    pub async fn connect(addresses: &str, options: ConnectOptions) -> Result<Self, ConnectError> {
        let addresses = Addresses::parse(addresses)?;
        let millis = options.session_timeout.as_millis();
        if i32::try_from(millis).is_err() || millis == 0 {
            return Err(ConnectError::SessionTimeout);
        }
        let connect_within = options.connect_within;
        let core = client_core::Client::new(
            options.into_config(&addresses),
            ChaCha8Rng::from_seed(rand::random()),
        );
        let (commands, received) = mpsc::channel(COMMANDS_MAX);
        let (driver, session) = Driver::new(core, addresses.servers, received);
        tokio::spawn(driver.run());
        let mut client = Client { commands, session };
        match tokio::time::timeout(connect_within, client.first_state()).await {
            Ok(ConnectionState::Over(end)) => Err(ConnectError::Refused(end)),
            Ok(_) => Ok(client),
            Err(_) => Err(ConnectError::NoServer),
        }
    }

    /// How the session stands right now.
    pub fn session(&self) -> Session {
        self.session.borrow().clone()
    }

    /// Every event from now on: changes of the session's state, and whatever its watches see.
    pub async fn events(&self) -> Events {
        let (sender, receiver) = mpsc::channel(Watch::EVENTS_MAX);
        // Without a task there are no events, and the stream ends at once.
        let _ = self.commands.send(Command::Events(sender)).await;
        Events::new(receiver)
    }

    /// Proves an identity, on this connection and every later one. A refusal ends the session.
    pub async fn add_auth(&self, scheme: &str, auth: &[u8]) {
        let auth = Auth {
            scheme: scheme.to_owned(),
            auth: auth.to_vec(),
        };
        // Without a task the session is over, which the next request will tell.
        let _ = self.commands.send(Command::AddAuth(auth)).await;
    }

    /// Ends the session, and waits until the server knows or cannot be told.
    pub async fn close(&self) {
        let mut session = self.session.clone();
        // Without a task the session is over already.
        let _ = self.commands.send(Command::Close).await;
        let over = |session: &Session| matches!(session.state, ConnectionState::Over(_));
        let _ = session.wait_for(over).await;
    }

    async fn first_state(&mut self) -> ConnectionState {
        let decided = |session: &Session| session.state != ConnectionState::Connecting;
        let session = self.session.wait_for(decided).await;
        session
            .expect("the task runs as long as there is a handle")
            .state
    }

    async fn ask(
        &self,
        operation: &'static str,
        path: &str,
        request: ClientRequest,
    ) -> Result<Response, Error> {
        let answer = self.exchange(request, Listen::No).await;
        answer.result.map_err(|cause| Error {
            operation,
            path: path.to_owned(),
            cause,
        })
    }

    async fn ask_and_watch(
        &self,
        operation: &'static str,
        path: &str,
        request: ClientRequest,
    ) -> Result<(Response, Watch), Error> {
        let Answer { result, watch } = self.exchange(request, Listen::Yes).await;
        match result {
            Ok(response) => Ok((response, watch.expect("a watch was asked for"))),
            Err(cause) => Err(Error {
                operation,
                path: path.to_owned(),
                cause,
            }),
        }
    }

    /// A runtime that shuts down takes the task with it, which looks like the end of the session.
    async fn exchange(&self, request: ClientRequest, listen: Listen) -> Answer {
        let (answer, answered) = oneshot::channel();
        let gone = Answer {
            result: Err(ClientError::Closed),
            watch: None,
        };
        match self
            .commands
            .send(Command::Request {
                request,
                listen,
                answer,
            })
            .await
        {
            Ok(()) => answered.await.unwrap_or(gone),
            Err(_) => gone,
        }
    }
}

fn node(response: Response) -> Node {
    let Response::Data { data, stat } = response else {
        mismatch()
    };
    Node {
        data: data.unwrap_or_default(),
        stat,
    }
}

fn children(response: Response) -> Children {
    let Response::Children { names, stat } = response else {
        mismatch()
    };
    Children { names, stat }
}

/// `client-core` decodes a reply by the request it answers.
fn mismatch() -> ! {
    unreachable!("a reply that is no answer to its request")
}

/// Requests on their way from handles to the task.
const COMMANDS_MAX: usize = 1024;
