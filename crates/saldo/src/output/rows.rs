//! Rows of values in named columns, as programs read them: tab-separated without a header, or
//! comma-separated with one. The columns of each verb are fixed (`saldo help formats`).

use super::tsv;
use crate::exit_code::Exit;
use crate::failure::Failure;

/// Rows, each as long as there are columns.
#[derive(Debug, Default)]
pub struct Rows {
    columns: &'static [&'static str],
    /// Row after row.
    values: Vec<String>,
}

impl Rows {
    /// No rows yet, of these columns; there is at least one.
    pub fn of(columns: &'static [&'static str]) -> Self {
        Self { columns, values: Vec::new() }
    }

    /// Adds a row.
    pub fn add<V: Into<String>>(&mut self, values: impl IntoIterator<Item = V>) {
        let before = self.values.len();
        self.values.extend(values.into_iter().map(Into::into));
        debug_assert_eq!(self.values.len(), before + self.columns.len(), "one value per column");
    }

    /// Tab-separated, without a header.
    pub fn tsv(&self) -> String {
        let mut out = String::new();
        for values in self.values.chunks(self.columns.len().max(1)) {
            tsv::row(&mut out, values);
        }
        out
    }

    /// Comma-separated (RFC 4180), a line feed after each row.
    pub fn csv(&self, with_header: bool) -> Result<String, Failure> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new(Exit::Usage, "stdout", format!("a row cannot be written: {error}"))
        };
        if with_header && !self.columns.is_empty() {
            writer.write_record(self.columns).map_err(|error| failed(&error))?;
        }
        for values in self.values.chunks(self.columns.len().max(1)) {
            writer.write_record(values).map_err(|error| failed(&error))?;
        }
        let bytes = writer.into_inner().map_err(|error| failed(&error))?;
        String::from_utf8(bytes).map_err(|error| failed(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_what_the_format_gives_a_meaning_to() {
        let mut rows = Rows::of(&["account", "balance"]);
        rows.add(["a,b\t\"c\"", "1"]);
        rows.add(["", "2"]);
        assert_eq!(rows.tsv(), "a,b\\t\"c\"\t1\n\t2\n");
        assert_eq!(
            rows.csv(true).unwrap(),
            "account,balance\n\"a,b\t\"\"c\"\"\",1\n\"\",2\n".replace("\"\",2", ",2")
        );
        assert_eq!(rows.csv(false).unwrap().lines().count(), 2);
    }
}
