//! What the real and the simulated disk do alike: each case runs on both.

use std::io::{self, ErrorKind};

use proptest::prelude::*;

use super::{Disk, QUARANTINE, RealDisk, SimDisk, read_full_at, write_all_at};

macro_rules! on_both_disks {
    ($($case:ident),* $(,)?) => {
        mod real {
            $(#[test]
            fn $case() {
                let folder = tempfile::tempdir().expect("a folder");
                super::$case(&super::RealDisk::open(folder.path()).expect("the folder"));
            })*
        }
        mod simulated {
            $(#[test]
            fn $case() {
                super::$case(&super::SimDisk::new());
            })*
        }
    };
}

on_both_disks!(
    a_written_file_reads_back_from_any_offset,
    a_write_behind_the_end_leaves_nul_in_between,
    a_cut_file_shows_nul_when_it_grows_again,
    a_taken_name_cannot_be_given_again,
    a_missing_file_is_not_found,
    a_rename_replaces_what_had_the_name,
    a_rename_onto_another_name_of_the_same_file_leaves_both,
    an_unlinked_file_lives_on_in_its_handle,
    a_handle_for_reading_refuses_to_change_the_file,
    names_are_listed_sorted_and_without_the_quarantine,
    the_quarantine_must_be_made_first_and_may_be_made_twice,
    every_call_refuses_a_name_that_leaves_the_folder,
    the_lock_is_held_as_long_as_its_file_lives,
);

fn write<D: Disk>(disk: &D, name: &str, bytes: &[u8]) -> D::File {
    let file = disk.create(name).expect("a new file");
    write_all_at(disk, &file, bytes, 0).expect("written");
    file
}

fn read<D: Disk>(disk: &D, name: &str) -> Vec<u8> {
    let file = disk.open_read(name).expect("a file");
    read_all(disk, &file)
}

fn read_all<D: Disk>(disk: &D, file: &D::File) -> Vec<u8> {
    let length = usize::try_from(disk.len(file).expect("a length")).expect("a short file");
    let mut bytes = vec![0; length + 1];
    let count = read_full_at(disk, file, &mut bytes, 0).expect("bytes");
    assert_eq!(count, length, "a read ends at the end of the file");
    bytes.truncate(count);
    bytes
}

fn kind<T>(result: io::Result<T>) -> ErrorKind {
    result.err().expect("an error").kind()
}

fn a_written_file_reads_back_from_any_offset<D: Disk>(disk: &D) {
    let file = write(disk, "a", b"0123456789");
    assert_eq!(disk.write_at(&file, b"xy", 4).expect("written"), 2);
    assert_eq!(read(disk, "a"), b"0123xy6789");
    let mut bytes = [0; 4];
    assert_eq!(disk.read_at(&file, &mut bytes, 8).expect("read"), 2);
    assert_eq!(&bytes, b"89\0\0");
    assert_eq!(disk.read_at(&file, &mut bytes, 10).expect("read"), 0);
    assert_eq!(disk.read_at(&file, &mut bytes, 1 << 40).expect("read"), 0);
    disk.sync_data(&file).expect("synced");
    disk.sync_all(&file).expect("synced");
    disk.sync_dir().expect("synced");
    assert_eq!(read(disk, "a"), b"0123xy6789");
}

fn a_write_behind_the_end_leaves_nul_in_between<D: Disk>(disk: &D) {
    let file = write(disk, "a", b"12");
    assert_eq!(disk.write_at(&file, b"5", 4).expect("written"), 1);
    assert_eq!(read(disk, "a"), b"12\0\x005");
}

fn a_cut_file_shows_nul_when_it_grows_again<D: Disk>(disk: &D) {
    let file = write(disk, "a", b"123456");
    disk.set_len(&file, 2).expect("cut");
    assert_eq!(disk.len(&file).expect("a length"), 2);
    disk.set_len(&file, 5).expect("grown");
    assert_eq!(read(disk, "a"), b"12\0\0\0");
}

fn a_taken_name_cannot_be_given_again<D: Disk>(disk: &D) {
    write(disk, "a", b"first");
    write(disk, "b", b"second");
    assert_eq!(kind(disk.create("a")), ErrorKind::AlreadyExists);
    assert_eq!(kind(disk.link("b", "a")), ErrorKind::AlreadyExists);
    assert_eq!(read(disk, "a"), b"first");
}

