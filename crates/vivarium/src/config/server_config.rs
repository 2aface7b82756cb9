//! From what is set to a server that can be run.

use crate::config::auth::auth_rules;
use crate::config::limits::limits;
use crate::config::properties::{Property, parse_properties};
use crate::config::settings::{ConfigError, Place, Settings, Warning};
use replica::{
    Config, Facts, FourLetterWords, LocalSessions, PeerRole, ReadOnlyMode, ReaperRules,
    ReconfigRules, ServerLine, SessionRules,
};
use shell_std::WhenMissing;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use zk_types::ServerId;

/// A server as it is configured.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// What the replica is told; facts and seed are filled in by whoever runs it.
    pub replica: Config,
    /// Every server of the ensemble; empty for a server that stands alone.
    pub servers: Vec<ServerLine>,
    /// `dataDir`.
    pub data_dir: PathBuf,
    /// `dataLogDir`, or `dataDir` again.
    pub data_log_dir: PathBuf,
    /// Where clients are taken; no name for all addresses.
    pub client_host: Option<String>,
    /// The port for clients, 0 for any free one.
    pub client_port: u16,
    /// Where other servers are taken.
    pub peer_listen: PeerListenOn,
    /// Connections that may wait to be accepted.
    pub backlog: i32,
    /// Whether missing directories are made.
    pub when_missing: WhenMissing,
}

/// Where a server of an ensemble takes the others (`quorumListenOnAllIPs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerListenOn {
    /// On the address in its own line.
    OwnAddress,
    /// On all addresses of the machine.
    AllAddresses,
}

/// Reads a small file beside the configuration: `myid`, or a dynamic configuration.
pub type ReadFile<'a> = &'a dyn Fn(&Path) -> io::Result<Vec<u8>>;

impl ServerConfig {
    /// Checks what is set and completes it with defaults.
    ///
    /// # Errors
    /// For the first rule that is broken, as a sentence that says what to do.
    pub fn build(
        settings: &Settings,
        read: ReadFile<'_>,
    ) -> Result<(ServerConfig, Vec<Warning>), ConfigError> {
        let mut warnings = Vec::new();
        let data_dir = settings
            .get("dataDir")
            .map(|(value, _)| PathBuf::from(value));
        let data_dir = data_dir
            .filter(|path| !path.as_os_str().is_empty())
            .ok_or_else(|| {
                rule("dataDir is not set: name the directory where this server keeps its data")
            })?;
        let data_log_dir = settings
            .get("dataLogDir")
            .map(|(value, _)| PathBuf::from(value))
            .filter(|path| !path.as_os_str().is_empty());
        let data_log_dir = data_log_dir.unwrap_or_else(|| data_dir.clone());
        let listed = server_lines(settings, read)?;
        // Alone or not, a server keeps its number: its data is stamped with it.
        let alone = listed.first().map_or(ServerId(1), |line| line.id);
        let servers = voters_or_none(listed, &mut warnings)?;
        let me = if servers.is_empty() {
            alone
        } else {
            my_id(&data_dir, &servers, read)?
        };
        let own = servers.iter().find(|line| line.id == me);
        let (client_host, client_port) = client_address(settings, own)?;
        let replica = replica_config(settings, read, me, &servers, &mut warnings)?;
        let when_missing = match boolean(settings, "datadir.autocreate") {
            Some(false) => WhenMissing::Refuse,
            Some(true) | None => WhenMissing::Create,
        };
        let peer_listen = match strict_boolean(settings, "quorumListenOnAllIPs")? {
            Some(true) => PeerListenOn::AllAddresses,
            Some(false) | None => PeerListenOn::OwnAddress,
        };
        let backlog = number(settings, "clientPortListenBacklog", -1..=65_535)?;
        let backlog = backlog.filter(|backlog| *backlog > 0).unwrap_or(BACKLOG);
        let config = ServerConfig {
            replica,
            servers,
            data_dir,
            data_log_dir,
            client_host,
            client_port,
            peer_listen,
            backlog: i32::try_from(backlog).expect("it is at most 65535"),
            when_missing,
        };
        Ok((config, warnings))
    }

    /// This server's own line; `None` when it stands alone.
    pub fn own_line(&self) -> Option<&ServerLine> {
        self.servers.iter().find(|line| line.id == self.replica.me)
    }
}

