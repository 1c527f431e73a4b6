//! `MANIFEST.json`: what belongs to a backup. It is written last, so a backup is what it lists.
//!
//! **Invariant:** its last key, `hash`, covers every byte before that key.

use journal::Hash;
use serde::{Deserialize, Serialize};

/// Its name.
pub const MANIFEST: &str = "MANIFEST.json";
/// The same while it is being written; never read.
pub const MANIFEST_NEW: &str = "MANIFEST.json.new";
/// What this program writes and reads.
pub const SCHEMA: &str = "saldo.backup/1";
/// Most bytes of one that is read: some 200,000 files.
pub const MANIFEST_BYTES_MAX: usize = 64 << 20;

const HASH_KEY: &str = ",\"hash\":\"";

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The program that wrote it, and its version.
    pub writer: String,
    /// The ledger's name, 32 hexadecimal digits.
    pub ledger: String,
    /// Its currency.
    pub currency: String,
    /// The first event; 0 when there is none.
    pub first: u64,
    /// The last event.
    pub last: u64,
    /// Hash of the last seal.
    pub seal: String,
    /// When it was made, in microseconds since the Unix epoch.
    pub at: u64,
    /// Its files: the closed ones in order, the active one, the snapshot.
    pub files: Vec<Entry>,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its name in the backup.
    pub name: String,
    /// Its length there, compressed.
    pub bytes: u64,
    /// BLAKE3 of it as it lies there.
    pub hash: String,
    /// The name of the file of a data folder that it holds.
    pub of: String,
    /// The length of that.
    pub of_bytes: u64,
}

/// Why bytes are no manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// They are not what was written.
    Damaged,
    /// A newer program wrote them.
    Newer,
}

impl Manifest {
    /// Its bytes. Errors: none that its content could bring about.
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec(self)?;
        // The brace that closes the object comes behind the hash.
        bytes.pop();
        let hash = Hash::of(&bytes);
        bytes.extend_from_slice(format!("{HASH_KEY}{hash}\"}}\n").as_bytes());
        Ok(bytes)
    }

    /// Reads it back.
    pub fn decode(bytes: &[u8]) -> Result<Self, Unread> {
        #[derive(Deserialize)]
        struct Schema {
            schema: String,
        }
        let hashed = hashed(bytes).ok_or(Unread::Damaged)?;
        let object = [hashed, b"}"].concat();
        let Schema { schema } = serde_json::from_slice(&object).map_err(|_| Unread::Damaged)?;
        if schema != SCHEMA {
            return Err(Unread::Newer);
        }
        serde_json::from_slice(&object).map_err(|_| Unread::Damaged)
    }

    /// The file with this name.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.files.iter().find(|entry| entry.name == name)
    }

    /// Bytes of all files, compressed.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|entry| entry.bytes).sum()
    }
}

/// The bytes that the hash covers, if it is right.
fn hashed(bytes: &[u8]) -> Option<&[u8]> {
    let object = bytes.strip_suffix(b"\"}\n")?;
    let (before, hash) = object.split_at_checked(object.len().checked_sub(64)?)?;
    let before = before.strip_suffix(HASH_KEY.as_bytes())?;
    (Hash::from_hex(hash)? == Hash::of(before)).then_some(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let of = "transactions.log".to_owned();
        let entry =
            Entry { name: "tail.aa.log.zst".into(), bytes: 9, hash: "00".into(), of, of_bytes: 90 };
        Manifest {
            schema: SCHEMA.into(),
            writer: "saldo 0.1.0".into(),
            ledger: "7f".into(),
            currency: "BRL".into(),
            first: 1,
            last: 7,
            seal: "ab".into(),
            at: 5,
            files: vec![entry],
        }
    }

    #[test]
    fn it_reads_back_and_every_flipped_bit_is_noticed() {
        let bytes = manifest().encode().unwrap();
        assert_eq!(Manifest::decode(&bytes), Ok(manifest()));
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Manifest::decode(&damaged), Err(Unread::Damaged), "bit {bit}");
        }
    }

    #[test]
    fn it_is_plain_json_and_another_schema_is_newer() {
        let other = Manifest { schema: "saldo.backup/2".into(), ..manifest() };
        let bytes = other.encode().unwrap();
        let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(value["last"], 7);
        assert_eq!(Manifest::decode(&bytes), Err(Unread::Newer));
        assert_eq!(Manifest::decode(b""), Err(Unread::Damaged));
    }
}
