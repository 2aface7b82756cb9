//! Scripts: what clients do, step by step, as data and as lines of text.
//!
//! ```text
//! profile default
//! servers 1
//! a open 0 timeout=30000
//! a create @"/n0" "data" open 0
//! a> getData @"/n0" b1
//! a delete @"/n0" -1
//! a cut
//! b open 0 session=a
//! raw 0 "ruok"
//! ```
//!
//! A letter names a connection; its session is named after the connection that opened it. `a>`
//! sends without waiting for the answer. `@` stands for the script's own subtree, `~` for the
//! subtree of its quotas.

use super::opcodes;
use anyhow::{Context, Result, bail, ensure};
use std::fmt::{self, Display};

/// A connection of a script, or the session it opened.
pub(crate) type Name = char;

/// What some clients do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Script {
    /// How the servers are set up.
    pub(crate) profile: String,
    /// One, or three of which the first leads.
    pub(crate) servers: usize,
    /// Whether it looks at what all clients share, so that nothing may run beside it.
    pub(crate) alone: bool,
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A connection with a handshake.
    Open {
        conn: Name,
        server: usize,
        hello: Hello,
    },
    /// A request, awaited unless it is pipelined.
    Request {
        conn: Name,
        pipelined: bool,
        request: Request,
    },
    /// The client cuts its connection.
    Cut { conn: Name },
    /// The client comes again with the shortest timeout and says nothing until it is closed on.
    Expire { conn: Name },
    /// A connection of its own that sends bytes and reads until the server closes.
    Raw { server: usize, bytes: Vec<u8> },
}

/// What a client says first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    /// Whose session is taken up; none for a new one.
    pub(crate) session: Option<Name>,
    pub(crate) password: Password,
    pub(crate) timeout: i32,
    pub(crate) last_zxid: i64,
    /// The last byte, which old clients do not send.
    pub(crate) read_only: Option<u8>,
    pub(crate) version: i32,
    /// Bytes that are left out at the end.
    pub(crate) cut: usize,
}

impl Default for Hello {
    fn default() -> Hello {
        Hello {
            session: None,
            password: Password::Good,
            timeout: 30_000,
            last_zxid: 0,
            read_only: Some(0),
            version: 0,
            cut: 0,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Password {
    Good,
    Wrong,
    Null,
    Short,
}

const PASSWORDS: [(&str, Password); 4] = [
    ("good", Password::Good),
    ("wrong", Password::Wrong),
    ("null", Password::Null),
    ("short", Password::Short),
];

/// A frame: header, fields, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// The opcode.
    pub(crate) op: i32,
    /// None for the next of the connection's own.
    pub(crate) xid: Option<i32>,
    pub(crate) fields: Vec<Field>,
    /// Bytes that are left out at the end of the record; the length is right.
    pub(crate) cut: usize,
    /// The length that is sent instead of the right one.
    pub(crate) length: Option<i32>,
}

impl Request {
    pub(crate) fn new(op: i32, fields: Vec<Field>) -> Request {
        Request {
            op,
            xid: None,
            fields,
            cut: 0,
            length: None,
        }
    }
}

/// What a string begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    Nothing,
    /// `@`: the script's own subtree.
    Subtree,
    /// `~`: the quotas of the script's own subtree.
    Quota,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Int(i32),
    Long(i64),
    Byte(u8),
    /// A string or a buffer, with its length before it.
    Text(Base, Vec<u8>),
    /// The length −1.
    Null,
    /// A buffer of this many bytes.
    Fill(usize),
    /// The zxid of the script's n-th successful write, counted from the last.
    Zxid(usize),
    /// Bytes as they are.
    Raw(Vec<u8>),
    /// Zeros until the frame, without its length, has this many bytes.
    Pad(usize),
    /// The access list that allows everything to everybody.
    OpenAcl,
    /// The header of an operation within a multi.
    Part(i32),
    /// The header that ends a multi.
    Done,
}

impl Field {
    /// A string as it is.
    pub(crate) fn text(text: &str) -> Field {
        Field::Text(Base::Nothing, text.as_bytes().to_vec())
    }

    /// A path below the script's subtree.
    pub(crate) fn path(path: &str) -> Field {
        Field::Text(Base::Subtree, path.as_bytes().to_vec())
    }
}

impl Script {
    /// Reads a script from its lines; empty ones and those that begin with `#` say nothing.
    pub(crate) fn parse(text: &str) -> Result<Script> {
        let mut script = Script {
            profile: "default".to_owned(),
            servers: 1,
            alone: false,
            steps: Vec::new(),
        };
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            script
                .parse_line(line)
                .with_context(|| format!("line {}: {line}", number + 1))?;
        }
        Ok(script)
    }

