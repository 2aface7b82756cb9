//! Looks at the page of a failing run in a real browser: that it has its lanes and its violation,
//! that filters, keys and clicks do what they say, and that no script fails.

mod webdriver;

use self::webdriver::Browser;
use crate::mutants::build_simulator;
use crate::process::{exists, program, target};
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// Events that the big page has at least.
const EVENTS_MIN: u64 = 20_000;
/// Seeds that are tried for a failing run, and for a long one.
const SEEDS: &str = "0..200";

/// Needs Chromium and its driver (Debian: `apt-get install chromium chromium-driver`).
#[derive(Args)]
pub(crate) struct Options {
    /// The wrong variant whose failure is looked at.
    #[arg(long, default_value = "no-fsync-before-ack")]
    mutant: String,
    /// A page that is there already, instead of one that is made.
    #[arg(long)]
    page: Option<PathBuf>,
}

/// Checks the pages.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    for name in ["chromium", "chromedriver"] {
        if !exists(name) {
            println!(
                "there is no {name} here, so nothing was checked; \
                 on Debian: apt-get install chromium chromium-driver"
            );
            return Ok(ExitCode::FAILURE);
        }
    }
    let folder = target().join("view-check");
    fs::create_dir_all(&folder)?;
    let (failing, long) = match &options.page {
        Some(page) => (std::path::absolute(page)?, None),
        None => {
            let simulator = build_simulator()?;
            let failing = failing_page(&simulator, &options.mutant, &folder)?;
            (failing, Some(long_page(&simulator, &folder)?))
        }
    };
    let mut browser = Browser::start(&folder)?;
    let look = Look {
        folder: &folder,
        page: &failing,
    };
    look.at_violation(&mut browser)?;
    look.at_filters(&mut browser)?;
    look.at_keys_and_clicks(&mut browser)?;
    look.at_darkness(&mut browser)?;
    if let Some(long) = long {
        at_many_events(&mut browser, &long, &folder)?;
    }
    println!(
        "the pages are well; screenshots are in {}",
        folder.display()
    );
    Ok(ExitCode::SUCCESS)
}

fn failing_page(simulator: &Path, mutant: &str, folder: &Path) -> Result<PathBuf> {
    let page = folder.join("failing.html");
    let mut command = program(simulator);
    command.args(["--mutant", mutant, "--seeds", SEEDS, "--html"]);
    command
        .arg(&page)
        .arg("--svg")
        .arg(folder.join("failing.svg"));
    let status = quiet(&mut command)?;
    ensure!(
        status != Some(0),
        "{mutant} survived the seeds {SEEDS}: there is no failure to look at"
    );
    ensure!(
        page.is_file(),
        "{mutant} was noticed, and no page was written"
    );
    Ok(page)
}

fn long_page(simulator: &Path, folder: &Path) -> Result<PathBuf> {
    let page = folder.join("long.html");
    for seed in 0..40 {
        let mut command = program(simulator);
        command
            .args(["--seed", &seed.to_string(), "--html"])
            .arg(&page);
        quiet(&mut command)?;
        let size = fs::metadata(&page).context("no page was written")?.len();
        // Every event takes more than thirty bytes.
        if size > EVENTS_MIN * 45 {
            return Ok(page);
        }
    }
    bail!("no seed is long enough")
}

fn quiet(command: &mut Command) -> Result<Option<i32>> {
    let status = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .context("cannot start the simulator")?;
    Ok(status.code())
}

struct Look<'l> {
    folder: &'l Path,
    page: &'l Path,
}

