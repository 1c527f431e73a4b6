//! Kill -9 under load, again and again on the same folder: what was acknowledged stands in the log
//! exactly once with the acknowledged result, nothing stands there that nobody asked for, and no
//! money is made or lost. `SALDO_KILLS` says how often (50).

use std::env;
use std::ops::RangeInclusive;

use crate::harness::{Random, Serve, Strace};
use crate::load::Life;

/// How many kills one folder lives through: its history is read whole after each.
const KILLS_PER_FOLDER: u64 = 25;

#[test]
fn kill_under_load_loses_nothing_acknowledged_and_invents_nothing() {
    let kills: u64 = env::var("SALDO_KILLS").map_or(50, |kills| kills.parse().unwrap());
    let mut random = Random::from_clock();
    let mut left = kills;
    while left > 0 {
        let some = left.min(KILLS_PER_FOLDER);
        killed_so_often(random.split(), some);
        left -= some;
    }
}

fn killed_so_often(mut random: Random, kills: u64) {
    let mut life = Life::new(random.split());
    let mut server = life.start();
    life.open(&server);
    for _ in 0..kills {
        let enough = 1 + random.below(3_000);
        life.work(&server, enough, || server.kill());
        drop(server);
        life.verify();
        if random.percent(25) {
            killed_in_recovery(&life);
        }
        server = life.start();
        life.check(&server);
    }
    server.shut_down().with_code(0);
    life.verify();
}

/// Kills a server that is starting, most often while it copies the log.
fn killed_in_recovery(life: &Life) {
    let copy = life.folder.file("transactions.log.new");
    Serve::on(&life.folder).start_and_kill(|| copy.exists());
}

/// The system calls that change names, lengths and bytes on the disk, and at which of each to die,
/// counted per thread: those of recovery, which the first thread makes, of groups and rotation,
/// which the journal's makes, and of checkpoints, which a third makes. The first thread makes all of
/// its own before the others begin.
const CALLS: [(&str, RangeInclusive<u32>); 9] = [
    ("rename", 1..=5),
    ("fsync", 1..=9),
    ("ftruncate", 1..=2),
    ("linkat", 1..=2),
    ("unlink", 1..=1),
    ("fdatasync", 1..=1),
    ("fdatasync", 10..=12),
    ("pwrite64", 1..=3),
    ("pwrite64", 39..=42),
];

#[test]
fn kill_at_each_step_of_recovery_rotation_and_checkpoint_loses_nothing() {
    let mut random = Random::from_clock();
    let mut life = Life::new(random.split());
    let server = life.start();
    life.open(&server);
    server.crash();
    for (call, places) in CALLS {
        for nth in places {
            let strace = Strace::killing(&life.folder, call, nth);
            let started = Serve::on(&life.folder).small().under(strace).start_or_end();
            if let Ok(server) = started {
                life.work(&server, 1_500, || server.kill());
            }
            life.verify();
            let server = Serve::on(&life.folder).start();
            life.check(&server);
            server.crash();
        }
    }
}
