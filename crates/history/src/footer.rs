//! The first and the last page of a run: which run it is, what it says as a whole, and where its
//! sections stand.
//!
//! **Invariant:** a footer is believed only when its hash is right, and when its sections lie one
//! behind the other from the first page to the last.

use journal::{Hash, Head, LedgerId};
use ledger::Seq;

use crate::entry::{Id, Leg, Pair, pages};
use crate::page::{PAYLOAD_BYTES, Span};

/// The format of runs that this program writes and reads. Another one is dropped and built anew.
pub(crate) const VERSION: u32 = 2;

const HEADER_MAGIC: &[u8; 16] = b"saldo index run\n";
const FOOTER_MAGIC: &[u8; 16] = b"saldo index end\n";

/// How many sections a run has.
pub(crate) const SECTIONS: usize = 9;

const HASH_BYTES: usize = 32;

/// Consecutive pages with entries of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Section {
    /// Number of its first page.
    pub(crate) first: u64,
    /// How many pages it has.
    pub(crate) pages: u64,
    /// How many entries it has.
    pub(crate) count: u64,
}

/// The sections, in the order in which they stand in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sections {
    /// `Id`, sorted.
    pub(crate) ids: Section,
    /// `Leg`, sorted.
    pub(crate) legs: Section,
    /// Byte offsets of every 16th event.
    pub(crate) marks: Section,
    /// Names of the accounts that were opened, sorted.
    pub(crate) names: Section,
    /// Hash of the first id of each page.
    pub(crate) id_fences: Section,
    /// First leg of each page.
    pub(crate) leg_fences: Section,
    /// First name of each page, with how many names stand before.
    pub(crate) name_fences: Section,
    /// Journal files: first seq, and the byte of that event (0: it stands in an earlier run).
    pub(crate) files: Section,
    /// Ends of groups: seq, and its time in microseconds.
    pub(crate) times: Section,
}

/// What a run says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Footer {
    pub(crate) ledger: LedgerId,
    /// The key of the hash of tx_ids.
    pub(crate) key: u64,
    /// The journal before the first event of the run.
    pub(crate) before: Head,
    /// The journal after its last event.
    pub(crate) head: Head,
    /// Hash of the seal of the group that ends there: which history it is the index of.
    pub(crate) seal: Hash,
    pub(crate) sections: Sections,
}

impl Section {
    pub(crate) fn end(self) -> u64 {
        self.first.saturating_add(self.pages)
    }
}

impl Sections {
    fn in_order(&self) -> [Section; SECTIONS] {
        let Self { ids, legs, marks, names, id_fences, leg_fences, name_fences, files, times } =
            *self;
        [ids, legs, marks, names, id_fences, leg_fences, name_fences, files, times]
    }

    fn from_order(sections: [Section; SECTIONS]) -> Self {
        let [ids, legs, marks, names, id_fences, leg_fences, name_fences, files, times] = sections;
        Self { ids, legs, marks, names, id_fences, leg_fences, name_fences, files, times }
    }

    /// Whether they fill the pages from 1 to `footer_page`, and each as many as its entries take.
    fn fit(&self, footer_page: u64) -> bool {
        let Self { ids, legs, marks, names, id_fences, leg_fences, name_fences, files, times } =
            self;
        let mut next = 1;
        for section in self.in_order() {
            if section.first != next || section.pages > footer_page {
                return false;
            }
            next = section.end();
        }
        next == footer_page
            && ids.pages == pages::<Id>(ids.count)
            && legs.pages == pages::<Leg>(legs.count)
            && marks.pages == pages::<u64>(marks.count)
            && names.pages <= names.count
            && id_fences.count == ids.pages
            && id_fences.pages == pages::<u64>(id_fences.count)
            && leg_fences.count == legs.pages
            && leg_fences.pages == pages::<u64>(leg_fences.count)
            && name_fences.count == names.pages
            && name_fences.pages <= name_fences.count
            && files.pages == pages::<Pair>(files.count)
            && times.pages == pages::<Pair>(times.count)
    }
}

