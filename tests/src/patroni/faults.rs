//! What can happen to a cluster, to the network and to a server, while clients work. Each fault ends
//! with everything running again; none ever forces the promotion of a node that may lack a commit.

use super::proxy::Network;
use super::round::Scene;

/// A fault.
pub struct Fault {
    pub name: &'static str,
    /// Over how many accounts the clients work.
    pub accounts_count: usize,
    pub strike: fn(&mut Scene<'_>),
}

const fn fault(name: &'static str, strike: fn(&mut Scene<'_>)) -> Fault {
    Fault { name, accounts_count: 5, strike }
}

/// All of them.
pub const FAULTS: &[Fault] = &[
    fault("the primary's PostgreSQL is killed", primary_loses_its_postgres),
    fault("the primary's machine dies", primary_dies),
    fault("the primary freezes and wakes", primary_freezes),
    fault("the standby's machine dies", standby_dies),
    fault("the standby freezes and wakes", standby_freezes),
    fault("primary and standby die", primary_and_standby_die),
    fault("etcd loses its quorum", etcd_loses_its_quorum),
    fault("backends are terminated", backends_are_terminated),
    fault("commits that wait are terminated", waiting_commits_are_terminated),
    fault("a bank's server dies", server_dies),
    fault("the standbys lose the primary", replication_is_cut),
    fault("the servers lose the primary", servers_are_cut_off),
    Fault { name: "one hot pair of accounts", accounts_count: 2, strike: server_freezes },
];

fn primary_loses_its_postgres(scene: &mut Scene<'_>) {
    let (primary, _) = scene.cluster.healthy();
    let all_of_it = scene.random.percent(50);
    scene.begins();
    scene.cluster.node(primary).kill_postgres(all_of_it);
    scene.until_another_leads(primary);
}

fn primary_dies(scene: &mut Scene<'_>) {
    let (primary, _) = scene.cluster.healthy();
    scene.begins();
    scene.cluster.node(primary).kill();
    scene.until_another_leads(primary);
    scene.progress(100);
    scene.cluster.start_again(&format!("patroni{primary}"));
}

fn primary_freezes(scene: &mut Scene<'_>) {
    let (primary, _) = scene.cluster.healthy();
    scene.begins();
    scene.cluster.node(primary).freeze();
    scene.until_another_leads(primary);
    scene.progress(100);
    scene.cluster.node(primary).wake();
}

fn standby_dies(scene: &mut Scene<'_>) {
    let (_, standby) = scene.cluster.healthy();
    let with_its_manager = scene.random.percent(50);
    scene.begins();
    if with_its_manager {
        scene.cluster.node(standby).kill();
        scene.until_another_is_synchronous(standby);
        scene.progress(100);
        scene.cluster.start_again(&format!("patroni{standby}"));
    } else {
        scene.cluster.node(standby).kill_postgres(true);
    }
}

fn standby_freezes(scene: &mut Scene<'_>) {
    let (_, standby) = scene.cluster.healthy();
    scene.begins();
    scene.cluster.node(standby).freeze();
    scene.until_another_is_synchronous(standby);
    scene.progress(100);
    scene.cluster.node(standby).wake();
}

/// The third node may lack commits: it must wait for one of the two.
fn primary_and_standby_die(scene: &mut Scene<'_>) {
    let (primary, standby) = scene.cluster.healthy();
    let third = 3 - primary - standby;
    let from = scene.cluster.log(third).len();
    scene.begins();
    let mut dying = [primary, standby];
    if scene.random.percent(50) {
        dying.reverse();
    }
    for node in dying {
        scene.cluster.node(node).kill();
    }
    scene.cluster.until_logged(third, from, "not the healthiest node");
    if scene.random.percent(50) {
        dying.reverse();
    }
    for node in dying {
        scene.cluster.start_again(&format!("patroni{node}"));
    }
    let leads = scene.cluster.until("a primary again", super::status::Status::leader);
    assert_ne!(leads, third, "a node was promoted that may lack commits");
}

fn etcd_loses_its_quorum(scene: &mut Scene<'_>) {
    let (primary, _) = scene.cluster.healthy();
    let stays = usize::try_from(scene.random.below(3)).unwrap();
    let dying: Vec<usize> = (0..3).filter(|number| *number != stays).collect();
    scene.begins();
    for number in &dying {
        scene.cluster.kill_etcd(*number);
    }
    scene.cluster.until_no_primary(primary);
    for number in dying {
        scene.cluster.start_again(&format!("etcd{number}"));
    }
}

fn backends_are_terminated(scene: &mut Scene<'_>) {
    let (primary, _) = scene.cluster.healthy();
    scene.begins();
    for _ in 0..10 {
        scene.terminate(primary, "backend_type = 'client backend'");
        let some = 20 + scene.random.below(50);
        scene.progress(some);
    }
}

/// A commit whose wait is cut short is on the primary alone; half of the time that one is lost.
fn waiting_commits_are_terminated(scene: &mut Scene<'_>) {
    let (primary, standby) = scene.cluster.healthy();
    scene.begins();
    scene.cluster.node(standby).freeze();
    scene.cluster.until_a_commit_waits(primary);
    scene.terminate(primary, "wait_event = 'SyncRep'");
    if scene.random.percent(50) {
        scene.cluster.node(primary).kill();
        scene.cluster.node(standby).wake();
        scene.until_another_leads(primary);
        scene.progress(100);
        scene.cluster.start_again(&format!("patroni{primary}"));
    } else {
        scene.cluster.node(standby).wake();
    }
}

fn server_dies(scene: &mut Scene<'_>) {
    scene.begins();
    for _ in 0..3 {
        let server = usize::try_from(scene.random.below(2)).unwrap();
        let some = 20 + scene.random.below(200);
        scene.progress(some);
        scene.kill_server(server);
        // The other one goes on.
        scene.progress(50);
        scene.start_server(server);
    }
}

fn replication_is_cut(scene: &mut Scene<'_>) {
    let (primary, standby) = scene.cluster.healthy();
    let network = *scene.random.pick(&[Network::Silent, Network::AnswersKept, Network::Broken]);
    let only = scene.random.percent(50).then(|| format!("p{standby}"));
    scene.begins();
    scene.cluster.peers[primary].set(network, only.as_deref());
    if network == Network::Broken && only.is_some() {
        scene.until_another_is_synchronous(standby);
        scene.progress(100);
    } else {
        scene.until_without_outcome();
    }
    let arrives = scene.random.percent(50);
    scene.cluster.peers[primary].heal(arrives);
}

fn servers_are_cut_off(scene: &mut Scene<'_>) {
    let (primary, _) = scene.cluster.healthy();
    let network = *scene.random.pick(&[Network::Silent, Network::AnswersKept, Network::Broken]);
    scene.begins();
    scene.cluster.fronts[primary].set(network, None);
    scene.until_without_outcome();
    let arrives = scene.random.percent(50);
    scene.cluster.fronts[primary].heal(arrives);
}

/// Both servers want the same two rows all the time; one stands still while it may hold them.
fn server_freezes(scene: &mut Scene<'_>) {
    scene.progress(1_000);
    scene.begins();
    scene.servers[1].signal("STOP");
    scene.progress(200);
    scene.servers[1].signal("CONT");
    scene.progress(1_000);
}
