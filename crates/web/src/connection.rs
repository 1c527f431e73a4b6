//! A connection of the door: counted, so that there are never too many, and cut when its client does not
//! take what it is sent.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep, timeout};

use crate::state::{Connected, State};

/// What one connection too many is told. In full, because nothing of HTTP runs for it.
const TOO_MANY: &str = "HTTP/1.1 503 Service Unavailable\r\n\
    content-type: application/problem+json\r\nretry-after: 1\r\ncache-control: no-store\r\n\
    connection: close\r\n";

/// How long one connection too many is listened to, so that its client can read why it is closed.
const LINGER: Duration = Duration::from_millis(500);

/// Most bytes that are read and forgotten then.
const LINGER_BYTES_MAX: u64 = 64 << 10;

/// Most connections too many that are told so at the same time; others are closed without a word.
const LINGERING_MAX: usize = 64;

/// Takes connections as long as there is room.
#[derive(Clone)]
pub(crate) struct Reception {
    state: State,
    lingering: std::sync::Arc<tokio::sync::Semaphore>,
}

impl Reception {
    pub(crate) fn new(state: State) -> Self {
        let lingering = std::sync::Arc::new(tokio::sync::Semaphore::new(LINGERING_MAX));
        Self { state, lingering }
    }

    async fn receive(self, mut stream: TcpStream) -> io::Result<Stream> {
        stream.set_nodelay(true)?;
        if let Some(connected) = self.state.connection() {
            let write_timeout = self.state.options().write_timeout;
            return Ok(Stream { stream, write_timeout, stuck: None, _connected: connected });
        }
        if let Ok(_permit) = self.lingering.try_acquire() {
            // Whether it was heard or not, the connection is closed.
            drop(timeout(LINGER, self.turn_away(&mut stream)).await);
        }
        Err(io::Error::other("too many connections"))
    }

    async fn turn_away(&self, stream: &mut TcpStream) -> io::Result<()> {
        let most = self.state.options().connections_max;
        let as_of = self.state.engine().seq_durable();
        let body = format!(
            "{{\"type\":\"/problems/overloaded\",\"title\":\"No room\",\"status\":503,\
             \"detail\":\"too many connections, the limit is {most}\",\"code\":\"overloaded\",\
             \"retryable\":true,\"as_of\":{as_of}}}"
        );
        let answer = format!("{TOO_MANY}content-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        // Closing over unread bytes would reset the connection, and the word with it.
        tokio::io::copy(&mut stream.take(LINGER_BYTES_MAX), &mut tokio::io::sink()).await?;
        Ok(())
    }
}

impl<S: Send + 'static> Accept<TcpStream, S> for Reception {
    type Stream = Stream;
    type Service = S;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Stream, S)>> + Send>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let reception = self.clone();
        Box::pin(async move { Ok((reception.receive(stream).await?, service)) })
    }
}

/// A connection that counts as long as it lives, and fails when nothing of a write is taken for too
/// long.
pub(crate) struct Stream {
    stream: TcpStream,
    write_timeout: Duration,
    /// Runs while the client takes nothing.
    stuck: Option<Pin<Box<Sleep>>>,
    _connected: Connected,
}

impl Stream {
    /// Looks at the clock where a write waits.
    fn watched<T>(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.stuck = None;
            return polled;
        }
        let wait = self.write_timeout;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(wait)));
        match stuck.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watched(cx, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.watched(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
