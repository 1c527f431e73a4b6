//! Faults of the database, its standby and the network while clients of two engines move money
//! between the same few accounts; after each, all that was told is true and stays so.
//!
//! Each fault comes once, or `SALDO_PG_FAULTS` times.

use std::env;
use std::future::Future;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use postgres::{Mode, Options, PostgresEngine};

use crate::bank::{Bank, open_with};
use crate::checks::check;
use crate::cluster::{Cluster, LIMIT, Node, is_root};
use crate::load::{Load, prepare};
use crate::plant::{Moment, plant, unplant};
use crate::proxy::Proxy;

/// Changes that are acknowledged before a fault, and after it.
const PROGRESS: u64 = 150;

fn times() -> u32 {
    env::var("SALDO_PG_FAULTS").map_or(1, |times| times.parse().unwrap())
}

/// A cluster, a bank, and two engines with clients.
struct Scene {
    cluster: Cluster,
    bank: Bank,
    engines: Vec<Arc<PostgresEngine>>,
    mode: Mode,
}

impl Scene {
    async fn replicated() -> Self {
        let cluster = Cluster::replicated();
        let bank = cluster.bank().await;
        let ports = [bank.port(), bank.port()];
        Self::over(cluster, bank, Mode::Replicated, ports).await
    }

    /// With an engine at each of two ports. The second one has less patience than some faults last,
    /// so that its clients are told of unknown outcomes.
    async fn over(cluster: Cluster, bank: Bank, mode: Mode, ports: [u16; 2]) -> Self {
        let mut engines = Vec::new();
        for (port, patience) in ports.into_iter().zip([LIMIT, Duration::from_millis(400)]) {
            let options = Options { mode, patience, ..Options::default() };
            engines.push(open_with(bank.at(&[port]), options).await);
        }
        prepare(&engines[0]).await;
        Self { cluster, bank, engines, mode }
    }

