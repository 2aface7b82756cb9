//! Processes of the program, and homes for them.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses its part"
)]

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_vivarium");

/// A directory for one server or one ensemble.
pub(crate) struct Home {
    directory: tempfile::TempDir,
}

impl Home {
    pub(crate) fn new() -> Home {
        Home {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// Writes a configuration, in which `DATA` stands for the data directory.
    pub(crate) fn config(&self, text: &str) -> String {
        let file = self.path().join("zoo.cfg");
        fs::write(
            &file,
            text.replace("DATA", &self.data().display().to_string()),
        )
        .unwrap();
        file.display().to_string()
    }

    /// A server that stands alone on any free port.
    pub(crate) fn standalone(&self, more: &str) -> String {
        self.config(&format!(
            "dataDir=DATA\nclientPort=0\nclientPortAddress=127.0.0.1\ntickTime=500\n{more}\n"
        ))
    }
}

/// A process that runs until it is told to stop; killed when it is dropped.
pub(crate) struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
    errors: tempfile::NamedTempFile,
    port: String,
}

impl Running {
    pub(crate) fn start(arguments: &[&str]) -> Running {
        let errors = tempfile::NamedTempFile::new().unwrap();
        let mut child = Command::new(PROGRAM)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(File::create(errors.path()).unwrap())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Running {
            child,
            out,
            errors,
            port: String::new(),
        }
    }

    /// Starts a server and waits until it takes clients.
    pub(crate) fn serve(config: &str) -> Running {
        Running::serve_with(config, &[])
    }

    /// The same with more arguments.
    pub(crate) fn serve_with(config: &str, more: &[&str]) -> Running {
        let mut running = Running::start(&[&["serve", config][..], more].concat());
        running.port = running.wait_for("client port: ");
        running
    }

    /// The rest of the first line that begins like this.
    pub(crate) fn wait_for(&mut self, beginning: &str) -> String {
        loop {
            let mut line = String::new();
            let read = self.out.read_line(&mut line).unwrap();
            assert_ne!(read, 0, "it ended: {}", self.standard_error());
            if let Some(rest) = line.strip_prefix(beginning) {
                return rest.trim().to_owned();
            }
        }
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn standard_error(&self) -> String {
        fs::read_to_string(self.errors.path()).unwrap()
    }

    /// Asks it to stop, and checks that it ends well.
    pub(crate) fn stop(&mut self) {
        self.signal("TERM");
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}: {}", self.standard_error());
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill")
            .args([format!("-{name}"), id])
            .status()
            .unwrap();
        assert!(status.success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already where the test came to its end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the program to its end: exit code, standard output, standard error.
pub(crate) fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(PROGRAM).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// Runs one command of the shell.
pub(crate) fn shell(servers: &str, command: &[&str]) -> (Option<i32>, String, String) {
    let mut arguments = vec!["shell", "--server", servers];
    arguments.extend(command);
    run(&arguments)
}

/// Ports that are free now.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    let held: Vec<TcpListener> = (0..N)
        .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    std::array::from_fn(|index| held[index].local_addr().unwrap().port())
}
