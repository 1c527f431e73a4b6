//! PostgreSQL's protocol, version 3: as much as trust on loopback, plain queries and one prepared
//! statement need.
//!
//! A transfer is Bind, Execute and Sync: the Sync ends its transaction, so transfers in flight on
//! one connection are committed one by one.

use std::io::{Read, Write};

use anyhow::{Context, Result, bail};

use super::{Found, excerpt};
use crate::peers::workload::{NAME_BYTES, TX_ID_BYTES, Transfer, name, write_digits};

/// Who connects, and to what: the names that `initdb` makes.
pub const USER: &str = "postgres";

/// The name of the prepared statement.
const STATEMENT: &[u8] = b"t\0";

/// What is prepared on each connection.
const TRANSFER: &str = "SELECT transfer($1, $2, $3, $4)";

/// Where the first column of a row's only value begins: count of columns, length of the value.
const VALUE_AT: usize = 6;

/// How the function's result begins when the money moved.
const DONE: &[u8] = b"(1,";

/// Bytes of a Bind behind its kind: its own length, portal, statement, formats, parameters,
/// formats of results.
const BIND_BYTES: usize =
    4 + 1 + STATEMENT.len() + 2 + 2 + (4 + TX_ID_BYTES) + 2 * (4 + NAME_BYTES) + (4 + 2) + 2;

/// Appends a transfer: tx_id, from, to, amount, all as text.
pub fn ask(out: &mut Vec<u8>, transfer: &Transfer) {
    let mut amount = *b"00";
    write_digits(&mut amount, u64::from(transfer.amount));
    out.push(b'B');
    put_length(out, BIND_BYTES);
    out.push(0); // the portal without a name
    out.extend_from_slice(STATEMENT);
    out.extend_from_slice(&[0, 0, 0, 4]); // formats: all text; four parameters
    for value in
        [&transfer.tx_id[..], &name(transfer.from)[..], &name(transfer.to)[..], &amount[..]]
    {
        put_length(out, value.len());
        out.extend_from_slice(value);
    }
    out.extend_from_slice(&[0, 0]); // results as text
    out.extend_from_slice(b"E\0\0\0\x09\0\0\0\0\0"); // the portal without a name, all rows
    out.extend_from_slice(SYNC);
}

const SYNC: &[u8] = b"S\0\0\0\x04";

/// Counts transfers that are committed: the server says that it is ready after each Sync.
pub fn find(received: &[u8]) -> Result<Found> {
    let mut found = Found::default();
    let mut at = 0;
    while let Some((kind, body, length)) = message(received.get(at..).unwrap_or_default())? {
        at += length;
        match kind {
            b'Z' => {
                found.bytes = at;
                found.done += 1;
            }
            b'D' if body.get(VALUE_AT..).is_some_and(|value| value.starts_with(DONE)) => {}
            b'D' => bail!("refused: {}", excerpt(body)),
            b'E' => bail!("postgres: {}", error_text(body)),
            _ => {}
        }
    }
    Ok(found)
}

/// Kind, body and whole length of the first message, when it is whole.
fn message(bytes: &[u8]) -> Result<Option<(u8, &[u8], usize)>> {
    let Some(&[kind, a, b, c, d]) = bytes.first_chunk::<5>() else { return Ok(None) };
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d]))?;
    if length < 4 {
        bail!("not a message of postgres: {}", excerpt(bytes));
    }
    Ok(bytes.get(5..=length).map(|body| (kind, body, length + 1)))
}

/// The fields of an error that a person wants: severity, code and message.
fn error_text(body: &[u8]) -> String {
    let fields = body.split(|&byte| byte == 0).filter_map(|field| field.split_first());
    let wanted = fields.filter(|(kind, _)| b"SCM".contains(kind));
    let texts: Vec<_> = wanted.map(|(_, text)| String::from_utf8_lossy(text)).collect();
    texts.join(" ")
}

/// Appends a length, of which the protocol's are far below 2^32.
fn put_length(out: &mut Vec<u8>, length: usize) {
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
}

/// A message: its kind, and its length with what follows.
fn put_message(out: &mut Vec<u8>, kind: u8, body: &[u8]) {
    out.push(kind);
    put_length(out, 4 + body.len());
    out.extend_from_slice(body);
}

/// Signs in and makes the statement known.
pub fn greet_and_prepare(stream: &mut (impl Read + Write)) -> Result<()> {
    greet(stream)?;
    let mut out = Vec::new();
    let parse = [STATEMENT, TRANSFER.as_bytes(), &[0, 0, 0]].concat(); // types are the server's
    put_message(&mut out, b'P', &parse);
    out.extend_from_slice(SYNC);
    stream.write_all(&out)?;
    until_ready(stream)?;
    Ok(())
}

/// Signs in. The server is told to trust loopback, so any question for a password is a fault.
pub fn greet(stream: &mut (impl Read + Write)) -> Result<()> {
    let mut body = vec![0, 3, 0, 0]; // version 3.0
    for (key, value) in [("user", USER), ("database", USER)] {
        body.extend_from_slice(format!("{key}\0{value}\0").as_bytes());
    }
    body.push(0);
    let mut out = Vec::new();
    put_length(&mut out, 4 + body.len());
    out.extend_from_slice(&body);
    stream.write_all(&out)?;
    until_ready(stream)?;
    Ok(())
}

/// Runs SQL and gives the rows, all values as text; a null is empty.
pub fn query(stream: &mut (impl Read + Write), sql: &str) -> Result<Vec<Vec<String>>> {
    let mut out = Vec::new();
    put_message(&mut out, b'Q', format!("{sql}\0").as_bytes());
    stream.write_all(&out)?;
    until_ready(stream)
}

