//! Reads the requests that almost every line is: a flat object of plain strings and one plain
//! number, in one pass and without allocation.
//!
//! What is not plain is declined, and the general parser reads the line from its start: an escape,
//! a key that is unknown or stands there twice, null, a list, a number with a sign, a fraction or a
//! leading zero, white space other than blanks, a missing field, a name against the rules. So this
//! file refuses nothing and words no error.
//! Not here: the grammar and the ladder of checks, which are `request`'s.
//!
//! **Invariant:** whatever is not declined here, the general parser reads to the same.

use ledger::{AccountId, Amount, Command, Transfer, TxId};

use crate::plain::{in_each_place, plain_length, zero_bytes};
use crate::request::Incoming;

/// Digits of the largest amount; more of them need the general parser's care.
const AMOUNT_DIGITS_MAX: usize = 16;
const _: () = assert!(ledger::limits::AMOUNT_MAX.ilog10() as usize + 1 == AMOUNT_DIGITS_MAX);

/// Up to eight bytes as one word, the first in the lowest place, zeros behind the last.
const fn packed(text: &[u8]) -> u64 {
    let mut word = 0;
    let mut rest = text;
    while let [front @ .., last] = rest {
        word = (word << 8) | *last as u64;
        rest = front;
    }
    word
}

const CMD: u64 = packed(b"cmd");
const USER: u64 = packed(b"user");
const FROM: u64 = packed(b"from");
const TO: u64 = packed(b"to");
const AMOUNT: u64 = packed(b"amount");
const TX_ID: u64 = packed(b"tx_id");

/// The plain values found so far.
#[derive(Default)]
struct Values<'a> {
    cmd: Option<&'a str>,
    user: Option<&'a str>,
    from: Option<&'a str>,
    to: Option<&'a str>,
    amount: Option<i64>,
    tx_id: Option<&'a str>,
}

/// Reads one line, without its line feed, if it is plain and a valid request.
#[inline]
pub(crate) fn parse(line: &[u8]) -> Option<Incoming<'_>> {
    let mut reader = Reader { text: str::from_utf8(line).ok()?, at: 0 };
    let mut values = Values::default();
    reader.take(b'{')?;
    loop {
        reader.take(b'"')?;
        let key = reader.key()?;
        reader.take(b':')?;
        if key == AMOUNT {
            if values.amount.replace(reader.number()?).is_some() {
                return None;
            }
        } else {
            let text = reader.string()?;
            let place = match key {
                CMD => &mut values.cmd,
                FROM => &mut values.from,
                TO => &mut values.to,
                TX_ID => &mut values.tx_id,
                USER => &mut values.user,
                _ => return None,
            };
            if place.replace(text).is_some() {
                return None;
            }
        }
        match reader.next()? {
            b',' => {}
            b'}' => break,
            _ => return None,
        }
    }
    match reader.text.get(reader.at..) {
        Some("" | "\r") => values.request(),
        _ => None,
    }
}

impl<'a> Values<'a> {
    #[inline]
    fn request(&self) -> Option<Incoming<'a>> {
        let command = match self.cmd? {
            "transfer" => {
                let (from, to) = (account(self.from?)?, account(self.to?)?);
                Command::Transfer(Transfer::new(from, to, self.amount()?).ok()?)
            }
            "deposit" => Command::Deposit { account: account(self.user?)?, amount: self.amount()? },
            "withdraw" => {
                Command::Withdraw { account: account(self.user?)?, amount: self.amount()? }
            }
            "balance" => return Some(Incoming::Balance(account(self.user?)?)),
            _ => return None,
        };
        let tx_id = match self.tx_id {
            // An empty tx_id means that the client gave none.
            None | Some("") => None,
            Some(text) => Some(TxId::new(text).ok()?),
        };
        Some(Incoming::Write { command, tx_id, not_after_us: None })
    }

    #[inline]
    fn amount(&self) -> Option<Amount> {
        Amount::new(self.amount?).ok()
    }
}

#[inline]
fn account(name: &str) -> Option<AccountId<'_>> {
    AccountId::new(name).ok()
}

