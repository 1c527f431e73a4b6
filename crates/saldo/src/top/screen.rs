//! The figures on a screen, from 80 columns and 24 rows; a smaller one shows what has room.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Sparkline};

use super::figures::{Interval, Moment};
use super::watch::{Contact, Watch};
use crate::duration;
use crate::output::text;
use crate::vitals::{Quantile, show};

/// What is known, and how it is to be shown.
#[derive(Debug)]
pub struct View<'w> {
    pub watch: &'w Watch,
    /// Who is asked.
    pub place: &'w str,
    /// How often.
    pub every: Duration,
    /// Whether colour is welcome; it never carries a meaning alone.
    pub is_coloured: bool,
    /// Whether the keys are explained.
    pub shows_help: bool,
}

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, view: &View<'_>) {
    let outcomes = outcomes(view.watch);
    let [head, state, panels, told, curve, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(11),
        Constraint::Length(u16::from(outcomes.is_some())),
        Constraint::Min(3),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(Paragraph::new(view.head(head.width)), head);
    frame.render_widget(Paragraph::new(view.state()), state);
    let [left, right] =
        Layout::horizontal([Constraint::Percentage(50), Constraint::Percentage(50)]).areas(panels);
    let empty = (Moment::default(), Interval::default());
    let moment = view.watch.moment.as_ref().unwrap_or(&empty.0);
    let interval = view.watch.interval.as_ref().unwrap_or(&empty.1);
    panel(frame, left, " work ", &work(moment, interval));
    panel(frame, right, " bank ", &bank(moment, interval));
    if let Some(outcomes) = outcomes {
        frame.render_widget(Paragraph::new(outcomes), told);
    }
    view.curve(frame, curve);
    frame.render_widget(Paragraph::new(" q quit   p pause   ? help"), foot);
    if view.shows_help {
        help(frame);
    }
}

impl View<'_> {
    /// Who is watched, and since when it runs.
    fn head(&self, width: u16) -> Line<'static> {
        let moment = self.watch.moment.as_ref();
        let label = |label: Option<&String>| label.map(|text| text::message(text).into_owned());
        let version = label(moment.and_then(|moment| moment.version.as_ref()));
        let engine = label(moment.and_then(|moment| moment.engine.as_ref()));
        let words = [Some("saldo".to_owned()), version, engine, Some(self.place.to_owned())];
        let left = words.into_iter().flatten().collect::<Vec<_>>().join("  ");
        let uptime = moment.and_then(|moment| moment.uptime_seconds);
        let right = uptime.map(|uptime| format!("up {}", show::time(uptime))).unwrap_or_default();
        let style = Style::default().add_modifier(Modifier::BOLD);
        Line::styled(spread(&format!(" {left}"), &format!("{right} "), width.into()), style)
    }

    /// Whether what is shown is of now.
    fn state(&self) -> Line<'static> {
        let every = duration::show(self.every);
        let (text, color) = match &self.watch.contact {
            _ if self.watch.is_paused => ("paused; p goes on".to_owned(), Some(Color::Yellow)),
            Contact::None => ("asking for the first time".to_owned(), None),
            Contact::Live => (format!("live, every {every}"), None),
            Contact::Found { is_new: false, .. } => {
                (format!("found again; live, every {every}"), Some(Color::Green))
            }
            Contact::Found { is_new: true, .. } => {
                (format!("it was started again; live, every {every}"), Some(Color::Green))
            }
            Contact::Lost { times, why } => {
                let why = text::message(why);
                (format!("NO ANSWER ({times}): {why}; asking again"), Some(Color::Red))
            }
        };
        Line::styled(format!(" {text}"), self.style(color))
    }

    /// Events per second over the last minutes.
    fn curve(&self, frame: &mut Frame<'_>, area: Rect) {
        let (curve, share) = self.watch.curve(area.width.saturating_sub(2).into());
        let intervals = u32::try_from(curve.len().saturating_mul(share)).unwrap_or(u32::MAX);
        let span = self.every.saturating_mul(intervals).as_secs_f64();
        let peak = curve.iter().flatten().copied().reduce(f64::max);
        let title = match peak {
            None => " events/s ".to_owned(),
            Some(peak) => {
                format!(" events/s, {}, peak {} ", show::time(span), show::rate(peak))
            }
        };
        let bars = curve.into_iter().map(|rate| rate.map(whole));
        let spark = Sparkline::default()
            .block(Block::bordered().title(title))
            .data(bars)
            .absent_value_symbol("·")
            .style(self.style(Some(Color::Cyan)));
        frame.render_widget(spark, area);
    }

    fn style(&self, color: Option<Color>) -> Style {
        match color {
            Some(color) if self.is_coloured => Style::default().fg(color),
            _ => Style::default(),
        }
    }
}

