//! Children a page at a time: `docs/children-pages.md`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use proptest::prelude::*;
use std::collections::BTreeMap;
use support::*;
use zk_types::{ErrorCode, Op, Zxid};
use znode_tree::{Before, Tree};

/// What happens between two pages.
#[derive(Clone, Debug)]
enum Step {
    /// Creates so many children in one transaction.
    Create(usize),
    /// Deletes the child in this place among those that are there.
    Delete(prop::sample::Index),
    /// The same server after a restart, or another one.
    Reload,
    Page(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1..5_usize).prop_map(Step::Create),
        4 => any::<prop::sample::Index>().prop_map(Step::Delete),
        1 => Just(Step::Reload),
        4 => (0..6_usize).prop_map(Step::Page),
    ]
}

/// A listing under way.
#[derive(Default)]
struct Listing {
    /// How often each name was listed.
    listed: BTreeMap<String, usize>,
    end: Option<(Zxid, String)>,
    is_over: bool,
}

impl Listing {
    fn page(&mut self, tree: &Tree, names_max: usize) {
        if self.is_over {
            return;
        }
        let before = self
            .end
            .as_ref()
            .map(|(zxid, name)| Before { zxid: *zxid, name });
        let page = tree
            .children_page("/d", &superuser(), before, names_max)
            .unwrap();
        let last = page.names.last().map(|name| (*name).to_string());
        for name in page.names {
            *self.listed.entry(name.to_string()).or_default() += 1;
        }
        match page.next {
            Some(zxid) => self.end = Some((zxid, last.unwrap())),
            None => self.is_over = true,
        }
    }
}

proptest! {
    #[test]
    fn a_child_that_exists_all_the_time_is_listed_once(
        first in 0..40_usize,
        before in prop::collection::vec(step(), 0..20),
        during in prop::collection::vec(step(), 0..60),
    ) {
        let mut server = Server::new();
        server.make("/d");
        let mut made = 0;
        let mut create = |server: &mut Server, count: usize| {
            let ops = (made..made + count).map(|at| create(&format!("/d/{at}"), 0)).collect();
            made += count;
            server.write(&Op::Multi(ops)).unwrap();
        };
        for _ in 0..first {
            create(&mut server, 1);
        }
        let mut listing = Listing::default();
        let mut stable: Option<Vec<String>> = None;
        let steps = before.into_iter().map(|step| (step, false));
        for (step, is_listing) in steps.chain(during.into_iter().map(|step| (step, true))) {
            let there = server.names("/d");
            if is_listing && stable.is_none() {
                stable = Some(there.clone());
            }
            match step {
                Step::Create(count) => create(&mut server, count),
                Step::Delete(at) if !there.is_empty() => {
                    let name = at.get(&there);
                    server.write(&delete(&format!("/d/{name}"), -1)).unwrap();
                    if let Some(stable) = &mut stable {
                        stable.retain(|other| other != name);
                    }
                }
                Step::Delete(_) => {}
                Step::Reload => {
                    let bytes = server.snapshot();
                    server.tree = load(&bytes);
                }
                Step::Page(names_max) if is_listing => listing.page(&server.tree, names_max),
                Step::Page(_) => {}
            }
        }
        let stable = stable.unwrap_or_else(|| server.names("/d"));
        while !listing.is_over {
            listing.page(&server.tree, 3);
        }
        for name in stable {
            prop_assert_eq!(listing.listed.get(&name), Some(&1), "{}", name);
        }
        prop_assert!(listing.listed.values().all(|times| *times == 1));
    }
}

#[test]
fn a_page_ends_with_the_last_child_of_a_transaction() {
    let mut server = Server::new();
    server.make("/d");
    server.make("/d/old");
    let ops = ["/d/a", "/d/b", "/d/c"].map(|path| create(path, 0));
    server.write(&Op::Multi(ops.to_vec())).unwrap();
    server.make("/d/new");
    let page = |before, names_max| {
        let page = server
            .tree
            .children_page("/d", &superuser(), before, names_max);
        let page = page.unwrap();
        (page.names.join(" "), page.next)
    };
    assert_eq!(page(None, 1), ("new".into(), Some(Zxid(4))));
    let before = |zxid, name| {
        Some(Before {
            zxid: Zxid(zxid),
            name,
        })
    };
    assert_eq!(page(before(4, "new"), 1), ("c b a".into(), Some(Zxid(3))));
    assert_eq!(
        page(before(4, "gone"), 1),
        ("c b a".into(), Some(Zxid(3))),
        "the name makes no difference"
    );
    assert_eq!(page(before(3, "a"), 9), ("old".into(), None));
    assert_eq!(page(None, 0), page(None, 1));
    assert_eq!(
        server.tree.children_page("/none", &[], None, 1),
        Err(ErrorCode::NoNode)
    );
}

#[test]
fn a_page_ends_with_the_last_transaction_that_fits() {
    let mut server = Server::new();
    server.make("/d");
    server.make("/d/old");
    // The names of the second and of the third fit on one page, but not with their lengths.
    let long = |at| format!("/d/{at:01000}");
    let short = |at| format!("/d/{at:05}");
    let transactions: [Vec<String>; 3] = [
        (0..600).map(long).collect(),
        (0..40_000).map(short).collect(),
        (40_000..80_000).map(short).collect(),
    ];
    for paths in &transactions {
        let ops = paths.iter().map(|path| create(path, 0)).collect();
        server.write(&Op::Multi(ops)).unwrap();
    }
    let mut end: Option<(Zxid, &str)> = None;
    let mut pages = Vec::new();
    loop {
        let before = end.map(|(zxid, name)| Before { zxid, name });
        let page = server
            .tree
            .children_page("/d", &superuser(), before, usize::MAX)
            .unwrap();
        pages.push((page.names.len(), page.names[page.names.len() - 1]));
        let Some(zxid) = page.next else { break };
        end = Some((zxid, page.names[page.names.len() - 1]));
    }
    let last = format!("{:01000}", 0);
    assert_eq!(
        pages,
        [
            (40_000, "40000"),
            (40_000, "00000"),
            (600, &last),
            (1, "old")
        ],
        "the third page is too long, but of one transaction"
    );
}
