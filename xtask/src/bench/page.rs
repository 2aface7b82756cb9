//! The page: a table and bars for everything that was measured.

use super::figures::Figure;
use super::report::{Row, cell};
use std::fmt::Write as _;

/// The longest bar, in pixels.
const BAR: f64 = 360.0;
/// What is drawn, the first of these that a row has and then the others.
const DRAWN: [Figure; 9] = [
    Figure::Throughput,
    Figure::ServerTime,
    Figure::P50,
    Figure::P99,
    Figure::LastTold,
    Figure::Gap,
    Figure::Start,
    Figure::BytesEach,
    Figure::Resident,
];

const HEAD: &str = "<!doctype html><meta charset=utf-8><title>Vivarium beside its peers</title><style>\
     body{font:15px system-ui;max-width:75em;margin:2em auto}table{border-collapse:collapse}\
     td,th{padding:.2em .8em;text-align:right}td:first-child{text-align:left}\
     .bar{display:inline-block;height:.8em;background:#4a7}.apache{background:#c63}\
     .debian{background:#a84}.floor{background:#999}.missed{color:#b00}</style>\
     <h1>Vivarium beside its peers</h1>";

/// The page of these rows.
pub(super) fn of(rows: &[Row]) -> String {
    let mut page = HEAD.to_owned();
    for row in rows {
        section(row, &mut page).expect("a string takes all");
    }
    page
}

fn section(row: &Row, page: &mut String) -> std::fmt::Result {
    write!(page, "<h2>{}</h2><table><tr><th>", row.name)?;
    let columns = row.columns();
    for figure in &columns {
        write!(page, "<th>{}", figure.head())?;
    }
    for kind in row.measured.keys() {
        write!(page, "<tr><td>{kind}")?;
        for figure in &columns {
            write!(page, "<td>{}", cell(row, *kind, *figure))?;
        }
    }
    page.push_str("</table>");
    for figure in DRAWN.into_iter().filter(|figure| columns.contains(figure)) {
        bars(row, figure, page)?;
    }
    for verdict in row.verdicts() {
        let class = if verdict.is_met { "met" } else { "missed" };
        write!(page, "<p class={class}>{class}: {}", verdict.sentence)?;
    }
    Ok(())
}

fn bars(row: &Row, figure: Figure, page: &mut String) -> std::fmt::Result {
    let kinds = row.measured.keys();
    let middles: Vec<_> = kinds
        .filter_map(|kind| Some((kind, row.spread(*kind, figure)?.median)))
        .collect();
    let most = middles
        .iter()
        .map(|(_, median)| *median)
        .fold(f64::MIN_POSITIVE, f64::max);
    write!(
        page,
        "<table><tr><th colspan=3 style=text-align:left>{}",
        figure.head()
    )?;
    for (kind, median) in middles {
        let width = median / most * BAR;
        write!(
            page,
            "<tr><td>{kind}<td style=text-align:left><i class='bar {kind}' \
             style='width:{width:.0}px'></i><td>{}",
            figure.shown(median)
        )?;
    }
    page.push_str("</table>");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::figures::{Figures, Goal};
    use crate::bench::subject::Kind;
    use std::collections::BTreeMap;

    #[test]
    fn the_page_says_of_each_goal_whether_it_was_met() {
        let turn = Figures::from([(Figure::Gap, 90.0)]);
        let row = Row {
            name: "a gap",
            goals: &[
                Goal::AtMost(Figure::Gap, 200.0),
                Goal::AtMost(Figure::Gap, 20.0),
            ],
            measured: BTreeMap::from([(Kind::Vivarium, vec![turn])]),
        };
        let page = of(&[row]);
        assert!(page.contains("class=met>") && page.contains("class=missed>"));
        assert!(page.contains("gap ms"));
    }
}
