//! Afterwards: is everything that was acknowledged on every server, and do they agree?

use super::RECOVERY_MAX;
use super::writers::{Log, ROOT, data, folder, name};
use crate::ensemble::Ensemble;
use crate::zk::{Failure, Session, Zk, four_letters};
use anyhow::{Result, anyhow, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

/// A whole tree as one server shows it: data and stat of each path, byte for byte.
type Tree = BTreeMap<String, (Vec<u8>, Vec<u8>)>;

/// Reads every server completely; what is wrong, as sentences.
pub(super) fn verify(ensemble: &mut Ensemble, logs: &[Log]) -> Result<Vec<String>> {
    print_counts(logs);
    ensemble.wait_until_all_serve(RECOVERY_MAX)?;
    let mut failed = Vec::new();
    for (writer, log) in logs.iter().enumerate() {
        for (before, after) in &log.went_back {
            failed.push(format!("writer {writer} saw {after:#x} after {before:#x}"));
        }
    }
    let mut trees = Vec::new();
    for index in 0..ensemble.size() {
        let tree = read(ensemble, index)
            .map_err(|failure| anyhow!("cannot read server {}: {failure}", index + 1))?;
        failed.extend(missing(&tree, logs).map(|what| format!("server {}: {what}", index + 1)));
        trees.push(tree);
    }
    for (index, tree) in trees.iter().enumerate().skip(1) {
        if let Some(path) = first_difference(&trees[0], tree) {
            failed.push(format!("servers 1 and {} differ at {path}", index + 1));
        }
    }
    failed.extend(compare_statements(ensemble)?);
    let nodes = trees[0].len();
    println!(
        "verify: {nodes} znodes below {ROOT} on each of {} servers",
        ensemble.size()
    );
    Ok(failed)
}

fn print_counts(logs: &[Log]) {
    let sum = |of: fn(&Log) -> usize| logs.iter().map(of).sum::<usize>();
    let connects: u64 = logs.iter().map(|log| log.connects).sum();
    let expired: u64 = logs.iter().map(|log| log.expired).sum();
    let codes: BTreeSet<i32> = logs
        .iter()
        .flat_map(|log| log.refused.iter().copied())
        .collect();
    println!(
        "verify: {} writes acknowledged, {} creates never answered, {} refused {codes:?}, \
         {connects} connects, {expired} sessions expired",
        sum(|log| log.acknowledged.len()),
        sum(|log| log.unknown.len()),
        sum(|log| log.refused.len()),
    );
}

fn read(ensemble: &Ensemble, index: usize) -> Result<Tree, Failure> {
    let mut zk = Zk::connect(ensemble.client(index), PATIENCE, Session::default())?;
    zk.sync()?;
    let mut tree = Tree::new();
    let mut waiting = vec![ROOT.to_owned()];
    while let Some(path) = waiting.pop() {
        let children = zk.children(&path)?;
        waiting.extend(children.into_iter().map(|child| format!("{path}/{child}")));
        let node = zk.get(&path)?;
        tree.insert(path, node);
    }
    zk.close()?;
    Ok(tree)
}

/// What a server should have and does not, or has and should not.
fn missing(tree: &Tree, logs: &[Log]) -> impl Iterator<Item = String> {
    let mut all = Vec::new();
    for (writer, log) in logs.iter().enumerate() {
        let folder = folder(writer);
        for number in &log.created {
            let path = format!("{folder}/{}", name(*number));
            match tree.get(&path) {
                None => all.push(format!("{path} was acknowledged and is not there")),
                Some((found, _)) if *found != data(writer, *number) => {
                    all.push(format!("{path} holds {:?}", String::from_utf8_lossy(found)));
                }
                Some(_) => {}
            }
        }
        let value: Option<u64> = tree
            .get(&folder)
            .and_then(|(found, _)| String::from_utf8_lossy(found).parse().ok());
        if value.is_none_or(|value| value < log.register || value > log.register_sent) {
            all.push(format!(
                "{folder} holds {value:?}; {} was acknowledged and {} sent",
                log.register, log.register_sent
            ));
        }
        let prefix = format!("{folder}/");
        for path in tree.keys().filter_map(|path| path.strip_prefix(&prefix)) {
            let known = path
                .parse()
                .is_ok_and(|number| log.created.contains(&number) || log.unknown.contains(&number));
            if !known {
                all.push(format!(
                    "{prefix}{path} was refused or never sent, and is there"
                ));
            }
        }
    }
    all.into_iter()
}

fn first_difference<'a>(one: &'a Tree, other: &'a Tree) -> Option<&'a str> {
    let only_other = other.keys().find(|path| !one.contains_key(*path));
    let differs = one
        .iter()
        .find(|(path, node)| other.get(*path) != Some(*node));
    differs
        .map(|(path, _)| path)
        .or(only_other)
        .map(String::as_str)
}

/// Compares what servers say of themselves: node counts, and digests at equal zxids.
fn compare_statements(ensemble: &Ensemble) -> Result<Vec<String>> {
    let mut failed = Vec::new();
    let mut counts = Vec::new();
    let mut digests: BTreeMap<u64, Vec<(usize, String)>> = BTreeMap::new();
    for index in 0..ensemble.size() {
        let status = ensemble.status(index);
        counts.push(status.map(|status| (status.nodes, status.zxid)));
        for (zxid, digest) in statements(&four_letters(ensemble.client(index), "hash", PATIENCE)?)?
        {
            digests.entry(zxid).or_default().push((index, digest));
        }
    }
    if counts
        .windows(2)
        .any(|pair| pair[0].map(|one| one.0) != pair[1].map(|one| one.0))
    {
        failed.push(format!("node counts differ: {counts:?}"));
    }
    let mut compared = 0;
    for (zxid, all) in digests.into_iter().filter(|(_, all)| all.len() > 1) {
        compared += 1;
        if all.windows(2).any(|pair| pair[0].1 != pair[1].1) {
            failed.push(format!("digests at {zxid:#x} differ: {all:?}"));
        }
    }
    println!("verify: {compared} digests compared between servers");
    Ok(failed)
}

/// Lines of `zxid: digest`, the zxid in hexadecimal.
fn statements(text: &str) -> Result<Vec<(u64, String)>> {
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            let (zxid, digest) = line.split_once(':').unwrap_or((line, ""));
            let zxid = u64::from_str_radix(zxid.trim().trim_start_matches("0x"), 16);
            ensure!(
                zxid.is_ok() && !digest.is_empty(),
                "what does {line:?} say?"
            );
            Ok((zxid?, digest.trim().to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(entries: &[(&str, &str)]) -> Tree {
        let node = |data: &str| (data.as_bytes().to_vec(), vec![]);
        entries
            .iter()
            .map(|(path, data)| ((*path).to_owned(), node(data)))
            .collect()
    }

    #[test]
    fn a_lost_write_an_old_register_and_a_ghost_are_each_named() {
        let log = Log {
            created: BTreeSet::from([1, 2]),
            unknown: BTreeSet::from([3]),
            register: 2,
            register_sent: 3,
            ..Log::default()
        };
        let good = tree(&[
            ("/chaos/w0", "3"),
            ("/chaos/w0/000000001", "writer 0 number 1"),
            ("/chaos/w0/000000002", "writer 0 number 2"),
            ("/chaos/w0/000000003", "writer 0 number 3"),
        ]);
        let logs = [log];
        assert_eq!(
            missing(&good, &logs).collect::<Vec<_>>(),
            Vec::<String>::new()
        );
        let bad = tree(&[
            ("/chaos/w0", "1"),
            ("/chaos/w0/000000001", "writer 0 number 1"),
            ("/chaos/w0/000000009", "writer 0 number 9"),
        ]);
        assert_eq!(missing(&bad, &logs).count(), 3);
        assert_eq!(first_difference(&good, &bad), Some("/chaos/w0"));
    }

    #[test]
    fn digests_are_read_with_their_zxids() {
        let read = statements("100000080: 123\n100000100: 456\n").expect("two lines");
        assert_eq!(read[1], (0x1_0000_0100, "456".to_owned()));
        assert!(statements("nonsense").is_err());
    }
}