pub(super) fn rule(sentence: impl Into<String>) -> ConfigError {
    ConfigError::Rule(sentence.into())
}

/// The lines of the static file, or of the dynamic one that it names.
fn server_lines(settings: &Settings, read: ReadFile<'_>) -> Result<Vec<ServerLine>, ConfigError> {
    let parse = |(number, value, place): (&str, &str, Place)| {
        ServerLine::parse(number, value).map_err(|error| ConfigError::BadValue {
            place,
            key: format!("server.{number}"),
            value: value.to_owned(),
            expected: format!("the address of a server: {error}"),
        })
    };
    let listed = settings
        .with_prefix("server.")
        .map(parse)
        .collect::<Result<Vec<_>, _>>()?;
    let Some((file, place)) = settings.get("dynamicConfigFile") else {
        return Ok(listed);
    };
    for prefix in ["server.", "group.", "weight."] {
        if let Some((number, _, line)) = settings.with_prefix(prefix).next() {
            return Err(rule(format!(
                "{line}: {prefix}{number} cannot stand here while {place} names a \
                 dynamicConfigFile: move it there"
            )));
        }
    }
    let bytes = read(Path::new(file)).map_err(|error| {
        rule(format!(
            "{place}: the dynamicConfigFile {file} cannot be read: {error}"
        ))
    })?;
    let properties = parse_properties(&bytes).map_err(|error| rule(format!("{file}: {error}")))?;
    let mut latest = BTreeMap::new();
    for Property { line, key, value } in properties {
        let Some(number) = key.trim().strip_prefix("server.") else {
            return Err(rule(format!(
                "{file} line {line}: `{key}` cannot stand in a dynamic configuration, only \
                 server.N can"
            )));
        };
        latest.insert(number.to_owned(), (value.trim().to_owned(), line));
    }
    let parse = |(number, (value, line)): (String, (String, usize))| {
        ServerLine::parse(&number, &value)
            .map_err(|error| rule(format!("{file} line {line}: server.{number}: {error}")))
    };
    latest.into_iter().map(parse).collect()
}

/// The voters, or nobody when there is only one: that one stands alone.
fn voters_or_none(
    mut listed: Vec<ServerLine>,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<ServerLine>, ConfigError> {
    listed.sort_by_key(|line| line.id);
    for (index, line) in listed.iter().enumerate() {
        for other in &listed[..index] {
            let (one, two) = (other.id, line.id);
            if one == two {
                return Err(rule(format!(
                    "the server {one} is listed twice: remove one line"
                )));
            }
            if other.host == line.host && ports(other).iter().any(|port| ports(line).contains(port))
            {
                return Err(rule(format!(
                    "server.{one} and server.{two} share an address and a port: give each its own"
                )));
            }
        }
    }
    if listed.is_empty() {
        return Ok(listed);
    }
    let all = listed.len();
    let voters: Vec<ServerLine> = listed
        .into_iter()
        .filter(|line| line.role == PeerRole::Participant)
        .collect();
    let observers = all - voters.len();
    match voters.len() {
        0 => Err(rule(
            "there are only observers: at least one server must be a participant",
        )),
        1 if observers > 0 => Err(rule(
            "one participant with observers is no ensemble: list more participants",
        )),
        1 => {
            warnings.push(Warning {
                matters: true,
                text: "one server.N line is no ensemble: this server stands alone".to_owned(),
            });
            Ok(Vec::new())
        }
        count => {
            if observers > 0 {
                warnings.push(Warning {
                    matters: true,
                    text: format!("{observers} observers are left out: there are none here yet"),
                });
            }
            if count % 2 == 0 {
                warnings.push(Warning {
                    matters: false,
                    text: format!(
                        "{count} servers survive no more failures than {} would",
                        count - 1
                    ),
                });
            }
            Ok(voters)
        }
    }
}

fn ports(line: &ServerLine) -> [u16; 2] {
    [line.quorum_port, line.election_port]
}

fn my_id(
    data_dir: &Path,
    servers: &[ServerLine],
    read: ReadFile<'_>,
) -> Result<ServerId, ConfigError> {
    let file = data_dir.join("myid");
    let ids: Vec<String> = servers.iter().map(|line| line.id.to_string()).collect();
    let ids = ids.join(", ");
    let name = file.display();
    let bytes = read(&file).map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            rule(format!(
                "{name} is missing: write the number of this server into it, one of {ids}"
            ))
        } else {
            rule(format!("{name} cannot be read: {error}"))
        }
    })?;
    let text = String::from_utf8_lossy(&bytes);
    let text = text.lines().next().unwrap_or("").trim();
    let id = text.parse::<u64>().map_err(|_| {
        rule(format!(
            "{name} holds `{text}`: it must hold the number of this server, one of {ids}"
        ))
    })?;
    if servers.iter().all(|line| line.id.0 != id) {
        return Err(rule(format!(
            "{name} holds {id}, but the servers are {ids}: correct the file, or add a line \
             server.{id}="
        )));
    }
    Ok(ServerId(id))
}

