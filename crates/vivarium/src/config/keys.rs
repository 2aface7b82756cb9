//! Every key that Apache knows, and what becomes of it here.
//!
//! Source: `operations.md` §2, §8, §9.1 and §10.3.

mod table;

pub use table::KEYS;

/// Keys that share their origin and their fate. A name that ends in `*` stands for all that begin
/// like it.
#[derive(Clone, Copy, Debug)]
pub struct KeyGroup {
    /// The names as `zoo.cfg` has them.
    pub names: &'static [&'static str],
    /// Where else they may be set.
    pub origin: Origin,
    /// What becomes of them.
    pub class: Class,
}

/// Where a key may be set beside `zoo.cfg`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere.
    File,
    /// As `-Dzookeeper.<name>=`.
    Property,
    /// As `-D<name>=`. Apache ignores such a key in `zoo.cfg` without a word.
    BareProperty,
}

/// What becomes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It has its effect.
    Works,
    /// It has no effect, and nobody misses it; the text says why.
    NoEffect(&'static str),
    /// It has no effect, and whoever set it should know; the text says what is different.
    Missing {
        /// What is different.
        instead: &'static str,
        /// Values, in lower case, that ask for nothing but what is so anyway.
        off: &'static [&'static str],
    },
    /// One of a few names that are known; the server does not start with another.
    OneOf {
        /// What is different when it is none of `off`.
        instead: &'static str,
        /// Known names, in lower case, that ask for nothing but what is so anyway.
        off: &'static [&'static str],
        /// Known names, in lower case, that ask for more.
        known: &'static [&'static str],
    },
    /// The server does not start with it; the text says why.
    Refused(&'static str),
    /// A switch of Apache's own tests.
    Ignored,
}

/// What is known of a key.
pub fn find_key(name: &str) -> Option<&'static KeyGroup> {
    let holds = |group: &&KeyGroup, matches: fn(&str, &str) -> bool| {
        group.names.iter().any(|known| matches(known, name))
    };
    let exact = KEYS
        .iter()
        .find(|group| holds(group, |known, name| known == name));
    exact.or_else(|| KEYS.iter().find(|group| holds(group, matches_pattern)))
}

/// All names, for a suggestion; of a pattern only its beginning.
pub(crate) fn all_names() -> impl Iterator<Item = &'static str> {
    KEYS.iter().flat_map(|group| group.names).copied()
}

fn matches_pattern(known: &str, name: &str) -> bool {
    let prefix = known.strip_suffix('*');
    prefix.is_some_and(|prefix| name.len() > prefix.len() && name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_key_is_listed_twice() {
        let mut seen = BTreeSet::new();
        for name in all_names() {
            assert!(seen.insert(name), "{name}");
        }
    }

    #[test]
    fn an_exact_name_goes_before_a_pattern() {
        let class = |name| find_key(name).unwrap().class;
        assert_eq!(
            class("DigestAuthenticationProvider.superDigest"),
            Class::Works
        );
        assert!(matches!(
            class("ssl.context.supplier.class"),
            Class::Refused(_)
        ));
        assert!(matches!(
            class("ssl.keyStore.location"),
            Class::Missing { .. }
        ));
        assert!(matches!(class("server.12"), Class::Works));
    }

    #[test]
    fn a_pattern_needs_something_in_its_place() {
        assert!(find_key("server.").is_none());
        assert!(find_key("ssl").is_none());
    }
}
