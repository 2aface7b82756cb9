//! SASL DIGEST-MD5 as clients of other makers speak it: kazoo with pure-sasl, and Apache's Java
//! shell with a JAAS file.

use super::super::report::Report;
use super::super::{EXTRA, checks, install};
use crate::apache;
use crate::ensemble::Ensemble;
use crate::process::{program, root, target};
use anyhow::Result;
use std::fs;
use std::path::Path;

const USERS: &str = "bob:bobpw\nroot:rootpw\n";
const SASL: &str = "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider\n\
                    superUser=root\n";

pub(in super::super) fn run(report: &mut Report) -> Result<()> {
    let folder = target().join("interop").join("sasl");
    fs::create_dir_all(&folder)?;
    let users = folder.join("users");
    fs::write(&users, USERS)?;
    let lines = format!("{EXTRA}{SASL}sasl.usersFile={}\n", users.display());
    let offering = Ensemble::start("sasl", 3, &lines)?;
    let demanding = format!("{lines}sessionRequireClientSASLAuth=true\n");
    let demanding = Ensemble::start("sasl-demanded", 1, &demanding)?;
    let without = Ensemble::start("sasl-without", 1, EXTRA)?;
    match install::sasl() {
        Ok(python) => {
            let script = root().join("xtask/interop/sasl_checks.py");
            let mut command = program(python);
            command.arg(script);
            for servers in [&offering, &demanding, &without] {
                command.arg(servers.connect_string());
            }
            checks::run(&mut command, None, report)?;
        }
        Err(error) => report.skipped(&format!("sasl: kazoo: {error:#}")),
    }
    match apache::jars() {
        Ok(jars) => {
            for servers in [&offering, &demanding] {
                java(&jars, &folder, servers, report)?;
            }
        }
        Err(error) => report.skipped(&format!("sasl: Apache's shell: {error:#}")),
    }
    if report.good() {
        offering.discard();
        demanding.discard();
        without.discard();
    }
    Ok(())
}

/// What the Java shell is told with the right password and with a wrong one.
fn java(jars: &Path, folder: &Path, servers: &Ensemble, report: &mut Report) -> Result<()> {
    let shell = |password: &str, words: &[&str]| -> Result<String> {
        let login = folder.join(format!("client-{password}.conf"));
        let module = "org.apache.zookeeper.server.auth.DigestLoginModule";
        let options = format!("username=\"bob\" password=\"{password}\"");
        fs::write(
            &login,
            format!("Client {{ {module} required {options}; }};\n"),
        )?;
        let mut command = program("java");
        command.args(["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
        // Where Java's cryptography is to be FIPS's, its client knows no DIGEST-MD5.
        command.arg("-Dzookeeper.fips-mode=false");
        command.arg(format!(
            "-Djava.security.auth.login.config={}",
            login.display()
        ));
        command.arg("-cp").arg(jars.join("*"));
        command.arg("org.apache.zookeeper.ZooKeeperMain");
        command.args(["-waitforconnection", "-server", &servers.connect_string()]);
        let output = command.args(words).output()?;
        let text = [output.stdout, output.stderr].concat();
        Ok(String::from_utf8_lossy(&text).into_owned())
    };
    let mut check = |sentence: &str, text: &str, is_so: bool| {
        let what = format!("java: {sentence}");
        if is_so {
            report.ok(&what);
        } else {
            report.failed(&format!("{what}: {}", text.trim()));
        }
    };
    let text = shell("bobpw", &["whoami"])?;
    check(
        "a user is known by its name",
        &text,
        text.contains("sasl: bob"),
    );
    let text = shell("bobpw", &["create", "/sasl-java", "x", "sasl:bob:cdrwa"])?;
    let is_created = text.contains("Created /sasl-java");
    check("a user keeps a node for itself", &text, is_created);
    let text = shell("bobpw", &["getAcl", "/sasl-java"])?;
    check("and reads whose it is", &text, text.contains("'sasl,'bob"));
    let text = shell("wrong", &["getAcl", "/sasl-java"])?;
    check(
        "a wrong password opens nothing",
        &text,
        !text.contains("'sasl,'bob"),
    );
    Ok(())
}
