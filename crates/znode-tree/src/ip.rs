//! Identities of the scheme `ip`: an address, or all addresses that share its first bits.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether `text` is an id of the scheme: dotted quad or IPv6, perhaps with `/bits`.
///
/// Source: `client-protocol.md` §8.3.
pub(crate) fn is_valid(text: &str) -> bool {
    parse_range(text).is_some()
}

/// Whether the entry's id `range` covers the peer address `address`.
pub(crate) fn covers(range: &str, address: &str) -> bool {
    let Some((range, bits)) = parse_range(range) else {
        return false;
    };
    let Ok(address) = address.parse::<IpAddr>() else {
        return false;
    };
    match (range, address.to_canonical()) {
        (IpAddr::V4(range), IpAddr::V4(address)) => {
            (u32::from(range) ^ u32::from(address)).leading_zeros() >= bits
        }
        (IpAddr::V6(range), IpAddr::V6(address)) => {
            (u128::from(range) ^ u128::from(address)).leading_zeros() >= bits
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

fn parse_range(text: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let (address, bits_max) = if address.contains(':') {
        (IpAddr::V6(parse_v6(address)?), 128)
    } else {
        (IpAddr::V4(parse_v4(address)?), 32)
    };
    let bits = match bits {
        Some(bits) => parse_digits(bits)?,
        None => bits_max,
    };
    (bits <= bits_max).then_some((address, bits))
}

/// Four decimal numbers; leading zeros are allowed, as they are in Apache.
fn parse_v4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        *octet = u8::try_from(parse_digits(parts.next()?)?).ok()?;
    }
    parts.next().is_none().then(|| Ipv4Addr::from(octets))
}

/// Without an embedded IPv4 address.
fn parse_v6(text: &str) -> Option<Ipv6Addr> {
    if text.contains('.') {
        None
    } else {
        text.parse().ok()
    }
}

fn parse_digits(text: &str) -> Option<u32> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_an_address_with_or_without_bits() {
        for text in [
            "1.2.3.4",
            "0.0.0.0/0",
            "10.0.0.0/8",
            "::1",
            "fe80::/10",
            "1:2:3:4:5:6:7:8/128",
        ] {
            assert!(is_valid(text), "{text}");
        }
        for text in [
            "",
            "1.2.3",
            "1.2.3.4.5",
            "1.2.3.256",
            "1.2.3.4/33",
            "1.2.3.4/",
            "1.2.3.4/-1",
            "a.b.c.d",
            "::/129",
            "::ffff:1.2.3.4",
            "1::2::3",
            "1.2.3.4/+8",
            "fe80::1%eth0",
            "1.2.3.4/8/8",
        ] {
            assert!(!is_valid(text), "{text}");
        }
    }

    #[test]
    fn a_range_covers_the_addresses_that_share_its_bits() {
        for (range, address) in [
            ("1.2.3.4", "1.2.3.4"),
            ("1.2.3.4", "::ffff:1.2.3.4"),
            ("10.1.2.3/8", "10.200.0.1"),
            ("0.0.0.0/0", "255.255.255.255"),
            ("192.168.1.128/25", "192.168.1.200"),
            ("::/0", "::1"),
            ("fe80::/10", "febf::1"),
        ] {
            assert!(covers(range, address), "{range} {address}");
        }
        for (range, address) in [
            ("1.2.3.4", "1.2.3.5"),
            ("10.0.0.0/8", "11.0.0.0"),
            ("192.168.1.128/25", "192.168.1.127"),
            ("0.0.0.0/0", "::1"),
            ("::/0", "1.2.3.4"),
            ("fe80::/10", "fec0::1"),
            ("1.2.3.4", "nonsense"),
        ] {
            assert!(!covers(range, address), "{range} {address}");
        }
    }
}
