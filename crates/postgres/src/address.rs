//! Where the database is, and how its hosts are spoken to.
//!
//! **Invariant:** a host that is not this machine is spoken to under a verified certificate, unless
//! the address says `sslmode=disable`.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use rustls::ClientConfig;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::error::AddressError;
use crate::passfile;
use crate::secure::{self, Files};

/// Where the database is: one or more hosts, of which one is the primary.
#[derive(Clone)]
pub struct Address {
    config: Config,
    /// A file of passwords, one of which may be for these hosts.
    passfile: Option<PathBuf>,
    secrecy: Secrecy,
}

/// To whom a connection is kept secret.
#[derive(Clone)]
enum Secrecy {
    /// Nobody: the network is trusted.
    None,
    /// Hosts other than this machine, or all of them.
    Verified { tls: Arc<ClientConfig>, here_too: bool },
}

/// One host, ready to be connected to.
pub(crate) struct Place {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// What the connection is made with, the password apart.
    pub(crate) config: Config,
    /// With what certificates the host has to prove itself; `None` for a plain connection.
    pub(crate) tls: Option<Arc<ClientConfig>>,
    passfile: Option<PathBuf>,
}

impl Address {
    /// Reads `postgres://user@host:port,host:port/database?name=value&…`.
    ///
    /// Besides the driver's own names: `sslmode` (`verify-full` or `disable`; without it, hosts
    /// other than this machine are verified), `sslrootcert` (a file of the authorities that are
    /// believed, instead of the system's), `sslcert` and `sslkey` (files with what this side proves
    /// itself with), and `passfile` (passwords in the form of libpq's `.pgpass`).
    ///
    /// Errors: it is none, a name has a value that is not offered, or a file cannot be used.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (place, options) = text.split_once('?').unwrap_or((text, ""));
        let (mut mode, mut passfile, mut files) = (None, None, Files::default());
        let mut rest = Vec::new();
        for option in options.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            let value = percent_decode_str(value).decode_utf8_lossy();
            match name {
                "sslmode" => mode = Some(value.into_owned()),
                "sslrootcert" => files.authorities = Some(value.into_owned().into()),
                "sslcert" => files.certificate = Some(value.into_owned().into()),
                "sslkey" => files.key = Some(value.into_owned().into()),
                "passfile" => passfile = Some(PathBuf::from(value.into_owned())),
                _ => rest.push(option),
            }
        }
        let driver = match &rest[..] {
            [] => place.to_owned(),
            rest => format!("{place}?{}", rest.join("&")),
        };
        let mut config: Config = driver.parse().map_err(AddressError::Syntax)?;
        let hosts = tcp_hosts(&config)?;
        let here_too = match mode.as_deref() {
            None => Some(false),
            Some("verify-full") => Some(true),
            Some("disable") => None,
            Some(other) => return Err(AddressError::SslMode { found: other.to_owned() }),
        };
        let secrecy = match here_too {
            Some(here_too) if here_too || !hosts.iter().all(|(host, _)| is_here(host)) => {
                Secrecy::Verified { tls: secure::config(&files)?, here_too }
            }
            _ if files.is_empty() => Secrecy::None,
            _ => return Err(AddressError::FilesUnused),
        };
        if let Some(file) = &passfile {
            if config.get_password().is_some() {
                return Err(AddressError::TwoPasswords);
            }
            passfile::check(file)?;
        }
        config.ssl_mode(SslMode::Disable);
        Ok(Self { config, passfile, secrecy })
    }

    /// The same hosts, and another database of theirs.
    pub fn with_database(&self, name: &str) -> Self {
        let mut other = self.clone();
        other.config.dbname(name);
        other
    }

    /// The hosts in their order, each as it is connected to.
    pub(crate) fn places(&self) -> Vec<Place> {
        let hosts = tcp_hosts(&self.config).unwrap_or_default();
        let place = |(host, port): (String, u16)| {
            let tls = match &self.secrecy {
                Secrecy::Verified { tls, here_too } if *here_too || !is_here(&host) => {
                    Some(Arc::clone(tls))
                }
                Secrecy::Verified { .. } | Secrecy::None => None,
            };
            let mut config = self.config.clone();
            config.ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable });
            Place { host, port, config, tls, passfile: self.passfile.clone() }
        };
        hosts.into_iter().map(place).collect()
    }

    /// Whether a password stands in the address itself, where other users of the machine may see it.
    pub fn shows_a_password(&self) -> bool {
        self.config.get_password().is_some()
    }
}

