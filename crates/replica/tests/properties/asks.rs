//! What clients ask for.

use zk_proto::Request;
use zk_types::{CreateCall, CreateOp, Op};

/// What a client asks for.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    Write(Op<'static>),
    Exists(String),
    GetData(String),
    GetChildren2(String),
    Sync,
}

impl Ask {
    pub(crate) fn request(&self) -> Request<'_> {
        match self {
            Ask::Write(op) => Request::Write(op.clone()),
            Ask::Exists(path) => Request::Exists {
                path: Some(path.into()),
                watch: false,
            },
            Ask::GetData(path) => Request::GetData {
                path: Some(path.into()),
                watch: false,
            },
            Ask::GetChildren2(path) => Request::GetChildren2 {
                path: Some(path.into()),
                watch: false,
            },
            Ask::Sync => Request::Sync {
                path: Some("/".into()),
            },
        }
    }

    /// Whether it is refused to local sessions alone: an ephemeral node by an operation for which no
    /// session becomes global.
    pub(crate) fn is_only_for_global(&self) -> bool {
        self.creations().iter().any(|create| {
            matches!(create.call, CreateCall::Container | CreateCall::Ttl)
                && matches!(create.flags, 1 | 3)
        })
    }

    /// Whether a session has to be global for it, whatever becomes of it then.
    pub(crate) fn wants_ephemeral(&self) -> bool {
        let is_wanted = |create: &&CreateOp<'_>| {
            !matches!(create.call, CreateCall::Container | CreateCall::Ttl)
                && matches!(create.flags, 1 | 3)
        };
        let spoils_a_multi = |create: &&CreateOp<'_>| {
            create.call != CreateCall::Ttl && !(0..=4).contains(&create.flags)
        };
        let is_multi = matches!(self, Ask::Write(Op::Multi(_)));
        let creations = self.creations();
        creations.iter().any(is_wanted) && !(is_multi && creations.iter().any(spoils_a_multi))
    }

    fn creations(&self) -> Vec<&CreateOp<'static>> {
        let ops = match self {
            Ask::Write(Op::Multi(ops)) => &ops[..],
            Ask::Write(op) => std::slice::from_ref(op),
            Ask::Exists(_) | Ask::GetData(_) | Ask::GetChildren2(_) | Ask::Sync => &[],
        };
        let mut creations = Vec::new();
        for op in ops {
            if let Op::Create(create) = op {
                creations.push(create);
            }
        }
        creations
    }

    pub(crate) fn ends_the_session(&self) -> bool {
        matches!(self, Ask::Write(Op::CloseSession))
    }
}
