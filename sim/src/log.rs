//! A list that only grows, and that many share while one of them goes on.

use std::sync::Arc;

/// Entries that are shared as a whole.
const CHUNK: usize = 64;

/// A list that only grows. A clone costs one count for each `CHUNK` entries.
#[derive(Clone, Debug)]
pub(crate) struct Log<T> {
    full: Vec<Arc<Vec<T>>>,
    last: Arc<Vec<T>>,
}

impl<T> Default for Log<T> {
    fn default() -> Self {
        Log {
            full: Vec::new(),
            last: Arc::new(Vec::new()),
        }
    }
}

impl<T: Clone> Log<T> {
    /// Adds an entry.
    pub(crate) fn push(&mut self, entry: T) {
        if self.last.len() == CHUNK {
            let full = std::mem::replace(&mut self.last, Arc::new(Vec::with_capacity(CHUNK)));
            self.full.push(full);
        }
        Arc::make_mut(&mut self.last).push(entry);
    }

    /// All entries, oldest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        let full = self.full.iter().flat_map(|chunk| chunk.iter());
        full.chain(self.last.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_goes_its_own_way() {
        let mut one = Log::default();
        (0..200).for_each(|number| one.push(number));
        let mut other = one.clone();
        one.push(200);
        other.push(-1);
        assert!(one.iter().copied().eq(0..201));
        assert!(other.iter().copied().eq((0..200).chain([-1])));
    }
}
