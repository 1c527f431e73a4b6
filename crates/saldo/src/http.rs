//! Asks the server over HTTP what only that door tells: whether it may serve, and its metrics.
//!
//! **Invariant:** a body and a wait have a limit, and a token goes to this machine alone, because it
//! would be readable on the way.

use std::fs::File;
use std::io::{self, Read as _};
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use client::Address;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, HOST, HeaderValue, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::duration;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::setting::{Origin, Setting};
use crate::unanswered::cause_of_io;

/// Where HTTP is spoken when nobody says otherwise.
const DEFAULT: &str = "127.0.0.1:5080";

/// Most bytes of a body that are read.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Most bytes of a file with a token.
const TOKEN_BYTES_MAX: u64 = 4096;

/// The flags of the verbs that ask over HTTP.
#[derive(Debug, clap::Args)]
pub struct HttpArgs {
    /// Where the bank speaks HTTP [env: SALDO_HTTP] [default: 127.0.0.1:5080]
    #[arg(long, value_name = "HOST:PORT", help_heading = "Server")]
    http: Option<String>,
    /// Most time for one request, as in 5s, 500ms or 1m [env: SALDO_TIMEOUT] [default: 5s]
    #[arg(long, value_name = "TIME", help_heading = "Server")]
    timeout: Option<String>,
}

/// A server's HTTP door, how long to wait for it, and who asks.
#[derive(Clone, Debug)]
pub struct Http {
    address: Address,
    origin: Origin,
    timeout: Duration,
    /// `Bearer …`, marked as a secret.
    authorization: Option<HeaderValue>,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status of HTTP.
    pub status: u16,
    /// At most 1 MiB of text.
    pub body: String,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Unasked {
    /// Nobody answered, or not in time, or not in HTTP.
    Unreachable(String),
    /// The token would have been readable on the way.
    TokenInTheOpen,
}

impl HttpArgs {
    /// Settles on one server. Errors: the address or the time is none, or the token cannot be had.
    pub fn resolve(self) -> Result<Http, Failure> {
        let place = Setting::pick(("--http", self.http), "SALDO_HTTP", DEFAULT)?;
        if place.value.starts_with("https://") {
            return Err(place.refuse("TLS is not spoken here; give http://host:port"));
        }
        let bare = place.value.strip_prefix("http://").unwrap_or(&place.value);
        let address = Address::parse(bare.trim_end_matches('/')).map_err(|fault| {
            place.refuse(&fault.to_string()).hint("an address is host:port, as in 127.0.0.1:5080")
        })?;
        let time = Setting::pick(("--timeout", self.timeout), "SALDO_TIMEOUT", "5s")?;
        let timeout = duration::parse(&time.value).ok_or_else(|| time.refuse(duration::NEEDED))?;
        Ok(Http { address, origin: place.origin, timeout, authorization: authorization()? })
    }
}

impl Http {
    /// Asks for a page. Errors: nobody answered within the time that one request may take.
    pub async fn get(&self, path: &str) -> Result<Answer, Unasked> {
        match timeout(self.timeout, self.ask(path)).await {
            Ok(answer) => answer,
            Err(_) => {
                let within = duration::show(self.timeout);
                Err(Unasked::Unreachable(format!("no answer within {within}")))
            }
        }
    }

    /// Its address and who gave it, for a message.
    pub fn place(&self) -> String {
        format!("{} ({})", self.address, self.origin)
    }

    /// Its address.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The failure that there was no answer.
    pub fn unasked(&self, why: &Unasked) -> Failure {
        match why {
            Unasked::Unreachable(cause) => {
                let text = format!("no answer at {}: {cause}", self.place());
                Failure::new(Exit::NothingDone, "unreachable", text)
                    .retryable()
                    .hint("start it with `saldo serve`, or name another with --http host:port")
            }
            Unasked::TokenInTheOpen => {
                let text = format!("{} is another machine, and the way there open", self.place());
                Failure::new(Exit::Usage, "token_in_the_open", text)
                    .hint("ask on that machine itself, or through a tunnel to it")
            }
        }
    }

