//! What is set, by whom: the file before `-D`, the last line before earlier ones, and one warning
//! for each key that has no effect.

use crate::config::keys::{self, Class, Origin, find_key};
use crate::config::nearest::nearest;
use crate::config::properties::Property;
use std::collections::BTreeMap;
use std::fmt;

/// One `-Dname=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Define {
    /// What stands before the `=`.
    pub name: String,
    /// What stands behind it.
    pub value: String,
}

/// Where a value was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On a line of the file, counted from 1.
    Line(usize),
    /// As `-D`.
    Define,
}

/// One line for the operator about something that has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Whether it changes what the server does or protects.
    pub matters: bool,
    /// The line.
    pub text: String,
}

/// Why a configuration cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A key that nobody knows.
    #[error("{place}: there is no key `{key}`{}", suggestion(*nearest))]
    UnknownKey {
        /// Where it stands.
        place: Place,
        /// The key.
        key: String,
        /// The key that was probably meant.
        nearest: Option<&'static str>,
    },
    /// A key, or a value of it, with which this server does not start.
    #[error("{place}: this server does not start with `{key}={value}`: {why}; remove it")]
    Refused {
        /// Where it stands.
        place: Place,
        /// The key.
        key: String,
        /// Its value.
        value: String,
        /// Why.
        why: &'static str,
    },
    /// A value that is not of its kind.
    #[error("{place}: `{key}={value}` must be {expected}")]
    BadValue {
        /// Where it stands.
        place: Place,
        /// The key.
        key: String,
        /// Its value.
        value: String,
        /// What it must be.
        expected: String,
    },
    /// Values that do not go together, as a whole sentence.
    #[error("{0}")]
    Rule(String),
}

/// What is set: for each key the value that counts.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    values: BTreeMap<String, (String, Place)>,
}

impl Settings {
    /// Sorts out what `zoo.cfg` and the `-D`s say.
    ///
    /// # Errors
    /// For a key in the file that nobody knows, and for one that is refused.
    pub fn resolve(
        properties: &[Property],
        defines: &[Define],
    ) -> Result<(Settings, Vec<Warning>), ConfigError> {
        let mut settings = Settings::default();
        let mut warnings = Vec::new();
        for define in defines {
            match key_of(&define.name) {
                Ok(key) => settings.set(key, &define.value, Place::Define),
                Err(warning) => warnings.extend(warning),
            }
        }
        for property in properties {
            let key = property.key.trim();
            if find_key(key).is_none() {
                let key = key.to_owned();
                let meant = key
                    .strip_prefix("zookeeper.")
                    .filter(|name| find_key(name).is_some());
                let known = |name| keys::all_names().find(|known| *known == name);
                let nearest = meant
                    .and_then(known)
                    .or_else(|| nearest(&key, suggestions()));
                return Err(ConfigError::UnknownKey {
                    place: Place::Line(property.line),
                    key,
                    nearest,
                });
            }
            settings.set(key, property.value.trim(), Place::Line(property.line));
        }
        for (key, (value, place)) in &settings.values {
            warnings.extend(judge(key, value, *place)?);
        }
        Ok((settings, warnings))
    }

    fn set(&mut self, key: &str, value: &str, place: Place) {
        self.values
            .insert(key.to_owned(), (value.to_owned(), place));
    }

    /// The value of a key, and where it was set.
    pub fn get(&self, key: &str) -> Option<(&str, Place)> {
        self.values
            .get(key)
            .map(|(value, place)| (value.as_str(), *place))
    }

    /// The value of a key as `parse` reads it; `expected` says what it must be.
    ///
    /// # Errors
    /// When `parse` finds nothing in the value.
    pub fn parsed<T>(
        &self,
        key: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        let Some((value, place)) = self.get(key) else {
            return Ok(None);
        };
        match parse(value) {
            Some(parsed) => Ok(Some(parsed)),
            None => Err(ConfigError::BadValue {
                place,
                key: key.to_owned(),
                value: value.to_owned(),
                expected: expected.to_owned(),
            }),
        }
    }

    /// All keys that begin with `prefix`, without it, in order.
    pub fn with_prefix<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str, Place)> {
        self.values.iter().filter_map(move |(key, (value, place))| {
            Some((key.strip_prefix(prefix)?, value.as_str(), *place))
        })
    }
}

/// The key a `-D` sets, or what to say about one that sets none.
fn key_of(name: &str) -> Result<&str, Option<Warning>> {
    let origin = |key| find_key(key).map(|group| group.origin);
    if let Some(key) = name.strip_prefix("zookeeper.") {
        return match origin(key) {
            Some(Origin::Property) => Ok(key),
            Some(Origin::File | Origin::BareProperty) => Err(Some(Warning {
                matters: true,
                text: format!("-D{name} has no effect: write {key} into the configuration file"),
            })),
            None if LOGGING.contains(&key) => Err(None),
            None => Err(Some(Warning {
                matters: true,
                text: format!(
                    "-D{name} has no effect: nobody knows it{}",
                    suggestion(nearest(key, suggestions()))
                ),
            })),
        };
    }
    match origin(name) {
        Some(Origin::BareProperty) => Ok(name),
        Some(Origin::Property | Origin::File) | None => Err(Some(Warning {
            matters: false,
            text: format!("-D{name} has no effect and does not matter: it is for a Java program"),
        })),
    }
}

