//! A page of OpenMetrics text, as far as Saldo writes it: samples with labels, without timestamps.

use std::collections::BTreeMap;

/// The samples of a page, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    samples: BTreeMap<String, Vec<Sample>>,
}

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    labels: Vec<(String, String)>,
    /// What it is, in the unit that its name ends with.
    pub value: f64,
}

impl Page {
    /// Reads a page. Errors: the first line that is none, or that the page was cut off.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut page = Self::default();
        let mut is_whole = false;
        for line in text.lines() {
            if line == "# EOF" {
                is_whole = true;
            } else if !line.starts_with('#') && !line.is_empty() {
                let (name, sample) =
                    sample(line).ok_or_else(|| format!("it is no metric: {line:?}"))?;
                page.samples.entry(name.to_owned()).or_default().push(sample);
            }
        }
        if is_whole { Ok(page) } else { Err("the page of metrics has no end".to_owned()) }
    }

    /// All samples of a name.
    pub fn all(&self, name: &str) -> &[Sample] {
        self.samples.get(name).map_or(&[], Vec::as_slice)
    }

    /// The value of a name, added up over its labels; `None` when the server tells no such thing.
    pub fn sum(&self, name: &str) -> Option<f64> {
        let samples = self.all(name);
        (!samples.is_empty()).then(|| samples.iter().map(|sample| sample.value).sum())
    }

    /// The smallest value of a name.
    pub fn least(&self, name: &str) -> Option<f64> {
        self.all(name).iter().map(|sample| sample.value).reduce(f64::min)
    }

    /// The values of a name by one of its labels, added up over the others, in the order of its values.
    pub fn by(&self, name: &str, label: &str) -> BTreeMap<&str, f64> {
        let mut sums = BTreeMap::new();
        for sample in self.all(name) {
            if let Some(value) = sample.label(label) {
                *sums.entry(value).or_insert(0.0) += sample.value;
            }
        }
        sums
    }

    /// A label of the only sample of a name.
    pub fn label(&self, name: &str, label: &str) -> Option<&str> {
        self.all(name).first()?.label(label)
    }
}

impl Sample {
    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// `name value`, or `name{label="value",…} value`.
fn sample(line: &str) -> Option<(&str, Sample)> {
    let end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at_checked(end)?;
    let (labels, value) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    let value = value.strip_prefix(' ')?.parse().ok()?;
    let is_name = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':');
    is_name.then_some((name, Sample { labels, value }))
}

type Labels = Vec<(String, String)>;

/// What stands between the braces, and the rest behind them.
fn labels(mut rest: &str) -> Option<(Labels, &str)> {
    let mut labels = Labels::new();
    loop {
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, behind) = rest.split_once("=\"")?;
        let (value, behind) = quoted(behind)?;
        labels.push((name.to_owned(), value));
        rest = behind.strip_prefix(',').unwrap_or(behind);
    }
}

/// A value up to its closing quotation mark, and the rest behind that.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next()? {
            '"' => return Some((value, characters.as_str())),
            '\\' => value.push(match characters.next()? {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# HELP requests what was asked.\n\
        # TYPE requests counter\n\
        requests_total{transport=\"tcp\",outcome=\"ok\"} 7\n\
        requests_total{transport=\"http\",outcome=\"ok\"} 2\n\
        requests_total{transport=\"tcp\",outcome=\"say \\\"no\\\"\"} 1\n\
        sync_seconds_bucket{le=\"+Inf\"} 4\n\
        free 1.5e3\n\
        # EOF\n";

    #[test]
    fn samples_are_found_by_name_and_added_up_by_label() {
        let page = Page::parse(PAGE).unwrap();
        assert_eq!(page.sum("requests_total"), Some(10.0));
        assert_eq!(page.sum("free"), Some(1500.0));
        assert_eq!(page.sum("unknown"), None);
        let by = page.by("requests_total", "outcome");
        assert_eq!(by.into_iter().collect::<Vec<_>>(), [("ok", 9.0), ("say \"no\"", 1.0)]);
        assert_eq!(page.label("sync_seconds_bucket", "le"), Some("+Inf"));
        assert_eq!(page.least("requests_total"), Some(1.0));
    }

    #[test]
    fn a_page_that_was_cut_off_or_is_another_one_is_refused() {
        let cut = PAGE.strip_suffix("# EOF\n").unwrap();
        assert_eq!(Page::parse(cut).unwrap_err(), "the page of metrics has no end");
        for line in ["<html>", "a{b=\"c\" 1", "a{b=c} 1", "a b", "a{b=\"c\\", "{} 1", " 1"] {
            assert!(Page::parse(&format!("{line}\n# EOF\n")).is_err(), "{line}");
        }
    }
}