fn client_address(
    settings: &Settings,
    own: Option<&ServerLine>,
) -> Result<(Option<String>, u16), ConfigError> {
    let port = number(settings, "clientPort", 0..=65_535)?;
    let port = port.map(|port| u16::try_from(port).expect("it is at most 65535"));
    let host = settings
        .get("clientPortAddress")
        .map(|(host, _)| host.trim_matches(['[', ']']));
    let host = host.filter(|host| !host.is_empty()).map(str::to_owned);
    let from_line = own.and_then(|line| line.client.as_ref());
    match (port, from_line) {
        (None, _) if host.is_some() => Err(rule(
            "clientPortAddress is set and clientPort is not: set both or none",
        )),
        (None, None) => Err(rule(
            "clientPort is not set: name the port for clients, such as 2181",
        )),
        (None, Some(line)) => Ok((Some(line.host.clone()), line.port)),
        (Some(port), None) => Ok((host, port)),
        (Some(port), Some(line)) => {
            let agrees = line.port == port && host.as_ref().is_none_or(|host| *host == line.host);
            if agrees {
                Ok((Some(line.host.clone()), port))
            } else {
                Err(rule(format!(
                    "the client address is {} in clientPort and {}:{} in this server's own line: \
                     keep one of them",
                    host.map_or_else(|| port.to_string(), |host| format!("{host}:{port}")),
                    line.host,
                    line.port
                )))
            }
        }
    }
}

fn replica_config(
    settings: &Settings,
    read: ReadFile<'_>,
    me: ServerId,
    servers: &[ServerLine],
    warnings: &mut Vec<Warning>,
) -> Result<Config, ConfigError> {
    let tick_ms = number(settings, "tickTime", 1..=3_600_000)?.unwrap_or(3_000);
    let (session_timeout_min, session_timeout_max) = session_timeouts(settings, tick_ms)?;
    if number(settings, "electionAlg", 0..=3)?.is_some_and(|algorithm| algorithm != 3) {
        return Err(rule(
            "electionAlg must be 3, the only one there is: remove the line",
        ));
    }
    let limit = |key: &str| match (number(settings, key, 0..=1_000_000)?, servers.is_empty()) {
        (Some(0) | None, false) => Err(rule(format!(
            "{key} is not set: an ensemble needs it; 10 is a good start"
        ))),
        (ticks, _) => Ok(u32::try_from(ticks.unwrap_or(10)).expect("it is at most a million")),
    };
    let snap_count = count(settings, "snapCount")?;
    let extended_types = boolean(settings, "extendedTypesEnabled").unwrap_or(false);
    if extended_types && me.0 == 255 {
        return Err(rule(
            "with extendedTypesEnabled a server's number must be 254 at most",
        ));
    }
    Ok(Config {
        me,
        members: servers
            .iter()
            .map(|line| (line.id, line.canonical()))
            .collect(),
        tick: millis(tick_ms),
        init_limit: limit("initLimit")?,
        sync_limit: limit("syncLimit")?,
        session_timeout_min,
        session_timeout_max,
        connections_per_ip_max: count(settings, "maxClientCnxns")?.unwrap_or(60),
        connections_max: count(settings, "maxCnxns")?.unwrap_or(0),
        outstanding_max: count(settings, "globalOutstandingLimit")?
            .unwrap_or(1_000)
            .max(1),
        frame_bytes_max: frame_bytes_max(settings)?,
        snapshot_txns: snap_count.unwrap_or(100_000).max(2),
        snapshot_nodes_per_txn: if snap_count.is_some() { 0 } else { 3 },
        fetch_nodes_min: 20_000,
        snapshot_log_bytes: snapshot_log_bytes(settings)?,
        snapshots_kept: snapshots_kept(settings, warnings)?,
        segment_bytes: segment_bytes(settings)?,
        window_bytes_max: 16 << 20,
        backlog_bytes_max: 64 << 20,
        chunk_bytes: 128 << 10,
        counter_max: u32::MAX - 65_536,
        four_letter_words: four_letter_words(settings),
        extended_types,
        enforce_quota: boolean(settings, "enforceQuota").unwrap_or(false),
        skip_acl: yes(settings, "skipACL")?,
        sessions: session_rules(settings)?,
        reaper: reaper_rules(settings)?,
        reconfig: reconfig_rules(settings, warnings)?,
        auth: auth_rules(settings, read, warnings)?,
        limits: limits(settings)?,
        facts: Facts::default(),
        seed: [0; 32],
        hash_salt: 0,
    })
}

