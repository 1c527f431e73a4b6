//! Plots as SVG: lines over time, percentiles on a scale of powers of ten, bars. Colours are classes
//! of the page's style, and every series is named in the plot, so that colour carries nothing alone.

/// Size of a plot and of its margins.
const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 110.0;
const TOP: f64 = 28.0;
const BOTTOM: f64 = 44.0;

/// Which colour a series has: runs go through five and begin again, an earlier time has its own.
#[derive(Clone, Copy)]
pub enum Colour {
    /// Of the run at this place, from 0.
    Run(usize),
    /// Of what it is compared with.
    Earlier,
}

impl Colour {
    fn number(self) -> usize {
        match self {
            Self::Run(place) => place % 5,
            Self::Earlier => 5,
        }
    }
}

/// One line of a plot, in its own units.
pub struct Series {
    /// As the reader calls it.
    pub name: String,
    /// Its colour in every plot.
    pub colour: Colour,
    /// From left to right.
    pub points: Vec<(f64, f64)>,
}

/// Lines over numbers, from zero.
pub struct Lines {
    /// What it shows, for who cannot see it.
    pub title: &'static str,
    /// Unit across.
    pub across: &'static str,
    /// Unit upwards.
    pub up: &'static str,
    /// The lines.
    pub series: Vec<Series>,
}

/// Bars, one below the other, from zero.
pub struct Bars {
    /// What it shows, for who cannot see it.
    pub title: &'static str,
    /// Each with its name and its colour.
    pub bars: Vec<(String, Colour, f64)>,
}

impl Lines {
    /// As SVG.
    pub fn draw(&self) -> String {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let across = ceiling(points().map(|point| point.0).fold(0.0, f64::max));
        let up = ceiling(points().map(|point| point.1).fold(0.0, f64::max));
        let mut svg = Svg::new(self.title, HEIGHT);
        for step in 0..=4 {
            let share = f64::from(step) / 4.0;
            svg.row(level(share), &short(up * share));
            svg.text(column(share), HEIGHT - BOTTOM + 18.0, "middle", &short(across * share));
        }
        svg.text(column(0.5), HEIGHT - 8.0, "middle", self.across);
        svg.text(LEFT, 12.0, "end", self.up);
        for (place, series) in self.series.iter().enumerate() {
            let to = |point: &(f64, f64)| (column(point.0 / across), level(point.1 / up));
            svg.line(place, series, to);
        }
        svg.end()
    }
}

impl Bars {
    /// As SVG.
    pub fn draw(&self) -> String {
        const STEP: f64 = 26.0;
        let longest = ceiling(self.bars.iter().map(|bar| bar.2).fold(0.0, f64::max));
        let count = f64::from(u32::try_from(self.bars.len()).unwrap_or(u32::MAX));
        let mut svg = Svg::new(self.title, STEP * count + 8.0);
        for (place, (name, colour, length)) in self.bars.iter().enumerate() {
            let y = STEP * f64::from(u32::try_from(place).unwrap_or(u32::MAX)) + 4.0;
            let width = (column(length / longest) - LEFT).max(1.0);
            svg.text(LEFT - 8.0, y + 14.0, "end", name);
            let colour = colour.number();
            svg.add(&format!(
                "<rect class=\"f{colour}\" x=\"{LEFT}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"18\"/>"
            ));
            svg.text(LEFT + width + 6.0, y + 14.0, "start", &short(*length));
        }
        svg.end()
    }
}

/// Series over `names`, whose places are the points' first numbers, on a scale of powers of ten.
pub fn percentiles(title: &str, names: &[&str], series: &[Series]) -> String {
    let values = || series.iter().flat_map(|series| &series.points).map(|point| point.1);
    // A latency of nothing has no logarithm: a microsecond is the finest that is told.
    let power = |value: f64| value.max(0.001).log10();
    let low = values().map(power).fold(f64::INFINITY, f64::min).floor().clamp(-3.0, 9.0);
    let high = values().map(power).fold(f64::NEG_INFINITY, f64::max).ceil().clamp(low + 1.0, 10.0);
    let mut svg = Svg::new(title, HEIGHT);
    let mut exponent = low;
    while exponent <= high {
        let shown = format!("{} ms", short(10_f64.powf(exponent)));
        svg.row(level((exponent - low) / (high - low)), &shown);
        exponent += 1.0;
    }
    let last = f64::from(u32::try_from(names.len().max(2) - 1).unwrap_or(u32::MAX));
    for (place, name) in (0..).map(f64::from).zip(names) {
        svg.text(column(place / last), HEIGHT - BOTTOM + 18.0, "middle", name);
    }
    for (place, series) in series.iter().enumerate() {
        let to = |point: &(f64, f64)| {
            (column(point.0 / last), level((power(point.1) - low) / (high - low)))
        };
        svg.line(place, series, to);
    }
    svg.end()
}

