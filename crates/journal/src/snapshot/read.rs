//! Proves a snapshot: whole or not at all, in one pass over its bytes. Handing out its accounts is
//! in `load`.

use std::io;

use ledger::{AccountId, Balance, Seq};

use super::{
    END_LINE_BYTES_MAX, HASH_KEY, HASH_TAIL_BYTES, LINE_BYTES_MAX, SNAPSHOT_FORMAT, Snapshot,
    SnapshotHead,
};
use crate::disk::{Disk, read_full_at};
use crate::hash::Hash;
use crate::limits::READ_BYTES_MAX;
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

/// How closely a snapshot is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Its hash over every byte, its first line and its last.
    Bytes,
    /// And the form of every line between.
    Lines,
}

/// A file with a snapshot's name, open: what it is found to be holds though another takes its name
/// meanwhile.
pub(crate) struct Candidate<F> {
    file: F,
    /// Its length in bytes.
    pub(crate) bytes: u64,
    /// What its first line says, if it is one of ours. Nothing proves it yet.
    pub(crate) head: Option<SnapshotHead>,
}

/// Opens the file `name`; `None` when there is none.
pub(crate) fn find<D: Disk>(disk: &D, name: &str) -> io::Result<Option<Candidate<D::File>>> {
    let file = match disk.open_read(name) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let bytes = disk.len(&file)?;
    let mut start = [0; LINE_BYTES_MAX];
    let count = read_full_at(disk, &file, &mut start, 0)?;
    let start = start.get(..count).unwrap_or_default();
    let first_line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let head = SnapshotHead::decode(first_line);
    Ok(Some(Candidate { file, bytes, head }))
}

/// Proves the candidate; `read` is told of every byte that is read.
pub(crate) fn examine<D: Disk>(
    disk: &D,
    candidate: &Candidate<D::File>,
    depth: Depth,
    mut read: impl FnMut(u64),
) -> io::Result<State> {
    let Candidate { file, bytes, .. } = candidate;
    let mut start = [0; 10];
    let count = read_full_at(disk, file, &mut start, 0)?;
    if start.get(..count) != Some(b"{\"format\":") {
        return Ok(State::Foreign);
    }
    let Some(end) = End::read(disk, file, *bytes)? else { return Ok(State::Damaged) };
    let mut hasher = blake3::Hasher::new();
    let mut body = Body::new(depth);
    let mut buffer = Vec::new();
    let mut offset = 0;
    while offset < end.hashed_bytes {
        let left = usize::try_from(end.hashed_bytes - offset).unwrap_or(READ_BYTES_MAX);
        let wanted = left.min(READ_BYTES_MAX);
        buffer.resize(wanted.max(buffer.len()), 0);
        let Some(space) = buffer.get_mut(..wanted) else { break };
        if read_full_at(disk, file, space, offset)? < wanted {
            return Ok(State::Damaged);
        }
        hasher.update(space);
        let body_left = usize::try_from(end.line_start.saturating_sub(offset)).unwrap_or(wanted);
        body.take(space.get(..wanted.min(body_left)).unwrap_or_default());
        offset = offset.strict_add(wanted as u64);
        read(wanted as u64);
    }
    if Hash::finish(&hasher) != end.hash {
        return Ok(State::Damaged);
    }
    Ok(body.judge(*bytes, &end))
}

/// The end of a snapshot.
struct End {
    /// Bytes before the key `hash`, which the hash covers.
    hashed_bytes: u64,
    /// The hash that it states.
    hash: Hash,
    /// Where its last line begins.
    line_start: u64,
    /// What that line says, when it has this format.
    seq_max: Option<Seq>,
}

impl End {
    fn read<D: Disk>(disk: &D, file: &D::File, bytes: u64) -> io::Result<Option<Self>> {
        let Some(hashed_bytes) = bytes.checked_sub(HASH_TAIL_BYTES as u64 + 1) else {
            return Ok(None);
        };
        let start = bytes.saturating_sub(END_LINE_BYTES_MAX as u64);
        let mut space = [0; END_LINE_BYTES_MAX];
        let count = read_full_at(disk, file, &mut space, start)?;
        let text = space.get(..count).unwrap_or_default();
        let hash = text.last_chunk::<{ HASH_TAIL_BYTES + 1 }>().and_then(|tail| {
            let mut cursor = Cursor::new(tail);
            cursor.literal(HASH_KEY)?;
            let hash = Hash::from_hex(cursor.bytes(64)?)?;
            cursor.literal("\"}\n")?;
            cursor.end()?;
            Some(hash)
        });
        let (Some(hash), Some(text)) = (hash, text.strip_suffix(b"\n")) else { return Ok(None) };
        let line = memchr::memrchr(b'\n', text).map_or(0, |newline| newline + 1);
        let seq_max = text.get(line..).and_then(end_line);
        let line_start = start.strict_add(line as u64);
        Ok(Some(Self { hashed_bytes, hash, line_start, seq_max }))
    }
}

