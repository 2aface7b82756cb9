//! The session of a shell. It lives on a thread of its own, so that it is kept alive while the
//! user thinks.

use crate::cli::ShellArguments;
use crate::shell::answer::Answer;
use crate::shell::commands::Call;
use crate::shell::failure::Failure;
use crate::shell::run;
use std::io;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time;
use vivarium_client::{Client, ConnectOptions, ConnectionState, Events};

/// At most one session at a time, with the servers that were asked for.
pub(crate) struct Sessions {
    servers: String,
    timeout: Duration,
    client: Option<Client>,
    runtime: Handle,
    thread: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Sessions {
    pub(crate) fn new(arguments: &ShellArguments) -> io::Result<Sessions> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("session".to_owned())
            .spawn(move || {
                // The end comes, or the shell is gone.
                let _ = runtime.block_on(ended);
            })?;
        Ok(Sessions {
            servers: arguments.server.clone(),
            timeout: Duration::from_millis(u64::from(arguments.timeout.max(1))),
            client: None,
            runtime: handle,
            thread: Some((end, thread)),
        })
    }

    /// Servers, for the prompt.
    pub(crate) fn servers(&self) -> &str {
        &self.servers
    }

    /// The state, for the prompt.
    pub(crate) fn state(&self) -> &'static str {
        match self.client.as_ref().map(|client| client.session().state) {
            Some(ConnectionState::Connected) => "CONNECTED",
            Some(ConnectionState::ConnectedReadOnly) => "CONNECTEDREADONLY",
            Some(ConnectionState::Connecting) => "CONNECTING",
            Some(ConnectionState::Over(_)) | None => "CLOSED",
        }
    }

    /// Other servers from the next session on.
    pub(crate) fn set_servers(&mut self, servers: &str) {
        self.servers = servers.to_owned();
    }

    /// Begins a session, and ends the one there was.
    pub(crate) fn connect(&mut self) -> Result<(), Failure> {
        self.end_session();
        let options = ConnectOptions {
            session_timeout: self.timeout,
            connect_within: self.timeout,
            ..ConnectOptions::default()
        };
        self.client = Some(
            self.runtime
                .block_on(Client::connect(&self.servers, options))?,
        );
        Ok(())
    }

    /// The events of the session; `None` when there is none.
    pub(crate) fn events(&self) -> Option<Events> {
        let client = self.client.as_ref()?;
        Some(self.runtime.block_on(client.events()))
    }

    /// Runs `task` beside the session.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(task);
    }

    pub(crate) fn run(&self, call: &Call) -> Result<Answer, Failure> {
        let client = self.client.as_ref().ok_or_else(not_connected)?;
        let timeout = self.timeout;
        self.runtime.block_on(async {
            let run = time::timeout(timeout, run::run(client, call));
            run.await.unwrap_or_else(|_| {
                let ms = timeout.as_millis();
                Err(Failure::Sentence(format!(
                    "no answer within {ms} ms; it may still be done"
                )))
            })
        })
    }

    /// Children of a node, for completion: none when that takes long.
    pub(crate) fn children(&self, path: &str) -> Vec<String> {
        let Some(client) = &self.client else {
            return Vec::new();
        };
        let asked = self.runtime.block_on(async {
            time::timeout(COMPLETION_PATIENCE, client.get_children(path)).await
        });
        asked
            .ok()
            .and_then(Result::ok)
            .map(|children| children.names)
            .unwrap_or_default()
    }

    /// Ends the session, if there is one.
    pub(crate) fn end_session(&mut self) {
        if let Some(client) = self.client.take() {
            // A server that does not answer lets the session expire.
            let close = async { time::timeout(CLOSE_PATIENCE, client.close()).await };
            let _ = self.runtime.block_on(close);
        }
    }

    /// Ends everything.
    pub(crate) fn close(&mut self) {
        self.end_session();
        if let Some((end, thread)) = self.thread.take() {
            let _ = end.send(());
            let _ = thread.join();
        }
    }
}

fn not_connected() -> Failure {
    Failure::Sentence("Not connected: enter `connect`".to_owned())
}

const COMPLETION_PATIENCE: Duration = Duration::from_secs(1);
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);
