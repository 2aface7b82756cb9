//! What a recording says, lent to whoever drives a replica by it in another way than
//! [`crate::replay`].

use crate::entry::{Entry, Moment, Seen};
use crate::reader::Entries;
use crate::recorder::Recorder;
use crate::replay::{Remembered, ReplayError, beginning};
use crate::{ReadError, Recorded};
use replica::{Config, Input};
use std::path::Path;
use zk_types::{Instant, WallTime};

/// An entry of interest to others.
#[derive(Debug)]
pub enum Lent<'a> {
    /// An input, and when it came.
    Input(Instant, WallTime, Input<'a>),
    /// An output of the start or of the input before.
    Output(Seen),
}

/// Shows the inputs and outputs recorded in the directory `run`, in their order.
///
/// # Errors
/// When it cannot be read.
pub fn lend(run: &Path, mut see: impl FnMut(Lent<'_>)) -> Result<(), ReplayError> {
    let mut entries = Entries::open(run)?;
    let (mut moment, _) = beginning(&mut entries)?;
    while let Some(entry) = entries.next()? {
        match entry {
            Entry::Input { local, wall, told } => {
                moment = moment.after(local, wall);
                let (now, wall) = moment.clocks();
                see(Lent::Input(now, wall, told.input()));
            }
            Entry::Output(seen) => see(Lent::Output(seen)),
            Entry::Begin { .. }
            | Entry::Listed { .. }
            | Entry::Ran { .. }
            | Entry::DiskFailed { .. }
            | Entry::Chain(_)
            | Entry::End(_) => {}
        }
    }
    Ok(())
}

/// What a recorded server was started with.
///
/// # Errors
/// When the recording cannot be read.
pub fn beginning_of(run: &Path) -> Result<(Config, Instant, WallTime), ReplayError> {
    let (moment, config) = beginning(&mut Entries::open(run)?)?;
    let (now, wall) = Moment::clocks(moment);
    Ok((*config, now, wall))
}

/// Starts the recorded replica again from what was recorded of its disk. `None` when it did not
/// start then either.
///
/// # Errors
/// When the recording cannot be read.
pub fn restart(run: &Path, recorder: Option<Recorder>) -> Result<Option<Recorded>, ReadError> {
    let mut entries = Entries::open(run)?;
    let Ok((moment, config)) = beginning(&mut entries) else {
        return Ok(None);
    };
    let (now, wall) = moment.clocks();
    let mut disk = Remembered::new(&mut entries);
    Ok(Recorded::start(*config, &mut disk, now, wall, recorder).ok())
}
