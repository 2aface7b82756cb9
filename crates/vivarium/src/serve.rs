//! `vivarium serve`: one server, from its configuration to its exit code.

use crate::cli::ServeArguments;
use crate::config::{Define, Property, ServerConfig, Settings, Warning, parse_properties};
use crate::log::Log;
use crate::outcome::ServeError;
use crate::running::{self, StopSignals};
use shell_tokio::{RecordTo, Server};
use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use tokio::time;

/// Runs a server until it is asked to stop.
///
/// # Errors
/// When it cannot run, or stops by itself.
pub fn serve(arguments: &ServeArguments, log: Log) -> Result<(), ServeError> {
    let (config, warnings) = configure(arguments)?;
    for Warning { text, .. } in warnings {
        log.warn(text);
    }
    running::raise_limits(log);
    let any_port = config.client_port == 0;
    let mut options = running::options(config, log)?;
    options.record = arguments.record.clone().map(|directory| RecordTo {
        directory,
        bytes_max: arguments.record_mib_max << 20,
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut signals = StopSignals::listen()?;
        let mut server = Server::spawn(options).await?;
        let address = server.client_address();
        log.info(format_args!("takes clients on port {}", address.port()));
        if any_port {
            writeln!(io::stdout(), "client port: {}", address.port())?;
        }
        tokio::select! {
            failure = server.failure() => return Err(failure.into()),
            () = signals.asked() => {}
        }
        log.info("stopping");
        if let Ok(outcome) = time::timeout(running::STOP_WITHIN, server.stop()).await {
            outcome?;
        }
        Ok(())
    })
}

/// The configuration that the arguments and the environment ask for, and what to say about it.
///
/// # Errors
/// When it cannot be read or breaks a rule.
pub fn configure(arguments: &ServeArguments) -> Result<(ServerConfig, Vec<Warning>), ServeError> {
    let (defines, mut warnings) = defines(&arguments.defines)?;
    let (name, properties) = properties(&arguments.arguments)?;
    let wrong = |source| ServeError::Config {
        path: name.clone(),
        source,
    };
    let (settings, more) = Settings::resolve(&properties, &defines).map_err(wrong)?;
    warnings.extend(more);
    let (config, more) = ServerConfig::build(&settings, &|path| fs::read(path)).map_err(wrong)?;
    warnings.extend(more);
    Ok((config, warnings))
}

/// The properties of the file, or those that the arguments in its place stand for.
fn properties(arguments: &[String]) -> Result<(String, Vec<Property>), ServeError> {
    if let [port, data_dir, rest @ ..] = arguments {
        let keys = ["clientPort", "dataDir", "tickTime", "maxClientCnxns"];
        let values = [port, data_dir].into_iter().chain(rest);
        if port.parse::<u16>().is_err() {
            return Err(ServeError::Arguments(format!(
                "`{port}` is no port: give one configuration file, or PORT DATADIR [TICKTIME] \
                 [MAXCNXNS]"
            )));
        }
        let property = |(index, (key, value)): (usize, (&str, &String))| Property {
            line: index + 1,
            key: key.to_owned(),
            value: value.clone(),
        };
        let properties = keys
            .into_iter()
            .zip(values)
            .enumerate()
            .map(property)
            .collect();
        return Ok(("the arguments".to_owned(), properties));
    }
    let path = PathBuf::from(arguments.first().expect("clap wants at least one"));
    let bytes = fs::read(&path).map_err(|source| ServeError::Unreadable {
        path: path.clone(),
        source,
    })?;
    let properties = parse_properties(&bytes).map_err(|source| ServeError::Properties {
        path: path.clone(),
        source,
    })?;
    Ok((path.display().to_string(), properties))
}

/// All `-D`s: of the environment first, so that those of the command line win.
fn defines(given: &[String]) -> Result<(Vec<Define>, Vec<Warning>), ServeError> {
    let mut defines = Vec::new();
    let mut warnings = Vec::new();
    for variable in ["SERVER_JVMFLAGS", "JVMFLAGS"] {
        let flags = env::var(variable).unwrap_or_default();
        for flag in flags.split_whitespace() {
            match flag.strip_prefix("-D") {
                Some(define) => defines.push(parse_define(define)),
                None => warnings.push(Warning {
                    matters: false,
                    text: format!("{variable}: {flag} has no effect: there is no Java here"),
                }),
            }
        }
    }
    for define in given {
        if !define.contains('=') {
            return Err(ServeError::Arguments(format!(
                "-D{define} must be -D<key>=<value>"
            )));
        }
        defines.push(parse_define(define));
    }
    Ok((defines, warnings))
}

fn parse_define(text: &str) -> Define {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    Define {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}
