//! Lines come in any pieces; their replies come in their order.

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::door::{Client, Door, deposit};

#[tokio::test]
async fn ten_thousand_requests_in_one_write_are_answered_in_order() {
    let door = Door::open().await;
    let mut client = door.client().await;
    let Client { writer, replies } = &mut client;
    let lines: String = (1..=10_000).map(|amount| deposit("alice", amount)).collect();
    let write = async { writer.write_all(lines.as_bytes()).await.unwrap() };
    let read = async {
        let mut sum = 0;
        for amount in 1..=10_000_u64 {
            let reply = replies.next().await;
            assert_eq!((&reply["seq"], &reply["before"]), (&json!(amount), &json!(sum)));
            sum += amount;
            assert_eq!(reply["after"], json!(sum));
        }
    };
    tokio::join!(write, read);
    client.finish().await;
    client.is_closed().await;
}

#[tokio::test]
async fn a_request_in_two_pieces_is_answered_wherever_it_is_cut() {
    let door = Door::open().await;
    let mut client = door.client().await;
    let lines = concat!(
        "{\"cmd\":\"deposit\",\"user\":\"josé\",\"amount\":1}\r\n",
        "{\"cmd\":\"balance\",\"user\":\"josé\"}\n",
    );
    for cut in 1..lines.len() {
        let (first, second) = lines.as_bytes().split_at(cut);
        client.send(first).await;
        // Lets the server, which runs on this thread, read the first piece alone.
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
        client.send(second).await;
        assert_eq!(client.reply().await["after"], json!(cut));
        assert_eq!(client.reply().await["balance"], json!(cut), "cut at {cut}");
    }
}

#[tokio::test]
async fn requests_that_come_byte_by_byte_are_answered() {
    let door = Door::open().await;
    let mut client = door.client().await;
    for amount in 1..=3 {
        for byte in deposit("alice", amount).bytes() {
            client.send([byte]).await;
            tokio::task::yield_now().await;
        }
        assert_eq!(client.reply().await["seq"], json!(amount));
    }
}

#[tokio::test]
async fn a_line_longer_than_one_read_is_answered_in_its_place() {
    let door = Door::open().await;
    let mut client = door.client().await;
    let accounts: Vec<String> = (0..20_000).map(|n| format!("\"account-{n:05}\":{n}")).collect();
    let init = format!("{{\"cmd\":\"init_accounts\",\"accounts\":{{{}}}}}\n", accounts.join(","));
    assert!(init.len() > 400_000);
    let lines = [deposit("alice", 1), init, deposit("alice", 2)].concat();
    let Client { writer, replies } = &mut client;
    let write = async { writer.write_all(lines.as_bytes()).await.unwrap() };
    let read = async {
        assert_eq!(replies.next().await["after"], json!(1));
        let reply = replies.next().await;
        assert_eq!(reply["accounts"].as_object().unwrap().len(), 20_000);
        assert_eq!(reply["accounts"]["account-19999"], json!(19_999));
        assert_eq!(replies.next().await["after"], json!(3));
    };
    tokio::join!(write, read);
}

#[tokio::test]
async fn refusals_keep_their_place_and_show_nothing_older_than_the_replies_before_them() {
    let door = Door::open().await;
    door.bank.hear_late();
    let mut client = door.client().await;
    let lines = [
        "hello\n",
        &deposit("alice", 5),
        "\n",
        "{\"cmd\":\"withdraw\",\"user\":\"alice\",\"amount\":9,\"tx_id\":\"w\"}\n",
        "{\"cmd\":\"fly\"}\n",
        "{\"cmd\":\"balance\",\"users\":[\"alice\",\"zed\"]}\n",
        "{\"cmd\":\"deposit\",\"user\":\"alice\",\"amount\":0}\n",
    ];
    client.send(lines.concat()).await;
    let mut replies = Vec::new();
    for _ in lines {
        replies.push(client.reply().await);
    }
    let of = |key: &str| -> Vec<Value> { replies.iter().map(|reply| reply[key].clone()).collect() };
    assert_eq!(
        of("code"),
        [
            json!("bad_json"),
            Value::Null,
            json!("bad_json"),
            json!("insufficient_funds"),
            json!("unknown_cmd"),
            Value::Null,
            json!("invalid_amount"),
        ]
    );
    assert_eq!(
        of("as_of"),
        [json!(0), Value::Null, json!(1), json!(2), json!(2), json!(2), json!(2)]
    );
    assert_eq!(replies[3]["seq"], json!(2));
    assert_eq!(replies[5]["balances"][1]["exists"], json!(false));
}

#[tokio::test]
async fn a_last_line_without_its_line_feed_is_answered_before_the_connection_closes() {
    let door = Door::open().await;
    let mut client = door.client().await;
    client.send(deposit("alice", 1)).await;
    client.send(deposit("alice", 2).trim_end()).await;
    client.finish().await;
    assert_eq!(client.reply().await["after"], json!(1));
    assert_eq!(client.reply().await["after"], json!(3));
    client.is_closed().await;
}

#[tokio::test]
async fn a_request_cut_off_by_the_end_of_the_connection_is_refused_and_does_nothing() {
    let door = Door::open().await;
    let mut client = door.client().await;
    client.send("{\"cmd\":\"deposit\",\"user\":\"alice\",\"amount\":5").await;
    client.finish().await;
    assert_eq!(client.reply().await["code"], json!("bad_json"));
    client.is_closed().await;
    assert_eq!(door.bank.requests_count(), 0);
}

#[tokio::test]
async fn nothing_is_answered_before_the_engine_says_that_it_is_durable() {
    let door = Door::open().await;
    door.bank.open_gate(false);
    let mut client = door.client().await;
    client.send("hello\n".to_owned() + &deposit("alice", 1)).await;
    door.bank.executed(1).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let early = client.writer.as_ref().try_read(&mut [0; 64]);
    assert_eq!(early.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    door.bank.open_gate(true);
    assert_eq!(client.reply().await["code"], json!("bad_json"));
    assert_eq!(client.reply().await["after"], json!(1));
}

#[tokio::test]
async fn a_connection_survives_every_kind_of_bad_line() {
    let door = Door::open().await;
    let mut client = door.client().await;
    let bad: [&[u8]; 7] = [
        b"",
        b"\0",
        b"\xff\xfe",
        b"[1]",
        b"{\"cmd\":5}",
        b"{\"cmd\":\"balance\"}",
        b"{\"cmd\":\"balance\",\"user\":\"@world\"}",
    ];
    for line in bad {
        client.send([line, b"\n"].concat()).await;
        let reply = client.reply().await;
        assert_eq!(reply["ok"], json!(false), "{reply}");
        assert!(reply["code"].is_string() && reply["as_of"].is_u64(), "{reply}");
        assert_eq!(client.ask(r#"{"cmd":"balance","user":"a"}"#).await["balance"], json!(0));
    }
}
