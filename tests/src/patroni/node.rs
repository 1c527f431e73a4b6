//! The processes of one node: a PostgreSQL and the Patroni beside it.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// A node of a cluster.
pub struct Node<'c> {
    pub folder: &'c Path,
    pub number: usize,
}

impl Node<'_> {
    /// Kills the first process of its PostgreSQL, or all of them at once.
    pub fn kill_postgres(&self, all_of_it: bool) {
        let first = self.postgres();
        let dying = if all_of_it { family(first) } else { vec![first] };
        signal_all(&dying, "KILL");
    }

    /// Kills its PostgreSQL and its Patroni, as a machine does that loses power.
    pub fn kill(&self) {
        signal_all(&[self.patroni()], "KILL");
        self.kill_postgres(true);
    }

    /// Stops its PostgreSQL and its Patroni where they are.
    pub fn freeze(&self) {
        signal_all(&[self.patroni()], "STOP");
        let first = self.postgres();
        // The first process before the others, so that none is born unseen.
        signal_all(&[first], "STOP");
        signal_all(&family(first), "STOP");
    }

    /// Lets them go on.
    pub fn wake(&self) {
        signal_all(&family(self.postgres()), "CONT");
        signal_all(&[self.patroni()], "CONT");
    }

    fn postgres(&self) -> u32 {
        pid(&self.folder.join(format!("d{}/postmaster.pid", self.number)))
    }

    fn patroni(&self) -> u32 {
        pid(&self.folder.join(format!("patroni{}.pid", self.number)))
    }
}

/// Kills an etcd of the cluster in this folder.
pub fn kill_etcd(folder: &Path, number: usize) {
    signal_all(&[pid(&folder.join(format!("etcd{number}.pid")))], "KILL");
}

/// The number on the first line of a file.
fn pid(file: &Path) -> u32 {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{file:?}: {error}"));
    text.lines().next().unwrap().trim().parse().unwrap()
}

/// A process and all that descend from it: proc(5).
fn family(first: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // It may have ended meanwhile.
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let behind_the_name = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
        if let Some(parent) = behind_the_name.split(' ').nth(2).and_then(|id| id.parse().ok()) {
            children.entry(parent).or_default().push(id);
        }
    }
    let mut family = vec![first];
    let mut next = 0;
    while let Some(parent) = family.get(next) {
        family.extend(children.remove(parent).unwrap_or_default());
        next += 1;
    }
    family
}

fn signal_all(processes: &[u32], name: &str) {
    let mut kill = Command::new("kill");
    kill.arg(format!("-{name}")).args(processes.iter().map(u32::to_string));
    // Some may have ended by themselves meanwhile.
    kill.stderr(Stdio::null()).status().unwrap();
}
