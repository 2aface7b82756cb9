//! The list of `key=value` that DIGEST-MD5 speaks in. Source: RFC 2831 §7.1.

use alloc::string::String;
use alloc::vec::Vec;

/// The directives of one token, each once.
#[derive(Debug, Default)]
pub(super) struct Directives {
    all: Vec<(String, Vec<u8>)>,
}

impl Directives {
    /// Reads a token; `None` when it is no such list, or says something twice with two meanings.
    pub(super) fn parse(token: &[u8]) -> Option<Directives> {
        let mut rest = Cursor { bytes: token };
        let mut found = Directives::default();
        loop {
            rest.skip(|byte| byte == b',' || is_white(byte));
            if rest.bytes.is_empty() {
                return Some(found);
            }
            let key = rest.take_until(|byte| byte == b'=' || is_white(byte));
            rest.skip(is_white);
            rest.expect(b'=')?;
            rest.skip(is_white);
            let value = if rest.bytes.first() == Some(&b'"') {
                rest.quoted()?
            } else {
                let is_end = |byte| byte == b',' || is_white(byte);
                rest.take_until(is_end).to_vec()
            };
            rest.skip(is_white);
            if !rest.bytes.is_empty() {
                rest.expect(b',')?;
            }
            let key = core::str::from_utf8(key).ok()?.to_ascii_lowercase();
            match found.get(&key) {
                None => found.all.push((key, value)),
                Some(before) if before == value => {}
                Some(_) => return None,
            }
        }
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&[u8]> {
        let (_, value) = self.all.iter().find(|(known, _)| known == key)?;
        Some(value)
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn skip(&mut self, is_skipped: impl Fn(u8) -> bool) {
        self.take_until(|byte| !is_skipped(byte));
    }

    fn take_until(&mut self, is_end: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.bytes.iter().position(|&byte| is_end(byte));
        let (taken, rest) = self.bytes.split_at(end.unwrap_or(self.bytes.len()));
        self.bytes = rest;
        taken
    }

    fn expect(&mut self, wanted: u8) -> Option<()> {
        let (&first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        (first == wanted).then_some(())
    }

    /// What stands between quotes; a backslash takes the next byte as it is.
    fn quoted(&mut self) -> Option<Vec<u8>> {
        self.expect(b'"')?;
        let mut value = Vec::new();
        loop {
            let (&first, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            match first {
                b'"' => return Some(value),
                b'\\' => {
                    let (&escaped, rest) = self.bytes.split_first()?;
                    self.bytes = rest;
                    value.push(escaped);
                }
                other => value.push(other),
            }
        }
    }
}

fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(token: &[u8], key: &str) -> Option<Vec<u8>> {
        Directives::parse(token)?.get(key).map(<[u8]>::to_vec)
    }

    #[test]
    fn values_stand_bare_or_in_quotes() {
        let token = br#"charset=utf-8, username="a,b=\"c\\" , nc=00000001,,REALM="""#;
        assert_eq!(value(token, "charset"), Some(b"utf-8".to_vec()));
        assert_eq!(value(token, "username"), Some(br#"a,b="c\"#.to_vec()));
        assert_eq!(value(token, "nc"), Some(b"00000001".to_vec()));
        assert_eq!(value(token, "realm"), Some(Vec::new()));
        assert_eq!(value(token, "qop"), None);
    }

    #[test]
    fn what_is_said_twice_must_be_the_same() {
        assert_eq!(value(b"nc=1,nc=1", "nc"), Some(b"1".to_vec()));
        assert!(Directives::parse(b"nc=1,nc=2").is_none());
    }

    #[test]
    fn a_list_that_is_none_is_refused() {
        for token in [
            &b"a"[..],
            b"a=\"b",
            b"a=\"b\\",
            b"a=\"b\"c",
            b"a b",
            b"\xff=1",
        ] {
            assert!(Directives::parse(token).is_none(), "{token:?}");
        }
        assert!(Directives::parse(b"").is_some());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_are_read_or_refused(token in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Directives::parse(&token);
        }

        #[test]
        fn what_is_quoted_is_read_as_it_was(text in proptest::collection::vec(any::<u8>(), 0..50)) {
            let mut token = b"key=\"".to_vec();
            for &byte in &text {
                if matches!(byte, b'"' | b'\\') {
                    token.push(b'\\');
                }
                token.push(byte);
            }
            token.push(b'"');
            prop_assert_eq!(value(&token, "key"), Some(text));
        }
    }
}
