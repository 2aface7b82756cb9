//! Writes entries into memory, from where somebody else takes them.

use crate::digest;
use crate::entry::{Ending, Entry, FORM, Moment, Told, place};
use replica::{Config, Input, Output, Replica, StartError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use wal::{Disk, DiskOp, File};
use zk_types::{Instant, WallTime};

/// Records one run of a server, beside it. It waits for nothing and never fails the server: what
/// cannot be kept ends the recording.
#[derive(Debug)]
pub struct Recorder {
    buffer: Vec<u8>,
    moment: Moment,
    chain: u64,
    unchained: u32,
    pending: Arc<Pending>,
    is_over: bool,
    said: bool,
}

/// What was recorded and nobody took yet.
#[derive(Debug, Default)]
pub struct Pending {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    /// The recorder adds nothing any more.
    complete: bool,
    /// Nobody takes anything any more.
    closed: bool,
    /// Why the recording is over before the server is.
    stopped: Option<String>,
}

impl Recorder {
    /// A recorder, and where to take from what it records.
    pub fn new() -> (Recorder, Arc<Pending>) {
        let pending = Arc::new(Pending::default());
        let recorder = Recorder {
            buffer: Vec::new(),
            moment: Moment::default(),
            chain: 0,
            unchained: 0,
            pending: Arc::clone(&pending),
            is_over: false,
            said: false,
        };
        (recorder, pending)
    }

    /// Why nothing is recorded any more, said once.
    pub fn take_reason(&mut self) -> Option<String> {
        if !self.is_over || self.said {
            return None;
        }
        self.said = true;
        self.pending.lock().stopped.clone()
    }

    /// Recovers and starts a replica, as [`Replica::start`] does.
    ///
    /// # Errors
    /// Those of [`Replica::start`].
    pub fn start<D: Disk>(
        &mut self,
        config: Config,
        disk: &mut D,
        now: Instant,
        wall: WallTime,
    ) -> Result<Replica, StartError<D::Error>>
    where
        D::Error: core::fmt::Debug + core::fmt::Display,
    {
        self.begin(&config, now, wall);
        let recorder = self;
        Replica::start(config, &mut Overheard { disk, recorder }, now, wall)
    }

    fn begin(&mut self, config: &Config, now: Instant, wall: WallTime) {
        self.moment = Moment::new(now, wall);
        self.push(&Entry::Begin {
            form: FORM,
            moment: self.moment,
            config: Box::new(config.clone()),
        });
    }

    /// Records an input, before the replica has it.
    pub fn input(&mut self, now: Instant, wall: WallTime, input: &Input<'_>) {
        let moment = Moment::new(now, wall);
        let (local, wall) = moment.since(self.moment);
        self.moment = moment;
        self.push(&Entry::Input {
            local,
            wall,
            told: Told::of(input),
        });
    }

    /// Records an output.
    pub fn output(&mut self, output: &Output) {
        if self.is_over {
            return;
        }
        let (seen, hash) = digest::seen(output);
        self.chain = digest::chained(self.chain, hash);
        self.push(&Entry::Output(seen));
        self.unchained += 1;
        if self.unchained == CHAIN_EVERY {
            self.unchained = 0;
            self.push(&Entry::Chain(self.chain));
        }
    }

    /// Lets what is recorded so far be taken.
    pub fn hand_over(&mut self) {
        let pending = Arc::clone(&self.pending);
        self.hand(&pending, pending.lock());
    }

    /// The same, while the server does not serve yet: waits a while when too much is pending.
    fn hand_over_patiently(&mut self) {
        let pending = Arc::clone(&self.pending);
        let full = |state: &mut State| state.bytes.len() > PENDING_MAX / 2 && !state.closed;
        let waited = pending
            .changed
            .wait_timeout_while(pending.lock(), START_PATIENCE, full);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        self.hand(&pending, state);
    }

    fn hand(&mut self, pending: &Pending, mut state: MutexGuard<'_, State>) {
        if state.closed {
            self.is_over = true;
        } else if state.bytes.len() + self.buffer.len() > PENDING_MAX {
            state.stopped = Some("it is written more slowly than the server works".to_owned());
            state.complete = true;
            self.is_over = true;
            pending.changed.notify_all();
        } else {
            let wake = state.bytes.len() < WAKE_BYTES;
            state.bytes.extend_from_slice(&self.buffer);
            if wake && state.bytes.len() >= WAKE_BYTES {
                pending.changed.notify_all();
            }
        }
        self.buffer.clear();
        self.buffer.shrink_to(WAKE_BYTES);
    }

    fn push(&mut self, entry: &Entry<'_>) {
        if self.is_over {
            return;
        }
        let taken = std::mem::take(&mut self.buffer);
        self.buffer = postcard::to_extend(entry, taken).expect("a vector takes every entry");
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        self.push(&Entry::Chain(self.chain));
        self.push(&Entry::End(if thread::panicking() {
            Ending::ServerPanicked
        } else {
            Ending::ServerEnded
        }));
        self.hand_over();
        let pending = Arc::clone(&self.pending);
        let mut state = pending.lock();
        state.complete = true;
        pending.changed.notify_all();
        // A process that ends at once would take with it what is not written yet.
        let unwritten = |state: &mut State| !state.closed;
        let _ = pending
            .changed
            .wait_timeout_while(state, END_PATIENCE, unwritten);
    }
}

impl Pending {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change of the state is one statement.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is much, or for a moment; takes what there is, and says whether more may
    /// come. What is taken counts as pending no more.
    pub(crate) fn take(&self) -> (Vec<u8>, bool) {
        let little = |state: &mut State| state.bytes.len() < WAKE_BYTES && !state.complete;
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), WRITE_EVERY, little);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let bytes = std::mem::take(&mut state.bytes);
        self.changed.notify_all();
        (bytes, !state.complete)
    }

    /// Takes everything until nothing more may come.
    #[cfg(test)]
    pub(crate) fn take_all(&self) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let (bytes, goes_on) = self.take();
            all.extend(bytes);
            if !goes_on {
                self.close(None);
                return all;
            }
        }
    }

    /// Nothing is taken any more.
    pub(crate) fn close(&self, why: Option<String>) {
        let mut state = self.lock();
        state.closed = true;
        state.stopped = state.stopped.take().or(why);
        state.bytes = Vec::new();
        self.changed.notify_all();
    }
}

