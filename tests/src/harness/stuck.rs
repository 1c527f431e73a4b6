//! A client that asks for more than all buffers hold, and reads nothing of it.

use std::fs;
use std::thread;

use super::{Server, Wire, until};

/// How many questions it asks; the replies to them have some 20 MB.
pub const QUESTIONS: usize = 500;

/// Returns once the server cannot write to it any more.
pub fn stuck_client(server: &Server) -> Wire {
    let wire = server.connect();
    let mut asking = wire.another_hand();
    let names = vec!["\"a\""; 1_000].join(",");
    let questions = format!("{{\"cmd\":\"balance\",\"users\":[{names}]}}\n").repeat(QUESTIONS);
    // Ends with the connection.
    thread::spawn(move || drop(asking.try_send(questions.as_bytes())));
    until("a server that cannot write any more", || {
        (bytes_to_send(server.address.port(), wire.port()) > 1 << 20).then_some(())
    });
    wire
}

/// How many bytes the kernel still holds for a client of ours: proc(5), /proc/net/tcp.
fn bytes_to_send(from: u16, to: u16) -> u64 {
    let (from, to) = (format!(":{from:04X}"), format!(":{to:04X}"));
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let mut rows = table.lines().map(|row| row.split_whitespace().collect::<Vec<_>>());
    let row = rows.find(|row| row[1].ends_with(&from) && row[2].ends_with(&to));
    let queues = row.map_or_else(String::new, |row| row[4].to_owned());
    u64::from_str_radix(queues.split(':').next().unwrap(), 16).unwrap_or(0)
}
