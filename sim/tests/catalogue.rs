//! Every kind of fault in `docs/faults.md` has a counter and a scenario, by name.

use std::fs;
use std::path::Path;

fn sources(names: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &&str| fs::read_to_string(root.join(name)).expect("a source");
    names.iter().map(read).collect()
}

fn is_there(scenario: &str) -> bool {
    let Some((file, test)) = scenario.split_once("::") else {
        let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        return scenarios.join(scenario).is_file();
    };
    let text = match file {
        "disk" => sources(&["src/disk/tests.rs"]),
        "net" => sources(&["src/net/tests.rs", "src/net/tests/faults.rs"]),
        file => sources(&[format!("tests/{file}.rs").as_str()]),
    };
    text.contains(&format!("#[test]\nfn {test}() {{"))
}

#[test]
fn every_kind_of_fault_has_a_counter_a_scenario_and_a_demand() {
    let catalogue = sim::catalogue();
    assert!(catalogue.len() > 60, "{}", catalogue.len());
    for kind in catalogue {
        assert!(!kind.counters.is_empty(), "{kind:?}");
        assert!(!kind.scenarios.is_empty(), "{kind:?}");
        assert!(kind.reaction.starts_with(['B', 'D', 'W', 'X']), "{kind:?}");
        for scenario in &kind.scenarios {
            assert!(is_there(scenario), "{}: there is no {scenario}", kind.name);
        }
    }
}
