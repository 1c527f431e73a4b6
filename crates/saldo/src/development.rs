//! Certificates for development: an authority of one's own, and what it signs for a server and for a
//! client. A bank that others use gets its certificates from an authority that they know.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};

/// How long each certificate is valid.
const DAYS: i64 = 825;

/// The name that the client's certificate has, to be bound to a role.
pub const CLIENT: &str = "saldo-client";

/// A certificate and its key, in PEM.
pub struct Pair {
    /// The name of its files, without their ends.
    pub name: &'static str,
    pub certificate: String,
    pub key: String,
}

/// The authority, the server's pair and the client's.
pub struct Certificates {
    pub pairs: [Pair; 3],
}

impl Certificates {
    /// Makes all of them; the server is known by `hosts`, names and addresses. Errors: a host is
    /// neither.
    pub fn make(hosts: &[String]) -> Result<Self, rcgen::Error> {
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        let authority_key = KeyPair::generate()?;
        let mut about = about("Saldo development authority", Vec::new(), today)?;
        // It signs certificates of servers and clients, and no other authority.
        about.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        about.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = authority_key.serialize_pem();
        let authority = CertifiedIssuer::self_signed(about, authority_key)?;
        let ca = Pair { name: "ca", certificate: authority.pem(), key };
        let server = (ExtendedKeyUsagePurpose::ServerAuth, hosts.to_vec());
        let client = (ExtendedKeyUsagePurpose::ClientAuth, vec![CLIENT.to_owned()]);
        let server = signed("server", "Saldo server", server, &authority, today)?;
        let client = signed("client", "Saldo client", client, &authority, today)?;
        Ok(Self { pairs: [ca, server, client] })
    }

    /// Writes them into `folder`, which is made if it is missing, mode 0700: `NAME.pem` and
    /// `NAME.key`, the keys with mode 0600. Returns the paths, certificate and key in turn.
    /// Errors: one of the files is there; nothing is overwritten.
    pub fn write(&self, folder: &Path) -> io::Result<Vec<(PathBuf, PathBuf)>> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let paths: Vec<(PathBuf, PathBuf)> = self
            .pairs
            .iter()
            .map(|pair| {
                let name = pair.name;
                (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")))
            })
            .collect();
        let is_there = paths.iter().flat_map(|(pem, key)| [pem, key]).find(|path| path.exists());
        if let Some(path) = is_there {
            let text = format!("{} is there already", path.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
        }
        for (pair, (certificate, key)) in self.pairs.iter().zip(&paths) {
            write(key, &pair.key, 0o600)?;
            write(certificate, &pair.certificate, 0o644)?;
        }
        Ok(paths)
    }
}

fn about(name: &str, hosts: Vec<String>, today: Date) -> Result<CertificateParams, rcgen::Error> {
    let mut about = CertificateParams::new(hosts)?;
    about.distinguished_name = rcgen::DistinguishedName::new();
    about.distinguished_name.push(DnType::CommonName, name);
    // From yesterday: clocks differ.
    let (first, last) = (today.saturating_sub(1.days()), today.saturating_add(DAYS.days()));
    let parts =
        |date: Date| (date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs());
    let ((year, month, day), until) = (parts(first), parts(last));
    about.not_before = date_time_ymd(year, month, day);
    about.not_after = date_time_ymd(until.0, until.1, until.2);
    Ok(about)
}

fn signed(
    file: &'static str,
    name: &str,
    (usage, hosts): (ExtendedKeyUsagePurpose, Vec<String>),
    authority: &CertifiedIssuer<'_, KeyPair>,
    today: Date,
) -> Result<Pair, rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut about = about(name, hosts, today)?;
    about.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    about.extended_key_usages = vec![usage];
    about.use_authority_key_identifier_extension = true;
    let certificate = about.signed_by(&key, authority)?;
    Ok(Pair { name: file, certificate: certificate.pem(), key: key.serialize_pem() })
}

fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    use rustls::server::WebPkiClientVerifier;
    use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

    use super::*;

    fn parts(pair: &Pair) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let certificate = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap();
        (vec![certificate], PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap())
    }

    /// Whether a client with the pair `as_client` and the server agree on a connection to `host`.
    fn shake_hands(made: &Certificates, host: &str, as_client: usize) -> Result<(), rustls::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(parts(&made.pairs[0]).0.remove(0)).unwrap();
        let roots = Arc::new(roots);
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone());
        let (chain, key) = parts(&made.pairs[1]);
        let server = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(chain, key)?;
        let (chain, key) = parts(&made.pairs[as_client]);
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)?;
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let mut client = ClientConnection::new(Arc::new(client), name)?;
        let mut server = ServerConnection::new(Arc::new(server))?;
        while client.is_handshaking() || server.is_handshaking() {
            let mut sent = Vec::new();
            client.write_tls(&mut sent).unwrap();
            server.read_tls(&mut sent.as_slice()).unwrap();
            server.process_new_packets()?;
            sent.clear();
            server.write_tls(&mut sent).unwrap();
            client.read_tls(&mut sent.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        Ok(())
    }

    #[test]
    fn the_client_and_the_server_know_each_other_by_the_authority() {
        let made = Certificates::make(&["localhost".into(), "127.0.0.1".into()]).unwrap();
        for host in ["localhost", "127.0.0.1"] {
            shake_hands(&made, host, 2).unwrap();
        }
        assert!(shake_hands(&made, "elsewhere.example", 2).is_err(), "another host");
        assert!(shake_hands(&made, "localhost", 1).is_err(), "the server's pair is no client's");
    }

    #[test]
    fn another_authority_lets_nobody_in() {
        let mut made = Certificates::make(&["localhost".into()]).unwrap();
        let mut other = Certificates::make(&["localhost".into()]).unwrap();
        std::mem::swap(&mut made.pairs[2], &mut other.pairs[2]);
        assert!(shake_hands(&made, "localhost", 2).is_err());
    }
}
