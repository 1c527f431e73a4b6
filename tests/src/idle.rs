//! Many connections that say nothing cost little and disturb nobody.

use serde_json::json;

use crate::harness::{Folder, Server};

/// As many as the server takes by default, but for those that the test itself needs.
const CONNECTIONS: usize = 9_900;
const RESIDENT_BYTES_MAX: u64 = 200 << 20;

#[test]
fn ten_thousand_idle_connections_cost_little_memory_and_an_active_client_is_served() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    // A few words each, so that the server has read from all of them.
    let mut idle: Vec<_> = (0..CONNECTIONS).map(|_| server.connect()).collect();
    for wire in &mut idle {
        wire.say(r#"{"cmd":"balance","user":"alice"}"#);
    }
    for wire in &mut idle {
        assert_eq!(wire.reply()["ok"], true);
    }
    let resident = server.resident_bytes();
    println!("{CONNECTIONS} idle connections: {resident} bytes resident");
    assert!(resident < RESIDENT_BYTES_MAX, "{resident} bytes");
    let mut active = server.connect();
    for n in 1..=1_000 {
        let deposit = json!({"cmd": "deposit", "user": "alice", "amount": 1}).to_string();
        assert_eq!(active.ask(&deposit)["after"], n);
    }
    assert!(idle.iter_mut().all(|wire| wire.is_silent()), "nobody else was spoken to");
    server.shut_down().with_code(0);
}
