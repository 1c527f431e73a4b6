//! The line that ends a group and chains its hash to all before.

use ledger::Seq;

use crate::hash::Hash;
use crate::text::{Cursor, Pen};

/// What a seal says. With it the group before it counts whole, without it not at all.
///
/// An empty group (`bytes` 0) has `first` = `last` + 1: it proves that what stands before it was
/// durable, and moves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal {
    /// Seq of the first event of the group.
    pub first: Seq,
    /// Seq of its last event.
    pub last: Seq,
    /// Bytes of its lines, newlines included.
    pub bytes: u64,
    /// Balance of `@world` after its last event, in minor units.
    pub world: i128,
    /// Hash of the seal before; of the header in the first file.
    pub prev: Hash,
    /// [`Hash::chain`] of `prev` and the group's bytes.
    pub hash: Hash,
}

/// How every seal line begins.
pub(crate) const SEAL_PREFIX: &str = "{\"seal\":";

impl Seal {
    /// Seals the bytes of a group.
    pub fn over(first: Seq, last: Seq, world: i128, prev: Hash, group: &[u8]) -> Self {
        let hash = Hash::chain(prev, group);
        Self { first, last, bytes: group.len() as u64, world, prev, hash }
    }

    /// Whether the group has no events.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Appends the seal's line, newline included.
    pub fn encode(&self, line: &mut Vec<u8>) {
        let mut pen = Pen(line);
        pen.literal(SEAL_PREFIX).literal("{\"first\":").number(self.first.get());
        pen.literal(",\"last\":").number(self.last.get());
        pen.literal(",\"bytes\":").number(self.bytes);
        pen.literal(",\"world\":").number(self.world);
        pen.literal(",\"prev\":\"").bytes(&self.prev.to_hex());
        pen.literal("\",\"hash\":\"").bytes(&self.hash.to_hex()).literal("\"}}\n");
    }

    /// Reads a seal's line (without its newline); `None` unless it is the canonical form of a
    /// seal. Its hash is not checked here.
    pub fn decode(line: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(line);
        cursor.literal(SEAL_PREFIX)?;
        cursor.literal("{\"first\":")?;
        let first = Seq::new(cursor.u64()?);
        cursor.literal(",\"last\":")?;
        let last = Seq::new(cursor.u64()?);
        cursor.literal(",\"bytes\":")?;
        let bytes = cursor.u64()?;
        cursor.literal(",\"world\":")?;
        let world = cursor.i128()?;
        cursor.literal(",\"prev\":\"")?;
        let prev = Hash::from_hex(cursor.bytes(64)?)?;
        cursor.literal("\",\"hash\":\"")?;
        let hash = Hash::from_hex(cursor.bytes(64)?)?;
        cursor.literal("\"}}")?;
        cursor.end()?;
        let empty = bytes == 0;
        let next = last.checked_next()?;
        let in_order = if empty { next == first } else { first <= last };
        in_order.then_some(Self { first, last, bytes, world, prev, hash })
    }

    /// Whether `group` is what the seal was set over. Its hash covers the bytes alone, so the seqs
    /// are held against the number of lines; whether `world` is right, the events tell.
    pub fn fits(&self, group: &[u8]) -> bool {
        let lines_count = memchr::memchr_iter(b'\n', group).count() as u64;
        self.bytes == group.len() as u64
            && self.last.next().get().checked_sub(self.first.get()) == Some(lines_count)
            && self.hash == Hash::chain(self.prev, group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal() -> Seal {
        Seal::over(Seq::new(41), Seq::new(42), -152_500, Hash::of(b"before"), b"two\nlines\n")
    }

    #[test]
    fn a_seal_reads_back_and_fits_its_group_alone() {
        let mut line = Vec::new();
        seal().encode(&mut line);
        assert!(line.len() <= crate::limits::SEAL_BYTES_MAX);
        let read = Seal::decode(line.strip_suffix(b"\n").unwrap()).unwrap();
        assert_eq!(read, seal());
        assert!(read.fits(b"two\nlines\n"));
        assert!(!read.fits(b"two\nlinez\n"));
        let one_more = Seal { last: Seq::new(43), ..read };
        assert!(!one_more.fits(b"two\nlines\n"));
    }

    #[test]
    fn every_flipped_bit_of_a_seal_is_noticed() {
        let mut line = Vec::new();
        seal().encode(&mut line);
        line.pop();
        for bit in 0..line.len() * 8 {
            let mut damaged = line.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let noticed = Seal::decode(&damaged).is_none_or(|read| read != seal());
            assert!(noticed, "bit {bit}");
        }
    }

    #[test]
    fn an_empty_seal_follows_its_last_seq() {
        let empty = Seal::over(Seq::new(43), Seq::new(42), 0, Hash::ZERO, b"");
        let mut line = Vec::new();
        empty.encode(&mut line);
        assert_eq!(Seal::decode(line.strip_suffix(b"\n").unwrap()), Some(empty));
        let wrong = Seal { first: Seq::new(42), ..empty };
        line.clear();
        wrong.encode(&mut line);
        assert_eq!(Seal::decode(line.strip_suffix(b"\n").unwrap()), None);
    }
}
