//! Access lists as zkCli writes them: `scheme:id:perms`, separated by commas.

use vivarium_client::{Acl, Perms};

/// Why a text is no access list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` does not have the form scheme:id:perm, with perm made of c, d, r, w and a")]
pub struct AclError(String);

/// Reads a list.
///
/// # Errors
/// When an entry lacks its permissions or has ones that do not exist.
pub fn parse(text: &str) -> Result<Vec<Acl>, AclError> {
    let entries = text
        .split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty());
    entries
        .map(|entry| parse_entry(entry).ok_or_else(|| AclError(entry.to_owned())))
        .collect()
}

/// One entry as zkCli shows it, in two lines.
pub fn show(acl: &Acl) -> String {
    format!("'{},'{}\n: {}", acl.scheme, acl.id, letters(acl.perms))
}

/// The permissions as letters, in zkCli's order.
pub fn letters(perms: Perms) -> String {
    let has = |(_, perm): &(char, Perms)| perms.intersects(*perm);
    LETTERS
        .iter()
        .filter(|letter| has(letter))
        .map(|(letter, _)| *letter)
        .collect()
}

/// The id may hold colons, as a digest does; the permissions never do.
fn parse_entry(entry: &str) -> Option<Acl> {
    let (scheme, rest) = entry.split_once(':')?;
    let (id, letters) = rest.rsplit_once(':')?;
    let mut perms = Perms(0);
    for wanted in letters.chars() {
        perms = perms | LETTERS.iter().find(|(letter, _)| *letter == wanted)?.1;
    }
    Some(Acl {
        perms,
        scheme: scheme.to_owned(),
        id: id.to_owned(),
    })
}

const LETTERS: [(char, Perms); 5] = [
    ('c', Perms::CREATE),
    ('d', Perms::DELETE),
    ('r', Perms::READ),
    ('w', Perms::WRITE),
    ('a', Perms::ADMIN),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_and_shown_as_zk_cli_does() {
        let list = parse("world:anyone:r,digest:bob:x=/y=:cdrwa").unwrap();
        assert_eq!(list[0], Acl::world(Perms::READ));
        assert_eq!(list[1].id, "bob:x=/y=");
        assert_eq!(show(&list[1]), "'digest,'bob:x=/y=\n: cdrwa");
        assert_eq!(letters(Perms(9)), "dr");
        assert_eq!(parse("auth::r").unwrap()[0].id, "");
    }

    #[test]
    fn what_is_no_entry_is_refused() {
        for text in ["world", "world:anyone", "world:anyone:x"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
