//! What there is to hear of what happens.

use crate::reference::{Asked, Model};
use zk_types::{Acl, Op, Zxid};

/// Something that watchers of the whole tree hear of, if they may read the node.
#[derive(Clone, Debug)]
pub(crate) struct Happened {
    pub(crate) zxid: Zxid,
    pub(crate) event: String,
    pub(crate) acl: Vec<Acl>,
}

/// Notes what there is to hear of a write that succeeds in this state.
pub(crate) fn note(happened: &mut Vec<Happened>, mut state: Model, asked: Asked<'_>, op: &Op<'_>) {
    if let Op::Multi(ops) = op {
        let asked = Asked {
            in_multi: true,
            ..asked
        };
        for op in ops {
            note(happened, state.clone(), asked, op);
            state.request(asked, op).unwrap();
        }
        return;
    }
    let before = state.nodes.clone();
    state.request(asked, op).unwrap();
    let after = &state.nodes;
    let mut gone: Vec<&String> = before
        .keys()
        .filter(|path| !after.contains_key(*path))
        .collect();
    if !matches!(op, Op::CloseSession) {
        gone.reverse();
    }
    let mut tell = |kind: &str, path: &str, acl: &[Acl]| {
        happened.push(Happened {
            zxid: asked.zxid,
            event: format!("{kind} {path}"),
            acl: acl.to_vec(),
        });
    };
    for path in gone {
        tell("NodeDeleted", path, &before[path].acl);
    }
    for (path, node) in after {
        match before.get(path) {
            None => tell("NodeCreated", path, &node.acl),
            Some(old) if old.version != node.version => tell("NodeDataChanged", path, &node.acl),
            Some(_) => {}
        }
    }
}
