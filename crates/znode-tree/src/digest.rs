//! Apache's tree digest, version 2: a wrapping sum over nodes, so that it is kept up by difference.

use crate::node::Node;
use crc32fast::Hasher;

/// What a node adds to the digest of its tree; the nodes below `/zookeeper` add nothing.
///
/// Source: `operations.md` §5.4.
pub(crate) fn node_digest(path: &str, node: &Node) -> u64 {
    if path.starts_with("/zookeeper/") {
        return 0;
    }
    let mut fixed = [0; 60];
    let words = [
        node.czxid.0,
        node.mzxid.0,
        node.pzxid.0,
        node.ctime.0.cast_unsigned(),
        node.mtime.0.cast_unsigned(),
    ];
    for (place, word) in fixed.chunks_exact_mut(8).zip(words) {
        place.copy_from_slice(&word.to_be_bytes());
    }
    for (place, version) in
        fixed[40..]
            .chunks_exact_mut(4)
            .zip([node.version, node.cversion, node.aversion])
    {
        place.copy_from_slice(&version.to_be_bytes());
    }
    fixed[52..].copy_from_slice(&node.owner.to_be_bytes());
    let path: &[u8] = if path == "/" { b"" } else { path.as_bytes() };
    u64::from(checksum([
        path,
        node.data.as_deref().unwrap_or_default(),
        &fixed,
    ]))
}

/// Summing a short whole costs a fraction of summing its parts: the fast way takes 128 bytes or
/// more.
fn checksum(parts: [&[u8]; 3]) -> u32 {
    match parts.iter().map(|part| part.len()).sum() {
        // As long as most are, because the room is cleared first.
        length @ ..=192 => checksum_within::<192>(parts, length),
        length @ ..=512 => checksum_within::<512>(parts, length),
        _ => {
            let mut hasher = Hasher::new();
            parts.iter().for_each(|part| hasher.update(part));
            hasher.finalize()
        }
    }
}

fn checksum_within<const ROOM: usize>(parts: [&[u8]; 3], length: usize) -> u32 {
    let mut whole = [0; ROOM];
    let mut rest = &mut whole[..];
    for part in parts {
        let (place, after) = rest.split_at_mut(part.len());
        place.copy_from_slice(part);
        rest = after;
    }
    crc32fast::hash(&whole[..length])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_any_length_are_summed_as_their_whole() {
        let data: [u8; 600] = core::array::from_fn(|at| u8::try_from(at % 251).expect("a byte"));
        for length in [0, 1, 127, 131, 132, 133, 451, 452, 453, 540] {
            let parts = [&data[..7], &data[7..length.max(7)], &data[..53]];
            let mut hasher = Hasher::new();
            parts.iter().for_each(|part| hasher.update(part));
            assert_eq!(checksum(parts), hasher.finalize(), "{length}");
        }
    }
}
