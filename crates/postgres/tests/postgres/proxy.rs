//! A proxy before a PostgreSQL server that makes the faults of a network: it cuts a connection at a
//! byte, or freezes it with both sockets open. It reads the frames of the protocol, so that it knows
//! where the commit of a batch begins and ends: the write of the events, the place, and COMMIT.
//!
//! Not here: faults of the database itself.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What the first message of a connection says, behind its length, when it asks to cancel another.
const CANCEL_REQUEST: [u8; 4] = 80_877_102_u32.to_be_bytes();
/// What the write of a batch has in its text, and no other statement.
const WRITE: &[u8] = b"INSERT INTO saldo.tx";
/// The answers of one commit: to the write, to the place, to COMMIT.
const ANSWERS: u64 = 3;

/// What happens to the next commit that passes, on whichever connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The database gets so many bytes of it, and no more; then the connection is gone.
    CutAsking(usize),
    /// The database gets all of it, and the server so many bytes of the answers.
    CutAnswer(usize),
    /// The database gets none of it, and both sockets stay open.
    FreezeBefore,
    /// The database gets all of it, the server no answer, and both sockets stay open.
    FreezeAnswer,
}

/// What the proxy has seen, and is to do.
#[derive(Debug, Default)]
struct State {
    fault: Option<Fault>,
    faults_done: usize,
    cancel_requests: usize,
    /// Bytes of the last whole commit: asked, answered.
    exchange: (usize, usize),
    /// Bytes that may still pass, in either direction, before all connections are cut.
    cut_after: Option<usize>,
    is_closed: bool,
}

/// Forwards connections to one server until it is dropped.
pub struct Proxy {
    pub port: u16,
    state: Arc<Mutex<State>>,
    /// Counts up when all connections are to be cut.
    cut: Arc<watch::Sender<u64>>,
    frozen: Arc<watch::Sender<bool>>,
    accepts: JoinHandle<()>,
}

impl Proxy {
    /// Stands before the server at `port` of this machine.
    pub async fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state = Arc::<Mutex<State>>::default();
        let (cut, frozen) = (Arc::new(watch::Sender::new(0)), Arc::new(watch::Sender::new(false)));
        let own = listener.local_addr().unwrap().port();
        let shared = (Arc::clone(&state), Arc::clone(&cut), Arc::clone(&frozen));
        let accepts = tokio::spawn(async move {
            let (state, cut, frozen) = shared;
            loop {
                let Ok((client, _)) = listener.accept().await else { continue };
                if state.lock().unwrap().is_closed {
                    continue;
                }
                let link = Link {
                    state: Arc::clone(&state),
                    cut: Arc::clone(&cut),
                    frozen: Arc::clone(&frozen),
                    commit: Arc::default(),
                };
                tokio::spawn(link.carry(client, SocketAddr::from(([127, 0, 0, 1], port))));
            }
        });
        Self { port: own, state, cut, frozen, accepts }
    }

    /// Does this to the next commit, once.
    pub fn do_to_the_next_commit(&self, fault: Fault) {
        self.state.lock().unwrap().fault = Some(fault);
    }

    /// How many of those faults were done.
    pub fn faults_done(&self) -> usize {
        self.state.lock().unwrap().faults_done
    }

    /// How many bytes the last commit had: asked, answered.
    pub fn exchange(&self) -> (usize, usize) {
        self.state.lock().unwrap().exchange
    }

    /// How often somebody asked to cancel what another connection does.
    pub fn cancel_requests(&self) -> usize {
        self.state.lock().unwrap().cancel_requests
    }

    /// Cuts all connections; the next ones pass.
    pub fn cut(&self) {
        self.cut.send_modify(|count| *count += 1);
    }

    /// Cuts all connections once so many more bytes have passed.
    pub fn cut_after(&self, bytes: usize) {
        self.state.lock().unwrap().cut_after = Some(bytes);
    }

    /// Cuts all connections and takes no more until `restore`.
    pub fn close(&self) {
        self.state.lock().unwrap().is_closed = true;
        self.cut();
    }

    pub fn restore(&self) {
        self.state.lock().unwrap().is_closed = false;
    }

    /// Moves no more bytes, with all sockets open.
    pub fn freeze(&self) {
        self.frozen.send_replace(true);
    }

    pub fn thaw(&self) {
        self.frozen.send_replace(false);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepts.abort();
        self.cut();
    }
}

/// Where a connection is in its commit.
#[derive(Debug, Default)]
struct Commit {
    /// Names of prepared statements that write a batch.
    writes: HashSet<Vec<u8>>,
    /// Requests sent, each of which gets a message `ReadyForQuery`; and those got.
    asked: u64,
    answered: u64,
    /// How many requests were sent before the commit that is under way.
    asked_before: Option<u64>,
    sent: usize,
    got: usize,
    fault: Option<Fault>,
}

/// One connection.
struct Link {
    state: Arc<Mutex<State>>,
    cut: Arc<watch::Sender<u64>>,
    frozen: Arc<watch::Sender<bool>>,
    commit: Arc<Mutex<Commit>>,
}

/// What is to be done with a message.
enum Step {
    Forward,
    /// Forward so many bytes, then cut.
    Cut(usize),
    /// Never forward it, and keep the sockets.
    Freeze,
}

