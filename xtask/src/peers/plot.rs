//! The comparison as a picture: a group of bars per row, a bar per bank, in SVG. Colours follow the
//! reader's light or dark theme.

use super::banks::Bank;
use super::figures::{Figures, Series, rate};
use super::workload::ROWS;

const WIDTH: u64 = 760;
/// Where bars begin: names stand to the left.
const BARS_X: u64 = 170;
/// The longest bar; its number stands to the right.
const BARS_WIDTH: u64 = 480;
const BAR_HEIGHT: u64 = 16;
const BAR_STEP: u64 = 24;
const TITLE_HEIGHT: u64 = 30;
const GROUP_GAP: u64 = 14;
const TOP: u64 = 34;

const STYLE: &str = "\
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; }
.note { fill: #59636e; }
.bar { fill: #8c959f; }
.saldo { fill: #1f7a4d; }
.spread { stroke: #1f2328; stroke-width: 1.5; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .note { fill: #9198a1; }
  .bar { fill: #6e7681; }
  .saldo { fill: #3fb950; }
  .spread { stroke: #e6edf3; }
}";

/// The picture. Bars are medians, lines are the spread; each group has a scale of its own.
pub fn svg(results: &[Series]) -> String {
    let mut body = String::new();
    let mut y = TOP;
    for (index, row) in ROWS.iter().enumerate() {
        let bars: Vec<(&Series, Figures)> =
            results.iter().filter_map(|result| Some((result, result.figures(index)?))).collect();
        let Some(most) = bars.iter().map(|(_, figures)| figures.most).max() else { continue };
        body.push_str(&format!(
            "<text class=\"title\" x=\"10\" y=\"{}\">{}</text>\n",
            y + 16,
            row.title
        ));
        y += TITLE_HEIGHT;
        for (result, figures) in bars {
            body.push_str(&bar(result, figures, most, y));
            y += BAR_STEP;
        }
        y += GROUP_GAP;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y}\" width=\"{WIDTH}\" \
         height=\"{y}\" role=\"img\" aria-label=\"Durable transfers per second, by bank\">\n\
         <style>\n{STYLE}\n</style>\n\
         <text class=\"note\" x=\"10\" y=\"20\">Transfers per second: median of the runs, and their \
         spread. Longer is faster.</text>\n{body}</svg>\n"
    )
}

/// One bank's name, bar, spread and number.
fn bar(result: &Series, figures: Figures, most: u64, y: u64) -> String {
    let x = |value: u64| BARS_X + (value * BARS_WIDTH).checked_div(most).unwrap_or_default();
    let class = if result.bank == Bank::Saldo { "bar saldo" } else { "bar" };
    let (middle, baseline) = (y + BAR_HEIGHT / 2, y + 13);
    // A bank that is very slow beside another still has a bar that can be seen.
    let width = (x(figures.median) - BARS_X).max(1);
    format!(
        "<text x=\"{}\" y=\"{baseline}\" text-anchor=\"end\">{}</text>\n\
         <rect class=\"{class}\" x=\"{BARS_X}\" y=\"{y}\" width=\"{width}\" height=\"{BAR_HEIGHT}\" \
         rx=\"2\"/>\n\
         <line class=\"spread\" x1=\"{}\" x2=\"{}\" y1=\"{middle}\" y2=\"{middle}\"/>\n\
         <text x=\"{}\" y=\"{baseline}\">{}/s</text>\n",
        BARS_X - 10,
        result.bank.title(),
        x(figures.least),
        x(figures.most),
        x(figures.most) + 8,
        rate(figures.median)
    )
}

#[cfg(test)]
mod tests {
    use super::svg;
    use crate::peers::banks::BANKS;
    use crate::peers::figures::samples;
    use crate::peers::workload::ROWS;

    #[test]
    fn every_row_has_a_bar_and_a_name_for_every_bank() {
        let picture = svg(&samples::results());
        assert_eq!(picture.matches("<rect ").count(), ROWS.len() * BANKS.len());
        for bank in BANKS {
            let name = format!(">{}</text>", bank.title());
            assert_eq!(picture.matches(&name).count(), ROWS.len(), "{name}");
        }
    }

    #[test]
    fn bars_are_as_long_as_their_medians_and_numbers_stand_beside_them() {
        let picture = svg(&samples::results());
        // The fastest run of all, 800,000, is the whole width; medians are 400,000 and 5,000.
        assert_eq!(picture.matches("width=\"240\"").count(), ROWS.len());
        assert_eq!(picture.matches("width=\"3\"").count(), ROWS.len());
        assert_eq!(picture.matches(">400,000/s<").count(), ROWS.len());
    }

    #[test]
    fn colours_follow_a_dark_theme() {
        assert!(svg(&samples::results()).contains("prefers-color-scheme: dark"));
    }
}
