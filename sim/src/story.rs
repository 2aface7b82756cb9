//! A failure in at most a dozen lines.

use crate::notes::{Note, Notes, clock};
use crate::options::{Options, Profile};
use crate::oracle::broken::{Broken, zxid_name};

/// Events that a story tells.
const EVENTS_MAX: usize = 6;

/// Tells a failure: the rule, what was seen, what led to it, and how to see it again.
pub(crate) fn tell(options: &Options, drawn: &str, broken: &Broken, notes: &Notes) -> Vec<String> {
    let mut story = vec![
        format!("seed {} ({}): {drawn}", options.seed, options.profile),
        format!("rule: {}", broken.rule),
        format!("seen: {}", broken.seen),
    ];
    if !broken.zxids.is_empty() {
        let zxids: Vec<String> = broken.zxids.iter().map(|zxid| zxid_name(*zxid)).collect();
        story.push(format!(
            "about: {} {}",
            broken.who.join(" "),
            zxids.join(" ")
        ));
    }
    for note in relevant(broken, notes.kept()) {
        story.push(format!("{}  {} {}", clock(note.time), note.who, note.what));
    }
    story.push(command(options));
    story
}

/// What repeats a run.
pub(crate) fn command(options: &Options) -> String {
    let profile = match options.profile {
        Profile::Swarm => String::new(),
        Profile::Quiet | Profile::Lite | Profile::Hostile | Profile::Beyond => {
            format!(" --profile {}", options.profile)
        }
    };
    format!("cargo xtask simulate --seed {}{profile}", options.seed)
}

/// The last notes about whom it concerns and about faults, in their order.
fn relevant<'n>(broken: &Broken, notes: &'n [Note]) -> Vec<&'n Note> {
    let concerns = |note: &&Note| {
        broken.who.is_empty()
            || note.who == "fault"
            || note.who == "all"
            || broken.who.contains(&note.who)
    };
    let mut last: Vec<&Note> = notes
        .iter()
        .rev()
        .filter(concerns)
        .take(EVENTS_MAX)
        .collect();
    last.reverse();
    last
}
