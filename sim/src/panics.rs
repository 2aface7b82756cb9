//! Panics of what is being judged are findings, told with their place and without noise.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static CATCHING: Cell<u32> = const { Cell::new(0) };
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

static HOOK: Once = Once::new();

/// Runs `body`; a panic in it comes back as its message and place.
pub(crate) fn catch<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    HOOK.call_once(install);
    CATCHING.set(CATCHING.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(body));
    CATCHING.set(CATCHING.get() - 1);
    result.map_err(|_| LAST.take())
}

/// Panics that are caught are kept instead of printed; all others go where they went before.
fn install() {
    let before = take_hook();
    set_hook(Box::new(move |info| {
        if CATCHING.get() == 0 {
            before(info);
            return;
        }
        let payload = info.payload();
        let message = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied())
            .unwrap_or("without a message");
        let place = info.location().map_or_else(String::new, |at| {
            let file = at
                .file()
                .rsplit_once("crates/")
                .map_or(at.file(), |(_, file)| file);
            format!(" at {file}:{}", at.line())
        });
        LAST.set(format!("{message}{place}"));
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caught_panic_tells_its_message_and_place() {
        let told = catch(|| -> () { panic!("no {}", 7) }).unwrap_err();
        assert!(told.starts_with("no 7 at "), "{told}");
    }
}
