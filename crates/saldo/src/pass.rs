//! What is shown to a server that asks who comes, and whom to believe that it is the server: always
//! from files and the environment, never an argument, which everybody on the machine could read.

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use client::ClientTls;
use protocol::Token;

use crate::failure::Failure;
use crate::output::text;
use crate::unanswered::cause_of_io;

/// A token and what TLS needs.
#[derive(Clone, Debug, Default)]
pub struct Pass {
    /// Who asks.
    pub token: Option<Token<'static>>,
    /// Whom to believe.
    pub tls: Option<ClientTls>,
}

impl Pass {
    /// What the environment has: SALDO_TOKEN_FILE or SALDO_TOKEN; for a server that speaks TLS
    /// SALDO_CA, and SALDO_CERT with SALDO_KEY. Errors: a file cannot be read, can be read by others
    /// though it is secret, or holds something else.
    pub fn of_environment(is_tls: bool) -> Result<Self, Failure> {
        let token = match (path("SALDO_TOKEN_FILE"), env::var("SALDO_TOKEN")) {
            (Some(file), _) => {
                Some(token(&secret("SALDO_TOKEN_FILE", &file)?, "SALDO_TOKEN_FILE")?)
            }
            (None, Ok(text)) if !text.is_empty() => Some(token(text.as_bytes(), "SALDO_TOKEN")?),
            (None, Ok(_) | Err(env::VarError::NotPresent)) => None,
            (None, Err(env::VarError::NotUnicode(_))) => {
                return Err(Failure::usage("SALDO_TOKEN holds something that is no UTF-8"));
            }
        };
        let tls = if is_tls { Some(tls()?) } else { None };
        Ok(Self { token, tls })
    }
}

fn tls() -> Result<ClientTls, Failure> {
    let ca = path("SALDO_CA").map(|file| read("SALDO_CA", &file)).transpose()?;
    let pair = match (path("SALDO_CERT"), path("SALDO_KEY")) {
        (Some(certificate), Some(key)) => {
            Some((read("SALDO_CERT", &certificate)?, secret("SALDO_KEY", &key)?))
        }
        (None, None) => None,
        (Some(_), None) => return Err(Failure::usage("SALDO_CERT needs SALDO_KEY beside it")),
        (None, Some(_)) => return Err(Failure::usage("SALDO_KEY needs SALDO_CERT beside it")),
    };
    let pair = pair.as_ref().map(|(certificate, key)| (&**certificate, &**key));
    ClientTls::new(ca.as_deref(), pair).map_err(|fault| {
        Failure::usage(format!("SALDO_CA, SALDO_CERT or SALDO_KEY: {fault}"))
            .hint("SALDO_CA names the authority of the server's certificate, in PEM")
    })
}

fn token(bytes: &[u8], origin: &str) -> Result<Token<'static>, Failure> {
    let text = str::from_utf8(bytes).ok().map(str::trim).map(str::to_owned);
    text.and_then(Token::new).ok_or_else(|| {
        Failure::usage(format!("{origin} holds no token"))
            .hint("a token is what saldo token new printed, in one line")
    })
}

fn path(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn read(variable: &str, file: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(file).map_err(|error| {
        let shown = text::quoted(&file.display().to_string()).to_string();
        Failure::usage(format!("{variable} is {shown}: {}", cause_of_io(&error)))
    })
}

/// A file that nobody else may read.
fn secret(variable: &str, file: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = read(variable, file)?;
    let mode = fs::metadata(file).map_or(0, |found| found.mode() & 0o777);
    if mode & 0o077 == 0 {
        return Ok(bytes);
    }
    let shown = text::quoted(&file.display().to_string()).to_string();
    Err(Failure::usage(format!("{variable} is {shown}: others can read it (mode {mode:04o})"))
        .hint(format!("chmod 600 {}", crate::shell::quoted(&file.display().to_string()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_line_whatever_white_space_stands_around_it() {
        assert_eq!(token(b" saldo_x_y\n", "F").unwrap().reveal(), "saldo_x_y");
        for none in [&b""[..], b" \n", b"\xff"] {
            assert_eq!(
                token(none, "SALDO_TOKEN").unwrap_err().parts().2,
                "SALDO_TOKEN holds no token"
            );
        }
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        fs::write(&file, "saldo_x_y").unwrap();
        for (mode, is_taken) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(secret("SALDO_TOKEN_FILE", &file).is_ok(), is_taken, "{mode:o}");
        }
    }
}
