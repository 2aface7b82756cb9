//! The commands of zkCli: their names, flags and arguments.
//!
//! Source: `operations.md` §13.1.

use crate::config::nearest;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Sets a watch that stays.
    AddWatch,
    /// Proves an identity.
    AddAuth,
    /// Ends the session, keeps the shell.
    Close,
    /// Shows the members.
    Config,
    /// Begins a session elsewhere.
    Connect,
    /// Creates a node.
    Create,
    /// Deletes a node.
    Delete,
    /// Deletes a node and everything below it.
    DeleteAll,
    /// Removes limits.
    DelQuota,
    /// Reads data.
    Get,
    /// Reads an access list.
    GetAcl,
    /// Counts descendants.
    GetAllChildrenNumber,
    /// Lists the session's ephemeral nodes.
    GetEphemerals,
    /// Lists the commands.
    Help,
    /// Lists what was entered.
    History,
    /// Shows limits and usage.
    ListQuota,
    /// Lists children.
    Ls,
    /// Shows events, or does not.
    PrintWatches,
    /// Ends the shell.
    Quit,
    /// Changes the members.
    Reconfig,
    /// Runs an earlier command again.
    Redo,
    /// Removes watches.
    RemoveWatches,
    /// Sets data.
    Set,
    /// Sets an access list.
    SetAcl,
    /// Sets limits.
    SetQuota,
    /// Shows a Stat.
    Stat,
    /// Catches the server up.
    Sync,
    /// Shows the version.
    Version,
    /// Lists identities.
    WhoAmI,
}

/// What is known of a command.
#[derive(Debug)]
pub struct Spec {
    /// What it does.
    pub verb: Verb,
    /// Its name, in the case in which it is entered.
    pub name: &'static str,
    /// Flags that stand alone, without their dash.
    pub switches: &'static [&'static str],
    /// Flags that are followed by a value, without their dash.
    pub options: &'static [&'static str],
    /// How many arguments it takes.
    pub arguments: RangeInclusive<usize>,
    /// What follows its name in the help.
    pub usage: &'static str,
    /// What it does, in a few words.
    pub about: &'static str,
}

/// A command as it was entered.
#[derive(Clone, Debug)]
pub struct Call {
    /// What is known of it.
    pub spec: &'static Spec,
    /// The switches that were given.
    switches: Vec<&'static str>,
    /// The options that were given, the last value of each.
    options: BTreeMap<&'static str, String>,
    /// What is no flag, in order.
    pub arguments: Vec<String>,
}

/// Why words are no command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Nobody knows it.
    #[error("Command not found: {name}{}", suggestion(*nearest))]
    Unknown {
        /// What was entered.
        name: String,
        /// What was probably meant.
        nearest: Option<&'static str>,
    },
    /// It has no such flag.
    #[error("{name} has no flag {flag}; usage: {name} {usage}")]
    Flag {
        /// The command.
        name: &'static str,
        /// The flag.
        flag: String,
        /// How it is used.
        usage: &'static str,
    },
    /// A flag without its value, or too few or too many arguments.
    #[error("usage: {name} {usage}")]
    Usage {
        /// The command.
        name: &'static str,
        /// How it is used.
        usage: &'static str,
    },
}

impl Call {
    /// Reads words; `None` when there are none.
    ///
    /// # Errors
    /// When they are no command.
    pub fn parse(words: &[String]) -> Result<Option<Call>, CallError> {
        let Some((name, words)) = words.split_first() else {
            return Ok(None);
        };
        let spec = find(name).ok_or_else(|| CallError::Unknown {
            name: name.clone(),
            nearest: nearest::nearest(name, COMMANDS.iter().map(|spec| spec.name)),
        })?;
        let mut call = Call {
            spec,
            switches: Vec::new(),
            options: BTreeMap::new(),
            arguments: Vec::new(),
        };
        let mut words = words.iter();
        let mut flags_may_come = true;
        while let Some(word) = words.next() {
            match word.strip_prefix('-').filter(|_| flags_may_come) {
                Some("-") => flags_may_come = false,
                Some(flag) if !flag.is_empty() && flag.parse::<f64>().is_err() => {
                    call.take_flag(flag, &mut words)?;
                }
                Some(_) | None => call.arguments.push(word.clone()),
            }
        }
        if spec.arguments.contains(&call.arguments.len()) {
            Ok(Some(call))
        } else {
            Err(spec.misuse())
        }
    }

