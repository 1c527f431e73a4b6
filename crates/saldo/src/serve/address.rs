//! The address to listen on, and why another one is refused.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use crate::exit_code::Exit;
use crate::failure::Failure;

/// Where to listen.
pub struct Addresses {
    /// For clients that send lines: the first that can be bound.
    pub lines: Vec<SocketAddr>,
    /// For HTTP; `None`: it is not served.
    pub http: Option<Vec<SocketAddr>>,
}

/// Resolves HOST:PORT, the value of `flag`, to the addresses to try. An address beyond this machine is refused: there is
/// no access control yet, so whoever reached the port could move everybody's money.
pub fn resolve(flag: &str, listen: &str) -> Result<Vec<SocketAddr>, Failure> {
    let addresses: Vec<SocketAddr> = listen
        .to_socket_addrs()
        .map_err(|error| {
            Failure::usage(format!("{flag} {listen:?}: {error}"))
                .hint("give a host and a port, such as 127.0.0.1:5000")
        })?
        .collect();
    if addresses.is_empty() {
        return Err(Failure::usage(format!("{flag} {listen:?} names no address")));
    }
    match addresses.iter().find(|address| !address.ip().is_loopback()) {
        None => Ok(addresses),
        Some(address) => Err(Failure::new(
            Exit::UnsafeBind,
            "unsafe_bind",
            format!("{address} can be reached from other machines, and this version has no access control"),
        )
        .hint("listen on 127.0.0.1:5000, and reach it from elsewhere through ssh -L or a proxy that knows who may")),
    }
}

/// The address could not be bound.
pub fn not_bound(flag: &str, listen: &str, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::AddrInUse {
        return Failure::new(
            Exit::Usage,
            "address_in_use",
            format!("{listen} is taken by another program"),
        )
        .hint(format!(
            "stop it, or give another address: saldo serve {flag} 127.0.0.1:0 picks a free port"
        ));
    }
    Failure::new(
        Exit::Usage,
        "address_not_bound",
        format!("{listen} cannot be listened on: {error}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_safe_and_nothing_else_is() {
        for safe in ["127.0.0.1:5000", "127.0.0.9:0", "[::1]:5000", "localhost:5000"] {
            assert!(resolve("--listen", safe).is_ok(), "{safe}");
        }
        for unsafe_one in ["0.0.0.0:5000", "[::]:5000", "10.0.0.1:5000", "192.168.1.2:5000"] {
            assert_eq!(resolve("--http", unsafe_one).unwrap_err().parts().0, 73, "{unsafe_one}");
        }
        for none in ["", "5000", "127.0.0.1", "127.0.0.1:70000", "127.0.0.1:x"] {
            assert_eq!(resolve("--listen", none).unwrap_err().parts().0, 2, "{none}");
        }
    }
}
