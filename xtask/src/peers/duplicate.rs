//! Proves that a bank knows its tx_ids: the first transfer of the load is sent again.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::banks::Open;
use super::wire::Dialect;
use super::workload::{Draw, ROWS};

/// How long the answer may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// Sends the very first transfer again.
///
/// Errors: the bank does not say that it is a duplicate.
pub fn must_be_recognised(open: &Open, accounts: u32) -> Result<()> {
    let mut stream = TcpStream::connect(open.address)?;
    stream.set_read_timeout(Some(ANSWER_TIME_MAX))?;
    open.dialect.greet(&mut stream)?;
    let [row, ..] = ROWS;
    let mut request = Vec::new();
    open.dialect.ask(&mut request, &Draw::new(row, 0, accounts).transfer());
    ask_again(&mut stream, open.dialect, &request)
}

/// Reads until the answer says what it should, or is whole and does not.
fn ask_again(stream: &mut (impl Read + Write), dialect: Dialect, request: &[u8]) -> Result<()> {
    let mark = dialect.mark_of_duplicate();
    stream.write_all(request)?;
    let mut answer = Vec::new();
    let mut block = [0; 4096];
    loop {
        if answer.windows(mark.len()).any(|piece| piece == mark) {
            return Ok(());
        }
        if dialect.find(&answer).is_ok_and(|found| found.done > 0) {
            bail!("a transfer sent again was carried out again");
        }
        match stream.read(&mut block).context("the answer to a transfer sent again")? {
            0 => bail!("no answer to a transfer sent again: {}", answer.escape_ascii()),
            count => answer.extend_from_slice(block.get(..count).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Cursor, Read, Write};

    use super::ask_again;
    use crate::peers::wire::Dialect;

    /// A bank that gives this answer in pieces of four bytes.
    struct Says(Cursor<&'static [u8]>);

    impl Read for Says {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let count = room.len().min(4);
            self.0.read(&mut room[..count])
        }
    }

    impl Write for Says {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_duplicate_is_recognised_in_every_dialect_and_a_second_transfer_is_a_fault() {
        let again: [(Dialect, &[u8], &[u8]); 3] = [
            (Dialect::Lines, b"{\"ok\":true,\"duplicate\":true}\n", b"{\"ok\":true,\"seq\":2}\n"),
            (Dialect::Resp([b'd'; 40]), b"*1\r\n:2\r\n", b"*3\r\n:1\r\n:5\r\n:6\r\n"),
            (
                Dialect::Postgres,
                b"D\0\0\0\x0f\0\x01\0\0\0\x05(2,,)Z\0\0\0\x05I",
                b"D\0\0\0\x11\0\x01\0\0\0\x07(1,5,6)Z\0\0\0\x05I",
            ),
        ];
        for (dialect, duplicate, second) in again {
            ask_again(&mut Says(Cursor::new(duplicate)), dialect, b"again").unwrap();
            let fault = ask_again(&mut Says(Cursor::new(second)), dialect, b"again").unwrap_err();
            assert!(fault.to_string().contains("carried out again"), "{dialect:?}: {fault}");
        }
    }
}