impl Link {
    async fn carry(self, client: TcpStream, server: SocketAddr) {
        let mut cut = self.cut.subscribe();
        let Ok(server) = TcpStream::connect(server).await else { return };
        client.set_nodelay(true).ok();
        server.set_nodelay(true).ok();
        let (client_reads, client_writes) = client.into_split();
        let (server_reads, server_writes) = server.into_split();
        // Whichever ends first takes all four halves with it.
        tokio::select! {
            () = self.pump(client_reads, server_writes, true) => {}
            () = self.pump(server_reads, client_writes, false) => {}
            _ = cut.changed() => {}
        }
    }

    async fn pump(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, asking: bool) {
        let mut frozen = self.frozen.subscribe();
        let (mut held, mut is_first) = (Vec::new(), asking);
        while let Ok(1..) = from.read_buf(&mut held).await {
            while let Some(length) = length(&held, is_first) {
                let message: Vec<u8> = held.drain(..length).collect();
                if frozen.wait_for(|frozen| !frozen).await.is_err() {
                    return;
                }
                let step =
                    if asking { self.asking(&message, is_first) } else { self.answer(&message) };
                is_first = false;
                let whole = match step {
                    Step::Forward => self.passes(message.len()),
                    Step::Cut(bytes) => bytes,
                    Step::Freeze => return std::future::pending().await,
                };
                if to.write_all(&message[..whole]).await.is_err() || whole < message.len() {
                    // What was written is delivered before the end of the connection is.
                    to.shutdown().await.ok();
                    return;
                }
                if matches!(step, Step::Cut(_)) {
                    return;
                }
            }
        }
    }

    /// How many bytes of a message pass before all connections are cut.
    fn passes(&self, length: usize) -> usize {
        let mut state = self.state.lock().unwrap();
        let Some(left) = state.cut_after else { return length };
        if left > length {
            state.cut_after = Some(left - length);
            return length;
        }
        state.cut_after = None;
        state.faults_done += 1;
        drop(state);
        self.cut.send_modify(|count| *count += 1);
        left
    }

    /// A message to the database.
    fn asking(&self, message: &[u8], is_first: bool) -> Step {
        let (mut state, mut commit) = (self.state.lock().unwrap(), self.commit.lock().unwrap());
        if is_first {
            state.cancel_requests += usize::from(message[4..8] == CANCEL_REQUEST);
            return Step::Forward;
        }
        let body = &message[5..];
        match message[0] {
            // Parse: name, text.
            b'P' if body.windows(WRITE.len()).any(|part| part == WRITE) => {
                let name = body.split(|byte| *byte == 0).next().unwrap();
                commit.writes.insert(name.to_vec());
            }
            // Bind: portal, name.
            b'B' if commit.writes.contains(body.split(|byte| *byte == 0).nth(1).unwrap()) => {
                commit.asked_before = Some(commit.asked);
                (commit.sent, commit.got) = (0, 0);
                commit.fault = state.fault.take();
                state.faults_done += usize::from(commit.fault.is_some());
            }
            _ => {}
        }
        // Sync, or a simple query.
        commit.asked += u64::from(matches!(message[0], b'S' | b'Q'));
        if !commit.is_under_way() {
            return Step::Forward;
        }
        let before = commit.sent;
        commit.sent += message.len();
        match commit.fault {
            Some(Fault::CutAsking(at)) if at < commit.sent => Step::Cut(at - before),
            // COMMIT is its last message.
            Some(Fault::CutAsking(_)) if message[0] == b'Q' => Step::Cut(message.len()),
            Some(Fault::FreezeBefore) => Step::Freeze,
            Some(Fault::CutAsking(_) | Fault::CutAnswer(_) | Fault::FreezeAnswer) | None => {
                Step::Forward
            }
        }
    }

    /// A message of the database.
    fn answer(&self, message: &[u8]) -> Step {
        let mut commit = self.commit.lock().unwrap();
        let is_of_it = commit.is_under_way() && Some(commit.answered) >= commit.asked_before;
        commit.answered += u64::from(message[0] == b'Z');
        if !is_of_it {
            return Step::Forward;
        }
        let before = commit.got;
        commit.got += message.len();
        let step = match commit.fault {
            Some(Fault::CutAnswer(at)) if at < commit.got => Step::Cut(at - before),
            // Where the asking is cut, nothing comes back.
            Some(Fault::FreezeAnswer | Fault::CutAsking(_)) => Step::Freeze,
            Some(Fault::CutAnswer(_) | Fault::FreezeBefore) | None => Step::Forward,
        };
        if commit.asked_before.is_some_and(|before| commit.answered == before + ANSWERS) {
            commit.asked_before = None;
            let exchange = (commit.sent, commit.got);
            drop(commit);
            self.state.lock().unwrap().exchange = exchange;
        }
        step
    }
}

impl Commit {
    fn is_under_way(&self) -> bool {
        self.asked_before.is_some()
    }
}

/// The length of the message at the start of `held`, once all of it is there. The first one of a
/// connection has no type.
fn length(held: &[u8], is_first: bool) -> Option<usize> {
    let head = usize::from(!is_first);
    let length = held.get(head..head + 4)?.try_into().ok().map(u32::from_be_bytes)?;
    let whole = head + usize::try_from(length).unwrap();
    (held.len() >= whole).then_some(whole)
}
