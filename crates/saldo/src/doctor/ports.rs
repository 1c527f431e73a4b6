//! Whether an address is free, or already answers as a server of ours.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use super::Finding;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Most bytes of an answer that are read.
const ANSWER_BYTES: usize = 256;

/// Looks at one address.
pub fn examine(item: &'static str, address: &str) -> Finding {
    let resolved = address.to_socket_addrs().ok().and_then(|mut found| found.next());
    let Some(resolved) = resolved else {
        let advice = "give a host and a port, such as 127.0.0.1:5000";
        return Finding::fail(item, format!("{address:?} names no address"), advice);
    };
    match TcpListener::bind(resolved) {
        Ok(_) => Finding::ok(item, format!("{address} is free")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => taken(item, address, resolved),
        Err(error) => {
            let advice = "give an address of this machine, with a port that this user may open";
            Finding::fail(item, format!("{address}: {error}"), advice)
        }
    }
}

fn taken(item: &'static str, address: &str, resolved: SocketAddr) -> Finding {
    let (question, answers): (_, fn(&str) -> bool) = match item {
        "http" => ("GET /healthz HTTP/1.0\r\n\r\n", |answer| answer.starts_with("HTTP/1.")),
        // Every server of ours refuses it, in its own words.
        _ => ("{\"cmd\":\"doctor\"}\n", |answer| answer.starts_with("{\"ok\":false,")),
    };
    match ask(resolved, question) {
        Ok(answer) if answers(&answer) => Finding::ok(item, format!("{address}: a server answers")),
        Ok(_) | Err(_) => Finding::fail(
            item,
            format!("{address} is taken by another program"),
            "stop that program, or give another address",
        ),
    }
}

fn ask(address: SocketAddr, question: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(question.as_bytes())?;
    let mut answer = vec![0; ANSWER_BYTES];
    let count = stream.read(&mut answer)?;
    answer.truncate(count);
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn an_address_is_free_or_another_programs() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = other.local_addr().unwrap().to_string();
        let answering = std::thread::spawn(move || {
            let (mut stream, _) = other.accept().unwrap();
            stream.write_all(b"220 mail\r\n").unwrap();
        });
        let found = examine("clients", &address);
        answering.join().unwrap();
        assert_eq!(found.state, State::Fail, "{found:?}");
        assert_eq!(examine("clients", &address).state, State::Ok);
        assert_eq!(examine("clients", "nowhere").state, State::Fail);
    }
}
