//! A connection for programs that wait for many at once by themselves: the bare bytes, behind the
//! log-in.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustls::{ClientConnection, StreamOwned};

use crate::error::Fault;
use crate::reply;
use crate::request;
use crate::route::Route;

/// Most bytes of the answer to a log-in.
const ANSWER_BYTES_MAX: usize = 4 << 10;

/// An open connection whose server knows who asks. Reading and writing do not block: they fail with
/// `WouldBlock`, and so does flushing what TLS holds back.
#[derive(Debug)]
pub enum Pipe {
    /// In the clear.
    Plain(TcpStream),
    /// Behind TLS.
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Pipe {
    /// Connects, shakes hands and logs in; blocks meanwhile, each step for `patience` at most.
    /// Errors: `Io`, `NotLetIn`, `TokenInTheClear`, `NoTls`, `Closed`.
    pub fn open(route: &Route, patience: Duration) -> Result<Self, Fault> {
        let stream = connect(route, patience)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        let is_near = stream.peer_addr()?.ip().to_canonical().is_loopback();
        let token = route.token_for(is_near)?;
        let mut pipe = match route.tls()? {
            None => Self::Plain(stream),
            Some((tls, name)) => {
                let session = ClientConnection::new(tls.0.clone(), name);
                let session = session.map_err(io::Error::other)?;
                let mut stream = StreamOwned::new(session, stream);
                stream.conn.complete_io(&mut stream.sock)?;
                Self::Tls(Box::new(stream))
            }
        };
        if let Some(token) = token {
            let mut line = Vec::new();
            request::auth(&mut line, token);
            pipe.write_all(&line)?;
            pipe.flush()?;
            reply::let_in(pipe.answer()?)?;
        }
        let stream = pipe.stream();
        stream.set_read_timeout(None)?;
        stream.set_write_timeout(None)?;
        stream.set_nonblocking(true)?;
        Ok(pipe)
    }

    fn answer(&mut self) -> Result<Vec<u8>, Fault> {
        let (mut answer, mut byte) = (Vec::new(), [0]);
        loop {
            match self.read(&mut byte)? {
                0 => return Err(Fault::Closed),
                _ if byte == *b"\n" => return Ok(answer),
                _ if answer.len() == ANSWER_BYTES_MAX => return Err(Fault::ReplyTooLong),
                _ => answer.extend_from_slice(&byte),
            }
        }
    }

    fn stream(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => &stream.sock,
        }
    }
}

/// Tries every address that the host's name has.
fn connect(route: &Route, patience: Duration) -> Result<TcpStream, Fault> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in route.address.as_str().to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, patience) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last.into())
}

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(into),
            Self::Tls(stream) => stream.read(into),
        }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

impl AsFd for Pipe {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream().as_fd()
    }
}
