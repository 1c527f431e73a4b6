//! What only the real disk has: modes, the lock between processes, the folder itself.

use std::{
    fs,
    io::ErrorKind,
    os::unix::fs::{MetadataExt, symlink},
    process::{Command, Stdio},
};

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("metadata").mode() & 0o7777
}

#[test]
fn files_and_folders_are_for_their_owner_alone() {
    let around = tempfile::tempdir().expect("a folder");
    let folder = around.path().join("data");
    let (disk, created) = RealDisk::open_or_create(&folder).expect("made");
    assert!(created);
    disk.create("state.json").expect("created");
    disk.create_quarantine().expect("made");
    disk.create("quarantine/tail").expect("created");
    let _lock = disk.lock().expect("the lock");
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&folder.join("quarantine")), 0o700);
    for name in ["state.json", "quarantine/tail", "LOCK"] {
        assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
    }
}

#[test]
fn a_folder_is_made_once_and_only_where_its_parent_is() {
    let around = tempfile::tempdir().expect("a folder");
    let folder = around.path().join("data");
    let missing = RealDisk::open(&folder).expect_err("nothing there");
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    let orphan = RealDisk::open_or_create(&folder.join("deeper")).expect_err("no parent");
    assert_eq!(orphan.kind(), ErrorKind::NotFound);

    assert!(RealDisk::open_or_create(&folder).expect("made").1);
    assert!(!RealDisk::open_or_create(&folder).expect("there").1);
    assert_eq!(RealDisk::open(&folder).expect("there").folder(), folder);
}

#[test]
fn a_file_is_no_folder() {
    let around = tempfile::tempdir().expect("a folder");
    let path = around.path().join("data");
    fs::write(&path, "").expect("written");
    assert_eq!(RealDisk::open(&path).expect_err("a file").kind(), ErrorKind::NotADirectory);
    let error = RealDisk::open_or_create(&path).expect_err("a file");
    assert_eq!(error.kind(), ErrorKind::NotADirectory);

    let disk = RealDisk::open(around.path()).expect("the folder");
    fs::write(around.path().join("quarantine"), "").expect("written");
    let error = disk.create_quarantine().expect_err("a file has the name");
    assert_eq!(error.kind(), ErrorKind::NotADirectory);
}

#[test]
fn the_parent_of_a_bare_name_is_the_folder_that_we_stand_in() {
    assert_eq!(parent(Path::new("saldo-data")), Path::new("."));
    assert_eq!(parent(Path::new("a/saldo-data")), Path::new("a"));
    assert_eq!(parent(Path::new("/")), Path::new("/"));
}

#[test]
fn only_plain_files_are_listed() {
    let around = tempfile::tempdir().expect("a folder");
    let disk = RealDisk::open(around.path()).expect("the folder");
    disk.create("a").expect("created");
    fs::create_dir(around.path().join("folder")).expect("made");
    symlink("a", around.path().join("link")).expect("linked");
    assert_eq!(disk.list().expect("names"), ["a"]);
}

#[test]
fn another_process_holds_the_lock_until_it_is_gone() {
    let around = tempfile::tempdir().expect("a folder");
    let disk = RealDisk::open(around.path()).expect("the folder");
    assert!(!disk.lock_is_held().expect("a look"));
    assert!(disk.list().expect("names").is_empty(), "a look makes no file");

    // flock(1) takes the lock, then runs `cat`, which ends with its input.
    let mut other = Command::new("flock")
        .arg(around.path().join(LOCK))
        .args(["sh", "-c", "echo locked; exec cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("flock(1)");
    let mut said = [0; 6];
    io::Read::read_exact(other.stdout.as_mut().expect("its output"), &mut said).expect("locked");
    assert_eq!(&said, b"locked");
    assert!(disk.lock_is_held().expect("a look"));
    assert_eq!(disk.lock().expect_err("held").kind(), ErrorKind::WouldBlock);

    drop(other.stdin.take());
    assert!(other.wait().expect("its end").success());
    assert!(!disk.lock_is_held().expect("a look"));
    let _lock = disk.lock().expect("free");
    assert!(disk.lock_is_held().expect("a look"));
}

#[test]
fn a_look_at_the_lock_does_not_keep_a_server_out() {
    let around = tempfile::tempdir().expect("a folder");
    let disk = RealDisk::open(around.path()).expect("the folder");
    let file = disk.create(LOCK).expect("the file");
    let look = disk.open_read(LOCK).expect("the file");
    look.try_lock_shared().expect("a shared lock");

    let mut pauses = 0;
    let held = take_lock(&file, || pauses += 1).expect_err("held all the time");
    assert!(matches!(held, TryLockError::WouldBlock));
    assert_eq!(pauses, LOCK_TRIES - 1);

    let mut look = Some(look);
    take_lock(&file, || drop(look.take())).expect("free after the first pause");
    assert!(disk.lock_is_held().expect("a look"));
}

#[test]
fn free_space_is_told_in_bytes() {
    let around = tempfile::tempdir().expect("a folder");
    let disk = RealDisk::open(around.path()).expect("the folder");
    let table = Command::new("df")
        .args(["--output=size", "-B1"])
        .arg(around.path())
        .output()
        .expect("df(1)");
    let text = String::from_utf8(table.stdout).expect("text");
    let size_bytes: u64 = text.split_whitespace().last().and_then(|n| n.parse().ok()).expect("n");
    let free_bytes = disk.free_bytes().expect("a figure");
    assert!(free_bytes <= size_bytes, "{free_bytes} free of {size_bytes}");
    assert!(free_bytes > 4096, "a test machine has room");
    assert_eq!(
        disk.filesystem_kind().expect("a kind"),
        FilesystemKind::of(around.path()).expect("a kind")
    );
}

#[test]
fn a_link_with_a_name_of_ours_is_neither_followed_nor_passed_over() {
    let around = tempfile::tempdir().expect("a folder");
    let folder = around.path().join("data");
    let (disk, _) = RealDisk::open_or_create(&folder).expect("made");
    fs::write(around.path().join("elsewhere"), "somebody's").expect("written");
    symlink(around.path().join("elsewhere"), folder.join("transactions.log")).expect("linked");
    symlink(around.path().join("elsewhere"), folder.join("LOCK")).expect("linked");
    let refused = disk.list().expect_err("it cannot be told from a missing file otherwise");
    assert_eq!(refused.to_string(), "transactions.log is no regular file");
    disk.open_read("transactions.log").expect_err("a link");
    disk.lock().expect_err("a link");
    assert_eq!(fs::read(around.path().join("elsewhere")).expect("read"), b"somebody's");
}
