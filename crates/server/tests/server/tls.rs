//! TLS: what is spoken, which certificate, which client.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use serde_json::{Value, json};
use server::access::{Grant, Role};
use server::tls::{TlsError, TlsFiles};
use server::{Options, Tls};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::access::{ME, Principals, auth};
use crate::door::{Door, deposit};

/// An authority with a folder for what it signs.
struct Authority {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A client's certificate and key.
type Pair = (CertificateDer<'static>, PrivateKeyDer<'static>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { folder, issuer }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a new certificate for 127.0.0.1 in the place of the one before.
    fn renew(&self) {
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        write_key(&self.path("key.pem"), &key.serialize_pem(), 0o600);
        fs::write(self.path("cert.pem"), certificate.pem()).unwrap();
    }

    fn client(&self, name: &str) -> Pair {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names = vec![if name.contains("://") {
            SanType::URI(name.try_into().unwrap())
        } else {
            SanType::DnsName(name.try_into().unwrap())
        }];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.der().clone(), PrivateKeyDer::Pkcs8(key.serialize_der().into()))
    }

    fn files(&self) -> TlsFiles {
        TlsFiles {
            certificate: self.path("cert.pem"),
            key: self.path("key.pem"),
            client_ca: Some(self.path("ca.pem")),
            allows_tls12: false,
        }
    }

    fn tls(&self) -> Tls {
        self.renew();
        Tls::open(self.files()).unwrap()
    }

    async fn connect(
        &self,
        address: SocketAddr,
        pair: Option<Pair>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let config = match pair {
            Some((certificate, key)) => {
                builder.with_client_auth_cert(vec![certificate], key).unwrap()
            }
            None => builder.with_no_client_auth(),
        };
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }

    async fn client_of(&self, address: SocketAddr, pair: Option<Pair>) -> Lines {
        let versions = [&rustls::version::TLS13];
        Lines(BufReader::new(self.connect(address, pair, &versions).await.unwrap()))
    }
}

fn write_key(path: &Path, pem: &str, mode: u32) {
    fs::write(path, pem).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

struct Lines(BufReader<TlsStream<TcpStream>>);

impl Lines {
    async fn send(&mut self, lines: impl AsRef<[u8]>) {
        self.0.get_mut().write_all(lines.as_ref()).await.unwrap();
        self.0.get_mut().flush().await.unwrap();
    }

    async fn reply(&mut self) -> Value {
        let mut line = String::new();
        self.0.read_line(&mut line).await.unwrap();
        serde_json::from_str(&line).unwrap_or(Value::Null)
    }

    async fn ask(&mut self, line: &str) -> Value {
        self.send(format!("{}\n", line.trim_end())).await;
        self.reply().await
    }

    /// The certificate that the server showed.
    fn shown(&self) -> CertificateDer<'static> {
        self.0.get_ref().get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
    }
}

#[tokio::test]
async fn many_requests_and_large_replies_come_whole_and_in_order_through_tls() {
    let authority = Authority::new();
    let door = Door::behind(Options::default(), authority.tls()).await;
    let mut client = authority.client_of(door.address, None).await;
    client.send(deposit("alice", 1).repeat(5_000)).await;
    for after in 1..=5_000 {
        assert_eq!(client.reply().await["after"], json!(after));
    }
    let page = client.ask(r#"{"cmd":"transactions","limit":1000}"#).await;
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1_000));
}

#[tokio::test]
async fn only_tls_1_3_is_spoken_unless_1_2_is_asked_for() {
    let authority = Authority::new();
    authority.renew();
    for allows_tls12 in [false, true] {
        let files = TlsFiles { allows_tls12, ..authority.files() };
        let door = Door::behind(Options::default(), Tls::open(files).unwrap()).await;
        let old = authority.connect(door.address, None, &[&rustls::version::TLS12]).await;
        assert_eq!(old.is_ok(), allows_tls12);
        assert!(authority.connect(door.address, None, &[&rustls::version::TLS13]).await.is_ok());
    }
}

