//! The password of a session.

use zk_types::SessionId;

/// Length of a session's password.
pub const PASSWORD_BYTES: usize = 16;

/// The password of a session: the same on every server, nothing to store, and no secret.
///
/// Apache's function, so that sessions survive a migration:
/// `java.util.Random(id XOR 0xB3415C00).nextBytes(16)`. Source: `client-protocol.md` §2.3.
#[expect(
    clippy::little_endian_bytes,
    reason = "Java's generator gives the low byte out first"
)]
pub fn password(id: SessionId) -> [u8; PASSWORD_BYTES] {
    let mut random = JavaRandom::new(id.0.cast_unsigned() ^ 0xB341_5C00);
    let mut bytes = [0; PASSWORD_BYTES];
    for word in bytes.chunks_exact_mut(4) {
        word.copy_from_slice(&random.next_word().to_le_bytes());
    }
    bytes
}

/// `java.util.Random`: a linear congruential generator of 48 bits.
struct JavaRandom(u64);

impl JavaRandom {
    const MULTIPLIER: u64 = 0x5_DEEC_E66D;
    const MASK: u64 = (1 << 48) - 1;

    fn new(seed: u64) -> Self {
        JavaRandom((seed ^ Self::MULTIPLIER) & Self::MASK)
    }

    fn next_word(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(Self::MULTIPLIER).wrapping_add(0xB) & Self::MASK;
        u32::try_from(self.0 >> 16).expect("a shift by 16 leaves 32 of 48 bits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::String;

    #[test]
    fn the_passwords_are_those_of_apache() {
        for (id, expected) in [
            (0x0100_000c_6e5f_0000, "5324f2e2e43ad570e9b6e347cd7fb874"),
            (0x0100_0011_81ee_0000, "d0d468031dae2aff2efc564e2efca475"),
            (0x0100_0019_6788_0000, "0a9aa1f3cfc30066f82414cb30d60c4b"),
        ] {
            let hex: String = password(SessionId(id))
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            assert_eq!(hex, expected);
        }
    }
}
