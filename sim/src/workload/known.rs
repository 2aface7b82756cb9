//! What a client knows of the tree, from what it was told.

use client_core::{ClientRequest, PageEnd, Response};
use std::collections::BTreeMap;

/// Names of children that are kept.
const CHILDREN_MAX: usize = 32;

/// Own nodes that are kept.
const MADE_MAX: usize = 16;

/// Where a server tells what it alone knows; `docs/children-pages.md`.
pub(crate) const FEATURES: &str = "/vivarium/features";

/// What a client knows of the tree.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    versions: BTreeMap<String, i32>,
    children: BTreeMap<String, Vec<String>>,
    /// Where the last page of a node ended.
    pages: BTreeMap<String, PageEnd>,
    /// Whether the server on the other end has told that it knows pages.
    speaks_pages: bool,
    /// Numbered nodes that it created, the oldest first.
    made: Vec<String>,
}

impl Known {
    /// The version that a node was seen at last.
    pub(super) fn version(&self, path: &str) -> Option<i32> {
        self.versions.get(path).copied()
    }

    /// The first child of a node by name, when its children were seen last.
    pub(super) fn first_child(&self, path: &str) -> Option<&str> {
        self.children.get(path)?.first().map(String::as_str)
    }

    /// Where the last page of a node ended.
    pub(super) fn page_end(&self, path: &str) -> Option<PageEnd> {
        self.pages.get(path).cloned()
    }

    /// Whether pages may be asked for.
    pub(super) fn speaks_pages(&self) -> bool {
        self.speaks_pages
    }

    /// Whoever comes next has to be asked again what it knows.
    pub(crate) fn disconnected(&mut self) {
        self.speaks_pages = false;
    }

    /// An own numbered node below `path`.
    pub(super) fn made_below(&self, path: &str) -> Option<&str> {
        let is_below = |made: &&String| made.starts_with(path);
        self.made.iter().find(is_below).map(String::as_str)
    }

    /// A request was answered.
    pub(crate) fn learn(&mut self, request: &ClientRequest, response: &Response) {
        match (request, response) {
            (ClientRequest::GetData { path, .. }, Response::Data { data, .. })
                if path == FEATURES =>
            {
                self.speaks_pages = data.as_deref() == Some(b"children-pages\n");
            }
            (ClientRequest::Exists { path, .. }, Response::Exists(Some(stat)))
            | (ClientRequest::GetData { path, .. }, Response::Data { stat, .. })
            | (
                ClientRequest::SetData { path, .. } | ClientRequest::SetAcl { path, .. },
                Response::Set(stat),
            ) => {
                self.versions.insert(path.clone(), stat.version);
            }
            (ClientRequest::GetChildren { path, .. }, Response::Children { names, stat }) => {
                let mut names = names.clone();
                names.sort_unstable();
                names.truncate(CHILDREN_MAX);
                self.children.insert(path.clone(), names);
                self.versions.insert(path.clone(), stat.version);
            }
            (ClientRequest::GetChildrenPage { path, .. }, Response::Page { end, .. }) => {
                match end {
                    Some(end) => self.pages.insert(path.clone(), end.clone()),
                    None => self.pages.remove(path),
                };
            }
            (ClientRequest::Create(create), Response::Created { path, .. })
                if create.mode.is_sequential() =>
            {
                if self.made.len() == MADE_MAX {
                    self.made.remove(0);
                }
                self.made.push(path.clone());
            }
            (ClientRequest::Delete { path, .. }, _) => self.made.retain(|made| made != path),
            _ => {}
        }
    }
}
