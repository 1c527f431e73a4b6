//! Where the groups of a log file stand, byte by byte, and how one is forged: for tests that damage
//! a file on purpose. As `docs/formats.md` has it.

use std::ops::Range;

use serde_json::Value;

/// A log file, cut into its lines.
pub struct Layout {
    /// Its bytes, padding included.
    pub bytes: Vec<u8>,
    /// The header line, its newline included.
    pub header: Range<usize>,
    /// The groups: their event lines and their seal, newlines included.
    pub groups: Vec<Group>,
}

/// One group.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its event lines; empty for an empty group.
    pub events: Range<usize>,
    /// Its seal line.
    pub seal: Range<usize>,
}

impl Group {
    /// All of it.
    pub fn range(&self) -> Range<usize> {
        self.events.start..self.seal.end
    }
}

impl Layout {
    /// Cuts the bytes of a whole file.
    pub fn of(bytes: Vec<u8>) -> Self {
        let header = 0..line_end(&bytes, 0);
        let mut groups = Vec::new();
        let mut start = header.end;
        let mut at = start;
        while bytes.get(at).is_some_and(|byte| *byte != b'\n') {
            let end = line_end(&bytes, at);
            if bytes[at..].starts_with(b"{\"seal\":") {
                groups.push(Group { events: start..at, seal: at..end });
                start = end;
            }
            at = end;
        }
        Self { bytes, header, groups }
    }

    /// The groups that hold events.
    pub fn full_groups(&self) -> Vec<Group> {
        self.groups.iter().filter(|group| !group.events.is_empty()).cloned().collect()
    }

    /// Where the last seal ends.
    pub fn end(&self) -> usize {
        self.groups.last().map_or(self.header.end, |group| group.seal.end)
    }

    /// The seal of the last group.
    pub fn last_seal(&self) -> Value {
        let line = &self.bytes[self.groups.last().unwrap().seal.clone()];
        serde_json::from_slice::<Value>(line).unwrap()["seal"].clone()
    }

    /// Puts a group with these event lines and a valid seal behind the last group, over the
    /// padding. `world` is what the seal is to state.
    pub fn forge(&mut self, events: &[u8], first: u64, last: u64, world: i128) {
        let prev = self.last_seal()["hash"].as_str().unwrap().to_owned();
        let seal = seal_line(events, first, last, world, &prev);
        let end = self.end();
        let forged = [events, seal.as_bytes()].concat();
        let behind = self.bytes.len().min(end + forged.len());
        self.bytes.splice(end..behind, forged);
        let seal_start = end + events.len();
        let seal = seal_start..seal_start + seal.len();
        self.groups.push(Group { events: end..seal_start, seal });
    }

    /// Changes one group's events and seals it and all behind it anew, as somebody would who
    /// writes a history of his own.
    pub fn rewrite(&mut self, place: usize, change: impl Fn(&str) -> String) {
        let old = Self::of(self.bytes.clone());
        self.bytes.truncate(old.groups[place].events.start);
        self.groups.truncate(place);
        for (at, group) in old.groups.iter().enumerate().skip(place) {
            let events = std::str::from_utf8(&old.bytes[group.events.clone()]).unwrap();
            let events = if at == place { change(events) } else { events.to_owned() };
            let seal: Value = serde_json::from_slice(&old.bytes[group.seal.clone()]).unwrap();
            let number = |key: &str| seal["seal"][key].as_u64().unwrap();
            let world = seal["seal"]["world"].to_string().parse().unwrap();
            self.forge(events.as_bytes(), number("first"), number("last"), world);
        }
    }
}

/// A seal in its one form.
fn seal_line(events: &[u8], first: u64, last: u64, world: i128, prev: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(blake3::Hash::from_hex(prev).unwrap().as_bytes()).update(events);
    let (hash, bytes) = (hasher.finalize().to_hex(), events.len());
    format!(
        "{{\"seal\":{{\"first\":{first},\"last\":{last},\"bytes\":{bytes},\"world\":{world},\
         \"prev\":\"{prev}\",\"hash\":\"{hash}\"}}}}\n"
    )
}

/// A line or a file that ends with a hash of all before it, with a change in it and the hash that
/// then fits.
pub fn rehashed(text: &str, from: &str, to: &str) -> String {
    const KEY: &str = ",\"hash\":\"";
    let place = text.rfind(KEY).unwrap();
    let changed = text[..place].replacen(from, to, 1);
    assert_ne!(changed, text[..place], "{from} is not in {text}");
    let hash = blake3::hash(changed.as_bytes()).to_hex();
    let behind = &text[place + KEY.len() + 64..];
    format!("{changed}{KEY}{hash}{behind}")
}

fn line_end(bytes: &[u8], from: usize) -> usize {
    bytes[from..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| from + at + 1)
}
