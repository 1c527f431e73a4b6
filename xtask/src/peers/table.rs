//! The comparison as text: the same for the terminal and for the document.

use super::arguments::Arguments;
use super::banks::Bank;
use super::figures::{Series, grouped, micros, rate, ratio};
use super::machine::Machine;
use super::tigerbeetle::Benchmark;
use super::workload::ROWS;

/// All of it, in Markdown.
pub fn markdown(
    arguments: &Arguments,
    machine: &Machine,
    results: &[Series],
    tigerbeetle: Option<&Benchmark>,
) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let mut say = |line: &str| text.extend([line, "\n"]);
    say(&format!(
        "{} of {} s for each row after a second of warm-up, {} accounts, a unique tx_id for each \
         transfer. Machine: {}.",
        rounds(arguments.rounds),
        arguments.measured.as_secs(),
        grouped(arguments.accounts.into()),
        machine.sentence()
    ));
    say("");
    say(&rows(results));
    if let Some(benchmark) = tigerbeetle {
        say(&format!(
            "TigerBeetle ({}), by its own `benchmark` on the same disk: {} transfers/s. Its requests are \
             batches of thousands of transfers, each request durable as a whole, so this figure \
             stands beside the rows and not in them.",
            benchmark.version,
            rate(benchmark.per_second)
        ));
        say("");
    }
    say(&abouts(results));
    text.trim_end().to_owned()
}

fn rounds(count: u32) -> String {
    if count == 1 { "1 round".to_owned() } else { format!("{count} rounds") }
}

/// A line for each row and bank.
fn rows(results: &[Series]) -> String {
    let mut lines = vec![
        "| workload | bank | transfers/s, median | runs | Saldo is | p50 | p99 | generator per transfer |"
            .to_owned(),
        "|---|---|---|---|---|---|---|---|".to_owned(),
    ];
    for (index, row) in ROWS.iter().enumerate() {
        let saldo = results
            .iter()
            .find(|result| result.bank == Bank::Saldo)
            .and_then(|result| result.figures(index))
            .map(|figures| figures.median);
        for result in results {
            let Some(figures) = result.figures(index) else { continue };
            let faster = match (result.bank, saldo) {
                (Bank::Saldo, _) | (_, None) => "–".to_owned(),
                (_, Some(saldo)) => ratio(saldo, figures.median)
                    .map_or("–".to_owned(), |times| format!("{times} times as fast")),
            };
            let generator = figures
                .generator_nanos
                .map_or("–".to_owned(), |nanos| format!("{} ns", grouped(nanos)));
            lines.push(format!(
                "| {} | {} | {} | {} to {} | {faster} | {} | {} | {generator} |",
                row.title,
                result.bank.title(),
                rate(figures.median),
                rate(figures.least),
                rate(figures.most),
                micros(figures.p50),
                micros(figures.p99),
            ));
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

/// What differs between the banks.
fn abouts(results: &[Series]) -> String {
    let mut text =
        "| bank | version | settings | a tx_id is known | on the disk when the answer comes |\n\
                    |---|---|---|---|---|\n"
            .to_owned();
    for result in results {
        let about = result.bank.about();
        let row = format!(
            "| {} | {} | {} | {} | {} |\n",
            result.bank.title(),
            result.version,
            about.settings,
            about.remembers,
            about.on_disk
        );
        text.push_str(&row);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::markdown;
    use crate::peers::arguments::Arguments;
    use crate::peers::disk::Disk;
    use crate::peers::figures::samples;
    use crate::peers::machine::Machine;
    use crate::peers::tigerbeetle::Benchmark;

    fn machine() -> Machine {
        Machine {
            cores: 2,
            processor: Some("A Fast One".into()),
            kernel: "Linux 6.1".into(),
            disk: Disk {
                filesystem: "ext4".into(),
                sync_median: Duration::from_micros(120),
                sync_p99: Duration::from_micros(900),
            },
            load_before: Some("0.10".into()),
            day: "2026-11-25".into(),
        }
    }

    #[test]
    fn every_row_shows_every_bank_with_median_spread_and_ratio() {
        let arguments = Arguments::parse(&[]).unwrap();
        let text = markdown(&arguments, &machine(), &samples::results(), None);
        let lines: Vec<&str> = text.lines().collect();
        for line in [
            "3 rounds of 5 s for each row after a second of warm-up, 10,000 accounts, a unique tx_id \
             for each transfer. Machine: 2 cores (A Fast One), Linux 6.1, ext4, a write of 4 KiB \
             with its sync 120 µs (median; p99 900 µs); load average before the run 0.10; 2026-11-25.",
            "| 16 connections × 64 in flight | Saldo | 400,000 | 200,000 to 800,000 | – | 250 µs | \
             2.3 ms | 300 ns |",
            "| 64 connections × 1 in flight | PostgreSQL | 20,000 | 10,000 to 40,000 | 20.0 times as \
             fast | 250 µs | 2.3 ms | 300 ns |",
            "| one hot account, 16 × 64 | the original's design | 5,000 | 2,500 to 10,000 | 80.0 times \
             as fast | 250 µs | 2.3 ms | 300 ns |",
        ] {
            assert!(lines.contains(&line), "{line}\nis not in\n{text}");
        }
        // A heading, a rule and a line each: 3 rows of 4 banks, and 4 banks.
        assert_eq!(lines.iter().filter(|line| line.starts_with('|')).count(), 2 + 12 + 2 + 4);
    }

    #[test]
    fn tigerbeetle_stands_beside_the_rows_and_says_that_it_takes_batches() {
        let arguments = Arguments::parse(&[]).unwrap();
        let benchmark = Benchmark { version: "0.16".into(), per_second: 260_320 };
        let text = markdown(&arguments, &machine(), &samples::results(), Some(&benchmark));
        let line = text.lines().find(|line| line.starts_with("TigerBeetle (0.16)")).unwrap();
        assert!(line.contains("260,000 transfers/s") && line.contains("batches"), "{line}");
    }

    #[test]
    fn a_machine_that_was_busy_is_said_to_be() {
        let busy = |load: &str| {
            Machine { load_before: Some(load.into()), ..machine() }.sentence().contains("busy")
        };
        assert_eq!(["0.99", "1.00", "14.19"].map(busy), [false, true, true]);
    }
}
