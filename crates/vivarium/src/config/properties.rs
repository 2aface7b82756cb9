//! Java properties files, read as `java.util.Properties` reads them.

/// One property, with the line it begins on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// Counted from 1.
    pub line: usize,
    /// Its name, unescaped.
    pub key: String,
    /// Its value, unescaped; white space at its end is kept, as Java keeps it.
    pub value: String,
}

/// What makes a properties file unreadable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: \\u must be followed by four hexadecimal digits")]
pub struct PropertiesError {
    /// Counted from 1.
    pub line: usize,
}

/// Reads a whole file, which is ISO-8859-1, in order and with duplicates.
///
/// # Errors
/// When a `\u` escape is cut short or is no number.
pub fn parse_properties(bytes: &[u8]) -> Result<Vec<Property>, PropertiesError> {
    let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
    let mut properties = Vec::new();
    for (line, logical) in logical_lines(&text) {
        let (key, value) = split(&logical);
        let unescape = |text| unescape(text).ok_or(PropertiesError { line });
        properties.push(Property {
            line,
            key: unescape(key)?,
            value: unescape(value)?,
        });
    }
    Ok(properties)
}

/// Lines that are neither blank nor comments, with continuations joined to them.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut logical: Vec<(usize, String)> = Vec::new();
    let mut continues = false;
    for (index, natural) in natural_lines(text).enumerate() {
        let content = natural.trim_start_matches(is_white);
        if !continues && (content.is_empty() || content.starts_with(['#', '!'])) {
            continue;
        }
        let slashes = content.len() - content.trim_end_matches('\\').len();
        let goes_on = slashes % 2 == 1;
        let content = if goes_on {
            &content[..content.len() - 1]
        } else {
            content
        };
        match logical.last_mut() {
            Some((_, line)) if continues => line.push_str(content),
            _ => logical.push((index + 1, content.to_owned())),
        }
        continues = goes_on;
    }
    logical
}

/// Lines as Java ends them: by `\n`, `\r` or both.
fn natural_lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.find(['\n', '\r']) else {
            rest = None;
            return Some(text);
        };
        let after = &text[end..];
        rest = Some(after.strip_prefix("\r\n").unwrap_or(&after[1..]));
        Some(&text[..end])
    })
}

/// The key ends at the first separator that is not escaped.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line.find(|character| {
        let ends = !escaped && (is_white(character) || is_separator(character));
        escaped = character == '\\' && !escaped;
        ends
    });
    let Some(end) = end else { return (line, "") };
    let rest = line[end..].trim_start_matches(is_white);
    let rest = rest.strip_prefix(is_separator).unwrap_or(rest);
    (&line[..end], rest.trim_start_matches(is_white))
}

/// `None` when a `\u` is malformed. Escapes are UTF-16 units, so two of them may be one character.
fn unescape(text: &str) -> Option<String> {
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let literal = match character {
            '\\' => match characters.next() {
                None => break,
                Some('u') => {
                    units.push(unit(&mut characters)?);
                    continue;
                }
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\u{c}',
                Some(other) => other,
            },
            other => other,
        };
        units.extend_from_slice(literal.encode_utf16(&mut [0; 2]));
    }
    Some(String::from_utf16_lossy(&units))
}

/// The four digits behind a `\u`.
fn unit(characters: &mut std::str::Chars<'_>) -> Option<u16> {
    let mut value = 0;
    for _ in 0..4 {
        let digit = characters.next()?.to_digit(16)?;
        value = value * 16 + u16::try_from(digit).expect("a hexadecimal digit is small");
    }
    Some(value)
}

fn is_white(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\u{c}')
}

fn is_separator(character: char) -> bool {
    matches!(character, '=' | ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(usize, String, String)> {
        let properties = parse_properties(text.as_bytes()).unwrap();
        properties
            .into_iter()
            .map(|found| (found.line, found.key, found.value))
            .collect()
    }

    fn one(text: &str) -> (String, String) {
        let mut all = read(text);
        assert_eq!(all.len(), 1, "{all:?}");
        let (_, key, value) = all.remove(0);
        (key, value)
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn the_three_separators_mean_the_same() {
        for text in [
            "a=b",
            "a:b",
            "a b",
            "a = b",
            "a : b",
            "  a\t=\tb",
            "a  b",
            "a\u{c}b",
        ] {
            assert_eq!(one(text), pair("a", "b"), "{text:?}");
        }
    }

    #[test]
    fn only_the_first_separator_separates() {
        assert_eq!(one("server.1=h:2:3"), pair("server.1", "h:2:3"));
        assert_eq!(one("a == b"), pair("a", "= b"));
        assert_eq!(one("a b = c"), pair("a", "b = c"));
        assert_eq!(one("=b"), pair("", "b"));
    }

    #[test]
    fn a_key_alone_has_an_empty_value() {
        assert_eq!(one("a"), pair("a", ""));
        assert_eq!(one("a="), pair("a", ""));
    }

    #[test]
    fn comments_and_blank_lines_are_skipped_and_lines_counted() {
        let text = "# one\n\n  ! three\n \t\na=1\r\nb=2\rc=3 # not a comment";
        let found = read(text);
        let expected = [(5, "a", "1"), (6, "b", "2"), (7, "c", "3 # not a comment")];
        let expected = expected.map(|(line, k, v)| (line, k.to_owned(), v.to_owned()));
        assert_eq!(found, expected);
    }

    #[test]
    fn a_backslash_at_the_end_joins_lines_and_drops_the_indent() {
        assert_eq!(one("a=one,\\\n    two"), pair("a", "one,two"));
        assert_eq!(one("a=one\\\n# two"), pair("a", "one# two"));
        assert_eq!(read("a=one\\\n\nb").len(), 2);
        assert_eq!(read("a=one\\\\\nb=2").len(), 2);
        assert_eq!(one("a=one\\"), pair("a", "one"));
    }

    #[test]
    fn escapes_are_resolved_in_keys_and_values() {
        assert_eq!(one("a\\=b=c"), pair("a=b", "c"));
        assert_eq!(one("a\\ b c"), pair("a b", "c"));
        assert_eq!(one("a=\\t\\n\\r\\f\\\\\\q"), pair("a", "\t\n\r\u{c}\\q"));
        assert_eq!(one("a=\\u00e9\\uD83D\\ude00"), pair("a", "\u{e9}\u{1f600}"));
    }

    #[test]
    fn windows_paths_lose_their_backslashes_as_in_java() {
        assert_eq!(one("dataDir=C:\\zk\\data"), pair("dataDir", "C:zkdata"));
    }

    #[test]
    fn a_malformed_unicode_escape_names_its_line() {
        for text in ["\n\na=\\u12", "\n\na=\\u12g4", "\n\na\\u=1"] {
            let error = parse_properties(text.as_bytes()).unwrap_err();
            assert_eq!(error, PropertiesError { line: 3 }, "{text:?}");
        }
    }

    #[test]
    fn bytes_are_latin_1() {
        let found = parse_properties(b"a=\xe9").unwrap();
        assert_eq!(found[0].value, "\u{e9}");
    }

    #[test]
    fn white_space_at_the_end_of_a_value_is_kept() {
        assert_eq!(one("a=b  "), pair("a", "b  "));
    }
}