impl Footer {
    /// The seqs that the run covers.
    pub(crate) fn span(&self) -> Span {
        Span { first: self.before.seq.next(), last: self.head.seq }
    }

    /// The payload of the last page, whose number is `page`.
    pub(crate) fn encode(&self, page: u64) -> Vec<u8> {
        let mut to = Vec::with_capacity(PAYLOAD_BYTES);
        to.extend_from_slice(FOOTER_MAGIC);
        to.extend_from_slice(&VERSION.to_le_bytes());
        to.extend_from_slice(&self.ledger.0.to_le_bytes());
        to.extend_from_slice(&self.key.to_le_bytes());
        to.extend_from_slice(&page.to_le_bytes());
        for head in [self.before, self.head] {
            to.extend_from_slice(&head.seq.get().to_le_bytes());
            to.extend_from_slice(&head.world.to_le_bytes());
            to.extend_from_slice(&head.at_us.to_le_bytes());
            to.extend_from_slice(&head.money_in.to_le_bytes());
            to.extend_from_slice(&head.accounts_count.to_le_bytes());
        }
        to.extend_from_slice(&self.seal.to_bytes());
        for section in self.sections.in_order() {
            for number in [section.first, section.pages, section.count] {
                to.extend_from_slice(&number.to_le_bytes());
            }
        }
        to.extend_from_slice(&hash(&to));
        to
    }

    /// Reads the payload of the page `page`; `None` when that is not the footer, whole, of a run
    /// of this format that covers `span`.
    pub(crate) fn decode(payload: &[u8], page: u64, span: Span) -> Option<Self> {
        let mut from = Reader(payload);
        let is_ours = from.bytes(FOOTER_MAGIC.len())? == FOOTER_MAGIC && from.u32()? == VERSION;
        if !is_ours {
            return None;
        }
        let ledger = LedgerId(from.u128()?);
        let key = from.u64()?;
        let own_page = from.u64()?;
        let before = from.head()?;
        let head = from.head()?;
        let seal = Hash::from_bytes(from.chunk()?);
        let mut sections = [Section::default(); SECTIONS];
        for section in &mut sections {
            *section = Section { first: from.u64()?, pages: from.u64()?, count: from.u64()? };
        }
        let hashed = payload.get(..payload.len() - from.0.len())?;
        if from.bytes(HASH_BYTES)? != hash(hashed) {
            return None;
        }
        let sections = Sections::from_order(sections);
        let footer = Self { ledger, key, before, head, seal, sections };
        let is_whole = own_page == page
            && before.seq.checked_next() == Some(span.first)
            && head.seq == span.last
            && sections.ids.count == span.events()
            && sections.names.count == head.accounts_count.checked_sub(before.accounts_count)?
            && sections.fit(page);
        is_whole.then_some(footer)
    }
}

/// The payload of page 0.
pub(crate) fn header(ledger: LedgerId, span: Span) -> Vec<u8> {
    let mut to = Vec::new();
    to.extend_from_slice(HEADER_MAGIC);
    to.extend_from_slice(&VERSION.to_le_bytes());
    to.extend_from_slice(&ledger.0.to_le_bytes());
    to.extend_from_slice(&span.first.get().to_le_bytes());
    to.extend_from_slice(&span.last.get().to_le_bytes());
    to
}

fn hash(bytes: &[u8]) -> [u8; HASH_BYTES] {
    Hash::of(bytes).to_bytes()
}

/// Takes numbers from the front of bytes.
struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn bytes(&mut self, count: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn chunk<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    fn u32(&mut self) -> Option<u32> {
        self.chunk().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.chunk().map(u64::from_le_bytes)
    }

    fn u128(&mut self) -> Option<u128> {
        self.chunk().map(u128::from_le_bytes)
    }

    fn i128(&mut self) -> Option<i128> {
        self.chunk().map(i128::from_le_bytes)
    }

    fn head(&mut self) -> Option<Head> {
        Some(Head {
            seq: Seq::new(self.u64()?),
            world: self.i128()?,
            at_us: self.u64()?,
            money_in: self.i128()?,
            accounts_count: self.u64()?,
        })
    }
}
