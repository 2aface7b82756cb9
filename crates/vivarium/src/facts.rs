//! Facts of this process and machine, which the four-letter word `envi` prints.

use std::env;
use std::fs;

/// The lines of `envi`, in Apache's order; what only Java has is `<NA>`.
pub fn environment(version: &str) -> Vec<(String, String)> {
    let variable = |name| env::var(name).ok();
    let kernel = |name| fs::read_to_string(format!("/proc/sys/kernel/{name}")).ok();
    let trimmed = |text: Option<String>| text.map(|text| text.trim().to_owned());
    let directory = env::current_dir()
        .ok()
        .map(|path| path.display().to_string());
    let temporary = env::temp_dir().display().to_string();
    let facts = [
        ("zookeeper.version", Some(version.to_owned())),
        (
            "host.name",
            trimmed(kernel("hostname")).or_else(|| variable("HOSTNAME")),
        ),
        ("java.version", None),
        ("java.vendor", None),
        ("java.home", None),
        ("java.class.path", None),
        ("java.library.path", None),
        ("java.io.tmpdir", Some(temporary)),
        ("java.compiler", None),
        ("os.name", Some(capitalised(env::consts::OS))),
        ("os.arch", Some(env::consts::ARCH.to_owned())),
        ("os.version", trimmed(kernel("osrelease"))),
        (
            "user.name",
            variable("USER").or_else(|| variable("LOGNAME")),
        ),
        ("user.home", variable("HOME")),
        ("user.dir", directory),
        ("os.memory.free", None),
        ("os.memory.max", None),
        ("os.memory.total", None),
    ];
    let known = |(name, fact): (&str, Option<String>)| {
        (name.to_owned(), fact.unwrap_or_else(|| "<NA>".to_owned()))
    };
    facts.into_iter().map(known).collect()
}

fn capitalised(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(characters).collect()
    })
}
