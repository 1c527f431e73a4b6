//! The verbs that give access and take it away, `token` and `user`: on the access file itself, on the
//! machine where it is, without a server.

pub mod granting;
pub mod listing;
pub mod password;

use std::path::{Path, PathBuf};

use access::{AccessError, Actor, ChangeError, Refusal, Store};
use engine::chain;
use journal::disk::RealDisk;
use serde::Serialize;

use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::{self, Answer, Output, OutputArgs, Rows};
use crate::serve::{database, opening};
use crate::setting::Setting;
use crate::shell;

/// The access file's name in a data folder.
pub const FILE: &str = "access.json";

/// Where the access file is, and how to answer.
#[derive(Debug, clap::Args)]
pub struct Common {
    /// The data folder, which has the access file in it [env: SALDO_DATA] [default: ./saldo-data]
    #[arg(long, value_name = "FOLDER", help_heading = "Place")]
    data: Option<String>,
    /// The access file, where it is elsewhere, as with a database [env: SALDO_ACCESS]
    #[arg(long, value_name = "FILE", help_heading = "Place")]
    access: Option<String>,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

impl Common {
    /// Settles on a file. Errors: the data is in a database and no file is named.
    pub fn place(&self) -> Result<Place, Failure> {
        let named = Setting::pick(("--access", self.access.clone()), "SALDO_ACCESS", "")?;
        if !named.value.is_empty() {
            return Ok(Place { file: named.value.into(), folder: None });
        }
        let data = Setting::pick(("--data", self.data.clone()), "SALDO_DATA", "./saldo-data")?;
        if database::is_meant_by(&data.value) {
            return Err(data
                .refuse("a database has no folder for the access file")
                .hint("name the file with --access FILE, and give serve the same"));
        }
        let folder = PathBuf::from(data.value);
        Ok(Place { file: folder.join(FILE), folder: Some(folder) })
    }
}

/// Where the access file is.
#[derive(Debug)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The data folder around it, where it is in one.
    folder: Option<PathBuf>,
}

impl Place {
    /// The file, for a change that may be the first one: a data folder that is missing is made.
    pub fn first_change(&self) -> Result<Store, Failure> {
        if let Some(folder) = &self.folder {
            opening::must_be_ours_or_empty(folder)?;
            RealDisk::open_or_create(folder)
                .map_err(|error| opening::not_usable(folder, &error))?;
        }
        Ok(Store::at(&self.file))
    }

    /// The file, which must be there.
    pub fn existing(&self) -> Result<Store, Failure> {
        if self.file.exists() {
            return Ok(Store::at(&self.file));
        }
        let text = format!("there is no {}: access control is off", self.file.display());
        Err(Failure::new(Exit::Usage, "no_access_file", text)
            .hint("saldo token new --role admin makes it"))
    }

    /// Tells, after the first change, that doors close.
    pub fn tell_if_first(&self, was_there: bool, output: Output) {
        if !was_there {
            let file = shell::quoted(&self.file.display().to_string());
            output.note(&format!(
                "{file} is new: from its next start on, saldo serve lets nobody in without access"
            ));
        }
    }
}

/// Runs a change in the name of whoever runs this program.
pub fn change<T>(change: impl FnOnce(&Actor<'_>) -> Result<T, ChangeError>) -> Result<T, Failure> {
    let who = format!("uid:{}", rustix::process::getuid().as_raw());
    change(&Actor { who: &who, from: "command line" }).map_err(|error| not_changed(&error))
}

/// Why the file was not changed.
fn not_changed(error: &ChangeError) -> Failure {
    let refusal = match error {
        ChangeError::Access(error) => return not_usable(error),
        ChangeError::Refused(refusal) => refusal,
    };
    let failure = |exit, code| Failure::new(exit, code, refusal.to_string());
    match refusal {
        Refusal::Taken { .. } => failure(Exit::No, "taken"),
        Refusal::Unknown { .. } => {
            failure(Exit::No, "unknown").hint("saldo token list, saldo user list")
        }
        Refusal::Ended { .. } => failure(Exit::No, "ended"),
        Refusal::Full { .. } => failure(Exit::No, "full").hint("revoke what nobody uses"),
        Refusal::NoAccounts => failure(Exit::Usage, "usage").hint("name them: --account alice"),
        Refusal::AccountsOf { .. }
        | Refusal::TooManyAccounts { .. }
        | Refusal::Account { .. }
        | Refusal::LimitsOf { .. }
        | Refusal::Limits
        | Refusal::Note { .. }
        | Refusal::Over
        | Refusal::UserName { .. }
        | Refusal::CertificateName { .. }
        | Refusal::PasswordLength { .. }
        | Refusal::Hashing
        | Refusal::NoRandomness
        | Refusal::Record { .. } => failure(Exit::Usage, "usage"),
    }
}

/// Why the file, or the audit log beside it, cannot be used.
pub fn not_usable(error: &AccessError) -> Failure {
    let text = chain(error);
    match error {
        AccessError::TooOpen { path, .. } => Failure::new(Exit::Usage, "access_file", text)
            .hint(format!("chmod 600 {}", shell::quoted(&path.display().to_string()))),
        AccessError::Busy { .. } => {
            Failure::new(Exit::NothingDone, "busy", text).retryable().hint("try again")
        }
        AccessError::AuditBroken { .. } => Failure::new(Exit::Broken, "audit_broken", text)
            .hint("keep a copy of the log, put it away under another name, and try again"),
        AccessError::Io { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
            Failure::new(Exit::NotAllowed, "forbidden", text)
                .hint("run it as the user who runs the server")
        }
        AccessError::Io { .. }
        | AccessError::TooLarge { .. }
        | AccessError::Format { .. }
        | AccessError::Malformed { .. }
        | AccessError::Invalid { .. } => Failure::new(Exit::Usage, "access_file", text),
    }
}

/// What was done, for programs.
#[derive(Serialize)]
struct Done<'a> {
    schema: &'static str,
    principal: &'a str,
    done: &'static str,
}

/// Tells what was done to whom.
pub fn print_done(output: Output, principal: &str, done: &'static str) -> Result<(), Failure> {
    let document = Done { schema: "saldo.access-change/1", principal, done };
    let mut rows = Rows::of(&["principal", "done"]);
    rows.add([principal, done]);
    output.print(&Answer {
        table: format!("{principal}  {done}\n"),
        rows,
        bare: format!("{principal}\n"),
        json: output::json_line(&document)?,
    })
}

/// Whether a file that holds a secret is for its owner alone. Errors: it is not, or cannot be read.
pub fn must_be_private(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt as _;

    let shown = path.display();
    let found = std::fs::metadata(path)
        .map_err(|error| Failure::usage(format!("{shown} cannot be read: {error}")))?;
    let mode = found.mode() & 0o7777;
    if mode & 0o077 != 0 {
        let text = format!("{shown} has mode {mode:04o}; others can read it");
        return Err(
            Failure::usage(text).hint(format!("chmod 600 {}", shell::quoted(&shown.to_string())))
        );
    }
    Ok(())
}