fn column(share: f64) -> f64 {
    LEFT + share * (WIDTH - LEFT - RIGHT)
}

fn level(share: f64) -> f64 {
    HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
}

/// The next round number: 1, 2, 4 or 8 times a power of ten, all of which a quarter divides well.
fn ceiling(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 4.0, 6.0, 8.0, 10.0];
    steps.into_iter().map(|step| step * power).find(|round| *round >= value).unwrap_or(value)
}

/// A number with as many digits as a scale needs.
fn short(value: f64) -> String {
    let (scaled, unit) = match value {
        _ if value >= 1e6 => (value / 1e6, "M"),
        _ if value >= 1e4 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let text = format!("{scaled:.3}");
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

struct Svg(String);

impl Svg {
    fn new(title: &str, height: f64) -> Self {
        Self(format!(
            "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{title}\">\n"
        ))
    }

    fn add(&mut self, element: &str) {
        self.0.push_str(element);
        self.0.push('\n');
    }

    fn text(&mut self, x: f64, y: f64, anchor: &str, text: &str) {
        self.add(&format!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
        ));
    }

    /// A line of the grid with its number.
    fn row(&mut self, y: f64, text: &str) {
        let right = column(1.0);
        self.add(&format!(
            "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right:.1}\" y2=\"{y:.1}\"/>"
        ));
        self.text(LEFT - 8.0, y + 4.0, "end", text);
    }

    /// A series, and its name at its own place to the right.
    fn line(&mut self, place: usize, series: &Series, to: impl Fn(&(f64, f64)) -> (f64, f64)) {
        let mut points = String::new();
        for (x, y) in series.points.iter().map(to) {
            points.push_str(&format!("{x:.1},{y:.1} "));
        }
        let colour = series.colour.number();
        self.add(&format!("<polyline class=\"s{colour}\" points=\"{}\"/>", points.trim_end()));
        let y = TOP + 16.0 * f64::from(u32::try_from(place).unwrap_or(u32::MAX)) + 8.0;
        let x = column(1.0) + 12.0;
        self.add(&format!(
            "<rect class=\"f{colour}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"10\" height=\"10\"/>",
            y - 9.0
        ));
        self.text(x + 16.0, y, "start", &series.name);
    }

    fn end(mut self) -> String {
        self.0.push_str("</svg>\n");
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_end_at_round_numbers() {
        for (value, round) in [(0.0, 1.0), (1.0, 1.0), (537_617.0, 600_000.0), (9.1, 10.0)] {
            assert!((ceiling(value) - round).abs() < 1e-6, "{value}");
        }
        let shown = [0.0, 0.25, 9_999.0, 537_617.0, 1_500_000.0].map(short);
        assert_eq!(shown, ["0", "0.25", "9999", "537.617k", "1.5M"]);
    }

    #[test]
    fn a_line_stays_within_its_plot() {
        let series = vec![Series {
            name: "run 1".into(),
            colour: Colour::Run(0),
            points: vec![(0.0, 0.0), (2.0, 400.0)],
        }];
        let svg = Lines { title: "t", across: "s", up: "n", series }.draw();
        assert!(svg.contains("points=\"80.0,276.0 790.0,28.0\""), "{svg}");
    }

    #[test]
    fn a_latency_of_nothing_and_no_series_at_all_can_be_drawn() {
        let zero = [Series {
            name: "run 1".into(),
            colour: Colour::Run(0),
            points: vec![(0.0, 0.0), (1.0, 1_000.0)],
        }];
        assert!(!percentiles("t", &["p50", "max"], &zero).contains("NaN"));
        assert!(!percentiles("t", &["p50", "max"], &[]).contains("NaN"));
        assert!(
            !Lines { title: "t", across: "s", up: "n", series: Vec::new() }.draw().contains("NaN")
        );
    }
}
