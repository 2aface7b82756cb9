//! Differences that are meant. Each has an entry of its name in `docs/compatibility.md`.

use super::opcodes;
use super::script::{Request, Step};

/// One step, and what both servers told after it.
pub(super) struct Scene<'a> {
    /// None before the first step and behind the last.
    pub(super) step: Option<&'a Step>,
    pub(super) ours: &'a [String],
    pub(super) apache: &'a [String],
}

/// A difference that is meant, and how to know it.
struct Rule {
    name: &'static str,
    allows: fn(&Scene<'_>) -> bool,
}

const RULES: [Rule; 2] = [
    Rule {
        name: "internal-operations",
        allows: is_internal_operation,
    },
    Rule {
        name: "body-of-a-refused-multi-read",
        allows: is_body_of_refused_multi_read,
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
    is_one
        && matches!(scene.ours, [reply] if reply.ends_with("zxid=-1 err=-6"))
        && scene.apache.len() == 1
}

/// Apache's server appends what it had gathered before it refused.
fn is_body_of_refused_multi_read(scene: &Scene<'_>) -> bool {
    scene.ours.len() == scene.apache.len()
        && scene.ours.iter().zip(scene.apache).all(|(ours, apache)| {
            let more = apache.strip_prefix(ours.as_str());
            more == Some("")
                || ours.contains(" multiRead ")
                    && ours.ends_with(" err=-5")
                    && more.is_some_and(|more| more.starts_with(" and "))
        })
}

fn request_of<'a>(scene: &Scene<'a>) -> Option<&'a Request> {
    match scene.step? {
        Step::Request { request, .. } => Some(request),
        Step::Open { .. } | Step::Cut { .. } | Step::Raw { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::root;

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