/// Reads until the server is ready for more, and gives the rows that came.
fn until_ready(stream: &mut impl Read) -> Result<Vec<Vec<String>>> {
    let mut received = Vec::new();
    let mut block = vec![0; 1 << 16];
    let mut rows = Vec::new();
    loop {
        let mut at = 0;
        while let Some((kind, body, length)) = message(received.get(at..).unwrap_or_default())? {
            at += length;
            match kind {
                b'Z' => return Ok(rows),
                b'D' => rows.push(row(body).context("a row of postgres is cut")?),
                b'E' => bail!("postgres: {}", error_text(body)),
                b'R' if body != [0; 4] => bail!("postgres wants a password on loopback"),
                _ => {}
            }
        }
        received.drain(..at);
        match stream.read(&mut block)? {
            0 => bail!("postgres closed the connection"),
            count => received.extend_from_slice(block.get(..count).unwrap_or_default()),
        }
    }
}

/// The values of a DataRow.
fn row(mut body: &[u8]) -> Option<Vec<String>> {
    let (count, rest) = body.split_first_chunk::<2>()?;
    body = rest;
    let mut values = Vec::new();
    for _ in 0..u16::from_be_bytes(*count) {
        let (length, rest) = body.split_first_chunk::<4>()?;
        body = rest;
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            values.push(String::new()); // -1: null
            continue;
        };
        let (value, rest) = body.split_at_checked(length)?;
        values.push(String::from_utf8_lossy(value).into_owned());
        body = rest;
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use std::io::{self, Cursor, Read, Write};

    use super::{ask, find, greet, message, query};
    use crate::peers::wire::Found;
    use crate::peers::workload::Transfer;

    const READY: &[u8] = b"Z\0\0\0\x05I";
    const ANSWER: &[u8] =
        b"2\0\0\0\x04D\0\0\0\x13\0\x01\0\0\0\x09(1,58,42)C\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I";

    /// A server that says what it was given, whatever it is told.
    struct Scripted {
        says: Cursor<Vec<u8>>,
        told: Vec<u8>,
    }

    impl Scripted {
        fn new(says: &[u8]) -> Self {
            Self { says: Cursor::new(says.to_vec()), told: Vec::new() }
        }
    }

    impl Read for Scripted {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            // Three bytes at a time, so that messages come in pieces.
            let count = room.len().min(3);
            self.says.read(&mut room[..count])
        }
    }

    impl Write for Scripted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.told.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_transfer_is_bind_execute_and_sync_with_true_lengths() {
        let mut out = Vec::new();
        ask(&mut out, &Transfer { from: 7, to: 8, amount: 42, tx_id: *b"p-003-000000000009" });
        let bind = b"B\0\0\0\x41\0t\0\0\0\0\x04\0\0\0\x12p-003-000000000009\
            \0\0\0\x08a0000007\0\0\0\x08a0000008\0\0\0\x0242\0\0";
        let expected = [&bind[..], b"E\0\0\0\x09\0\0\0\0\0", b"S\0\0\0\x04"].concat();
        assert_eq!(out, expected);
        let mut kinds = Vec::new();
        let mut rest = &out[..];
        while let Some((kind, _, length)) = message(rest).unwrap() {
            kinds.push(kind);
            rest = &rest[length..];
        }
        assert_eq!((&kinds[..], rest.len()), (&b"BES"[..], 0));
    }

    #[test]
    fn answers_cut_anywhere_count_only_when_the_server_is_ready_again() {
        let twice = [ANSWER, ANSWER].concat();
        assert_eq!(find(&twice).unwrap(), Found { bytes: twice.len(), done: 2 });
        for cut in 0..twice.len() {
            let expected = if cut < ANSWER.len() {
                Found::default()
            } else {
                Found { bytes: ANSWER.len(), done: 1 }
            };
            assert_eq!(find(&twice[..cut]).unwrap(), expected, "{cut}");
        }
    }

    #[test]
    fn a_refusal_and_an_error_are_faults_with_their_text() {
        let refused = b"D\0\0\0\x0e\0\x01\0\0\0\x04(0,)";
        assert!(find(refused).unwrap_err().to_string().contains("(0,)"));
        let error = b"E\0\0\0\x1fSERROR\0C23505\0Mis there\0Fx.c\0";
        let length = u8::try_from(error.len() - 1).unwrap();
        let mut error = error.to_vec();
        error[4] = length;
        assert_eq!(find(&error).unwrap_err().to_string(), "postgres: ERROR 23505 is there");
    }

    #[test]
    fn signing_in_names_version_user_and_database_and_refuses_to_give_a_password() {
        let mut server = Scripted::new(&[b"R\0\0\0\x08\0\0\0\0", READY].concat());
        greet(&mut server).unwrap();
        assert_eq!(server.told, b"\0\0\0\x29\0\x03\0\0user\0postgres\0database\0postgres\0\0");
        let mut server = Scripted::new(b"R\0\0\0\x08\0\0\0\x03");
        assert!(greet(&mut server).unwrap_err().to_string().contains("password"));
    }

    #[test]
    fn a_query_gives_its_rows_as_text_and_a_null_as_nothing() {
        let row = b"D\0\0\0\x11\0\x02\0\0\0\x0342!\xff\xff\xff\xff";
        let mut server = Scripted::new(&[&row[..], READY].concat());
        assert_eq!(query(&mut server, "SELECT 1").unwrap(), [["42!", ""]]);
        assert_eq!(server.told, b"Q\0\0\0\x0dSELECT 1\0");
    }
}