impl Place {
    /// The same with its password, which is read for each connection: it may have been changed.
    /// Blocks while it reads a file.
    pub(crate) fn with_password(mut self) -> Result<Self, AddressError> {
        if let Some(file) = &self.passfile {
            let user = self.config.get_user().unwrap_or_default().to_owned();
            let database = self.config.get_dbname().unwrap_or(&user).to_owned();
            let found =
                passfile::look_up(file, [&self.host, &self.port.to_string(), &database, &user]);
            if let Some(password) = found? {
                self.config.password(password);
            }
        }
        Ok(self)
    }
}

/// Hosts, ports and the database's name; never a password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = tcp_hosts(&self.config).unwrap_or_default();
        let hosts: Vec<String> =
            hosts.iter().map(|(host, port)| format!("{host}:{port}")).collect();
        let name = self.config.get_dbname().or(self.config.get_user()).unwrap_or_default();
        write!(f, "postgres://{}/{name}", hosts.join(","))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn tcp_hosts(config: &Config) -> Result<Vec<(String, u16)>, AddressError> {
    let ports = config.get_ports();
    let port = |n: usize| ports.get(n).or(ports.first()).copied().unwrap_or(5432);
    let hosts = config.get_hosts().iter().enumerate().map(|(n, host)| match host {
        Host::Tcp(name) => Ok((name.clone(), port(n))),
        #[cfg(unix)]
        Host::Unix(_) => Err(AddressError::Socket),
    });
    let hosts: Vec<_> = hosts.collect::<Result<_, _>>()?;
    if hosts.is_empty() { Err(AddressError::NoHost) } else { Ok(hosts) }
}

/// Whether a host is this machine.
fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret_hosts(text: &str) -> Vec<bool> {
        let address = Address::parse(text).unwrap();
        address.places().iter().map(|place| place.tls.is_some()).collect()
    }

    #[test]
    fn other_machines_are_verified_and_this_one_need_not_be() {
        let authority = tempfile::NamedTempFile::new().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["db1".into()]).unwrap();
        std::fs::write(authority.path(), made.cert.pem()).unwrap();
        let file = authority.path().display();
        assert_eq!(secret_hosts("postgres://u@127.0.0.1,localhost,[::1]/b"), [false; 3]);
        assert_eq!(secret_hosts("postgres://u@127.0.0.1/b?sslmode=disable"), [false]);
        assert_eq!(secret_hosts("postgres://u@db1,db2/b?sslmode=disable"), [false; 2]);
        let some = format!("postgres://u@db1,127.0.0.1/b?sslrootcert={file}");
        assert_eq!(secret_hosts(&some), [true, false]);
        assert_eq!(secret_hosts(&format!("{some}&sslmode=verify-full")), [true; 2]);
    }

    #[test]
    fn what_verifies_less_than_it_seems_to_is_refused_by_name() {
        for mode in ["require", "prefer", "allow", "verify-ca", ""] {
            let found = Address::parse(&format!("postgres://u@db1/b?sslmode={mode}"));
            assert!(matches!(found, Err(AddressError::SslMode { .. })), "{mode}: {found:?}");
        }
    }

    #[test]
    fn an_address_that_means_nothing_is_refused() {
        for text in ["postgres://u@db1/b?no=name", "postgres://u@db1:x/b", "nonsense"] {
            assert!(matches!(Address::parse(text), Err(AddressError::Syntax(_))), "{text}");
        }
        let found = Address::parse("postgres://u@%2Ftmp/b");
        assert!(matches!(found, Err(AddressError::Socket)), "{found:?}");
        let found = Address::parse("postgres:///b");
        assert!(matches!(found, Err(AddressError::NoHost)), "{found:?}");
        let found = Address::parse("postgres://u@127.0.0.1/b?sslrootcert=/nowhere");
        assert!(matches!(found, Err(AddressError::FilesUnused)), "{found:?}");
        let found = Address::parse("postgres://u@db1/b?sslrootcert=/nowhere");
        assert!(matches!(found, Err(AddressError::File { .. })), "{found:?}");
    }

    #[test]
    fn a_password_is_never_shown() {
        let address = Address::parse("postgres://u:secret@127.0.0.1:1,127.0.0.1/b").unwrap();
        assert_eq!(address.to_string(), "postgres://127.0.0.1:1,127.0.0.1:5432/b");
        assert!(!format!("{address:?}").contains("secret"));
        assert!(address.shows_a_password());
    }
}
