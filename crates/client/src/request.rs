//! Request lines: what the client says, as bytes that end with a newline. Each function appends
//! one line to `out`. Not here: sending them.
//!
//! **Invariant:** keys stand in the order of the documentation, without spaces, so that a server
//! may know the form at a glance; but no server may insist on it.

pub mod history;

use ledger::{AccountId, Amount, Balance, Openings, Seq, Transfer, TxId};
use protocol::Token;
use protocol::limits::NUMBER_MAX;

/// What a write is called, and until when it may be executed.
#[derive(Clone, Copy, Debug)]
pub struct Ticket<'r> {
    /// Its name, for ever.
    pub tx_id: &'r TxId<'r>,
    /// Its deadline by the server's clock, in microseconds since the Unix epoch; `None`: none.
    pub not_after_us: Option<u64>,
}

impl<'r, 'a: 'r> From<&'r TxId<'a>> for Ticket<'r> {
    fn from(tx_id: &'r TxId<'a>) -> Self {
        Self { tx_id, not_after_us: None }
    }
}

/// Asks what one account holds.
pub fn balance(out: &mut Vec<u8>, account: &AccountId<'_>) {
    out.extend_from_slice(br#"{"cmd":"balance","user":"#);
    text(out, account.as_str());
    out.extend_from_slice(b"}\n");
}

/// Asks what several accounts hold, all at one position.
pub fn balances(out: &mut Vec<u8>, accounts: &[AccountId<'_>]) {
    out.extend_from_slice(br#"{"cmd":"balance","users":["#);
    for (place, account) in accounts.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        text(out, account.as_str());
    }
    out.extend_from_slice(b"]}\n");
}

/// Lets money enter the bank.
pub fn deposit<'r>(
    out: &mut Vec<u8>,
    account: &AccountId<'_>,
    amount: Amount,
    ticket: impl Into<Ticket<'r>>,
) {
    one_account(out, br#"{"cmd":"deposit","user":"#, account, amount, ticket.into());
}

/// Lets money leave the bank.
pub fn withdraw<'r>(
    out: &mut Vec<u8>,
    account: &AccountId<'_>,
    amount: Amount,
    ticket: impl Into<Ticket<'r>>,
) {
    one_account(out, br#"{"cmd":"withdraw","user":"#, account, amount, ticket.into());
}

/// Moves money between two accounts.
pub fn transfer<'r>(out: &mut Vec<u8>, transfer: &Transfer<'_>, ticket: impl Into<Ticket<'r>>) {
    out.extend_from_slice(br#"{"cmd":"transfer","from":"#);
    text(out, transfer.from().as_str());
    out.extend_from_slice(br#","to":"#);
    text(out, transfer.to().as_str());
    amount_and_ticket(out, transfer.amount(), ticket.into());
}

/// Sets balances, all or nothing.
pub fn init<'r>(out: &mut Vec<u8>, openings: &Openings<'_>, ticket: impl Into<Ticket<'r>>) {
    out.extend_from_slice(br#"{"cmd":"init_accounts","accounts":{"#);
    for (place, (account, balance)) in openings.as_slice().iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        opening(out, account, *balance);
    }
    out.push(b'}');
    ticket_and_end(out, ticket.into());
}

/// Says who asks.
pub fn auth(out: &mut Vec<u8>, token: &Token<'_>) {
    out.extend_from_slice(br#"{"cmd":"auth","token":"#);
    // A token is printable; what is not makes a line that the server refuses.
    text(out, token.reveal());
    out.extend_from_slice(b"}\n");
}

/// Asks for every transaction from `from` on, as it happens; `None`: from what happens next.
pub fn follow(out: &mut Vec<u8>, from: Option<Seq>) {
    out.extend_from_slice(br#"{"cmd":"follow""#);
    if let Some(from) = from {
        out.extend_from_slice(br#","from_seq":"#);
        out.extend_from_slice(from.to_string().as_bytes());
    }
    out.extend_from_slice(b"}\n");
}

/// Asks the server to stop in good order.
pub fn shutdown(out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"cmd\":\"shutdown\"}\n");
}

/// How many bytes an opening balance takes in the line of [`init`], the comma before it included.
pub fn opening_bytes(account: &AccountId<'_>, balance: Balance) -> usize {
    let mut out = Vec::new();
    opening(&mut out, account, balance);
    out.len() + 1
}

/// How many bytes the line of [`init`] has besides its opening balances, at most: with the longest
/// deadline.
pub fn init_frame_bytes(tx_id: &TxId<'_>) -> usize {
    let mut out = Vec::new();
    init(&mut out, &Openings::default(), Ticket { tx_id, not_after_us: Some(NUMBER_MAX) });
    out.len()
}

fn opening(out: &mut Vec<u8>, account: &AccountId<'_>, balance: Balance) {
    text(out, account.as_str());
    out.push(b':');
    out.extend_from_slice(balance.get().to_string().as_bytes());
}

fn one_account(
    out: &mut Vec<u8>,
    head: &[u8],
    account: &AccountId<'_>,
    amount: Amount,
    ticket: Ticket<'_>,
) {
    out.extend_from_slice(head);
    text(out, account.as_str());
    amount_and_ticket(out, amount, ticket);
}

fn amount_and_ticket(out: &mut Vec<u8>, amount: Amount, ticket: Ticket<'_>) {
    out.extend_from_slice(br#","amount":"#);
    out.extend_from_slice(amount.get().to_string().as_bytes());
    ticket_and_end(out, ticket);
}

fn ticket_and_end(out: &mut Vec<u8>, Ticket { tx_id, not_after_us }: Ticket<'_>) {
    out.extend_from_slice(br#","tx_id":"#);
    text(out, tx_id.as_str());
    if let Some(not_after_us) = not_after_us {
        out.extend_from_slice(br#","not_after":"#);
        out.extend_from_slice(not_after_us.to_string().as_bytes());
    }
    out.extend_from_slice(b"}\n");
}

/// Writes a JSON string whose `value` holds no control character, as account names and tx_ids do
/// not: the quotation mark and the backslash are then all that RFC 8259, section 7, wants escaped.
fn text(out: &mut Vec<u8>, value: &str) {
    out.push(b'"');
    for &byte in value.as_bytes() {
        if byte == b'"' || byte == b'\\' {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn line(write: impl FnOnce(&mut Vec<u8>)) -> Value {
        let mut out = Vec::new();
        write(&mut out);
        assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1);
        assert_eq!(out.last(), Some(&b'\n'));
        serde_json::from_slice(&out).unwrap()
    }

    fn account(name: &str) -> AccountId<'_> {
        AccountId::new(name).unwrap()
    }

    #[test]
    fn requests_are_those_of_the_documentation() {
        let amount = Amount::new(777).unwrap();
        let tx_id = TxId::new("t-1").unwrap();
        let move_it = Transfer::new(account("alice"), account("bob"), amount).unwrap();
        let openings = Openings::new(vec![
            (account("alice"), Balance::new(100_000).unwrap()),
            (account("bob"), Balance::ZERO),
        ])
        .unwrap();
        assert_eq!(
            line(|out| balance(out, &account("alice"))),
            json!({"cmd":"balance","user":"alice"})
        );
        assert_eq!(
            line(|out| balances(out, &[account("alice"), account("bob")])),
            json!({"cmd":"balance","users":["alice","bob"]})
        );
        assert_eq!(
            line(|out| deposit(out, &account("alice"), amount, &tx_id)),
            json!({"cmd":"deposit","user":"alice","amount":777,"tx_id":"t-1"})
        );
        assert_eq!(
            line(|out| withdraw(out, &account("alice"), amount, &tx_id)),
            json!({"cmd":"withdraw","user":"alice","amount":777,"tx_id":"t-1"})
        );
        assert_eq!(
            line(|out| transfer(out, &move_it, &tx_id)),
            json!({"cmd":"transfer","from":"alice","to":"bob","amount":777,"tx_id":"t-1"})
        );
        assert_eq!(
            line(|out| init(out, &openings, &tx_id)),
            json!({"cmd":"init_accounts","accounts":{"alice":100000,"bob":0},"tx_id":"t-1"})
        );
        assert_eq!(line(shutdown), json!({"cmd":"shutdown"}));
    }

    #[test]
    fn a_deadline_stands_behind_the_tx_id() {
        let tx_id = TxId::new("t").unwrap();
        let ticket = Ticket { tx_id: &tx_id, not_after_us: Some(1_764) };
        let amount = Amount::new(7).unwrap();
        assert_eq!(
            line(|out| withdraw(out, &account("alice"), amount, ticket)),
            json!({"cmd":"withdraw","user":"alice","amount":7,"tx_id":"t","not_after":1764})
        );
        assert_eq!(
            line(|out| init(out, &Openings::default(), ticket)),
            json!({"cmd":"init_accounts","accounts":{},"tx_id":"t","not_after":1764})
        );
    }

    #[test]
    fn a_name_with_quotes_backslashes_and_foreign_letters_arrives_as_it_is() {
        for name in [r#"a"b"#, r"a\", r#"\"},{"#, "josé", "\u{202e}evil", "日本", "💰"] {
            let sent = line(|out| balance(out, &account(name)));
            assert_eq!(sent, json!({"cmd":"balance","user":name}));
        }
    }

    #[test]
    fn the_size_of_an_init_line_is_known_before_it_is_written() {
        let tx_id = TxId::new("t\"1").unwrap();
        let pairs: Vec<_> = ["a", r#"q"q"#, "josé"]
            .into_iter()
            .zip([0, 7, 9_007_199_254_740_991])
            .map(|(name, units)| (account(name), Balance::new(units).unwrap()))
            .collect();
        let told: usize = pairs.iter().map(|(name, units)| opening_bytes(name, *units)).sum();
        let mut out = Vec::new();
        let ticket = Ticket { tx_id: &tx_id, not_after_us: Some(NUMBER_MAX) };
        init(&mut out, &Openings::new(pairs).unwrap(), ticket);
        // The first opening has no comma before it.
        assert_eq!(out.len(), init_frame_bytes(&tx_id) + told - 1);
    }
}
