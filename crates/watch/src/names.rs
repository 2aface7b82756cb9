//! The bytes of the watched paths: all of one length lie side by side, so that a path costs its
//! length and eight bytes, and not an allocation of its own.

use alloc::boxed::Box;
use alloc::vec::Vec;

/// Longer paths have an allocation each: a client may not make a list of a million lengths.
const SHORT_BYTES_MAX: usize = 255;

/// Where a path lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name {
    slot: u32,
    bytes: u32,
}

impl Name {
    /// Stands where no path is.
    pub(crate) const EMPTY: Name = Name { slot: 0, bytes: 0 };
}

/// Paths, each found by its [`Name`].
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// By length; grows with the longest short path.
    short: Vec<Slots>,
    long: Vec<Box<str>>,
    long_free: Vec<u32>,
}

/// Paths of one length.
#[derive(Clone, Debug, Default)]
struct Slots {
    bytes: Vec<u8>,
    free: Vec<u32>,
}

impl Names {
    pub(crate) fn new() -> Self {
        Names {
            short: Vec::new(),
            long: Vec::new(),
            long_free: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, path: &str) -> Name {
        let bytes = path.len();
        let slot = if bytes == 0 {
            0
        } else if bytes <= SHORT_BYTES_MAX {
            if self.short.len() <= bytes {
                self.short.resize_with(bytes + 1, Slots::default);
            }
            self.short[bytes].add(path.as_bytes())
        } else if let Some(slot) = self.long_free.pop() {
            self.long[index(slot)] = Box::from(path);
            slot
        } else {
            self.long.push(Box::from(path));
            number(self.long.len() - 1)
        };
        Name {
            slot,
            bytes: number(bytes),
        }
    }

    pub(crate) fn bytes(&self, name: Name) -> &[u8] {
        let bytes = index(name.bytes);
        if bytes == 0 {
            &[]
        } else if bytes <= SHORT_BYTES_MAX {
            let start = index(name.slot) * bytes;
            &self.short[bytes].bytes[start..start + bytes]
        } else {
            self.long[index(name.slot)].as_bytes()
        }
    }

    pub(crate) fn path(&self, name: Name) -> &str {
        core::str::from_utf8(self.bytes(name)).expect("what was added is a string")
    }

    /// Forgets a path; once all of a length are gone, so is their memory.
    pub(crate) fn remove(&mut self, name: Name) {
        let bytes = index(name.bytes);
        if bytes == 0 {
            return;
        }
        if bytes <= SHORT_BYTES_MAX {
            self.short[bytes].remove(name.slot, bytes);
            return;
        }
        self.long[index(name.slot)] = Box::from("");
        self.long_free.push(name.slot);
        if self.long_free.len() == self.long.len() {
            self.long = Vec::new();
            self.long_free = Vec::new();
        }
    }
}

impl Slots {
    fn add(&mut self, path: &[u8]) -> u32 {
        if let Some(slot) = self.free.pop() {
            let start = index(slot) * path.len();
            self.bytes[start..start + path.len()].copy_from_slice(path);
            return slot;
        }
        let slot = number(self.bytes.len() / path.len());
        self.bytes.extend_from_slice(path);
        slot
    }

    fn remove(&mut self, slot: u32, path_bytes: usize) {
        self.free.push(slot);
        if self.free.len() * path_bytes == self.bytes.len() {
            *self = Slots::default();
        }
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).expect("fewer paths than 2^32, none of which is that long")
}

fn index(number: u32) -> usize {
    usize::try_from(number).expect("the address space holds every path")
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    #[test]
    fn names_find_their_paths_while_others_come_and_go() {
        let mut names = Names::new();
        let mut kept: Vec<(Name, String)> = Vec::new();
        for step in 0..2_000_usize {
            let length = step * 7_919 % (SHORT_BYTES_MAX + 9);
            let path: String = ('a'..='z').cycle().skip(step % 26).take(length).collect();
            kept.push((names.add(&path), path));
            if step % 3 != 0 {
                let (name, path) = kept.swap_remove(step * 31 % kept.len());
                assert_eq!(names.path(name), path);
                names.remove(name);
            }
        }
        for (name, path) in kept {
            assert_eq!(names.path(name), path);
            names.remove(name);
        }
        assert!(names.long.is_empty(), "nothing is left of long paths");
        assert!(
            names.short.iter().all(|slots| slots.bytes.is_empty()),
            "nothing is left of short paths"
        );
    }
}
