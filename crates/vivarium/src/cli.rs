//! The command line.

use clap::{ArgAction, Args, Parser, Subcommand};
use std::path::PathBuf;

/// A ZooKeeper: server, development ensemble and tools in one program.
#[derive(Debug, Parser)]
#[command(name = "vivarium", version, about, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Say more on standard error.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Say only on standard error what is wrong.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run one server from an unchanged zoo.cfg
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(ServeArguments),
    /// Run a whole ensemble on this machine, for development
    #[command(after_help = DEV_EXAMPLES)]
    Dev(DevArguments),
    /// Talk to a server with the commands of zkCli, interactively or once
    #[command(after_help = SHELL_EXAMPLES)]
    Shell(ShellArguments),
    /// Show role, epoch, zxid, latency and connections of servers
    #[command(after_help = STATUS_EXAMPLES)]
    Status(StatusArguments),
    /// Print the version
    Version,
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// The configuration file, or in its place what Apache takes too.
    #[arg(help = FILE_HELP, required = true, num_args = 1..=4, value_name = "ZOO.CFG")]
    pub arguments: Vec<String>,
    /// A system property, as one would give it to Java; may be repeated
    #[arg(short = 'D', value_name = "KEY=VALUE")]
    pub defines: Vec<String>,
    /// Record in this directory all that this server is told: it holds data and passwords
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// Mebibytes after which a run is recorded no further
    #[arg(
        long, value_name = "N", default_value_t = 4096, requires = "record",
        value_parser = clap::value_parser!(u64).range(1..=1 << 24)
    )]
    pub record_mib_max: u64,
}

/// Arguments of `dev`.
#[derive(Clone, Debug, Args)]
pub struct DevArguments {
    /// How many servers
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=9))]
    pub servers: u16,
    /// Where the first server takes clients; the next ones take the next ports
    #[arg(long, default_value_t = 2181)]
    pub client_port: u16,
    /// Where the data is kept between runs [default: a directory of this user]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// The tick: sessions live 2 to 20 of them at least
    #[arg(
        long, value_name = "N", default_value_t = 2000,
        value_parser = clap::value_parser!(u32).range(10..=60_000)
    )]
    pub tick_ms: u32,
}

/// Arguments of `shell`.
#[derive(Clone, Debug, Args)]
pub struct ShellArguments {
    /// Servers, and the root of all paths.
    #[arg(help = CONNECT_HELP, short, long, value_name = "LIST", default_value = "127.0.0.1:2181")]
    pub server: String,
    /// Print results as JSON, one value per line
    #[arg(long)]
    pub json: bool,
    /// How long to wait for a server and for an answer, and the session timeout, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 30_000)]
    pub timeout: u32,
    /// One command; without it the shell is interactive
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "COMMAND"
    )]
    pub command: Vec<String>,
}

/// Arguments of `status`.
#[derive(Clone, Debug, Args)]
pub struct StatusArguments {
    /// Servers.
    #[arg(help = SERVERS_HELP, short, long, value_name = "LIST", default_value = "127.0.0.1:2181")]
    pub server: String,
    /// Print a JSON array
    #[arg(long)]
    pub json: bool,
    /// How long to wait for each server, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 3_000)]
    pub timeout: u32,
}

// Brackets would be links in the documentation of a field.
const FILE_HELP: &str =
    "The configuration file; or, as Apache takes it too: PORT DATADIR [TICKTIME] [MAXCNXNS]";
const CONNECT_HELP: &str = "Servers as HOST:PORT[,HOST:PORT...][/CHROOT]";
const SERVERS_HELP: &str = "Servers as HOST:PORT[,HOST:PORT...]";

const EXAMPLES: &str = "\
Examples:
  vivarium dev                                 three servers on ports 2181 to 2183
  vivarium serve /etc/zookeeper/conf/zoo.cfg   one server of a real ensemble
  vivarium shell ls /                          look what is there
  vivarium status -s 127.0.0.1:2181,127.0.0.1:2182,127.0.0.1:2183";

const SERVE_EXAMPLES: &str = "\
Examples:
  vivarium serve zoo.cfg
  vivarium serve zoo.cfg -Dzookeeper.extendedTypesEnabled=true -Djute.maxbuffer=4194304
  vivarium serve 2181 /var/lib/zookeeper 2000 60
  vivarium serve zoo.cfg --record /var/lib/vivarium-recordings

The file is a Java properties file as Apache ZooKeeper reads it. Flags in SERVER_JVMFLAGS and
JVMFLAGS are read like -D. SIGTERM and Ctrl-C stop the server; nothing acknowledged is lost.

Exit codes: 0 stopped, 1 unexpected, 2 wrong arguments or configuration, 3 data directory not
usable, 10 data that cannot be read or written, 14 election port not to be had.";

const DEV_EXAMPLES: &str = "\
Examples:
  vivarium dev
  vivarium dev --servers 1 --client-port 12181 --data-dir /tmp/zk

Prints the connect string once the ensemble serves. All four-letter words are allowed. Ctrl-C
stops it; started again, the data is there.";

const SHELL_EXAMPLES: &str = "\
Examples:
  vivarium shell
  vivarium shell -s zk1:2181,zk2:2181/app
  vivarium shell create -e -s /lock- \"some data\"
  vivarium shell --json get -s /config

Exit codes of a single command: 0 done, 1 failed, 127 no such command.";

const STATUS_EXAMPLES: &str = "\
Examples:
  vivarium status
  vivarium status -s zk1:2181,zk2:2181,zk3:2181 --json

The exit code is 1 when a server does not answer or does not serve. Needs the four-letter word
srvr, which is always allowed.";

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_of_a_shell_command_are_its_own() {
        let words = [
            "vivarium", "shell", "-s", "h:1", "set", "/a", "x", "-v", "3", "--json",
        ];
        let Command::Shell(arguments) = Cli::parse_from(words).command else {
            panic!("it is the shell");
        };
        assert_eq!(arguments.command, ["set", "/a", "x", "-v", "3", "--json"]);
        assert!(!arguments.json);
    }
}
