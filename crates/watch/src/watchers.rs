//! The watchers of one path: two words for one watcher, a short list for a few, a set per mode for
//! many, so that a trigger visits only those it concerns.

use crate::modes::Modes;
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::mem;

#[derive(Clone, Debug)]
pub(crate) enum Watchers<W> {
    None,
    One(W, Modes),
    Few(Box<Few<W>>),
    Many(Box<Many<W>>),
}

/// Ascending by watcher, 1 to [`FEW_MAX`] of them.
#[derive(Clone, Debug)]
pub(crate) struct Few<W>(Vec<(W, Modes)>);

/// One set for each of [`Modes::EACH`].
#[derive(Clone, Debug)]
pub(crate) struct Many<W>([BTreeSet<W>; 4]);

const FEW_MAX: usize = 8;

impl<W: Copy + Ord> Watchers<W> {
    /// How `watcher` watches.
    pub(crate) fn modes_of(&self, watcher: W) -> Modes {
        match self {
            Watchers::None => Modes::NONE,
            Watchers::One(only, modes) => {
                if *only == watcher {
                    *modes
                } else {
                    Modes::NONE
                }
            }
            Watchers::Few(few) => few.position(watcher).map_or(Modes::NONE, |at| few.0[at].1),
            Watchers::Many(many) => many.modes_of(watcher),
        }
    }

    /// Adds modes to those of `watcher`, which must not be none.
    pub(crate) fn add(&mut self, watcher: W, modes: Modes) {
        match self {
            Watchers::None => *self = Watchers::One(watcher, modes),
            Watchers::One(only, own) => {
                if *only == watcher {
                    *own = own.union(modes);
                } else {
                    let mut few = Few(Vec::with_capacity(2));
                    few.0.push((*only, *own));
                    few.add(watcher, modes);
                    *self = Watchers::Few(Box::new(few));
                }
            }
            Watchers::Few(few) => {
                few.add(watcher, modes);
                if few.0.len() > FEW_MAX {
                    *self = Watchers::Many(Box::new(Many::from_few(few)));
                }
            }
            Watchers::Many(many) => many.add(watcher, modes),
        }
    }

    /// Takes modes from those of `watcher`.
    pub(crate) fn remove(&mut self, watcher: W, modes: Modes) {
        match self {
            Watchers::None => {}
            Watchers::One(only, own) => {
                if *only == watcher {
                    *own = own.without(modes);
                }
            }
            Watchers::Few(few) => {
                if let Some(at) = few.position(watcher) {
                    few.0[at].1 = few.0[at].1.without(modes);
                    if few.0[at].1.is_empty() {
                        few.0.remove(at);
                    }
                }
            }
            Watchers::Many(many) => many.remove(watcher, modes),
        }
        self.shrink();
    }

    /// Appends every watcher with one of `modes`; one may be appended several times.
    pub(crate) fn collect(&self, modes: Modes, into: &mut Vec<W>) {
        match self {
            Watchers::None => {}
            Watchers::One(only, own) => {
                if own.intersects(modes) {
                    into.push(*only);
                }
            }
            Watchers::Few(few) => {
                into.extend(
                    few.0
                        .iter()
                        .filter(|(_, own)| own.intersects(modes))
                        .map(|&(w, _)| w),
                );
            }
            Watchers::Many(many) => {
                for (mode, set) in Modes::EACH.into_iter().zip(&many.0) {
                    if mode.intersects(modes) {
                        into.extend(set);
                    }
                }
            }
        }
    }

    /// Whether any watcher has one of `modes`.
    pub(crate) fn have(&self, modes: Modes) -> bool {
        match self {
            Watchers::None => false,
            Watchers::One(_, own) => own.intersects(modes),
            Watchers::Few(few) => few.0.iter().any(|(_, own)| own.intersects(modes)),
            Watchers::Many(many) => Modes::EACH
                .into_iter()
                .zip(&many.0)
                .any(|(mode, set)| mode.intersects(modes) && !set.is_empty()),
        }
    }

