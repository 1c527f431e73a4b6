//! `saldo token`: access for programs, by secrets and by certificates.

use access::Kind;
use serde::Serialize;

use crate::failure::Failure;
use crate::moment::Clock;
use crate::output::{self, Answer, OutputArgs, Rows};
use crate::principals::granting::GrantArgs;
use crate::principals::{self, Common, change, listing, print_done};

/// What to do about tokens.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  umask 077; saldo token new --role teller --expires 90d > till.token\n  saldo token revoke k7f3q2ab"
)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Make a token, whose secret is shown once
    New(New),
    /// Bind a name in client certificates to a role
    Certificate(Certificate),
    /// List tokens and certificates, without their secrets
    List(List),
    /// End a token or the binding of a certificate
    Revoke(Revoke),
}

/// The flags of `token new`.
#[derive(Debug, clap::Args)]
struct New {
    #[command(flatten)]
    grant: GrantArgs,
    #[command(flatten)]
    common: Common,
}

/// The flags of `token certificate`.
#[derive(Debug, clap::Args)]
struct Certificate {
    /// The DNS name or the URI among the certificate's alternative names
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    grant: GrantArgs,
    #[command(flatten)]
    common: Common,
}

/// The flags of `token list`.
#[derive(Debug, clap::Args)]
struct List {
    /// Times of a table in UTC
    #[arg(long)]
    utc: bool,
    #[command(flatten)]
    common: Common,
}

/// The flags of `token revoke`.
#[derive(Debug, clap::Args)]
struct Revoke {
    /// The short id, as `saldo token list` shows it
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    common: Common,
}

impl Args {
    /// How to answer.
    pub fn output(&self) -> &OutputArgs {
        let common = match &self.what {
            What::New(args) => &args.common,
            What::Certificate(args) => &args.common,
            What::List(args) => &args.common,
            What::Revoke(args) => &args.common,
        };
        &common.output
    }
}

/// Does it.
pub fn run(args: &Args) -> Result<(), Failure> {
    let output = args.output().resolve()?;
    match &args.what {
        What::New(args) => new(args, output),
        What::Certificate(args) => {
            let place = args.common.place()?;
            let (was_there, grant) = (place.file.exists(), args.grant.read()?);
            let store = place.first_change()?;
            let id = change(|actor| store.bind_certificate(&args.name, &grant, actor))?;
            print_done(output, &format!("{}:{id}", Kind::Certificate.name()), "bound")?;
            place.tell_if_first(was_there, output);
            Ok(())
        }
        What::List(args) => {
            let store = args.common.place()?.existing()?;
            let mut listed = store.list().map_err(|error| principals::not_usable(&error))?;
            listed.retain(|principal| principal.kind != Kind::User);
            let clock = if args.utc { Clock::Utc } else { Clock::Local };
            listing::print(output, "saldo.tokens/1", clock, &listed)
        }
        What::Revoke(args) => {
            let store = args.common.place()?.existing()?;
            let by = change(|actor| store.revoke(&args.id, actor))?;
            print_done(output, &by, "revoked")
        }
    }
}

/// A token, for programs.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    token: &'a str,
    id: &'a str,
    principal: &'a str,
    role: &'static str,
}

fn new(args: &New, output: output::Output) -> Result<(), Failure> {
    let place = args.common.place()?;
    let (was_there, grant) = (place.file.exists(), args.grant.read()?);
    let store = place.first_change()?;
    let issued = change(|actor| store.new_token(&grant, actor))?;
    let secret = issued.secret.reveal();
    let document = Document {
        schema: "saldo.token/1",
        token: secret,
        id: &issued.id,
        principal: &issued.by,
        role: grant.role.name(),
    };
    let mut rows = Rows::of(&["token"]);
    rows.add([secret]);
    let line = format!("{secret}\n");
    let json = output::json_line(&document)?;
    output.print(&Answer { table: line.clone(), rows, bare: line, json })?;
    output.note(&format!(
        "this is shown once: keep it in a file of mode 0600 that SALDO_TOKEN_FILE names; saldo token revoke {} ends it",
        issued.id
    ));
    place.tell_if_first(was_there, output);
    Ok(())
}
