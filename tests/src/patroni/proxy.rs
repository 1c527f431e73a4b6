//! A network between two programs that can be cut: a TCP proxy in front of one port.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// What the network does with what it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Passes it on.
    Open,
    /// Keeps it, in both directions, as a cut cable does: nobody is told, and all may arrive later.
    Silent,
    /// Passes on what is asked, and keeps the answers.
    AnswersKept,
    /// Ends every connection, and takes no other.
    Broken,
}

/// Listens on a port of its own for as long as it is held.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    to: u16,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    network: Network,
    /// Whom alone it is about: who says at the start that this is its `application_name`.
    only: Option<String>,
    connections: Vec<(Arc<Connection>, [TcpStream; 2])>,
    is_over: bool,
}

/// What both directions of a connection know.
#[derive(Default)]
struct Connection {
    state: Mutex<ConnectionState>,
}

#[derive(Default)]
struct ConnectionState {
    application: Option<String>,
    is_over: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    There,
    Back,
}

impl Proxy {
    /// Starts one in front of this port.
    pub fn to(to: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state =
            State { network: Network::Open, only: None, connections: Vec::new(), is_over: false };
        let shared = Arc::new(Shared { to, state: Mutex::new(state), changed: Condvar::new() });
        let of_thread = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if locked(&of_thread.state).is_over {
                    return;
                }
                if let Ok(stream) = stream {
                    of_thread.take(stream);
                }
            }
        });
        Self { port, shared }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Changes the network, for everybody or for one application.
    pub fn set(&self, network: Network, only: Option<&str>) {
        let mut state = locked(&self.shared.state);
        state.network = network;
        state.only = only.map(str::to_owned);
        if network == Network::Broken {
            state.end_connections();
        }
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Passes everything on again; what was kept first, or not at all, and then its connections end.
    pub fn heal(&self, what_was_kept_arrives: bool) {
        if !what_was_kept_arrives {
            locked(&self.shared.state).end_connections();
        }
        self.set(Network::Open, None);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let mut state = locked(&self.shared.state);
        state.is_over = true;
        state.end_connections();
        drop(state);
        self.shared.changed.notify_all();
        // Wakes the listener, which looks at the end before it takes anything.
        TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))).ok();
    }
}

impl State {
    fn end_connections(&mut self) {
        let only = self.only.clone();
        self.connections.retain(|(connection, streams)| {
            let mut of_it = locked(&connection.state);
            if only.is_some() && of_it.application != only {
                return !of_it.is_over;
            }
            of_it.is_over = true;
            for stream in streams {
                // It may have ended by itself.
                stream.shutdown(Shutdown::Both).ok();
            }
            false
        });
    }

    /// Whether bytes in this direction wait.
    fn keeps(&self, direction: Direction, application: Option<&String>) -> bool {
        let kept = match self.network {
            Network::Open | Network::Broken => false,
            Network::Silent => true,
            Network::AnswersKept => direction == Direction::Back,
        };
        kept && (self.only.is_none() || self.only.as_ref() == application)
    }
}

impl Shared {
    fn take(self: &Arc<Self>, client: TcpStream) {
        let mut state = locked(&self.state);
        if state.network == Network::Broken && state.only.is_none() {
            return;
        }
        let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.to)) else { return };
        for stream in [&client, &server] {
            stream.set_nodelay(true).unwrap();
        }
        let connection = Arc::new(Connection::default());
        let both = [client.try_clone().unwrap(), server.try_clone().unwrap()];
        state.connections.retain(|(connection, _)| !locked(&connection.state).is_over);
        state.connections.push((Arc::clone(&connection), both));
        drop(state);
        let ways = [
            (client.try_clone().unwrap(), server.try_clone().unwrap(), Direction::There),
            (server, client, Direction::Back),
        ];
        for (from, into, direction) in ways {
            let (shared, connection) = (Arc::clone(self), Arc::clone(&connection));
            thread::spawn(move || shared.pass(from, into, direction, &connection));
        }
    }

    fn pass(
        &self,
        mut from: TcpStream,
        mut into: TcpStream,
        direction: Direction,
        connection: &Connection,
    ) {
        let mut bytes = [0; 16_384];
        let mut is_first = true;
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            if direction == Direction::There && is_first {
                let application = application(&bytes[..count]);
                // A question about encryption comes before the greeting.
                is_first = application.is_none() && count <= 8;
                locked(&connection.state).application = application;
            }
            if !self.wait(direction, connection) || into.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        locked(&connection.state).is_over = true;
        for stream in [from, into] {
            stream.shutdown(Shutdown::Both).ok();
        }
        self.changed.notify_all();
    }

    /// Waits while bytes in this direction are kept; false when the connection has ended meanwhile.
    fn wait(&self, direction: Direction, connection: &Connection) -> bool {
        let mut state = locked(&self.state);
        loop {
            let of_it = locked(&connection.state);
            if of_it.is_over || state.is_over {
                return false;
            }
            let breaks = state.network == Network::Broken
                && (state.only.is_none() || state.only == of_it.application);
            if breaks {
                return false;
            }
            let keeps = state.keeps(direction, of_it.application.as_ref());
            drop(of_it);
            if !keeps {
                return true;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The `application_name` in the greeting of a PostgreSQL client: names and values, each behind a
/// zero byte.
fn application(greeting: &[u8]) -> Option<String> {
    let mut parts = greeting.split(|byte| *byte == 0);
    parts.find(|part| *part == b"application_name")?;
    parts.next().map(|name| String::from_utf8_lossy(name).into_owned())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
