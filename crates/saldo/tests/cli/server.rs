//! A server that says what the test wants it to say.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What the server does about a line.
pub enum Say {
    /// This, and a newline.
    Line(String),
    /// Nothing, for as long as the client waits.
    Nothing,
    /// It closes the connection.
    Goodbye,
}

/// A server on a port of its own, for as long as the test runs.
pub struct Server {
    /// Its `host:port`.
    pub address: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers every line of every connection with what `answer` says.
    pub fn start(answer: impl FnMut(&str) -> Say + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let answer = Arc::new(Mutex::new(answer));
        let hearing = Arc::clone(&heard);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (answer, heard) = (Arc::clone(&answer), Arc::clone(&hearing));
                let stream = stream.unwrap();
                thread::spawn(move || converse(&stream, &answer, &heard));
            }
        });
        Self { address, heard }
    }

    /// The same answer to every line.
    pub fn saying(line: &str) -> Self {
        let line = line.to_owned();
        Self::start(move |_| Say::Line(line.clone()))
    }

    /// What it has heard so far, line by line.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

/// One connection. It ends when the client goes away, however that shows.
fn converse(
    stream: &TcpStream,
    answer: &Mutex<impl FnMut(&str) -> Say>,
    heard: &Mutex<Vec<String>>,
) {
    let mut out = stream;
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { return };
        let say = (answer.lock().unwrap())(&line);
        heard.lock().unwrap().push(line);
        let said = match say {
            Say::Line(line) => out.write_all(format!("{line}\n").as_bytes()),
            Say::Nothing => Ok(()),
            Say::Goodbye => return,
        };
        if said.is_err() {
            return;
        }
    }
}
