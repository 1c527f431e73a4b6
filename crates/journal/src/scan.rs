//! Walks the sealed groups of one file and stops at the first byte that no seal proves.
//!
//! Memory is bounded by one group, whatever a damaged length says.

use std::io;

use ledger::Seq;
use memchr::memmem;

use crate::disk::{Disk, read_full_at};
use crate::error::OpenError;
use crate::hash::Hash;
use crate::header::{FirstLine, Genesis, Header, read_first_line};
use crate::limits::{
    GROUP_BYTES_READ_MAX, HEADER_BYTES_MAX, READ_BYTES_FIRST, READ_BYTES_MAX, SEAL_BYTES_MAX,
};
use crate::names::{ACTIVE, parse_closed_segment};
use crate::planted::{Planted, Plants};
use crate::seal::{SEAL_PREFIX, Seal};

/// Where a chain of seals stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// Last event so far.
    pub(crate) last: Seq,
    /// Hash of the last seal.
    pub(crate) hash: Hash,
    /// Whether the last group was empty.
    pub(crate) last_group_empty: bool,
    /// Balance of `@world` that the last seal states.
    pub(crate) world: i128,
}

/// A walk over the groups of one open file.
pub(crate) struct Scan<'d, D: Disk> {
    disk: &'d D,
    file: &'d D::File,
    /// File offset of the first byte in `buffer`.
    base: u64,
    /// As long as it ever was, so that what is read over need not be cleared first.
    buffer: Vec<u8>,
    /// How much of `buffer` holds bytes of the file.
    filled: usize,
    /// Position in `buffer` up to which everything is proven.
    position: usize,
    at_end_of_file: bool,
    /// How many bytes the next read asks for.
    read_bytes: usize,
    link: Link,
    plants: Plants,
}

/// One proven group.
pub(crate) struct Group<'b> {
    /// The lines of its events.
    pub(crate) bytes: &'b [u8],
    /// File offset of the first of them.
    pub(crate) offset: u64,
    /// Its seal.
    pub(crate) seal: Seal,
}

/// Reads the first line of a file; returns it with its length, newline included.
pub(crate) fn first_line<D: Disk>(disk: &D, file: &D::File) -> io::Result<(FirstLine, u64)> {
    let mut bytes = vec![0; HEADER_BYTES_MAX];
    let count = read_full_at(disk, file, &mut bytes, 0)?;
    bytes.truncate(count);
    let Some(len) = memchr::memchr(b'\n', &bytes) else {
        return Ok((FirstLine::Damaged, 0));
    };
    let line = bytes.get(..len).unwrap_or_default();
    Ok((read_first_line(line), len as u64 + 1))
}

/// Ledger and currency of the journal in the folder of `disk`, from the first header that can be
/// read; `None` when there is none. Proves nothing.
pub fn genesis_of<D: Disk>(disk: &D) -> Result<Option<Genesis>, OpenError> {
    let names = disk.list().map_err(OpenError::disk("listing the folder"))?;
    let is_journal = |name: &&String| *name == ACTIVE || parse_closed_segment(name).is_some();
    for name in names.iter().filter(is_journal) {
        let reading = || OpenError::disk(format!("reading {name}"));
        let file = disk.open_read(name).map_err(reading())?;
        if let Some(header) = header_of(disk, &file).map_err(reading())? {
            return Ok(Some(header.genesis));
        }
    }
    Ok(None)
}

/// The header of a journal file; `None` when its first line is none of this format.
pub fn header_of<D: Disk>(disk: &D, file: &D::File) -> io::Result<Option<Header>> {
    let (line, _) = first_line(disk, file)?;
    Ok(match line {
        FirstLine::Header(header) => Some(header),
        FirstLine::Newer { .. } | FirstLine::Original | FirstLine::Damaged => None,
    })
}

impl<'d, D: Disk> Scan<'d, D> {
    /// Begins at byte `offset` of `file`, with the chain at `link`.
    pub(crate) fn new(
        disk: &'d D,
        file: &'d D::File,
        offset: u64,
        link: Link,
        plants: Plants,
    ) -> Self {
        Self {
            disk,
            file,
            base: offset,
            buffer: Vec::new(),
            filled: 0,
            position: 0,
            at_end_of_file: false,
            read_bytes: READ_BYTES_FIRST,
            link,
            plants,
        }
    }