impl Look<'_> {
    fn open(&self, browser: &mut Browser, wish: &str) -> Result<()> {
        open(browser, self.page, wish)
    }

    fn at_violation(&self, browser: &mut Browser) -> Result<()> {
        self.open(browser, "theme=light")?;
        holds(
            browser,
            "every lane has its label",
            "document.querySelectorAll('.lane').length === run.lanes.length && \
             [...document.querySelectorAll('.lane.server')].some((lane) => lane.textContent.startsWith('s1'))",
        )?;
        holds(
            browser,
            "the rule stands at the top",
            "run.header.rule && document.querySelector('h1').textContent === run.header.rule",
        )?;
        holds(
            browser,
            "the seed, the commit and the command are told",
            "$('run').textContent.includes(`seed ${run.header.seed}`) && \
             $('run').textContent.includes('commit') && $('command').textContent.includes('--seed')",
        )?;
        holds(
            browser,
            "the violation is there, selected, and came from something",
            "broken >= 0 && selected === broken && page.shown().includes(broken) && violation.size > 1",
        )?;
        holds(
            browser,
            "its causes are listed",
            "document.querySelectorAll('#story .step').length > 1 && \
             document.querySelectorAll('#story .step.broken').length === 1",
        )?;
        holds(
            browser,
            "something is drawn",
            "(() => { draw(); const data = pen.getImageData(0, 0, sheet.width, sheet.height).data; \
             const seen = new Set(); for (let at = 0; at < data.length; at += 44) \
             seen.add(data[at] << 16 | data[at + 1] << 8 | data[at + 2]); return seen.size > 12; })()",
        )?;
        holds(
            browser,
            "nothing is fetched",
            "performance.getEntriesByType('resource').length === 0",
        )?;
        browser.screenshot(&self.folder.join("violation.png"))?;
        no_errors(browser)
    }

    fn at_filters(&self, browser: &mut Browser) -> Result<()> {
        let all = number(browser, "page.shown().length")?;
        let filters = [
            (
                "f-zxid",
                "text(run.zxids[AT]).split('..')[0]",
                "concerns(at, zxidPair(VALUE))",
            ),
            (
                "f-session",
                "text(run.session[AT])",
                "text(run.session[at]).includes(VALUE)",
            ),
            (
                "f-path",
                "text(run.path[AT])",
                "text(run.path[at]).startsWith(VALUE)",
            ),
        ];
        for (field, subject, rule) in filters {
            let value = browser.script(&format!(
                "const found = page.shown().findLast((AT) => {subject} && AT !== broken); \
                 const AT = found; return AT === undefined ? null : {subject};"
            ))?;
            let Some(value) = value.as_str() else {
                println!("nothing has what {field} asks for");
                continue;
            };
            browser.type_into(field, value)?;
            let quoted = Value::from(value).to_string();
            let rule = rule.replace("VALUE", &quoted);
            holds(
                browser,
                &format!("{field} leaves what it names"),
                &format!(
                    "page.shown().length > 1 && page.shown().every((at) => at === broken || {rule})"
                ),
            )?;
            ensure!(
                number(browser, "page.shown().length")? < all,
                "{field} hides nothing"
            );
            browser.screenshot(&self.folder.join(format!("{field}.png")))?;
            browser.click("#reset")?;
            ensure!(
                number(browser, "page.shown().length")? == all,
                "reset drops {field}"
            );
        }
        browser.click("#hosts button:first-child")?;
        holds(
            browser,
            "a host that is switched off is gone",
            "(draw(), page.shown().every((at) => at === broken || run.lane[at] !== 0)) && \
             document.querySelectorAll('.lane').length === run.lanes.length - 1",
        )?;
        browser.click("#reset")?;
        browser.click("#kinds button:first-child")?;
        holds(
            browser,
            "a kind that is switched off is gone",
            "page.shown().every((at) => at === broken || family[at] !== 0)",
        )?;
        browser.click("#reset")?;
        browser.click("#cone")?;
        holds(
            browser,
            "only causes are left when that is asked for",
            "page.shown().length > 1 && page.shown().every((at) => at === broken || cone.has(at))",
        )?;
        browser.screenshot(&self.folder.join("causes.png"))?;
        browser.click("#axis")?;
        holds(
            browser,
            "true time can be asked for",
            "view.order === false",
        )?;
        browser.screenshot(&self.folder.join("time.png"))?;
        browser.click("#reset")?;
        no_errors(browser)
    }

    fn at_keys_and_clicks(&self, browser: &mut Browser) -> Result<()> {
        self.open(browser, "theme=light")?;
        browser.press("ArrowLeft")?;
        holds(
            browser,
            "an arrow key goes to the event before",
            "selected !== broken && selected !== null",
        )?;
        browser.press("v")?;
        holds(
            browser,
            "v goes back to the violation",
            "selected === broken",
        )?;
        let scale = number(browser, "Math.round(view.scale * 1000)")?;
        browser.press("+")?;
        ensure!(
            number(browser, "Math.round(view.scale * 1000)")? > scale,
            "+ comes nearer"
        );
        let place = browser.script(
            "const at = page.shown().findLast((at) => at < broken && rank[at] >= 0 && \
             run.states.some(([when]) => when >= at && when <= stepEnd(at) && run.lane[when] === run.lane[at])); \
             select(at, true); select(null); draw(); const box = sheet.getBoundingClientRect(); \
             return { at, x: Math.round(box.left + across(at)), y: Math.round(box.top + down(at)) };",
        )?;
        browser.click_at(
            place["x"].as_i64().context("no place")?,
            place["y"].as_i64().context("no place")?,
        )?;
        holds(
            browser,
            "a click shows an event and what it changed",
            "selected !== null && !$('event').hidden && document.querySelectorAll('#event tr.changed').length > 0",
        )?;
        browser.screenshot(&self.folder.join("event.png"))?;
        holds(
            browser,
            "the guide has its signs",
            "document.querySelectorAll('#guide canvas').length > 20",
        )?;
        no_errors(browser)
    }

    fn at_darkness(&self, browser: &mut Browser) -> Result<()> {
        self.open(browser, "theme=dark")?;
        holds(
            browser,
            "it can be dark",
            "document.documentElement.classList.contains('dark')",
        )?;
        browser.screenshot(&self.folder.join("dark.png"))?;
        no_errors(browser)
    }
}