fn session_timeouts(
    settings: &Settings,
    tick_ms: i64,
) -> Result<(Duration, Duration), ConfigError> {
    let int = -1..=i64::from(i32::MAX);
    let min = number(settings, "minSessionTimeout", int.clone())?.filter(|ms| *ms >= 0);
    let max = number(settings, "maxSessionTimeout", int)?.filter(|ms| *ms >= 0);
    let (min, max) = (min.unwrap_or(tick_ms * 2), max.unwrap_or(tick_ms * 20));
    if min > max {
        return Err(rule(format!(
            "minSessionTimeout ({min} ms) must not be larger than maxSessionTimeout ({max} ms)"
        )));
    }
    Ok((millis(min), millis(max)))
}

fn session_rules(settings: &Settings) -> Result<SessionRules, ConfigError> {
    let is_on = |key| Ok(strict_boolean(settings, key)?.unwrap_or(false));
    let local = match (
        is_on("localSessionsEnabled")?,
        is_on("localSessionsUpgradingEnabled")?,
    ) {
        (false, _) => LocalSessions::Never,
        (true, false) => LocalSessions::Always,
        (true, true) => LocalSessions::UntilEphemeral,
    };
    let read_only = if boolean(settings, "readonlymode.enabled") == Some(true) {
        ReadOnlyMode::On
    } else {
        ReadOnlyMode::Off
    };
    Ok(SessionRules { local, read_only })
}

fn reaper_rules(settings: &Settings) -> Result<ReaperRules, ConfigError> {
    let ms = |key, least| number(settings, key, least..=i64::from(i32::MAX));
    let usual = ReaperRules::default();
    let per_minute = ms("znode.container.maxPerMinute", 1)?;
    Ok(ReaperRules {
        interval: ms("znode.container.checkIntervalMs", 1)?.map_or(usual.interval, millis),
        per_minute_max: per_minute.map_or(usual.per_minute_max, |nodes| {
            u32::try_from(nodes).expect("it is in range")
        }),
        never_used: ms("znode.container.maxNeverUsedIntervalMs", 0)?
            .filter(|ms| *ms > 0)
            .map(millis),
    })
}

fn reconfig_rules(
    settings: &Settings,
    warnings: &mut Vec<Warning>,
) -> Result<ReconfigRules, ConfigError> {
    if strict_boolean(settings, "reconfigEnabled")? != Some(true) {
        return Ok(ReconfigRules::Disabled);
    }
    warnings.push(Warning {
        matters: true,
        text: "reconfigEnabled is set, but the members are fixed while the server runs: requests \
               to change them are checked and then refused as unimplemented; change the file on \
               all servers and restart them one by one"
            .to_owned(),
    });
    let voters_min = match strict_boolean(settings, "standaloneEnabled")? {
        Some(false) => 1,
        Some(true) | None => 2,
    };
    Ok(ReconfigRules::Checked { voters_min })
}

