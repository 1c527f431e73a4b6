//! Redis' protocol: commands as arrays of strings, and the few kinds of answer that are met here.

use std::io::{Read, Write};

use anyhow::{Context, Result, bail};

use super::{Found, excerpt};
use crate::peers::workload::{Transfer, name, write_digits};

/// Bytes of a script's digest in hexadecimal.
pub const DIGEST_BYTES: usize = 40;

/// What the script returns when the money moved: `{1, balance of from, balance of to}`.
const DONE: &[u8] = b"*3\r\n:1\r\n";

/// Appends a call of the script: keys are both accounts and the tx_id, the argument is the amount.
pub fn ask(out: &mut Vec<u8>, digest: &[u8; DIGEST_BYTES], transfer: &Transfer) {
    let mut amount = *b"00";
    write_digits(&mut amount, u64::from(transfer.amount));
    out.extend_from_slice(b"*7\r\n$7\r\nEVALSHA\r\n$40\r\n");
    out.extend_from_slice(digest);
    out.extend_from_slice(b"\r\n$1\r\n3\r\n$8\r\n");
    out.extend_from_slice(&name(transfer.from));
    out.extend_from_slice(b"\r\n$8\r\n");
    out.extend_from_slice(&name(transfer.to));
    out.extend_from_slice(b"\r\n$18\r\n");
    out.extend_from_slice(&transfer.tx_id);
    out.extend_from_slice(b"\r\n$2\r\n");
    out.extend_from_slice(&amount);
    out.extend_from_slice(b"\r\n");
}

/// Counts whole answers of the script.
pub fn find(received: &[u8]) -> Result<Found> {
    let mut found = Found::default();
    while let Some(rest) = received.get(found.bytes..).filter(|rest| !rest.is_empty()) {
        let compared = rest.len().min(DONE.len());
        if rest.get(..compared) != DONE.get(..compared) {
            bail!("refused: {}", excerpt(rest));
        }
        // Two numbers follow, each on a line.
        let ends = rest.iter().enumerate().skip(DONE.len()).filter(|(_, byte)| **byte == b'\n');
        let Some((end, _)) = ends.take(2).nth(1) else { break };
        found.bytes += end + 1;
        found.done += 1;
    }
    Ok(found)
}

/// An answer to a command of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A status, or a string.
    Text(String),
    /// A whole number.
    Number(i64),
    /// There is no such key.
    Nothing,
    /// Several of them.
    List(Vec<Answer>),
}

/// Bytes of a command.
pub fn command(words: &[&str]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        out.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
    out
}

/// The answer at the beginning of `received` and how many bytes it has; `None` while it is not
/// whole.
///
/// Errors: an error that the server gave, or what this protocol does not have.
pub fn answer(received: &[u8]) -> Result<Option<(Answer, usize)>> {
    let Some(end) = received.windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
    let (head, line) = received.split_first().context("an empty line")?;
    let text = std::str::from_utf8(line.get(..end - 1).unwrap_or_default())?;
    let mut bytes = end + 2;
    let answer = match head {
        b'+' => Answer::Text(text.to_owned()),
        b':' => Answer::Number(text.parse()?),
        b'-' => bail!("redis: {text}"),
        b'$' if text == "-1" => Answer::Nothing,
        b'$' => {
            let length: usize = text.parse()?;
            let Some(string) = received.get(bytes..bytes + length) else { return Ok(None) };
            if received.len() < bytes + length + 2 {
                return Ok(None);
            }
            bytes += length + 2;
            Answer::Text(String::from_utf8(string.to_vec())?)
        }
        b'*' => {
            let mut list = Vec::new();
            for _ in 0..text.parse::<usize>()? {
                let rest = received.get(bytes..).unwrap_or_default();
                let Some((item, length)) = self::answer(rest)? else { return Ok(None) };
                list.push(item);
                bytes += length;
            }
            Answer::List(list)
        }
        _ => bail!("not an answer of redis: {}", excerpt(received)),
    };
    Ok(Some((answer, bytes)))
}

/// Sends one command and reads its answer.
pub fn call(stream: &mut (impl Read + Write), words: &[&str]) -> Result<Answer> {
    stream.write_all(&command(words))?;
    let mut received = Vec::new();
    let mut block = vec![0; 1 << 16];
    loop {
        if let Some((answer, _)) = answer(&received)? {
            return Ok(answer);
        }
        match stream.read(&mut block)? {
            0 => bail!("redis closed the connection"),
            count => received.extend_from_slice(block.get(..count).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, answer, ask, command, find};
    use crate::peers::wire::Found;
    use crate::peers::workload::Transfer;

    #[test]
    fn a_transfer_is_a_call_of_the_script_with_true_lengths() {
        let mut out = Vec::new();
        let transfer = Transfer { from: 7, to: 1234, amount: 42, tx_id: *b"p-003-000000000009" };
        ask(&mut out, &[b'd'; 40], &transfer);
        let digest = "d".repeat(40);
        let words = ["EVALSHA", &digest, "3", "a0000007", "a0001234", "p-003-000000000009", "42"];
        assert_eq!(out, command(&words));
        assert_eq!(command(&["GET", "a"]), b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n");
    }

    #[test]
    fn answers_cut_anywhere_count_only_when_they_are_whole() {
        let whole = b"*3\r\n:1\r\n:990\r\n:1010\r\n*3\r\n:1\r\n:5\r\n:-6\r\n";
        assert_eq!(find(whole).unwrap(), Found { bytes: whole.len(), done: 2 });
        for cut in 0..whole.len() {
            let expected = if cut < 21 { Found::default() } else { Found { bytes: 21, done: 1 } };
            assert_eq!(find(&whole[..cut]).unwrap(), expected, "{cut}");
        }
    }

    #[test]
    fn a_duplicate_and_an_error_are_faults() {
        assert!(find(b"*1\r\n:2\r\n").unwrap_err().to_string().contains(":2"));
        assert!(find(b"-NOSCRIPT no\r\n").unwrap_err().to_string().contains("NOSCRIPT"));
    }

    #[test]
    fn every_kind_of_answer_is_read_once_it_is_whole() {
        let bytes = b"*4\r\n$2\r\n12\r\n$-1\r\n:-7\r\n+OK\r\n";
        let expected = Answer::List(vec![
            Answer::Text("12".into()),
            Answer::Nothing,
            Answer::Number(-7),
            Answer::Text("OK".into()),
        ]);
        assert_eq!(answer(bytes).unwrap(), Some((expected, bytes.len())));
        for cut in 0..bytes.len() {
            assert_eq!(answer(&bytes[..cut]).unwrap(), None, "{cut}");
        }
        assert!(answer(b"-ERR no\r\n").is_err());
    }
}