fn at_many_events(browser: &mut Browser, page: &Path, folder: &Path) -> Result<()> {
    open(browser, page, "theme=light")?;
    let events = number(browser, "page.N")?;
    ensure!(
        events >= EVENTS_MIN,
        "the long page has {events} events only"
    );
    let script = "const started = performance.now(); for (let round = 0; round < 10; round += 1) \
                  { view.from += 40; draw(); } return Math.round((performance.now() - started) / 10);";
    let whole = number_of(&browser.script(&format!("fitAll(); {script}"))?)?;
    browser.screenshot(&folder.join("long.png"))?;
    let near = number_of(&browser.script(&format!("view.scale = 26; clamp(); {script}"))?)?;
    println!("{events} events: {whole} ms to draw all of them, {near} ms to draw a stretch");
    no_errors(browser)
}

fn open(browser: &mut Browser, page: &Path, wish: &str) -> Result<()> {
    // Another address first: a change behind the # alone loads nothing.
    browser.go("about:blank")?;
    browser.go(&format!("file://{}#{wish}", page.display()))?;
    holds(
        browser,
        "the page begins",
        "document.body.dataset.ready === 'yes'",
    )
}

fn holds(browser: &mut Browser, what: &str, condition: &str) -> Result<()> {
    let value = browser.script(&format!("return Boolean({condition});"))?;
    ensure!(value == json!(true), "not so: {what}");
    println!("ok: {what}");
    Ok(())
}

fn number(browser: &mut Browser, expression: &str) -> Result<u64> {
    number_of(&browser.script(&format!("return {expression};"))?)
}

fn number_of(value: &Value) -> Result<u64> {
    value
        .as_u64()
        .with_context(|| format!("{value} is no number"))
}

fn no_errors(browser: &mut Browser) -> Result<()> {
    let errors = browser.script("return page.errors;")?;
    ensure!(errors == json!([]), "scripts failed: {errors}");
    let logged = browser.logged()?;
    ensure!(
        logged.is_empty(),
        "the browser complains: {}",
        logged.join("; ")
    );
    Ok(())
}
