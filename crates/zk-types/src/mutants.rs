//! Wrong variants of our own code, to test the tests with. Compiled in with `--cfg mutants` only.

#[cfg(mutants)]
use core::sync::atomic::{AtomicU64, Ordering};

#[cfg(mutants)]
static ACTIVE: AtomicU64 = AtomicU64::new(0);

/// Switches the named mutant on, and any other off; `""` switches all off.
#[cfg(mutants)]
pub fn activate_mutant(name: &str) {
    ACTIVE.store(
        if name.is_empty() { 0 } else { hash(name) },
        Ordering::Relaxed,
    );
}

/// Whether the named mutant is on.
#[cfg(mutants)]
pub fn mutant_is_active(name: &str) -> bool {
    ACTIVE.load(Ordering::Relaxed) == hash(name)
}

#[cfg(mutants)]
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// `correct`, or `wrong` in a build with `--cfg mutants` while the named mutant is on.
#[macro_export]
macro_rules! mutant {
    ($name:literal, $correct:expr, $wrong:expr) => {{
        #[cfg(mutants)]
        let value = if $crate::mutant_is_active($name) {
            $wrong
        } else {
            $correct
        };
        #[cfg(not(mutants))]
        let value = $correct;
        value
    }};
}
