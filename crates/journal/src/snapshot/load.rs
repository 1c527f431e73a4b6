//! Hands out the accounts of a snapshot that was found whole: workers read the lines, piece by
//! piece, and the caller gets them in the order of the file.
//!
//! **Invariant:** accounts come in the order of their lines, whoever read them. They are written by
//! ascending account number, so whoever numbers them as they come gives the same numbers again.
//! **Invariant:** memory is bounded by a few pieces, whatever the number of accounts.

use std::io;

use ledger::{AccountId, Balance, Seq};

use super::LINE_BYTES_MAX;
use super::read::{account_line, account_state};
use crate::disk::{Disk, read_full_at};
use crate::progress::{Meter, Phase, Progress};
use crate::text::Cursor;
use crate::workers::{Plan, Workers, in_order};

/// A piece of the file: the lines that begin in so many bytes.
const PIECE_BYTES: usize = 512 << 10;

/// Hands every account of the snapshot `name` to `sink`; stops at its first error. The outer error
/// is the disk's; `InvalidData` when the file is not the one that was found whole.
pub(crate) fn read_accounts<D: Disk, E>(
    disk: &D,
    name: &str,
    workers: Workers,
    progress: &dyn Fn(Progress),
    mut sink: impl FnMut(AccountId<'_>, Balance, Seq) -> Result<(), E>,
) -> io::Result<Result<(), E>> {
    let file = disk.open_read(name)?;
    let bytes = disk.len(&file)?;
    let pieces = usize::try_from(bytes.div_ceil(PIECE_BYTES as u64));
    let workers = workers.for_bytes(bytes);
    let plan = Plan {
        workers,
        jobs: pieces.map_err(|_| io::ErrorKind::FileTooLarge)?,
        ahead: 2 * workers + 1,
    };
    let mut meter = Meter::begin(progress, Phase::Accounts, bytes);
    let read = |number: usize, spare: Option<io::Result<Piece>>, tally: &crate::workers::Tally| {
        let mut piece = spare.and_then(Result::ok).unwrap_or_default();
        let start = (number as u64).strict_mul(PIECE_BYTES as u64);
        piece.read(disk, &file, start)?;
        tally.add(PIECE_BYTES as u64);
        Ok(piece)
    };
    let taken = in_order(plan, &mut meter, read, |pieces| {
        while let Some(piece) = pieces.next() {
            let piece = piece?;
            for line in &piece.accounts {
                let name = piece.text.get(line.name_start..line.name_end);
                let account = name.and_then(|name| AccountId::new(name).ok());
                let account = account.ok_or(io::ErrorKind::InvalidData)?;
                if let Err(error) = sink(account, line.balance, line.seq) {
                    return Ok(Err(error));
                }
            }
            pieces.give_back(Ok(piece));
        }
        Ok(Ok(()))
    });
    if let Ok(Ok(())) = taken {
        meter.end();
    }
    taken
}

/// The accounts whose lines begin in one piece of the file.
#[derive(Default)]
struct Piece {
    /// The lines, and behind them the names that stand escaped in theirs.
    text: String,
    accounts: Vec<Line>,
}

/// One account's line; its name is a part of the piece's text.
struct Line {
    name_start: usize,
    name_end: usize,
    balance: Balance,
    seq: Seq,
}

impl Piece {
    /// Reads the piece that begins at byte `start`.
    fn read<D: Disk>(&mut self, disk: &D, file: &D::File, start: u64) -> io::Result<()> {
        self.accounts.clear();
        let mut bytes = std::mem::take(&mut self.text).into_bytes();
        // The byte before tells whether a line begins with the first.
        let lead = usize::from(start > 0);
        bytes.resize(lead + PIECE_BYTES + LINE_BYTES_MAX, 0);
        let count = read_full_at(disk, file, &mut bytes, start - lead as u64)?;
        bytes.truncate(count);
        // In the first piece this steps over the head, in the others over the line before.
        let first = memchr::memchr(b'\n', &bytes).map_or(count, |newline| newline + 1);
        let last_byte = lead + PIECE_BYTES - 1;
        let behind = bytes.get(last_byte..).unwrap_or_default();
        let end = memchr::memchr(b'\n', behind).map_or(count, |newline| last_byte + newline + 1);
        bytes.truncate(end);
        bytes.drain(..first.min(end));
        self.text = String::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData)?;
        self.take_lines()
    }

    fn take_lines(&mut self) -> io::Result<()> {
        let mut unescaped = String::new();
        let mut start = 0;
        let bytes = self.text.as_bytes();
        while let Some(rest) = bytes.get(start..).filter(|rest| !rest.is_empty()) {
            let len = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let line = rest.get(..len).unwrap_or_default();
            if line.first() == Some(&b'}') {
                break; // the last line
            }
            let read = plain_line(line, start).or_else(|| {
                let (account, balance, seq) = account_line(line)?;
                let name_start = bytes.len() + unescaped.len();
                unescaped.push_str(account.as_str());
                let name_end = bytes.len() + unescaped.len();
                Some(Line { name_start, name_end, balance, seq })
            });
            self.accounts.push(read.ok_or(io::ErrorKind::InvalidData)?);
            start += len + 1;
        }
        self.text.push_str(&unescaped);
        Ok(())
    }
}

/// Reads a line whose name holds no escapes and begins at byte `start` of the text.
fn plain_line(line: &[u8], start: usize) -> Option<Line> {
    let (quote, rest) = line.split_first()?;
    let len = memchr::memchr2(b'"', b'\\', rest)?;
    let (_, behind) = rest.split_at_checked(len)?;
    let (end_quote, behind) = behind.split_first()?;
    if *quote != b'"' || *end_quote != b'"' {
        return None;
    }
    let mut cursor = Cursor::new(behind.strip_suffix(b",").unwrap_or(behind));
    let (balance, seq) = account_state(&mut cursor)?;
    Some(Line { name_start: start + 1, name_end: start + 1 + len, balance, seq })
}
