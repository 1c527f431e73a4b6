//! A transaction as text for other programs: the record itself, and the request that made it. To
//! repeat that request is safe: its tx_id happens once.

use ledger::{Command, Seq, Transaction};
use serde_json::{Value, json};

/// Texts to copy. The request is `None` where there is none, or where it names many accounts.
pub(super) struct Copies {
    /// What the journal says, as the bank tells it: one JSON object.
    pub(super) record: String,
    pub(super) request: Option<Request>,
}

/// One request in three forms.
pub(super) struct Request {
    pub(super) curl: String,
    pub(super) saldo: String,
    /// One line for the TCP port.
    pub(super) line: String,
}

/// `host`: by what name the visitor reached this door.
pub(super) fn copies(transaction: &Transaction<'static>, host: &str) -> Copies {
    let mut reply = Vec::new();
    protocol::reply::history::transaction(&mut reply, Some(transaction), Seq::ZERO);
    let record = serde_json::from_slice::<Box<serde_json::value::RawValue>>(&reply)
        .ok()
        .and_then(|reply| {
            let parts: Parts = serde_json::from_str(reply.get()).ok()?;
            Some(parts.transaction.get().to_owned())
        })
        .unwrap_or_default();
    let command = transaction.event.clone().into_command();
    let tx_id = transaction.tx_id.as_str();
    Copies { record, request: command.and_then(|command| request(&command, tx_id, host)) }
}

#[derive(serde::Deserialize)]
struct Parts {
    transaction: Box<serde_json::value::RawValue>,
}

fn request(command: &Command<'_>, tx_id: &str, host: &str) -> Option<Request> {
    let (path, word, names, body) = match command {
        Command::Init(_) => return None,
        Command::Deposit { account, amount } => (
            "deposits",
            "deposit",
            vec![account.as_str()],
            json!({"user": account.as_str(), "amount": amount.get()}),
        ),
        Command::Withdraw { account, amount } => (
            "withdrawals",
            "withdraw",
            vec![account.as_str()],
            json!({"user": account.as_str(), "amount": amount.get()}),
        ),
        Command::Transfer(transfer) => (
            "transfers",
            "transfer",
            vec![transfer.from().as_str(), transfer.to().as_str()],
            json!({
                "from": transfer.from().as_str(),
                "to": transfer.to().as_str(),
                "amount": transfer.amount().get(),
            }),
        ),
    };
    let amount = body.get("amount").cloned().unwrap_or_default();
    let curl = format!(
        "curl http://{host}/api/v1/{path} -H 'Content-Type: application/json' -H {} -d {}",
        quoted(&format!("Idempotency-Key: {tx_id}")),
        quoted(&body.to_string()),
    );
    let names: Vec<String> = names.into_iter().map(quoted).collect();
    // A name may begin with a hyphen: nothing behind `--` is a flag.
    let saldo = format!("saldo {word} --tx-id={} -- {} {amount}", quoted(tx_id), names.join(" "));
    Some(Request { curl, saldo, line: line(word, body, tx_id) })
}

fn line(word: &str, body: Value, tx_id: &str) -> String {
    let mut line = json!({"cmd": word});
    if let (Value::Object(line), Value::Object(body)) = (&mut line, body) {
        line.extend(body);
        line.insert("tx_id".to_owned(), tx_id.into());
    }
    line.to_string()
}

/// As one word of a POSIX shell.
fn quoted(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use ledger::{AccountId, Amount, Balance, Event, Leg, TxId};

    use super::*;

    fn transfer(from: &'static str, tx_id: &'static str) -> Transaction<'static> {
        let leg = |account: &'static str| Leg {
            account: AccountId::new(account).unwrap(),
            before: Balance::ZERO,
            after: Balance::ZERO,
        };
        let amount = Amount::new(777).unwrap();
        let event = Event::Transfer { from: leg(from), to: leg("bob"), amount };
        Transaction {
            seq: Seq::new(3),
            tx_id: TxId::new(tx_id).unwrap(),
            event,
            at_us: 9,
            by: None,
        }
    }

    #[test]
    fn a_transfer_is_told_in_the_words_of_each_program() {
        let copies = copies(&transfer("alice", "t-1"), "127.0.0.1:5080");
        let request = copies.request.unwrap();
        assert_eq!(request.saldo, "saldo transfer --tx-id=t-1 -- alice bob 777");
        let line: Value = serde_json::from_str(&request.line).unwrap();
        let expected =
            json!({"cmd":"transfer","from":"alice","to":"bob","amount":777,"tx_id":"t-1"});
        assert_eq!(line, expected);
        assert!(request.curl.starts_with("curl http://127.0.0.1:5080/api/v1/transfers "));
        assert!(copies.record.starts_with("{\"seq\":3,\"tx\":\"transfer\""), "{}", copies.record);
    }

    #[test]
    fn a_hostile_name_stays_one_word_of_the_shell() {
        let request = copies(&transfer("a'; rm -rf $HOME #", "x y"), "h").request.unwrap();
        assert_eq!(
            request.saldo,
            r"saldo transfer --tx-id='x y' -- 'a'\''; rm -rf $HOME #' bob 777"
        );
    }
}
