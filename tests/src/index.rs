//! The index of history is derived from the log: taken away, cut, damaged, or killed in the middle
//! of its making, it is made good at the next start without being asked, and then answers as one that
//! was made anew does. `SALDO_INDEX_FAULTS` says how often (30).

use std::env;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::harness::{Folder, Journal, Model, Random, Serve, Server};
use crate::load::Life;

/// Faults that one folder lives through: its history is read whole after each.
const FAULTS_PER_FOLDER: u64 = 15;

/// Every answer about history that the index has a part in.
fn answers(server: &Server, model: &Model, journal: &Journal, random: &mut Random) -> Vec<Value> {
    let mut wire = server.connect();
    let mut answers = Vec::new();
    let mut asked =
        vec![json!({"cmd": "totals"}), json!({"cmd": "accounts", "limit": 1000, "count": true})];
    for user in model.names() {
        asked.push(json!({"cmd": "statement", "user": user, "limit": 1000}));
        asked.push(json!({"cmd": "statement", "user": user, "limit": 1000, "order": "oldest"}));
        let seq = random.below(journal.last() + 1);
        asked.push(json!({"cmd": "balance", "user": user, "at_seq": seq}));
    }
    for event in journal.events.iter().step_by(97) {
        asked.push(json!({"cmd": "transaction", "tx_id": event.tx_id}));
        asked.push(json!({"cmd": "balance", "user": "alice", "at_time": event.at}));
    }
    for asked in asked {
        let reply = wire.ask(&asked.to_string());
        assert_eq!(reply["ok"], true, "{asked}: {reply}");
        answers.push(reply);
    }
    answers
}

#[test]
fn an_index_that_is_lost_cut_damaged_or_half_made_is_made_good_by_itself() {
    let faults: u64 = env::var("SALDO_INDEX_FAULTS").map_or(30, |faults| faults.parse().unwrap());
    let mut random = Random::from_clock();
    let mut left = faults;
    while left > 0 {
        let some = left.min(FAULTS_PER_FOLDER);
        made_good_so_often(random.split(), some);
        left -= some;
    }
}

fn made_good_so_often(mut random: Random, faults: u64) {
    let mut life = Life::new(random.split());
    let server = Serve::on(&life.folder).small().start();
    life.open(&server);
    server.crash();
    for _ in 0..faults {
        let server = Serve::on(&life.folder).small().start();
        let enough = 1 + random.below(1_500);
        life.work(&server, enough, || server.kill());
        drop(server);
        harm(&life.folder, &mut random);
        if random.percent(30) {
            // And killed while it is made good.
            let index = life.folder.file("index");
            let runs_before = names(&index).len();
            Serve::on(&life.folder).small().start_and_kill(|| names(&index).len() != runs_before);
        }
        // Once with the index as it was made good, once with one that is made anew.
        let copy = Folder::copy_of(&life.folder);
        drop(fs::remove_dir_all(copy.file("index")));
        let server = Serve::on(&life.folder).small().start();
        let anew = Serve::on(&copy).small().start();
        let journal = Journal::read(&life.folder);
        let model = Model::of(&journal);
        let seed = random.split();
        let good = answers(&server, &model, &journal, &mut seed.clone());
        assert_eq!(good, answers(&anew, &model, &journal, &mut seed.clone()));
        life.check(&server);
        server.crash();
        drop(anew);
    }
}

fn names(index: &PathBuf) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(index) else { return Vec::new() };
    let mut names: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    names.sort();
    names
}

/// Takes the index away, or part of it, or puts something else in its place.
fn harm(folder: &Folder, random: &mut Random) {
    let index = folder.file("index");
    let files = names(&index);
    if files.is_empty() || random.percent(20) {
        drop(fs::remove_dir_all(&index));
        return;
    }
    let file = random.pick(&files);
    let mut bytes = fs::read(file).unwrap();
    match random.below(4) {
        0 => fs::remove_file(file).unwrap(),
        1 => {
            let kept = usize::try_from(random.below(bytes.len() as u64 + 1)).unwrap();
            bytes.truncate(kept);
            fs::write(file, bytes).unwrap();
        }
        2 => {
            // The last page, which a start reads.
            let place = bytes.len().saturating_sub(1 + usize::try_from(random.below(64)).unwrap());
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 0x10;
            }
            fs::write(file, bytes).unwrap();
        }
        _ => fs::write(index.join("run.new"), b"half of a run").unwrap(),
    }
}
