//! All mutants of a file in one text, each behind a switch.
//!
//! A mutant by itself costs a build. Woven together they cost one: `a < b` becomes
//! `(if on(7) { (a) <= (b) } else { a < b })`, the number of the mutant that is on being read from
//! the environment when a program starts.

use anyhow::{Context, Result};
use proc_macro2::Span;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::Range;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// What the outside tool proposes.
#[derive(Clone, Debug)]
pub(crate) struct Mutant {
    pub(crate) package: String,
    pub(crate) file: String,
    /// As the tool calls it, with line and column.
    pub(crate) name: String,
    pub(crate) genre: String,
    replacement: String,
    start: (usize, usize),
    /// The line that it changes.
    pub(crate) line: String,
}

impl Mutant {
    /// Of one object of `cargo mutants --list --json`.
    pub(crate) fn read(value: &Value) -> Option<Self> {
        let text = |key: &str| value[key].as_str().map(str::to_owned);
        let start = &value["span"]["start"];
        let number = |key: &str| start[key].as_u64().and_then(|n| usize::try_from(n).ok());
        Some(Self {
            package: text("package")?,
            file: text("file")?,
            name: text("name")?,
            genre: text("genre")?,
            replacement: text("replacement")?,
            start: (number("line")?, number("column")?),
            line: String::new(),
        })
    }

    /// Where it begins, counted from 1.
    pub(crate) fn line_number(&self) -> usize {
        self.start.0
    }
}

/// The switch, as it is added to `zk-types`, which all crates know. `WOVEN` names the mutant that
/// is on: always in tests, which have no mutants of their own, and in the simulator while it has its
/// mutant called `woven` on.
pub(crate) const SWITCH: &str = r#"
extern crate std;
static WOVEN: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
fn may_be_on() -> bool {
    #[cfg(mutants)]
    return mutant_is_active("woven");
    #[cfg(not(mutants))]
    return true;
}
/// Whether the mutant with this number is on.
#[inline]
pub fn woven(number: u32) -> bool {
    let on = *WOVEN.get_or_init(|| {
        let text = std::env::var("WOVEN").unwrap_or_default();
        text.parse().unwrap_or(0)
    });
    on == number && may_be_on()
}
"#;

/// A woven file, and where in it a mutant's own text or the code that it guards lies.
pub(crate) struct Woven {
    pub(crate) text: String,
    /// Texts that one mutant alone brought.
    own: Vec<(Range<usize>, u32)>,
    /// Code around which a switch was put.
    around: Vec<(Range<usize>, Vec<u32>)>,
}

impl Woven {
    /// The mutants that are in it.
    pub(crate) fn numbers(&self) -> Vec<u32> {
        let numbers = self.around.iter().flat_map(|(_, numbers)| numbers);
        numbers.copied().collect()
    }

    /// The mutants that an error of the compiler in these bytes is about.
    pub(crate) fn blamed(&self, error: &Range<usize>) -> Vec<u32> {
        let own: Vec<u32> = self
            .own
            .iter()
            .filter(|(range, _)| range.start <= error.start && error.end <= range.end)
            .map(|(_, number)| *number)
            .collect();
        if !own.is_empty() {
            return own;
        }
        self.around
            .iter()
            .filter(|(range, _)| range.start <= error.start && error.end <= range.end)
            .min_by_key(|(range, _)| range.len())
            .map(|(_, numbers)| numbers.clone())
            .unwrap_or_default()
    }
}

/// Weaves numbered mutants of one file into its text; those without a place in it are left out.
pub(crate) fn weave(source: &str, mutants: &[(u32, Mutant)]) -> Result<Woven> {
    let tree = syn::parse_file(source).context("the file does not parse")?;
    let mut weaver = Weaver {
        source,
        wanted: BTreeMap::new(),
        pieces: Vec::new(),
        spans: Vec::new(),
    };
    for (number, mutant) in mutants {
        let Some(at) = offset(source, mutant.start) else {
            continue;
        };
        if mutant.genre == "FnValue" {
            weaver.enter(at, *number, &mutant.replacement);
        } else {
            let wanted = weaver.wanted.entry((at, kind(&mutant.genre))).or_default();
            wanted.push((*number, mutant.replacement.clone()));
        }
    }
    weaver.visit_file(&tree);
    Ok(weaver.finish())
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Operator,
    Guard,
    Arm,
    Field,
}

fn kind(genre: &str) -> Kind {
    match genre {
        "MatchArmGuard" => Kind::Guard,
        "MatchArm" => Kind::Arm,
        "StructField" => Kind::Field,
        _ => Kind::Operator,
    }
}

