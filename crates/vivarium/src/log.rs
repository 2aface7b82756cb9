//! Lines for the operator, on standard error.

use crate::calendar::Date;
use shell_std::Clock;
use std::fmt;
use std::io::{self, Write};

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For those who look for a fault.
    Debug,
    /// What goes on.
    Info,
    /// What should not be.
    Warn,
    /// What ends the program.
    Error,
}

/// Writes the lines that are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Log {
    from: Level,
    clock: Clock,
}

impl Log {
    /// Lines of level `from` and above.
    pub fn new(from: Level) -> Log {
        Log {
            from,
            clock: Clock::start(),
        }
    }

    /// Writes one line, with the time and the level in front.
    pub fn line(&self, level: Level, text: impl fmt::Display) {
        if level < self.from {
            return;
        }
        let date = Date::of(self.clock.wall());
        // There is nobody to tell when standard error is gone.
        let _ = writeln!(
            io::stderr().lock(),
            "{} {:<5} {text}",
            date.log(),
            level.to_string()
        );
    }

    /// What goes on.
    pub fn info(&self, text: impl fmt::Display) {
        self.line(Level::Info, text);
    }

    /// What should not be.
    pub fn warn(&self, text: impl fmt::Display) {
        self.line(Level::Warn, text);
    }

    /// What ends the program.
    pub fn error(&self, text: impl fmt::Display) {
        self.line(Level::Error, text);
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warn => "WARN",
            Level::Error => "ERROR",
        })
    }
}
