//! JSON lines: Saldo's protocol, and that of the original's design.

use anyhow::{Result, bail};

use super::{Found, excerpt};
use crate::peers::workload::{Transfer, name, write_digits};

/// Bytes that are looked at together; the compiler makes one comparison of them.
const BLOCK_BYTES: usize = 32;

/// Appends a transfer.
pub fn ask(out: &mut Vec<u8>, transfer: &Transfer) {
    let mut amount = *b"00";
    write_digits(&mut amount, u64::from(transfer.amount));
    out.extend_from_slice(br#"{"cmd":"transfer","from":""#);
    out.extend_from_slice(&name(transfer.from));
    out.extend_from_slice(br#"","to":""#);
    out.extend_from_slice(&name(transfer.to));
    out.extend_from_slice(br#"","amount":"#);
    out.extend_from_slice(&amount);
    out.extend_from_slice(br#","tx_id":""#);
    out.extend_from_slice(&transfer.tx_id);
    out.extend_from_slice(b"\"}\n");
}

/// Counts whole answers. `ok` is the first key of both servers' answers.
pub fn find(received: &[u8]) -> Result<Found> {
    let mut found = Found::default();
    while let Some(rest) = received.get(found.bytes..).filter(|rest| !rest.is_empty()) {
        let Some(length) = line_bytes(rest) else { break };
        let line = rest.get(..length).unwrap_or_default();
        // Python's `json` puts a space behind the colon.
        if !line.starts_with(br#"{"ok":true"#) && !line.starts_with(br#"{"ok": true"#) {
            bail!("refused: {}", excerpt(line.trim_ascii_end()));
        }
        found.bytes += length;
        found.done += 1;
    }
    Ok(found)
}

/// Bytes of the first line with its line feed, when it is whole.
fn line_bytes(bytes: &[u8]) -> Option<usize> {
    let mut skipped = 0;
    let mut blocks = bytes.chunks_exact(BLOCK_BYTES);
    for block in blocks.by_ref() {
        if block.iter().fold(false, |seen, &byte| seen | (byte == b'\n')) {
            break;
        }
        skipped += BLOCK_BYTES;
    }
    let rest = bytes.get(skipped..)?;
    Some(skipped + rest.iter().position(|&byte| byte == b'\n')? + 1)
}

#[cfg(test)]
mod tests {
    use super::{ask, find, line_bytes};
    use crate::peers::wire::Found;
    use crate::peers::workload::Transfer;

    #[test]
    fn a_transfer_is_one_line_of_json() {
        let mut out = Vec::new();
        ask(&mut out, &Transfer { from: 7, to: 1234, amount: 42, tx_id: *b"p-003-000000000009" });
        assert_eq!(
            std::str::from_utf8(&out).unwrap(),
            "{\"cmd\":\"transfer\",\"from\":\"a0000007\",\"to\":\"a0001234\",\"amount\":42,\
             \"tx_id\":\"p-003-000000000009\"}\n"
        );
    }

    #[test]
    fn whole_lines_count_and_a_half_one_waits() {
        let received = b"{\"ok\":true,\"from\":1}\n{\"ok\": true}\n{\"ok\":tr";
        assert_eq!(find(received).unwrap(), Found { bytes: 34, done: 2 });
        assert_eq!(find(b"").unwrap(), Found::default());
    }

    #[test]
    fn a_refusal_is_a_fault_with_its_text() {
        let fault = find(b"{\"ok\":true}\n{\"ok\":false,\"error\":\"no\"}\n").unwrap_err();
        assert!(fault.to_string().contains("no"), "{fault}");
    }

    #[test]
    fn a_line_feed_is_found_at_every_place_of_a_block() {
        for length in 1..100 {
            let mut line = vec![b'x'; length];
            assert_eq!(line_bytes(&line), None);
            line[length - 1] = b'\n';
            line.extend_from_slice(b"more\n");
            assert_eq!(line_bytes(&line), Some(length));
        }
    }
}