/// The byte at a line and column, both counted from 1, columns in characters.
fn offset(source: &str, (line, column): (usize, usize)) -> Option<usize> {
    let before: usize = source
        .split_inclusive('\n')
        .take(line - 1)
        .map(str::len)
        .sum();
    let (within, _) = source.get(before..)?.char_indices().nth(column - 1)?;
    Some(before + within)
}

/// Text to insert. Of pieces at one place the ends of inner code come first, then the beginnings
/// of outer code.
struct Piece {
    at: usize,
    /// Ends before beginnings; ends from the inside out, beginnings from the outside in.
    order: (u8, usize, usize),
    text: String,
    /// Ranges in `text` that belong to one mutant each.
    own: Vec<(Range<usize>, u32)>,
    span: usize,
}

struct Weaver<'a> {
    source: &'a str,
    wanted: BTreeMap<(usize, Kind), Vec<(u32, String)>>,
    pieces: Vec<Piece>,
    /// The code in the source that pieces surround, with its mutants.
    spans: Vec<(Range<usize>, Vec<u32>)>,
}

impl Weaver<'_> {
    fn text(&self, span: Span) -> &str {
        &self.source[span.byte_range()]
    }

    fn take(&mut self, span: Span, kind: Kind) -> Vec<(u32, String)> {
        let key = (span.byte_range().start, kind);
        self.wanted.remove(&key).unwrap_or_default()
    }

    /// Lets a function return early.
    fn enter(&mut self, at: usize, number: u32, value: &str) {
        let open = format!("if ::zk_types::woven({number}) {{ return ");
        let own = open.len()..open.len() + value.len();
        let sequence = self.spans.len();
        self.spans.push((at..at, vec![number]));
        self.pieces.push(Piece {
            at,
            order: (1, 0, sequence),
            text: format!("{open}{value}; }}\n"),
            own: vec![(own, number)],
            span: sequence,
        });
    }

    /// Puts a switch between an expression and its variants.
    fn wrap(&mut self, range: Range<usize>, variants: &[(u32, String)]) {
        if variants.is_empty() {
            return;
        }
        let mut text = "(".to_owned();
        let mut own = Vec::new();
        for (number, variant) in variants {
            text.push_str(&format!("if ::zk_types::woven({number}) {{ "));
            own.push((text.len()..text.len() + variant.len(), *number));
            text.push_str(variant);
            text.push_str(" } else ");
        }
        text.push_str("{ ");
        self.surround(range, text, " })", own, variants);
    }

    fn surround(
        &mut self,
        range: Range<usize>,
        open: String,
        close: &str,
        own: Vec<(Range<usize>, u32)>,
        variants: &[(u32, String)],
    ) {
        let sequence = self.spans.len();
        let numbers = variants.iter().map(|(number, _)| *number).collect();
        self.spans.push((range.clone(), numbers));
        self.pieces.push(Piece {
            at: range.start,
            order: (2, usize::MAX - range.len(), sequence),
            text: open,
            own,
            span: sequence,
        });
        self.pieces.push(Piece {
            at: range.end,
            order: (0, range.len(), usize::MAX - sequence),
            text: close.to_owned(),
            own: Vec::new(),
            span: sequence,
        });
    }

    fn finish(mut self) -> Woven {
        self.pieces.sort_by_key(|piece| (piece.at, piece.order));
        let mut woven = Woven {
            text: String::with_capacity(self.source.len() * 2),
            own: Vec::new(),
            around: Vec::new(),
        };
        let mut places: Vec<Vec<usize>> = vec![Vec::new(); self.spans.len()];
        let mut done = 0;
        for piece in &self.pieces {
            woven.text.push_str(&self.source[done..piece.at]);
            done = piece.at;
            let base = woven.text.len();
            places[piece.span].push(base);
            for (range, number) in &piece.own {
                woven
                    .own
                    .push((base + range.start..base + range.end, *number));
            }
            woven.text.push_str(&piece.text);
            places[piece.span].push(woven.text.len());
        }
        woven.text.push_str(&self.source[done..]);
        for (places, (_, numbers)) in places.iter().zip(&self.spans) {
            if let (Some(&from), Some(&to)) = (places.first(), places.last()) {
                woven.around.push((from..to, numbers.clone()));
            }
        }
        woven
    }
}