type Rows = [(&'static str, Option<String>); 9];

/// What is done at the moment.
fn work(moment: &Moment, interval: &Interval) -> Rows {
    let time = |quantile: Option<Quantile>| {
        quantile.map(|quantile| match quantile {
            Quantile::About(seconds) => show::time(seconds),
            Quantile::Above(seconds) => format!("over {}", show::time(seconds)),
        })
    };
    [
        ("events/s", interval.events.map(show::rate)),
        ("requests/s", interval.requests.map(show::rate)),
        ("request p99", time(interval.request_p99)),
        ("commits/s", interval.commits.map(show::rate)),
        ("commit p50", time(interval.commit_p50)),
        ("commit p99", time(interval.commit_p99)),
        ("events per commit", interval.group_events.map(show::rate)),
        ("staged, not durable", moment.staged_ahead.map(show::whole)),
        ("index lag", moment.index_lag.map(show::whole)),
    ]
}

/// What there is.
fn bank(moment: &Moment, interval: &Interval) -> Rows {
    let doors = moment
        .connections
        .iter()
        .map(|(door, count)| format!("{} {}", text::message(door), show::count(*count)));
    let doors = doors.collect::<Vec<_>>().join(", ");
    let last = match moment.is_reached {
        Some(true) => ("database", Some("answers".to_owned())),
        Some(false) => ("database", Some("NOT REACHED".to_owned())),
        None => ("disk free", moment.disk_free_bytes.map(show::bytes)),
    };
    [
        ("seq", moment.seq_durable.map(show::whole)),
        ("accounts", moment.accounts.map(show::whole)),
        ("money sum", moment.money_sum.map(money)),
        ("connections", (!doors.is_empty()).then_some(doors)),
        ("checkpoint", moment.checkpoint.map(|(_, age)| format!("{} ago", show::time(age)))),
        ("journal files", moment.segments.map(show::whole)),
        ("memory", moment.memory_bytes.map(show::bytes)),
        ("processors", interval.processors.map(|share| format!("{:.0} %", share * 100.0))),
        last,
    ]
}

fn money(sum: f64) -> String {
    if sum == 0.0 { "0".to_owned() } else { format!("{} IS NOT 0", show::whole(sum)) }
}

/// What came of the requests, in a line; `None` when the server does not tell.
fn outcomes(watch: &Watch) -> Option<Line<'static>> {
    let outcomes = &watch.interval.as_ref()?.outcomes;
    if outcomes.is_empty() {
        return None;
    }
    let rates: Vec<String> = outcomes
        .iter()
        .map(|(outcome, rate)| format!("{} {}/s", text::message(outcome), show::rate(*rate)))
        .collect();
    Some(Line::from(format!(" {}", rates.join("   "))))
}

fn panel(frame: &mut Frame<'_>, area: Rect, title: &'static str, rows: &Rows) {
    let block = Block::bordered().title(title);
    let width = block.inner(area).width.into();
    let lines: Vec<Line<'_>> = rows
        .iter()
        .map(|(name, value)| {
            let value = value.as_deref().unwrap_or("-");
            Line::from(Span::raw(spread(&format!(" {name}"), &format!("{value} "), width)))
        })
        .collect();
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

/// One text on the left and one on the right of so many columns.
fn spread(left: &str, right: &str, width: usize) -> String {
    let room = width.saturating_sub(left.chars().count() + right.chars().count()).max(1);
    format!("{left}{}{right}", " ".repeat(room))
}

const KEYS: [&str; 9] = [
    " q, Ctrl-C  quit",
    " p           pause, and go on",
    " ?           these lines",
    "",
    " Rates, p50 and p99 are of the last interval",
    " alone. p99: all but one in a hundred took at",
    " most so long. - is what the server does not",
    " tell. A dot in the curve is an interval of",
    " which nothing is known.",
];

/// The keys, and how to read the rest, over everything else.
fn help(frame: &mut Frame<'_>) {
    let area = frame.area();
    let (width, height) = (area.width.min(50), area.height.min(11));
    let place = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    frame.render_widget(Clear, place);
    let lines: Vec<Line<'_>> = KEYS.into_iter().map(Line::from).collect();
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(" help ")), place);
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bar is as high as the nearest whole number"
)]
fn whole(rate: f64) -> u64 {
    rate.round() as u64
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;

    fn shown(view: &View<'_>, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, view)).unwrap();
        let cells = terminal.backend().buffer().content();
        let rows = cells.chunks(width.into()).map(|row| {
            let row: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
            row.trim_end().to_owned() + "\n"
        });
        rows.collect()
    }

    fn view(watch: &Watch) -> View<'_> {
        let every = Duration::from_secs(1);
        View { watch, place: "127.0.0.1:5080", every, is_coloured: false, shows_help: false }
    }

    fn busy() -> Watch {
        let moment = Moment {
            version: Some("0.1.0".into()),
            engine: Some("folder".into()),
            seq_durable: Some(1_234_567.0),
            staged_ahead: Some(42.0),
            index_lag: Some(1_000.0),
            accounts: Some(10_000.0),
            money_sum: Some(0.0),
            connections: vec![("http".into(), 1.0), ("tcp".into(), 16.0)],
            segments: Some(3.0),
            memory_bytes: Some(98_200_000.0),
            disk_free_bytes: Some(212_000_000_000.0),
            uptime_seconds: Some(11_520.0),
            checkpoint: Some((1_200_000.0, 754.0)),
            is_reached: None,
        };
        let interval = Interval {
            events: Some(81_250.0),
            commits: Some(1_250.0),
            commit_p50: Some(Quantile::About(0.000_25)),
            commit_p99: Some(Quantile::About(0.001_25)),
            group_events: Some(65.0),
            requests: Some(81_300.0),
            request_p99: Some(Quantile::Above(10.0)),
            outcomes: vec![("ok".into(), 81_250.0), ("insufficient_funds".into(), 50.0)],
            processors: Some(1.42),
        };
        Watch {
            moment: Some(moment),
            interval: Some(interval),
            history: (0..40).map(|number| (number != 20).then_some(f64::from(number))).collect(),
            contact: Contact::Live,
            ..Watch::default()
        }
    }

    #[test]
    fn a_busy_server_fits_80_columns_and_24_rows() {
        assert_eq!(shown(&view(&busy()), 80, 24), include_str!("golden/busy.txt"));
    }

    #[test]
    fn a_server_that_is_away_shows_why_and_no_rates() {
        let why = "connection refused".to_owned();
        let watch = Watch { interval: None, contact: Contact::Lost { times: 3, why }, ..busy() };
        assert_eq!(shown(&view(&watch), 80, 24), include_str!("golden/lost.txt"));
    }

    #[test]
    fn help_stands_over_a_server_that_nobody_has_heard_of() {
        let watch = Watch::default();
        let view = View { shows_help: true, ..view(&watch) };
        assert_eq!(shown(&view, 80, 24), include_str!("golden/help.txt"));
    }

    #[test]
    fn money_that_was_made_and_a_database_that_is_away_are_told_in_words() {
        let mut watch = busy();
        watch.is_paused = true;
        let moment = watch.moment.as_mut().unwrap();
        (moment.money_sum, moment.is_reached) = (Some(-7.0), Some(false));
        let shown = shown(&view(&watch), 80, 24);
        for words in ["-7 IS NOT 0", "NOT REACHED", "paused; p goes on"] {
            assert!(shown.contains(words), "{words}: {shown}");
        }
    }

    #[test]
    fn every_size_is_drawn() {
        let watch = busy();
        for (width, height) in [(1, 1), (10, 3), (40, 12), (79, 23), (200, 60)] {
            for shows_help in [false, true] {
                let view = View { shows_help, ..view(&watch) };
                assert_eq!(shown(&view, width, height).lines().count(), usize::from(height));
            }
        }
    }

    #[test]
    fn without_colour_there_is_none() {
        let watch = Watch { contact: Contact::Lost { times: 1, why: "gone".into() }, ..busy() };
        for is_coloured in [false, true] {
            let view = View { is_coloured, ..view(&watch) };
            let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
            terminal.draw(|frame| draw(frame, &view)).unwrap();
            let cells = terminal.backend().buffer().content();
            assert_eq!(cells.iter().any(|cell| cell.fg != Color::Reset), is_coloured);
        }
    }
}
