//! `saldo restore`: puts a backup back into a new folder, whole or up to a point of its history.

use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::PathBuf;
use std::time::Instant;

use serde::Serialize;

use super::backup::{must_be_a_folder, now_us};
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::moment;
use crate::output::{self, Output, OutputArgs};
use crate::proof::answer_of;
use crate::restore::{self, Plan, Until};
use crate::shell::Command;
use protocol::query::Moment;

/// The flags of `restore`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  saldo restore /mnt/backup/bank --data ./restored --yes\n  saldo restore /mnt/backup/bank --data ./restored --to-time 2026-11-25T10:00:00Z --dry-run"
)]
pub struct Args {
    /// The backup
    #[arg(value_name = "BACKUP")]
    backup: PathBuf,
    /// Where the bank is to be: a folder that is missing or empty
    #[arg(long, value_name = "FOLDER", env = "SALDO_DATA")]
    data: PathBuf,
    /// Only up to this event
    #[arg(long, value_name = "SEQ", conflicts_with = "to_time",
          value_parser = clap::value_parser!(u64).range(1..))]
    to_seq: Option<u64>,
    /// Only up to the last event that is not later, such as 2026-11-25T10:00:00Z
    #[arg(long, value_name = "TIME")]
    to_time: Option<String>,
    /// Prove the backup and say what would be done, writing nothing
    #[arg(long)]
    dry_run: bool,
    /// Do it without asking
    #[arg(long)]
    yes: bool,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What was done, for programs.
#[derive(Serialize)]
struct Document {
    schema: &'static str,
    backup: String,
    data: String,
    dry_run: bool,
    ledger: String,
    currency: String,
    last: u64,
    backup_last: u64,
    last_seal: String,
    accounts: Option<u64>,
    sum: Option<String>,
    world: String,
    seconds: f64,
}

/// Most bytes of an answer to a question that are read.
const ANSWER_BYTES_MAX: u64 = 100;

/// Restores, and tells what was proven.
pub fn run(args: &Args) -> Result<(), Failure> {
    let output = args.output.resolve()?;
    must_be_a_folder(&args.backup)?;
    must_be_a_folder(&args.data)?;
    let until = args.until()?;
    restore::check(&args.data)?;
    let is_terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
    if !args.dry_run && !args.yes && !is_terminal {
        return Err(args.must_be_told());
    }
    let began = Instant::now();
    let plan = restore::plan(&args.backup, until, &|_| {})?;
    if !args.dry_run && !args.yes {
        args.confirm(&plan)?;
    }
    let proof = match args.dry_run {
        true => None,
        false => Some(restore::build(&plan, &args.data, now_us())?),
    };
    let held = proof.map(|proof| (proof.accounts_count, proof.sum.to_string()));
    args.tell(&plan, held, began.elapsed().as_secs_f64(), output)
}

impl Args {
    fn until(&self) -> Result<Until, Failure> {
        if let Some(seq) = self.to_seq {
            return Ok(Until::Seq(seq));
        }
        let Some(text) = &self.to_time else { return Ok(Until::End) };
        match moment::parse("--to-time", text)? {
            Moment::Time(time_us) => Ok(Until::Time(time_us)),
            Moment::Seq(seq) => Err(Failure::usage(format!("--to-time {text}: it is no time"))
                .hint(format!("for an event, give --to-seq {seq}"))),
        }
    }

    /// Nobody is there to be asked: the answer has to be given beforehand.
    fn must_be_told(&self) -> Failure {
        let data = self.data.display().to_string();
        let command = Command::new("restore", [self.backup.display()]).option("--data", data);
        let command = match (self.to_seq, &self.to_time) {
            (Some(seq), _) => command.option("--to-seq", seq.to_string()),
            (None, Some(time)) => command.option("--to-time", time),
            (None, None) => command,
        };
        let text = "restore asks before it writes, and there is no terminal; --yes answers it";
        Failure::new(Exit::Usage, "not_confirmed", text).hint(command.flag("--yes").line())
    }

    fn confirm(&self, plan: &Plan) -> Result<(), Failure> {
        let backup = self.backup.display();
        let question = format!(
            "restore {backup} up to seq {} of {} into {}? [y/N] ",
            plan.last,
            plan.archive.manifest.last,
            self.data.display()
        );
        let mut to = io::stderr().lock();
        let asked = write!(to, "{question}").and_then(|()| to.flush());
        let mut line = String::new();
        let read = io::stdin().lock().take(ANSWER_BYTES_MAX).read_line(&mut line);
        let is_yes = matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes");
        if asked.is_ok() && read.is_ok() && is_yes {
            return Ok(());
        }
        Err(Failure::new(Exit::No, "declined", "nothing was restored"))
    }

    fn tell(
        &self,
        plan: &Plan,
        held: Option<(u64, String)>,
        seconds: f64,
        output: Output,
    ) -> Result<(), Failure> {
        let listed = &plan.archive.manifest;
        let (last, whole) = (plan.last, listed.last);
        let events = match last.get() {
            0 => "none".to_owned(),
            last if last == whole => format!("seq 1 to {last}, all of the backup"),
            last => format!("seq 1 to {last} of {whole}"),
        };
        let done = match &held {
            None => "a dry run: the backup is proven, nothing was written".to_owned(),
            Some((count, sum)) => {
                format!("{count} accounts hold {sum}, @world {}", plan.cut.world)
            }
        };
        let rows = [
            ("backup", self.backup.display().to_string()),
            ("data", self.data.display().to_string()),
            ("ledger", format!("{} {}", listed.ledger, listed.currency)),
            ("events", events),
            ("proven", done),
            ("last seal", plan.cut.seal.to_string()),
        ];
        let document = Document {
            schema: "saldo.restore/1",
            backup: self.backup.display().to_string(),
            data: self.data.display().to_string(),
            dry_run: self.dry_run,
            ledger: listed.ledger.clone(),
            currency: listed.currency.clone(),
            last: last.get(),
            backup_last: whole,
            last_seal: plan.cut.seal.to_string(),
            accounts: held.as_ref().map(|(count, _)| *count),
            sum: held.map(|(_, sum)| sum),
            world: plan.cut.world.to_string(),
            seconds,
        };
        let json = output::json_line(&document)?;
        output.print(&answer_of(&rows, format!("{}\n", plan.cut.seal), json))
    }
}