    /// Runs a fault under load, as often as is asked for, and checks after each.
    async fn each<F: Future<Output = ()>>(&self, mut fault: impl FnMut(u32) -> F) {
        let mut counts = (0, 0);
        for round in 0..times() {
            let load = Load::start(&self.engines, &round.to_string());
            load.progress(PROGRESS).await;
            fault(round).await;
            load.progress(PROGRESS).await;
            let told = load.stop().await;
            let options = Options { mode: self.mode, patience: LIMIT, ..Options::default() };
            let engine = open_with(self.bank.address(), options).await;
            check(&self.bank.superuser().await, &engine, &told).await;
            let unknown = told.iter().filter(|told| told.is_unknown()).count();
            counts = (counts.0 + told.len(), counts.1 + unknown);
        }
        println!("{} times; {} answers, of them {} unknown", times(), counts.0, counts.1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_is_killed_and_comes_back_costs_nothing_that_was_told() {
    let scene = Scene::replicated().await;
    let cluster = &scene.cluster;
    scene
        .each(async |_| {
            cluster.kill(Node::Standby);
            cluster.wait_for_a_commit_that_waits_long().await;
            cluster.restart(Node::Standby);
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d43_a_primary_that_crashes_and_starts_again_has_whole_batches_and_all_that_was_told() {
    let scene = Scene::replicated().await;
    let cluster = &scene.cluster;
    scene
        .each(async |_| {
            cluster.kill(Node::Primary);
            cluster.restart(Node::Primary);
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_that_are_cancelled_and_terminated_while_they_wait_are_settled() {
    const CANCELS: usize = 10;
    let scene = Scene::replicated().await;
    let cluster = &scene.cluster;
    scene
        .each(async |_| {
            for number in 0..CANCELS {
                cluster.freeze(Node::Standby);
                cluster.wait_for_a_commit_that_waits().await;
                let function = ["pg_cancel_backend", "pg_terminate_backend"][number % 2];
                cluster
                    .run(&format!(
                        "SELECT {function}(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
                    ))
                    .await;
                cluster.wake(Node::Standby);
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backends_that_are_terminated_at_any_moment_lose_and_double_nothing() {
    const KILLS: usize = 20;
    let scene = Scene::replicated().await;
    let cluster = &scene.cluster;
    scene
        .each(async |_| {
            for number in 0..KILLS {
                let function = ["pg_terminate_backend", "pg_cancel_backend"][number % 2];
                cluster
                    .run(&format!(
                        "SELECT {function}(pid) FROM pg_stat_activity \
                         WHERE usename = 'saldo_serves' AND state <> 'idle'"
                    ))
                    .await;
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_is_cut_at_random_bytes_between_server_and_primary_loses_nothing() {
    const CUTS: usize = 20;
    let cluster = Cluster::replicated();
    let bank = cluster.bank().await;
    let proxy = Proxy::before(bank.port()).await;
    let ports = [proxy.port, proxy.port];
    let scene = Scene::over(cluster, bank, Mode::Replicated, ports).await;
    let proxy = &proxy;
    scene
        .each(async |_| {
            for _ in 0..CUTS {
                let before = proxy.faults_done();
                proxy.cut_after(usize::from(rand::random::<u16>()) / 2);
                while proxy.faults_done() == before {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        })
        .await;
    assert_eq!(proxy.cancel_requests(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_is_cut_between_primary_and_standby_holds_answers_back_and_loses_nothing() {
    let cluster = Cluster::replicated();
    let bank = cluster.bank().await;
    let proxy = Proxy::before(bank.port()).await;
    let way = format!(
        "host=127.0.0.1 port={} user=saldo application_name=s sslmode=disable gssencmode=disable",
        proxy.port
    );
    cluster.run_on(Node::Standby, &format!("ALTER SYSTEM SET primary_conninfo = '{way}'")).await;
    cluster.run_on(Node::Standby, "SELECT pg_reload_conf()").await;
    let port = bank.port();
    let follows = "SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync' \
                   AND client_port IS NOT NULL AND backend_start > now() - interval '1 min'";
    cluster.wait_until(follows).await;
    let scene = Scene::over(cluster, bank, Mode::Replicated, [port, port]).await;
    let (cluster, proxy) = (&scene.cluster, &proxy);
    scene
        .each(async |_| {
            // Half a message is the worst place to stop.
            proxy.cut_after(usize::from(rand::random::<u16>()));
            let before = proxy.faults_done();
            while proxy.faults_done() == before {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            proxy.close();
            cluster.wait_for_a_commit_that_waits_long().await;
            proxy.restore();
            cluster.wait_for_the_standby().await;
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d40_forced_rollbacks_under_load_are_done_again_and_nothing_twice() {
    const RAISED: u32 = 5;
    let scene = single().await;
    let bank = &scene.bank;
    scene
        .each(async |_| {
            for (moment, code) in [
                (Moment::Reading, "40001"),
                (Moment::Writing, "40001"),
                (Moment::Placing, "40P01"),
                (Moment::Committing, "40001"),
                (Moment::Committing, "40003"),
            ] {
                plant(bank, moment, code, RAISED).await;
                let raised = format!("SELECT last_value >= {RAISED} FROM plant.fired");
                let client = bank.superuser().await;
                while !client.query_one(&raised, &[]).await.unwrap().get::<_, bool>(0) {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                unplant(bank, i64::from(RAISED)).await;
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_d40_deadlocks_under_load_are_undone_and_done_again() {
    const DEADLOCKS: i64 = 2;
    let scene = single().await;
    let bank = &scene.bank;
    let met = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    scene
        .each(async |_| {
            let other = bank.superuser().await;
            // Whichever notices first gives way.
            other.batch_execute("SET deadlock_timeout = '1s'").await.unwrap();
            let count = async || other.query_one(met, &[]).await.unwrap().get::<_, i64>(0);
            let before = count().await;
            while count().await < before + DEADLOCKS {
                let row =
                    |name| format!("SELECT FROM saldo.account WHERE name = '{name}' FOR UPDATE");
                other.batch_execute("BEGIN").await.unwrap();
                other.batch_execute(&row("h3")).await.unwrap();
                tokio::time::sleep(Duration::from_millis(20)).await;
                // This one may be the one that gives way.
                drop(other.batch_execute(&row("h0")).await);
                other.batch_execute("ROLLBACK").await.unwrap();
            }
        })
        .await;
}

/// A server without a standby.
async fn single() -> Scene {
    let cluster = Cluster::single();
    let bank = cluster.bank().await;
    let port = bank.port();
    Scene::over(cluster, bank, Mode::Unchecked, [port, port]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_and_has_room_again_costs_nothing_that_was_told() {
    if !is_root() {
        println!("left out: only root can make a small disk");
        return;
    }
    let scene = single().await;
    let (cluster, bank) = (&scene.cluster, &scene.bank);
    let disk = Disk::mount(cluster.new_folder("small"));
    let room = cluster.new_folder("small/room");
    cluster.run(&format!("CREATE TABLESPACE small LOCATION '{}'", room.display())).await;
    bank.run("ALTER TABLE saldo.tx SET TABLESPACE small").await;
    scene
        .each(async |_| {
            let ballast = disk.fill();
            cluster.wait_for_log("No space left on device").await;
            std::fs::remove_file(ballast).unwrap();
        })
        .await;
}

/// A disk of a few megabytes, gone with the value.
struct Disk(std::path::PathBuf);

impl Disk {
    fn mount(at: std::path::PathBuf) -> Self {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64m,mode=755,uid=postgres,gid=postgres", "tmpfs"])
            .arg(&at)
            .status();
        assert!(mounted.unwrap().success(), "mount");
        Self(at)
    }

    /// Takes all room that there is.
    fn fill(&self) -> std::path::PathBuf {
        let ballast = self.0.join("ballast");
        let mut file = std::fs::File::create(&ballast).unwrap();
        let zeros = vec![0; 1 << 16];
        while std::io::Write::write_all(&mut file, &zeros).is_ok() {}
        ballast
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let at: &Path = &self.0;
        Command::new("umount").arg("-l").arg(at).status().ok();
    }
}
