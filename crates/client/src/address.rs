//! Where a server listens, as people write it.

use std::fmt;

use thiserror::Error;

/// How an address begins whose server speaks TLS.
const TLS: &str = "saldos://";

/// `host:port`, or `saldos://host:port` for a server that speaks TLS: a name or an address, and a port from 1 to 65535. Version 6 addresses stand in
/// brackets: `[::1]:5000`. Names are looked up when a connection is opened, not here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// `host:port`.
    place: String,
    is_tls: bool,
}

/// Why a text is not the address of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AddressFault {
    /// There is no `:port` at its end.
    #[error("it names no port")]
    NoPort,
    /// What follows the last colon is no number from 1 to 65535.
    #[error("its port is no number from 1 to 65535")]
    BadPort,
    /// Nothing stands before the port.
    #[error("it names no host")]
    NoHost,
    /// A version 6 address without its brackets: where it ends and the port begins is a guess.
    #[error("a version 6 address stands in brackets, as in [::1]:5000")]
    NoBrackets,
}

impl Address {
    /// Reads `host:port` or `saldos://host:port`. Errors, in the order tried: `NoPort`, `NoHost`, `NoBrackets`, `BadPort`.
    pub fn parse(text: &str) -> Result<Self, AddressFault> {
        let (text, is_tls) = match text.strip_prefix(TLS) {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let (host, port) = text.rsplit_once(':').ok_or(AddressFault::NoPort)?;
        if host.is_empty() {
            return Err(AddressFault::NoHost);
        }
        if host.contains(':') && !(host.starts_with('[') && host.ends_with(']')) {
            return Err(AddressFault::NoBrackets);
        }
        let digits_only = port.bytes().all(|byte| byte.is_ascii_digit());
        match port.parse::<u16>() {
            Ok(1..) if digits_only => Ok(Self { place: text.to_owned(), is_tls }),
            Ok(_) | Err(_) => Err(AddressFault::BadPort),
        }
    }

    /// `host:port`.
    pub fn as_str(&self) -> &str {
        &self.place
    }

    /// The host, without the brackets of version 6.
    pub fn host(&self) -> &str {
        let host = self.place.rsplit_once(':').map_or(self.as_str(), |(host, _)| host);
        host.trim_start_matches('[').trim_end_matches(']')
    }

    /// Whether the server there speaks TLS.
    pub const fn is_tls(&self) -> bool {
        self.is_tls
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_tls { TLS } else { "" })?;
        f.write_str(&self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for text in ["127.0.0.1:5000", "localhost:1", "bank.example:65535", "[::1]:5000"] {
            assert_eq!(Address::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn an_address_says_whether_tls_is_spoken_there() {
        let address = Address::parse("saldos://bank.example:5000").unwrap();
        assert_eq!((address.as_str(), address.host()), ("bank.example:5000", "bank.example"));
        assert!(address.is_tls() && address.to_string() == "saldos://bank.example:5000");
        let address = Address::parse("[::1]:5000").unwrap();
        assert_eq!((address.is_tls(), address.host()), (false, "::1"));
        assert_eq!(Address::parse("saldos://"), Err(AddressFault::NoPort));
    }

    #[test]
    fn what_is_wrong_with_an_address_is_named() {
        assert_eq!(Address::parse("localhost"), Err(AddressFault::NoPort));
        assert_eq!(Address::parse(""), Err(AddressFault::NoPort));
        assert_eq!(Address::parse(":5000"), Err(AddressFault::NoHost));
        assert_eq!(Address::parse("::1:5000"), Err(AddressFault::NoBrackets));
        for text in ["a:", "a:0", "a:65536", "a:http", "a:+80"] {
            assert_eq!(Address::parse(text), Err(AddressFault::BadPort), "{text}");
        }
    }
}
