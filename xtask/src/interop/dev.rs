//! A whole development ensemble, as `vivarium dev` starts it.

use crate::ensemble::free_run_of_ports;
use crate::process::{program, target};
use anyhow::{Context, Result};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

const SERVERS: u16 = 3;
/// How long it may take to serve.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running `vivarium dev`, ended when dropped.
pub(super) struct Dev {
    process: std::process::Child,
    folder: PathBuf,
    pub(super) connect_string: String,
}

impl Dev {
    /// Starts it on free ports and waits until one of its servers leads.
    pub(super) fn start() -> Result<Dev> {
        let binary = crate::ensemble::binary()?;
        let folder = target()
            .join("ensembles")
            .join(format!("dev-{}", std::process::id()));
        let first = free_run_of_ports(SERVERS)?;
        let mut process = program(binary)
            .args(["dev", "--client-port", &first.to_string(), "--data-dir"])
            .arg(&folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start vivarium dev")?;
        let stdout = process.stdout.take().expect("the output is piped");
        let mut dev = Dev {
            process,
            folder,
            connect_string: String::new(),
        };
        let mut lines = BufReader::new(stdout).lines();
        for line in lines.by_ref() {
            if let Some(found) = connect_string(&line?) {
                dev.connect_string = found;
                break;
            }
        }
        // What it prints later must go somewhere, or it would end with a broken pipe.
        std::thread::spawn(move || lines.for_each(drop));
        anyhow::ensure!(
            !dev.connect_string.is_empty(),
            "vivarium dev prints no connect string"
        );
        dev.wait()?;
        Ok(dev)
    }

    fn wait(&self) -> Result<()> {
        let deadline = std::time::Instant::now() + PATIENCE;
        let serves = || {
            self.connect_string.split(',').all(|address| {
                address.parse().is_ok_and(|address| {
                    crate::zk::four_letters(address, "srvr", Duration::from_millis(500))
                        .is_ok_and(|answer| answer.contains("Mode:"))
                })
            })
        };
        while !serves() {
            anyhow::ensure!(
                std::time::Instant::now() < deadline,
                "vivarium dev does not serve after {PATIENCE:?}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The first word of a line that is a list of three addresses.
fn connect_string(line: &str) -> Option<String> {
    let is_address = |part: &str| part.parse::<std::net::SocketAddr>().is_ok();
    line.split_whitespace()
        .find(|word| word.split(',').count() == 3 && word.split(',').all(is_address))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connect_string_is_found_in_what_is_printed_around_it() {
        let line = "connect with 127.0.0.1:2181,127.0.0.1:2182,127.0.0.1:2183 now";
        let found = connect_string(line).expect("three addresses");
        assert!(found.starts_with("127.0.0.1:2181,") && found.ends_with(":2183"));
        assert_eq!(connect_string("127.0.0.1:2181"), None);
    }
}