/// A line, and how far it was read.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// The next byte that is no blank.
    #[inline]
    fn next(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        let mut byte = *bytes.get(self.at)?;
        if byte == b' ' {
            self.at = behind_blanks(bytes, self.at);
            byte = *bytes.get(self.at)?;
        }
        self.at += 1;
        Some(byte)
    }

    /// Takes `byte`, and blanks before it.
    #[inline]
    fn take(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    /// The next eight bytes, the first in the lowest place, with zeros behind the end of the line.
    #[inline]
    fn word(&self) -> Option<u64> {
        let rest = self.text.as_bytes().get(self.at..)?;
        match rest.first_chunk() {
            Some(chunk) => Some(u64::from_le_bytes(*chunk)),
            None => {
                let end = u64::from_le_bytes(*self.text.as_bytes().last_chunk()?);
                end.checked_shr(64 - 8 * u32::try_from(rest.len()).ok()?)
            }
        }
    }

    /// A key of at most seven bytes, [`packed`], behind its first quotation mark.
    #[inline]
    fn key(&mut self) -> Option<u64> {
        let word = self.word()?;
        let quotes = zero_bytes(word ^ in_each_place(b'"'));
        if quotes == 0 {
            return None;
        }
        self.at += quotes.trailing_zeros() as usize / 8 + 1;
        // All bits below the quotation mark's byte.
        let key = word & ((quotes ^ (quotes - 1)) >> 8);
        // Zero bytes behind a name would vanish in its packing; in JSON they may not stand there.
        (zero_bytes(word) & (quotes - 1) & !quotes == 0).then_some(key)
    }

    /// A string in which nothing is escaped, with its quotation marks.
    #[inline]
    fn string(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let rest = self.text.get(self.at..)?;
        let length = plain_length(rest.as_bytes());
        if rest.as_bytes().get(length) != Some(&b'"') {
            return None;
        }
        self.at += length + 1;
        rest.get(..length)
    }

    /// A number without sign, fraction and exponent, above zero; what stands behind it is for the
    /// caller, to whom the rest of a fraction is no comma.
    #[inline]
    fn number(&mut self) -> Option<i64> {
        let first = self.next()?;
        if !matches!(first, b'1'..=b'9') {
            return None;
        }
        let mut value = i64::from(first - b'0');
        let rest = self.text.as_bytes().get(self.at..)?;
        let mut length = 0;
        for digit in rest.iter().take(AMOUNT_DIGITS_MAX - 1).map(|byte| byte.wrapping_sub(b'0')) {
            if digit > 9 {
                break;
            }
            value = value * 10 + i64::from(digit);
            length += 1;
        }
        self.at += length;
        Some(value)
    }
}

