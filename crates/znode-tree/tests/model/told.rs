//! What a client is told of a write, whoever tells it.

use zk_types::Stat;

/// What a client would be told, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    Done,
    Created {
        path: String,
        stat: Stat,
        with_stat: bool,
    },
    Data(Stat),
    Acl(Stat),
    Multi(Vec<Told>),
}

impl Told {
    pub fn path(&self) -> &str {
        match self {
            Told::Created { path, .. } => path,
            Told::Done | Told::Data(_) | Told::Acl(_) | Told::Multi(_) => {
                panic!("{self:?} has no path")
            }
        }
    }

    pub fn stat(&self) -> Stat {
        match self {
            Told::Created { stat, .. } | Told::Data(stat) | Told::Acl(stat) => *stat,
            Told::Done | Told::Multi(_) => panic!("{self:?} has no stat"),
        }
    }
}
