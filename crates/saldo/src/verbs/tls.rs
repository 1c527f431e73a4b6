//! `saldo tls init`: certificates for development.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::development::{CLIENT, Certificates};
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::table::{self, Align};
use crate::output::{self, Answer, OutputArgs, Rows, tsv};
use crate::shell::quoted;

/// What each value of a row is.
const COLUMNS: [&str; 3] = ["what", "file", "given as"];

/// What to do about TLS.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  saldo tls init\n  saldo tls init --out ./bank-tls --host bank.example --host 10.0.0.7"
)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Make an authority for development, and certificates for a server and a client
    Init(Init),
}

/// The flags of `tls init`.
#[derive(Debug, clap::Args)]
struct Init {
    /// Where to put the files; nothing there is overwritten
    #[arg(long, value_name = "FOLDER", default_value = "./saldo-tls")]
    out: PathBuf,
    /// A name or an address of the server besides localhost, 127.0.0.1 and ::1; once for each
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,
    /// How to answer.
    #[command(flatten)]
    output: OutputArgs,
}

impl Args {
    /// How to answer.
    pub fn output(&self) -> &OutputArgs {
        let What::Init(args) = &self.what;
        &args.output
    }
}

/// A file, for programs.
#[derive(Serialize)]
struct Item<'a> {
    what: &'static str,
    file: &'a str,
    given_as: &'static str,
}

/// All of them.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    items: Vec<Item<'a>>,
}

/// Makes them.
pub fn run(args: &Args) -> Result<(), Failure> {
    let What::Init(args) = &args.what;
    let output = args.output.resolve()?;
    let mut hosts: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    for host in &args.hosts {
        must_be_host(host)?;
        if !hosts.contains(host) {
            hosts.push(host.clone());
        }
    }
    let made = Certificates::make(&hosts)
        .map_err(|error| Failure::usage(format!("no certificate can be made: {error}")))?;
    let paths = made.write(&args.out).map_err(|error| not_written(&args.out, &error))?;
    let [ca, server, client] = paths.as_slice() else {
        return Err(Failure::usage("there are not three pairs"));
    };
    let files = [
        ("authority", &ca.0, "serve --client-ca, SALDO_CA"),
        ("authority's key", &ca.1, "signs more; keep it away from the server"),
        ("server's certificate", &server.0, "serve --tls-cert"),
        ("server's key", &server.1, "serve --tls-key"),
        ("client's certificate", &client.0, "clients"),
        ("client's key", &client.1, "clients"),
    ];
    let files = files.map(|(what, path, given_as)| (what, path.display().to_string(), given_as));
    output.print(&answer(&files)?)?;
    let word = |path: &Path| quoted(&path.display().to_string());
    output.note(&format!(
        "saldo serve --tls-cert {} --tls-key {} --client-ca {}",
        word(&server.0),
        word(&server.1),
        word(&ca.0)
    ));
    output.note(&format!("export SALDO_CA={}", word(&ca.0)));
    output.note(&format!("saldo token certificate {CLIENT} --role teller lets the client in"));
    Ok(())
}

fn answer(files: &[(&'static str, String, &'static str)]) -> Result<Answer, Failure> {
    let mut answer = Answer { rows: Rows::of(&COLUMNS), ..Answer::default() };
    let mut items = Vec::new();
    for (what, file, given_as) in files {
        answer.rows.add([*what, file.as_str(), *given_as]);
        tsv::row(&mut answer.bare, [file]);
        items.push(Item { what, file, given_as });
    }
    let rows = files.iter().map(|(what, file, given_as)| {
        vec![(*what).to_owned(), file.clone(), (*given_as).to_owned()]
    });
    answer.table = table::columns(rows, &[Align::Left; 3]);
    answer.json = output::json_line(&Document { schema: "saldo.tls/1", items })?;
    Ok(answer)
}

/// A certificate with a name that no client ever asks for would be made without a word.
fn must_be_host(host: &str) -> Result<(), Failure> {
    let is_label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=63).contains(&label.len())
            && label.bytes().all(plain)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_name =
        host.len() <= 253 && host.strip_prefix("*.").unwrap_or(host).split('.').all(is_label);
    if is_name || host.parse::<std::net::IpAddr>().is_ok() {
        return Ok(());
    }
    let text = format!("--host {}: it is no name and no address", output::text::quoted(host));
    Err(Failure::usage(text).hint("such as bank.example or 10.0.0.7, without a port"))
}

fn not_written(folder: &Path, error: &std::io::Error) -> Failure {
    if error.kind() == std::io::ErrorKind::AlreadyExists {
        return Failure::new(Exit::No, "exists", error.to_string())
            .hint("give another folder with --out, or put the old files away");
    }
    Failure::usage(format!("{} cannot be written: {error}", folder.display()))
}
