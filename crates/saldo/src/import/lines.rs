//! Rows of a file of JSON lines.

use std::io::{BufRead, BufReader, Read};

use super::exported;
use super::prefix::Prefix;
use super::row::{self, Row};
use super::source::Fault;

/// Most bytes of a row: what a request may have.
const ROW_BYTES_MAX: u64 = 1 << 20;

/// A reader of lines, of which it holds one at a time.
pub struct Lines<R> {
    from: BufReader<R>,
    line: Vec<u8>,
    /// Of the line that was read last, from 1.
    number: u64,
}

impl<R: Read> Lines<R> {
    /// Reads from there.
    pub fn new(from: R) -> Self {
        Self { from: BufReader::new(from), line: Vec::new(), number: 0 }
    }

    /// The next row with the number of its line; `prefix` has the file up to it then.
    pub fn next(&mut self, prefix: &mut Prefix) -> Result<Option<(u64, Row)>, Fault> {
        loop {
            self.line.clear();
            let limited = (&mut self.from).take(ROW_BYTES_MAX + 1);
            if { limited }.read_until(b'\n', &mut self.line)? == 0 {
                return Ok(None);
            }
            self.number += 1;
            let bad = |what: String| Fault::Row { number: self.number, what };
            if self.line.len() as u64 > ROW_BYTES_MAX {
                return Err(bad("it is longer than 1 MiB".to_owned()));
            }
            prefix.take(&self.line);
            if self.line.trim_ascii().is_empty() {
                continue;
            }
            let row = match exported::kind(&self.line) {
                Some(_) => exported::read(&self.line),
                None => row::of_request(&self.line).map(Row::Write),
            };
            return Ok(Some((self.number, row.map_err(bad)?)));
        }
    }
}
