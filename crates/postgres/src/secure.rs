//! TLS to the database: whose certificates are believed, and what this side proves itself with.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::error::AddressError;
use crate::passfile::is_open_to_others;

/// The files that an address names, each in PEM.
#[derive(Default)]
pub(crate) struct Files {
    /// Certificates of authorities; the system's when there is none.
    pub(crate) authorities: Option<PathBuf>,
    /// The certificate of this side, with those between it and an authority.
    pub(crate) certificate: Option<PathBuf>,
    /// Its private key.
    pub(crate) key: Option<PathBuf>,
}

impl Files {
    pub(crate) fn is_empty(&self) -> bool {
        self.authorities.is_none() && self.certificate.is_none() && self.key.is_none()
    }
}

/// How to connect: TLS 1.2 or 1.3, the host's certificate held against its name.
pub(crate) fn config(files: &Files) -> Result<Arc<ClientConfig>, AddressError> {
    let mut roots = RootCertStore::empty();
    let trusted = match &files.authorities {
        Some(file) => certificates(file)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    // One that cannot be read is believed by nobody; the others still are.
    let (believed, _) = roots.add_parsable_certificates(trusted);
    if believed == 0 {
        return Err(match &files.authorities {
            Some(path) => AddressError::NoCertificate { path: path.clone() },
            None => AddressError::NoAuthorities,
        });
    }
    // The provider is named: which one is the default depends on what else is linked.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(AddressError::Tls)?
        .with_root_certificates(roots);
    let config = match (&files.certificate, &files.key) {
        (Some(certificate), Some(key)) => builder
            .with_client_auth_cert(certificates(certificate)?, private_key(key)?)
            .map_err(AddressError::Tls)?,
        (None, None) => builder.with_no_client_auth(),
        _ => return Err(AddressError::HalfAKey),
    };
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, AddressError> {
    let read =
        fs::read(path).map_err(|source| AddressError::File { path: path.to_owned(), source })?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(AddressError::NoCertificate { path: path.to_owned() }),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, AddressError> {
    let failed = |source: io::Error| AddressError::File { path: path.to_owned(), source };
    if is_open_to_others(&fs::metadata(path).map_err(failed)?) {
        return Err(AddressError::OpenToOthers { path: path.to_owned() });
    }
    let read = fs::read(path).map_err(failed)?;
    PrivateKeyDer::from_pem_slice(&read).map_err(|_| AddressError::NoKey { path: path.to_owned() })
}
