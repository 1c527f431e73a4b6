//! Counts replies in blocks, by their first bytes. Not here: when they came (`lane`).

use protocol::lines;

/// How every answer that is a yes begins.
const YES: &[u8] = b"{\"ok\":true";
/// How every answer that is a no begins.
const NO: &[u8] = b"{\"ok\":false";

/// Most bytes of a reply: those of transfers have some 300.
const REPLY_BYTES_MAX: usize = 1 << 20;

/// How much is read at a time.
const READ_BYTES: usize = 256 << 10;

/// Bytes that came, and the beginning of the line that they end in.
#[derive(Debug)]
pub struct Replies {
    buffer: Vec<u8>,
    /// So many bytes of the buffer are filled: the beginning of a line.
    filled: usize,
}

/// What a block held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// How many said yes.
    pub yes: u64,
    /// How many said no.
    pub no: u64,
    /// The first no, for people.
    pub first_no: Option<String>,
}

/// What came is no reply: how it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoReply(pub String);

impl Replies {
    /// Room for replies.
    pub fn new() -> Self {
        Self { buffer: vec![0; READ_BYTES], filled: 0 }
    }

    /// Where the next bytes are to be read to; never empty.
    pub fn room(&mut self) -> &mut [u8] {
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.filled * 2, 0);
        }
        self.buffer.get_mut(self.filled..).unwrap_or_default()
    }

    /// Takes `count` bytes that were read to [`Replies::room`], and counts the lines that they end.
    /// Errors: a line is no reply, or has no end.
    pub fn take(&mut self, count: usize) -> Result<Counted, NoReply> {
        let all = self.buffer.get(..self.filled + count).unwrap_or_default();
        let mut counted = Counted::default();
        let mut taken = 0;
        for line in lines::split(all) {
            taken += line.len() + 1;
            if line.starts_with(YES) {
                counted.yes += 1;
            } else if line.starts_with(NO) {
                counted.no += 1;
                if counted.first_no.is_none() {
                    counted.first_no = Some(begin(line));
                }
            } else {
                return Err(NoReply(begin(line)));
            }
        }
        let rest = all.len() - taken;
        if rest > REPLY_BYTES_MAX {
            return Err(NoReply(begin(all.get(taken..).unwrap_or_default())));
        }
        self.buffer.copy_within(taken..taken + rest, 0);
        self.filled = rest;
        Ok(counted)
    }
}

fn begin(line: &[u8]) -> String {
    String::from_utf8_lossy(line.get(..200).unwrap_or(line)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(replies: &mut Replies, bytes: &[u8]) -> Result<Counted, NoReply> {
        replies.room()[..bytes.len()].copy_from_slice(bytes);
        replies.take(bytes.len())
    }

    #[test]
    fn replies_are_counted_wherever_a_block_ends() {
        let text = b"{\"ok\":true,\"seq\":1}\n{\"ok\":false,\"code\":\"x\"}\n{\"ok\":true}\n";
        for cut in 0..=text.len() {
            let mut replies = Replies::new();
            let mut yes = 0;
            let mut first_no = None;
            for part in [&text[..cut], &text[cut..]] {
                let counted = feed(&mut replies, part).unwrap();
                yes += counted.yes;
                first_no = first_no.or(counted.first_no);
            }
            assert_eq!((yes, first_no.as_deref()), (2, Some(r#"{"ok":false,"code":"x"}"#)));
            assert_eq!(replies.filled, 0);
        }
    }

    #[test]
    fn what_is_no_reply_is_shown() {
        let mut replies = Replies::new();
        let odd = feed(&mut replies, b"{\"ok\":true}\nHTTP/1.1 400 Bad Request\n");
        assert_eq!(odd, Err(NoReply("HTTP/1.1 400 Bad Request".to_owned())));
    }

    #[test]
    fn a_line_without_end_is_given_up() {
        let mut replies = Replies::new();
        let given_up = (0..1_000).find_map(|_| feed(&mut replies, &[b'x'; 4_096]).err());
        assert_eq!(given_up.unwrap().0.len(), 200);
    }
}
