//! Pure crates build where there is no std: for a bare target when it is installed, and otherwise
//! against a sysroot of this machine that holds core and alloc and nothing else.

use super::{Findings, PURE};
use crate::process::{cargo, output, program, run, target};
use anyhow::{Context, Result, ensure};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

const BARE: &str = "x86_64-unknown-none";

/// All that a pure crate may link with.
const LIBRARIES: [&str; 3] = ["libcore-", "liballoc-", "libcompiler_builtins-"];

pub(super) fn check(findings: &mut Findings) -> Result<()> {
    let toolchain = PathBuf::from(rustc(&["--print", "sysroot"])?);
    if libraries(&toolchain, BARE).is_dir() {
        println!("tidy: building for {BARE}");
        build(BARE, None, findings)
    } else {
        let host = rustc(&["--print", "host-tuple"])?;
        println!("tidy: {BARE} is not installed; building for {host} with core and alloc only");
        let sysroot = target().join("no-std").join("sysroot");
        strip(&toolchain, &host, &sysroot)?;
        build(&host, Some(&sysroot), findings)
    }
}

fn build(triple: &str, sysroot: Option<&Path>, findings: &mut Findings) -> Result<()> {
    let mut command = cargo();
    command.args([
        "build",
        "--quiet",
        "--lib",
        "--keep-going",
        "--target",
        triple,
    ]);
    for name in PURE {
        command.args(["--package", name]);
    }
    command.arg("--target-dir").arg(target().join("no-std"));
    if let Some(sysroot) = sysroot {
        // With an explicit target these flags reach no build script and no procedural macro.
        let mut flags = OsString::from("--sysroot\u{1f}");
        flags.push(sysroot);
        command.env("CARGO_ENCODED_RUSTFLAGS", flags);
    }
    if run(&mut command).is_err() {
        findings.error("a pure crate, or something it depends on, needs std");
    }
    Ok(())
}

/// Makes a sysroot of copies of the libraries that stand below std.
fn strip(toolchain: &Path, host: &str, sysroot: &Path) -> Result<()> {
    let folder = libraries(sysroot, host);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let mut copied = 0;
    let from = libraries(toolchain, host);
    for entry in fs::read_dir(&from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name();
        let text = name.to_string_lossy();
        let is_library = text.ends_with(".rlib") || text.ends_with(".rmeta");
        if is_library && LIBRARIES.iter().any(|all| text.starts_with(all)) {
            fs::copy(entry.path(), folder.join(&name))?;
            copied += 1;
        }
    }
    ensure!(
        copied >= LIBRARIES.len(),
        "{} holds {copied} of core, alloc and their builtins",
        from.display()
    );
    Ok(())
}

fn libraries(sysroot: &Path, triple: &str) -> PathBuf {
    sysroot.join("lib").join("rustlib").join(triple).join("lib")
}

fn rustc(arguments: &[&str]) -> Result<String> {
    let name = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    Ok(output(program(name).args(arguments))?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compiles one small library against the stripped sysroot.
    fn compiles(source: &str) -> bool {
        let toolchain = PathBuf::from(rustc(&["--print", "sysroot"]).expect("rustc runs"));
        let host = rustc(&["--print", "host-tuple"]).expect("rustc runs");
        let folder = std::env::temp_dir().join(format!("xtask-no-std-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a temporary folder");
        let sysroot = folder.join("sysroot");
        strip(&toolchain, &host, &sysroot).expect("the toolchain has its libraries");
        let file = folder.join("probe.rs");
        fs::write(&file, source).expect("a temporary file");
        let mut command = program("rustc");
        command.args(["--edition", "2024", "--crate-type", "lib", "--sysroot"]);
        command
            .arg(&sysroot)
            .arg("--out-dir")
            .arg(&folder)
            .arg(&file);
        let compiled = output(&mut command).is_ok();
        fs::remove_dir_all(&folder).expect("the temporary folder goes");
        compiled
    }

    #[test]
    fn a_stripped_sysroot_knows_alloc_and_refuses_std() {
        assert!(compiles(
            "#![no_std]\nextern crate alloc;\npub type A = alloc::vec::Vec<u8>;\n"
        ));
        assert!(!compiles(
            "#![no_std]\nextern crate std;\npub type A = std::vec::Vec<u8>;\n"
        ));
    }
}