impl<'ast> Visit<'ast> for Weaver<'_> {
    fn visit_expr_binary(&mut self, node: &'ast syn::ExprBinary) {
        let wanted = self.take(node.op.span(), Kind::Operator);
        // A chain of `let` is no value.
        if !has_let(&node.left) && !has_let(&node.right) {
            let (left, right) = (self.text(node.left.span()), self.text(node.right.span()));
            let is_assignment = |operator: &str| operator.len() > 1 && operator.ends_with('=');
            let variants: Vec<(u32, String)> = wanted
                .iter()
                .map(|(number, operator)| {
                    let comparison = ["==", "!=", "<=", ">="].contains(&operator.as_str());
                    let variant = if is_assignment(operator) && !comparison {
                        format!("{left} {operator} ({right})")
                    } else {
                        format!("({left}) {operator} ({right})")
                    };
                    (*number, variant)
                })
                .collect();
            self.wrap(node.span().byte_range(), &variants);
        }
        visit::visit_expr_binary(self, node);
    }

    fn visit_expr_unary(&mut self, node: &'ast syn::ExprUnary) {
        let wanted = self.take(node.op.span(), Kind::Operator);
        let bare = self.text(node.expr.span()).to_owned();
        let variants: Vec<_> = wanted.iter().map(|(n, _)| (*n, bare.clone())).collect();
        self.wrap(node.span().byte_range(), &variants);
        visit::visit_expr_unary(self, node);
    }

    fn visit_arm(&mut self, node: &'ast syn::Arm) {
        if let Some((_, guard)) = &node.guard {
            let variants = self.take(guard.span(), Kind::Guard);
            self.wrap(guard.span().byte_range(), &variants);
        }
        for (number, _) in self.take(node.span(), Kind::Arm) {
            let gone = format!("!::zk_types::woven({number})");
            let variants = [(number, String::new())];
            match &node.guard {
                Some((_, guard)) => {
                    let range = guard.span().byte_range();
                    self.surround(range, format!("{gone} && ("), ")", Vec::new(), &variants);
                }
                None => {
                    let range = node.pat.span().byte_range();
                    let close = format!(" if {gone}");
                    self.surround(range, String::new(), &close, Vec::new(), &variants);
                }
            }
        }
        visit::visit_arm(self, node);
    }

    fn visit_expr_struct(&mut self, node: &'ast syn::ExprStruct) {
        for field in &node.fields {
            let wanted = self.take(field.span(), Kind::Field);
            let (Some(rest), syn::Member::Named(name)) = (&node.rest, &field.member) else {
                continue;
            };
            let inherited = format!("({}).{name}", self.text(rest.span()));
            let variants: Vec<_> = wanted
                .iter()
                .map(|(number, _)| (*number, inherited.clone()))
                .collect();
            if field.colon_token.is_some() {
                self.wrap(field.expr.span().byte_range(), &variants);
            }
        }
        visit::visit_expr_struct(self, node);
    }
}

fn has_let(expression: &syn::Expr) -> bool {
    if let syn::Expr::Binary(both) = expression {
        return has_let(&both.left) || has_let(&both.right);
    }
    matches!(expression, syn::Expr::Let(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutant(genre: &str, replacement: &str, start: (usize, usize)) -> Mutant {
        Mutant {
            package: "p".to_owned(),
            file: "f".to_owned(),
            name: "n".to_owned(),
            genre: genre.to_owned(),
            replacement: replacement.to_owned(),
            start,
            line: String::new(),
        }
    }

    #[test]
    fn operators_are_woven_from_the_outside_in() {
        let source = "fn f() -> bool { a < b && c }";
        let woven = weave(
            source,
            &[
                (1, mutant("BinaryOperator", ">", (1, 20))),
                (2, mutant("BinaryOperator", "||", (1, 24))),
                (3, mutant("FnValue", "true", (1, 18))),
            ],
        )
        .unwrap();
        let on = |n: u32| format!("if ::zk_types::woven({n})");
        let expected = format!(
            "fn f() -> bool {{ {} {{ return true; }}\n({} {{ (a < b) || (c) }} else {{ ({} {{ \
             (a) > (b) }} else {{ a < b }}) && c }}) }}",
            on(3),
            on(2),
            on(1)
        );
        assert_eq!(woven.text, expected);
        let at = woven.text.find("(a) > (b)").unwrap();
        assert_eq!(woven.blamed(&(at..at + 3)), [1]);
    }

    #[test]
    fn an_arm_goes_by_a_guard_that_is_never_true() {
        let source = "fn f() { match x { 1 => a, 2 if y => b, _ => c, } }";
        let woven = weave(
            source,
            &[
                (1, mutant("MatchArm", "", (1, 20))),
                (2, mutant("MatchArm", "", (1, 28))),
                (3, mutant("MatchArmGuard", "true", (1, 33))),
            ],
        )
        .unwrap();
        assert_eq!(
            woven.text,
            "fn f() { match x { 1 if !::zk_types::woven(1) => a, 2 if (if ::zk_types::woven(3) \
             { true } else { !::zk_types::woven(2) && (y) }) => b, _ => c, } }"
        );
        syn::parse_file(&woven.text).unwrap();
    }
}
