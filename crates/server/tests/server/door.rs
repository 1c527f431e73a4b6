//! A server on a free port, and a client that speaks lines to it.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::Value;
use server::access::Access;
use server::{Desk, Options, Report, Tls, serve};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::bank::Bank;

/// A running server.
pub struct Door {
    pub address: SocketAddr,
    pub bank: Arc<Bank>,
    pub desk: Desk,
    pub stop: CancellationToken,
    serving: JoinHandle<Report>,
}

impl Door {
    pub async fn open() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        Self::guarded(options, Access::off()).await
    }

    pub async fn guarded(options: Options, access: Access) -> Self {
        Self::new(options, access, None).await
    }

    pub async fn behind(options: Options, tls: Tls) -> Self {
        Self::new(options, Access::off(), Some(tls)).await
    }

    pub async fn new(options: Options, access: Access, tls: Option<Tls>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (bank, stop) = (Arc::new(Bank::new()), CancellationToken::new());
        let desk = Desk::new(bank.clone(), access, stop.clone());
        let serving = tokio::spawn(serve(listener, desk.clone(), tls, options, stop.clone()));
        Self { address, bank, desk, stop, serving }
    }

    pub async fn client(&self) -> Client {
        Client::new(TcpStream::connect(self.address).await.unwrap())
    }

    /// A client whose kernel takes few bytes ahead of its reader: the rest waits at the server.
    pub async fn client_of_few_bytes(&self) -> Client {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4 << 10).unwrap();
        Client::new(socket.connect(self.address).await.unwrap())
    }

    /// What the server says when it is done.
    pub async fn closed(self) -> Report {
        self.serving.await.unwrap()
    }
}

/// A client.
pub struct Client {
    pub replies: Replies,
    pub writer: OwnedWriteHalf,
}

/// What comes back to a client.
pub struct Replies(BufReader<OwnedReadHalf>);

impl Replies {
    /// The next reply; `None` when the connection has ended or was lost.
    pub async fn next_if_any(&mut self) -> Option<Value> {
        let mut line = String::new();
        self.0.read_line(&mut line).await.ok().filter(|bytes| *bytes > 0)?;
        assert!(line.ends_with('\n'), "the connection ended within {line:?}");
        Some(serde_json::from_str(&line).unwrap())
    }

    /// Everything up to the end of the connection, or to its loss.
    pub async fn rest(&mut self, bytes: &mut Vec<u8>) {
        self.0.read_to_end(bytes).await.ok();
    }

    /// The next reply.
    pub async fn next(&mut self) -> Value {
        self.next_if_any().await.expect("a reply")
    }
}

impl Client {
    pub fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        let (reader, writer) = stream.into_split();
        Self { replies: Replies(BufReader::new(reader)), writer }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.writer.write_all(bytes.as_ref()).await.unwrap();
    }

    /// The next reply.
    pub async fn reply(&mut self) -> Value {
        self.replies.next().await
    }

    /// Sends one line and returns its reply.
    pub async fn ask(&mut self, line: &str) -> Value {
        self.send(format!("{line}\n")).await;
        self.reply().await
    }

    /// Says that nothing more will be sent.
    pub async fn finish(&mut self) {
        self.writer.shutdown().await.unwrap();
    }

    /// Asserts that the server closes the connection without another word.
    pub async fn is_closed(&mut self) {
        let mut rest = Vec::new();
        self.replies.0.read_to_end(&mut rest).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&rest), "", "more was said");
    }
}

/// A line that deposits `amount` for `user`.
pub fn deposit(user: &str, amount: usize) -> String {
    format!("{{\"cmd\":\"deposit\",\"user\":\"{user}\",\"amount\":{amount}}}\n")
}
