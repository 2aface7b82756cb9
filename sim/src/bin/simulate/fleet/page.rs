//! The page about a fleet: one file that needs no network.

use super::Catch;
use super::found::{Failure, Found};
use crate::measured::{Counter, Measured};
use crate::score::Row;
use crate::totals::ticks;
use sim::Fault;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

const STYLE: &str = "\
:root { color-scheme: light dark; --pale: color-mix(in srgb, currentColor 55%, transparent); \
--line: color-mix(in srgb, currentColor 15%, transparent); }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin-top: 2.2rem; }
p.pale, td.pale { color: var(--pale); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); \
vertical-align: top; }
td.number, th.number { text-align: right; }
.ok { color: #18794e; } .missed { color: #c62a2f; } .failed h2 { color: #c62a2f; }
@media (prefers-color-scheme: dark) { .ok { color: #4cc38a; } .missed, .failed h2 { color: #ff6369; } }
pre { background: var(--line); padding: .7rem 1rem; border-radius: .4rem; overflow-x: auto; }
svg { width: 100%; height: 5rem; } polyline { fill: none; stroke: #0091ff; stroke-width: 1.5; \
vector-effect: non-scaling-stroke; }
.columns { columns: 2; column-gap: 3rem; } .columns table { break-inside: auto; }
@media (max-width: 45rem) { .columns { columns: 1; } }
";

/// The page.
pub(super) fn page(found: &Found, catch: &Catch, rows: &[Row], passed: Duration) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Fleet: {}</title>\n<style>\n{STYLE}</style></head><body>\n",
        escaped(&verdict(found))
    );
    heading(&mut page, found, catch, passed);
    for failure in &found.failures {
        tell(&mut page, failure);
    }
    goals(&mut page, rows);
    pace(&mut page, catch, passed);
    recovery(&mut page, catch);
    counters(&mut page, catch);
    page.push_str("</body></html>\n");
    page
}

fn verdict(found: &Found) -> String {
    match found.failures.len() {
        0 => "nothing failed".to_owned(),
        1 => "one failure".to_owned(),
        kinds => format!("{kinds} failures"),
    }
}

fn heading(page: &mut String, found: &Found, catch: &Catch, passed: Duration) {
    let worlds = catch.worlds();
    put(
        page,
        format_args!(
            "<h1 class=\"{}\">{}</h1>\n<p class=\"pale\">{worlds} worlds of this fleet ({} swarm, \
             {} lite, {} others) in {} s, {:.0} s of computing; rounds {} to {} since the first \
             fleet.</p>\n",
            if found.failures.is_empty() {
                "ok"
            } else {
                "missed"
            },
            escaped(&verdict(found)),
            catch.swarm.worlds.len(),
            catch.lite.worlds.len(),
            catch.others.worlds.len(),
            passed.as_secs(),
            catch.cpu_ms / 1_000.0,
            found.first,
            found.next
        ),
    );
}

/// A failure, and the commands that repeat it and cut it down.
fn tell(page: &mut String, failure: &Failure) {
    put(
        page,
        format_args!(
            "<section class=\"failed\"><h2>{}</h2>\n<p>{} times, {:?}; {} events in its shortest \
             run. Seeds: {}.</p>\n<p class=\"pale\">{}</p>\n<pre>{}</pre>\n<pre>{}\n{}</pre>\
             </section>\n",
            escaped(&failure.rule),
            failure.times,
            failure.verdict,
            failure.events,
            escaped(&failure.seeds()),
            escaped(&failure.signature),
            escaped(&failure.story.join("\n")),
            escaped(&failure.command()),
            escaped(&failure.shrinking())
        ),
    );
}

fn goals(page: &mut String, rows: &[Row]) {
    page.push_str("<h2>Goals</h2>\n<table>\n");
    page.push_str("<tr><th></th><th>goal</th><th>wanted</th><th>measured</th></tr>\n");
    for row in rows {
        let word = if row.ok { "ok" } else { "missed" };
        put(
            page,
            format_args!(
                "<tr><td class=\"{word}\">{word}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                escaped(row.goal),
                escaped(row.wanted),
                escaped(&row.measured)
            ),
        );
    }
    page.push_str("</table>\n");
}

/// How many worlds ended in each second.
fn pace(page: &mut String, catch: &Catch, passed: Duration) {
    let seconds = passed.as_secs_f64().max(1.0);
    let most = catch.pace.iter().copied().max().unwrap_or(1).max(1);
    let mut points = String::new();
    for (at, worlds) in catch.pace.iter().enumerate() {
        let height = 100.0 - *worlds as f64 * 100.0 / most as f64;
        write!(points, "{at},{height:.1} ").expect("a string takes all");
    }
    put(
        page,
        format_args!(
            "<h2>Worlds a second</h2>\n<p>{:.1} on average; swarm {:.1} and lite {:.1} for each \
             second of one core.</p>\n\
             <svg viewBox=\"0 0 {} 100\" preserveAspectRatio=\"none\" role=\"img\" \
             aria-label=\"worlds that ended in each tenth of a minute, {most} at most\">\
             <polyline points=\"{points}\"/></svg>\n",
            catch.worlds() as f64 / seconds,
            catch.swarm.per_second(),
            catch.lite.per_second(),
            catch.pace.len().saturating_sub(1).max(1),
        ),
    );
}

fn recovery(page: &mut String, catch: &Catch) {
    page.push_str("<h2>How soon service is back, in ticks after the last fault</h2>\n<table>\n");
    page.push_str("<tr><th>stage</th>");
    for percent in ["half", "nine tenths", "99 of 100", "all"] {
        put(page, format_args!("<th class=\"number\">{percent}</th>"));
    }
    page.push_str("</tr>\n");
    for (stage, found) in catch.totals.recoveries.percentiles() {
        put(page, format_args!("<tr><td>{stage}</td>"));
        for value in [found.p50, found.p90, found.p99, found.max] {
            put(
                page,
                format_args!("<td class=\"number\">{}</td>", ticks(value)),
            );
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table>\n");
}

/// What struck how often, and what else was counted.
fn counters(page: &mut String, catch: &Catch) {
    let mut sums: BTreeMap<&str, Counter> = BTreeMap::new();
    let all = [&catch.swarm, &catch.lite, &catch.others];
    for (name, counter) in all
        .into_iter()
        .flat_map(|Measured { counters, .. }| counters)
    {
        let sum = sums.entry(name).or_default();
        sum.times += counter.times;
        sum.worlds += counter.worlds;
    }
    let mut faults = String::new();
    for name in Fault::names() {
        line(&mut faults, name, sums.remove(name).unwrap_or_default());
    }
    let mut marks = String::new();
    for (name, counter) in sums {
        line(&mut marks, name, counter);
    }
    let head = "<tr><th></th><th class=\"number\">times</th><th class=\"number\">worlds</th></tr>";
    for (title, lines) in [("Faults", faults), ("What else happened", marks)] {
        put(
            page,
            format_args!(
                "<h2>{title}</h2>\n<div class=\"columns\"><table>{head}\n{lines}</table></div>\n"
            ),
        );
    }
}

fn line(lines: &mut String, name: &str, counter: Counter) {
    let class = if counter.times == 0 { "missed" } else { "" };
    put(
        lines,
        format_args!(
            "<tr><td class=\"{class}\">{}</td><td class=\"number\">{}</td>\
             <td class=\"number\">{}</td></tr>\n",
            escaped(name),
            counter.times,
            counter.worlds
        ),
    );
}

fn put(page: &mut String, words: core::fmt::Arguments<'_>) {
    page.write_fmt(words).expect("a string takes all");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::{Options, Report};

    #[test]
    fn a_page_tells_how_to_repeat_and_shrink_and_needs_nothing_else() {
        let mut found = Found::starting_with(0);
        found.add(&Report::of_harness(&Options::seed(7), "<b>&"));
        let page = page(&found, &Catch::default(), &[], Duration::from_secs(1));
        assert!(page.contains("cargo xtask simulate --seed 7 --profile swarm"));
        assert!(page.contains("cargo xtask simulate shrink --seed 7"));
        assert!(page.contains("&lt;b&gt;&amp;") && !page.contains("<b>"));
        assert!(!page.contains("://") && !page.contains("<script"));
    }
}
