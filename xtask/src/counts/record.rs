//! The recorded counts: a file of the repository, so that a change of them is seen in review.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use toml::{Table, Value};

/// Where they stand, from the root.
pub const PATH: &str = "docs/instruction-counts.toml";

const PREAMBLE: &str = "\
# Instructions of the hottest operations, each run once, start of the program not included.
# `cargo xtask counts` compares; `cargo xtask counts --record` writes this file.
# The libraries choose their code by what the processor can, so figures of another one differ.
";

/// What is recorded.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The kind of machine that was counted on; empty when nothing is recorded.
    pub machine: String,
    /// Instructions by `crate/operation`.
    pub counts: BTreeMap<String, u64>,
}

impl Record {
    /// Nothing recorded yet, for this kind of machine.
    pub fn new(machine: String) -> Self {
        Self { machine, counts: BTreeMap::new() }
    }

    /// Reads the record at `path`; an empty one when there is no such file.
    pub fn read(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    /// Writes the record to `path`.
    pub fn write(&self, path: &Path) -> Result<()> {
        fs::write(path, self.text()).with_context(|| path.display().to_string())
    }

    fn parse(text: &str) -> Result<Self> {
        let table: Table = toml::from_str(text)?;
        let machine = table.get("machine").and_then(Value::as_str).context("no machine")?;
        let counts = table.get("counts").and_then(Value::as_table).context("no counts")?;
        let counts = counts.iter().map(|(key, count)| {
            let count = count.as_integer().and_then(|count| u64::try_from(count).ok());
            Ok((key.clone(), count.with_context(|| format!("{key} is no count"))?))
        });
        Ok(Self { machine: machine.to_owned(), counts: counts.collect::<Result<_>>()? })
    }

    fn text(&self) -> String {
        let mut text = format!("{PREAMBLE}\nmachine = {:?}\n\n[counts]\n", self.machine);
        for (key, count) in &self.counts {
            text.push_str(&format!("{key:?} = {count}\n"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Record;

    #[test]
    fn what_is_written_is_read_again() {
        let mut record = Record::new("x86_64, avx2".to_owned());
        record.counts.insert("protocol/parse-transfer".to_owned(), 1_504);
        record.counts.insert("ledger/decide-transfer".to_owned(), 172);
        assert_eq!(Record::parse(&record.text()).unwrap(), record);
    }

    #[test]
    fn a_count_that_is_no_number_is_refused() {
        assert!(Record::parse("machine = \"m\"\n[counts]\na = -1\n").is_err());
        assert!(Record::parse("[counts]\na = 1\n").is_err());
    }
}
