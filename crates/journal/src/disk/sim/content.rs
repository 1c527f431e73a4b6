//! The bytes of one simulated file: what reads see, what the platter holds, and what lies between.
//!
//! **Invariant:** while no sync failed, the durable bytes with all pending changes applied in order
//! are the cached bytes.

use std::iter;

use super::{random::Random, survival::Survival};

/// What a disk writes whole, mostly.
pub(super) const SECTOR_BYTES: usize = 512;

/// A change that no sync has made durable yet.
#[derive(Debug)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    SetLen { bytes: usize },
}

#[derive(Debug, Default)]
pub(super) struct Content {
    cached: Vec<u8>,
    durable: Vec<u8>,
    /// In the order they were made.
    pending: Vec<Change>,
    /// A sync failed: the cache shows bytes that are neither durable nor pending.
    is_deceptive: bool,
}

impl Content {
    /// A file whose bytes are all durable.
    pub(super) fn durable(bytes: &[u8]) -> Self {
        Self { cached: bytes.to_vec(), durable: bytes.to_vec(), ..Self::default() }
    }

    pub(super) fn cached_bytes(&self) -> &[u8] {
        &self.cached
    }

    pub(super) fn durable_bytes(&self) -> &[u8] {
        &self.durable
    }

    pub(super) fn len(&self) -> usize {
        self.cached.len()
    }

    /// Copies from the cache; returns how many bytes there were.
    pub(super) fn read(&self, into: &mut [u8], offset: usize) -> usize {
        let from = self.cached.get(offset..).unwrap_or_default();
        let count = into.len().min(from.len());
        into.split_at_mut(count).0.copy_from_slice(from.split_at(count).0);
        count
    }

    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) {
        place(&mut self.cached, offset, bytes);
        self.pending.push(Change::Write { offset, bytes: bytes.to_vec() });
    }

    pub(super) fn set_len(&mut self, bytes: usize) {
        self.cached.resize(bytes, 0);
        self.pending.push(Change::SetLen { bytes });
    }

    /// Makes the written bytes durable, and the length as far as they need it: a length set after
    /// the last write may still be lost (POSIX, "synchronized I/O data integrity completion").
    pub(super) fn sync_data(&mut self) {
        let is_write = |change: &Change| matches!(change, Change::Write { .. });
        let needed = self.pending.iter().rposition(is_write).map_or(0, |last| last + 1);
        self.settle(needed);
    }

    pub(super) fn sync_all(&mut self) {
        self.settle(self.pending.len());
    }

    fn settle(&mut self, count: usize) {
        for change in self.pending.drain(..count) {
            match change {
                Change::Write { offset, bytes } => place(&mut self.durable, offset, &bytes),
                Change::SetLen { bytes } => self.durable.resize(bytes, 0),
            }
        }
    }

    /// Drops some of what is pending and calls all of it clean: the cache keeps showing it, and
    /// the next sync has nothing to complain about.
    pub(super) fn fail_sync(&mut self, random: &mut Random) {
        self.is_deceptive |= !self.pending.is_empty();
        self.settle_some(random, None);
    }

    /// How many sectors of how many writes are pending.
    pub(super) fn pending_pieces(&self) -> usize {
        self.pending
            .iter()
            .map(|change| match change {
                Change::Write { offset, bytes } => sectors(*offset, bytes).count(),
                Change::SetLen { .. } => 0,
            })
            .sum()
    }

    /// Leaves the durable bytes, and those pending pieces that chance kept. `torn` is the place of
    /// the piece that is kept in part.
    pub(super) fn lose_power(&mut self, random: &mut Random, torn: Option<usize>) {
        if self.pending.is_empty() && !self.is_deceptive {
            return;
        }
        self.settle_some(random, torn);
        self.cached.clone_from(&self.durable);
        self.is_deceptive = false;
    }

    /// Every sector of every write is kept or lost by itself. Changes of the length are kept as a
    /// prefix, as a filesystem journals them: so an old length, or a grown file without its data
    /// (which reads as NUL), are possible too.
    fn settle_some(&mut self, random: &mut Random, torn: Option<usize>) {
        let survival = Survival::choose(random, self.pending_pieces());
        let lengths_kept = match random.below(3) {
            0 => 0,
            1 => self.pending.len(),
            _ => random.below(self.pending.len() + 1),
        };
        let mut length = self.durable.len();
        let mut piece_number = 0;
        for (change_number, change) in self.pending.drain(..).enumerate() {
            let keeps_length = change_number < lengths_kept;
            match change {
                Change::Write { offset, bytes } => {
                    if keeps_length {
                        length = length.max(offset + bytes.len());
                    }
                    for (start, piece) in sectors(offset, &bytes) {
                        let is_kept = survival.keeps(piece_number, random);
                        if torn == Some(piece_number) {
                            let (start, part) = tear(random, start, piece);
                            place(&mut self.durable, start, part);
                        } else if is_kept {
                            place(&mut self.durable, start, piece);
                        }
                        piece_number += 1;
                    }
                }
                Change::SetLen { bytes } => {
                    if keeps_length {
                        self.durable.truncate(bytes);
                        length = bytes;
                    }
                }
            }
        }
        self.durable.resize(length, 0);
    }

    /// Flips a bit where it stands, in the cache and on the platter; false when the byte is in
    /// neither.
    pub(super) fn flip_bit(&mut self, byte: usize, bit: u8) -> bool {
        let mut is_there = false;
        for place in [self.cached.get_mut(byte), self.durable.get_mut(byte)].into_iter().flatten() {
            *place ^= 1 << bit;
            is_there = true;
        }
        is_there
    }
}

/// Copies `piece` to `offset`, with NUL before it where nothing was.
fn place(bytes: &mut Vec<u8>, offset: usize, piece: &[u8]) {
    if bytes.len() < offset {
        bytes.resize(offset, 0);
    }
    let (_, behind) = bytes.split_at_mut(offset);
    let (over, new) = piece.split_at(behind.len().min(piece.len()));
    behind.split_at_mut(over.len()).0.copy_from_slice(over);
    bytes.extend_from_slice(new);
}

/// Cuts a write at the borders of the sectors it falls in.
fn sectors(mut offset: usize, mut bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let sector_rest = SECTOR_BYTES - offset % SECTOR_BYTES;
        let (piece, rest) = bytes.split_at(sector_rest.min(bytes.len()));
        let start = offset;
        offset += piece.len();
        bytes = rest;
        Some((start, piece))
    })
}

/// The part of a piece before or behind some byte of it.
fn tear<'a>(random: &mut Random, start: usize, piece: &'a [u8]) -> (usize, &'a [u8]) {
    let byte = random.below(piece.len());
    let (head, tail) = piece.split_at(byte);
    if random.happens(1, 2) { (start, head) } else { (start + byte, tail) }
}
