//! The checks that other programs make.

use super::Findings;
use crate::process::{cargo, run};
use anyhow::Result;

pub(super) fn check_formatting(findings: &mut Findings) -> Result<()> {
    if run(cargo().args(["fmt", "--all", "--check", "--", "--files-with-diff"])).is_err() {
        findings.error("cargo fmt --check is not clean");
    }
    Ok(())
}

pub(super) fn check_clippy(findings: &mut Findings) -> Result<()> {
    let arguments = [
        "clippy",
        "--quiet",
        "--workspace",
        "--all-targets",
        "--",
        "--deny",
        "warnings",
    ];
    if run(cargo().args(arguments)).is_err() {
        findings.error("cargo clippy is not clean");
    }
    Ok(())
}

pub(super) fn check_documentation(findings: &mut Findings) -> Result<()> {
    let arguments = ["doc", "--quiet", "--workspace", "--no-deps"];
    if run(cargo()
        .args(arguments)
        .env("RUSTDOCFLAGS", "--deny warnings"))
    .is_err()
    {
        findings.error("cargo doc is not clean");
    }
    Ok(())
}
