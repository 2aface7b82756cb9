//! Differences that are meant. Each has an entry of its name in `docs/compatibility.md`.

use super::opcodes;
use super::script::{Base, Field, Request, Script, Step};
use super::transcript::Line;

/// One step, and what both servers told after it.
pub(super) struct Scene<'a> {
    pub(super) script: &'a Script,
    /// Counted from 1.
    pub(super) at: usize,
    /// None before the first step and behind the last.
    pub(super) step: Option<&'a Step>,
    pub(super) ours: &'a [String],
    pub(super) apache: &'a [String],
    /// Everything that was told, by us and by Apache's server.
    pub(super) later: [&'a [Line]; 2],
}

/// A difference that is meant, and how to know it.
struct Rule {
    name: &'static str,
    allows: fn(&Scene<'_>) -> bool,
}

const RULES: [Rule; 9] = [
    Rule {
        name: "internal-operations",
        allows: is_internal_operation,
    },
    Rule {
        name: "body-of-a-refused-multi-read",
        allows: is_body_of_refused_multi_read,
    },
    Rule {
        name: "persistent-watches-need-a-path",
        allows: is_watch_without_path,
    },
    Rule {
        name: "no-catching-up-on-what-may-not-be-read",
        allows: is_unreadable_catch_up,
    },
    Rule {
        name: "one-root",
        allows: is_one_root,
    },
    Rule {
        name: "characters-beyond-the-basic-plane",
        allows: is_beyond_the_basic_plane,
    },
    Rule {
        name: "malformed-text",
        allows: is_malformed_text,
    },
    Rule {
        name: "an-owner-is-forgotten",
        allows: is_forgotten_owner,
    },
    Rule {
        name: "unsent-when-it-closed",
        allows: is_unsent_when_it_closed,
    },
];

/// The declared difference that this is, if it is one.
pub(super) fn that_allows(scene: &Scene<'_>) -> Option<&'static str> {
    RULES
        .iter()
        .find(|rule| (rule.allows)(scene))
        .map(|rule| rule.name)
}

/// Apache's server carries out what only servers should ask each other.
fn is_internal_operation(scene: &Scene<'_>) -> bool {
    let is_one = request_of(scene).is_some_and(|request| {
        matches!(
            request.op,
            opcodes::CREATE_SESSION | opcodes::DELETE_CONTAINER
        )
    });
    is_one && replies(scene).is_some_and(|(ours, _)| ours.ends_with("zxid=-1 err=-6"))
}

/// Apache's server appends what it had gathered before it refused.
fn is_body_of_refused_multi_read(scene: &Scene<'_>) -> bool {
    let Some((ours, apache)) = replies(scene) else {
        return false;
    };
    request_of(scene).is_some_and(|request| request.op == opcodes::MULTI_READ)
        && ours.ends_with(" err=-5")
        && apache
            .strip_prefix(ours)
            .is_some_and(|more| more.starts_with(" and "))
}

/// Apache's server keeps watches on what is no path, though they can never fire.
fn is_watch_without_path(scene: &Scene<'_>) -> bool {
    let Some(request) = request_of(scene) else {
        return false;
    };
    let refusals: &[&str] = match request.op {
        opcodes::ADD_WATCH => &["err=-8", "err=-5"],
        opcodes::CHECK_WATCHES | opcodes::REMOVE_WATCHES => &["err=-121", "err=-5"],
        _ => return false,
    };
    let Some((ours, apache)) = replies(scene) else {
        return false;
    };
    !is_path(request.fields.first())
        && refusals.iter().any(|refusal| ours.ends_with(refusal))
        && (apache.contains(" err=0") || apache.ends_with(" err=-121"))
}

/// Apache's server tells about nodes that the client may not read when it sets its watches again.
fn is_unreadable_catch_up(scene: &Scene<'_>) -> bool {
    let sets_watches = request_of(scene)
        .is_some_and(|request| matches!(request.op, opcodes::SET_WATCHES | opcodes::SET_WATCHES_2));
    let mut ours = scene.ours.iter().peekable();
    let dropped: Vec<&String> = scene
        .apache
        .iter()
        .filter(|line| ours.next_if_eq(line).is_none())
        .collect();
    sets_watches
        && ours.next().is_none()
        && dropped.iter().all(|line| {
            let path = line
                .split_once(" event ")
                .and_then(|(_, event)| event.split_once(' ')?.1.split_once(" zxid=-1 "));
            path.is_some_and(|(path, _)| is_refused_right_after(scene, path))
        })
}

/// Whether the same client, still in the same breath, may not read the node.
fn is_refused_right_after(scene: &Scene<'_>, path: &str) -> bool {
    let base = if scene.script.alone { "@" } else { "" };
    let asks = format!("exists {base}{path} b0");
    let breath = scene.script.steps.iter().enumerate().skip(scene.at);
    let mut breath = breath.take_while(
        |(_, step)| matches!(step, Step::Request { request, .. } if request.op == opcodes::EXISTS),
    );
    breath.any(|(index, step)| {
        step.to_string().ends_with(&asks)
            && scene.later.iter().all(|lines| {
                let mut replies = lines.iter().filter(|line| line.step == index + 1);
                replies.any(|line| line.text.ends_with(" err=-102"))
            })
    })
}

/// Apache's server has the root twice, under its name and under none.
fn is_one_root(scene: &Scene<'_>) -> bool {
    let counts_all = request_of(scene).is_some_and(|request| {
        request.op == opcodes::GET_ALL_CHILDREN_NUMBER
            && request.fields.first() == Some(&Field::text(""))
    });
    let number = |line: &str| -> Option<u64> { line.rsplit(' ').next()?.parse().ok() };
    counts_all
        && replies(scene).is_some_and(|(ours, apache)| {
            number(ours).is_some() && number(ours).map(|ours| ours + 1) == number(apache)
        })
}

/// Java writes such a character as two halves of three bytes each, which is no UTF-8. Scripts have
/// one of them.
fn is_beyond_the_basic_plane(scene: &Scene<'_>) -> bool {
    let (halves, whole) = (r"\xed\xa0\xbd\xed\xb8\x80", r"\xf0\x9f\x98\x80");
    let apache = scene.apache.iter().map(|line| line.replace(halves, whole));
    apache.eq(scene.ours.iter().cloned())
}

/// How many replacement characters stand for bytes that are no text, each decoder has its own mind
/// about.
fn is_malformed_text(scene: &Scene<'_>) -> bool {
    let joined = |lines: &[String]| -> Vec<String> {
        let (one, many) = (r"\xef\xbf\xbd", r"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
        lines.iter().map(|line| line.replace(many, one)).collect()
    };
    joined(scene.ours) == joined(scene.apache)
}

/// Apache's server forgets who has a session when the connection that had it before is gone at
/// last; whoever takes the session over then leaves the one in between open.
fn is_forgotten_owner(scene: &Scene<'_>) -> bool {
    let is_excused = |(ours, apache): (&String, &String)| {
        let Some(conn) = ours
            .strip_suffix(" closed")
            .and_then(|conn| conn.parse().ok())
        else {
            return ours == apache;
        };
        ours == apache
            || (apache.starts_with(&format!("{conn} ping ")) && came_between(scene.script, conn))
    };
    scene.step.is_none()
        && scene.ours.len() == scene.apache.len()
        && scene.ours.iter().zip(scene.apache).all(is_excused)
}

/// Apache's server throws away what it has not sent yet when it closes a connection.
fn is_unsent_when_it_closed(scene: &Scene<'_>) -> bool {
    let is_owed = |line: &&String| {
        let Some((conn, _)) = line.split_once(" event ") else {
            return false;
        };
        let closed = format!("{conn} closed");
        scene.ours.contains(&closed) && !scene.apache.contains(line)
    };
    let sent = scene.ours.iter().filter(|line| !is_owed(line));
    scene.ours.len() > scene.apache.len() && sent.eq(scene.apache)
}

/// Whether the connection took a session over, and another took it from there.
fn came_between(script: &Script, conn: char) -> bool {
    let takes = |step: &Step, taker: &dyn Fn(char) -> bool| {
        let Step::Open { conn, hello, .. } = step else {
            return None;
        };
        hello.session.filter(|_| taker(*conn))
    };
    script.steps.iter().enumerate().any(|(at, step)| {
        takes(step, &|taker| taker == conn).is_some_and(|session| {
            let mut later = script.steps[at + 1..].iter();
            later.any(|step| takes(step, &|taker| taker != conn) == Some(session))
        })
    })
}

/// The last lines, ours and Apache's, where everything before them is the same.
fn replies<'a>(scene: &Scene<'a>) -> Option<(&'a str, &'a str)> {
    let (ours, before_ours) = scene.ours.split_last()?;
    let (apache, before_apache) = scene.apache.split_last()?;
    (before_ours == before_apache).then_some((ours, apache))
}

/// Whether a field is a path by the full rules, as far as scripts of ours go.
fn is_path(field: Option<&Field>) -> bool {
    let Some(Field::Text(base, text)) = field else {
        return false;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return false;
    };
    let below = match base {
        Base::Nothing if text == "/" => "",
        Base::Nothing | Base::Subtree | Base::Quota => text,
    };
    let is_name = |name: &str| {
        !matches!(name, "" | "." | "..")
            && !name.chars().any(|letter| {
                let code = u32::from(letter);
                code < 0x20
                    || (0x7f..=0x9f).contains(&code)
                    || (0xd800..=0xf8ff).contains(&code)
                    || code >= 0xfff0
            })
    };
    match below.strip_prefix('/') {
        Some(names) => names.split('/').all(is_name),
        None => below.is_empty() && (*base != Base::Nothing || text == "/"),
    }
}

fn request_of<'a>(scene: &Scene<'a>) -> Option<&'a Request> {
    match scene.step? {
        Step::Request { request, .. } => Some(request),
        Step::Open { .. } | Step::Cut { .. } | Step::Expire { .. } | Step::Raw { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::root;

    #[test]
    fn an_event_may_be_missing_in_apache_alone_and_on_a_connection_that_closes() {
        let script = Script {
            profile: "default".to_owned(),
            servers: 1,
            alone: false,
            steps: Vec::new(),
        };
        let lines = |lines: &[&str]| -> Vec<String> {
            lines.iter().map(|line| (*line).to_owned()).collect()
        };
        let allows = |ours: &[&str], apache: &[&str]| {
            is_unsent_when_it_closed(&Scene {
                script: &script,
                at: 1,
                step: None,
                ours: &lines(ours),
                apache: &lines(apache),
                later: [&[], &[]],
            })
        };
        let all = ["a event 3 @\"/n\"", "a closed", "b ping err=0"];
        assert!(allows(&all, &all[1..]));
        assert!(!allows(&all[1..], &all), "ours owes it, too");
        assert!(!allows(&[all[0], all[2]], &all[2..]), "it stays open");
        assert!(!allows(&all, &all[1..2]), "more is missing");
    }

    #[test]
    fn every_rule_is_an_entry_of_the_compatibility_page() {
        let page = std::fs::read_to_string(root().join("docs/compatibility.md"))
            .expect("the page can be read");
        for rule in RULES {
            let entry = format!("### {}\n", rule.name);
            assert!(page.contains(&entry), "{} is not declared", rule.name);
        }
    }
}
