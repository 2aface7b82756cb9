//! Typing into a shell and reading what it answers.

use anyhow::{Context, Result, bail};
use std::io::{PipeReader, Read, Write, pipe};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(45);
const POLL: Duration = Duration::from_millis(10);

/// A program that is talked to. What it says on both of its output streams is one text.
pub(super) struct Conversation {
    process: Child,
    stdin: ChildStdin,
    printed: Receiver<Vec<u8>>,
}

impl Conversation {
    pub(super) fn start(command: &mut Command) -> Result<Conversation> {
        let (reader, writer) = pipe()?;
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .spawn()
            .context("cannot start the shell")?;
        // The command keeps what it was given, and the pipe would never end.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let stdin = process.stdin.take().expect("the input is piped");
        Ok(Conversation {
            process,
            stdin,
            printed: listen(reader),
        })
    }

    pub(super) fn say(&mut self, line: &str) -> Result<()> {
        writeln!(self.stdin, "{line}").context("the shell reads no more")?;
        Ok(self.stdin.flush()?)
    }

    /// Takes what is printed until the text so far is a whole answer.
    pub(super) fn hear(&mut self, whole: impl Fn(&str) -> bool) -> Result<String> {
        let deadline = Instant::now() + PATIENCE;
        let mut bytes = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&bytes);
            if whole(&text) {
                return Ok(text.into_owned());
            }
            match self
                .printed
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(more) => bytes.extend(more),
                Err(RecvTimeoutError::Timeout) => {
                    bail!("after {PATIENCE:?} there is only: {}", text.trim())
                }
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("the shell ended, and said: {}", text.trim())
                }
            }
        }
    }

    /// Waits until the program has ended by itself; its last words, and how it ended.
    pub(super) fn end(mut self) -> Result<(String, ExitStatus)> {
        drop(self.stdin);
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.process.try_wait()? {
                break status;
            }
            if Instant::now() >= deadline {
                self.process.kill()?;
                self.process.wait()?;
                bail!("the shell did not end within {PATIENCE:?}");
            }
            thread::sleep(POLL);
        };
        let bytes: Vec<u8> = self.printed.iter().flatten().collect();
        Ok((String::from_utf8_lossy(&bytes).into_owned(), status))
    }
}

fn listen(mut stream: PipeReader) -> Receiver<Vec<u8>> {
    let (sender, printed) = channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count) = stream.read(&mut buffer) {
            if count == 0 || sender.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    printed
}