    /// File offset up to which everything is proven.
    pub(crate) fn offset(&self) -> u64 {
        self.base.strict_add(self.position as u64)
    }

    /// Where the chain stands.
    pub(crate) fn link(&self) -> Link {
        self.link
    }

    /// The next proven group; `None` when what follows is none.
    pub(crate) fn next(&mut self) -> io::Result<Option<Group<'_>>> {
        let mut searched = 0;
        let seal_start = loop {
            let rest = self.unproven();
            match rest.first() {
                Some(b'\n') => return Ok(None),
                Some(_) if rest.starts_with(SEAL_PREFIX.as_bytes()) => break 0,
                Some(_) | None => {}
            }
            if let Some(start) = find_seal_line(rest, searched) {
                break start;
            }
            searched = rest.len().saturating_sub(SEAL_PREFIX.len());
            if rest.len() > GROUP_BYTES_READ_MAX || !self.read_more()? {
                return Ok(None);
            }
        };
        let seal_end = loop {
            let rest = self.unproven().get(seal_start..).unwrap_or_default();
            if let Some(len) = memchr::memchr(b'\n', rest) {
                break seal_start + len;
            }
            let len = rest.len();
            if len > SEAL_BYTES_MAX {
                return Ok(None);
            }
            if !self.read_more()? {
                // A seal at the very end of a file counts without its newline.
                break seal_start + len;
            }
        };
        let offset = self.offset();
        let rest = self.unproven();
        let (Some(group), Some(line)) = (rest.get(..seal_start), rest.get(seal_start..seal_end))
        else {
            return Ok(None);
        };
        let Some(seal) = Seal::decode(line) else { return Ok(None) };
        let chained = seal.prev == self.link.hash && seal.first == self.link.last.next();
        let fits = seal.fits(group) || self.plants.has(Planted::SealUnchecked);
        if !chained || !fits {
            return Ok(None);
        }
        let start = self.position;
        self.position = (start + seal_end + 1).min(self.filled);
        self.link = Link {
            last: seal.last,
            hash: seal.hash,
            last_group_empty: seal.is_empty(),
            world: seal.world,
        };
        let bytes = self.buffer.get(start..start + seal_start).unwrap_or_default();
        Ok(Some(Group { bytes, offset, seal }))
    }

    /// What is buffered and not proven.
    fn unproven(&self) -> &[u8] {
        self.buffer.get(self.position..self.filled).unwrap_or_default()
    }

    /// Reads on behind what is buffered, dropping what is proven; `false` at the end of the file.
    fn read_more(&mut self) -> io::Result<bool> {
        if self.at_end_of_file {
            return Ok(false);
        }
        self.buffer.copy_within(self.position..self.filled, 0);
        self.base = self.base.strict_add(self.position as u64);
        self.filled -= self.position;
        self.position = 0;
        let wanted = self.read_bytes;
        self.read_bytes = READ_BYTES_MAX.min(wanted * 2);
        let len = self.buffer.len().max(self.filled + wanted);
        self.buffer.resize(len, 0);
        let offset = self.base.strict_add(self.filled as u64);
        let space = self.buffer.get_mut(self.filled..self.filled + wanted).unwrap_or_default();
        let count = read_full_at(self.disk, self.file, space, offset)?;
        self.filled += count;
        self.at_end_of_file = count < wanted;
        Ok(count > 0)
    }
}

/// Where in `bytes` a line that begins like a seal starts, looking from byte `from` on.
fn find_seal_line(bytes: &[u8], from: usize) -> Option<usize> {
    let mut from = from;
    loop {
        let found = from + memmem::find(bytes.get(from..)?, SEAL_PREFIX.as_bytes())?;
        let behind_newline = found.checked_sub(1).and_then(|before| bytes.get(before));
        if behind_newline == Some(&b'\n') {
            return Some(found);
        }
        from = found + 1;
    }
}