fn frame_bytes_max(settings: &Settings) -> Result<usize, ConfigError> {
    // Java reads this one with a prefix for its base, too.
    let parse = |value: &str| {
        let hexadecimal = value
            .strip_prefix("0x")
            .or_else(|| value.strip_prefix("0X"));
        let bytes = match hexadecimal {
            Some(digits) => i64::from_str_radix(digits, 16).ok(),
            None => value.parse().ok(),
        };
        bytes.filter(|bytes| (1_024..=FRAME_BYTES_MAX).contains(bytes))
    };
    let expected = format!("a number of bytes from 1024 to {FRAME_BYTES_MAX}");
    let bytes = settings
        .parsed("jute.maxbuffer", &expected, parse)?
        .unwrap_or(0xf_ffff);
    Ok(usize::try_from(bytes).expect("it is small"))
}

fn snapshot_log_bytes(settings: &Settings) -> Result<u64, ConfigError> {
    let kib = number(settings, "snapSizeLimitInKb", i64::MIN..=i64::MAX >> 10)?;
    let kib = u64::try_from(kib.unwrap_or(4_194_304))
        .ok()
        .filter(|kib| *kib > 0);
    let bytes = kib.map_or(u64::MAX, |kib| kib << 10);
    Ok(bytes.min(LOG_BYTES_MAX))
}

fn segment_bytes(settings: &Settings) -> Result<u64, ConfigError> {
    let kib = number(settings, "preAllocSize", 64..=4_194_304)?.unwrap_or(65_536);
    Ok(u64::try_from(kib).expect("it is positive") << 10)
}

/// Old snapshots go as soon as there is a newer one, unless the interval is set to 0.
fn snapshots_kept(settings: &Settings, warnings: &mut Vec<Warning>) -> Result<u32, ConfigError> {
    let kept = count(settings, "autopurge.snapRetainCount")?.unwrap_or(3);
    if kept < 3 {
        warnings.push(Warning {
            matters: false,
            text: format!("autopurge.snapRetainCount={kept} is too few: 3 are kept"),
        });
    }
    match count(settings, "autopurge.purgeInterval")? {
        Some(0) => Ok(u32::MAX),
        Some(_) | None => Ok(kept.max(3)),
    }
}

fn four_letter_words(settings: &Settings) -> FourLetterWords {
    let Some((list, _)) = settings.get("4lw.commands.whitelist") else {
        return FourLetterWords::Only(Vec::new());
    };
    let words: Vec<String> = list.split(',').map(|word| word.trim().to_owned()).collect();
    if words.iter().any(|word| word == "*") {
        FourLetterWords::All
    } else {
        FourLetterWords::Only(words)
    }
}

pub(super) fn number(
    settings: &Settings,
    key: &str,
    range: std::ops::RangeInclusive<i64>,
) -> Result<Option<i64>, ConfigError> {
    let expected = match (*range.start(), *range.end()) {
        (i64::MIN, _) => "a whole number".to_owned(),
        (from, to) => format!("a whole number from {from} to {to}"),
    };
    settings.parsed(key, &expected, |value| {
        value
            .parse::<i64>()
            .ok()
            .filter(|number| range.contains(number))
    })
}

pub(super) fn count(settings: &Settings, key: &str) -> Result<Option<u32>, ConfigError> {
    let number = number(settings, key, 0..=i64::from(i32::MAX))?;
    Ok(number.map(|number| u32::try_from(number).expect("it is in range")))
}

/// As Java reads a system property: everything but `true` is false.
fn boolean(settings: &Settings, key: &str) -> Option<bool> {
    let (value, _) = settings.get(key)?;
    Some(value.eq_ignore_ascii_case("true"))
}

pub(super) fn strict_boolean(settings: &Settings, key: &str) -> Result<Option<bool>, ConfigError> {
    settings.parsed(key, "true or false", |value| {
        match value.to_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    })
}

fn yes(settings: &Settings, key: &str) -> Result<bool, ConfigError> {
    let parsed = settings.parsed(key, "yes or no", |value| match value {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    });
    Ok(parsed?.unwrap_or(false))
}

pub(super) fn millis(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).expect("it is not negative"))
}

/// Connections that may wait to be accepted, unless something else is configured.
pub const BACKLOG: i64 = 1_024;
/// Longest frame that can be configured; one has to fit into memory many times.
const FRAME_BYTES_MAX: i64 = 256 << 20;

/// Bytes of log between two snapshots at most: a start reads all of it into memory.
const LOG_BYTES_MAX: u64 = 1 << 30;
