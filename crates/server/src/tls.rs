//! TLS for every door: certificate and key from files, read again when they change.
//!
//! **Invariant:** a pair of files that does not fit together never takes the place of one that does.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::RootCertStore;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, ServerConfig, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::options::HANDSHAKE_TIME;

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Which files, and what is spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those that lead to its authority, in PEM.
    pub certificate: PathBuf,
    /// Its private key, in PEM. Others than its owner must not be able to read it.
    pub key: PathBuf,
    /// Authorities whose client certificates are accepted, in PEM; `None`: none are asked for.
    pub client_ca: Option<PathBuf>,
    /// Whether TLS 1.2 is spoken beside 1.3.
    pub allows_tls12: bool,
}

/// Why the files are of no use.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others than its owner can read the key.
    #[error("{path}: others can read it (mode {mode:04o}); chmod 600 makes it yours alone", path = path.display())]
    KeyIsOpen {
        /// Which.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It is no PEM, or nothing of what is needed is in it.
    #[error("{path}: {needed} was not found in it", path = path.display())]
    Pem {
        /// Which.
        path: PathBuf,
        /// What was looked for.
        needed: &'static str,
        /// What the reader found instead.
        source: rustls::pki_types::pem::Error,
    },
    /// The certificates are none, or the key belongs to another one.
    #[error("{path}: {source}", path = path.display())]
    Unfit {
        /// The file with the certificate.
        path: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
    /// The authorities for clients are none.
    #[error("{path}: {source}", path = path.display())]
    ClientCa {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        source: rustls::server::VerifierBuilderError,
    },
}

/// What guards the connections of a door. Cheap to clone; all clones change together.
#[derive(Clone)]
pub struct Tls {
    files: Arc<TlsFiles>,
    current: Arc<RwLock<Arc<ServerConfig>>>,
    /// What the files were when they were last looked at, good or bad.
    stamp: Arc<RwLock<Stamp>>,
}

/// A state of the files, by what changes when they do.
type Stamp = Vec<Option<(u64, u64, SystemTime)>>;

/// One certificate for whoever asks.
#[derive(Debug)]
struct Single(Arc<CertifiedKey>);

impl ResolvesServerCert for Single {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

impl Tls {
    /// Reads the files. Errors: see [`TlsError`].
    pub fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let stamp = look(&files);
        let config = read(&files)?;
        Ok(Self {
            files: Arc::new(files),
            current: Arc::new(RwLock::new(config)),
            stamp: Arc::new(RwLock::new(stamp)),
        })
    }

    /// What connections that begin now are guarded by. For a door that speaks a protocol of its own
    /// over it: that sets its own ALPN in a clone.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the files again, changed or not. Errors: they are of no use, and what was read before
    /// stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        let config = read(&self.files)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// Reads the files again if they changed; returns whether they did. A bad state of the files is
    /// told once.
    pub fn refresh(&self) -> Result<bool, TlsError> {
        let found = look(&self.files);
        {
            let mut stamp = self.stamp.write().unwrap_or_else(PoisonError::into_inner);
            if *stamp == found {
                return Ok(false);
            }
            *stamp = found;
        }
        self.reload().map(|()| true)
    }

    /// Looks at the files each second, for ever, and says in the log what came of a change.
    /// `changed` hears of each new configuration.
    pub async fn keep_current(&self, mut changed: impl FnMut(Arc<ServerConfig>)) {
        loop {
            tokio::time::sleep(EVERY).await;
            let tls = self.clone();
            match tokio::task::spawn_blocking(move || tls.refresh()).await {
                Ok(Ok(false)) => {}
                Ok(refreshed) => self.tell(refreshed.map(drop), &mut changed),
                Err(error) => tracing::error!(event = "certificate_unreadable", %error, "not read"),
            }
        }
    }

    /// Says in the log what came of reading the files again.
    pub fn tell(
        &self,
        reloaded: Result<(), TlsError>,
        changed: &mut impl FnMut(Arc<ServerConfig>),
    ) {
        match reloaded {
            Ok(()) => {
                tracing::info!(event = "certificate_reloaded", "the certificate was read again");
                changed(self.config());
            }
            Err(error) => {
                let error = engine::chain(&error);
                tracing::error!(
                    event = "certificate_refused",
                    error,
                    "the files are of no use; the certificate before them stays"
                );
            }
        }
    }

    /// Shakes hands, within a limit of time. Returns the stream and the names in the client's
    /// certificate: DNS names and URIs of its subject's alternatives.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
    ) -> io::Result<(TlsStream<TcpStream>, Vec<String>)> {
        let acceptor = TlsAcceptor::from(self.config());
        let stream = timeout(HANDSHAKE_TIME, acceptor.accept(stream)).await??;
        let certificates = stream.get_ref().1.peer_certificates();
        let names = certificates.and_then(<[_]>::first).map(names_in).unwrap_or_default();
        Ok((stream, names))
    }
}

/// The names that a certificate is for. Its chain was checked by the handshake.
pub fn names_in(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok(parsed) = webpki::EndEntityCert::try_from(certificate) else { return Vec::new() };
    parsed.valid_dns_names().chain(parsed.valid_uri_names()).map(str::to_owned).collect()
}

/// The algorithms, named: a process that has two kinds of them would not know which to take.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn read(files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = provider();
    let unfit = |source| TlsError::Unfit { path: files.certificate.clone(), source };
    let chain = certificates(&files.certificate, "a certificate")?;
    let key = key(&files.key)?;
    let pair = CertifiedKey::from_der(chain, key, &provider).map_err(unfit)?;
    let versions: &[_] = if files.allows_tls12 { &[&TLS13, &TLS12] } else { &[&TLS13] };
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .map_err(unfit)?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for root in certificates(path, "a certificate of an authority")? {
                let unfit = |source| TlsError::Unfit { path: path.clone(), source };
                roots.add(root).map_err(unfit)?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                // Who has none shows a token.
                .allow_unauthenticated()
                .build()
                .map_err(|source| TlsError::ClientCa { path: path.clone(), source })?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    Ok(Arc::new(builder.with_cert_resolver(Arc::new(Single(Arc::new(pair))))))
}

fn certificates(
    path: &Path,
    needed: &'static str,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = |source| TlsError::Pem { path: path.to_owned(), needed, source };
    let bytes =
        std::fs::read(path).map_err(|source| TlsError::Io { path: path.to_owned(), source })?;
    let found: Vec<_> =
        CertificateDer::pem_slice_iter(&bytes).collect::<Result<_, _>>().map_err(pem)?;
    if found.is_empty() {
        return Err(pem(rustls::pki_types::pem::Error::NoItemsFound));
    }
    Ok(found)
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let cannot = |source| TlsError::Io { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(cannot)?;
    let mode = file.metadata().map_err(cannot)?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(TlsError::KeyIsOpen { path: path.to_owned(), mode });
    }
    PrivateKeyDer::from_pem_reader(io::BufReader::new(file)).map_err(|source| TlsError::Pem {
        path: path.to_owned(),
        needed: "a private key",
        source,
    })
}

fn look(files: &TlsFiles) -> Stamp {
    let paths = [Some(&files.certificate), Some(&files.key), files.client_ca.as_ref()];
    let stamp = |path: &PathBuf| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.ino(), metadata.len(), metadata.modified().ok()?))
    };
    paths.into_iter().flatten().map(stamp).collect()
}
