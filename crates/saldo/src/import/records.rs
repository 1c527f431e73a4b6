//! Rows of a file of comma-separated values (RFC 4180) under a header.

use std::io::{self, Read};

use super::columns::Columns;
use super::prefix::Prefix;
use super::row::Row;
use super::source::Fault;

/// Most bytes that a row may have. Far more than any needs: what is longer has lost a quotation mark.
const ROW_BYTES_MAX: usize = 1 << 20;

/// A reader of records.
pub struct Records<R> {
    reader: csv::Reader<Tee<R>>,
    columns: Option<Columns>,
    record: csv::StringRecord,
    /// Of the next byte that was not taken, from 1.
    line: u64,
    /// How many bytes were taken.
    taken_bytes: u64,
}

/// Keeps what the reader of records reads ahead, so that the bytes of each record can be had.
struct Tee<R> {
    from: R,
    bytes: Vec<u8>,
    /// How many of them were taken.
    taken: usize,
}

impl<R: Read> Records<R> {
    /// Reads from there.
    pub fn new(from: R) -> Self {
        let tee = Tee { from, bytes: Vec::new(), taken: 0 };
        let reader = csv::ReaderBuilder::new().has_headers(false).from_reader(tee);
        Self { reader, columns: None, record: csv::StringRecord::new(), line: 1, taken_bytes: 0 }
    }

    /// The next row with the number of its first line; `prefix` has the file up to it then.
    pub fn next(&mut self, prefix: &mut Prefix) -> Result<Option<(u64, Row)>, Fault> {
        loop {
            let read = self.reader.read_record(&mut self.record);
            let number = self.take(prefix);
            match read {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(error) => return Err(fault(number, error)),
            }
            let bad = |what| Fault::Row { number, what };
            let Some(columns) = &self.columns else {
                self.columns = Some(Columns::of(&self.record).map_err(bad)?);
                continue;
            };
            let row = columns.row(&self.record).map_err(bad)?;
            return Ok(Some((number, row)));
        }
    }

    /// Takes the bytes of the record that was read; returns the number of its first line.
    fn take(&mut self, prefix: &mut Prefix) -> u64 {
        let end = self.reader.position().byte();
        let count = usize::try_from(end - self.taken_bytes).unwrap_or(usize::MAX);
        self.taken_bytes = end;
        let bytes = self.reader.get_mut().take(count);
        // Empty lines before a record are none themselves.
        let is_line_end = |byte: &&u8| matches!(byte, b'\n' | b'\r');
        let before = bytes.iter().take_while(is_line_end).filter(|byte| **byte == b'\n').count();
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
        let number = self.line + before as u64;
        self.line += lines as u64;
        prefix.take(bytes);
        number
    }
}

impl<R> Tee<R> {
    fn take(&mut self, count: usize) -> &[u8] {
        let begin = self.taken;
        self.taken = begin.saturating_add(count).min(self.bytes.len());
        self.bytes.get(begin..self.taken).unwrap_or_default()
    }
}

impl<R: Read> Read for Tee<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        if self.bytes.len() > ROW_BYTES_MAX {
            let text = "a row is longer than 1 MiB: a closing quotation mark may be missing";
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let count = self.from.read(into)?;
        self.bytes.extend_from_slice(into.get(..count).unwrap_or_default());
        Ok(count)
    }
}

fn fault(number: u64, error: csv::Error) -> Fault {
    let what = words_for(error.kind());
    if let csv::ErrorKind::Io(error) = error.into_kind() {
        return Fault::Io(error);
    }
    Fault::Row { number, what }
}

fn words_for(kind: &csv::ErrorKind) -> String {
    if let csv::ErrorKind::UnequalLengths { expected_len, len, .. } = kind {
        return format!("it has {len} cells, and the header has {expected_len}");
    }
    if let csv::ErrorKind::Utf8 { .. } = kind {
        return "it is not UTF-8".to_owned();
    }
    format!("it is no row: {kind:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each row's number and name.
    fn rows(text: &str) -> Vec<(u64, String)> {
        let (mut records, mut prefix) = (Records::new(text.as_bytes()), Prefix::default());
        let mut rows = Vec::new();
        while let Some((number, _)) = records.next(&mut prefix).unwrap() {
            rows.push((number, prefix.name().unwrap().to_string()));
        }
        rows
    }

    #[test]
    fn a_row_has_the_number_of_its_line_and_the_name_of_all_before() {
        for (end, mark) in [("\n", ""), ("\r\n", ""), ("\n", "\u{feff}")] {
            let text = [
                format!("{mark}cmd,user,amount"),
                "deposit,a,1".into(),
                String::new(),
                "deposit,\"b\nc\",2".replace('\n', end),
                "deposit,d,3".into(),
                String::new(),
            ]
            .join(end);
            // A name may not have a line end, so the cell that has one is put aside.
            let text = text.replace("user", "user,note").replace(",a,", ",a,,");
            let text = text.replace(",\"b", ",b,\"b").replace(",d,", ",d,,");
            let found = rows(&text);
            let numbers: Vec<u64> = found.iter().map(|(number, _)| *number).collect();
            assert_eq!(numbers, [2, 4, 6], "{text:?}");
            for (number, name) in &found {
                let lines = text.split_inclusive('\n');
                let upto = if *number == 4 { 5 } else { *number };
                let mut prefix = Prefix::default();
                lines.take(usize::try_from(upto).unwrap()).for_each(|line| {
                    prefix.take(line.as_bytes());
                });
                assert_eq!(*name, prefix.name().unwrap().to_string(), "row {number} of {text:?}");
            }
        }
    }

    #[test]
    fn a_quotation_mark_that_is_never_closed_does_not_take_the_whole_file_into_memory() {
        let text = format!("cmd,user,amount\n\"{}", "deposit,a,1\n".repeat(200_000));
        let mut records = Records::new(text.as_bytes());
        let fault = records.next(&mut Prefix::default()).unwrap_err();
        assert!(matches!(&fault, Fault::Io(error) if error.to_string().contains("1 MiB")));
    }
}
