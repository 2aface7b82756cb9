//! A line of input as words: split at white space, with `'…'` and `"…"` for words that hold some.

/// Splits a line. A quote that is never closed ends with the line.
pub fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in line.chars() {
        match quote {
            Some(open) if character == open => quote = None,
            Some(_) => word.get_or_insert_default().push(character),
            None if character == '\'' || character == '"' => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            None if character.is_whitespace() => words.extend(word.take()),
            None => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_separates_and_quotes_keep_together() {
        for (line, words) in [
            ("", vec![]),
            ("  ls   / ", vec!["ls", "/"]),
            ("set /a 'two words'", vec!["set", "/a", "two words"]),
            ("set /a \"it's\"", vec!["set", "/a", "it's"]),
            ("set /a ''", vec!["set", "/a", ""]),
            ("set /a {\"b\":1}", vec!["set", "/a", "{b:1}"]),
            ("set /a '{\"b\":1}'", vec!["set", "/a", "{\"b\":1}"]),
            ("set /a 'open end", vec!["set", "/a", "open end"]),
        ] {
            assert_eq!(split(line), words, "{line}");
        }
    }
}