#[tokio::test]
async fn who_speaks_in_the_clear_gets_no_answer() {
    let authority = Authority::new();
    let door = Door::behind(Options::default(), authority.tls()).await;
    let mut client = door.client().await;
    client.send(deposit("alice", 1)).await;
    let mut rest = Vec::new();
    // What comes is an alert of TLS or the end, and nothing was done.
    client.replies.rest(&mut rest).await;
    assert!(!rest.contains(&b'{'));
    assert_eq!(door.bank.requests_count(), 0);
}

#[tokio::test]
async fn a_certificate_is_a_principal_where_its_name_is_bound_to_one_and_else_a_token_is() {
    let principals = Principals::new();
    let grant = Grant::of(Role::Auditor);
    let name = "spiffe://bank/reports";
    principals.store().bind_certificate(name, &grant, &ME).unwrap();
    let teller = principals.add(&Grant::of(Role::Teller));
    let authority = Authority::new();
    let door = principals.door_behind(authority.tls()).await;
    let mut auditor = authority.client_of(door.address, Some(authority.client(name))).await;
    assert_eq!(auditor.ask(r#"{"cmd":"totals"}"#).await["ok"], json!(true));
    assert_eq!(auditor.ask(&deposit("alice", 1)).await["code"], json!("forbidden"));
    for pair in [Some(authority.client("somebody.example")), None] {
        let mut client = authority.client_of(door.address, pair).await;
        assert_eq!(client.ask(&deposit("alice", 1)).await["code"], json!("unauthenticated"));
        assert_eq!(client.ask(&auth(&teller)).await["role"], json!("teller"));
        assert_eq!(client.ask(&deposit("alice", 1)).await["ok"], json!(true));
    }
    // A certificate of another authority is none.
    let stranger = Authority::new().client(name);
    let refused =
        match authority.connect(door.address, Some(stranger), &[&rustls::version::TLS13]).await {
            Err(_) => true,
            // In TLS 1.3 the client hears of it with the first read.
            Ok(stream) => {
                let mut line = String::new();
                !matches!(BufReader::new(stream).read_line(&mut line).await, Ok(1..))
            }
        };
    assert!(refused);
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_new_clients_and_a_bad_one_to_nobody() {
    let authority = Authority::new();
    let tls = authority.tls();
    let door = Door::behind(Options::default(), tls.clone()).await;
    let mut old = authority.client_of(door.address, None).await;
    assert!(!tls.refresh().unwrap());
    authority.renew();
    assert!(tls.refresh().unwrap());
    let new = authority.client_of(door.address, None).await;
    assert_ne!(new.shown(), old.shown());
    assert_eq!(old.ask(&deposit("alice", 1)).await["ok"], json!(true), "it goes on");
    // A key of another certificate.
    write_key(&authority.path("key.pem"), &KeyPair::generate().unwrap().serialize_pem(), 0o600);
    assert!(matches!(tls.refresh(), Err(TlsError::Unfit { .. })));
    assert!(!tls.refresh().unwrap(), "it is told once");
    assert!(tls.reload().is_err(), "unless somebody asks");
    assert_eq!(authority.client_of(door.address, None).await.shown(), new.shown());
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let authority = Authority::new();
    authority.renew();
    for mode in [0o640, 0o604, 0o644, 0o660] {
        let key = authority.path("key.pem");
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        let error = Tls::open(authority.files()).err().unwrap();
        assert!(
            matches!(error, TlsError::KeyIsOpen { mode: found, .. } if found == mode),
            "{error}"
        );
    }
    let missing = TlsFiles { key: authority.path("none.pem"), ..authority.files() };
    assert!(matches!(Tls::open(missing), Err(TlsError::Io { .. })));
    let empty = TlsFiles { certificate: authority.path("key.pem"), ..authority.files() };
    fs::set_permissions(authority.path("key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(Tls::open(empty), Err(TlsError::Pem { .. })));
}
