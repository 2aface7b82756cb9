//! Completes commands, and paths as the server knows them.

use crate::shell::commands::COMMANDS;
use crate::shell::session::Sessions;
use crate::shell::walk;
use rustyline::completion::{Completer, Pair};
use rustyline::{Context, Helper, Highlighter, Hinter, Validator};
use std::cell::RefCell;
use std::rc::Rc;

/// Completes the last word of what was entered.
#[derive(Helper, Highlighter, Hinter, Validator)]
pub(crate) struct Completion {
    sessions: Rc<RefCell<Sessions>>,
}

impl Completion {
    pub(crate) fn new(sessions: Rc<RefCell<Sessions>>) -> Completion {
        Completion { sessions }
    }
}

impl Completer for Completion {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let entered = &line[..position];
        let start = entered.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        let word = &entered[start..];
        let candidates = if entered[..start].trim().is_empty() {
            let names = COMMANDS.iter().map(|spec| spec.name.to_owned());
            names.filter(|name| name.starts_with(word)).collect()
        } else if word.starts_with('/') {
            self.paths(word)
        } else {
            Vec::new()
        };
        let pair = |text: String| Pair {
            display: text.clone(),
            replacement: text,
        };
        Ok((start, candidates.into_iter().map(pair).collect()))
    }
}

impl Completion {
    fn paths(&self, word: &str) -> Vec<String> {
        let cut = word.rfind('/').expect("a path begins with a slash");
        let parent = if cut == 0 { "/" } else { &word[..cut] };
        let children = self.sessions.borrow().children(parent);
        let paths = children.iter().map(|name| walk::join(parent, name));
        let mut paths: Vec<String> = paths.filter(|path| path.starts_with(word)).collect();
        paths.sort();
        paths
    }
}
