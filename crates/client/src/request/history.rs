//! Request lines of the questions about history, and of `resolve`.

use ledger::{AccountId, Seq, TxId};
use protocol::query::{Moment, Named, Order};

use super::text;

/// Which page of a list.
#[derive(Clone, Copy, Debug, Default)]
pub struct Page<'r> {
    /// Most items, 1 to 1,000; `None`: as many as the server likes.
    pub limit: Option<usize>,
    /// The `next_cursor` of the page before; `None`: the first page.
    pub cursor: Option<&'r str>,
}

/// Which part of an account's history, and in which order.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// The first moment of interest, it included; `None`: the beginning.
    pub from: Option<Moment>,
    /// The last moment of interest, it included; `None`: now.
    pub to: Option<Moment>,
    /// In which order.
    pub order: Order,
}

/// Asks for one transaction.
pub fn transaction(out: &mut Vec<u8>, named: &Named<'_>) {
    out.extend_from_slice(br#"{"cmd":"transaction""#);
    match named {
        Named::TxId(tx_id) => string(out, "tx_id", tx_id.as_str()),
        Named::Seq(seq) => number(out, "seq", seq.get()),
    }
    end(out);
}

/// Asks for a page of the log, oldest first, both ends included.
pub fn transactions(out: &mut Vec<u8>, from: Option<Seq>, to: Option<Seq>, page: Page<'_>) {
    out.extend_from_slice(br#"{"cmd":"transactions""#);
    for (key, seq) in [("from_seq", from), ("to_seq", to)] {
        if let Some(seq) = seq {
            number(out, key, seq.get());
        }
    }
    page_and_end(out, page);
}

/// Asks for a page of one account's history.
pub fn statement(out: &mut Vec<u8>, account: &AccountId<'_>, part: Part, page: Page<'_>) {
    out.extend_from_slice(br#"{"cmd":"statement","user":"#);
    text(out, account.as_str());
    moment(out, part.from, "from_seq", "from_time");
    moment(out, part.to, "to_seq", "to_time");
    string(
        out,
        "order",
        match part.order {
            Order::NewestFirst => "newest",
            Order::OldestFirst => "oldest",
        },
    );
    page_and_end(out, page);
}

/// Asks what an account held then.
pub fn balance_at(out: &mut Vec<u8>, account: &AccountId<'_>, at: Moment) {
    out.extend_from_slice(br#"{"cmd":"balance","user":"#);
    text(out, account.as_str());
    moment(out, Some(at), "at_seq", "at_time");
    end(out);
}

/// Asks for a page of the accounts whose names begin with `prefix`, and how many these are when
/// `count`.
pub fn accounts(out: &mut Vec<u8>, prefix: &str, count: bool, page: Page<'_>) {
    out.extend_from_slice(br#"{"cmd":"accounts""#);
    if !prefix.is_empty() {
        string(out, "prefix", prefix);
    }
    if count {
        out.extend_from_slice(br#","count":true"#);
    }
    page_and_end(out, page);
}

/// Asks how much there is in all.
pub fn totals(out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"cmd\":\"totals\"}\n");
}

/// Asks what became of a tx_id; one that was never used is voided.
pub fn resolve(out: &mut Vec<u8>, tx_id: &TxId<'_>) {
    out.extend_from_slice(br#"{"cmd":"resolve""#);
    string(out, "tx_id", tx_id.as_str());
    end(out);
}

fn moment(out: &mut Vec<u8>, moment: Option<Moment>, seq_key: &str, time_key: &str) {
    match moment {
        None => {}
        Some(Moment::Seq(seq)) => number(out, seq_key, seq.get()),
        Some(Moment::Time(time_us)) => number(out, time_key, time_us),
    }
}

fn page_and_end(out: &mut Vec<u8>, Page { limit, cursor }: Page<'_>) {
    if let Some(limit) = limit {
        number(out, "limit", limit);
    }
    if let Some(cursor) = cursor {
        string(out, "cursor", cursor);
    }
    end(out);
}

/// A field whose text may hold anything: it comes from a person.
fn string(out: &mut Vec<u8>, key: &str, value: &str) {
    out.extend_from_slice(format!(",\"{key}\":").as_bytes());
    if value.contains(char::is_control) {
        out.extend_from_slice(serde_json::Value::from(value).to_string().as_bytes());
    } else {
        text(out, value);
    }
}

fn number(out: &mut Vec<u8>, key: &str, value: impl ToString) {
    out.extend_from_slice(format!(",\"{key}\":{}", value.to_string()).as_bytes());
}

fn end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"}\n");
}

#[cfg(test)]
mod tests {
    use protocol::{Incoming, parse_line};

    use super::*;

    fn account(name: &str) -> AccountId<'_> {
        AccountId::new(name).unwrap()
    }

    /// The line that `write` writes, which the server's own parser takes for a request.
    fn line(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        let line = String::from_utf8(out).unwrap().strip_suffix('\n').unwrap().to_owned();
        assert!(matches!(
            parse_line(line.as_bytes()),
            Ok(Incoming::Query(_) | Incoming::Resolve(_))
        ));
        line
    }

    #[test]
    fn questions_are_those_of_the_documentation() {
        let tx_id = TxId::new("t-\"1").unwrap();
        let (seq, first) = (Moment::Seq(Seq::new(41)), Page::default());
        assert_eq!(
            line(|out| transaction(out, &Named::TxId(tx_id.clone()))),
            r#"{"cmd":"transaction","tx_id":"t-\"1"}"#
        );
        assert_eq!(
            line(|out| transaction(out, &Named::Seq(Seq::new(41)))),
            r#"{"cmd":"transaction","seq":41}"#
        );
        assert_eq!(line(|out| transactions(out, None, None, first)), r#"{"cmd":"transactions"}"#);
        let page = Page { limit: Some(7), cursor: None };
        assert_eq!(
            line(|out| transactions(out, Some(Seq::new(1)), Some(Seq::new(9)), page)),
            r#"{"cmd":"transactions","from_seq":1,"to_seq":9,"limit":7}"#
        );
        let newest = Part { from: None, to: None, order: Order::NewestFirst };
        assert_eq!(
            line(|out| statement(out, &account("alice"), newest, first)),
            r#"{"cmd":"statement","user":"alice","order":"newest"}"#
        );
        let part =
            Part { from: Some(seq), to: Some(Moment::Time(1_764)), order: Order::OldestFirst };
        assert_eq!(
            line(|out| statement(out, &account("alice"), part, page)),
            concat!(
                r#"{"cmd":"statement","user":"alice","from_seq":41,"to_time":1764,"#,
                r#""order":"oldest","limit":7}"#
            )
        );
        assert_eq!(
            line(|out| balance_at(out, &account("alice"), seq)),
            r#"{"cmd":"balance","user":"alice","at_seq":41}"#
        );
        assert_eq!(line(|out| accounts(out, "", false, first)), r#"{"cmd":"accounts"}"#);
        assert_eq!(
            line(|out| accounts(out, "a\t\\", true, page)),
            r#"{"cmd":"accounts","prefix":"a\t\\","count":true,"limit":7}"#
        );
        assert_eq!(line(totals), r#"{"cmd":"totals"}"#);
        assert_eq!(line(|out| resolve(out, &tx_id)), r#"{"cmd":"resolve","tx_id":"t-\"1"}"#);
    }

    #[test]
    fn a_cursor_goes_back_as_it_came() {
        let mut out = Vec::new();
        let page = Page { limit: None, cursor: Some("s1.41-7.0a\u{1}\"") };
        accounts(&mut out, "", false, page);
        assert_eq!(out, b"{\"cmd\":\"accounts\",\"cursor\":\"s1.41-7.0a\\u0001\\\"\"}\n");
    }
}
