//! The client against servers that behave and servers that do not. Each test plays the server
//! itself, step by step.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::time::Duration;

use client::reply::Refusal;
use client::reply::history::Outcome;
use client::request::history::{Page, Part};
use client::{Address, Client, Connection, Error, Fault, REPLY_BYTES_MAX, new_tx_id};
use ledger::{AccountId, Amount, Seq, TxId};
use protocol::query::{Named, Order};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Long enough never to be reached by a test that does not wait for it.
const PATIENT: Duration = Duration::from_secs(30);
/// Short enough for a test that waits for it.
const IMPATIENT: Duration = Duration::from_millis(200);

const DONE: &str = r#"{"ok":true,"before":0,"after":5,"seq":1,"tx_id":"t"}"#;
const DONE_BEFORE: &str =
    r#"{"ok":true,"before":0,"after":5,"seq":1,"tx_id":"t","duplicate":true}"#;
const UNKNOWN: &str = r#"{"ok":false,"code":"outcome_unknown","error":"the answer was lost"}"#;
const UNREACHABLE: &str =
    r#"{"ok":false,"code":"database_unreachable","error":"the database does not answer"}"#;
const OVERLOADED: &str = r#"{"ok":false,"code":"overloaded","error":"too many requests wait"}"#;

/// One accepted connection, as the server sees it.
struct Guest(BufReader<TcpStream>);

impl Guest {
    async fn arrive(listener: &TcpListener) -> Self {
        Self(BufReader::new(listener.accept().await.unwrap().0))
    }

    async fn hear(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).await.unwrap();
        line
    }

    async fn say(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    async fn answer(&mut self, line: &str) {
        self.say(&format!("{line}\n")).await;
    }
}

async fn listen() -> (TcpListener, Address) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Address::parse(&listener.local_addr().unwrap().to_string()).unwrap();
    (listener, address)
}

fn deposit(address: &Address, timeout: Duration) -> JoinHandle<Result<Settled, Error>> {
    let mut client = Client::new(address.clone(), timeout);
    tokio::spawn(async move { deposit_with(&mut client).await })
}

/// What became of a deposit: whether it had happened before, or why not.
type Settled = Result<bool, Refusal>;

async fn deposit_with(client: &mut Client) -> Result<Settled, Error> {
    let alice = AccountId::new("alice").unwrap();
    let tx_id = TxId::new("t").unwrap();
    let reply = client.deposit(&alice, Amount::new(5).unwrap(), &tx_id).await?;
    Ok(reply.answer.map(|moved| moved.duplicate))
}

fn tx_id_of(error: &Error) -> Option<&str> {
    match error {
        Error::OutcomeUnknown { tx_id, .. } => tx_id.as_ref().map(TxId::as_str),
        Error::Unreachable(_) | Error::NoAnswer(_) | Error::BadReply { .. } => {
            panic!("the outcome is called known: {error:?}")
        }
    }
}

#[tokio::test]
async fn a_request_is_one_line_and_its_reply_is_kept_as_it_came() {
    let (listener, address) = listen().await;
    let asking = tokio::spawn(async move {
        let mut client = Client::new(address, PATIENT);
        client.balance(&AccountId::new("josé").unwrap()).await
    });
    let mut guest = Guest::arrive(&listener).await;
    assert_eq!(guest.hear().await, "{\"cmd\":\"balance\",\"user\":\"josé\"}\n");
    let line = r#"{"ok": true,  "user":"jos\u00e9","balance":7,"as_of":3,"later":[1]}"#;
    guest.answer(line).await;
    let reply = asking.await.unwrap().unwrap();
    assert_eq!(reply.line, line);
    assert_eq!(reply.answer.unwrap().balance.get(), 7);
}

#[tokio::test]
async fn where_nobody_listens_nothing_is_sent_and_the_caller_hears_it_at_once() {
    let (listener, address) = listen().await;
    drop(listener);
    let begun = Instant::now();
    let error = deposit(&address, PATIENT).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Unreachable(Fault::Io(_))), "{error:?}");
    assert!(begun.elapsed() < PATIENT / 2);
}

