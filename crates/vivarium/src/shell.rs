//! `vivarium shell`.

use crate::cli::ShellArguments;
use std::process::ExitCode;

/// Runs one command, or commands until the user has enough.
pub fn shell(arguments: &ShellArguments) -> ExitCode {
    let _ = arguments;
    ExitCode::FAILURE
}
