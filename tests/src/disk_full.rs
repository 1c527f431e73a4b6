//! A full disk: the server stops acknowledging, says why, ends with 75, loses nothing that it
//! acknowledged, and goes on once there is space.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::{Folder, Journal, Model, Serve, Server, run};

/// A small filesystem in memory, mounted for one test.
struct Mount<'f>(&'f Path);

impl<'f> Mount<'f> {
    /// Mounts it, where we may.
    fn new(at: &'f Path, size: &str) -> Option<Self> {
        let mounted = mount(&["-t", "tmpfs", "-o", &format!("size={size},mode=0700"), "tmpfs"], at);
        mounted.then(|| Self(at))
    }

    /// Makes space.
    fn grow(&self, size: &str) {
        assert!(mount(&["-o", &format!("remount,size={size}")], self.0));
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        // What still reads there keeps it until it has ended.
        drop(Command::new("umount").arg("--lazy").arg(self.0).status());
    }
}

fn mount(arguments: &[&str], at: &Path) -> bool {
    Command::new("mount").args(arguments).arg(at).output().is_ok_and(|it| it.status.success())
}

fn deposit(number: u64) -> String {
    format!(r#"{{"cmd":"deposit","user":"alice","amount":1,"tx_id":"t-{number}"}}"#)
}

/// Deposits until the server ends; returns how many were acknowledged.
fn fill(server: &Server) -> u64 {
    const AT_ONCE: u64 = 100;
    let mut wire = server.connect();
    let mut acknowledged = 0;
    loop {
        let lines: String = (1..=AT_ONCE).map(|more| deposit(acknowledged + more) + "\n").collect();
        if wire.try_send(lines.as_bytes()).is_err() {
            return acknowledged;
        }
        for _ in 0..AT_ONCE {
            let reply: Value = match wire.reply_or_end() {
                Some(reply) if reply["ok"] == true => reply,
                other => {
                    check_no_more_is_acknowledged(wire, other);
                    return acknowledged;
                }
            };
            acknowledged += 1;
            assert_eq!(reply["after"], acknowledged, "{reply}");
        }
        assert!(acknowledged < 1_000_000, "the disk does not get full");
    }
}

fn check_no_more_is_acknowledged(mut wire: crate::harness::Wire, mut reply: Option<Value>) {
    while let Some(last) = reply {
        let code = last["code"].as_str().unwrap_or_else(|| panic!("acknowledged: {last}"));
        assert!(["internal", "outcome_unknown"].contains(&code), "{last}");
        reply = wire.reply_or_end();
    }
}

#[test]
fn a_full_disk_ends_with_75_and_loses_nothing_acknowledged() {
    let folder = Folder::new();
    std::fs::create_dir(folder.data()).unwrap();
    let data = folder.data();
    let Some(mount) = Mount::new(&data, "4m") else {
        // Past the test runner, which keeps what a passed test prints to itself.
        let mut out = std::io::stderr();
        writeln!(out, "SKIPPED: a full disk needs a tmpfs of its own: be root").unwrap();
        return;
    };
    let server = Server::start(&folder);
    server.says(r#""event":"unusual_filesystem""#);
    let acknowledged = fill(&server);
    let ended = server.wait().with_code(75);
    assert!(ended.stderr.contains("error[disk_full]: "), "{}", ended.stderr);
    assert!(ended.stderr.contains("nothing acknowledged is lost"), "{}", ended.stderr);
    assert!(acknowledged > 1_000, "only {acknowledged}");

    // As long as there is no space, the start says so and changes nothing that counts.
    let ended = Serve::on(&folder).refused().with_code(75);
    assert!(ended.stderr.contains("\n  hint: make space"), "{}", ended.stderr);
    run(&["verify", &data.display().to_string()]).with_code(0);

    mount.grow("64m");
    let server = Server::start(&folder);
    let journal = Journal::read(&folder);
    let model = Model::of(&journal);
    for number in 1..=acknowledged {
        let reply = model.reply(&format!("t-{number}"));
        let reply = reply.unwrap_or_else(|| panic!("t-{number} was acknowledged and is lost"));
        assert_eq!(reply["after"], number);
    }
    let mut wire = server.connect();
    let first = wire.ask(&deposit(1));
    assert_eq!((&first["after"], &first["duplicate"]), (&1.into(), &true.into()), "{first}");
    let last = journal.last();
    let next = wire.ask(&deposit(last + 1));
    assert_eq!((&next["after"], &next["seq"]), (&(last + 1).into(), &(last + 1).into()), "{next}");
    server.shut_down().with_code(0);
    run(&["verify", &data.display().to_string()]).with_code(0);
}
