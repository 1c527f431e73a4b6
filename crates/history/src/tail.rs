//! What stands behind the four great sections of a run: fences, journal files, times, footer. It
//! is the same for a run from memory and for one that was merged.

use std::io;

use journal::disk::Disk;

use crate::entry::Pair;
use crate::footer::{Footer, Sections};
use crate::names::{NameFence, NameWriter};
use crate::writer::{EntryWriter, RunWriter};

/// Everything that is gathered while the great sections are written.
pub(crate) struct Tail {
    pub(crate) id_fences: Vec<u64>,
    pub(crate) leg_fences: Vec<u64>,
    pub(crate) name_fences: Vec<NameFence>,
    pub(crate) files: Vec<Pair>,
    pub(crate) times: Vec<Pair>,
}

impl Tail {
    /// Writes it, and the footer behind it, and gives the run its name. `footer.sections` knows
    /// the great sections.
    pub(crate) fn finish<D: Disk>(self, mut to: RunWriter<D>, footer: &Footer) -> io::Result<()> {
        let (id_fences, _) = EntryWriter::write_all(&mut to, self.id_fences)?;
        let (leg_fences, _) = EntryWriter::write_all(&mut to, self.leg_fences)?;
        let mut names = NameWriter::begin(&to);
        for fence in &self.name_fences {
            names.push(&mut to, &fence.name, fence.before)?;
        }
        let (name_fences, _) = names.end(&mut to)?;
        let (files, _) = EntryWriter::write_all(&mut to, self.files)?;
        let (times, _) = EntryWriter::write_all(&mut to, self.times)?;
        let great = footer.sections;
        let sections = Sections { id_fences, leg_fences, name_fences, files, times, ..great };
        to.finish(&Footer { sections, ..*footer })?;
        Ok(())
    }
}