    fn take_flag<'a>(
        &mut self,
        flag: &str,
        words: &mut impl Iterator<Item = &'a String>,
    ) -> Result<(), CallError> {
        let spec = self.spec;
        let known = |names: &'static [&'static str], flag: &str| {
            names.iter().copied().find(|name| *name == flag)
        };
        if let Some(name) = known(spec.options, flag) {
            let value = words.next().ok_or_else(|| spec.misuse())?;
            self.options.insert(name, value.clone());
            return Ok(());
        }
        if let Some(name) = known(spec.switches, flag) {
            self.switches.push(name);
            return Ok(());
        }
        // Several switches in one word, such as -es.
        let letters = flag
            .char_indices()
            .map(|(at, letter)| &flag[at..at + letter.len_utf8()]);
        let switches: Option<Vec<_>> = letters.map(|letter| known(spec.switches, letter)).collect();
        let unknown = || CallError::Flag {
            name: spec.name,
            flag: format!("-{flag}"),
            usage: spec.usage,
        };
        self.switches.extend(switches.ok_or_else(unknown)?);
        Ok(())
    }

    /// Whether a switch was given.
    pub fn has(&self, switch: &str) -> bool {
        self.switches.contains(&switch)
    }

    /// The value of an option, if it was given.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    /// The argument at a place, empty if it was left out.
    pub fn argument(&self, index: usize) -> &str {
        self.arguments.get(index).map_or("", String::as_str)
    }
}

impl Spec {
    /// The error that shows how the command is used.
    pub fn misuse(&self) -> CallError {
        CallError::Usage {
            name: self.name,
            usage: self.usage,
        }
    }
}

/// What is known of a command; `exit` is another name of `quit`, `?` of `help`.
pub fn find(name: &str) -> Option<&'static Spec> {
    let name = match name {
        "exit" => "quit",
        "?" => "help",
        other => other,
    };
    COMMANDS.iter().find(|spec| spec.name == name)
}

fn suggestion(nearest: Option<&'static str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!("; did you mean {nearest}?"))
}

const fn spec(
    verb: Verb,
    name: &'static str,
    flags: (&'static [&'static str], &'static [&'static str]),
    arguments: RangeInclusive<usize>,
    usage: &'static str,
    about: &'static str,
) -> Spec {
    let (switches, options) = flags;
    Spec {
        verb,
        name,
        switches,
        options,
        arguments,
        usage,
        about,
    }
}