/// What stands in a file behind its last proven group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Nothing, or padding.
    Clean,
    /// Bytes that no seal proves, and no valid seal among them: what a crash leaves.
    Torn {
        /// File offset behind the last of them.
        end: u64,
    },
    /// Bytes that no seal proves, and a valid seal behind them: no crash leaves that.
    Damaged {
        /// File offset of that seal.
        seal_offset: u64,
    },
}

/// Judges what stands in `file` behind byte `from`.
pub(crate) fn examine_tail<D: Disk>(disk: &D, file: &D::File, from: u64) -> io::Result<Tail> {
    let overlap = SEAL_PREFIX.len() - 1;
    let mut bytes = vec![0; READ_BYTES_FIRST];
    let mut offset = from;
    let mut torn_end = None;
    loop {
        let count = read_full_at(disk, file, &mut bytes, offset)?;
        let read = bytes.get(..count).unwrap_or_default();
        if let Some(last) = last_unlike_padding(read) {
            torn_end = Some(offset.strict_add(last as u64 + 1));
        }
        for found in memmem::find_iter(read, SEAL_PREFIX.as_bytes()) {
            let seal_offset = offset.strict_add(found as u64);
            if holds_valid_seal(disk, file, from, seal_offset)? {
                return Ok(Tail::Damaged { seal_offset });
            }
        }
        if count < bytes.len() {
            break;
        }
        offset = offset.strict_add((count - overlap) as u64);
        bytes.resize(READ_BYTES_MAX.min(count * 2), 0);
    }
    Ok(torn_end.map_or(Tail::Clean, |end| Tail::Torn { end }))
}

/// Where the last byte stands that is no padding.
fn last_unlike_padding(bytes: &[u8]) -> Option<usize> {
    const BLOCK_BYTES: usize = 4 << 10;
    let mut end = bytes.len();
    // Padding is megabytes: without an early exit in a block the test runs many bytes at a time.
    while let Some(block) = end.checked_sub(BLOCK_BYTES).and_then(|start| bytes.get(start..end)) {
        if block.iter().fold(0, |differing, byte| differing | (byte ^ b'\n')) != 0 {
            break;
        }
        end -= BLOCK_BYTES;
    }
    bytes.get(..end)?.iter().rposition(|byte| *byte != b'\n')
}

/// Whether the line at `seal_offset` is a seal that fits the bytes directly before it, none of
/// them before `from`. Whether it is chained does not matter here.
fn holds_valid_seal<D: Disk>(
    disk: &D,
    file: &D::File,
    from: u64,
    seal_offset: u64,
) -> io::Result<bool> {
    let mut line = vec![0; SEAL_BYTES_MAX];
    let count = read_full_at(disk, file, &mut line, seal_offset)?;
    line.truncate(count);
    if let Some(len) = memchr::memchr(b'\n', &line) {
        line.truncate(len);
    }
    let Some(seal) = Seal::decode(&line) else { return Ok(false) };
    let group_start = seal_offset.checked_sub(seal.bytes).filter(|start| *start >= from);
    let (Some(group_start), Ok(len)) = (group_start, usize::try_from(seal.bytes)) else {
        return Ok(false);
    };
    if len > GROUP_BYTES_READ_MAX {
        return Ok(false);
    }
    let mut group = vec![0; len];
    let count = read_full_at(disk, file, &mut group, group_start)?;
    Ok(count == len && seal.fits(&group))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_byte_that_is_no_padding_is_found_wherever_it_stands() {
        for len in [0, 1, 4_095, 4_096, 4_097, 12_288, 12_300] {
            let mut bytes = vec![b'\n'; len];
            assert_eq!(last_unlike_padding(&bytes), None);
            for last in [0, 1, 11, 4_000, 4_095, 4_096, 8_191, 8_192, 12_287, 12_299] {
                if let Some(byte) = bytes.get_mut(last) {
                    *byte = b'x';
                    assert_eq!(last_unlike_padding(&bytes), Some(last), "{len} bytes");
                }
            }
        }
    }
}
