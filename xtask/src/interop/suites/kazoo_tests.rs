//! kazoo's own tests. They start servers themselves, by `java` and Apache's main class; a stand-in
//! first on the path makes that ours.

use super::super::report::{Known, Report};
use super::super::{Against, checks, install, stand_in};
use crate::apache;
use crate::ensemble::free_run_of_ports;
use crate::process::{program, root, target};
use anyhow::Result;
use std::fs;

/// Three servers take ports up to the 24th behind the first.
const PORTS: u16 = 25;

const KNOWN: &[Known] = &[
    (
        "test_client.py::TestSSLClient::test_create",
        "there is no TLS",
    ),
    (
        "test_client.py::TestReconfig::test_add_remove_observer",
        "there are no observers, and members cannot be changed",
    ),
];

pub(in super::super) fn run(against: Against, report: &mut Report) -> Result<()> {
    let python = match install::kazoo_tests() {
        Ok(python) => python,
        Err(error) => {
            report.skipped(&format!("kazoo-tests: {error:#}"));
            return Ok(());
        }
    };
    let mut command = program(python);
    let home = target().join("interop").join("kazoo-home");
    match against {
        Against::Ours => {
            fs::create_dir_all(&home)?;
            // Its tests read the version off the name.
            fs::write(home.join(format!("zookeeper-{}.jar", apache::VERSION)), "")?;
            stand_in::put_first(&mut command)?;
            stand_in::prepare(&mut command, against)?;
            command.env("ZOOKEEPER_PATH", &home);
            report.expect(KNOWN);
        }
        Against::Apache => {
            command.env("ZOOKEEPER_PATH", apache::jars()?);
        }
    }
    command
        .env("ZOOKEEPER_VERSION", apache::VERSION)
        .env(
            "ZOOKEEPER_PORT_OFFSET",
            free_run_of_ports(PORTS)?.to_string(),
        )
        .env("PYTHONPATH", root().join("xtask/interop"))
        // Its tests skip less and check versions by the environment where this says so.
        .env_remove("CI")
        .args([
            "-m",
            "pytest",
            "--pyargs",
            "kazoo.tests",
            "-p",
            "kazoo_report",
        ])
        .args(["--timeout=180", "--quiet", "--no-header", "--no-summary"])
        .args(["-p", "no:cacheprovider", "--tb=short"]);
    checks::run(&mut command, None, report)?;
    report.finish_list();
    Ok(())
}