    fn parse_line(&mut self, line: &str) -> Result<()> {
        let words = words(line)?;
        let (first, rest) = words.split_first().context("the line is empty")?;
        match first.as_str() {
            "profile" => self.profile.clone_from(rest.first().context("no profile")?),
            "servers" => self.servers = rest.first().context("no number")?.parse()?,
            "alone" => self.alone = true,
            "raw" => {
                let (server, bytes) = (rest.first(), rest.get(1));
                self.steps.push(Step::Raw {
                    server: server.context("no server")?.parse()?,
                    bytes: unquoted(bytes.context("no bytes")?)?,
                });
            }
            conn => {
                let step = parse_of_connection(conn, rest)?;
                self.steps.push(step);
            }
        }
        Ok(())
    }
}

fn parse_of_connection(conn: &str, rest: &[String]) -> Result<Step> {
    let pipelined = conn.ends_with('>');
    let mut letters = conn.trim_end_matches('>').chars();
    let (Some(conn), None) = (letters.next(), letters.next()) else {
        bail!("{conn} is no connection");
    };
    let (op, rest) = rest.split_first().context("nothing to do")?;
    match op.as_str() {
        "cut" => Ok(Step::Cut { conn }),
        "expire" => Ok(Step::Expire { conn }),
        "open" => {
            let (server, options) = rest.split_first().context("no server")?;
            Ok(Step::Open {
                conn,
                server: server.parse()?,
                hello: parse_hello(options)?,
            })
        }
        op => Ok(Step::Request {
            conn,
            pipelined,
            request: parse_request(op, rest)?,
        }),
    }
}

fn parse_hello(options: &[String]) -> Result<Hello> {
    let mut hello = Hello::default();
    for option in options {
        let (key, value) = option.split_once('=').context("an option has no value")?;
        match key {
            "session" => hello.session = value.chars().next(),
            "password" => {
                let known = PASSWORDS.iter().find(|(name, _)| *name == value);
                hello.password = known.context("no such password")?.1;
            }
            "timeout" => hello.timeout = value.parse()?,
            "last" => hello.last_zxid = value.parse()?,
            "ro" if value == "none" => hello.read_only = None,
            "ro" => hello.read_only = Some(value.parse()?),
            "version" => hello.version = value.parse()?,
            "cut" => hello.cut = value.parse()?,
            other => bail!("{other} is no option of open"),
        }
    }
    Ok(hello)
}

fn parse_request(op: &str, rest: &[String]) -> Result<Request> {
    let mut request = Request::new(opcodes::code(op)?, Vec::new());
    for word in rest {
        match word.split_once('=') {
            Some(("xid", value)) => request.xid = Some(value.parse()?),
            Some(("cut", value)) => request.cut = value.parse()?,
            Some(("len", value)) => request.length = Some(value.parse()?),
            _ => request.fields.push(parse_field(word)?),
        }
    }
    Ok(request)
}

fn parse_field(word: &str) -> Result<Field> {
    let number = |prefix: &str| word.strip_prefix(prefix).and_then(|n| n.parse().ok());
    Ok(match word {
        "null" => Field::Null,
        "open" => Field::OpenAcl,
        "done" => Field::Done,
        _ if word.starts_with('"') => Field::Text(Base::Nothing, unquoted(word)?),
        _ if word.starts_with('@') => Field::Text(Base::Subtree, unquoted(&word[1..])?),
        _ if word.starts_with('~') => Field::Text(Base::Quota, unquoted(&word[1..])?),
        _ if word.starts_with('+') => Field::Part(opcodes::code(&word[1..])?),
        _ if word.starts_with('x') => Field::Raw(parse_hex(&word[1..])?),
        _ if word.ends_with('L') => Field::Long(word[..word.len() - 1].parse()?),
        _ => {
            if let Some(count) = number("fill") {
                Field::Fill(count)
            } else if let Some(length) = number("pad") {
                Field::Pad(length)
            } else if let Some(rank) = number("z") {
                Field::Zxid(rank)
            } else if let Some(byte) = number("b") {
                Field::Byte(u8::try_from(byte)?)
            } else {
                Field::Int(word.parse().context("it is no field")?)
            }
        }
    })
}

/// Cuts a line at its spaces, but not within quotes.
fn words(line: &str) -> Result<Vec<String>> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut quoted, mut escaped) = (false, false);
    for letter in line.chars() {
        if letter == ' ' && !quoted {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            continue;
        }
        word.push(letter);
        if letter == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = letter == '\\' && !escaped;
    }
    ensure!(!quoted, "a quote does not end");
    if !word.is_empty() {
        words.push(word);
    }
    Ok(words)
}

