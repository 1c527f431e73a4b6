//! Makes one run of several that follow each other, in bounded steps.
//!
//! Runs are apart in their seqs, so legs of one account, marks, files and times follow each other
//! run by run; only ids and names are interleaved. Everything is streamed: memory holds 1 MiB per
//! run, and the fences of the new one.

use std::mem;
use std::sync::Arc;

use journal::LedgerId;
use journal::disk::Disk;

use crate::entry::{Entry, Id, Leg, Pair};
use crate::error::HistoryError;
use crate::folder::MERGED_NEW;
use crate::footer::{Footer, Section, Sections};
use crate::names::NameWriter;
use crate::page::Span;
use crate::run::Run;
use crate::stream::{EntryStream, NameStream, PAGES_AHEAD};
use crate::tail::Tail;
use crate::writer::{EntryWriter, RunWriter};

/// Pages that one step writes: 1 MiB.
const PAGES_PER_STEP: u64 = 256;

/// A merge under way.
pub(crate) struct Merge<D: Disk> {
    inputs: Vec<Arc<Run<D>>>,
    to: RunWriter<D>,
    footer: Footer,
    tail: Tail,
    stage: Stage<D>,
}

/// The section that is being written.
enum Stage<D: Disk> {
    Ids(EntryMerge<Id, D>),
    Legs(EntryMerge<Leg, D>),
    Marks(EntryMerge<u64, D>),
    Names(NameMerge<D>),
    Tail,
}

/// What a step did.
pub(crate) enum Step<D: Disk> {
    /// There is more to do.
    Goes(Box<Merge<D>>),
    /// The run has its name. These are its parts, which may go now.
    Done(Span, Vec<Arc<Run<D>>>),
}

impl<D: Disk> Merge<D> {
    /// Begins to merge `inputs`, oldest first and without a gap; `None` when there are none.
    pub(crate) fn begin(
        disk: &Arc<D>,
        ledger: LedgerId,
        inputs: Vec<Arc<Run<D>>>,
    ) -> Result<Option<Self>, HistoryError> {
        let (Some(oldest), Some(newest)) = (inputs.first(), inputs.last()) else {
            return Ok(None);
        };
        let sections = Sections::default();
        let Footer { head, seal, .. } = *newest.footer();
        let footer = Footer { head, seal, sections, ..*oldest.footer() };
        let to = RunWriter::create(disk, MERGED_NEW, ledger, footer.span())?;
        let stage = Stage::Ids(EntryMerge::begin(&inputs, &to, |sections| sections.ids)?);
        let tail = Tail {
            id_fences: Vec::new(),
            leg_fences: Vec::new(),
            name_fences: Vec::new(),
            files: files(&inputs),
            times: inputs.iter().flat_map(|run| run.times().iter().copied()).collect(),
        };
        Ok(Some(Self { inputs, to, footer, tail, stage }))
    }

    /// Writes at most about 1 MiB. On an error the merge is given up; its inputs stand.
    pub(crate) fn step(mut self) -> Result<Step<D>, HistoryError> {
        let (inputs, to) = (&self.inputs, &mut self.to);
        let (sections, tail) = (&mut self.footer.sections, &mut self.tail);
        let next = match &mut self.stage {
            Stage::Ids(ids) => {
                if !ids.step(to)? {
                    return Ok(Step::Goes(Box::new(self)));
                }
                (sections.ids, tail.id_fences) = ids.end(to)?;
                Stage::Legs(EntryMerge::begin(inputs, to, |sections| sections.legs)?)
            }
            Stage::Legs(legs) => {
                if !legs.step(to)? {
                    return Ok(Step::Goes(Box::new(self)));
                }
                (sections.legs, tail.leg_fences) = legs.end(to)?;
                Stage::Marks(EntryMerge::begin(inputs, to, |sections| sections.marks)?)
            }
            Stage::Marks(marks) => {
                if !marks.step(to)? {
                    return Ok(Step::Goes(Box::new(self)));
                }
                (sections.marks, _) = marks.end(to)?;
                Stage::Names(NameMerge::begin(inputs, to)?)
            }
            Stage::Names(names) => {
                if !names.step(to)? {
                    return Ok(Step::Goes(Box::new(self)));
                }
                (sections.names, tail.name_fences) = names.end(to)?;
                Stage::Tail
            }
            Stage::Tail => {
                let span = self.footer.span();
                self.tail.finish(self.to, &self.footer)?;
                return Ok(Step::Done(span, self.inputs));
            }
        };
        self.stage = next;
        Ok(Step::Goes(Box::new(self)))
    }
}