#[tokio::test]
async fn a_write_that_lost_its_connection_is_sent_again_with_the_same_tx_id() {
    let (listener, address) = listen().await;
    let asking = deposit(&address, PATIENT);
    let mut guest = Guest::arrive(&listener).await;
    let first = guest.hear().await;
    drop(guest);
    let mut guest = Guest::arrive(&listener).await;
    assert_eq!(guest.hear().await, first);
    assert!(first.contains(r#""tx_id":"t""#));
    guest.answer(DONE_BEFORE).await;
    assert_eq!(asking.await.unwrap().unwrap(), Ok(true));
}

#[tokio::test]
async fn a_write_that_is_never_answered_ends_with_its_tx_id_and_an_unknown_outcome() {
    let (listener, address) = listen().await;
    let asking = deposit(&address, IMPATIENT);
    let mut guest = Guest::arrive(&listener).await;
    guest.hear().await;
    let error = asking.await.unwrap().unwrap_err();
    assert_eq!(tx_id_of(&error), Some("t"));
}

#[tokio::test]
async fn a_write_that_was_lost_stays_unknown_when_the_server_is_gone_afterwards() {
    let (listener, address) = listen().await;
    let asking = deposit(&address, IMPATIENT);
    let mut guest = Guest::arrive(&listener).await;
    guest.hear().await;
    drop(listener);
    drop(guest);
    let error = asking.await.unwrap().unwrap_err();
    assert_eq!(tx_id_of(&error), Some("t"));
}

#[tokio::test]
async fn a_write_that_was_lost_stays_unknown_when_the_server_is_overloaded_afterwards() {
    let (listener, address) = listen().await;
    let asking = deposit(&address, IMPATIENT);
    let mut guest = Guest::arrive(&listener).await;
    guest.hear().await;
    drop(guest);
    let server = tokio::spawn(async move {
        loop {
            let mut guest = Guest::arrive(&listener).await;
            guest.hear().await;
            guest.answer(OVERLOADED).await;
        }
    });
    let error = asking.await.unwrap().unwrap_err();
    assert_eq!(tx_id_of(&error), Some("t"));
    server.abort();
}

#[tokio::test]
async fn a_write_that_was_lost_stays_unknown_when_the_server_cannot_look_it_up() {
    for code in ["index_unavailable", "a_code_of_later"] {
        let (listener, address) = listen().await;
        let asking = deposit(&address, PATIENT);
        let mut guest = Guest::arrive(&listener).await;
        guest.hear().await;
        drop(guest);
        let mut guest = Guest::arrive(&listener).await;
        guest.hear().await;
        guest.answer(&format!(r#"{{"ok":false,"error":"not now","code":"{code}"}}"#)).await;
        let error = asking.await.unwrap().unwrap_err();
        assert_eq!(tx_id_of(&error), Some("t"));
    }
}

#[tokio::test]
async fn a_server_that_does_not_know_the_outcome_is_asked_again() {
    let (listener, address) = listen().await;
    let asking = deposit(&address, PATIENT);
    let mut guest = Guest::arrive(&listener).await;
    let first = guest.hear().await;
    guest.answer(UNKNOWN).await;
    let mut guest = Guest::arrive(&listener).await;
    assert_eq!(guest.hear().await, first);
    guest.answer(DONE).await;
    assert_eq!(asking.await.unwrap().unwrap(), Ok(false));
}

#[tokio::test]
async fn what_the_server_does_not_know_stays_unknown_when_it_is_gone_afterwards() {
    let (listener, address) = listen().await;
    let asking = deposit(&address, IMPATIENT);
    let mut guest = Guest::arrive(&listener).await;
    guest.hear().await;
    drop(listener);
    guest.answer(UNKNOWN).await;
    let error = asking.await.unwrap().unwrap_err();
    assert_eq!(tx_id_of(&error), Some("t"));
}

#[tokio::test]
async fn what_a_server_could_not_do_at_that_moment_is_asked_again_on_a_new_connection() {
    for refusal in [OVERLOADED, UNREACHABLE] {
        let (listener, address) = listen().await;
        let asking = deposit(&address, PATIENT);
        let mut guest = Guest::arrive(&listener).await;
        let first = guest.hear().await;
        guest.answer(refusal).await;
        drop(guest);
        let mut guest = Guest::arrive(&listener).await;
        assert_eq!(guest.hear().await, first);
        guest.answer(DONE).await;
        assert_eq!(asking.await.unwrap().unwrap(), Ok(false), "{refusal}");
    }
}

#[tokio::test]
async fn what_stays_overloaded_is_refused_and_certainly_did_not_happen() {
    let (listener, address) = listen().await;
    let asking = deposit(&address, IMPATIENT);
    let server = tokio::spawn(async move {
        loop {
            let mut guest = Guest::arrive(&listener).await;
            guest.hear().await;
            guest.answer(OVERLOADED).await;
        }
    });
    assert_eq!(asking.await.unwrap().unwrap().unwrap_err().code, "overloaded");
    server.abort();
}

#[tokio::test]
async fn a_question_that_is_never_answered_is_no_unknown_outcome() {
    let (listener, address) = listen().await;
    let asking = tokio::spawn(async move {
        let mut client = Client::new(address, IMPATIENT);
        client.balance(&AccountId::new("alice").unwrap()).await
    });
    let mut guest = Guest::arrive(&listener).await;
    guest.hear().await;
    let error = asking.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::NoAnswer(Fault::TimedOut(IMPATIENT))), "{error:?}");
}

#[tokio::test]
async fn a_question_about_history_that_lost_its_connection_is_asked_again() {
    let (listener, address) = listen().await;
    let asking = tokio::spawn(async move {
        let mut client = Client::new(address, PATIENT);
        let part = Part { from: None, to: None, order: Order::NewestFirst };
        client.statement(&AccountId::new("alice").unwrap(), part, Page::default()).await
    });
    let mut guest = Guest::arrive(&listener).await;
    let first = guest.hear().await;
    drop(guest);
    let mut guest = Guest::arrive(&listener).await;
    assert_eq!(guest.hear().await, first);
    assert_eq!(first, "{\"cmd\":\"statement\",\"user\":\"alice\",\"order\":\"newest\"}\n");
    let page = r#"{"ok":true,"user":"alice","items":[],"balance_before":0,"balance_after":0,"exists":false,"next_cursor":null,"as_of":3}"#;
    guest.answer(page).await;
    let statement = asking.await.unwrap().unwrap().answer.unwrap();
    assert_eq!((statement.exists, statement.as_of.get()), (false, 3));
}

#[tokio::test]
async fn a_resolve_that_was_lost_is_sent_again_and_else_its_outcome_is_unknown() {
    let (listener, address) = listen().await;
    let resolve = |timeout| {
        let mut client = Client::new(address.clone(), timeout);
        tokio::spawn(async move { client.resolve(&TxId::new("t").unwrap()).await })
    };
    let asking = resolve(PATIENT);
    let mut guest = Guest::arrive(&listener).await;
    let first = guest.hear().await;
    drop(guest);
    let mut guest = Guest::arrive(&listener).await;
    assert_eq!(guest.hear().await, first);
    let voided = r#"{"ok":true,"outcome":"voided","transaction":{"seq":9,"tx":"void","tx_id":"t","at":7},"seq":9,"tx_id":"t","duplicate":true}"#;
    guest.answer(voided).await;
    let resolved = asking.await.unwrap().unwrap().answer.unwrap();
    assert_eq!((resolved.outcome, resolved.duplicate), (Outcome::Voided, true));

    let asking = resolve(IMPATIENT);
    let mut guest = Guest::arrive(&listener).await;
    guest.hear().await;
    assert_eq!(tx_id_of(&asking.await.unwrap().unwrap_err()), Some("t"));
}

#[tokio::test]
async fn what_is_not_there_yet_is_told_at_once_and_not_asked_for_again() {
    let (listener, address) = listen().await;
    let mut client = Client::new(address, PATIENT);
    for code in ["unknown_transaction", "not_yet", "index_unavailable", "journal_unavailable"] {
        let named = Named::Seq(Seq::new(9));
        let (reply, guest) = tokio::join!(client.transaction(&named), async {
            let mut guest = Guest::arrive(&listener).await;
            guest.hear().await;
            guest.answer(&format!(r#"{{"ok":false,"code":"{code}","error":"no"}}"#)).await;
            guest
        });
        let refusal = reply.unwrap().answer.unwrap_err();
        assert_eq!((refusal.code.as_str(), refusal.is_retryable()), (code, true));
        // The client keeps its connection; without it the next question needs another.
        drop(guest);
    }
}

#[tokio::test]
async fn a_shutdown_is_sent_once_even_when_its_answer_is_lost() {
    let (listener, address) = listen().await;
    let asking = tokio::spawn(async move { Client::new(address, PATIENT).shutdown().await });
    let mut guest = Guest::arrive(&listener).await;
    assert_eq!(guest.hear().await, "{\"cmd\":\"shutdown\"}\n");
    drop(guest);
    tokio::select! {
        _ = Guest::arrive(&listener) => panic!("it came back"),
        asked = asking => assert_eq!(tx_id_of(&asked.unwrap().unwrap_err()), None),
    }
}

#[tokio::test]
async fn an_answer_in_another_protocol_is_shown_and_not_asked_for_again() {
    let (listener, address) = listen().await;
    let asking = deposit(&address, PATIENT);
    let mut guest = Guest::arrive(&listener).await;
    guest.hear().await;
    guest.answer("HTTP/1.1 400 Bad Request\r").await;
    match asking.await.unwrap().unwrap_err() {
        Error::BadReply { tx_id, line, .. } => {
            assert_eq!(line.as_str(), "HTTP/1.1 400 Bad Request\r");
            assert_eq!(tx_id.as_ref().map(TxId::as_str), Some("t"));
        }
        other @ (Error::Unreachable(_) | Error::NoAnswer(_) | Error::OutcomeUnknown { .. }) => {
            panic!("{other:?}")
        }
    }
}

#[tokio::test]
async fn a_reply_that_never_ends_is_given_up() {
    let (listener, address) = listen().await;
    let asking = tokio::spawn(async move {
        let mut client = Client::new(address, PATIENT);
        client.balance(&AccountId::new("alice").unwrap()).await
    });
    let mut guest = Guest::arrive(&listener).await;
    guest.hear().await;
    let block = vec![b'x'; 1 << 20];
    let mut said = 0;
    while guest.0.write_all(&block).await.is_ok() {
        said += block.len();
        assert!(said < 3 * REPLY_BYTES_MAX, "the client takes all of it");
    }
    let error = asking.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::NoAnswer(Fault::ReplyTooLong)), "{error:?}");
}

#[tokio::test]
async fn a_connection_that_the_server_closed_while_it_was_idle_is_replaced() {
    let (listener, address) = listen().await;
    let mut client = Client::new(address, PATIENT);
    let (first, ()) = tokio::join!(deposit_with(&mut client), async {
        let mut guest = Guest::arrive(&listener).await;
        guest.hear().await;
        guest.answer(DONE).await;
    });
    assert_eq!(first.unwrap(), Ok(false));
    let (second, ()) = tokio::join!(deposit_with(&mut client), async {
        let mut guest = Guest::arrive(&listener).await;
        guest.hear().await;
        guest.answer(DONE_BEFORE).await;
    });
    assert_eq!(second.unwrap(), Ok(true));
}

#[tokio::test]
async fn any_number_of_requests_may_be_sent_at_once_to_a_server_that_answers_each_in_turn() {
    const COUNT: usize = 100_000;
    let (listener, address) = listen().await;
    // It reads nothing while it writes, as the simplest server would.
    let server = tokio::spawn(async move {
        let mut guest = Guest::arrive(&listener).await;
        for _ in 0..COUNT {
            let line = guest.hear().await;
            guest.say(&line).await;
        }
    });
    let deadline = Instant::now() + PATIENT;
    let mut connection =
        Connection::open(&address.clone().into(), PATIENT, deadline).await.unwrap();
    let lines: String = (0..COUNT).map(|number| format!("{number:0100}\n")).collect();
    let exchange = connection.exchange(lines.as_bytes(), COUNT, PATIENT, deadline).await;
    assert!(exchange.fault.is_none(), "{:?}", exchange.fault);
    assert_eq!(exchange.sent_bytes, lines.len());
    let sent = lines.lines().map(str::as_bytes);
    assert!(exchange.replies.iter().map(Vec::as_slice).eq(sent));
    server.await.unwrap();
}

#[tokio::test]
async fn an_answer_that_comes_before_all_was_sent_is_read() {
    let (listener, address) = listen().await;
    let deadline = Instant::now() + PATIENT;
    let mut connection =
        Connection::open(&address.clone().into(), PATIENT, deadline).await.unwrap();
    let mut guest = Guest::arrive(&listener).await;
    let lines = vec![b'x'; 32 << 20];
    let (exchange, _) = tokio::join!(connection.exchange(&lines, 1, PATIENT, deadline), async {
        let mut begin = [0; 100];
        guest.0.read_exact(&mut begin).await.unwrap();
        guest.answer("line too long").await;
    });
    assert_eq!(exchange.replies, [b"line too long".to_vec()]);
    assert!(exchange.sent_bytes < lines.len());
}

#[tokio::test]
async fn replies_that_came_before_a_loss_are_kept() {
    let (listener, address) = listen().await;
    let deadline = Instant::now() + PATIENT;
    let mut connection =
        Connection::open(&address.clone().into(), PATIENT, deadline).await.unwrap();
    let mut guest = Guest::arrive(&listener).await;
    let (exchange, ()) =
        tokio::join!(connection.exchange(b"a\nb\n", 2, PATIENT, deadline), async {
            guest.hear().await;
            guest.hear().await;
            guest.say("one\ntw").await;
            drop(guest);
        });
    assert_eq!(exchange.replies, [b"one".to_vec()]);
    assert!(matches!(exchange.fault, Some(Fault::Closed)), "{:?}", exchange.fault);
}

#[test]
fn tx_ids_made_here_are_all_different() {
    let made: std::collections::HashSet<_> = (0..10_000).map(|_| new_tx_id()).collect();
    assert_eq!(made.len(), 10_000);
}