fn unquoted(word: &str) -> Result<Vec<u8>> {
    let inner = word
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .context("it is not in quotes")?;
    let mut bytes = Vec::new();
    let mut rest = inner.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next().context("a backslash ends the text")? {
            b'x' => {
                let digits = [rest.next(), rest.next()].map(|digit| digit.unwrap_or(b'?'));
                let digits = String::from_utf8_lossy(&digits).into_owned();
                bytes.push(u8::from_str_radix(&digits, 16)?);
            }
            other => bytes.push(other),
        }
    }
    Ok(bytes)
}

fn parse_hex(digits: &str) -> Result<Vec<u8>> {
    ensure!(digits.len().is_multiple_of(2), "an odd number of digits");
    (0..digits.len())
        .step_by(2)
        .map(|at| {
            let pair = digits.get(at..at + 2).context("not hexadecimal")?;
            Ok(u8::from_str_radix(pair, 16)?)
        })
        .collect()
}

/// Bytes as text in quotes that is read back as the same bytes.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for byte in bytes {
        match byte {
            b'"' | b'\\' => {
                text.push('\\');
                text.push(char::from(*byte));
            }
            0x20..=0x7e => text.push(char::from(*byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text.push('"');
    text
}

impl Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "profile {}\nservers {}", self.profile, self.servers)?;
        if self.alone {
            writeln!(f, "alone")?;
        }
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

impl Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Open {
                conn,
                server,
                hello,
            } => write!(f, "{conn} open {server}{hello}"),
            Step::Request {
                conn,
                pipelined,
                request,
            } => write!(f, "{conn}{} {request}", if *pipelined { ">" } else { "" }),
            Step::Cut { conn } => write!(f, "{conn} cut"),
            Step::Expire { conn } => write!(f, "{conn} expire"),
            Step::Raw { server, bytes } => write!(f, "raw {server} {}", quoted(bytes)),
        }
    }
}

impl Display for Hello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usual = Hello::default();
        if let Some(session) = self.session {
            write!(f, " session={session}")?;
        }
        if self.password != usual.password {
            let known = PASSWORDS.iter().find(|(_, it)| *it == self.password);
            write!(
                f,
                " password={}",
                known.expect("every password is listed").0
            )?;
        }
        if self.timeout != usual.timeout {
            write!(f, " timeout={}", self.timeout)?;
        }
        if self.last_zxid != usual.last_zxid {
            write!(f, " last={}", self.last_zxid)?;
        }
        match self.read_only {
            None => write!(f, " ro=none")?,
            Some(0) => {}
            Some(byte) => write!(f, " ro={byte}")?,
        }
        if self.version != usual.version {
            write!(f, " version={}", self.version)?;
        }
        if self.cut != usual.cut {
            write!(f, " cut={}", self.cut)?;
        }
        Ok(())
    }
}

impl Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&opcodes::name(self.op))?;
        if let Some(xid) = self.xid {
            write!(f, " xid={xid}")?;
        }
        if let Some(length) = self.length {
            write!(f, " len={length}")?;
        }
        if self.cut > 0 {
            write!(f, " cut={}", self.cut)?;
        }
        self.fields
            .iter()
            .try_for_each(|field| write!(f, " {field}"))
    }
}

impl Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Field::Int(value) => write!(f, "{value}"),
            Field::Long(value) => write!(f, "{value}L"),
            Field::Byte(value) => write!(f, "b{value}"),
            Field::Text(Base::Nothing, text) => f.write_str(&quoted(text)),
            Field::Text(Base::Subtree, text) => write!(f, "@{}", quoted(text)),
            Field::Text(Base::Quota, text) => write!(f, "~{}", quoted(text)),
            Field::Null => f.write_str("null"),
            Field::Fill(count) => write!(f, "fill{count}"),
            Field::Zxid(rank) => write!(f, "z{rank}"),
            Field::Raw(bytes) => {
                f.write_str("x")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Field::Pad(length) => write!(f, "pad{length}"),
            Field::OpenAcl => f.write_str("open"),
            Field::Part(op) => write!(f, "+{}", opcodes::name(*op)),
            Field::Done => f.write_str("done"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let text = "profile default\nservers 3\nalone\na open 0\n\
                    b open 2 session=a password=wrong timeout=-1 last=9 ro=none version=9 cut=3\n\
                    a create @\"/n \\\"0\\\\\\x00\" null open 0\n\
                    a> multi +setData ~\"\" fill20 -1 +99 x00ff done b7 5L z0\n\
                    a getData xid=-5 len=-1 cut=2 \"/\" b1 pad900\na expire\na cut\nraw 0 \"ruok\"\n";
        let script = Script::parse(text).expect("it is a script");
        assert_eq!(script.steps.len(), 8);
        assert_eq!(script.to_string(), text);
    }
}
