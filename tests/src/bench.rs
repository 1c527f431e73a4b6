//! `saldo bench`: a load for a second, figures that add up, and money that is exact.

use crate::harness::{Folder, Journal, Kind, Model, Run, Server, run};

#[test]
fn the_bench_ends_with_figures_and_a_proof_that_no_money_was_made_or_lost() {
    for (conns, depth, hot) in [("4", "16", "0"), ("8", "1", "50")] {
        let folder = Folder::new();
        let server = Server::start(&folder);
        let ended = Run::new(&["bench", "--secs", "1", "--accounts", "50", "--json"])
            .and(&["--conns", conns, "--depth", depth, "--hot", hot, "--seed", "7"])
            .at(&server)
            .end()
            .with_code(0);
        let figures = ended.json();
        assert_eq!(figures["schema"], "saldo.bench/1", "{figures}");
        let number =
            |key: &str| figures[key].as_u64().unwrap_or_else(|| panic!("{key}: {figures}"));
        assert!(number("transfers") > 100, "{figures}");
        assert!(number("elapsed_ms") >= 1_000, "{figures}");
        let rate = number("transfers") * 1_000 / number("elapsed_ms");
        assert!(number("transfers_per_second").abs_diff(rate) <= rate / 100 + 1, "{figures}");
        assert_eq!(figures["money"]["set"], figures["money"]["found"], "{figures}");
        let latency = |key: &str| figures["latency_us"][key].as_u64().unwrap();
        assert!(
            latency("p50") <= latency("p99") && latency("p99_9") <= latency("max"),
            "{figures}"
        );

        // The log agrees with the figures.
        server.shut_down().with_code(0);
        let journal = Journal::read(&folder);
        let model = Model::of(&journal);
        assert_eq!(model.names().len(), 50);
        let set: i128 = figures["money"]["set"].to_string().parse().unwrap();
        assert_eq!(model.sum(), set);
        let openings = journal.last() - number("transfers") - number("refused");
        assert_eq!(openings, 1, "{figures}, {} events", journal.last());
        run(&["verify", &folder.data().display().to_string()]).with_code(0);
    }
}

#[test]
fn every_workload_leaves_in_the_log_what_the_bench_counted() {
    for (workload, loop_flags, accounts) in [
        ("mixed", ["--depth", "16"], 50),
        ("mixed", ["--rate", "2000"], 50),
        ("tpcb", ["--depth", "16"], 61),
        ("smallbank", ["--depth", "16"], 50),
    ] {
        let folder = Folder::new();
        let server = Server::start(&folder);
        let figures = Run::new(&["bench", "--secs", "1", "--accounts", "50", "--json"])
            .and(&["--workload", workload, "--dist", "zipf", "--conns", "4", "--seed", "7"])
            .and(&["--runs", "2"])
            .and(&loop_flags)
            .at(&server)
            .end()
            .with_code(0)
            .json();
        server.shut_down().with_code(0);
        let journal = Journal::read(&folder);
        let model = Model::of(&journal);
        assert_eq!(model.names().len(), accounts, "{workload}");
        let cents = |key: &str| -> i128 { figures["money"][key].to_string().parse().unwrap() };
        assert_eq!(cents("set") + cents("in") - cents("out"), model.sum(), "{workload}");
        let runs = figures["runs"].as_array().unwrap();
        let of = |key: &str| runs.iter().map(|run| run[key].as_u64().unwrap()).sum::<u64>();
        let logged = |is_meant: fn(&Kind) -> bool| {
            journal.events.iter().filter(|event| is_meant(&event.kind)).count() as u64
        };
        for (key, count) in [
            ("transfers", logged(|kind| matches!(kind, Kind::Transfer { .. }))),
            ("deposits", logged(|kind| matches!(kind, Kind::Deposit { .. }))),
            ("withdrawals", logged(|kind| matches!(kind, Kind::Withdraw { .. }))),
        ] {
            assert_eq!(of(key), count, "{workload}: {key}");
        }
        assert!(of("transfers") > 100 && of("readings") > 10, "{figures}");
        run(&["verify", &folder.data().display().to_string()]).with_code(0);
    }
}
