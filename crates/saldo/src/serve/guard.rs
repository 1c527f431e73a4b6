//! What guards the doors: who may come in, and TLS.

use std::path::{Path, PathBuf};

use clap::Args;
use engine::chain;
use server::Tls;
use server::access::{Access, AccessError};
use server::tls::{TlsError, TlsFiles};

use crate::failure::Failure;
use crate::shell;

/// The file of principals in a data folder.
pub const ACCESS_FILE: &str = "access.json";

/// The flags about it.
#[derive(Debug, Args)]
pub struct GuardArgs {
    /// Let in only who stands in this file; by default access.json in the data folder, where it exists
    #[arg(long, value_name = "FILE", env = "SALDO_ACCESS")]
    access: Option<PathBuf>,
    /// Speak TLS with this certificate (PEM, with those that lead to its authority)
    #[arg(long, value_name = "FILE", env = "SALDO_TLS_CERT", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM); nobody else may be able to read it
    #[arg(long, value_name = "FILE", env = "SALDO_TLS_KEY", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Accept certificates of clients from these authorities (PEM)
    #[arg(long, value_name = "FILE", env = "SALDO_CLIENT_CA", requires = "tls_cert")]
    client_ca: Option<PathBuf>,
    /// Speak TLS 1.2 as well, for clients that cannot do better
    #[arg(long, env = "SALDO_TLS12", requires = "tls_cert")]
    tls12: bool,
}

/// Who may come in, and what keeps others from listening.
pub struct Guard {
    /// The first; off when there is no file.
    pub access: Access,
    /// The second; `None`: everything is said in the clear.
    pub tls: Option<Tls>,
    /// For people.
    pub told: String,
}

impl GuardArgs {
    /// Reads the files. `folder`: the data folder, where the bank is in one.
    pub fn open(&self, folder: Option<&Path>) -> Result<Guard, Failure> {
        let access_file = self.access.clone().filter(|path| !path.as_os_str().is_empty());
        let in_folder = folder.map(|folder| folder.join(ACCESS_FILE)).filter(|path| path.exists());
        let path = access_file.or(in_folder);
        let access = match &path {
            Some(path) => Access::open(path).map_err(|error| bad_access(path, &error))?,
            None => Access::off(),
        };
        let tls = match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => {
                let (certificate, key) = (certificate.clone(), key.clone());
                let (client_ca, allows_tls12) = (self.client_ca.clone(), self.tls12);
                let files = TlsFiles { certificate, key, client_ca, allows_tls12 };
                Some(Tls::open(files).map_err(|error| bad_tls(&error))?)
            }
            _ => None,
        };
        let told = match (&path, &tls) {
            (None, None) => "open, this machine only".to_owned(),
            (None, Some(_)) => "open, this machine only; by TLS".to_owned(),
            (Some(path), None) => format!("who stands in {}", path.display()),
            (Some(path), Some(_)) => format!("who stands in {}, by TLS", path.display()),
        };
        Ok(Guard { access, tls, told })
    }
}

fn bad_access(path: &Path, error: &AccessError) -> Failure {
    Failure::usage(chain(error)).hint(format!(
        "saldo token new makes it; chmod 600 {} closes it to others",
        shell::quoted(&path.display().to_string())
    ))
}

fn bad_tls(error: &TlsError) -> Failure {
    Failure::usage(chain(error)).hint("saldo tls init makes a certificate and a key for trials")
}
