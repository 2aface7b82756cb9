//! Makes a script that shows a difference as short as it can be.

use super::script::{Field, Hello, Script, Step};

/// Runs that one shrinking may take.
const RUNS_MAX: usize = 250;

/// The shortest script found of which `differs` is still true.
pub(super) fn shrink(script: &Script, mut differs: impl FnMut(&Script) -> bool) -> Script {
    let mut best = script.clone();
    let mut runs = 0;
    let mut attempt = |best: &mut Script, candidate: Script| {
        runs += 1;
        let better = runs <= RUNS_MAX && candidate != *best && differs(&candidate);
        if better {
            *best = candidate;
        }
        better
    };
    let mut size = best.steps.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < best.steps.len() {
            let mut candidate = best.clone();
            let end = (at + size).min(candidate.steps.len());
            candidate.steps.drain(at..end);
            if !attempt(&mut best, candidate) {
                at += size;
            }
        }
        size /= 2;
    }
    for at in 0..best.steps.len() {
        for simpler in simpler_steps(&best.steps[at]) {
            let mut candidate = best.clone();
            candidate.steps[at] = simpler;
            attempt(&mut best, candidate);
        }
        shrink_fields(&mut best, at, &mut attempt);
    }
    best
}

/// Takes operations out of a multi, one after the other.
fn shrink_fields(
    best: &mut Script,
    at: usize,
    attempt: &mut impl FnMut(&mut Script, Script) -> bool,
) {
    let mut part = 0;
    loop {
        let mut candidate = best.clone();
        let Step::Request { request, .. } = &mut candidate.steps[at] else {
            return;
        };
        let is_header = |field: &Field| matches!(field, Field::Part(_) | Field::Done);
        let headers: Vec<usize> = (0..request.fields.len())
            .filter(|index| is_header(&request.fields[*index]))
            .collect();
        if part + 1 >= headers.len() {
            return;
        }
        request.fields.drain(headers[part]..headers[part + 1]);
        if !attempt(best, candidate) {
            part += 1;
        }
    }
}

fn simpler_steps(step: &Step) -> Vec<Step> {
    match step {
        Step::Open {
            conn,
            server,
            hello,
        } => {
            let plain = Hello {
                session: hello.session,
                ..Hello::default()
            };
            [(0, hello.clone()), (*server, plain)]
                .map(|(server, hello)| Step::Open {
                    conn: *conn,
                    server,
                    hello,
                })
                .to_vec()
        }
        Step::Request { conn, request, .. } => {
            let step = |request| Step::Request {
                conn: *conn,
                pipelined: false,
                request,
            };
            let mut unnumbered = request.clone();
            unnumbered.xid = None;
            let mut small = request.clone();
            for field in &mut small.fields {
                if matches!(field, Field::Fill(_)) {
                    *field = Field::text("");
                }
            }
            vec![step(request.clone()), step(unnumbered), step(small)]
        }
        Step::Cut { .. } | Step::Expire { .. } | Step::Raw { .. } => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_part_in_a_difference_is_left_out() {
        let mut text = String::from("a open 0\n");
        for number in 0..40 {
            text.push_str(&format!("a create @\"/{number}\" fill9 open 0\n"));
        }
        let script = Script::parse(&text).expect("it is a script");
        let shrunk = shrink(&script, |script| script.to_string().contains("/17\""));
        assert_eq!(
            shrunk.to_string(),
            "profile default\nservers 1\na create @\"/17\" \"\" open 0\n"
        );
    }
}
