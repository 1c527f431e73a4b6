//! Where the header, the groups and the padding of a whole journal file lie: found by its newlines
//! and the first bytes of its lines, not by the reader under test.

use std::ops::Range;

use ledger::Seq;

/// One group with its seal.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its first byte.
    pub start: usize,
    /// Behind the newline of its seal.
    pub end: usize,
    /// The last event, once it counts.
    pub last: Seq,
    /// Where its seal states the balance of `@world`.
    world: Range<usize>,
}

/// A file taken apart.
#[derive(Debug)]
pub struct Layout {
    /// Behind the newline of the first line.
    pub header_end: usize,
    /// In order.
    pub groups: Vec<Group>,
    /// The last event before the first group.
    pub before: Seq,
}

impl Layout {
    /// Takes a whole file apart; `before` is the last event of the file before it.
    pub fn of(bytes: &[u8], before: Seq) -> Self {
        let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
        let header_end = lines.next().map_or(0, <[u8]>::len);
        let (mut groups, mut at, mut last) = (Vec::new(), header_end, before);
        let mut start = at;
        for line in lines.take_while(|line| *line != b"\n") {
            at += line.len();
            if line.starts_with(b"{\"seal\":") {
                let line_start = at - line.len();
                let world = world_in(line);
                let world = line_start + world.start..line_start + world.end;
                groups.push(Group { start, end: at, last, world });
                start = at;
            } else {
                last = last.next();
            }
        }
        assert_eq!(start, at, "a whole file ends with a seal");
        Self { header_end, groups, before }
    }

    /// Where the padding begins.
    pub fn groups_end(&self) -> usize {
        self.groups.last().map_or(self.header_end, |group| group.end)
    }

    /// The last event of the file.
    pub fn last(&self) -> Seq {
        self.groups.last().map_or(self.before, |group| group.last)
    }

    /// The last event before group number `n`.
    pub fn last_before(&self, n: usize) -> Seq {
        n.checked_sub(1).and_then(|n| self.groups.get(n)).map_or(self.before, |group| group.last)
    }

    /// The group that holds byte `at`.
    pub fn group_at(&self, at: usize) -> Option<usize> {
        let n = self.groups.partition_point(|group| group.end <= at);
        (self.header_end <= at && n < self.groups.len()).then_some(n)
    }

    /// Whether byte `at` lies in the balance of `@world` of a seal and turns it, XORed with `mask`,
    /// into another whole number.
    pub fn is_another_world(&self, bytes: &[u8], at: usize, mask: u8) -> bool {
        let Some(group) = self.group_at(at).map(|n| &self.groups[n]) else { return false };
        if !group.world.contains(&at) {
            return false;
        }
        let mut number = bytes[group.world.clone()].to_vec();
        number[at - group.world.start] ^= mask;
        let text = String::from_utf8(number).unwrap_or_default();
        text.parse::<i128>().is_ok_and(|world| world.to_string() == text)
    }
}

/// Where the balance of `@world` stands in the line of a seal.
fn world_in(seal: &[u8]) -> Range<usize> {
    const KEY: &[u8] = b",\"world\":";
    let key = seal.windows(KEY.len()).position(|bytes| bytes == KEY).expect("a seal has a world");
    let start = key + KEY.len();
    let len = seal[start..].iter().position(|byte| *byte == b',').expect("more follows");
    start..start + len
}
