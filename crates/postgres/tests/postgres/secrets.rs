//! TLS to the database and passwords from a file, against a server that asks for both.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cluster::Cluster;
use postgres::{Address, Mode, OpenError, Options, PostgresEngine};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

/// A server of a test with the files of an authority, which signed the name `localhost` alone.
struct Guarded {
    cluster: Cluster,
    folder: TempDir,
    bank: Address,
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut about = CertificateParams::new(Vec::new()).unwrap();
    about.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    about.distinguished_name.push(rcgen::DnType::CommonName, name);
    CertifiedIssuer::self_signed(about, KeyPair::generate().unwrap()).unwrap()
}

/// Writes a file that its owner alone reads: the server's own user, where that is another.
fn write(path: &Path, text: &str, is_the_servers: bool) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    if is_the_servers && rustix::process::getuid().is_root() {
        assert!(Command::new("chown").arg("postgres:").arg(path).status().unwrap().success());
    }
}

impl Guarded {
    async fn start() -> Self {
        let cluster = Cluster::single();
        let bank = cluster.bank().await.address();
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let path = |name: &str| folder.path().join(name);
        let (ours, another) = (authority("ours"), authority("another"));
        write(&path("authority.pem"), &ours.pem(), false);
        write(&path("another.pem"), &another.pem(), false);
        let key = KeyPair::generate().unwrap();
        let server = CertificateParams::new(vec!["localhost".into()]).unwrap();
        write(&path("server.pem"), &server.signed_by(&key, &ours).unwrap().pem(), true);
        write(&path("server.key"), &key.serialize_pem(), true);
        let key = KeyPair::generate().unwrap();
        let mut client = CertificateParams::new(Vec::new()).unwrap();
        client.distinguished_name.push(rcgen::DnType::CommonName, "certified");
        write(&path("client.pem"), &client.signed_by(&key, &ours).unwrap().pem(), false);
        write(&path("client.key"), &key.serialize_pem(), false);
        // The server reads it as its own user.
        write(&path("believed.pem"), &ours.pem(), true);
        write(&path("passwords"), "*:*:*:guarded:let me in\n*:*:*:plain:wrong\n", false);
        let at = |name: &str| path(name).display().to_string();
        cluster.run("CREATE ROLE guarded LOGIN SUPERUSER PASSWORD 'let me in'").await;
        cluster.run("CREATE ROLE certified LOGIN SUPERUSER").await;
        cluster.run(&format!("ALTER SYSTEM SET ssl_cert_file = '{}'", at("server.pem"))).await;
        cluster.run(&format!("ALTER SYSTEM SET ssl_key_file = '{}'", at("server.key"))).await;
        cluster.run(&format!("ALTER SYSTEM SET ssl_ca_file = '{}'", at("believed.pem"))).await;
        cluster.run("ALTER SYSTEM SET ssl = on").await;
        cluster
            .run(
                "DO $$ BEGIN EXECUTE format('COPY (VALUES \
                 (''hostssl all guarded all scram-sha-256''), (''host all guarded all reject''), \
                 (''hostssl all certified all cert''), (''host all all all trust'')) TO %L', \
                 current_setting('hba_file')); END $$",
            )
            .await;
        cluster.run("SELECT pg_reload_conf()").await;
        cluster.wait_until("SELECT current_setting('ssl') = 'on'").await;
        cluster.wait_until("SELECT count(*) = 4 FROM pg_hba_file_rules").await;
        Self { cluster, folder, bank }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Opens the bank as `user` on `host` with these options in the address.
    async fn open(&self, user: &str, host: &str, options: &str) -> Result<(), OpenError> {
        let shown = self.bank.to_string();
        let place = shown.strip_prefix("postgres://127.0.0.1").unwrap();
        let address = Address::parse(&format!("postgres://{user}@{host}{place}?{options}"))?;
        let options = Options { mode: Mode::Unchecked, ..Options::default() };
        PostgresEngine::open(address, options).await.map(drop)
    }
}

#[track_caller]
fn refused(found: Result<(), OpenError>, why: &str) {
    let told = match found {
        Err(OpenError::Unreachable { told } | OpenError::NotAllowed { told }) => told,
        found => panic!("{found:?}"),
    };
    assert!(told.contains(why), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_is_believed_by_its_certificate_and_a_password_comes_from_a_file() {
    let guarded = Guarded::start().await;
    let passwords = format!("passfile={}", guarded.file("passwords").display());
    let ours = format!(
        "sslmode=verify-full&sslrootcert={}&{passwords}",
        guarded.file("authority.pem").display()
    );
    guarded.open("guarded", "localhost", &ours).await.unwrap();
    // Without TLS the server refuses this role, so the connection above had it.
    refused(guarded.open("guarded", "localhost", &passwords).await, "rejects");
    // The right authority, and another name than the certificate's.
    refused(guarded.open("guarded", "127.0.0.1", &ours).await, "certificate");
    let another = ours.replace("authority.pem", "another.pem");
    refused(guarded.open("guarded", "localhost", &another).await, "certificate");
    // The password is read for each connection.
    let wrong = "*:*:*:guarded:let me out\n";
    write(&guarded.file("passwords"), wrong, false);
    let found = guarded.open("guarded", "localhost", &ours).await;
    assert!(matches!(found, Err(OpenError::NotAllowed { .. })), "time mends it not: {found:?}");
    refused(found, "password authentication failed");
    let client = format!(
        "sslmode=verify-full&sslrootcert={}&sslcert={}&sslkey={}",
        guarded.file("authority.pem").display(),
        guarded.file("client.pem").display(),
        guarded.file("client.key").display(),
    );
    guarded.open("certified", "localhost", &client).await.unwrap();
    // A server that offers no TLS is not spoken to in plain instead.
    guarded.cluster.run("ALTER SYSTEM SET ssl = off").await;
    guarded.cluster.run("SELECT pg_reload_conf()").await;
    guarded.cluster.wait_until("SELECT current_setting('ssl') = 'off'").await;
    refused(guarded.open("plain", "localhost", &ours).await, "does not support TLS");
}
