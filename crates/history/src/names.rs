//! Names of accounts in pages: how they are written, and how a page is read.
//!
//! A page holds a count (u16) and as many names, each as a number (u32), a length (u8) and its
//! bytes. The same pages serve as fences: there a name is the first of a page, and its number is
//! how many names stand before it.

use std::io;

use journal::disk::Disk;
use ledger::limits::ACCOUNT_ID_BYTES_MAX;

use crate::footer::Section;
use crate::page::PAYLOAD_BYTES;
use crate::writer::RunWriter;

const COUNT_BYTES: usize = 2;
const LENGTH_MAX: usize = u8::MAX as usize;
const _: () = assert!(ACCOUNT_ID_BYTES_MAX <= LENGTH_MAX);

/// The first name of a page of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NameFence {
    pub(crate) name: Box<[u8]>,
    /// How many names stand in the pages before.
    pub(crate) before: u32,
}

/// Writes a section of names.
pub(crate) struct NameWriter {
    first: u64,
    payload: Vec<u8>,
    /// How many names are in `payload`, and in all.
    in_page: u16,
    count: u64,
    fences: Vec<NameFence>,
}

impl NameWriter {
    /// A section that begins at the writer's next page.
    pub(crate) fn begin<D: Disk>(to: &RunWriter<D>) -> Self {
        Self {
            first: to.pages(),
            payload: vec![0; COUNT_BYTES],
            in_page: 0,
            count: 0,
            fences: Vec::new(),
        }
    }

    /// Adds a name, which must stand behind those before it, in byte order.
    /// Errors: those of the disk; `InvalidInput` for a name of more than 255 bytes.
    pub(crate) fn push<D: Disk>(
        &mut self,
        to: &mut RunWriter<D>,
        name: &[u8],
        number: u32,
    ) -> io::Result<()> {
        let length = u8::try_from(name.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        if self.payload.len() + 5 + name.len() > PAYLOAD_BYTES {
            self.end_page(to)?;
        }
        if self.in_page == 0 {
            let before = u32::try_from(self.count).map_err(|_| io::ErrorKind::InvalidInput)?;
            self.fences.push(NameFence { name: name.into(), before });
        }
        self.payload.extend_from_slice(&number.to_le_bytes());
        self.payload.push(length);
        self.payload.extend_from_slice(name);
        self.in_page += 1;
        self.count += 1;
        Ok(())
    }

    /// Ends the section; returns where it stands, and its fences.
    pub(crate) fn end<D: Disk>(
        mut self,
        to: &mut RunWriter<D>,
    ) -> io::Result<(Section, Vec<NameFence>)> {
        if self.in_page > 0 {
            self.end_page(to)?;
        }
        let pages = to.pages() - self.first;
        Ok((Section { first: self.first, pages, count: self.count }, self.fences))
    }

    fn end_page<D: Disk>(&mut self, to: &mut RunWriter<D>) -> io::Result<()> {
        if let Some(count) = self.payload.first_chunk_mut() {
            *count = self.in_page.to_le_bytes();
        }
        to.page(&self.payload)?;
        self.payload.truncate(COUNT_BYTES);
        self.in_page = 0;
        Ok(())
    }
}

/// The names of a page, in its order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageNames<'p> {
    left: u16,
    rest: &'p [u8],
}

/// Reads a page's payload as names.
pub(crate) fn in_page(payload: &[u8]) -> PageNames<'_> {
    match payload.split_first_chunk() {
        Some((count, rest)) => PageNames { left: u16::from_le_bytes(*count), rest },
        None => PageNames { left: 0, rest: &[] },
    }
}

impl<'p> Iterator for PageNames<'p> {
    type Item = (&'p [u8], u32);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let (number, rest) = self.rest.split_first_chunk()?;
        let (length, rest) = rest.split_first()?;
        let (name, rest) = rest.split_at_checked(usize::from(*length))?;
        self.rest = rest;
        Some((name, u32::from_le_bytes(*number)))
    }
}
