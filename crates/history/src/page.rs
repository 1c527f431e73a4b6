//! The page: 4,096 bytes of which the last four are a checksum. Every byte of a run stands in one.
//!
//! **Invariant:** no byte of a page is believed before its checksum was compared. The checksum
//! also covers which run the page belongs to and its number there, so that a page which the disk
//! put, or left, in the wrong place does not pass.
//! Not here: what the bytes mean (`entry`, `names`, `footer`).

use ledger::Seq;

/// Bytes of a page.
pub(crate) const PAGE_BYTES: usize = 4096;

/// Bytes of a page before its checksum.
pub(crate) const PAYLOAD_BYTES: usize = PAGE_BYTES - CHECKSUM_BYTES;

const CHECKSUM_BYTES: usize = 4;

/// The run that a page belongs to: the seqs that it covers, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: Seq,
    pub(crate) last: Seq,
}

impl Span {
    /// How many events the run covers.
    pub(crate) fn events(self) -> u64 {
        self.last.get().saturating_sub(self.first.get()).saturating_add(1)
    }

    pub(crate) fn contains(self, seq: Seq) -> bool {
        self.first <= seq && seq <= self.last
    }

    /// The CRC-32 (IEEE 802.3) of a page's payload, its number and this run.
    fn checksum(self, payload: &[u8], number: u64) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(payload);
        for word in [number, self.first.get(), self.last.get()] {
            hasher.update(&word.to_le_bytes());
        }
        hasher.finalize()
    }

    /// Appends the page `number` of this run, filled with zeros behind `payload`.
    pub(crate) fn put_page(self, to: &mut Vec<u8>, payload: &[u8], number: u64) {
        let start = to.len();
        to.extend_from_slice(payload);
        to.resize(start + PAYLOAD_BYTES, 0);
        let checksum = self.checksum(to.get(start..).unwrap_or_default(), number);
        to.extend_from_slice(&checksum.to_le_bytes());
    }

    /// What the page `number` of this run holds; `None` when it is not that page, whole.
    pub(crate) fn payload(self, page: &[u8], number: u64) -> Option<&[u8]> {
        let (payload, checksum) = page.split_last_chunk::<CHECKSUM_BYTES>()?;
        let is_whole = payload.len() == PAYLOAD_BYTES
            && u32::from_le_bytes(*checksum) == self.checksum(payload, number);
        is_whole.then_some(payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_passes_in_its_own_place_and_in_no_other() {
        let span = Span { first: Seq::new(1), last: Seq::new(9) };
        let other = Span { first: Seq::new(1), last: Seq::new(10) };
        let mut page = Vec::new();
        span.put_page(&mut page, b"balance", 3);
        assert_eq!(page.len(), PAGE_BYTES);
        assert!(span.payload(&page, 3).unwrap().starts_with(b"balance\0"));
        assert_eq!(span.payload(&page, 4), None);
        assert_eq!(other.payload(&page, 3), None);
        assert_eq!(span.payload(&page[1..], 3), None);
        for byte in 0..PAGE_BYTES {
            page[byte] ^= 0x10;
            assert_eq!(span.payload(&page, 3), None, "byte {byte}");
            page[byte] ^= 0x10;
        }
    }
}
