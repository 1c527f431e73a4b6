//! How a server is reached: where it is, what is shown to it, what it must show.

use std::fmt;
use std::io;
use std::sync::Arc;

use protocol::Token;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;

use crate::address::Address;
use crate::error::Fault;

/// A server, and how to be let in there.
#[derive(Clone, Debug)]
pub struct Route {
    /// Where it is.
    pub address: Address,
    /// What says who asks, where the server wants to know.
    pub token: Option<Token<'static>>,
    /// Whom to believe; needed where the server speaks TLS.
    pub tls: Option<ClientTls>,
}

/// Whose certificates are believed, and the one that is shown.
#[derive(Clone)]
pub struct ClientTls(pub(crate) Arc<ClientConfig>);

/// Why certificates are of no use.
#[derive(Debug, Error)]
pub enum TlsFault {
    /// It is no PEM, or nothing of the kind is in it.
    #[error("no certificate or key in PEM: {0}")]
    Pem(#[from] pem::Error),
    /// The certificate is none, or the key belongs to another one.
    #[error("{0}")]
    Unfit(#[from] rustls::Error),
    /// The system keeps no authorities.
    #[error("this system has no list of authorities: name one")]
    NoAuthorities,
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientTls(…)")
    }
}

impl From<Address> for Route {
    fn from(address: Address) -> Self {
        Self { address, token: None, tls: None }
    }
}

impl Route {
    /// The TLS to speak; `None`: none. Errors: the server speaks it, and nothing is set up.
    pub(crate) fn tls(&self) -> Result<Option<(&ClientTls, ServerName<'static>)>, Fault> {
        if !self.address.is_tls() {
            return Ok(None);
        }
        let tls = self.tls.as_ref().ok_or(Fault::NoTls)?;
        let name = ServerName::try_from(self.address.host().to_owned())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        Ok(Some((tls, name)))
    }

    /// The token to show over a connection to `is_near`, this machine, or another one. Errors: it would
    /// go there in the clear.
    pub(crate) fn token_for(&self, is_near: bool) -> Result<Option<&Token<'static>>, Fault> {
        match &self.token {
            Some(_) if !is_near && !self.address.is_tls() => Err(Fault::TokenInTheClear),
            token => Ok(token.as_ref()),
        }
    }
}

impl ClientTls {
    /// Believes the authorities in `ca`, in PEM, and without one those of the system. `pair`: the
    /// certificate that is shown to a server that asks, and its key, both in PEM.
    pub fn new(ca: Option<&[u8]>, pair: Option<(&[u8], &[u8])>) -> Result<Self, TlsFault> {
        let mut roots = RootCertStore::empty();
        match ca {
            Some(pem) => {
                for root in CertificateDer::pem_slice_iter(pem) {
                    roots.add(root?)?;
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        if roots.is_empty() {
            return Err(match ca {
                Some(_) => pem::Error::NoItemsFound.into(),
                None => TlsFault::NoAuthorities,
            });
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let config = match pair {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain =
                    CertificateDer::pem_slice_iter(certificate).collect::<Result<_, _>>()?;
                builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key)?)?
            }
        };
        Ok(Self(Arc::new(config)))
    }
}
