//! Identities of the scheme `ip`: an address, or all addresses that share its first bits.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether `text` is an id of the scheme: dotted quad or IPv6, perhaps with `/bits`.
///
/// Source: `client-protocol.md` §8.3.
pub(crate) fn is_valid(text: &str) -> bool {
    parse(text).is_some()
}

/// Whether the entry's id `range` covers the peer address `address`.
pub(crate) fn covers(range: &str, address: &str) -> bool {
    match (parse(range), parse_address(address)) {
        (Some((IpAddr::V4(range), bits)), Some(IpAddr::V4(address))) => {
            leading(u32::from(range) ^ u32::from(address), 32) >= bits
        }
        (Some((IpAddr::V6(range), bits)), Some(IpAddr::V6(address))) => {
            (u128::from(range) ^ u128::from(address)).leading_zeros() >= bits
        }
        (Some(_) | None, Some(_) | None) => false,
    }
}

fn leading(difference: u32, _bits: u32) -> u32 {
    difference.leading_zeros()
}

fn parse(text: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let address = parse_address(address)?;
    let bits_max = match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    };
    let bits = match bits {
        Some(bits) => parse_digits(bits)?,
        None => bits_max,
    };
    (bits <= bits_max).then_some((address, bits))
}

fn parse_address(text: &str) -> Option<IpAddr> {
    if text.contains(':') {
        if text.contains('.') {
            return None;
        }
        return text.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    }
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        *octet = u8::try_from(parse_digits(parts.next()?)?).ok()?;
    }
    parts
        .next()
        .is_none()
        .then_some(IpAddr::V4(Ipv4Addr::from(octets)))
}

fn parse_digits(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}
