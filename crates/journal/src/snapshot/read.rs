//! Reads a snapshot: whole or not at all.

use std::io;

use ledger::{AccountId, Balance, Seq};

use super::{HASH_KEY, HASH_TAIL_BYTES, LINE_BYTES_MAX, SNAPSHOT_FORMAT, Snapshot, SnapshotHead};
use crate::disk::{Disk, read_full_at};
use crate::hash::Hash;
use crate::limits::{READ_BYTES_FIRST, READ_BYTES_MAX};
use crate::text::Cursor;

/// What a file with a snapshot's name turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// There is no such file.
    Absent,
    /// A whole snapshot of this format.
    Whole(Snapshot),
    /// A whole snapshot of a newer format.
    Newer { format: u64 },
    /// It begins like a snapshot of ours and is not whole.
    Damaged,
    /// It does not even begin like one of ours: the original program's, perhaps.
    Foreign,
}

/// Reads all of the file `name`, checks its hash and the form of every line.
pub(crate) fn examine<D: Disk>(disk: &D, name: &str) -> io::Result<State> {
    let file = match disk.open_read(name) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::Absent),
        Err(error) => return Err(error),
    };
    let mut start = [0; 10];
    let count = read_full_at(disk, &file, &mut start, 0)?;
    if start.get(..count) != Some(b"{\"format\":") {
        return Ok(State::Foreign);
    }
    if !hash_fits(disk, &file)? {
        return Ok(State::Damaged);
    }
    let mut lines = Lines::new(disk, &file);
    let Some(first) = lines.next()? else { return Ok(State::Damaged) };
    let Some(head) = SnapshotHead::decode(first) else {
        return Ok(newer_format(first).map_or(State::Damaged, |format| State::Newer { format }));
    };
    let (mut accounts_count, mut seq_max) = (0_u64, head.seq);
    while let Some(line) = lines.next()? {
        if let Some((_, _, seq)) = account_line(line) {
            accounts_count = accounts_count.strict_add(1);
            seq_max = seq_max.max(seq);
        } else {
            let bytes = disk.len(&file)?;
            let stated = end_line(line).filter(|stated| *stated == seq_max);
            return Ok(stated.map_or(State::Damaged, |seq_max| {
                State::Whole(Snapshot { head, seq_max, accounts_count, bytes })
            }));
        }
    }
    Ok(State::Damaged)
}

/// Hands every account of a snapshot that was found whole to `sink`; stops at its first error.
pub(crate) fn read_accounts<D: Disk, E>(
    disk: &D,
    name: &str,
    mut sink: impl FnMut(AccountId<'_>, Balance, Seq) -> Result<(), E>,
) -> io::Result<Result<(), E>> {
    let file = disk.open_read(name)?;
    let mut lines = Lines::new(disk, &file);
    lines.next()?;
    while let Some(line) = lines.next()? {
        let Some((account, balance, seq)) = account_line(line) else { break };
        if let Err(error) = sink(account, balance, seq) {
            return Ok(Err(error));
        }
    }
    Ok(Ok(()))
}

fn account_line(line: &[u8]) -> Option<(AccountId<'_>, Balance, Seq)> {
    let mut cursor = Cursor::new(line.strip_suffix(b",").unwrap_or(line));
    let account = AccountId::new(cursor.string()?).ok()?;
    cursor.literal(":{\"balance\":")?;
    let balance = Balance::new(cursor.i64()?)?;
    cursor.literal(",\"seq\":")?;
    let seq = Seq::new(cursor.u64()?);
    cursor.literal("}")?;
    cursor.end()?;
    Some((account, balance, seq))
}

fn end_line(line: &[u8]) -> Option<Seq> {
    let mut cursor = Cursor::new(line);
    cursor.literal("},\"seq_max\":")?;
    let seq_max = Seq::new(cursor.u64()?);
    cursor.literal(HASH_KEY)?;
    cursor.bytes(64)?;
    cursor.literal("\"}")?;
    cursor.end()?;
    Some(seq_max)
}

fn newer_format(first_line: &[u8]) -> Option<u64> {
    let mut cursor = Cursor::new(first_line);
    cursor.literal("{\"format\":")?;
    cursor.u64().filter(|format| *format > SNAPSHOT_FORMAT)
}

/// Whether the hash at the end of the file is that of all bytes before its key.
fn hash_fits<D: Disk>(disk: &D, file: &D::File) -> io::Result<bool> {
    let len = disk.len(file)?;
    let Some(hashed_len) = len.checked_sub(HASH_TAIL_BYTES as u64 + 1) else { return Ok(false) };
    let mut tail = [0; HASH_TAIL_BYTES + 1];
    read_full_at(disk, file, &mut tail, hashed_len)?;
    let mut cursor = Cursor::new(&tail);
    let stated = cursor
        .literal(HASH_KEY)
        .and_then(|()| Hash::from_hex(cursor.bytes(64)?))
        .filter(|_| cursor.takes("\"}\n") && cursor.end().is_some());
    let Some(stated) = stated else { return Ok(false) };
    let mut hasher = blake3::Hasher::new();
    let mut bytes = Vec::new();
    let mut offset = 0;
    while offset < hashed_len {
        let left = usize::try_from(hashed_len - offset).unwrap_or(READ_BYTES_MAX);
        let wanted = left.min(READ_BYTES_MAX);
        bytes.resize(wanted.max(bytes.len()), 0);
        let Some(space) = bytes.get_mut(..wanted) else { break };
        let count = read_full_at(disk, file, space, offset)?;
        if count < wanted {
            return Ok(false);
        }
        hasher.update(space);
        offset = offset.strict_add(count as u64);
    }
    Ok(Hash::finish(&hasher) == stated)
}

/// The lines of a file, one after the other, none longer than [`LINE_BYTES_MAX`].
struct Lines<'d, D: Disk> {
    disk: &'d D,
    file: &'d D::File,
    offset: u64,
    buffer: Vec<u8>,
    position: usize,
    /// How many bytes the next read asks for.
    read_bytes: usize,
}

impl<'d, D: Disk> Lines<'d, D> {
    fn new(disk: &'d D, file: &'d D::File) -> Self {
        let (buffer, read_bytes) = (Vec::new(), READ_BYTES_FIRST);
        Self { disk, file, offset: 0, buffer, position: 0, read_bytes }
    }

    /// The next line without its newline; `None` at the end, or where a line is too long.
    fn next(&mut self) -> io::Result<Option<&[u8]>> {
        let rest = self.buffer.get(self.position..).unwrap_or_default();
        if memchr::memchr(b'\n', rest).is_none() {
            self.buffer.drain(..self.position);
            self.position = 0;
            let filled = self.buffer.len();
            if filled > LINE_BYTES_MAX {
                return Ok(None);
            }
            self.buffer.resize(filled + self.read_bytes, 0);
            self.read_bytes = READ_BYTES_MAX.min(self.read_bytes * 2);
            let space = self.buffer.get_mut(filled..).unwrap_or_default();
            let count = read_full_at(self.disk, self.file, space, self.offset)?;
            self.buffer.truncate(filled + count);
            self.offset = self.offset.strict_add(count as u64);
        }
        let start = self.position;
        let rest = self.buffer.get(start..).unwrap_or_default();
        let Some(len) = memchr::memchr(b'\n', rest) else { return Ok(None) };
        self.position = start + len + 1;
        Ok(self.buffer.get(start..start + len))
    }
}
