//! `saldo user`: access for people, by passwords.

use access::Kind;

use crate::failure::Failure;
use crate::moment::Clock;
use crate::output::{Output, OutputArgs};
use crate::principals::granting::GrantArgs;
use crate::principals::password::PasswordArgs;
use crate::principals::{self, Common, change, listing, print_done};

/// What to do about users.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  saldo user add ana --role admin\n  saldo user passwd ana --password-file ana.password"
)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Let a person in, by a password
    Add(Add),
    /// Set another password, which also ends a lock
    Passwd(Passwd),
    /// List users
    List(List),
    /// Let a user in no more
    Disable(One),
    /// Take a user out of the file
    Remove(One),
}

/// The flags of `user add`.
#[derive(Debug, clap::Args)]
struct Add {
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    grant: GrantArgs,
    #[command(flatten)]
    password: PasswordArgs,
}

/// The flags of `user passwd`.
#[derive(Debug, clap::Args)]
struct Passwd {
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    password: PasswordArgs,
}

/// The flags of `user list`.
#[derive(Debug, clap::Args)]
struct List {
    /// Times of a table in UTC
    #[arg(long)]
    utc: bool,
    #[command(flatten)]
    common: Common,
}

/// One user.
#[derive(Debug, clap::Args)]
struct One {
    /// The name: a to z, digits and . _ - @
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    common: Common,
}

impl Args {
    /// How to answer.
    pub fn output(&self) -> &OutputArgs {
        let common = match &self.what {
            What::Add(args) => &args.one.common,
            What::Passwd(args) => &args.one.common,
            What::List(args) => &args.common,
            What::Disable(one) | What::Remove(one) => &one.common,
        };
        &common.output
    }
}

/// Does it.
pub fn run(args: &Args) -> Result<(), Failure> {
    let output = args.output().resolve()?;
    match &args.what {
        What::Add(args) => {
            let One { name, common } = &args.one;
            let place = common.place()?;
            let (was_there, grant) = (place.file.exists(), args.grant.read()?);
            let password = args.password.read(name)?;
            let store = place.first_change()?;
            change(|actor| store.add_user(name, &password, &grant, actor))?;
            print_about(output, name, "added")?;
            place.tell_if_first(was_there, output);
            Ok(())
        }
        What::Passwd(args) => {
            let One { name, common } = &args.one;
            let store = common.place()?.existing()?;
            let password = args.password.read(name)?;
            change(|actor| store.set_password(name, &password, actor))?;
            print_about(output, name, "password set")
        }
        What::List(args) => {
            let store = args.common.place()?.existing()?;
            let mut listed = store.list().map_err(|error| principals::not_usable(&error))?;
            listed.retain(|principal| principal.kind == Kind::User);
            let clock = if args.utc { Clock::Utc } else { Clock::Local };
            listing::print(output, "saldo.users/1", clock, &listed)
        }
        What::Disable(One { name, common }) => {
            let store = common.place()?.existing()?;
            change(|actor| store.disable_user(name, actor))?;
            print_about(output, name, "disabled")
        }
        What::Remove(One { name, common }) => {
            let store = common.place()?.existing()?;
            change(|actor| store.remove_user(name, actor))?;
            print_about(output, name, "removed")
        }
    }
}

fn print_about(output: Output, name: &str, done: &'static str) -> Result<(), Failure> {
    print_done(output, &format!("{}:{name}", Kind::User.name()), done)
}
