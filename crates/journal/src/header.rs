//! The first line of a journal file.

use ledger::Seq;
use serde::Deserialize;

use crate::hash::Hash;
use crate::text::{Cursor, Pen};

/// The journal format that this program writes. It reads all from 1 on.
pub const FORMAT: u64 = 2;

/// The first format in which an event may say who did it.
pub(crate) const FORMAT_WITH_BY: u64 = 2;

/// What does not change in the life of a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// 128 random bits that name this ledger; as text, 32 lower-case hexadecimal digits.
    pub ledger: LedgerId,
    /// The currency of every account: three upper-case letters (ISO 4217).
    pub currency: Currency,
}

/// The name of a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerId(pub u128);

/// A currency code of three upper-case letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Currency([u8; 3]);

/// What the first line of a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The format of the file: 1 to [`FORMAT`].
    pub format: u64,
    /// Ledger and currency.
    pub genesis: Genesis,
    /// Seq of the first event that the file holds or will hold.
    pub first: Seq,
    /// Balance of `@world` before that event, in minor units.
    pub world: i128,
    /// Hash of the last seal of the file before; zero in the first file.
    pub prev: Hash,
    /// Hash of the line's bytes before the key `hash`. The first file's chain begins with it.
    pub hash: Hash,
}

/// What a first line turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FirstLine {
    /// A header of a format that can be read.
    Header(Header),
    /// A header, whole, of a newer format.
    Newer {
        /// Its format number.
        format: u64,
    },
    /// A line of the original program's log.
    Original,
    /// Nothing of these.
    Damaged,
}

const HASH_KEY: &str = ",\"hash\":\"";

impl LedgerId {
    /// Its 32 digits.
    pub fn to_hex(self) -> String {
        format!("{:032x}", self.0)
    }

    /// Reads 32 lower-case digits; `None` for anything else.
    pub fn from_hex(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let id = Self(u128::from_str_radix(text, 16).ok()?);
        (id.to_hex() == text).then_some(id)
    }
}

impl Currency {
    /// Reads three upper-case letters; `None` for anything else.
    pub fn new(code: &str) -> Option<Self> {
        let bytes: [u8; 3] = code.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_uppercase).then_some(Self(bytes))
    }

    /// The three letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Header {
    /// The header of a file that begins with event `first`.
    pub fn new(genesis: Genesis, first: Seq, world: i128, prev: Hash) -> Self {
        Self::of_format(FORMAT, genesis, first, world, prev)
    }

    /// The same for a file of this format.
    pub fn of_format(format: u64, genesis: Genesis, first: Seq, world: i128, prev: Hash) -> Self {
        let mut header = Self { format, genesis, first, world, prev, hash: Hash::ZERO };
        let mut line = Vec::new();
        header.encode_unhashed(&mut line);
        header.hash = Hash::of(&line);
        header
    }

    /// Where the chain of the file's seals begins: with the file before, or with this header.
    pub fn chain_start(&self) -> Hash {
        if self.prev == Hash::ZERO { self.hash } else { self.prev }
    }

    /// Appends the header's line, newline included.
    pub fn encode(&self, line: &mut Vec<u8>) {
        self.encode_unhashed(line);
        Pen(line).literal(HASH_KEY).bytes(&self.hash.to_hex()).literal("\"}\n");
    }

    fn encode_unhashed(&self, line: &mut Vec<u8>) {
        let mut pen = Pen(line);
        pen.literal("{\"saldo\":\"journal\",\"format\":").number(self.format);
        pen.literal(",\"ledger\":\"").literal(&self.genesis.ledger.to_hex());
        pen.literal("\",\"currency\":").string(self.genesis.currency.as_str());
        pen.literal(",\"first\":").number(self.first.get());
        pen.literal(",\"world\":").number(self.world);
        pen.literal(",\"prev\":\"").bytes(&self.prev.to_hex()).literal("\"");
    }

    fn decode(line: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(line);
        cursor.literal("{\"saldo\":\"journal\",\"format\":")?;
        let format = cursor.u64().filter(|format| (1..=FORMAT).contains(format))?;
        cursor.literal(",\"ledger\":\"")?;
        let ledger = LedgerId::from_hex(cursor.bytes(32)?)?;
        cursor.literal("\",\"currency\":")?;
        let currency = Currency::new(&cursor.string()?)?;
        cursor.literal(",\"first\":")?;
        let first = Seq::new(cursor.u64()?);
        cursor.literal(",\"world\":")?;
        let world = cursor.i128()?;
        cursor.literal(",\"prev\":\"")?;
        let prev = Hash::from_hex(cursor.bytes(64)?)?;
        cursor.literal("\"")?;
        cursor.literal(HASH_KEY)?;
        let hash = Hash::from_hex(cursor.bytes(64)?)?;
        cursor.literal("\"}")?;
        cursor.end()?;
        let header = Self::of_format(format, Genesis { ledger, currency }, first, world, prev);
        (header.hash == hash).then_some(header)
    }
}

