//! The guard of `cargo xtask peers`, as a process: what it does when the pipe to it breaks, and that
//! it does nothing after a goodbye.

use std::fs;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

/// A server that does nothing for a long time.
fn server() -> io::Result<Child> {
    Command::new("sleep").arg("1000").spawn()
}

/// Tells a guard these lines, breaks the pipe, and waits for the guard's end.
fn tell(lines: &str) -> io::Result<ExitStatus> {
    let mut guard = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .arg("peers-guard")
        .stdin(Stdio::piped())
        .spawn()?;
    if let Some(mut pipe) = guard.stdin.take() {
        pipe.write_all(lines.as_bytes())?;
    }
    guard.wait()
}

fn folder_in(parent: &Path) -> io::Result<PathBuf> {
    let folder = parent.join("bank");
    fs::create_dir(&folder)?;
    fs::write(folder.join("data"), "x")?;
    Ok(folder)
}

#[test]
fn a_guard_whose_pipe_breaks_ends_the_server_and_removes_its_folder() {
    let parent = tempfile::tempdir().unwrap();
    let folder = folder_in(parent.path()).unwrap();
    let mut server = server().unwrap();
    let lines = format!("folder {}\nkill {}\n", folder.display(), server.id());
    // Somebody takes note of its end, as init does for a server whose parent is gone.
    let ended = thread::spawn(move || server.wait().unwrap());
    assert!(tell(&lines).unwrap().success());
    assert_eq!(ended.join().unwrap().signal(), Some(9));
    assert!(!folder.exists());
}

#[test]
fn after_a_goodbye_a_guard_touches_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let folder = folder_in(parent.path()).unwrap();
    let mut server = server().unwrap();
    let lines = format!("folder {}\nkill {}\ndone\n", folder.display(), server.id());
    assert!(tell(&lines).unwrap().success());
    assert!(folder.join("data").exists());
    assert!(server.try_wait().unwrap().is_none());
    server.kill().unwrap();
    server.wait().unwrap();
}