/// What to say about a key that is set: nothing when it works.
fn judge(key: &str, value: &str, place: Place) -> Result<Option<Warning>, ConfigError> {
    let group = find_key(key).expect("only known keys are set");
    let lower = value.to_lowercase();
    let holds = |names: &[&str]| names.contains(&lower.as_str());
    let no_effect = |why: &str| Warning {
        matters: false,
        text: format!("{place}: {key} has no effect here and does not matter: {why}"),
    };
    let missing = |instead: &str| Warning {
        matters: true,
        text: format!("{place}: {key}={value} has no effect here AND THIS MATTERS: {instead}"),
    };
    let refuse = |why| ConfigError::Refused {
        place,
        key: key.to_owned(),
        value: value.to_owned(),
        why,
    };
    match group.class {
        Class::Works if group.origin == Origin::BareProperty && place != Place::Define => {
            Ok(Some(Warning {
                matters: false,
                text: format!(
                    "{place}: {key} takes effect here, though Apache ignores it in a file"
                ),
            }))
        }
        Class::Works | Class::Ignored => Ok(None),
        Class::NoEffect(why) => Ok(Some(no_effect(why))),
        Class::Missing { off, .. } | Class::OneOf { off, .. } if holds(off) => {
            Ok(Some(no_effect("it asks for what is so anyway")))
        }
        Class::Missing { instead, .. } => Ok(Some(missing(instead))),
        Class::OneOf { instead, known, .. } if holds(known) => Ok(Some(missing(instead))),
        Class::OneOf { .. } => Err(refuse("it names something that this server does not have")),
        Class::Refused(why) => Err(refuse(why)),
    }
}

fn suggestions() -> impl Iterator<Item = &'static str> {
    keys::all_names().filter(|name| !name.ends_with('*'))
}

fn suggestion(nearest: Option<&'static str>) -> String {
    nearest.map_or_else(String::new, |nearest| {
        format!("; did you mean `{nearest}`?")
    })
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Line(line) => write!(f, "line {line}"),
            Place::Define => f.write_str("-D"),
        }
    }
}

/// Properties of Apache's start scripts, about where its logs go.
const LOGGING: [&str; 6] = [
    "log.dir",
    "log.file",
    "root.logger",
    "console.threshold",
    "log.threshold",
    "log.maxfilesize",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::properties::parse_properties;

    fn resolve(
        file: &str,
        defines: &[(&str, &str)],
    ) -> Result<(Settings, Vec<Warning>), ConfigError> {
        let defines: Vec<Define> = defines
            .iter()
            .map(|(name, value)| Define {
                name: (*name).to_owned(),
                value: (*value).to_owned(),
            })
            .collect();
        Settings::resolve(&parse_properties(file.as_bytes()).unwrap(), &defines)
    }

    #[test]
    fn the_file_goes_before_defines_and_the_last_line_before_earlier_ones() {
        let file = "snapCount=1\nsnapCount= 2 \n";
        let (settings, _) = resolve(file, &[("zookeeper.snapCount", "3")]).unwrap();
        assert_eq!(settings.get("snapCount"), Some(("2", Place::Line(2))));
        let (settings, _) = resolve("", &[("zookeeper.snapCount", "3")]).unwrap();
        assert_eq!(settings.get("snapCount"), Some(("3", Place::Define)));
    }

    #[test]
    fn an_unknown_key_names_its_line_and_what_was_meant() {
        let error = resolve("dataDir=/x\n\ntickTiem=2000", &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 3: there is no key `tickTiem`; did you mean `tickTime`?"
        );
        let error = resolve("zookeeper.skipACL=yes", &[]).unwrap_err();
        assert!(
            error.to_string().ends_with("did you mean `skipACL`?"),
            "{error}"
        );
    }

    #[test]
    fn every_known_key_that_has_no_effect_gets_exactly_one_line() {
        for group in keys::KEYS {
            for name in group.names {
                let key = name.replace('*', "1");
                let file = format!("{key}=something\n{key}=true");
                let lines = resolve(&file, &[]).map(|(_, warnings)| warnings.len());
                match group.class {
                    Class::Works if group.origin != Origin::BareProperty => {
                        assert_eq!(lines, Ok(0), "{key}");
                    }
                    Class::Ignored => assert_eq!(lines, Ok(0), "{key}"),
                    Class::Works | Class::NoEffect(_) | Class::Missing { .. } => {
                        assert_eq!(lines, Ok(1), "{key}");
                    }
                    Class::OneOf { .. } | Class::Refused(_) => assert!(lines.is_err(), "{key}"),
                }
            }
        }
    }

    #[test]
    fn a_warning_says_whether_it_matters() {
        let matters = |file| resolve(file, &[]).unwrap().1[0].matters;
        assert!(matters("sslQuorum=true"));
        assert!(!matters("sslQuorum=false"));
        assert!(!matters("nio.numWorkerThreads=4"));
        assert!(matters("requireClientAuthScheme=sasl"));
    }

    #[test]
    fn a_key_of_the_file_does_nothing_as_a_define_and_that_is_said() {
        let (settings, warnings) = resolve("", &[("zookeeper.tickTime", "5")]).unwrap();
        assert_eq!(settings.get("tickTime"), None);
        assert_eq!(warnings.len(), 1);
    }

    #[test]
    fn a_bare_property_in_the_file_works_and_that_is_said() {
        let (settings, warnings) = resolve("jute.maxbuffer=2000000", &[]).unwrap();
        assert!(settings.get("jute.maxbuffer").is_some());
        assert!(warnings[0].text.contains("takes effect here"));
    }
}