/// Where the blanks end that begin at `at`. Kept apart: most lines have none or few.
#[inline(never)]
fn behind_blanks(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| **byte == b' ').count()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::{Index, select};

    use super::*;
    use crate::request::parse_any;

    /// What the fast parser must not be wrong about: it declines, or says what the general one does.
    fn agrees(line: &[u8]) -> Result<(), TestCaseError> {
        if let Some(fast) = parse(line) {
            let shown = String::from_utf8_lossy(line);
            prop_assert_eq!(Some(fast), parse_any(line).ok(), "{}", shown);
        }
        Ok(())
    }

    #[test]
    fn plain_requests_are_not_declined() {
        for line in [
            r#"{"cmd":"transfer","from":"alice","to":"bob","amount":777,"tx_id":"t-1"}"#,
            r#"{"cmd": "transfer", "from": "alice", "to": "bob", "amount": 777}"#,
            r#"{ "amount" : 1 , "to" : "b" , "from" : "a" , "cmd" : "transfer" }"#,
            r#"{"cmd":"deposit","user":"josé","amount":9007199254740991,"tx_id":""}"#,
            r#"{"tx_id":"t","cmd":"withdraw","user":"a","amount":5}"#,
            "{\"cmd\":\"balance\",\"user\":\"a\"}\r",
            r#"{"to":"b","amount":1,"from":"a","cmd":"transfer","user":"@"}"#,
        ] {
            let fast = parse(line.as_bytes());
            assert!(fast.is_some(), "{line}");
            assert_eq!(fast, parse_any(line.as_bytes()).ok(), "{line}");
        }
    }

    #[test]
    fn what_is_not_plain_is_declined() {
        for line in [
            "",
            "{",
            "{}",
            r#"{"cmd":"transfer","from":"a","to":"b","amount":5"#,
            r#"{"cmd":"transfer","from":"a","to":"b","amount":5}}"#,
            r#"{"cmd":"transfer","from":"a","to":"b","amount":5,}"#,
            r#"{"cmd":"transfer","from":"a","to":"b","amount":05}"#,
            r#"{"cmd":"transfer","from":"a","to":"b","amount":0}"#,
            r#"{"cmd":"transfer","from":"a","to":"b","amount":-5}"#,
            r#"{"cmd":"transfer","from":"a","to":"b","amount":5.0}"#,
            r#"{"cmd":"transfer","from":"a","to":"b","amount":5e0}"#,
            r#"{"cmd":"transfer","from":"a","to":"b","amount":9007199254740992}"#,
            r#"{"cmd":"transfer","from":"a","to":"b","amount":99999999999999999}"#,
            r#"{"cmd":"transfer","from":"a","to":"b","amount":"5"}"#,
            r#"{"cmd":"transfer","from":"a","to":"a","amount":5}"#,
            r#"{"cmd":"transfer","from":"@a","to":"b","amount":5}"#,
            r#"{"cmd":"transfer","from":"","to":"b","amount":5}"#,
            r#"{"cmd":"transfer","from":"a","to":"b"}"#,
            r#"{"cmd":"transfer","from":"a","from":"a","to":"b","amount":5}"#,
            r#"{"cmd":"transfer","from":"a","to":"b","amount":5,"tx_id":null}"#,
            r#"{"cmd":"transfer","from":"a","to":"b","amount":5,"note":""}"#,
            r#"{"cmd":"balance","user":"a\u0061"}"#,
            "{\"cmd\":\"balance\",\"user\":\"a\tb\"}",
            "{\"cmd\":\"balance\",\"user\":\"a\u{7f}\"}",
            "{\"cmd\":\"balance\",\"user\":\"a\u{85}\"}",
            "{\"cmd\":\"balance\",\"user\":\"a\"} x",
            r#"[{"cmd":"balance","user":"a"}]"#,
            r#"{"cmd":"shutdown"}"#,
            "{\"cmd\0\":\"balance\",\"user\":\"a\"}",
            "{\"cmd\":\"balance\",\"user\0\0\0\":\"a\"}",
            "{\"cmd\":\"deposit\",\"user\":\"a\",\"amount\0\":5}",
        ] {
            assert_eq!(parse(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn names_and_tx_ids_keep_their_longest_length() {
        for length in 1..=140 {
            let text = "x".repeat(length);
            let line = format!(r#"{{"cmd":"balance","user":"{text}"}}"#);
            assert_eq!(parse(line.as_bytes()).is_some(), length <= 64, "{line}");
            let line = format!(r#"{{"cmd":"deposit","user":"a","amount":1,"tx_id":"{text}"}}"#);
            assert_eq!(parse(line.as_bytes()).is_some(), length <= 128, "{line}");
        }
    }

    #[test]
    fn every_byte_in_every_place_of_a_string_is_read_as_the_general_parser_reads_it() {
        for place in 0..20 {
            for byte in 0..=255u8 {
                let mut line = br#"{"cmd":"balance","user":"abcdefghijklmnopqrst"}"#.to_vec();
                line[25 + place] = byte;
                let fast = parse(&line);
                let general = parse_any(&line).ok();
                let plain = (b' '..0x7f).contains(&byte) && byte != b'\\';
                if plain {
                    assert_eq!(fast, general, "{byte:#x} in place {place}");
                } else {
                    assert_eq!(fast, None, "{byte:#x} in place {place}");
                }
            }
        }
    }

    /// Text that is mostly a valid name, and sometimes all but one.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            6 => "[a-z0-9-]{1,20}",
            2 => "[ -~]{0,20}",
            1 => "[a@é\u{7f}\u{80}\u{85}日\\\\\"\t]{0,5}",
            1 => "x{60,70}",
            1 => "x{120,135}",
        ]
    }

    fn number() -> impl Strategy<Value = String> {
        prop_oneof![
            4 => (1..100_000i64).prop_map(|number| number.to_string()),
            1 => any::<i64>().prop_map(|number| number.to_string()),
            1 => (-3..=3i64).prop_map(|off| ((1i64 << 53) + off).to_string()),
            1 => select(vec!["0", "00", "-1", "1.5", "1e3", "007", "", "null", "\"7\"", "true"])
                .prop_map(str::to_owned),
        ]
    }

    fn gap() -> impl Strategy<Value = &'static str> {
        select(vec!["", "", "", "", " ", " ", "  ", "\t", "\r"])
    }

    /// A field in one of its spellings, with blanks around its parts.
    fn field() -> impl Strategy<Value = String> {
        let cmd = select(vec![
            "transfer", "transfer", "transfer", "deposit", "withdraw", "balance", "shutdown", "x",
        ]);
        let key = select(vec!["user", "from", "to", "tx_id", "cmd", "amount", "users", "note", ""]);
        let pair = prop_oneof![
            3 => cmd.prop_map(|cmd| ("cmd", format!("\"{cmd}\""))),
            3 => number().prop_map(|number| ("amount", number)),
            6 => (key, text()).prop_map(|(key, text)| (key, format!("\"{text}\""))),
        ];
        (pair, gap(), gap(), gap()).prop_map(|((key, value), before, between, behind)| {
            format!("{before}\"{key}\"{between}:{between}{value}{behind}")
        })
    }

    /// An object of the four commands' fields in any order, most often a valid request.
    fn request() -> impl Strategy<Value = String> {
        let transfer = (text(), text(), number()).prop_map(|(from, to, amount)| {
            vec![
                "\"cmd\":\"transfer\"".to_owned(),
                format!("\"from\":\"{from}\""),
                format!("\"to\": \"{to}\""),
                format!("\"amount\":{amount}"),
            ]
        });
        let cmds = select(vec!["deposit", "withdraw", "balance"]);
        let others = (cmds, text(), number()).prop_map(|(cmd, user, amount)| {
            vec![
                format!("\"cmd\":\"{cmd}\""),
                format!("\"user\" :\"{user}\""),
                format!("\"amount\":{amount} "),
            ]
        });
        let tx_id = text().prop_map(|text| format!("\"tx_id\":\"{text}\""));
        (prop_oneof![transfer, others], prop::option::of(tx_id), gap())
            .prop_map(|(fields, tx_id, gap)| (fields.into_iter().chain(tx_id).collect(), gap))
            .prop_flat_map(|(fields, gap): (Vec<String>, _)| {
                Just(fields).prop_shuffle().prop_map(move |fields| {
                    format!("{{{}}}{gap}", fields.join(&format!("{gap},{gap}")))
                })
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn requests_in_any_spelling_are_read_as_the_general_parser_reads_them(line in request()) {
            agrees(line.as_bytes())?;
        }

        #[test]
        fn objects_of_any_fields_are_read_as_the_general_parser_reads_them(
            fields in vec(field(), 0..8),
        ) {
            agrees(format!("{{{}}}", fields.join(",")).as_bytes())?;
        }

        #[test]
        fn requests_with_bytes_changed_are_read_as_the_general_parser_reads_them(
            line in request(),
            changes in vec((any::<Index>(), select(b" \"\\{}[]:,.0159-eaxt@\0".to_vec()), 0..3), 1..4),
        ) {
            let mut line = line.into_bytes();
            for (place, byte, how) in changes {
                let place = place.index(line.len());
                match how {
                    0 => line[place] = byte,
                    1 => line.insert(place, byte),
                    _ if line.len() > 1 => drop(line.remove(place)),
                    _ => {}
                }
            }
            agrees(&line)?;
        }

        #[test]
        fn any_bytes_are_read_as_the_general_parser_reads_them(line in any::<Vec<u8>>()) {
            agrees(&line)?;
        }
    }
}
