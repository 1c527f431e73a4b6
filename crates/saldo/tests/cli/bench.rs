//! `saldo bench` against a small bank of this test's own, honest or not.

use std::collections::HashMap;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::run::{ran, run, saldo};
use crate::server::{Say, Server};

/// A bank that keeps balances, and takes `fee` of every hundredth write for itself.
fn bank(fee: i64) -> Server {
    forgetful_bank(fee, u64::MAX)
}

/// The same; it says yes to every `forgets`-th write and does nothing.
fn forgetful_bank(fee: i64, forgets: u64) -> Server {
    let mut held: HashMap<String, i64> = HashMap::new();
    let mut writes = 0_u64;
    Server::start(move |line| {
        let sent: Value = serde_json::from_str(line).unwrap();
        let name = |key: &str| sent[key].as_str().unwrap().to_owned();
        let command = sent["cmd"].as_str().unwrap();
        let kept = if writes % 100 == 99 { fee } else { 0 };
        let mut give = |key: &str, amount: i64| *held.get_mut(&name(key)).unwrap() += amount;
        let reply = match command {
            "init_accounts" => {
                for (account, balance) in sent["accounts"].as_object().unwrap() {
                    held.insert(account.clone(), balance.as_i64().unwrap());
                }
                json!({"accounts":sent["accounts"],"seq":1,"tx_id":sent["tx_id"]})
            }
            "balance" if sent["users"].is_array() => {
                let users = sent["users"].as_array().unwrap().iter();
                let balances: Vec<Value> = users
                    .map(|user| json!({"user":user,"balance":held[user.as_str().unwrap()]}))
                    .collect();
                json!({"balances":balances,"as_of":1})
            }
            "balance" => json!({"user":sent["user"],"balance":held[&name("user")],"as_of":1}),
            _ => {
                writes += 1;
                let is_forgotten = writes.is_multiple_of(forgets);
                let amount = if is_forgotten { 0 } else { sent["amount"].as_i64().unwrap() };
                match command {
                    "deposit" => give("user", amount - kept),
                    "withdraw" => give("user", -amount - kept),
                    _ => {
                        give("from", -amount);
                        give("to", amount - kept);
                    }
                }
                json!({"seq":writes})
            }
        };
        // A reply begins with its verdict; serde_json would order it among the other keys.
        Say::Line(reply.to_string().replacen('{', r#"{"ok":true,"#, 1))
    })
}

const SMALL: &[&str] =
    &["bench", "--secs", "1", "--conns", "2", "--depth", "8", "--accounts", "2500", "--seed", "7"];

#[test]
fn an_honest_bank_is_measured_and_proven() {
    let server = bank(0);
    let ran = run(&[SMALL, &["--json", "--server", &server.address]].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["schema"], "saldo.bench/1");
    assert_eq!(document["seed"], 7);
    assert_eq!(document["refused"], 0);
    assert_eq!(
        document["money"],
        json!({"set":2_500_000_000_000_000_i64,"in":0,"out":0,"found":2_500_000_000_000_000_i64,
            "accounts_compared":2500})
    );
    let heard = server.heard();
    let sent = heard.iter().filter(|line| line.contains("transfer")).count();
    assert_eq!(
        document["transfers"], sent,
        "every transfer that was sent was answered and counted"
    );
    assert!(ran.err.ends_with(" s\n") && ran.err.starts_with("bench: "), "{}", ran.err);
}

/// What was sent of each command, but for the opening and the counting of the accounts.
fn sent(server: &Server) -> [usize; 4] {
    let heard = server.heard();
    let count = |command: &str| {
        let command = format!(r#"{{"cmd":"{command}""#);
        heard.iter().filter(|line| line.starts_with(&command)).count()
    };
    let pieces = heard.iter().filter(|line| line.matches("bench-").count() > 2).count();
    let openings = heard.iter().filter(|line| line.contains("init_accounts")).count();
    let readings = count("balance") - (pieces - openings);
    [count("transfer"), readings, count("deposit"), count("withdraw")]
}

#[test]
fn every_workload_is_counted_as_it_was_sent_and_its_money_is_proven() {
    for workload in ["mixed", "tpcb", "smallbank"] {
        let server = bank(0);
        let words = ["--json", "--workload", workload, "--server", &server.address];
        let ran = run(&[SMALL, &words].concat());
        assert_eq!(ran.code, 0, "{workload}: {}", ran.err);
        let document: Value = serde_json::from_str(&ran.out).unwrap();
        let figures = &document["runs"][0];
        let counted = ["transfers", "readings", "deposits", "withdrawals"]
            .map(|key| usize::try_from(figures[key].as_u64().unwrap()).unwrap());
        assert_eq!(counted, sent(&server), "{workload}");
        assert_eq!(document["requests"], counted.iter().sum::<usize>(), "{workload}");
        let money = |key: &str| document["money"][key].as_i64().unwrap();
        let moves = workload != "tpcb";
        assert_eq!((money("in") > 0, money("out") > 0), (moves, moves), "{document}");
        assert_eq!(money("set") + money("in") - money("out"), money("found"), "{workload}");
    }
}

#[test]
fn a_bank_that_keeps_a_cent_is_found_out_whatever_is_asked() {
    for workload in ["transfer", "mixed", "tpcb", "smallbank"] {
        let server = bank(1);
        let words = ["-q", "--workload", workload, "--server", &server.address];
        let ran = run(&[SMALL, &words].concat());
        assert_eq!((ran.code, ran.out.as_str()), (6, ""), "{workload}");
        assert!(ran.err.starts_with("error[totals_differ]: the accounts bench-"), "{}", ran.err);
    }
}

#[test]
fn a_bank_that_says_yes_and_does_nothing_is_found_out_although_no_cent_is_missing() {
    let server = forgetful_bank(0, 100);
    let ran = run(&[SMALL, &["-q", "--server", &server.address]].concat());
    assert_eq!((ran.code, ran.out.as_str()), (6, ""));
    assert!(ran.err.starts_with("error[balances_differ]: account \"bench-"), "{}", ran.err);
}

#[test]
fn several_runs_are_told_one_by_one_without_what_the_warm_up_brought() {
    let server = bank(0);
    let words = ["--json", "--runs", "2", "--warmup", "1", "--server", &server.address];
    let ran = run(&[SMALL, &words].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    let runs = document["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2);
    let sum = |key: &str| runs.iter().map(|run| run[key].as_u64().unwrap()).sum::<u64>();
    assert_eq!(usize::try_from(sum("answered_in_all")).unwrap(), sent(&server)[0]);
    assert!(sum("requests") < sum("answered_in_all"), "a warm-up is not measured");
    assert_eq!(document["requests"], sum("requests"));
    let spread = &document["spread"]["requests_per_second"];
    let rates = || runs.iter().map(|run| run["requests_per_second"].as_u64().unwrap());
    assert_eq!(spread["min"].as_u64(), rates().min());
    assert_eq!(spread["max"].as_u64(), rates().max());
    for run in runs {
        let over_time = run["over_time"]["answered"].as_array().unwrap().iter();
        let answered: u64 = over_time.map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(answered, run["requests"], "every reply is in one stretch of time");
        assert!(run["generator_cpu_ns_per_request"].as_u64().unwrap() > 0);
    }
}

#[test]
fn an_open_loop_sends_what_is_due_and_says_when_it_could_not() {
    let server = bank(0);
    let words = ["--json", "--rate", "200", "--server", &server.address];
    let ran = run(&[SMALL, &words].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    let due = document["requests"].as_u64().unwrap()
        + document["runs"][0]["open_loop"]["withheld"].as_u64().unwrap();
    assert!((199..=200).contains(&due), "{due} were due in a second");
    let words = ["--rate", "100000000", "--server", &server.address];
    let ran = run(&[SMALL, &words].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    let note = "note: the rate of 100000000/s was not reached in 1 of 1 runs\n";
    assert!(ran.err.ends_with(note), "{}", ran.err);
}

#[test]
fn latency_counts_from_when_a_request_was_due_however_late_it_was_sent() {
    let server = bank(0);
    let words = ["--json", "--rate", "100000000", "--server", &server.address];
    let ran = run(&[SMALL, &words].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    // The server takes none but a few of a hundred million: whatever it answers at the end of the
    // second was due at its beginning, though it was sent a moment before.
    let (max, requests) = (&document["latency_us"]["max"], document["requests"].as_u64().unwrap());
    assert!(requests < 5_000_000 && max.as_u64().unwrap() > 900_000, "{max} of {requests}");
    let open_loop = &document["runs"][0]["open_loop"];
    assert_eq!(open_loop["reached"], false);
    let due = requests + open_loop["withheld"].as_u64().unwrap();
    assert_eq!(due, 100_000_000, "what was never sent is told");
}

#[test]
fn a_run_can_be_compared_with_an_earlier_one_and_drawn() {
    let server = bank(0);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let earlier = run(&[SMALL, &["--json", "--server", &server.address]].concat());
    std::fs::write(path("earlier.json"), &earlier.out).unwrap();
    let earlier: Value = serde_json::from_str(&earlier.out).unwrap();
    let words = ["--json", "--baseline", &path("earlier.json"), "--report", &path("page.html")];
    let disk = ["--disk", &path(""), "--server", &server.address];
    let ran = run(&[SMALL, &words, &disk].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    let (then, now) = (&document["baseline"], document["operations_per_second"].as_u64().unwrap());
    assert_eq!(then["operations_per_second"], earlier["operations_per_second"]);
    let rate_then = earlier["operations_per_second"].as_u64().unwrap();
    assert_eq!(then["operations_per_mille"], now * 1_000 / rate_then);
    assert_eq!(document["disk"]["syncs"], 500);
    let page = std::fs::read_to_string(path("page.html")).unwrap();
    assert_eq!(page.matches("<svg").count(), 3);
    assert!(page.contains(&format!("<tr><th>baseline</th><td>{rate_then}</td>")), "{page}");
    assert!(page.contains(&format!("<tr><th>run 1</th><td>{now}</td>")), "{page}");
}

#[test]
fn ctrl_c_ends_with_the_figures_of_what_had_run() {
    let server = bank(0);
    let words = ["bench", "--json", "--secs", "3600", "--accounts", "50", "--depth", "8"];
    let mut command = saldo(&[&words[..], &["--server", &server.address]].concat());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while server.heard().len() < 1_000 {
        std::thread::yield_now();
    }
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let ran = ran(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 130, "{}", ran.err);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["interrupted"], true);
    let sent = server.heard().iter().filter(|line| line.contains("transfer")).count();
    assert_eq!(document["transfers"], sent, "what was in flight was awaited");
    assert_eq!(document["money"]["set"], document["money"]["found"]);
    assert!(ran.err.contains(r#""code":"interrupted""#), "{}", ran.err);
}

#[test]
fn what_cannot_be_is_said_before_anything_is_sent() {
    let server = bank(0);
    let at = ["--server", &server.address];
    for (words, text) in [
        (["--workload", "smallbank", "--accounts", "3"], "needs at least 4 accounts, not 3"),
        (["--skew", "1", "--dist", "uniform"], "--skew belongs to --dist zipf"),
        (["--skew", "-1", "--dist", "zipf"], "--skew has to be a number that is not below 0"),
        (["--baseline", "/nowhere.json", "--secs", "1"], "cannot read \"/nowhere.json\""),
        (["--report", "/nowhere/page.html", "--secs", "1"], "cannot write \"/nowhere/page.html\""),
        (["--disk", "/nowhere", "--secs", "1"], "cannot measure \"/nowhere\""),
        (
            ["--server-pid", "4294967295", "--secs", "1"],
            "--server-pid 4294967295 cannot be looked at",
        ),
    ] {
        let ran = run(&[&["bench"], &words[..], &at].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{words:?}: {}", ran.err);
        assert!(ran.err.contains(text), "{words:?}: {}", ran.err);
    }
    assert_eq!(server.heard(), Vec::<String>::new());
}

#[test]
fn a_bank_that_goes_away_leaves_transfers_of_unknown_outcome() {
    let mut count = 0;
    let server = Server::start(move |line| {
        count += 1;
        match count {
            // The opening balances, and nothing more.
            1 => {
                let sent: Value = serde_json::from_str(line).unwrap();
                let tx_id = &sent["tx_id"];
                Say::Line(format!(r#"{{"ok":true,"accounts":{{}},"seq":1,"tx_id":{tx_id}}}"#))
            }
            _ => Say::Goodbye,
        }
    });
    let ran = run(&[SMALL, &["-q", "--server", &server.address]].concat());
    assert_eq!((ran.code, ran.out.as_str()), (5, ""));
    assert!(ran.err.contains("were sent and not answered"), "{}", ran.err);
}

#[test]
fn no_bank_at_all_is_said_before_the_run() {
    let ran = run(&[SMALL, &["--server", "127.0.0.1:1"]].concat());
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("connection refused"), "{}", ran.err);
}
