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

/// What a door is guarded by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guarded {
    /// Whoever comes must show who they are.
    pub by_access: bool,
    /// Nobody on the way can listen.
    pub by_tls: bool,
}

/// Resolves HOST:PORT, the value of `flag`, to the addresses to try. An address beyond this machine
/// needs both guards: without them whoever reached the port could move everybody's money, or take the
/// token of one who may.
pub fn resolve(flag: &str, listen: &str, guarded: Guarded) -> Result<Vec<SocketAddr>, Failure> {
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
    let beyond = addresses.iter().find(|address| !address.ip().to_canonical().is_loopback());
    let Some(address) = beyond else { return Ok(addresses) };
    let (lacks, hint) = match guarded {
        Guarded { by_access: true, by_tls: true } => return Ok(addresses),
        Guarded { by_access: false, by_tls: true } => (
            "no access control: anybody could move money",
            "saldo token new makes an access file; name it with --access FILE",
        ),
        Guarded { by_access: true, by_tls: false } => (
            "no TLS: anybody on the way could take a token",
            "give --tls-cert FILE and --tls-key FILE; saldo tls init makes them for trials",
        ),
        Guarded { by_access: false, by_tls: false } => (
            "no access control and no TLS",
            "listen on 127.0.0.1, or give --access FILE (saldo token new), --tls-cert FILE and --tls-key FILE (saldo tls init)",
        ),
    };
    let text = format!("{flag} {address} can be reached from other machines, and there is {lacks}");
    Err(Failure::new(Exit::UnsafeBind, "unsafe_bind", text).hint(hint))
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

    const OPEN: Guarded = Guarded { by_access: false, by_tls: false };

    #[test]
    fn beyond_this_machine_a_door_needs_both_guards_and_on_it_none() {
        let exit = |listen: &str, guarded| match resolve("--listen", listen, guarded) {
            Ok(_) => 0,
            Err(failure) => failure.parts().0,
        };
        for (by_access, by_tls) in [(false, false), (false, true), (true, false), (true, true)] {
            let guarded = Guarded { by_access, by_tls };
            for near in [
                "127.0.0.1:5000",
                "127.0.0.9:0",
                "[::1]:5000",
                "[::ffff:127.0.0.1]:1",
                "localhost:5000",
            ] {
                assert_eq!(exit(near, guarded), 0, "{near} {guarded:?}");
            }
            let expected = if by_access && by_tls { 0 } else { 73 };
            for far in [
                "0.0.0.0:5000",
                "[::]:5000",
                "10.0.0.1:5000",
                "192.168.1.2:5000",
                "[::ffff:10.0.0.1]:1",
            ] {
                assert_eq!(exit(far, guarded), expected, "{far} {guarded:?}");
            }
        }
    }

    #[test]
    fn what_a_door_lacks_is_named_with_what_gives_it() {
        let told = |by_access, by_tls| {
            let failure =
                resolve("--http", "10.0.0.1:1", Guarded { by_access, by_tls }).unwrap_err();
            let (_, _, text, hint) = failure.parts();
            format!("{text} | {}", hint.unwrap_or_default())
        };
        assert!(told(true, false).contains("no TLS") && told(true, false).contains("--tls-cert"));
        assert!(told(false, true).contains("no access") && told(false, true).contains("--access"));
        let both = told(false, false);
        assert!(
            both.contains("--access") && both.contains("--tls-cert") && both.contains("--http 10")
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for none in ["", "5000", "127.0.0.1", "127.0.0.1:70000", "127.0.0.1:x"] {
            assert_eq!(resolve("--listen", none, OPEN).unwrap_err().parts().0, 2, "{none}");
        }
    }
}
