//! How long things took, in ranges: what lies between two pages, and its quantiles.

use super::Page;

/// How many values lie up to each bound.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// Upper bounds in rising order, the last one infinite, each with how many values lie up to it.
    buckets: Vec<(f64, f64)>,
    sum: f64,
}

/// Where a quantile lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Quantile {
    /// About here, within the range of its bucket.
    About(f64),
    /// Above the last bound that there is.
    Above(f64),
}

impl Quantile {
    /// The value; of one above the last bound, that bound.
    pub fn value(self) -> f64 {
        match self {
            Self::About(value) | Self::Above(value) => value,
        }
    }
}

impl Histogram {
    /// The histogram of this name, added up over all labels; `None` when the server tells none.
    pub fn of(page: &Page, name: &str) -> Option<Self> {
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for sample in page.all(&format!("{name}_bucket")) {
            let bound: f64 = sample.label("le")?.parse().ok()?;
            match buckets.iter_mut().find(|(own, _)| own.total_cmp(&bound).is_eq()) {
                Some((_, count)) => *count += sample.value,
                None => buckets.push((bound, sample.value)),
            }
        }
        buckets.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let sum = page.sum(&format!("{name}_sum"))?;
        (!buckets.is_empty()).then_some(Self { buckets, sum })
    }

    /// What was added since `earlier`; `None` when that is of another process.
    pub fn since(&self, earlier: &Self) -> Option<Self> {
        if self.buckets.len() != earlier.buckets.len() {
            return None;
        }
        let pairs = self.buckets.iter().zip(&earlier.buckets);
        let buckets: Vec<(f64, f64)> =
            pairs.map(|((bound, count), (_, before))| (*bound, count - before)).collect();
        let has_grown = buckets.iter().all(|(_, count)| *count >= 0.0);
        has_grown.then_some(Self { buckets, sum: self.sum - earlier.sum })
    }

    /// How many values there are.
    pub fn count(&self) -> f64 {
        self.buckets.last().map_or(0.0, |(_, count)| *count)
    }

    /// The mean of all values; `None` when there is none.
    pub fn mean(&self) -> Option<f64> {
        (self.count() > 0.0).then(|| self.sum / self.count())
    }

    /// Below which value the share `share` (0 to 1) of all lies, taking the values of a range as evenly
    /// spread over it; `None` when there is no value.
    pub fn quantile(&self, share: f64) -> Option<Quantile> {
        let count = self.count();
        if count <= 0.0 {
            return None;
        }
        let rank = share * count;
        let (mut below, mut lower) = (0.0, 0.0);
        for (bound, up_to) in &self.buckets {
            if *up_to >= rank && *up_to > below {
                if bound.is_infinite() {
                    return Some(Quantile::Above(lower));
                }
                let part = (rank - below) / (up_to - below);
                return Some(Quantile::About(lower + (bound - lower) * part));
            }
            (below, lower) = (*up_to, *bound);
        }
        Some(Quantile::Above(lower))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(counts: [u32; 3], sum: f64) -> Histogram {
        let [one, two, all] = counts;
        let text = format!(
            "d_bucket{{le=\"0.1\"}} {one}\nd_bucket{{le=\"0.2\"}} {two}\n\
             d_bucket{{le=\"+Inf\"}} {all}\nd_sum {sum}\nd_count {all}\n# EOF\n"
        );
        Histogram::of(&Page::parse(&text).unwrap(), "d").unwrap()
    }

    fn close(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-9
    }

    #[test]
    fn a_quantile_lies_within_the_range_in_which_its_rank_falls() {
        let histogram = histogram([50, 100, 100], 12.0);
        assert!(close(histogram.quantile(0.25).unwrap().value(), 0.05));
        assert!(close(histogram.quantile(0.5).unwrap().value(), 0.1));
        assert!(close(histogram.quantile(0.99).unwrap().value(), 0.198));
        assert!(close(histogram.mean().unwrap(), 0.12));
    }

    #[test]
    fn a_quantile_above_the_last_bound_says_so_and_of_nothing_there_is_none() {
        assert_eq!(histogram([1, 1, 100], 9.0).quantile(0.99), Some(Quantile::Above(0.2)));
        assert_eq!(histogram([0, 0, 0], 0.0).quantile(0.99), None);
        assert_eq!(histogram([0, 0, 0], 0.0).mean(), None);
    }

    #[test]
    fn what_was_added_between_two_pages_is_their_difference() {
        let (earlier, later) = (histogram([10, 10, 10], 0.5), histogram([10, 14, 14], 1.1));
        let between = later.since(&earlier).unwrap();
        assert!(close(between.count(), 4.0));
        assert!(close(between.mean().unwrap(), 0.15));
        assert!(between.quantile(0.5).unwrap().value() > 0.1, "the slow ones alone");
        assert_eq!(earlier.since(&later), None, "a process that was started again counts anew");
    }

    #[test]
    fn several_labels_are_one_histogram() {
        let text = "d_bucket{t=\"tcp\",le=\"1.0\"} 1\nd_bucket{t=\"tcp\",le=\"+Inf\"} 1\n\
            d_bucket{t=\"http\",le=\"1.0\"} 2\nd_bucket{t=\"http\",le=\"+Inf\"} 3\n\
            d_sum{t=\"tcp\"} 0.5\nd_sum{t=\"http\"} 3.5\n# EOF\n";
        let histogram = Histogram::of(&Page::parse(text).unwrap(), "d").unwrap();
        assert!(close(histogram.count(), 4.0));
        assert!(close(histogram.mean().unwrap(), 1.0));
    }
}
