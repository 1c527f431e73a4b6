//! A compressed file: zstd frames of at most 1 MiB each, one behind the other, so that any part of it
//! can be read without the parts before. `zstd -d` reads it as well.
//!
//! **Invariant:** memory is bounded by a frame, whatever a damaged file says.

use std::io;

use journal::Hash;
use journal::disk::{Disk, read_full_at, write_all_at};
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{CParameter, find_frame_compressed_size, get_frame_content_size};

/// Most bytes that a frame holds.
const FRAME_BYTES: usize = 1 << 20;
/// Fast, and within a few percent of what the next levels reach on lines of JSON.
const LEVEL: i32 = 3;

/// A file that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed {
    /// Its length, compressed.
    pub bytes: u64,
    /// BLAKE3 of it.
    pub hash: Hash,
}

/// Where the frames of a file lie.
#[derive(Debug)]
pub struct Frames {
    frames: Vec<Frame>,
    /// Length of what they hold.
    pub of_bytes: u64,
}

/// One frame.
#[derive(Clone, Copy, Debug)]
struct Frame {
    /// Where what it holds begins.
    of_offset: u64,
    /// Where it begins in the file, and its length there.
    offset: u64,
    bytes: usize,
    of_bytes: usize,
}

/// Why a file was not packed.
#[derive(Debug)]
pub enum Unpacked {
    /// The source could not be read, or ended early.
    Source(io::Error),
    /// The target could not be written.
    Target(io::Error),
}

/// Writes the first `bytes` of a file as a compressed one of this name, synced. `told` hears of
/// each part that was read.
pub fn pack<S: Disk, T: Disk>(
    (source, file, bytes): (&S, &S::File, u64),
    (target, name): (&T, &str),
    told: &dyn Fn(u64),
) -> Result<Packed, Unpacked> {
    let written = target.create(name).map_err(Unpacked::Target)?;
    let mut compressor = Compressor::new(LEVEL).map_err(Unpacked::Target)?;
    let checked = compressor.set_parameter(CParameter::ChecksumFlag(true));
    checked.map_err(Unpacked::Target)?;
    let mut buffer = vec![0; FRAME_BYTES];
    let mut hasher = blake3::Hasher::new();
    let (mut read, mut offset) = (0_u64, 0_u64);
    while read < bytes {
        let left = usize::try_from(bytes - read).unwrap_or(FRAME_BYTES);
        let Some(space) = buffer.get_mut(..left.min(FRAME_BYTES)) else { break };
        let count = read_full_at(source, file, space, read).map_err(Unpacked::Source)?;
        if count < space.len() {
            return Err(Unpacked::Source(io::ErrorKind::UnexpectedEof.into()));
        }
        let frame = compressor.compress(space).map_err(Unpacked::Target)?;
        write_all_at(target, &written, &frame, offset).map_err(Unpacked::Target)?;
        hasher.update(&frame);
        offset = offset.strict_add(frame.len() as u64);
        read = read.strict_add(count as u64);
        told(count as u64);
    }
    target.sync_all(&written).map_err(Unpacked::Target)?;
    let hash = Hash::from_bytes(*hasher.finalize().as_bytes());
    Ok(Packed { bytes: offset, hash })
}

impl Frames {
    /// Finds the frames of a file, and hashes all of it. Errors: it cannot be read; `InvalidData` where
    /// it is no row of whole frames.
    pub fn find<D: Disk>(disk: &D, file: &D::File) -> io::Result<(Self, Packed)> {
        let most = zstd::compress_bound(FRAME_BYTES);
        let mut buffer = Vec::new();
        let mut hasher = blake3::Hasher::new();
        let mut found = Self { frames: Vec::new(), of_bytes: 0 };
        let mut offset = 0_u64;
        loop {
            let kept = buffer.len();
            if kept < most {
                buffer.resize(most * 2, 0);
                let end = offset.strict_add(kept as u64);
                let space = buffer.get_mut(kept..).unwrap_or_default();
                let count = read_full_at(disk, file, space, end)?;
                hasher.update(space.get(..count).unwrap_or_default());
                buffer.truncate(kept + count);
            }
            if buffer.is_empty() {
                let hash = Hash::from_bytes(*hasher.finalize().as_bytes());
                return Ok((found, Packed { bytes: offset, hash }));
            }
            let bytes = found.take(&buffer, offset).ok_or(io::ErrorKind::InvalidData)?;
            buffer.drain(..bytes);
            offset = offset.strict_add(bytes as u64);
        }
    }