/// Every command, in the order of its name.
pub const COMMANDS: &[Spec] = &[
    spec(
        Verb::AddWatch,
        "addWatch",
        (&[], &["m"]),
        1..=1,
        "[-m PERSISTENT|PERSISTENT_RECURSIVE] path",
        "watch a node until told otherwise",
    ),
    spec(
        Verb::AddAuth,
        "addauth",
        (&[], &[]),
        1..=2,
        "scheme auth",
        "prove an identity",
    ),
    spec(
        Verb::Close,
        "close",
        (&[], &[]),
        0..=0,
        "",
        "end the session",
    ),
    spec(
        Verb::Config,
        "config",
        (&["c", "w", "s"], &[]),
        0..=0,
        "[-c] [-w] [-s]",
        "show the members of the ensemble; -c as a connect string",
    ),
    spec(
        Verb::Connect,
        "connect",
        (&[], &[]),
        0..=1,
        "host:port",
        "begin a session elsewhere",
    ),
    spec(
        Verb::Create,
        "create",
        (&["s", "e", "c"], &["t"]),
        1..=3,
        "[-s] [-e] [-c] [-t ttl] path [data] [acl]",
        "create a node; -s sequential, -e ephemeral, -c container, -t ms to live",
    ),
    spec(
        Verb::Delete,
        "delete",
        (&[], &["v"]),
        1..=1,
        "[-v version] path",
        "delete a node",
    ),
    spec(
        Verb::DeleteAll,
        "deleteall",
        (&[], &["b"]),
        1..=1,
        "path [-b batch size]",
        "delete a node and everything below it",
    ),
    spec(
        Verb::DelQuota,
        "delquota",
        (&["n", "b", "N", "B"], &[]),
        1..=1,
        "[-n|-b|-N|-B] path",
        "remove limits from a node",
    ),
    spec(
        Verb::Get,
        "get",
        (&["s", "w", "b", "x"], &[]),
        1..=1,
        "[-s] [-w] [-b] [-x] path",
        "show data; -s and Stat, -w and watch, -b base64, -x hexadecimal",
    ),
    spec(
        Verb::GetAcl,
        "getAcl",
        (&["s"], &[]),
        1..=1,
        "[-s] path",
        "show an access list",
    ),
    spec(
        Verb::GetAllChildrenNumber,
        "getAllChildrenNumber",
        (&[], &[]),
        1..=1,
        "path",
        "count everything below a node",
    ),
    spec(
        Verb::GetEphemerals,
        "getEphemerals",
        (&[], &[]),
        0..=1,
        "path",
        "list the session's ephemeral nodes",
    ),
    spec(
        Verb::Help,
        "help",
        (&[], &[]),
        0..=1,
        "[command]",
        "show this",
    ),
    spec(
        Verb::History,
        "history",
        (&[], &[]),
        0..=0,
        "",
        "list what was entered",
    ),
    spec(
        Verb::ListQuota,
        "listquota",
        (&[], &[]),
        1..=1,
        "path",
        "show limits and usage of a node",
    ),
    spec(
        Verb::Ls,
        "ls",
        (&["s", "w", "R"], &[]),
        1..=1,
        "[-s] [-w] [-R] path",
        "list children; -R everything below",
    ),
    spec(
        Verb::PrintWatches,
        "printwatches",
        (&[], &[]),
        0..=1,
        "on|off",
        "show events of watches, or do not",
    ),
    spec(
        Verb::Quit,
        "quit",
        (&[], &[]),
        0..=0,
        "",
        "end the session and the shell",
    ),
    spec(
        Verb::Reconfig,
        "reconfig",
        (&["s"], &["v", "file", "members", "add", "remove"]),
        0..=0,
        "[-s] [-v version] [[-file path] | [-members serverID=host:port1:port2;port3[,...]*]] | \
         [-add serverId=host:port1:port2;port3[,...]]* [-remove serverId[,...]*]",
        "change the members of the ensemble",
    ),
    spec(
        Verb::Redo,
        "redo",
        (&[], &[]),
        1..=1,
        "number",
        "run an earlier command again",
    ),
    spec(
        Verb::RemoveWatches,
        "removewatches",
        (&["c", "d", "p", "r", "a", "l"], &[]),
        1..=1,
        "path [-c|-d|-p|-r|-a] [-l]",
        "remove watches of a node",
    ),
    spec(
        Verb::Set,
        "set",
        (&["s", "b"], &["v"]),
        2..=2,
        "path data [-s] [-v version] [-b]",
        "set data; -b gives it in base64",
    ),
    spec(
        Verb::SetAcl,
        "setAcl",
        (&["s", "R"], &["v"]),
        2..=2,
        "[-s] [-v version] [-R] path acl",
        "set an access list; -R of everything below, too",
    ),
    spec(
        Verb::SetQuota,
        "setquota",
        (&[], &["n", "b", "N", "B"]),
        1..=1,
        "-n|-b|-N|-B val path",
        "limit nodes (-n, hard -N) or bytes (-b, hard -B)",
    ),
    spec(
        Verb::Stat,
        "stat",
        (&["w"], &[]),
        1..=1,
        "[-w] path",
        "show the Stat of a node",
    ),
    spec(
        Verb::Sync,
        "sync",
        (&[], &[]),
        1..=1,
        "path",
        "see everything that was written before",
    ),
    spec(
        Verb::Version,
        "version",
        (&[], &[]),
        0..=0,
        "",
        "show the version of this shell",
    ),
    spec(
        Verb::WhoAmI,
        "whoami",
        (&[], &[]),
        0..=0,
        "",
        "list the identities of the session",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::words;

    fn parse(line: &str) -> Result<Call, CallError> {
        Call::parse(&words::split(line)).map(|call| call.unwrap())
    }

    #[test]
    fn flags_may_stand_anywhere_and_together() {
        for line in ["create -s -e /a x", "create /a -s x -e", "create -se /a x"] {
            let call = parse(line).unwrap();
            assert!(call.has("s") && call.has("e") && !call.has("c"), "{line}");
            assert_eq!(call.arguments, ["/a", "x"], "{line}");
        }
        let call = parse("set /a x -v 3").unwrap();
        assert_eq!(call.option("v"), Some("3"));
    }

    #[test]
    fn numbers_below_zero_and_what_follows_two_dashes_are_no_flags() {
        assert_eq!(parse("set /a -1").unwrap().arguments, ["/a", "-1"]);
        assert_eq!(parse("set -- /a -s").unwrap().arguments, ["/a", "-s"]);
        assert_eq!(parse("set /a -").unwrap().arguments, ["/a", "-"]);
    }

    #[test]
    fn misuse_shows_the_usage() {
        for line in ["ls", "ls / /", "set /a", "delete -v", "create -t"] {
            let error = parse(line).unwrap_err();
            assert!(matches!(error, CallError::Usage { .. }), "{line}: {error}");
        }
        assert_eq!(
            parse("stat -x /").unwrap_err().to_string(),
            "stat has no flag -x; usage: stat [-w] path"
        );
    }

    #[test]
    fn an_unknown_command_is_told_from_misuse() {
        let error = parse("creat /a").unwrap_err();
        assert_eq!(
            error.to_string(),
            "Command not found: creat; did you mean create?"
        );
    }

    #[test]
    fn commands_are_sorted_and_have_each_flag_once() {
        for pair in COMMANDS.windows(2) {
            assert!(pair[0].name < pair[1].name, "{}", pair[1].name);
        }
        for spec in COMMANDS {
            assert!(
                spec.switches
                    .iter()
                    .all(|name| !spec.options.contains(name)),
                "{}",
                spec.name
            );
        }
    }
}
