//! Where an export goes: stdout, or a file that is written aside and gets its name when it is whole.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::unanswered::cause_of_io;

/// An open target.
pub struct Target {
    out: Out,
}

enum Out {
    Stdout(BufWriter<io::Stdout>),
    File {
        out: BufWriter<File>,
        aside: PathBuf,
        path: PathBuf,
    },
    /// Whoever read stdout has what it wanted.
    Gone,
}

impl Target {
    /// Opens the file named, or stdout. Errors: the file cannot be made.
    pub fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else {
            return Ok(Self { out: Out::Stdout(BufWriter::new(io::stdout())) });
        };
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".partial");
        let aside = path.with_file_name(name);
        let file = File::create(&aside).map_err(|error| unwritten(&aside, &error))?;
        let out = BufWriter::new(file);
        Ok(Self { out: Out::File { out, aside, path: path.to_owned() } })
    }

    /// Whether nobody reads any more.
    pub fn is_gone(&self) -> bool {
        matches!(self.out, Out::Gone)
    }

    /// Adds bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match &mut self.out {
            Out::Gone => Ok(()),
            Out::File { out, aside, .. } => {
                out.write_all(bytes).map_err(|error| unwritten(aside, &error))
            }
            Out::Stdout(out) => match out.write_all(bytes) {
                Ok(()) => Ok(()),
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                    self.out = Out::Gone;
                    Ok(())
                }
                Err(error) => Err(unwritten(Path::new("stdout"), &error)),
            },
        }
    }

    /// Gives the file its name, once all of it is on the disk.
    pub fn finish(self) -> Result<(), Failure> {
        match self.out {
            Out::Gone => Ok(()),
            Out::Stdout(mut out) => match out.flush() {
                Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                    Err(unwritten(Path::new("stdout"), &error))
                }
                Ok(()) | Err(_) => Ok(()),
            },
            Out::File { out, aside, path } => {
                let file = out.into_inner().map_err(|error| unwritten(&aside, error.error()))?;
                file.sync_all().map_err(|error| unwritten(&aside, &error))?;
                fs::rename(&aside, &path).map_err(|error| unwritten(&path, &error))
            }
        }
    }
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    let text = format!("cannot write to {}: {}", path.display(), cause_of_io(error));
    Failure::new(Exit::Usage, "output", text)
}