    /// Takes the frame at the beginning of `buffer`; returns its length.
    fn take(&mut self, buffer: &[u8], offset: u64) -> Option<usize> {
        let bytes = find_frame_compressed_size(buffer).ok()?;
        let of_bytes = usize::try_from(get_frame_content_size(buffer).ok()??).ok()?;
        if bytes == 0 || bytes > buffer.len() || of_bytes == 0 || of_bytes > FRAME_BYTES {
            return None;
        }
        self.frames.push(Frame { of_offset: self.of_bytes, offset, bytes, of_bytes });
        self.of_bytes = self.of_bytes.checked_add(of_bytes as u64)?;
        Some(bytes)
    }

    /// The place of the frame that holds byte `of_offset`; `None` behind the end.
    fn place(&self, of_offset: u64) -> Option<usize> {
        let behind = self.frames.partition_point(|frame| frame.of_offset <= of_offset);
        (of_offset < self.of_bytes).then(|| behind.checked_sub(1))?
    }
}

/// The frame that was read last: reading is mostly in order.
#[derive(Debug, Default)]
pub struct Last {
    place: Option<usize>,
    bytes: Vec<u8>,
}

impl Last {
    /// Reads at a byte offset of what the frames hold; returns how many bytes were read, 0 at the end.
    pub fn read_at<D: Disk>(
        &mut self,
        frames: &Frames,
        (disk, file): (&D, &D::File),
        bytes: &mut [u8],
        offset: u64,
    ) -> io::Result<usize> {
        let Some(place) = frames.place(offset) else { return Ok(0) };
        let Some(frame) = frames.frames.get(place) else { return Ok(0) };
        if self.place != Some(place) {
            self.place = None;
            let mut packed = vec![0; frame.bytes];
            if read_full_at(disk, file, &mut packed, frame.offset)? < frame.bytes {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let held = Decompressor::new()?.decompress(&packed, frame.of_bytes);
            self.bytes = held.map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
            if self.bytes.len() != frame.of_bytes {
                return Err(io::ErrorKind::InvalidData.into());
            }
            self.place = Some(place);
        }
        let start = usize::try_from(offset.strict_sub(frame.of_offset)).unwrap_or(usize::MAX);
        let held = self.bytes.get(start..).unwrap_or_default();
        let count = held.len().min(bytes.len());
        if let (Some(to), Some(from)) = (bytes.get_mut(..count), held.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use journal::disk::SimDisk;

    use super::*;

    fn source(count: usize) -> (SimDisk, Vec<u8>) {
        let disk = SimDisk::new();
        let bytes: Vec<u8> =
            (0..count).map(|n| u8::try_from((n + n / 4096) % 251).unwrap()).collect();
        disk.set_file("plain", &bytes).unwrap();
        (disk, bytes)
    }

    fn packed(disk: &SimDisk, count: usize) -> Packed {
        let file = disk.open_read("plain").unwrap();
        pack((disk, &file, count as u64), (disk, "packed"), &|_| {}).unwrap()
    }

    #[test]
    fn any_part_of_what_was_packed_reads_back() {
        for count in [0, 1, FRAME_BYTES, FRAME_BYTES + 1, 3 * FRAME_BYTES - 7] {
            let (disk, bytes) = source(count);
            let written = packed(&disk, count);
            let file = disk.open_read("packed").unwrap();
            let (frames, found) = Frames::find(&disk, &file).unwrap();
            assert_eq!((found, frames.of_bytes), (written, count as u64));
            let mut last = Last::default();
            for start in [0, 1, FRAME_BYTES - 3, FRAME_BYTES, 2 * FRAME_BYTES, 5] {
                let mut read = vec![0; 5000];
                let mut filled = 0;
                loop {
                    let at = (start + filled) as u64;
                    let to = &mut read[filled..];
                    match last.read_at(&frames, (&disk, &file), to, at).unwrap() {
                        0 => break,
                        count => filled += count,
                    }
                }
                let expected = &bytes[start.min(count)..(start + 5000).min(count)];
                assert_eq!(&read[..filled], expected, "{count} bytes from {start}");
            }
        }
    }

    #[test]
    fn a_source_that_ends_early_is_an_error_and_so_are_bytes_that_are_no_frames() {
        let (disk, _) = source(10);
        let file = disk.open_read("plain").unwrap();
        let short = pack((&disk, &file, 11), (&disk, "packed"), &|_| {});
        assert!(matches!(short, Err(Unpacked::Source(_))));
        let found = Frames::find(&disk, &file).unwrap_err();
        assert_eq!(found.kind(), io::ErrorKind::InvalidData);
    }
}
