//! Making and extending the file that the journal is written to: a header, proven groups, padding.
//! Not here: when to (`writer`, `ahead`, `rotate`, `recover`), and the names that it gets.

use std::io;

use ledger::Seq;

use crate::disk::{Disk, read_full_at, write_all_at};
use crate::error::JournalError;
use crate::header::Header;
use crate::limits::{READ_BYTES_MAX, Sizes};
use crate::names::ACTIVE_NEW;

/// The active file as recovery leaves it.
pub(crate) struct ActiveFile<F> {
    pub(crate) file: F,
    pub(crate) format: u64,
    pub(crate) first: Seq,
    pub(crate) end: u64,
    pub(crate) padded_to: u64,
}

/// The proven groups of a file: bytes `start` to `end`.
pub(crate) struct ProvenGroups<'f, F> {
    pub(crate) file: &'f F,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// Writes `header`, a copy of `groups` and padding into a new file beside the active one.
/// The caller syncs it and gives it its name.
pub(crate) fn create_active_aside<D: Disk>(
    disk: &D,
    sizes: &Sizes,
    header: &Header,
    groups: Option<ProvenGroups<'_, D::File>>,
) -> io::Result<ActiveFile<D::File>> {
    if disk.list()?.iter().any(|name| name == ACTIVE_NEW) {
        disk.unlink(ACTIVE_NEW)?;
    }
    let file = disk.create(ACTIVE_NEW)?;
    let mut bytes = Vec::new();
    header.encode(&mut bytes);
    write_all_at(disk, &file, &bytes, 0)?;
    let mut end = bytes.len() as u64;
    if let Some(groups) = groups {
        copy(disk, &groups, &file, end)?;
        end = end.strict_add(groups.end.strict_sub(groups.start));
        // The seal of a group at the very end of a file may have lost its newline.
        let mut last = [0];
        read_full_at(disk, &file, &mut last, end - 1)?;
        if last != [b'\n'] {
            write_all_at(disk, &file, b"\n", end)?;
            end = end.strict_add(1);
        }
    }
    let padded_to = end.strict_add(sizes.pad_step_bytes(end));
    if let (_, Some(error)) = pad(disk, &file, end, padded_to) {
        return Err(error);
    }
    Ok(ActiveFile { file, format: header.format, first: header.first, end, padded_to })
}

fn copy<D: Disk>(
    disk: &D,
    groups: &ProvenGroups<'_, D::File>,
    to: &D::File,
    mut to_offset: u64,
) -> io::Result<()> {
    let left = usize::try_from(groups.end.strict_sub(groups.start)).unwrap_or(READ_BYTES_MAX);
    let mut bytes = vec![0; left.min(READ_BYTES_MAX)];
    let mut offset = groups.start;
    while offset < groups.end {
        let left = groups.end.strict_sub(offset);
        let len = usize::try_from(left).unwrap_or(bytes.len()).min(bytes.len());
        let Some(space) = bytes.get_mut(..len) else { break };
        if read_full_at(disk, groups.file, space, offset)? < len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        write_all_at(disk, to, space, to_offset)?;
        offset = offset.strict_add(len as u64);
        to_offset = to_offset.strict_add(len as u64);
    }
    Ok(())
}

/// Writes newlines from byte `from` to byte `to`; returns how far it got, and what stopped it.
pub(crate) fn pad<D: Disk>(
    disk: &D,
    file: &D::File,
    from: u64,
    to: u64,
) -> (u64, Option<io::Error>) {
    const NEWLINES: &[u8] = &[b'\n'; 64 << 10];
    let mut offset = from;
    while offset < to {
        let len = usize::try_from(to - offset).unwrap_or(NEWLINES.len()).min(NEWLINES.len());
        let newlines = NEWLINES.get(..len).unwrap_or_default();
        match disk.write_at(file, newlines, offset) {
            Ok(0) => return (offset, Some(io::ErrorKind::WriteZero.into())),
            // What a full disk took before it refused counts.
            Ok(written) => offset = offset.strict_add(written as u64),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (offset, Some(error)),
        }
    }
    (offset, None)
}

pub(crate) fn failed(
    what: &'static str,
    file: &'static str,
) -> impl FnOnce(io::Error) -> JournalError {
    move |source| JournalError::Failed { what, file, source }
}
