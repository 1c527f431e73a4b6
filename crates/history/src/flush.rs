//! Writes chunks of memory as a run.

use std::sync::Arc;

use journal::disk::Disk;
use journal::{LedgerId, Plants};

use crate::chunk::Chunk;
use crate::entry::{Entry, Id, Leg, Pair, sort_by_account, sort_by_hash};
use crate::error::HistoryError;
use crate::folder::RUN_NEW;
use crate::footer::{Footer, Section, Sections};
use crate::names::{NameFence, NameWriter};
use crate::page::Span;
use crate::run::{MARK_EVERY, first_mark};
use crate::tail::Tail;
use crate::writer::{EntryWriter, RunWriter};

/// Events after which the end of a group is worth a time mark.
const TIME_EVERY: u64 = 1_024;

/// Writes sorted `chunks`, oldest first and without a gap, as a run with its name. Returns what it
/// covers, and its ids in the order of their hashes.
pub(crate) fn flush<D: Disk>(
    disk: &Arc<D>,
    ledger: LedgerId,
    key: u64,
    plants: Plants,
    chunks: &[Arc<Chunk>],
) -> Result<Option<(Span, Vec<Id>)>, HistoryError> {
    let (Some(oldest), Some(newest)) = (chunks.first(), chunks.last()) else { return Ok(None) };
    let sections = Sections::default();
    let (before, head, seal) = (oldest.before(), newest.head(), newest.seal());
    let footer = Footer { ledger, key, before, head, seal, sections };
    let span = footer.span();
    let ids = ids(chunks);
    let mut to = RunWriter::create(disk, RUN_NEW, ledger, span)?.with(plants);
    let (id_section, id_fences) = EntryWriter::write_all(&mut to, ids.iter().copied())?;
    let (leg_section, leg_fences) = EntryWriter::write_all(&mut to, legs(chunks))?;
    let (mark_section, _) = EntryWriter::write_all(&mut to, marks(chunks, span))?;
    let (name_section, name_fences) = write_names(&mut to, chunks)?;
    let great = Sections {
        ids: id_section,
        legs: leg_section,
        marks: mark_section,
        names: name_section,
        ..sections
    };
    let (files, times) = (files(chunks), times(chunks));
    let tail = Tail { id_fences, leg_fences, name_fences, files, times };
    tail.finish(to, &Footer { sections: great, ..footer })?;
    Ok(Some((span, ids)))
}

/// The events of each chunk with how many stand before it.
fn with_bases(chunks: &[Arc<Chunk>]) -> impl Iterator<Item = (&Chunk, u32)> {
    let mut next = 0u32;
    chunks.iter().map(move |chunk| {
        let base = next;
        next = next.strict_add(u32::try_from(chunk.len()).unwrap_or(u32::MAX));
        (&**chunk, base)
    })
}

fn ids(chunks: &[Arc<Chunk>]) -> Vec<Id> {
    let traces = chunks.iter().flat_map(|chunk| chunk.traces(0, chunk.len()));
    let mut ids: Vec<Id> =
        (0u32..).zip(traces).map(|(at, trace)| Id { hash: trace.tx_hash, at }).collect();
    sort_by_hash(&mut ids);
    ids
}

fn legs(chunks: &[Arc<Chunk>]) -> Vec<Leg> {
    let mut legs = Vec::with_capacity(chunks.iter().map(|chunk| 2 * chunk.len()).sum());
    for (chunk, base) in with_bases(chunks) {
        let sorted = chunk.sorted().map_or(&[][..], |sorted| &sorted.legs);
        legs.extend(sorted.iter().map(|leg| leg.rebased(base)));
    }
    sort_by_account(&mut legs);
    legs
}

/// Bytes at which the marked events begin in their files.
fn marks(chunks: &[Arc<Chunk>], span: Span) -> Vec<u64> {
    let mut marks = Vec::new();
    let mut next_mark = first_mark(span.first);
    let mut seq = span.first.get();
    for chunk in chunks {
        for (stretch, end) in chunk.stretches() {
            let mut offset = stretch.offset;
            for trace in chunk.traces(stretch.at, end) {
                if seq == next_mark {
                    marks.push(offset);
                    next_mark += MARK_EVERY;
                }
                offset = offset.saturating_add(u64::from(trace.line_bytes));
                seq += 1;
            }
        }
    }
    marks
}

fn files(chunks: &[Arc<Chunk>]) -> Vec<Pair> {
    let mut files: Vec<Pair> = Vec::new();
    for chunk in chunks {
        for (stretch, _) in chunk.stretches() {
            let file = stretch.file_first.get();
            if files.last().is_some_and(|last| last.0 == file) {
                continue;
            }
            let first = chunk.first().get().saturating_add(stretch.at as u64);
            // A run may begin in the middle of a file; then an earlier one knows where it begins.
            let offset = if first == file { stretch.offset } else { 0 };
            files.push(Pair(file, offset));
        }
    }
    files
}

fn times(chunks: &[Arc<Chunk>]) -> Vec<Pair> {
    let Some(newest) = chunks.last() else { return Vec::new() };
    let mut times: Vec<Pair> = Vec::new();
    let mut last = chunks.first().map_or(0, |oldest| oldest.before().seq.get());
    for chunk in chunks {
        for (stretch, end) in chunk.stretches() {
            let seq = chunk.before().seq.get().saturating_add(end as u64);
            if seq - last >= TIME_EVERY || seq == newest.head().seq.get() {
                times.push(Pair(seq, stretch.end_us));
                last = seq;
            }
        }
    }
    times
}

fn write_names<D: Disk>(
    to: &mut RunWriter<D>,
    chunks: &[Arc<Chunk>],
) -> Result<(Section, Vec<NameFence>), HistoryError> {
    let sorted = chunks.iter().filter_map(|chunk| chunk.sorted());
    let mut names: Vec<(&[u8], u32)> = sorted
        .flat_map(|sorted| sorted.names.iter().map(|(name, number)| (&**name, *number)))
        .collect();
    // Each chunk's names are in order already, which this sort finds and keeps.
    names.sort();
    let mut section = NameWriter::begin(to);
    for (name, number) in names {
        section.push(to, name, number)?;
    }
    Ok(section.end(to)?)
}
