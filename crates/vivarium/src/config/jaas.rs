//! JAAS login configurations, as far as a server that lists its users needs them.
//!
//! ```text
//! Server {
//!     org.apache.zookeeper.server.auth.DigestLoginModule required
//!     user_super="secret" user_bob="hidden";
//! };
//! ```

use std::iter::Peekable;
use std::str::Chars;

/// A named list of modules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct JaasSection {
    /// What stands before the brace.
    pub(super) name: String,
    /// What stands between the braces.
    pub(super) modules: Vec<JaasModule>,
}

/// One module with its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct JaasModule {
    /// The Java class.
    pub(super) class: String,
    /// In order.
    pub(super) options: Vec<(String, String)>,
}

/// Where a file is no JAAS configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {expected} is expected")]
pub(super) struct JaasError {
    /// Counted from 1.
    pub(super) line: usize,
    /// What should stand there.
    pub(super) expected: &'static str,
}

/// Reads a whole file.
///
/// # Errors
/// At the first thing that is out of place.
pub(super) fn parse_jaas(text: &str) -> Result<Vec<JaasSection>, JaasError> {
    let mut tokens = Tokens {
        characters: text.chars().peekable(),
        line: 1,
    };
    let mut sections = Vec::new();
    while let Some(token) = tokens.next()? {
        let Token::Word(name) = token else {
            return Err(tokens.expected("the name of a section"));
        };
        tokens.expect('{', "a brace")?;
        let mut modules = Vec::new();
        while let Some(module) = tokens.module()? {
            modules.push(module);
        }
        tokens.expect(';', "a semicolon behind the section")?;
        sections.push(JaasSection { name, modules });
    }
    Ok(sections)
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Mark(char),
}

struct Tokens<'a> {
    characters: Peekable<Chars<'a>>,
    line: usize,
}

impl Tokens<'_> {
    fn expected(&self, expected: &'static str) -> JaasError {
        JaasError {
            line: self.line,
            expected,
        }
    }

    fn expect(&mut self, mark: char, expected: &'static str) -> Result<(), JaasError> {
        match self.next()? {
            Some(Token::Mark(found)) if found == mark => Ok(()),
            _ => Err(self.expected(expected)),
        }
    }

    fn word(&mut self, expected: &'static str) -> Result<String, JaasError> {
        match self.next()? {
            Some(Token::Word(word)) => Ok(word),
            _ => Err(self.expected(expected)),
        }
    }

    /// The next module, or `None` at the end of the section.
    fn module(&mut self) -> Result<Option<JaasModule>, JaasError> {
        let class = match self.next()? {
            Some(Token::Word(class)) => class,
            Some(Token::Mark('}')) => return Ok(None),
            _ => return Err(self.expected("a login module")),
        };
        let flag = self.word("required, requisite, sufficient or optional")?;
        let flags = ["required", "requisite", "sufficient", "optional"];
        if !flags.contains(&flag.to_lowercase().as_str()) {
            return Err(self.expected("required, requisite, sufficient or optional"));
        }
        let mut options = Vec::new();
        loop {
            match self.next()? {
                Some(Token::Mark(';')) => return Ok(Some(JaasModule { class, options })),
                Some(Token::Word(key)) => {
                    self.expect('=', "an equals sign")?;
                    options.push((key, self.word("a value")?));
                }
                _ => return Err(self.expected("an option or a semicolon")),
            }
        }
    }

    fn next(&mut self) -> Result<Option<Token>, JaasError> {
        loop {
            let Some(character) = self.step() else {
                return Ok(None);
            };
            match character {
                '/' if self.characters.peek() == Some(&'/') => {
                    while self.characters.peek().is_some_and(|next| *next != '\n') {
                        self.step();
                    }
                }
                '/' if self.characters.peek() == Some(&'*') => self.skip_comment()?,
                '{' | '}' | ';' | '=' => return Ok(Some(Token::Mark(character))),
                '"' => return self.quoted().map(|word| Some(Token::Word(word))),
                white if white.is_whitespace() => {}
                first => return Ok(Some(Token::Word(self.bare(first)))),
            }
        }
    }

    fn step(&mut self) -> Option<char> {
        let character = self.characters.next();
        self.line += usize::from(character == Some('\n'));
        character
    }

    fn skip_comment(&mut self) -> Result<(), JaasError> {
        let mut before = self.step();
        loop {
            let character = self.step();
            match (before, character) {
                (_, None) => return Err(self.expected("the end of the comment")),
                (Some('*'), Some('/')) => return Ok(()),
                _ => before = character,
            }
        }
    }

    fn quoted(&mut self) -> Result<String, JaasError> {
        let mut word = String::new();
        loop {
            match self.step() {
                Some('"') => return Ok(word),
                Some('\\') => match self.step() {
                    Some(escaped @ ('"' | '\\')) => word.push(escaped),
                    _ => return Err(self.expected("a quote or a backslash after a backslash")),
                },
                Some('$') if self.characters.peek() == Some(&'{') => {
                    return Err(
                        self.expected("a value without ${...} (properties are not expanded)")
                    );
                }
                Some('\n') | None => return Err(self.expected("a closing quote")),
                Some(other) => word.push(other),
            }
        }
    }

    fn bare(&mut self, first: char) -> String {
        let mut word = String::from(first);
        let is_end = |next: &char| next.is_whitespace() || "{};=\"".contains(*next);
        while let Some(next) = self.characters.next_if(|next| !is_end(next)) {
            word.push(next);
        }
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_modules_and_options_are_read_in_any_layout() {
        let text = "// users\nServer{a.B required user_a=\"p w\" user_b=\"q\\\"r\";\n c.D optional;};\n\
                    /* more */ Client { a.B REQUIRED username=x password=\"y\"; };";
        let sections = parse_jaas(text).unwrap();
        assert_eq!(sections.len(), 2);
        let options = &sections[0].modules[0].options;
        assert_eq!(options[0], ("user_a".to_owned(), "p w".to_owned()));
        assert_eq!(options[1], ("user_b".to_owned(), "q\"r".to_owned()));
        assert_eq!(sections[0].modules[1].class, "c.D");
        assert_eq!(sections[1].modules[0].options[0].1, "x");
        assert_eq!(parse_jaas(" \n"), Ok(Vec::new()));
    }

    #[test]
    fn what_is_out_of_place_names_its_line() {
        for (text, line) in [
            ("Server", 1),
            ("Server {\n a.B\n};", 3),
            ("Server {\n a.B maybe;\n};", 2),
            ("Server {\n a.B required user_a;\n};", 2),
            ("Server {\n a.B required user_a=\"x\n;};", 3),
            ("Server {\n a.B required;\n}\n", 4),
            ("{", 1),
            ("/* ", 1),
        ] {
            assert_eq!(parse_jaas(text).unwrap_err().line, line, "{text}");
        }
    }
}
