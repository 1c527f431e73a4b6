//! Finds the replies in what was read and tells a yes from a no by the first bytes; nothing else of
//! them is looked at. One buffer serves all connections of a thread, so that it stays in the
//! processor's cache; the line that a block ends in is kept aside by its connection.
//! Not here: what was asked (`flight`), reading (`lane`).

use protocol::lines;

/// How every answer that is a yes begins.
const YES: &[u8] = b"{\"ok\":true";
/// How every answer that is a no begins.
const NO: &[u8] = b"{\"ok\":false";

/// Most bytes of a reply: those of transfers have some 300.
const REPLY_BYTES_MAX: usize = 1 << 20;

/// How much is read at a time.
const READ_BYTES: usize = 256 << 10;

/// Room for what is read, of one thread.
#[derive(Debug)]
pub struct Room(Vec<u8>);

/// The beginning of a line of one connection.
#[derive(Debug, Default)]
pub struct Begun(Vec<u8>);

/// What came is no reply: how it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoReply(pub String);

impl Room {
    /// Room for any reply that is taken, and a block behind it.
    pub fn new() -> Self {
        Self(vec![0; REPLY_BYTES_MAX + READ_BYTES])
    }

    /// Where the next bytes of a connection are to be read to; never empty.
    pub fn behind(&mut self, begun: &Begun) -> &mut [u8] {
        let filled = begun.0.len().min(REPLY_BYTES_MAX);
        self.0.get_mut(filled..filled + READ_BYTES).unwrap_or_default()
    }

    /// Takes `count` bytes that were read to [`Room::behind`], and gives `each` every line that is
    /// complete with whether it is a yes; how many there were. Errors: a line is no reply, or has no
    /// end.
    pub fn take(
        &mut self,
        begun: &mut Begun,
        count: usize,
        mut each: impl FnMut(bool, &[u8]) -> bool,
    ) -> Result<u64, NoReply> {
        if let Some(front) = self.0.get_mut(..begun.0.len()) {
            front.copy_from_slice(&begun.0);
        }
        let all = self.0.get(..begun.0.len() + count).unwrap_or_default();
        let (mut taken, mut replies) = (0, 0);
        for line in lines::split(all) {
            taken += line.len() + 1;
            replies += 1;
            let is_yes = line.starts_with(YES);
            if !(is_yes || line.starts_with(NO)) || !each(is_yes, line) {
                return Err(NoReply(begin(line)));
            }
        }
        let rest = all.get(taken..).unwrap_or_default();
        if rest.len() > REPLY_BYTES_MAX {
            return Err(NoReply(begin(rest)));
        }
        begun.0.clear();
        begun.0.extend_from_slice(rest);
        Ok(replies)
    }
}

fn begin(line: &[u8]) -> String {
    String::from_utf8_lossy(line.get(..200).unwrap_or(line)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(
        room: &mut Room,
        begun: &mut Begun,
        bytes: &[u8],
        seen: &mut Vec<bool>,
    ) -> Result<u64, NoReply> {
        room.behind(begun)[..bytes.len()].copy_from_slice(bytes);
        room.take(begun, bytes.len(), |is_yes, _| {
            seen.push(is_yes);
            true
        })
    }

    #[test]
    fn replies_are_told_apart_wherever_a_block_ends_and_whoever_reads_between() {
        let text = b"{\"ok\":true,\"seq\":1}\n{\"ok\":false,\"code\":\"x\"}\n{\"ok\":true}\n";
        let other = b"{\"ok\":false}\n{\"ok\":fal";
        for cut in 0..=text.len() {
            let mut room = Room::new();
            let (mut begun, mut of_other) = (Begun::default(), Begun::default());
            let (mut seen, mut seen_of_other) = (Vec::new(), Vec::new());
            let one = feed(&mut room, &mut begun, &text[..cut], &mut seen).unwrap();
            feed(&mut room, &mut of_other, other, &mut seen_of_other).unwrap();
            let two = feed(&mut room, &mut begun, &text[cut..], &mut seen).unwrap();
            assert_eq!((one + two, seen), (3, vec![true, false, true]));
            assert_eq!((begun.0.len(), of_other.0.len()), (0, 9));
        }
    }

    #[test]
    fn what_is_no_reply_is_shown() {
        let (mut room, mut begun) = (Room::new(), Begun::default());
        let text = b"{\"ok\":true}\nHTTP/1.1 400 Bad Request\n";
        let odd = feed(&mut room, &mut begun, text, &mut Vec::new());
        assert_eq!(odd, Err(NoReply("HTTP/1.1 400 Bad Request".to_owned())));
    }

    #[test]
    fn a_reply_that_nobody_asked_for_is_shown() {
        let (mut room, mut begun) = (Room::new(), Begun::default());
        let text = b"{\"ok\":true}\n";
        room.behind(&begun)[..text.len()].copy_from_slice(text);
        let odd = room.take(&mut begun, text.len(), |_, _| false);
        assert_eq!(odd, Err(NoReply("{\"ok\":true}".to_owned())));
    }

    #[test]
    fn a_line_without_end_is_given_up() {
        let (mut room, mut begun) = (Room::new(), Begun::default());
        let mut seen = Vec::new();
        let given_up =
            (0..1_000).find_map(|_| feed(&mut room, &mut begun, &[b'x'; 4_096], &mut seen).err());
        assert_eq!(given_up.unwrap().0.len(), 200);
    }
}
