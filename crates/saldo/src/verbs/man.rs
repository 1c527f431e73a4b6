//! `saldo man [--out FOLDER]`: the manual, a page for the program and one for each verb.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Command;
use clap_mangen::Man;

use crate::cli;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output;
use crate::unanswered::cause_of_io;

/// What the foot of a page says.
const SOURCE: &str = concat!("saldo ", env!("CARGO_PKG_VERSION"));

/// The flags of `man`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  saldo man | man -l -\n  saldo man --out ./man1")]
pub struct Args {
    /// Write every page into this folder, as saldo.1, saldo-balance.1 and so on
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// Prints the page of the program, or writes all of them.
pub fn run(args: &Args) -> Result<(), Failure> {
    let command = cli::built();
    let Some(folder) = &args.out else {
        return output::print(&String::from_utf8_lossy(
            &page(&command).map_err(|error| failed(&error, None))?,
        ));
    };
    let at_folder = |error: io::Error| failed(&error, Some(folder));
    fs::create_dir_all(folder).map_err(at_folder)?;
    let count = write(&command, "saldo", folder).map_err(at_folder)?;
    output::note(&format!("{count} pages are in {}", folder.display()));
    Ok(())
}

/// Writes the page of this command, under this name, and those below it. Returns how many.
fn write(command: &Command, name: &str, folder: &Path) -> io::Result<usize> {
    fs::write(folder.join(format!("{name}.1")), page(command)?)?;
    let mut count = 1;
    for below in command.get_subcommands() {
        count += write(below, &format!("{name}-{}", below.get_name()), folder)?;
    }
    Ok(count)
}

fn page(command: &Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command.clone()).source(SOURCE).render(&mut page)?;
    Ok(page)
}

fn failed(error: &io::Error, folder: Option<&Path>) -> Failure {
    let place = folder.map_or_else(|| "a page".to_owned(), |folder| folder.display().to_string());
    Failure::new(Exit::Usage, "man", format!("{place} cannot be written: {}", cause_of_io(error)))
}