    /// Takes `modes` from every watcher that has one of them, and tells each such watcher with what
    /// it lost and what it keeps.
    pub(crate) fn strip(&mut self, modes: Modes, mut lost: impl FnMut(W, Modes, Modes)) {
        match self {
            Watchers::None => {}
            Watchers::One(only, own) => {
                if own.intersects(modes) {
                    lost(*only, own.intersection(modes), own.without(modes));
                    *own = own.without(modes);
                }
            }
            Watchers::Few(few) => few.0.retain_mut(|(watcher, own)| {
                if own.intersects(modes) {
                    lost(*watcher, own.intersection(modes), own.without(modes));
                    *own = own.without(modes);
                }
                !own.is_empty()
            }),
            Watchers::Many(many) => many.strip(modes, lost),
        }
        self.shrink();
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Watchers::None)
    }

    /// Goes back to a smaller form once little is left.
    fn shrink(&mut self) {
        let small = match self {
            Watchers::None => return,
            Watchers::One(_, modes) => {
                if modes.is_empty() {
                    *self = Watchers::None;
                }
                return;
            }
            Watchers::Few(few) => {
                if few.0.len() > 1 {
                    return;
                }
                mem::take(&mut few.0)
            }
            Watchers::Many(many) => match many.to_few() {
                Some(few) => few,
                None => return,
            },
        };
        *self = match small[..] {
            [] => Watchers::None,
            [(watcher, modes)] => Watchers::One(watcher, modes),
            _ => Watchers::Few(Box::new(Few(small))),
        };
    }
}

impl<W: Copy + Ord> Few<W> {
    fn position(&self, watcher: W) -> Option<usize> {
        self.0
            .binary_search_by(|(other, _)| other.cmp(&watcher))
            .ok()
    }

    fn add(&mut self, watcher: W, modes: Modes) {
        match self.0.binary_search_by(|(other, _)| other.cmp(&watcher)) {
            Ok(at) => self.0[at].1 = self.0[at].1.union(modes),
            Err(at) => self.0.insert(at, (watcher, modes)),
        }
    }
}

impl<W: Copy + Ord> Many<W> {
    fn from_few(few: &Few<W>) -> Self {
        let mut many = Many([const { BTreeSet::new() }; 4]);
        for &(watcher, modes) in &few.0 {
            many.add(watcher, modes);
        }
        many
    }

    /// The same as a short list, once no set holds more than a quarter of what a list may.
    fn to_few(&self) -> Option<Vec<(W, Modes)>> {
        if self.0.iter().any(|set| set.len() > FEW_MAX / 4) {
            return None;
        }
        let mut few = Few(Vec::new());
        for (mode, set) in Modes::EACH.into_iter().zip(&self.0) {
            for &watcher in set {
                few.add(watcher, mode);
            }
        }
        Some(few.0)
    }

    fn modes_of(&self, watcher: W) -> Modes {
        Modes::EACH
            .into_iter()
            .zip(&self.0)
            .filter(|(_, set)| set.contains(&watcher))
            .fold(Modes::NONE, |modes, (mode, _)| modes.union(mode))
    }

    fn add(&mut self, watcher: W, modes: Modes) {
        for (mode, set) in Modes::EACH.into_iter().zip(&mut self.0) {
            if mode.intersects(modes) {
                set.insert(watcher);
            }
        }
    }

    fn remove(&mut self, watcher: W, modes: Modes) {
        for (mode, set) in Modes::EACH.into_iter().zip(&mut self.0) {
            if mode.intersects(modes) {
                set.remove(&watcher);
            }
        }
    }

    fn strip(&mut self, modes: Modes, mut lost: impl FnMut(W, Modes, Modes)) {
        for at in 0..self.0.len() {
            if Modes::EACH[at].intersects(modes) {
                for watcher in mem::take(&mut self.0[at]) {
                    lost(watcher, Modes::EACH[at], self.modes_of(watcher));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watcher_of_a_path_takes_two_words() {
        assert_eq!(size_of::<Watchers<u64>>(), 16);
    }

    #[test]
    fn the_forms_change_with_the_number_of_watchers() {
        let mut watchers = Watchers::None;
        for watcher in 0..20u64 {
            watchers.add(watcher, Modes::STANDARD_DATA);
            let form = match watchers {
                Watchers::None => 0,
                Watchers::One(..) => 1,
                Watchers::Few(_) => 2,
                Watchers::Many(_) => 3,
            };
            assert_eq!(
                form,
                if watcher == 0 {
                    1
                } else if watcher < 8 {
                    2
                } else {
                    3
                }
            );
        }
        for watcher in 0..17 {
            watchers.remove(watcher, Modes::ALL);
        }
        assert!(matches!(watchers, Watchers::Many(_)));
        watchers.remove(17, Modes::ALL);
        assert!(matches!(watchers, Watchers::Few(_)));
        watchers.remove(18, Modes::ALL);
        assert!(matches!(watchers, Watchers::One(19, Modes::STANDARD_DATA)));
        watchers.remove(19, Modes::ALL);
        assert!(watchers.is_empty());
    }
}
