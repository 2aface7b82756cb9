//! In which order a connection's identities are told.

use zk_types::Identity;

/// Apache keeps the identities of a connection in a hash table of Java's, so `whoAmI`, and what
/// `auth` stands for in an access list, come in the order of that table. It is a function of the
/// identities, so they come in the same order here; those that share a place stay as they are.
///
/// Source: jute's hash of a record of two strings; Java's `String` and `ConcurrentHashMap`.
pub(crate) fn sort_as_apache(identities: &mut [Identity]) {
    let mut places: u32 = 16;
    while identities.len() as u64 >= u64::from(places / 4 * 3) {
        places *= 2;
    }
    identities.sort_by_key(|identity| {
        let hash = hash(identity);
        (hash ^ hash >> 16) & (places - 1)
    });
}

fn hash(identity: &Identity) -> u32 {
    [&identity.scheme, &identity.id]
        .into_iter()
        .fold(17, |hash: u32, text| {
            hash.wrapping_mul(37).wrapping_add(hash_of_text(text))
        })
}

fn hash_of_text(text: &str) -> u32 {
    text.encode_utf16().fold(0, |hash: u32, unit| {
        hash.wrapping_mul(31).wrapping_add(unit.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;

    fn sorted(given: &[(&str, &str)]) -> Vec<String> {
        let identity = |(scheme, id): &(&str, &str)| Identity {
            scheme: (*scheme).into(),
            id: (*id).into(),
        };
        let mut identities: Vec<Identity> = given.iter().map(identity).collect();
        sort_as_apache(&mut identities);
        let told = |it: &Identity| format!("{}:{}", it.scheme, it.id);
        identities.iter().map(told).collect()
    }

    #[test]
    fn identities_come_in_the_order_in_which_java_has_them() {
        let given = [
            ("ip", "127.0.0.1"),
            ("digest", "user:smGaoVKd/cQkjm7b88GyorAUz20="),
            ("digest", "second:HHimlKBmrBLPh2K8U3/nvHZsmU8="),
            ("digest", "u:Jq7wMyA/w2Vd5WIDAkdu4OIIFEQ="),
            ("digest", "v:Mfy8apI9YguGKmh+AxUmAFSwkII="),
            ("super", ""),
            ("sasl", "bob"),
            ("digest", "é😀:x"),
        ];
        let java = [
            "digest:u:Jq7wMyA/w2Vd5WIDAkdu4OIIFEQ=",
            "digest:é😀:x",
            "digest:second:HHimlKBmrBLPh2K8U3/nvHZsmU8=",
            "super:",
            "sasl:bob",
            "ip:127.0.0.1",
            "digest:user:smGaoVKd/cQkjm7b88GyorAUz20=",
            "digest:v:Mfy8apI9YguGKmh+AxUmAFSwkII=",
        ];
        assert_eq!(sorted(&given), java);
    }

    #[test]
    fn a_table_of_java_grows_at_twelve() {
        let names: Vec<String> = (0..14).map(|n| format!("u{n}")).collect();
        let given: Vec<(&str, &str)> = names.iter().map(|name| ("digest", &**name)).collect();
        let told = |count: usize| sorted(&given[..count]).join(" ").replace("digest:", "");
        assert_eq!(told(11), "u9 u8 u10 u3 u2 u1 u0 u7 u6 u5 u4");
        assert_eq!(told(12), "u9 u8 u10 u11 u3 u2 u1 u0 u7 u6 u5 u4");
        assert_eq!(told(14), "u9 u8 u13 u10 u11 u12 u3 u2 u1 u0 u7 u6 u5 u4");
    }
}
