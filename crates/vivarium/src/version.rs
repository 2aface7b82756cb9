//! What this program calls itself.

use crate::calendar::Date;
use zk_types::WallTime;

/// Our own version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The release of Apache ZooKeeper whose behaviour this one has.
pub const APACHE: &str = "3.9.5";

/// The version as four-letter words give it. Clients read it: kazoo wants digits and dots first,
/// go-zookeeper wants letters, digits, dots and dashes, and this form of the date.
pub fn apache_form() -> String {
    let seconds: i64 = env!("VIVARIUM_BUILT_AT")
        .parse()
        .expect("the build wrote a number");
    let built = Date::of(WallTime(seconds * 1_000));
    format!("{APACHE}-vivarium-{VERSION}, built on {}", built.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_that_read_the_version_can() {
        let text = apache_form();
        let (version, date) = text.split_once(", built on ").unwrap();
        let plain = |character: char| character.is_ascii_alphanumeric() || ".-".contains(character);
        assert!(version.chars().all(plain), "{version}");
        assert!(version.starts_with("3.9.5-"), "{version}");
        assert_eq!(date.len(), "11/22/2026 04:26 UTC".len(), "{date}");
    }
}