/// A disk that is listened to while a server recovers from it.
struct Overheard<'a, D> {
    disk: &'a mut D,
    recorder: &'a mut Recorder,
}

impl<D: Disk> Overheard<'_, D>
where
    D::Error: core::fmt::Display,
{
    fn note<T>(&mut self, answer: Result<T, D::Error>) -> Result<T, D::Error> {
        if let Err(error) = &answer {
            let why = error.to_string();
            self.recorder.push(&Entry::DiskFailed { why: &why });
        }
        self.recorder.hand_over_patiently();
        answer
    }
}

impl<D: Disk> Disk for Overheard<'_, D>
where
    D::Error: core::fmt::Display,
{
    type Error = D::Error;

    fn list(&mut self) -> Result<Vec<(File, u64)>, D::Error> {
        let answer = self.disk.list();
        if let Ok(files) = &answer {
            let files = files.iter().map(|(file, bytes)| (place(file), *bytes));
            self.recorder.push(&Entry::Listed {
                files: files.collect(),
            });
        }
        self.note(answer)
    }

    fn run(&mut self, op: &DiskOp) -> Result<Vec<u8>, D::Error> {
        let answer = self.disk.run(op);
        if let Ok(bytes) = &answer {
            let length = bytes.iter().rposition(|byte| *byte != 0);
            let length = length.map_or(0, |last| last + 1);
            self.recorder.push(&Entry::Ran {
                op: digest::op(op),
                zeros: bytes.len() - length,
                bytes: &bytes[..length],
            });
        }
        self.note(answer)
    }
}

/// How often what is recorded is written; so much a killed process loses of it.
const WRITE_EVERY: Duration = Duration::from_millis(20);
/// Bytes that are written at once.
const WAKE_BYTES: usize = 1 << 20;
/// Bytes that may wait to be written.
const PENDING_MAX: usize = 64 << 20;
const START_PATIENCE: Duration = Duration::from_secs(2);
const END_PATIENCE: Duration = Duration::from_millis(500);
/// Outputs between two hashes of all.
const CHAIN_EVERY: u32 = 1024;
