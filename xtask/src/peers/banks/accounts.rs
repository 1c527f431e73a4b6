//! The accounts of the banks that speak JSON lines: opening them, and reading the books from
//! balances and from the log. Saldo and the original share the protocol and the name of the log.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Books;
use crate::peers::workload::{OPENING, name_text};

/// Accounts in one request: a line has less than 1 MiB.
const ACCOUNTS_PER_LINE: usize = 10_000;

/// Questions that are sent together, far below what sockets hold.
const QUESTIONS_TOGETHER: usize = 100;

/// How long an answer may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);

/// Opens all accounts with the same balance.
pub fn open_all(address: SocketAddr, accounts: u32) -> Result<()> {
    let mut teller = Teller::connect(address)?;
    let numbers: Vec<u32> = (0..accounts).collect();
    for numbers in numbers.chunks(ACCOUNTS_PER_LINE) {
        let openings: serde_json::Map<String, Value> =
            numbers.iter().map(|number| (name_text(*number), OPENING.into())).collect();
        let request = serde_json::json!({"cmd": "init_accounts", "accounts": openings});
        teller.ask(&[request])?;
    }
    Ok(())
}

/// Adds up the balances, and counts the transfers in the log: an acknowledged one is there.
pub fn books(address: SocketAddr, folder: &Path, accounts: u32) -> Result<Books> {
    let mut teller = Teller::connect(address)?;
    let mut sum = 0;
    let numbers: Vec<u32> = (0..accounts).collect();
    for numbers in numbers.chunks(QUESTIONS_TOGETHER) {
        let questions: Vec<Value> = numbers
            .iter()
            .map(|number| serde_json::json!({"cmd": "balance", "user": name_text(*number)}))
            .collect();
        for answer in teller.ask(&questions)? {
            sum += answer.get("balance").and_then(Value::as_u64).context("no balance")?;
        }
    }
    Ok(Books { sum, transfers: transfers_in(folder)? })
}

/// Lines of transfers in all files of the log.
fn transfers_in(folder: &Path) -> Result<u64> {
    let mut count = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("transactions") && name.ends_with(".log") {
            count += transfers_of(BufReader::with_capacity(1 << 20, File::open(&path)?))?;
        }
    }
    Ok(count)
}

/// Lines of transfers, whether Saldo or Python wrote them.
fn transfers_of(mut log: impl BufRead) -> Result<u64> {
    let mut count = 0;
    let mut line = Vec::new();
    while log.read_until(b'\n', &mut line)? > 0 {
        // Its kind stands among the first keys.
        let head = line.get(..64).unwrap_or(&line);
        let is_transfer = |kind: &[u8]| head.windows(kind.len()).any(|piece| piece == kind);
        if is_transfer(br#""tx":"transfer""#) || is_transfer(br#""tx": "transfer""#) {
            count += 1;
        }
        line.clear();
    }
    Ok(count)
}

/// A connection on which questions are asked one batch after another.
struct Teller {
    stream: BufReader<TcpStream>,
}

impl Teller {
    fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(ANSWER_TIME_MAX))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    fn ask(&mut self, questions: &[Value]) -> Result<Vec<Value>> {
        let lines: String = questions.iter().map(|question| format!("{question}\n")).collect();
        self.stream.get_mut().write_all(lines.as_bytes())?;
        let mut answers = Vec::new();
        for _ in questions {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            let answer: Value = serde_json::from_str(&line).context("the bank's answer")?;
            ensure!(answer.get("ok") == Some(&Value::Bool(true)), "the bank refused: {line}");
            answers.push(answer);
        }
        Ok(answers)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::transfers_in;

    #[test]
    fn transfers_are_counted_in_every_file_of_the_log_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let transfer = "{\"seq\":2,\"tx\":\"transfer\",\"tx_id\":\"a\"}\n";
        let python = "{\"tx\": \"transfer\", \"tx_id\": \"b\"}\n";
        let other = "{\"seq\":1,\"tx\":\"init\"}\n\n{\"seal\":{}}\n";
        let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
        write("transactions.log", format!("{other}{transfer}{transfer}\n\n"));
        write("transactions.1-9.log", python.to_owned());
        write("state.json", transfer.to_owned());
        assert_eq!(transfers_in(folder.path()).unwrap(), 3);
    }
}
