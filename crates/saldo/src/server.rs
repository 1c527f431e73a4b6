//! Which bank a verb talks to, and how long it waits for it.

use std::time::Duration;

use client::{Address, Client, Route};

use crate::duration;
use crate::failure::Failure;
use crate::pass::Pass;
use crate::setting::{Origin, Setting};
use crate::shell::Command;

/// Where clients connect when nobody says otherwise.
pub const DEFAULT: &str = "127.0.0.1:5000";

/// Most time for one request when nobody says otherwise.
pub const TIMEOUT: &str = "5s";

/// The flags of every verb that talks to a server.
#[derive(Debug, clap::Args)]
pub struct ServerArgs {
    /// Where the bank is, saldos://… by TLS [env: SALDO_SERVER] [default: 127.0.0.1:5000]
    #[arg(long, value_name = "HOST:PORT", help_heading = "Server")]
    server: Option<String>,
    /// Most time for one request, as in 5s, 500ms or 1m [env: SALDO_TIMEOUT] [default: 5s]
    #[arg(long, value_name = "TIME", help_heading = "Server")]
    timeout: Option<String>,
}

/// A server and how long to wait for it.
#[derive(Debug)]
pub struct Server {
    /// Where it is.
    pub address: Address,
    /// Who said so.
    pub origin: Origin,
    /// Most time for one request, its repetitions included.
    pub timeout: Duration,
    /// What is shown to it.
    pub pass: Pass,
}

impl ServerArgs {
    /// Settles on one server. Errors: the address is none, the time is none.
    pub fn resolve(self) -> Result<Server, Failure> {
        let place = Setting::pick(("--server", self.server), "SALDO_SERVER", DEFAULT)?;
        let address = Address::parse(&place.value).map_err(|fault| {
            place.refuse(&fault.to_string()).hint("an address is host:port, as in 127.0.0.1:5000")
        })?;
        let time = Setting::pick(("--timeout", self.timeout), "SALDO_TIMEOUT", TIMEOUT)?;
        let timeout = duration::parse(&time.value).ok_or_else(|| time.refuse(duration::NEEDED))?;
        let pass = Pass::of_environment(address.is_tls())?;
        Ok(Server { address, origin: place.origin, timeout, pass })
    }
}

impl Server {
    /// A client of it; nothing is sent yet.
    pub fn client(&self) -> Client {
        Client::new(self.route(), self.timeout)
    }

    /// How it is reached.
    pub fn route(&self) -> Route {
        let Pass { token, tls } = self.pass.clone();
        Route { address: self.address.clone(), token, tls }
    }

    /// The same command for the same server: where a flag named it, or the file that does, the
    /// command has to as well.
    pub fn aim(&self, command: Command) -> Command {
        match self.origin {
            Origin::Flag(flag) => command.option(flag, self.address.to_string()),
            Origin::File(place) if place.is_by_flag => {
                command.option("--server", self.address.to_string())
            }
            Origin::Variable(_) | Origin::File(_) | Origin::Default => command,
        }
    }

    /// Its address and who gave it, for a message.
    pub fn place(&self) -> String {
        format!("{} ({})", self.address, self.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(server: &str, timeout: &str) -> ServerArgs {
        ServerArgs { server: Some(server.to_owned()), timeout: Some(timeout.to_owned()) }
    }

    #[test]
    fn a_bad_address_and_a_bad_time_are_named_with_what_is_needed() {
        let failure = args("localhost", "5s").resolve().unwrap_err();
        assert_eq!(
            failure.parts(),
            (
                2,
                "usage",
                "--server \"localhost\": it names no port",
                Some("an address is host:port, as in 127.0.0.1:5000")
            )
        );
        let failure = args("localhost:1", "5").resolve().unwrap_err();
        assert!(failure.parts().2.starts_with("--timeout \"5\": give a whole number and a unit"));
    }

    #[test]
    fn a_command_for_the_same_server_names_it_only_where_a_flag_did() {
        let command = || Command::new("balance", ["alice"]);
        let server = args("bank:1", "5s").resolve().unwrap();
        assert_eq!(server.aim(command()).line(), "saldo balance alice --server bank:1");
        assert_eq!(server.place(), "bank:1 (from --server)");
        let server = Server { origin: Origin::Default, ..server };
        assert_eq!(server.aim(command()).line(), "saldo balance alice");
        assert_eq!(server.place(), "bank:1 (the default)");
    }
}
