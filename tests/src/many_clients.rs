//! Many clients, and clients of the wrong kind: idle ones cost little, those that do not read are
//! stopped and hold up nobody, those that speak HTTP are sent away, those too many are told so.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::harness::{Folder, QUESTIONS, Serve, Server, stuck_client, until};

/// What an idle connection may cost at most, in bytes.
const IDLE_BYTES_MAX: u64 = 16 << 10;

/// A process of its own, so that the limit of open files of this one does not matter: connects so
/// many times, asks once on each connection, says so, and holds them until it is killed.
const CROWD: &str = r#"
import socket, sys
port, count = int(sys.argv[1]), int(sys.argv[2])
crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
for client in crowd:
    client.sendall(b'{"cmd":"deposit","user":"crowd","amount":1}\n')
for client in crowd:
    assert client.makefile().readline().startswith('{"ok":true')
print("here", flush=True)
sys.stdin.read()
"#;

struct Crowd(Child);

impl Crowd {
    fn new(server: &Server, count: u32) -> Self {
        let port = server.address.port().to_string();
        let mut python = Command::new("python3");
        python.args(["-c", CROWD, &port, &count.to_string()]);
        let mut child = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "here\n");
        Self(child)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn two_thousand_idle_connections_cost_little_and_others_work() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    // What a busy server keeps anyway is not the price of idleness.
    drop(Crowd::new(&server, 400));
    let before = server.resident_bytes();
    let crowds: Vec<Crowd> = (0..5).map(|_| Crowd::new(&server, 400)).collect();
    let each = server.resident_bytes().saturating_sub(before) / 2_000;
    assert!(each < IDLE_BYTES_MAX, "{each} bytes for an idle connection");
    let mut wire = server.connect();
    assert_eq!(wire.balance("crowd").0, 2_400);
    for after in 1..=100 {
        let reply = wire.ask(r#"{"cmd":"deposit","user":"alice","amount":1}"#);
        assert_eq!(reply["after"], after);
    }
    drop(crowds);
    server.shut_down().with_code(0);
}

#[test]
fn http_gets_one_line_and_is_closed_before_its_body_is_looked_at() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"] {
        let mut wire = server.connect();
        let request = format!(
            "{method} / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n\r\n\
             {{\"cmd\":\"deposit\",\"user\":\"alice\",\"amount\":1}}\r\n"
        );
        wire.send(request.as_bytes());
        let reply = wire.reply();
        assert_eq!((&reply["ok"], &reply["code"]), (&false.into(), &"http_not_spoken".into()));
        wire.ends();
    }
    let mut wire = server.connect();
    wire.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert_eq!(wire.reply()["code"], "http_not_spoken");
    wire.ends();
    assert_eq!(server.connect().balance("alice"), (0, 0));
}

#[test]
fn a_client_that_does_not_read_is_stopped_and_holds_up_nobody() {
    let folder = Folder::new();
    let server = Serve::on(&folder).flag("--write-timeout", "1h").start();
    let before = server.resident_bytes();
    let stuck: Vec<_> = (0..8).map(|_| stuck_client(&server)).collect();
    let mut wire = server.connect();
    for after in 1..=100 {
        let reply = wire.ask(r#"{"cmd":"deposit","user":"alice","amount":1}"#);
        assert_eq!(reply["after"], after);
    }
    // They asked for 160 MB of replies, and most of their requests were not even read.
    let held = server.resident_bytes().saturating_sub(before);
    assert!(held < 24 << 20, "{held} bytes for eight clients that do not read");
    // As soon as one reads, it gets everything, in order.
    for mut client in stuck {
        for _ in 0..QUESTIONS {
            let reply = client.line().unwrap();
            assert!(reply.starts_with(r#"{"ok":true,"balances":[{"user":"a""#), "{reply}");
        }
        assert!(client.is_silent());
    }
}

#[test]
fn a_client_that_does_not_read_for_too_long_is_cut() {
    let folder = Folder::new();
    let server = Serve::on(&folder).flag("--write-timeout", "100ms").talkative().start();
    let mut client = stuck_client(&server);
    server.says(r#""how":"NotReading""#);
    let mut count = 0;
    // What the kernels held may still come, and then the end.
    while client.line().is_some() {
        count += 1;
    }
    assert!(count < QUESTIONS, "it got everything");
    assert_eq!(server.connect().balance("a").0, 0);
}

#[test]
fn one_connection_too_many_is_told_so_and_there_is_room_when_another_leaves() {
    let folder = Folder::new();
    let server = Serve::on(&folder).flag("--connections-max", 3).start();
    let mut first: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for wire in &mut first {
        assert_eq!(wire.balance("alice").0, 0);
    }
    let mut fourth = server.connect();
    let reply = fourth.reply();
    assert_eq!((&reply["ok"], &reply["code"]), (&false.into(), &"overloaded".into()), "{reply}");
    fourth.ends();
    for wire in &mut first {
        assert_eq!(wire.balance("alice").0, 0);
    }
    first.pop();
    until("room for another connection", || {
        let mut wire = server.connect();
        drop(wire.try_send(b"{\"cmd\":\"balance\",\"user\":\"alice\"}\n"));
        wire.reply_or_end().filter(|reply| reply["ok"] == true)
    });
}

#[test]
fn an_idle_connection_is_closed_without_a_word_where_the_operator_wants_it() {
    let folder = Folder::new();
    let server = Serve::on(&folder).flag("--idle-timeout", "100ms").start();
    server.connect().ends();
    let mut wire = server.connect();
    assert_eq!(wire.balance("alice").0, 0);
    wire.ends();
}