/// What the lines before the last turned out to be.
struct Body {
    depth: Depth,
    /// What was read of a line whose end was not.
    begun: Vec<u8>,
    lines_count: u64,
    first_line: Option<Vec<u8>>,
    seq_max: Seq,
    is_whole: bool,
}

impl Body {
    fn new(depth: Depth) -> Self {
        let (begun, first_line, seq_max) = (Vec::new(), None, Seq::ZERO);
        Self { depth, begun, lines_count: 0, first_line, seq_max, is_whole: true }
    }

    /// Goes on with the bytes that follow.
    fn take(&mut self, mut bytes: &[u8]) {
        if self.first_line.is_some() && self.depth == Depth::Bytes {
            let newlines = memchr::memchr_iter(b'\n', bytes).count();
            self.lines_count = self.lines_count.strict_add(newlines as u64);
            return;
        }
        while self.is_whole && !bytes.is_empty() {
            let Some(len) = memchr::memchr(b'\n', bytes) else {
                self.begun.extend_from_slice(bytes);
                self.is_whole = self.begun.len() <= LINE_BYTES_MAX;
                return;
            };
            let (line, rest) = bytes.split_at(len);
            bytes = rest.get(1..).unwrap_or_default();
            if self.begun.is_empty() {
                self.line(line);
            } else {
                let mut whole = std::mem::take(&mut self.begun);
                whole.extend_from_slice(line);
                self.line(&whole);
                whole.clear();
                self.begun = whole;
            }
            if self.depth == Depth::Bytes {
                return self.take(bytes);
            }
        }
    }

    fn line(&mut self, line: &[u8]) {
        self.lines_count = self.lines_count.strict_add(1);
        if self.first_line.is_none() {
            self.first_line = Some(line.to_vec());
        } else if let Some((_, _, seq)) = account_line(line) {
            self.seq_max = self.seq_max.max(seq);
        } else {
            self.is_whole = false;
        }
    }

    /// What the file is, given that its hash is right.
    fn judge(&self, bytes: u64, end: &End) -> State {
        let first_line = self.first_line.as_deref().unwrap_or(&self.begun);
        let Some(head) = SnapshotHead::decode(first_line) else {
            return newer_format(first_line)
                .map_or(State::Damaged, |format| State::Newer { format });
        };
        let Some(seq_max) = end.seq_max else { return State::Damaged };
        let agrees = self.depth == Depth::Bytes || seq_max == self.seq_max.max(head.seq);
        let accounts_count = self.lines_count.checked_sub(1);
        match accounts_count {
            Some(accounts_count) if self.is_whole && self.begun.is_empty() && agrees => {
                State::Whole(Snapshot { head, seq_max, accounts_count, bytes, hash: end.hash })
            }
            _ => State::Damaged,
        }
    }
}

/// Reads the line of an account (without its newline).
pub(super) fn account_line(line: &[u8]) -> Option<(AccountId<'_>, Balance, Seq)> {
    let mut cursor = Cursor::new(line.strip_suffix(b",").unwrap_or(line));
    let account = AccountId::new(cursor.string()?).ok()?;
    let (balance, seq) = account_state(&mut cursor)?;
    Some((account, balance, seq))
}

/// Reads what stands behind the name, to the end of the line.
pub(super) fn account_state(cursor: &mut Cursor<'_>) -> Option<(Balance, Seq)> {
    cursor.literal(":{\"balance\":")?;
    let balance = Balance::new(cursor.i64()?)?;
    cursor.literal(",\"seq\":")?;
    let seq = Seq::new(cursor.u64()?);
    cursor.literal("}")?;
    cursor.end()?;
    Some((balance, seq))
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