    async fn ask(&self, path: &str) -> Result<Answer, Unasked> {
        let not_spoken = |error: hyper::Error| {
            Unasked::Unreachable(format!("no HTTP: {}", error.to_string().to_lowercase()))
        };
        let stream = TcpStream::connect(self.address.as_str()).await.map_err(unreachable)?;
        let peer = stream.peer_addr().map_err(unreachable)?;
        if self.authorization.is_some() && !is_this_machine(peer.ip(), &stream) {
            return Err(Unasked::TokenInTheOpen);
        }
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(not_spoken)?;
        let asked = async {
            let response = sender.send_request(self.request(path)?).await.map_err(not_spoken)?;
            let status = response.status();
            let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect().await;
            let body = body.map_err(|error| Unasked::Unreachable(format!("no page: {error}")))?;
            let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
            Ok(Answer { status: status.as_u16(), body })
        };
        tokio::pin!(asked);
        // The connection moves the bytes; once it is over, the answer is there or never comes.
        tokio::select! {
            answer = &mut asked => return answer,
            _over = connection => {}
        }
        asked.await
    }

    fn request(&self, path: &str) -> Result<Request<Empty<Bytes>>, Unasked> {
        let mut request = Request::get(path)
            .header(HOST, self.address.as_str())
            .header(USER_AGENT, concat!("saldo/", env!("CARGO_PKG_VERSION")));
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        request
            .body(Empty::new())
            .map_err(|error| Unasked::Unreachable(format!("not to be asked: {error}")))
    }
}

impl Answer {
    /// Whether the page was given.
    pub fn is_given(&self) -> bool {
        self.status == StatusCode::OK.as_u16()
    }
}

fn unreachable(error: io::Error) -> Unasked {
    Unasked::Unreachable(cause_of_io(&error))
}

/// Whether what is sent stays on this machine: a loopback address, or one of its own.
fn is_this_machine(peer: IpAddr, stream: &TcpStream) -> bool {
    peer.is_loopback() || stream.local_addr().is_ok_and(|own| own.ip() == peer)
}

/// The token of `SALDO_TOKEN_FILE`, else of `SALDO_TOKEN`. Errors: the file may be read by others, or
/// what it holds is no token.
fn authorization() -> Result<Option<HeaderValue>, Failure> {
    let file = Setting::pick(("", None), "SALDO_TOKEN_FILE", "")?.value;
    let token = match file.as_str() {
        "" => Setting::pick(("", None), "SALDO_TOKEN", "")?.value,
        path => token_in(Path::new(path))
            .map_err(|why| no_token(format!("SALDO_TOKEN_FILE is {path:?}: {why}")))?,
    };
    let token = token.trim();
    if token.is_empty() {
        return Ok(None);
    }
    match HeaderValue::from_str(&format!("Bearer {token}")) {
        Ok(mut value) if token.bytes().all(|byte| byte.is_ascii_graphic()) => {
            value.set_sensitive(true);
            Ok(Some(value))
        }
        _ => Err(no_token("the token has characters that no token has".to_owned())),
    }
}

fn no_token(text: String) -> Failure {
    Failure::usage(text).hint("a file with the token alone, mode 0600: chmod 600 FILE")
}

/// What a file of a token holds. Errors: why it is not taken.
fn token_in(path: &Path) -> Result<String, String> {
    let mut file = File::open(path).map_err(|error| cause_of_io(&error))?;
    let mode = file.metadata().map_err(|error| cause_of_io(&error))?.mode();
    if mode & 0o077 != 0 {
        return Err(format!("others may read it (mode {:04o})", mode & 0o7777));
    }
    let mut token = String::new();
    file.by_ref()
        .take(TOKEN_BYTES_MAX)
        .read_to_string(&mut token)
        .map_err(|error| cause_of_io(&error))?;
    match token.trim() {
        "" => Err("it is empty".to_owned()),
        token => Ok(token.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn args(http: &str) -> HttpArgs {
        HttpArgs { http: Some(http.to_owned()), timeout: None }
    }

    #[test]
    fn an_address_may_say_http_and_not_https() {
        for text in ["127.0.0.1:5080", "http://127.0.0.1:5080", "http://127.0.0.1:5080/"] {
            let http = args(text).resolve().unwrap();
            assert_eq!(http.place(), "127.0.0.1:5080 (from --http)", "{text}");
        }
        let failure = args("https://bank:1").resolve().unwrap_err();
        assert!(failure.parts().2.contains("TLS is not spoken here"), "{failure:?}");
        let failure = args("bank").resolve().unwrap_err();
        assert_eq!(failure.parts().2, "--http \"bank\": it names no port");
    }

    #[test]
    fn a_token_is_taken_from_a_file_that_nobody_else_may_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "secret\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        assert_eq!(token_in(&path).unwrap_err(), "others may read it (mode 0640)");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert_eq!(token_in(&path).unwrap(), "secret");
        fs::write(&path, "\n").unwrap();
        assert_eq!(token_in(&path).unwrap_err(), "it is empty");
    }
}
