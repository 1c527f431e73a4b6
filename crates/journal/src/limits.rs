//! The bounds of the journal, in bytes and in time. What production uses stands in
//! [`Sizes::default`]; tests and the simulation make everything small.

/// Most bytes of one record line with its newline. The largest is an `init` whose request filled
/// a wire line of 1 MiB with the shortest names: about 5.8 MiB with both balances of each.
pub const RECORD_BYTES_MAX: usize = 7 << 20;

/// Most bytes of one seal line with its newline: four numbers, two hashes and the keys.
pub const SEAL_BYTES_MAX: usize = 512;

/// Most bytes of the header line of a file.
pub const HEADER_BYTES_MAX: usize = 1024;

/// Most bytes that a reader takes for one group: a group is either at most
/// [`Sizes::group_bytes_max`] or a single record.
pub const GROUP_BYTES_READ_MAX: usize = RECORD_BYTES_MAX;

/// Bytes that a reader asks for first: a small file costs little.
pub(crate) const READ_BYTES_FIRST: usize = 16 << 10;

/// Most bytes that a reader asks for at once; each time twice as many, up to here.
pub(crate) const READ_BYTES_MAX: usize = 1 << 20;

/// The sizes of the journal's files and groups, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// A group is closed before it passes this size, so that a small transfer never waits behind
    /// a huge one. A record that is larger alone makes a group of its own.
    pub group_bytes_max: usize,
    /// The active file is closed and renamed once it has passed this size.
    pub segment_bytes_max: u64,
    /// Least padding that one extension writes.
    pub pad_step_bytes_min: u64,
    /// Most padding that one extension writes. In between, it grows with the file.
    pub pad_step_bytes_max: u64,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            group_bytes_max: 1 << 20,
            segment_bytes_max: 256 << 20,
            pad_step_bytes_min: 1 << 20,
            pad_step_bytes_max: 16 << 20,
        }
    }
}

impl Sizes {
    /// How much padding to add to a file of `len` bytes: as much as it holds, within bounds, so
    /// that a small bank stays small and a busy one is seldom interrupted.
    pub(crate) fn pad_step_bytes(&self, len: u64) -> u64 {
        len.clamp(self.pad_step_bytes_min, self.pad_step_bytes_max)
    }
}

const _: () = assert!(SEAL_BYTES_MAX < RECORD_BYTES_MAX);
