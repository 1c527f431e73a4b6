//! From runs to figures: median, spread and ratio, and how numbers are written. Not here: tables
//! and plots.

use std::time::Duration;

use super::banks::Bank;
use super::load::Measured;
use super::workload::ROWS;

/// All runs of one bank.
#[derive(Clone, Debug)]
pub struct Series {
    /// Which.
    pub bank: Bank,
    /// As it names itself.
    pub version: String,
    /// For each row, its runs in order.
    pub runs: Vec<Vec<Measured>>,
}

/// The figures of one bank on one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Transfers per second: the median of the runs, and the least and the most of them.
    pub median: u64,
    pub least: u64,
    pub most: u64,
    /// Medians of the runs' percentiles.
    pub p50: Duration,
    pub p99: Duration,
    /// Median of the generator's processor time per transfer, where it is known.
    pub generator_nanos: Option<u64>,
}

impl Series {
    /// Without any run yet.
    pub fn new(bank: Bank, version: String) -> Self {
        Self { bank, version, runs: vec![Vec::new(); ROWS.len()] }
    }

    /// The figures of a row; `None` before it has run.
    pub fn figures(&self, row: usize) -> Option<Figures> {
        let runs = self.runs.get(row).filter(|runs| !runs.is_empty())?;
        let rates: Vec<u64> = runs.iter().map(|run| run.per_second).collect();
        let generator: Vec<u64> = runs.iter().filter_map(|run| run.generator_nanos).collect();
        Some(Figures {
            median: median(rates.clone())?,
            least: rates.iter().copied().min()?,
            most: rates.iter().copied().max()?,
            p50: median(runs.iter().map(|run| run.p50).collect())?,
            p99: median(runs.iter().map(|run| run.p99).collect())?,
            generator_nanos: median(generator),
        })
    }
}

/// The middle one; the lower of the two in the middle, so that it is one that happened.
pub fn median<T: Ord + Copy>(mut values: Vec<T>) -> Option<T> {
    values.sort();
    values.get(values.len().checked_sub(1)? / 2).copied()
}

/// How many times `one` is `other`, with one digit: `4.1`.
pub fn ratio(one: u64, other: u64) -> Option<String> {
    let tenths = (one.checked_mul(10)?.checked_add(other / 2)?).checked_div(other)?;
    Some(format!("{}.{}", tenths / 10, tenths % 10))
}

/// A rate as people read it: three digits that count, thousands apart.
pub fn rate(per_second: u64) -> String {
    let mut unit = 1;
    while per_second / unit >= 1_000 {
        unit *= 10;
    }
    grouped((per_second + unit / 2) / unit * unit)
}

/// A whole number with its thousands apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A time as people read it: microseconds below a millisecond, else milliseconds with a digit
/// that counts.
pub fn micros(time: Duration) -> String {
    let micros = time.as_micros();
    if micros < 1_000 {
        return format!("{micros} µs");
    }
    let tenths = (micros + 50) / 100;
    if tenths < 1_000 {
        format!("{}.{} ms", tenths / 10, tenths % 10)
    } else {
        format!("{} ms", (tenths + 5) / 10)
    }
}

#[cfg(test)]
pub mod samples {
    use std::time::Duration;

    use super::Series;
    use crate::peers::banks::{BANKS, Bank};
    use crate::peers::load::Measured;
    use crate::peers::workload::ROWS;

    /// A run with this rate.
    pub fn run(per_second: u64) -> Measured {
        Measured {
            per_second,
            acknowledged: per_second,
            p50: Duration::from_micros(250),
            p99: Duration::from_micros(2_250),
            generator_nanos: Some(300),
        }
    }

    /// Every bank, each slower than the one before, with three runs of each row.
    pub fn results() -> Vec<Series> {
        let result = |(bank, rate): (Bank, u64)| {
            let mut result = Series::new(bank, format!("{} 1.0", bank.word()));
            result.runs = vec![vec![run(rate), run(rate * 2), run(rate / 2)]; ROWS.len()];
            result
        };
        BANKS.into_iter().zip([400_000, 100_000, 20_000, 5_000]).map(result).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Series, median, micros, rate, ratio, samples};
    use crate::peers::banks::Bank;

    #[test]
    fn a_median_is_one_of_the_runs() {
        assert_eq!(median(vec![5, 1, 9]), Some(5));
        assert_eq!(median(vec![4, 1, 9, 5]), Some(4));
        assert_eq!(median(Vec::<u64>::new()), None);
    }

    #[test]
    fn a_row_has_the_median_and_the_spread_of_its_runs_and_none_before_it_ran() {
        let mut result = Series::new(Bank::Saldo, String::new());
        assert_eq!(result.figures(0), None);
        result.runs[0] = vec![samples::run(300), samples::run(100), samples::run(200)];
        let figures = result.figures(0).unwrap();
        assert_eq!((figures.median, figures.least, figures.most), (200, 100, 300));
        assert_eq!(figures.generator_nanos, Some(300));
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(ratio(410, 100).as_deref(), Some("4.1"));
        assert_eq!(ratio(1, 3).as_deref(), Some("0.3"));
        assert_eq!(ratio(1, 0), None);
        assert_eq!(rate(523_456), "523,000");
        assert_eq!(rate(1_999_999), "2,000,000");
        assert_eq!(rate(12_345), "12,300");
        assert_eq!(rate(999), "999");
        assert_eq!(micros(Duration::from_micros(999)), "999 µs");
        assert_eq!(micros(Duration::from_micros(2_250)), "2.3 ms");
        assert_eq!(micros(Duration::from_micros(150_400)), "150 ms");
    }
}
