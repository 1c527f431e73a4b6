//! The stream under a connection: plain TCP, or TLS over it. Each kind is compiled into a client's
//! loop of its own, so that plain connections pay nothing for the other.

use std::future::Future;
use std::io::{self, Read as _};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

/// How long the end of a server waits for bytes of a TLS connection that may be on their way.
const RECEIVED: Duration = Duration::from_millis(20);

/// What the kernel had received.
pub(crate) struct Received<S> {
    pub(crate) stream: S,
    /// It has no more at the moment.
    pub(crate) is_empty: bool,
    /// The client sends nothing more.
    pub(crate) has_ended: bool,
}

/// What a client's loop needs of its stream.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Unpin + Send + Sized + 'static {
    /// Waits until a read would bring something. It may turn out to bring nothing all the same.
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Writes what can be written without waiting, and returns how much. Not for streams that keep
    /// bytes back: they return zero.
    fn write_now(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Appends what was received by now to `place`, up to its capacity, waiting for nothing more.
    fn received(
        self,
        place: &mut Vec<u8>,
    ) -> impl Future<Output = io::Result<Received<Self>>> + Send;

    /// From here on, closing forgets what the client did not take.
    fn forget(&self) -> io::Result<()>;
}

impl Wire for TcpStream {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_read_ready(cx)
    }

    fn write_now(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            written => written,
        }
    }

    async fn received(self, place: &mut Vec<u8>) -> io::Result<Received<Self>> {
        let room = place.capacity() - place.len();
        // The runtime hears of new bytes later than the kernel does, so the kernel is asked.
        let socket = self.into_std()?;
        let limit = u64::try_from(room).unwrap_or(u64::MAX);
        let (is_empty, has_ended) = match (&socket).take(limit).read_to_end(place) {
            Ok(read) => (read < room, read < room),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => (true, false),
            Err(error) => return Err(error),
        };
        Ok(Received { stream: Self::from_std(socket)?, is_empty, has_ended })
    }

    fn forget(&self) -> io::Result<()> {
        self.set_zero_linger()
    }
}

impl Wire for TlsStream<TcpStream> {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (tcp, session) = self.get_mut();
        let state = session.process_new_packets().map_err(io::Error::other)?;
        if state.plaintext_bytes_to_read() > 0 || state.peer_has_closed() {
            return Poll::Ready(Ok(()));
        }
        tcp.poll_read_ready(cx)
    }

    fn write_now(&mut self, _: &[u8]) -> io::Result<usize> {
        Ok(0)
    }

    async fn received(mut self, place: &mut Vec<u8>) -> io::Result<Received<Self>> {
        let read = timeout(RECEIVED, self.read_buf(place)).await;
        let (is_empty, has_ended) = match read {
            Ok(Ok(0)) => (true, true),
            Ok(Ok(_)) => (false, false),
            Ok(Err(error)) => return Err(error),
            Err(_) => (true, false),
        };
        Ok(Received { stream: self, is_empty, has_ended })
    }

    fn forget(&self) -> io::Result<()> {
        self.get_ref().0.set_zero_linger()
    }
}
