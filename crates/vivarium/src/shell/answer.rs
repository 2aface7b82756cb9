//! What a command has to show, for people and for programs.

use crate::calendar::Date;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::fmt::Write;
use vivarium_client::{Acl, Stat};

/// What a command has to show.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// Lines for standard output.
    pub out: String,
    /// Lines for standard error, where zkCli puts what is no result.
    pub remark: String,
    /// The same for programs.
    pub json: Value,
}

impl Answer {
    /// Nothing but that it was done.
    pub fn done() -> Answer {
        Answer {
            json: json!({ "ok": true }),
            ..Answer::default()
        }
    }

    /// One text on standard output, and the same for programs.
    pub fn of(out: impl Into<String>, json: Value) -> Answer {
        Answer {
            out: out.into(),
            json,
            ..Answer::default()
        }
    }

    /// One text on standard error, and the same for programs.
    pub fn remark(remark: impl Into<String>, json: Value) -> Answer {
        Answer {
            remark: remark.into(),
            json,
            ..Answer::default()
        }
    }

    /// With the Stat of a node behind it.
    pub fn with_stat(mut self, stat: &Stat) -> Answer {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out.push_str(&stat_text(stat));
        self.json["stat"] = stat_json(stat);
        self
    }
}

/// A Stat as zkCli shows it.
pub fn stat_text(stat: &Stat) -> String {
    let (ctime, mtime) = (Date::of(stat.ctime), Date::of(stat.mtime));
    let mut text = String::new();
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        let end = if name == "numChildren" { "" } else { "\n" };
        write!(text, "{name} = {value}{end}").expect("a string takes everything");
    };
    line("cZxid", &stat.czxid);
    line("ctime", &ctime.java());
    line("mZxid", &stat.mzxid);
    line("mtime", &mtime.java());
    line("pZxid", &stat.pzxid);
    line("cversion", &stat.cversion);
    line("dataVersion", &stat.version);
    line("aclVersion", &stat.aversion);
    line("ephemeralOwner", &stat.ephemeral_owner);
    line("dataLength", &stat.data_length);
    line("numChildren", &stat.num_children);
    text
}

/// A Stat for programs: zxids and sessions as text, because they do not fit into every number.
pub fn stat_json(stat: &Stat) -> Value {
    json!({
        "czxid": stat.czxid.to_string(),
        "mzxid": stat.mzxid.to_string(),
        "pzxid": stat.pzxid.to_string(),
        "ctime": stat.ctime.0,
        "mtime": stat.mtime.0,
        "version": stat.version,
        "cversion": stat.cversion,
        "aversion": stat.aversion,
        "ephemeral_owner": stat.ephemeral_owner.to_string(),
        "data_length": stat.data_length,
        "num_children": stat.num_children,
    })
}

/// Data for programs: `data` where it is text, `data_base64` where it is not.
pub fn data_json(path: &str, data: &[u8]) -> Value {
    match std::str::from_utf8(data) {
        Ok(text) => json!({ "path": path, "data": text }),
        Err(_) => json!({ "path": path, "data_base64": STANDARD.encode(data) }),
    }
}

/// An access list for programs.
pub fn acl_json(path: &str, acl: &[Acl]) -> Value {
    let entries = acl.iter().map(|entry| {
        let perms = super::acl::letters(entry.perms);
        json!({ "scheme": entry.scheme, "id": entry.id, "perms": perms })
    });
    json!({ "path": path, "acl": entries.collect::<Vec<_>>() })
}

/// Names in brackets, as Java prints a list.
pub fn list_text(names: &[String]) -> String {
    format!("[{}]", names.join(", "))
}

/// Bytes in hexadecimal beside their letters, sixteen in a line.
pub fn hex_dump(data: &[u8]) -> String {
    let printable = |byte: &u8| {
        if (0x20..0x7f).contains(byte) {
            char::from(*byte)
        } else {
            '.'
        }
    };
    let line = |(index, chunk): (usize, &[u8])| {
        let hex = chunk
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<Vec<_>>()
            .join(" ");
        let letters: String = chunk.iter().map(printable).collect();
        format!("{:08x}  {hex:<47}  |{letters}|", index * 16)
    };
    data.chunks(16)
        .enumerate()
        .map(line)
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use vivarium_client::{SessionId, Zxid};
    use zk_types::WallTime;

    fn stat() -> Stat {
        Stat {
            czxid: Zxid(0x1_0000_0002),
            mzxid: Zxid(0x1_0000_0003),
            ctime: WallTime(1_795_321_609_000),
            mtime: WallTime(1_795_321_610_000),
            version: 1,
            cversion: -1,
            aversion: 0,
            ephemeral_owner: SessionId(0x0100_0000_0000_0001),
            data_length: 5,
            num_children: 0,
            pzxid: Zxid(0),
        }
    }

    #[test]
    fn a_stat_is_shown_as_zk_cli_shows_it() {
        assert_eq!(
            stat_text(&stat()),
            "cZxid = 0x100000002\nctime = Sun Nov 22 04:26:49 UTC 2026\nmZxid = 0x100000003\n\
             mtime = Sun Nov 22 04:26:50 UTC 2026\npZxid = 0x0\ncversion = -1\ndataVersion = 1\n\
             aclVersion = 0\nephemeralOwner = 0x100000000000001\ndataLength = 5\nnumChildren = 0"
        );
    }

    #[test]
    fn a_stat_comes_behind_what_it_belongs_to() {
        let answer = Answer::of("data", data_json("/a", b"data")).with_stat(&stat());
        assert!(answer.out.starts_with("data\ncZxid"), "{}", answer.out);
        assert_eq!(answer.json["stat"]["version"], 1);
        assert_eq!(answer.json["data"], "data");
    }

    #[test]
    fn data_that_is_no_text_is_base64_for_programs() {
        assert_eq!(data_json("/a", b"\xff")["data_base64"], "/w==");
    }

    #[test]
    fn a_dump_has_sixteen_bytes_in_a_line() {
        let dump = hex_dump(b"0123456789abcdef\n");
        let lines: Vec<&str> = dump.lines().collect();
        assert!(lines[0].ends_with("|0123456789abcdef|"), "{dump}");
        assert!(lines[1].starts_with("00000010  0a "), "{dump}");
    }
}
