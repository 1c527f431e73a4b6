//! Rotation: the active file is closed under a name of its own, and the next one begins.
//! Not here: preparing that next file (`ahead`).
//!
//! **Invariant:** every crash between two of these steps leaves a folder that recovery takes.

use std::io;
use std::sync::Arc;

use crate::active::{ActiveFile, create_active_aside, failed};
use crate::disk::{Disk, is_full, write_all_at};
use crate::error::JournalError;
use crate::header::Header;
use crate::names::{ACTIVE, ACTIVE_NEW, closed_segment};
use crate::padding::NextFile;
use crate::planted::Planted;
use crate::scan::Link;
use crate::writer::Writer;

impl<D: Disk> Writer<D> {
    /// Closes the active file and begins the next one, on the file that the helper has prepared,
    /// if it has.
    pub(crate) fn rotate(&mut self) -> Result<(), JournalError> {
        let prepared = self.padding.hold_all()?;
        let Link { last, hash, world, .. } = self.link;
        let header = Header::new(self.genesis.clone(), last.next(), world, hash);
        let next = match prepared {
            Some(prepared) => self.begin_prepared(prepared, &header)?,
            None => None,
        };
        let next = match next {
            Some(next) => next,
            None => self.begin_anew(&header)?,
        };

        self.disk.set_len(&self.file, self.end).map_err(failed("cut", ACTIVE))?;
        self.disk.sync_all(&self.file).map_err(failed("sync", ACTIVE))?;
        let closed = closed_segment(self.file_first, last);
        let names = self.disk.list().map_err(failed("list", ACTIVE))?;
        if names.contains(&closed) {
            let taken = io::Error::from(io::ErrorKind::AlreadyExists);
            return Err(failed("rename", ACTIVE)(taken));
        }
        self.disk.rename(ACTIVE, &closed).map_err(failed("rename", ACTIVE))?;
        // IMPORTANT: synced between the two renames. Otherwise the second may become durable
        // alone and replace the file that the first was to keep.
        self.sync_folder()?;
        self.disk.rename(ACTIVE_NEW, ACTIVE).map_err(failed("rename", ACTIVE_NEW))?;
        self.sync_folder()?;

        self.file = next.file;
        self.file_format = next.format;
        self.file_first = next.first;
        self.end = next.end;
        self.padded_to = next.padded_to;
        self.padding.rotated(self.end, self.padded_to);
        Ok(())
    }

    /// Writes the header over the first newlines of a prepared file, whose groups then begin
    /// directly behind it as in any other; `None` when it is too short for that.
    fn begin_prepared(
        &self,
        prepared: NextFile<D::File>,
        header: &Header,
    ) -> Result<Option<ActiveFile<D::File>>, JournalError> {
        let NextFile { file, padded_to } = prepared;
        let mut bytes = Vec::new();
        header.encode(&mut bytes);
        let end = bytes.len() as u64;
        // The helper has let go of it; if not, making a new one is right as well.
        let Some(file) = Arc::into_inner(file).filter(|_| end < padded_to) else { return Ok(None) };
        write_all_at(&*self.disk, &file, &bytes, 0).map_err(failed("write", ACTIVE_NEW))?;
        self.disk.sync_data(&file).map_err(failed("sync", ACTIVE_NEW))?;
        Ok(Some(ActiveFile { file, format: header.format, first: header.first, end, padded_to }))
    }

    fn begin_anew(&self, header: &Header) -> Result<ActiveFile<D::File>, JournalError> {
        let next =
            create_active_aside(&*self.disk, &self.sizes, header, None).map_err(|source| {
                if is_full(&source) {
                    JournalError::DiskFull { file: ACTIVE_NEW, source }
                } else {
                    JournalError::Failed { what: "creation", file: ACTIVE_NEW, source }
                }
            })?;
        self.disk.sync_all(&next.file).map_err(failed("sync", ACTIVE_NEW))?;
        Ok(next)
    }

    fn sync_folder(&self) -> Result<(), JournalError> {
        if self.plants.has(Planted::NoFolderSync) {
            return Ok(());
        }
        self.disk.sync_dir().map_err(failed("sync of the folder", ACTIVE))
    }
}

#[cfg(test)]
mod tests;
