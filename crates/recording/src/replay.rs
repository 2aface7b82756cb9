//! Runs a recorded replica again.

use crate::digest;
use crate::entry::{Ending, Entry, FORM, Moment, Seen, Told, file};
use crate::reader::{Entries, ReadError};
use core::fmt;
use replica::{Config, Replica};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;
use wal::{Disk, DiskOp, File};

/// What a replay came to.
#[derive(Debug)]
pub struct Replayed {
    /// What the recorded server called itself.
    pub version: String,
    /// Operations of recovery that were repeated.
    pub disk_operations: u64,
    /// Inputs that were repeated.
    pub inputs: u64,
    /// Outputs that were compared.
    pub outputs: u64,
    /// The hash of all of them.
    pub chain: u64,
    /// From the start to the last input, by the server's clock.
    pub lasted: Duration,
    /// How the recording ends.
    pub ending: Ending,
    /// What the replica panicked with, as the recorded one may have.
    pub panicked: Option<String>,
    /// Where the two part.
    pub difference: Option<Difference>,
}

/// Where a replay parts from its recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The number of the last input before it, from 1; 0 for the start.
    pub input: u64,
    /// That input in words.
    pub told: String,
    /// The number of the output among those of this input, from 1.
    pub output: u64,
    /// What was recorded, in words.
    pub recorded: String,
    /// What came now, in words.
    pub replayed: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "input {} ({}), output {}: recorded is {}; replayed is {}",
            self.input, self.told, self.output, self.recorded, self.replayed
        )
    }
}

/// Why a recording cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It does not begin as recordings do.
    #[error(
        "the recording does not say what server it is of: it is empty, or cut off in its beginning"
    )]
    NoBeginning,
    /// Another version wrote it.
    #[error(
        "the recording has form {0}, and this version reads form {FORM}: replay it with the version that wrote it"
    )]
    OtherForm(u32),
    /// Its entries contradict each other.
    #[error("after input {0} the recording has an entry where it cannot be")]
    OutOfPlace(u64),
}

/// Runs the replica recorded in the directory `run` again.
///
/// # Errors
/// When the recording cannot be read. A replica that does otherwise than recorded is no error, but
/// a [`Replayed::difference`].
pub fn replay(run: &Path) -> Result<Replayed, ReplayError> {
    let mut entries = Entries::open(run)?;
    let (moment, config) = beginning(&mut entries)?;
    let mut report = Replayed {
        version: config.facts.version.clone(),
        disk_operations: 0,
        inputs: 0,
        outputs: 0,
        chain: 0,
        lasted: Duration::ZERO,
        ending: Ending::CutOff,
        panicked: None,
        difference: None,
    };
    if let Some(replica) = start(*config, moment, &mut entries, &mut report)? {
        let mut again = Again {
            replica,
            moment,
            begun: moment,
            told: "the start".to_owned(),
            compared: 0,
            outputs: VecDeque::new(),
            report: &mut report,
        };
        again.collect();
        while let Some(entry) = entries.next()? {
            if !again.take(entry)? {
                break;
            }
        }
    }
    Ok(report)
}

pub(crate) fn beginning(entries: &mut Entries) -> Result<(Moment, Box<Config>), ReplayError> {
    match entries.next()? {
        Some(Entry::Begin { form, .. }) if form != FORM => Err(ReplayError::OtherForm(form)),
        Some(Entry::Begin { moment, config, .. }) => Ok((moment, config)),
        Some(_) | None => Err(ReplayError::NoBeginning),
    }
}

/// Recovers from what the recording says of the disk. `None` when that fails, as it may have then.
fn start(
    config: Config,
    moment: Moment,
    entries: &mut Entries,
    report: &mut Replayed,
) -> Result<Option<Replica>, ReplayError> {
    let (now, wall) = moment.clocks();
    let mut disk = Remembered::new(entries);
    let started = catch_unwind(AssertUnwindSafe(|| {
        Replica::start(config, &mut disk, now, wall)
    }));
    report.disk_operations = disk.operations;
    report.difference = disk.difference.take();
    if let Some(error) = disk.error.take() {
        return Err(error.into());
    }
    match started {
        Ok(Ok(replica)) => Ok(Some(replica)),
        Ok(Err(_)) => {
            // Whoever cannot start leaves no input.
            match entries.next()? {
                Some(Entry::Chain(_) | Entry::End(_)) | None => {}
                Some(_) if report.difference.is_none() => {
                    report.difference = Some(at_start("a server that starts", "one that does not"));
                }
                Some(_) => {}
            }
            Ok(None)
        }
        Err(panic) => {
            report.panicked = Some(words_of(panic.as_ref()));
            Ok(None)
        }
    }
}

fn at_start(recorded: &str, replayed: &str) -> Difference {
    Difference {
        input: 0,
        told: "the start".to_owned(),
        output: 0,
        recorded: recorded.to_owned(),
        replayed: replayed.to_owned(),
    }
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without words")
        .to_owned()
}

/// The replica while it runs again.
struct Again<'r> {
    replica: Replica,
    moment: Moment,
    begun: Moment,
    told: String,
    /// Outputs of this input that were compared.
    compared: u64,
    outputs: VecDeque<Seen>,
    report: &'r mut Replayed,
}

