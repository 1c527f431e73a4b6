//! Rows of a file of JSON lines.

use std::io::{BufRead, BufReader, Read};

use protocol::limits::LINE_BYTES_MAX;

use super::exported;
use super::prefix::Prefix;
use super::row::{self, Row};
use super::source::Fault;

/// Most bytes of a row, its line end not counted: an exported transaction came in a reply, and is up
/// to ten times as long as the request that made it.
const ROW_BYTES_MAX: usize = client::REPLY_BYTES_MAX;
const _: () = assert!(LINE_BYTES_MAX < ROW_BYTES_MAX);

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
            // The line end is read with it.
            let limited = (&mut self.from).take(ROW_BYTES_MAX as u64 + 2);
            if { limited }.read_until(b'\n', &mut self.line)? == 0 {
                return Ok(None);
            }
            self.number += 1;
            let bad = |what: String| Fault::Row { number: self.number, what };
            let row_bytes = self.line.trim_ascii_end().len();
            if row_bytes > ROW_BYTES_MAX || self.line.len() > ROW_BYTES_MAX + 1 {
                return Err(bad("it is longer than 16 MiB".to_owned()));
            }
            prefix.take(&self.line);
            if self.line.trim_ascii().is_empty() {
                continue;
            }
            let row = match exported::kind(&self.line) {
                Some(_) => exported::read(&self.line),
                None if row_bytes > LINE_BYTES_MAX => {
                    Err("a request of more than 1 MiB is longer than a line of the wire".to_owned())
                }
                None => row::of_request(&self.line).map(Row::Write),
            };
            return Ok(Some((self.number, row.map_err(bad)?)));
        }
    }
}
