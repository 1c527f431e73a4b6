//! Kill -9 under load, again and again on the same folder: what was acknowledged stands in the log
//! exactly once with the acknowledged result, nothing stands there that nobody asked for, and no
//! money is made or lost. `SALDO_KILLS` says how often (50).

use std::env;

use crate::harness::{Random, Serve};
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