/// Tells what the first line of a file (without its newline) is.
pub(crate) fn read_first_line(line: &[u8]) -> FirstLine {
    if let Some(header) = Header::decode(line) {
        return FirstLine::Header(header);
    }
    if let Some(format) = newer_format(line) {
        return FirstLine::Newer { format };
    }
    if is_original(line) { FirstLine::Original } else { FirstLine::Damaged }
}

/// The format number of a whole header of another format. Every format keeps the beginning of the
/// line and the hash at its end, so that damage is never mistaken for a newer format.
fn newer_format(line: &[u8]) -> Option<u64> {
    let mut cursor = Cursor::new(line);
    cursor.literal("{\"saldo\":\"journal\",\"format\":")?;
    let format = cursor.u64()?;
    let hashed_len = line.len().checked_sub(HASH_KEY.len() + 64 + 2)?;
    let (hashed, tail) = line.split_at_checked(hashed_len)?;
    let mut tail = Cursor::new(tail);
    tail.literal(HASH_KEY)?;
    let hash = Hash::from_hex(tail.bytes(64)?)?;
    (hash == Hash::of(hashed) && format > FORMAT).then_some(format)
}

/// The original program's lines are JSON objects with a `tx` and no `seq`.
fn is_original(line: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct OriginalLine {
        tx: String,
        #[serde(default)]
        seq: Option<serde::de::IgnoredAny>,
    }
    serde_json::from_slice::<OriginalLine>(line)
        .is_ok_and(|line| line.seq.is_none() && !line.tx.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        let genesis = Genesis { ledger: LedgerId(0x7f3a), currency: Currency::new("BRL").unwrap() };
        Header::new(genesis, Seq::new(1), 0, Hash::ZERO)
    }

    fn line(header: &Header) -> Vec<u8> {
        let mut line = Vec::new();
        header.encode(&mut line);
        line.pop();
        line
    }

    #[test]
    fn a_header_reads_back() {
        assert_eq!(read_first_line(&line(&header())), FirstLine::Header(header()));
        assert!(line(&header()).len() < crate::limits::HEADER_BYTES_MAX);
    }

    #[test]
    fn every_flipped_bit_of_a_header_is_damage_and_never_a_newer_format() {
        let line = line(&header());
        for bit in 0..line.len() * 8 {
            let mut damaged = line.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read_first_line(&damaged), FirstLine::Damaged, "bit {bit}");
        }
    }

    #[test]
    fn a_header_of_an_earlier_format_reads_back_as_it_was() {
        let Header { genesis, first, world, prev, .. } = header();
        let earlier = Header::of_format(1, genesis, first, world, prev);
        assert!(earlier.hash != header().hash);
        assert_eq!(read_first_line(&line(&earlier)), FirstLine::Header(earlier));
    }

    #[test]
    fn a_whole_header_of_a_newer_format_is_recognised() {
        let mut line = b"{\"saldo\":\"journal\",\"format\":3,\"what\":[\"ever\"]".to_vec();
        let hash = Hash::of(&line);
        Pen(&mut line).literal(HASH_KEY).bytes(&hash.to_hex()).literal("\"}");
        assert_eq!(read_first_line(&line), FirstLine::Newer { format: 3 });
    }

    #[test]
    fn a_line_of_the_original_program_is_recognised() {
        let line = br#"{"tx": "deposit", "tx_id": "f5a6", "user": "alice", "amount": 2500}"#;
        assert_eq!(read_first_line(line), FirstLine::Original);
        assert_eq!(read_first_line(b"{\"seq\":1,\"tx\":\"deposit\"}"), FirstLine::Damaged);
        assert_eq!(read_first_line(b""), FirstLine::Damaged);
    }
}
