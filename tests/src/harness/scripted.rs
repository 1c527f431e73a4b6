//! A bank that answers by a script: what a real one does only in bad moments.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use serde_json::Value;

/// A listener whose answers a function gives, one connection after the other.
pub struct Scripted {
    /// Where it listens.
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    lines: Arc<Mutex<Vec<Value>>>,
}

impl Scripted {
    /// Answers each request with what `answer` says to it and to its number, from 0, over all
    /// connections; `None` closes the connection without a word.
    pub fn start(answer: impl Fn(&Value, usize) -> Option<String> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (count, seen) = (connections.clone(), lines.clone());
        // It ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                count.fetch_add(1, Ordering::SeqCst);
                converse(&stream, &seen, &answer);
            }
        });
        Self { address, connections, lines }
    }

    /// How many connections were opened.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The requests so far, in order.
    pub fn requests(&self) -> Vec<Value> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn converse(
    stream: &TcpStream,
    seen: &Mutex<Vec<Value>>,
    answer: &impl Fn(&Value, usize) -> Option<String>,
) {
    let mut out = stream;
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { return };
        let request: Value = serde_json::from_str(&line).unwrap();
        let number = {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.push(request.clone());
            seen.len() - 1
        };
        let Some(reply) = answer(&request, number) else { return };
        if out.write_all(format!("{reply}\n").as_bytes()).is_err() {
            return;
        }
    }
}