fn files<D: Disk>(inputs: &[Arc<Run<D>>]) -> Vec<Pair> {
    let mut files: Vec<Pair> = inputs.iter().flat_map(|run| run.files().iter().copied()).collect();
    // A file that two runs share: the earlier one may know where it begins.
    files.dedup_by_key(|file| file.0);
    files
}

/// One section of entries, merged.
struct EntryMerge<E, D: Disk> {
    inputs: Vec<EntryStream<E, D>>,
    /// The group of the entry in front of each input.
    groups: Vec<u64>,
    section: Option<EntryWriter<E>>,
}

impl<E: Entry, D: Disk> EntryMerge<E, D> {
    fn begin(
        runs: &[Arc<Run<D>>],
        to: &RunWriter<D>,
        section: impl Fn(&Sections) -> Section,
    ) -> Result<Self, HistoryError> {
        let first = runs.first().map_or(0, |run| run.span().first.get());
        let (mut inputs, mut groups) = (Vec::new(), Vec::new());
        for run in runs {
            let by = u32::try_from(run.span().first.get() - first).unwrap_or(u32::MAX);
            let input = EntryStream::<E, D>::begin(run, section(&run.footer().sections), by)?;
            if let Some(entry) = input.peek() {
                groups.push(entry.group());
                inputs.push(input);
            }
        }
        Ok(Self { inputs, groups, section: Some(EntryWriter::begin(to)) })
    }

    /// Writes some pages; whether that was all.
    fn step(&mut self, to: &mut RunWriter<D>) -> Result<bool, HistoryError> {
        let Some(section) = &mut self.section else { return Ok(true) };
        let pages_end = to.pages() + PAGES_PER_STEP;
        while let Some(least) = self.groups.iter().copied().min() {
            // The first of equals has the earlier events.
            let Some(index) = self.groups.iter().position(|group| *group == least) else { break };
            let (Some(input), Some(group)) =
                (self.inputs.get_mut(index), self.groups.get_mut(index))
            else {
                break;
            };
            let mut front = input.peek();
            while let Some(entry) = front.filter(|entry| entry.group() == least) {
                section.push(to, entry)?;
                front = input.advance()?;
                if to.pages() >= pages_end {
                    break;
                }
            }
            match front {
                Some(entry) => *group = entry.group(),
                None => {
                    self.inputs.remove(index);
                    self.groups.remove(index);
                }
            }
            if to.pages() >= pages_end {
                return Ok(self.inputs.is_empty());
            }
        }
        Ok(true)
    }

    fn end(&mut self, to: &mut RunWriter<D>) -> Result<(Section, Vec<u64>), HistoryError> {
        let section = mem::take(&mut self.section);
        Ok(section.map_or_else(|| Ok(Default::default()), |section| section.end(to))?)
    }
}

/// The section of names, merged.
struct NameMerge<D: Disk> {
    inputs: Vec<NameStream<D>>,
    section: Option<NameWriter>,
}

impl<D: Disk> NameMerge<D> {
    fn begin(runs: &[Arc<Run<D>>], to: &RunWriter<D>) -> Result<Self, HistoryError> {
        let inputs = runs
            .iter()
            .map(|run| NameStream::begin(run, 0, PAGES_AHEAD))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self { inputs, section: Some(NameWriter::begin(to)) })
    }

    fn step(&mut self, to: &mut RunWriter<D>) -> Result<bool, HistoryError> {
        let Some(section) = &mut self.section else { return Ok(true) };
        let pages_end = to.pages() + PAGES_PER_STEP;
        while to.pages() < pages_end {
            let Some(input) = least(&mut self.inputs) else { return Ok(true) };
            if let Some((name, number)) = input.peek() {
                section.push(to, name, number)?;
            }
            input.advance()?;
        }
        Ok(false)
    }

    fn end(
        &mut self,
        to: &mut RunWriter<D>,
    ) -> Result<(Section, Vec<crate::names::NameFence>), HistoryError> {
        let section = mem::take(&mut self.section);
        Ok(section.map_or_else(|| Ok(Default::default()), |section| section.end(to))?)
    }
}

/// The stream whose name in front is the first of all; `None` when all are at their end.
fn least<D: Disk>(streams: &mut [NameStream<D>]) -> Option<&mut NameStream<D>> {
    let fronts = streams.iter().enumerate();
    let (index, _) = fronts
        .filter_map(|(index, stream)| stream.peek().map(|(name, _)| (index, name)))
        .min_by(|(_, one), (_, other)| one.cmp(other))?;
    streams.get_mut(index)
}