impl Again<'_> {
    /// Takes an entry; false when nothing after it matters.
    fn take(&mut self, entry: Entry<'_>) -> Result<bool, ReplayError> {
        match entry {
            Entry::Input { local, wall, told } => {
                if let Some(more) = self.outputs.pop_front() {
                    return Ok(self.differs("nothing", &more.to_string()));
                }
                if let Some(panic) = self.report.panicked.clone() {
                    return Ok(self.differs("a server that goes on", &panic));
                }
                self.input(self.moment.after(local, wall), &told);
                Ok(true)
            }
            Entry::Output(recorded) => {
                self.report.outputs += 1;
                self.compared += 1;
                match self.outputs.pop_front() {
                    Some(replayed) if replayed == recorded => Ok(true),
                    Some(replayed) => {
                        Ok(self.differs(&recorded.to_string(), &replayed.to_string()))
                    }
                    None => {
                        let instead = self.report.panicked.clone();
                        let instead = instead.unwrap_or_else(|| "nothing".to_owned());
                        Ok(self.differs(&recorded.to_string(), &instead))
                    }
                }
            }
            Entry::Chain(recorded) => {
                // Outputs that were not recorded any more are in the one and not in the other.
                if self.outputs.is_empty() && recorded != self.report.chain {
                    let replayed = self.report.chain;
                    return Ok(self.differs(
                        &format!("a hash of all outputs of {recorded:016x}"),
                        &format!("one of {replayed:016x}"),
                    ));
                }
                Ok(true)
            }
            Entry::End(ending) => {
                self.report.ending = ending;
                Ok(false)
            }
            Entry::Begin { .. }
            | Entry::Listed { .. }
            | Entry::Ran { .. }
            | Entry::DiskFailed { .. } => Err(ReplayError::OutOfPlace(self.report.inputs)),
        }
    }

    fn input(&mut self, moment: Moment, told: &Told<'_>) {
        self.moment = moment;
        self.report.inputs += 1;
        let lasted = moment.local.saturating_sub(self.begun.local);
        self.report.lasted = Duration::from_micros(lasted);
        self.told = format!(
            "{told}, {:.6} s after the start",
            self.report.lasted.as_secs_f64()
        );
        self.compared = 0;
        let (now, wall) = moment.clocks();
        let input = told.input();
        let replica = &mut self.replica;
        let handled = catch_unwind(AssertUnwindSafe(|| replica.handle(now, wall, input)));
        if let Err(panic) = handled {
            self.report.panicked = Some(words_of(panic.as_ref()));
        }
        self.collect();
    }

    fn collect(&mut self) {
        while let Some(output) = self.replica.poll_output() {
            let (seen, hash) = digest::seen(&output);
            self.report.chain = digest::chained(self.report.chain, hash);
            self.outputs.push_back(seen);
        }
    }

    fn differs(&mut self, recorded: &str, replayed: &str) -> bool {
        self.report.difference = Some(Difference {
            input: self.report.inputs,
            told: self.told.clone(),
            output: self.compared,
            recorded: recorded.to_owned(),
            replayed: replayed.to_owned(),
        });
        false
    }
}

/// A disk that answers what the recorded one answered.
pub(crate) struct Remembered<'e> {
    entries: &'e mut Entries,
    operations: u64,
    error: Option<ReadError>,
    difference: Option<Difference>,
}

/// Why it does not answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NoAnswer(String);

impl<'e> Remembered<'e> {
    pub(crate) fn new(entries: &'e mut Entries) -> Self {
        Remembered {
            entries,
            operations: 0,
            error: None,
            difference: None,
        }
    }

    fn differs(&mut self, asked: &str) -> NoAnswer {
        let recorded = format!("another operation of the disk, the {}th", self.operations);
        self.difference = Some(at_start(&recorded, asked));
        NoAnswer("recovery asks for something else".to_owned())
    }

    fn unreadable(&mut self, error: ReadError) -> NoAnswer {
        self.error = Some(error);
        NoAnswer("the recording cannot be read".to_owned())
    }
}

impl Disk for Remembered<'_> {
    type Error = NoAnswer;

    fn list(&mut self) -> Result<Vec<(File, u64)>, NoAnswer> {
        self.operations += 1;
        match self.entries.next() {
            Ok(Some(Entry::Listed { files })) => Ok(files
                .iter()
                .map(|(place, bytes)| (file(place), *bytes))
                .collect()),
            Ok(Some(Entry::DiskFailed { why })) => Err(NoAnswer(why.to_owned())),
            Ok(None) => Err(NoAnswer("nothing more is recorded".to_owned())),
            Ok(Some(_)) => Err(self.differs("a list of files")),
            Err(error) => Err(self.unreadable(error)),
        }
    }

    fn run(&mut self, op: &DiskOp) -> Result<Vec<u8>, NoAnswer> {
        self.operations += 1;
        match self.entries.next() {
            Ok(Some(Entry::Ran {
                op: asked,
                zeros,
                bytes,
            })) if asked == digest::op(op) && zeros <= READ_BYTES_MAX => {
                let mut bytes = bytes.to_vec();
                bytes.resize(bytes.len() + zeros, 0);
                Ok(bytes)
            }
            Ok(Some(Entry::DiskFailed { why })) => Err(NoAnswer(why.to_owned())),
            Ok(None) => Err(NoAnswer("nothing more is recorded".to_owned())),
            Ok(Some(_)) => Err(self.differs(&format!("{op:?}"))),
            Err(error) => Err(self.unreadable(error)),
        }
    }
}

/// What one operation reads at most: its length is a `u32`.
const READ_BYTES_MAX: usize = u32::MAX as usize;
