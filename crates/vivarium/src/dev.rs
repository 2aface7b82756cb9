//! `vivarium dev`: a whole ensemble in one process.

mod ports;

use crate::cli::DevArguments;
use crate::config::{Property, ServerConfig, Settings};
use crate::log::Log;
use crate::outcome::ServeError;
use crate::running::{self, StopSignals};
use replica::FourLetterWords;
use shell_tokio::Server;
use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tokio::time;

/// Runs the ensemble until it is asked to stop.
///
/// # Errors
/// When a server cannot run, or stops by itself.
pub fn dev(arguments: &DevArguments, log: Log) -> Result<(), ServeError> {
    running::raise_limits(log);
    let directory = arguments.data_dir.clone().unwrap_or_else(default_data_dir);
    let configs = configure(arguments, &directory)?;
    log.info(format_args!("keeps its data in {}", directory.display()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut signals = StopSignals::listen()?;
        let options = configs
            .into_iter()
            .map(|config| running::options(config, log));
        let options = options.collect::<Result<Vec<_>, _>>()?;
        // All at once, so that the first finds the others when it looks for them.
        let servers = futures::future::join_all(options.into_iter().map(Server::spawn)).await;
        let mut servers = servers.into_iter().collect::<Result<Vec<_>, _>>()?;
        tokio::select! {
            served = wait_until_all_serve(&mut servers) => served?,
            () = signals.asked() => return stop_all(servers).await,
        }
        let addresses = servers
            .iter()
            .map(|server| format!("127.0.0.1:{}", server.client_address().port()));
        let list = addresses.collect::<Vec<_>>().join(",");
        writeln!(io::stdout(), "connect string: {list}")?;
        tokio::select! {
            failure = any_failure(&mut servers) => return Err(failure),
            () = signals.asked() => {}
        }
        log.info("stopping");
        stop_all(servers).await
    })
}

async fn wait_until_all_serve(servers: &mut [Server]) -> Result<(), ServeError> {
    for server in servers {
        server.wait_until_serving().await?;
    }
    Ok(())
}

async fn any_failure(servers: &mut [Server]) -> ServeError {
    let failures = servers.iter_mut().map(|server| Box::pin(server.failure()));
    let (failure, _, _) = futures::future::select_all(failures).await;
    failure.into()
}

async fn stop_all(servers: Vec<Server>) -> Result<(), ServeError> {
    let stopping = servers.into_iter().map(Server::stop);
    let all = futures::future::join_all(stopping);
    // What they acknowledged is on disk, so a late one is not waited for.
    let outcomes = time::timeout(running::STOP_WITHIN, all)
        .await
        .unwrap_or_default();
    outcomes.into_iter().collect::<Result<(), _>>()?;
    Ok(())
}

/// A configuration for each server, through the same door as a file's.
fn configure(arguments: &DevArguments, directory: &Path) -> Result<Vec<ServerConfig>, ServeError> {
    let count = arguments.servers;
    if arguments.client_port > u16::MAX - count {
        return Err(ServeError::Arguments(
            "the client ports would pass 65535".to_owned(),
        ));
    }
    let ensemble = if count == 1 {
        Vec::new()
    } else {
        ports::of_peers(directory, arguments)?
    };
    (1..=count)
        .map(|id| configure_one(arguments, directory, &ensemble, id))
        .collect()
}

fn configure_one(
    arguments: &DevArguments,
    directory: &Path,
    ensemble: &[(u16, u16)],
    id: u16,
) -> Result<ServerConfig, ServeError> {
    let client_port = match arguments.client_port {
        0 => 0,
        first => first + id - 1,
    };
    let data_dir = directory.join(format!("server-{id}"));
    let mut lines = vec![
        ("dataDir".to_owned(), data_dir.display().to_string()),
        ("clientPort".to_owned(), client_port.to_string()),
        ("clientPortAddress".to_owned(), "127.0.0.1".to_owned()),
        ("tickTime".to_owned(), arguments.tick_ms.to_string()),
        ("initLimit".to_owned(), "10".to_owned()),
        ("syncLimit".to_owned(), "5".to_owned()),
        ("maxClientCnxns".to_owned(), "0".to_owned()),
        ("preAllocSize".to_owned(), "16384".to_owned()),
    ];
    for (number, (quorum, election)) in (1..).zip(ensemble) {
        let client = match arguments.client_port {
            0 => String::new(),
            first => format!(";127.0.0.1:{}", first + number - 1),
        };
        let address = format!("127.0.0.1:{quorum}:{election}{client}");
        lines.push((format!("server.{number}"), address));
    }
    let property = |(key, value)| Property {
        line: 0,
        key,
        value,
    };
    let properties: Vec<Property> = lines.into_iter().map(property).collect();
    let wrong = |source| ServeError::Config {
        path: "dev".to_owned(),
        source,
    };
    let (settings, _) = Settings::resolve(&properties, &[]).map_err(wrong)?;
    let my_id = |_: &Path| Ok(id.to_string().into_bytes());
    let (mut config, _) = ServerConfig::build(&settings, &my_id).map_err(wrong)?;
    config.replica.four_letter_words = FourLetterWords::All;
    Ok(config)
}

/// A directory of this user that survives, where there is one.
fn default_data_dir() -> PathBuf {
    let variable = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let home = variable("HOME");
    let data = if cfg!(target_os = "macos") {
        home.map(|home| home.join("Library/Application Support"))
    } else {
        variable("XDG_DATA_HOME").or_else(|| home.map(|home| home.join(".local/share")))
    };
    match data {
        Some(data) => data.join("vivarium").join("dev"),
        None => env::temp_dir().join("vivarium-dev"),
    }
}