fn a_missing_file_is_not_found<D: Disk>(disk: &D) {
    assert_eq!(kind(disk.open("a")), ErrorKind::NotFound);
    assert_eq!(kind(disk.open_read("a")), ErrorKind::NotFound);
    assert_eq!(kind(disk.rename("a", "b")), ErrorKind::NotFound);
    assert_eq!(kind(disk.link("a", "b")), ErrorKind::NotFound);
    assert_eq!(kind(disk.unlink("a")), ErrorKind::NotFound);
}

fn a_rename_replaces_what_had_the_name<D: Disk>(disk: &D) {
    write(disk, "a", b"new");
    let old = write(disk, "b", b"old");
    disk.rename("a", "b").expect("renamed");
    assert_eq!(disk.list().expect("names"), ["b"]);
    assert_eq!(read(disk, "b"), b"new");
    assert_eq!(read_all(disk, &old), b"old");
}

fn a_rename_onto_another_name_of_the_same_file_leaves_both<D: Disk>(disk: &D) {
    write(disk, "a", b"one file");
    disk.link("a", "b").expect("linked");
    let file = disk.open("b").expect("a file");
    write_all_at(disk, &file, b"two names", 0).expect("written");
    assert_eq!(read(disk, "a"), b"two names");
    // As rename(2) has it; who counts on the old name going away is mistaken.
    disk.rename("a", "b").expect("nothing to do");
    assert_eq!(disk.list().expect("names"), ["a", "b"]);
}

fn an_unlinked_file_lives_on_in_its_handle<D: Disk>(disk: &D) {
    let file = write(disk, "a", b"first");
    disk.unlink("a").expect("unlinked");
    write(disk, "a", b"second");
    disk.sync_dir().expect("synced");
    assert_eq!(read_all(disk, &file), b"first");
    write_all_at(disk, &file, b"still", 0).expect("written");
    assert_eq!(read_all(disk, &file), b"still");
    assert_eq!(read(disk, "a"), b"second");
}

fn a_handle_for_reading_refuses_to_change_the_file<D: Disk>(disk: &D) {
    write(disk, "a", b"123");
    let file = disk.open_read("a").expect("a file");
    let refused = disk.write_at(&file, b"x", 0).expect_err("no permission to write");
    assert_eq!(refused.raw_os_error(), Some(rustix::io::Errno::BADF.raw_os_error()));
    assert_eq!(kind(disk.set_len(&file, 0)), ErrorKind::InvalidInput);
    disk.sync_all(&file).expect("reading handles may sync");
    assert_eq!(read(disk, "a"), b"123");
}

fn names_are_listed_sorted_and_without_the_quarantine<D: Disk>(disk: &D) {
    for name in ["b", "transactions.log", "a", "B"] {
        write(disk, name, b"");
    }
    disk.create_quarantine().expect("made");
    write(disk, "quarantine/tail", b"");
    assert_eq!(disk.list().expect("names"), ["B", "a", "b", "transactions.log"]);
}

fn the_quarantine_must_be_made_first_and_may_be_made_twice<D: Disk>(disk: &D) {
    write(disk, "tail", b"torn");
    assert_eq!(kind(disk.create("quarantine/tail")), ErrorKind::NotFound);
    assert_eq!(kind(disk.rename("tail", "quarantine/tail")), ErrorKind::NotFound);
    disk.create_quarantine().expect("made");
    disk.create_quarantine().expect("there");
    disk.rename("tail", "quarantine/tail").expect("renamed");
    disk.sync_dir().expect("synced");
    assert_eq!(read(disk, "quarantine/tail"), b"torn");
}

fn every_call_refuses_a_name_that_leaves_the_folder<D: Disk>(disk: &D) {
    write(disk, "a", b"");
    disk.create_quarantine().expect("made");
    for name in ["../a", "/tmp/a", "quarantine/../a", QUARANTINE, ".."] {
        assert_eq!(kind(disk.create(name)), ErrorKind::InvalidInput, "{name}");
        assert_eq!(kind(disk.open(name)), ErrorKind::InvalidInput, "{name}");
        assert_eq!(kind(disk.open_read(name)), ErrorKind::InvalidInput, "{name}");
        assert_eq!(kind(disk.rename(name, "b")), ErrorKind::InvalidInput, "{name}");
        assert_eq!(kind(disk.rename("a", name)), ErrorKind::InvalidInput, "{name}");
        assert_eq!(kind(disk.link(name, "b")), ErrorKind::InvalidInput, "{name}");
        assert_eq!(kind(disk.link("a", name)), ErrorKind::InvalidInput, "{name}");
        assert_eq!(kind(disk.unlink(name)), ErrorKind::InvalidInput, "{name}");
    }
    assert_eq!(disk.list().expect("names"), ["a"]);
}

