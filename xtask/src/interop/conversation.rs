//! Typing into a program and reading what it answers.

use super::shells::Exchange;
use anyhow::{Context, Result, bail};
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(15);
/// How long a word that must not come is waited for, once everything else has come.
const SILENCE: Duration = Duration::from_millis(300);

/// A program that is talked to. Both of its output streams count as its answer.
pub(super) struct Conversation {
    process: Child,
    stdin: ChildStdin,
    printed: Receiver<Vec<u8>>,
}

impl Conversation {
    pub(super) fn start(command: &mut Command) -> Result<Conversation> {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start the shell")?;
        let stdin = process.stdin.take().expect("the input is piped");
        let (sender, printed) = channel();
        listen(
            process.stdout.take().expect("the output is piped"),
            sender.clone(),
        );
        listen(
            process.stderr.take().expect("the error stream is piped"),
            sender,
        );
        Ok(Conversation {
            process,
            stdin,
            printed,
        })
    }

    /// Types one line and waits for what it must print. What came before is forgotten.
    pub(super) fn exchange(&mut self, exchange: &Exchange) -> Result<()> {
        while self.printed.try_recv().is_ok() {}
        self.stdin
            .write_all(format!("{}\n", exchange.typed).as_bytes())?;
        self.stdin.flush()?;
        let deadline = Instant::now() + PATIENCE;
        let mut text = String::new();
        while !exchange.expected.iter().all(|part| text.contains(part)) {
            match self
                .printed
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(more) => text.push_str(&String::from_utf8_lossy(&more)),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    bail!(
                        "{:?} expected, {:?} printed",
                        exchange.expected,
                        text.trim()
                    );
                }
            }
        }
        if let Some(forbidden) = exchange.forbidden {
            while let Ok(more) = self.printed.recv_timeout(SILENCE) {
                text.push_str(&String::from_utf8_lossy(&more));
            }
            if text.contains(forbidden) {
                bail!("{forbidden:?} forbidden, {:?} printed", text.trim());
            }
        }
        Ok(())
    }

    /// Asks the program to end, and takes care that it does.
    pub(super) fn end(mut self) -> Result<()> {
        // A program that has already ended reads nothing more, which is as good.
        let _ = self.stdin.write_all(b"quit\n");
        drop(self.stdin);
        let deadline = Instant::now() + PATIENCE;
        while self.process.try_wait()?.is_none() {
            if Instant::now() >= deadline {
                self.process.kill()?;
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

fn listen(mut stream: impl Read + Send + 'static, sender: Sender<Vec<u8>>) {
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count) = stream.read(&mut buffer) {
            if count == 0 || sender.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
}
