//! The catalogue of faults: the tables of `docs/faults.md`, read.

const PAGE: &str = include_str!("../../docs/faults.md");

/// A kind of fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultKind {
    /// Its number in the catalogue.
    pub number: u32,
    /// What happens, in words.
    pub name: &'static str,
    /// The counters of a report that prove that it happened: each of them.
    pub counters: Vec<&'static str>,
    /// Tests and scenario files in which it happens by itself.
    pub scenarios: Vec<&'static str>,
    /// What is asked of servers.
    pub reaction: &'static str,
}

/// Every kind that worlds know.
pub fn catalogue() -> Vec<FaultKind> {
    PAGE.lines().filter_map(row).collect()
}

fn row(line: &'static str) -> Option<FaultKind> {
    let cells: Vec<&str> = line.strip_prefix('|')?.split('|').map(str::trim).collect();
    let [number, name, counters, scenarios, reaction, ""] = cells.as_slice() else {
        return None;
    };
    Some(FaultKind {
        number: number.parse().ok()?,
        name,
        counters: quoted(counters),
        scenarios: quoted(scenarios),
        reaction,
    })
}

fn quoted(cell: &'static str) -> Vec<&'static str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nemesis::MishapKind;
    use crate::swarm::{DiskFault, Fault};

    #[test]
    fn whatever_a_seed_may_draw_is_in_the_catalogue() {
        let counters: Vec<&str> = catalogue()
            .into_iter()
            .flat_map(|kind| kind.counters)
            .collect();
        let mishaps = MishapKind::ALL.into_iter().map(Fault::Mishap);
        let of_disks = DiskFault::ALL.into_iter().map(Fault::Disk);
        for fault in Fault::ALL.into_iter().chain(mishaps).chain(of_disks) {
            let name = fault.name();
            assert!(counters.contains(&name), "docs/faults.md misses {name:?}");
        }
    }
}