fn the_lock_is_held_as_long_as_its_file_lives<D: Disk>(disk: &D) {
    let lock = disk.lock().expect("the lock");
    write_all_at(disk, &lock, b"pid 1", 0).expect("written");
    assert_eq!(kind(disk.lock()), ErrorKind::WouldBlock);
    drop(lock);
    let lock = disk.lock().expect("the lock again");
    assert_eq!(read_all(disk, &lock), b"pid 1", "the file stays");
    assert_eq!(disk.list().expect("names"), ["LOCK"]);
}

/// A step of the random comparison. Names and slots are few, so that steps meet.
#[derive(Clone, Debug)]
enum Step {
    Create(&'static str),
    Open(&'static str),
    Rename(&'static str, &'static str),
    Link(&'static str, &'static str),
    Unlink(&'static str),
    Write { slot: usize, offset: u64, length: usize },
    SetLen { slot: usize, bytes: u64 },
    Sync { slot: usize },
    SyncDir,
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "c", "quarantine/a"])
}

fn step() -> impl Strategy<Value = Step> {
    let slot = 0..3_usize;
    prop_oneof![
        2 => name().prop_map(Step::Create),
        2 => name().prop_map(Step::Open),
        2 => (name(), name()).prop_map(|(from, to)| Step::Rename(from, to)),
        1 => (name(), name()).prop_map(|(from, to)| Step::Link(from, to)),
        1 => name().prop_map(Step::Unlink),
        4 => (slot.clone(), 0..2_000_u64, 0..1_500_usize)
            .prop_map(|(slot, offset, length)| Step::Write { slot, offset, length }),
        2 => (slot.clone(), 0..2_000_u64).prop_map(|(slot, bytes)| Step::SetLen { slot, bytes }),
        1 => slot.prop_map(|slot| Step::Sync { slot }),
        1 => Just(Step::SyncDir),
    ]
}

/// A disk with up to three open files; what every step showed stands in its diary.
struct Driver<D: Disk> {
    disk: D,
    slots: [Option<D::File>; 3],
    opened: usize,
}

impl<D: Disk> Driver<D> {
    fn new(disk: D) -> Self {
        Self { disk, slots: [None, None, None], opened: 0 }
    }

    fn put(&mut self, file: io::Result<D::File>) -> io::Result<()> {
        self.slots[self.opened % 3] = Some(file?);
        self.opened += 1;
        Ok(())
    }

    /// Takes a step; tells its error, every name, and all bytes of every open file.
    fn take(&mut self, number: u8, step: &Step) -> (Option<ErrorKind>, Vec<String>, Vec<Vec<u8>>) {
        let disk = &self.disk;
        let result = match *step {
            Step::Create(name) => {
                let file = disk.create(name);
                self.put(file)
            }
            Step::Open(name) => {
                let file = disk.open(name);
                self.put(file)
            }
            Step::Rename(from, to) => disk.rename(from, to),
            Step::Link(from, to) => disk.link(from, to),
            Step::Unlink(name) => disk.unlink(name),
            Step::Write { slot, offset, length } => match &self.slots[slot] {
                Some(file) => write_all_at(disk, file, &vec![number; length], offset),
                None => Ok(()),
            },
            Step::SetLen { slot, bytes } => match &self.slots[slot] {
                Some(file) => disk.set_len(file, bytes),
                None => Ok(()),
            },
            Step::Sync { slot } => match &self.slots[slot] {
                Some(file) => disk.sync_data(file),
                None => Ok(()),
            },
            Step::SyncDir => disk.sync_dir(),
        };
        let disk = &self.disk;
        let bytes = self.slots.iter().flatten().map(|file| read_all(disk, file)).collect();
        (result.err().map(|error| error.kind()), disk.list().expect("names"), bytes)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn without_a_fault_the_simulated_disk_is_the_real_one(
        steps in prop::collection::vec(step(), 1..40),
        has_quarantine: bool,
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut real = Driver::new(RealDisk::open(folder.path()).expect("the folder"));
        let mut simulated = Driver::new(SimDisk::new());
        if has_quarantine {
            real.disk.create_quarantine().expect("made");
            simulated.disk.create_quarantine().expect("made");
        }
        for (number, step) in (1..).zip(&steps) {
            prop_assert_eq!(real.take(number, step), simulated.take(number, step), "{:?}", step);
        }
    }
}
