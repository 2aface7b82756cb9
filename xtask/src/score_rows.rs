//! What commands that take long leave for `simulate score`, which only reads it.

use crate::process::{output, program, target};
use anyhow::{Context, Result};
use serde_json::json;
use std::fs;

/// Leaves what was measured for the goal of this name, with the revision.
pub(crate) fn leave(name: &str, measured: &str, is_met: bool) -> Result<()> {
    let commit = output(program("git").args(["rev-parse", "--short=12", "HEAD"]))?;
    let folder = target().join("simulate").join("score");
    let file = folder.join(format!("{name}.json"));
    let left = json!({ "measured": measured, "ok": is_met, "commit": commit.trim() });
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&file, left.to_string()))
        .with_context(|| format!("cannot write {}", file.display()))
}
