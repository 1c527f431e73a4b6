//! Bad input: each line gets a clear error with a stable code and changes nothing, and the next
//! request on the connection works, unless the line was over the limit.

use serde_json::Value;

use crate::harness::{Folder, Journal, Server, Wire};

/// The longest line, its line feed not counted.
const LINE_BYTES_MAX: usize = 1 << 20;

/// A bad line and the code of its error.
struct Case {
    line: Vec<u8>,
    code: &'static str,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |code: &'static str, lines: Vec<Vec<u8>>| {
        cases.extend(lines.into_iter().map(|line| Case { line, code }));
    };
    add("invalid_amount", amounts().into_iter().flat_map(in_every_write).collect());
    add("bad_json", numbers_that_are_no_json().into_iter().flat_map(in_every_write).collect());
    add("invalid_amount", opening_balances());
    add("invalid_name", names().into_iter().flat_map(in_every_place).collect());
    add("bad_json", strings_that_are_no_json().into_iter().flat_map(in_every_place).collect());
    add("bad_json", lines_that_are_no_object());
    add("invalid_tx_id", tx_ids());
    add("same_account", vec![transfer("alice", "alice")]);
    let missing = [
        "{}",
        r#"{"user":"alice"}"#,
        r#"{"cmd":"balance"}"#,
        r#"{"cmd":"deposit","user":"alice"}"#,
        r#"{"cmd":"withdraw","amount":1}"#,
        r#"{"cmd":"transfer","from":"alice","amount":1}"#,
        r#"{"cmd":"transfer","to":"alice","amount":1}"#,
        r#"{"cmd":"init_accounts"}"#,
    ];
    add("missing_field", missing.map(Vec::from).to_vec());
    let unknown = [
        r#"{"cmd":"fly"}"#,
        r#"{"cmd":""}"#,
        r#"{"cmd":"Deposit","user":"alice","amount":1}"#,
        r#"{"cmd":5}"#,
        r#"{"cmd":null}"#,
        r#"{"cmd":["shutdown"]}"#,
        r#"{"cmd":"shutdown "}"#,
    ];
    add("unknown_cmd", unknown.map(Vec::from).to_vec());
    let invalid = [
        r#"{"cmd":"init_accounts","accounts":[]}"#,
        r#"{"cmd":"init_accounts","accounts":7}"#,
        r#"{"cmd":"init_accounts","accounts":null}"#,
        r#"{"cmd":"balance","users":"alice"}"#,
        r#"{"cmd":"balance","users":[]}"#,
        r#"{"cmd":"balance","user":"alice","users":["bob"]}"#,
    ];
    add("invalid_request", invalid.map(Vec::from).to_vec());
    cases
}

/// JSON values that are no amount.
fn amounts() -> Vec<String> {
    let values = [
        "0",
        "-0",
        "-1",
        "-5",
        "1.0",
        "0.5",
        "12.5",
        "-1.5",
        "1e3",
        "1E3",
        "1e-3",
        "1e400",
        "9007199254740992",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "18446744073709551616",
        "340282366920938463463374607431768211456",
        "true",
        "false",
        "null",
        "[]",
        "[1]",
        "{}",
        r#""""#,
        r#"" 5""#,
        r#""5 ""#,
        r#""+5""#,
        r#""-5""#,
        r#""1.0""#,
        r#""1e3""#,
        r#""five""#,
        r#""9007199254740992""#,
        r#""0x10""#,
        r#""٣""#,
    ];
    values.map(str::to_owned).to_vec()
}

/// Numbers that JSON does not know.
fn numbers_that_are_no_json() -> Vec<String> {
    ["01", "+5", ".5", "5.", "0x10", "NaN", "Infinity", "-Infinity", "1_000", "--5", "1e", "-"]
        .map(str::to_owned)
        .to_vec()
}

/// JSON values that name no account.
fn names() -> Vec<String> {
    let mut values = [
        r#""""#,
        r#""\u0000""#,
        r#""a\nb""#,
        r#""\t""#,
        r#""\r""#,
        r#""\u001b[31m""#,
        "\"\u{7f}\"",
        r#""\u0085""#,
        r#""@world""#,
        r#""\u0040world""#,
        "5",
        "null",
        "true",
        "[]",
        r#"["alice"]"#,
        "{}",
    ]
    .map(str::to_owned)
    .to_vec();
    values.push(format!("\"{}\"", "x".repeat(65)));
    values.push(format!("\"{}\"", "é".repeat(33)));
    values.push(format!("\"{}\"", "x".repeat(100_000)));
    values
}

/// Strings that are no JSON, as bytes.
fn strings_that_are_no_json() -> Vec<Vec<u8>> {
    vec![
        b"\"\xff\"".to_vec(),
        b"\"\xc3\"".to_vec(),
        b"\"\xc0\xaf\"".to_vec(),
        b"\"\xed\xa0\x80\"".to_vec(),
        b"\"\xf5\x80\x80\x80\"".to_vec(),
        br#""\ud800""#.to_vec(),
        br#""a\udfffb""#.to_vec(),
        br#""\ud83d\u0041""#.to_vec(),
        br#""\x41""#.to_vec(),
        br#""\u12""#.to_vec(),
        b"\"a\tb\"".to_vec(),
        b"\"a\0b\"".to_vec(),
        b"alice".to_vec(),
        b"'alice'".to_vec(),
        b"\"alice".to_vec(),
    ]
}

fn lines_that_are_no_object() -> Vec<Vec<u8>> {
    let mut lines = [
        "",
        " ",
        "\r",
        "\t",
        "hello",
        "[7]",
        "5",
        "null",
        "\"cmd\"",
        "{",
        "}",
        "\0",
        "\u{feff}{\"cmd\":\"balance\",\"user\":\"alice\"}",
        r#"{"cmd":"deposit","user":"alice","amount":1"#,
        r#"{"cmd":"deposit","user":"alice","amount":"#,
        r#"{"cmd":"deposit","user":"ali"#,
        r#"{"cmd":"deposit","user":"alice","amount":1,}"#,
        r#"{"cmd":"deposit" "user":"alice","amount":1}"#,
        r#"{cmd:"deposit",user:"alice",amount:1}"#,
        r#"{"cmd":"deposit","user":"alice","amount":1} x"#,
        r#"{"cmd":"deposit","user":"alice","amount":1}{"cmd":"shutdown"}"#,
        r#"{"cmd":"deposit","user":"alice","amount":1} // one"#,
        r#"[{"cmd":"deposit","user":"alice","amount":1}]"#,
        // Repeated keys, in every disguise.
        r#"{"cmd":"deposit","user":"alice","amount":1,"amount":2}"#,
        r#"{"cmd":"deposit","user":"alice","amount":1,"amount":1}"#,
        r#"{"cmd":"deposit","user":"alice","amount":1,"\u0061mount":2}"#,
        r#"{"cmd":"deposit","user":"alice","user":"bob","amount":1}"#,
        r#"{"cmd":"shutdown","cmd":"shutdown"}"#,
        r#"{"cmd":"deposit","user":"alice","amount":1,"note":1,"note":2}"#,
        r#"{"cmd":"init_accounts","accounts":{"alice":1,"alice":2}}"#,
        r#"{"cmd":"init_accounts","accounts":{"alice":1,"\u0061lice":2}}"#,
    ]
    .map(Vec::from)
    .to_vec();
    lines.push(b"{\"cmd\":\"deposit\",\"user\":\"alice\",\"amount\":1}\0".to_vec());
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let (open, close) = (open.repeat(10_000), close.repeat(10_000));
        let field = |name: &str| {
            format!(r#"{{"cmd":"deposit","user":"alice","{name}":{open}1{close}}}"#).into_bytes()
        };
        lines.extend([field("amount"), field("note"), open.clone().into_bytes()]);
    }
    let keys: String = (0..70).map(|key| format!(",\"k{key}\":1")).collect();
    lines.push(format!(r#"{{"cmd":"deposit","user":"alice","amount":1{keys}}}"#).into_bytes());
    lines
}

fn opening_balances() -> Vec<Vec<u8>> {
    ["-1", "\"-0\"", "1.5", "1e3", "9007199254740992", "18446744073709551616", "true", "null", "[]"]
        .map(|value| {
            format!(r#"{{"cmd":"init_accounts","accounts":{{"bob":5,"alice":{value}}}}}"#)
                .into_bytes()
        })
        .to_vec()
}

fn tx_ids() -> Vec<Vec<u8>> {
    let long = format!("\"{}\"", "x".repeat(129));
    ["5", "true", "[]", "{}", r#""\u0000""#, r#""a\nb""#, &long]
        .map(|value| {
            format!(r#"{{"cmd":"deposit","user":"alice","amount":1,"tx_id":{value}}}"#).into_bytes()
        })
        .to_vec()
}

fn in_every_write(amount: String) -> Vec<Vec<u8>> {
    vec![
        format!(r#"{{"cmd":"deposit","user":"alice","amount":{amount}}}"#).into_bytes(),
        format!(r#"{{"cmd":"withdraw","user":"alice","amount":{amount}}}"#).into_bytes(),
        format!(r#"{{"cmd":"transfer","from":"alice","to":"bob","amount":{amount}}}"#).into_bytes(),
    ]
}

fn in_every_place(name: impl Into<Vec<u8>>) -> Vec<Vec<u8>> {
    let name = name.into();
    let around = |before: &str, after: &str| [before.as_bytes(), &name, after.as_bytes()].concat();
    vec![
        around(r#"{"cmd":"balance","user":"#, "}"),
        around(r#"{"cmd":"deposit","user":"#, r#","amount":1}"#),
        around(r#"{"cmd":"transfer","from":"alice","to":"#, r#","amount":1}"#),
        around(r#"{"cmd":"transfer","from":"#, r#","to":"alice","amount":1}"#),
        around(r#"{"cmd":"balance","users":["alice","#, "]}"),
    ]
}

fn transfer(from: &str, to: &str) -> Vec<u8> {
    format!(r#"{{"cmd":"transfer","from":"{from}","to":"{to}","amount":1}}"#).into_bytes()
}

/// Opens a bank in which alice has 1000 and bob 500, both set by the one event there is.
pub const BANK: &str =
    r#"{"cmd":"init_accounts","accounts":{"alice":1000,"bob":500},"tx_id":"open"}"#;

fn bank() -> (Folder, Server) {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let opened = server.connect().ask(BANK);
    assert_eq!(opened["seq"], 1, "{opened}");
    (folder, server)
}

/// Checks one error: its code, and that its text can be shown to a person.
fn check(reply: &Value, code: &str, line: &[u8]) {
    let shown = String::from_utf8_lossy(&line[..line.len().min(200)]).into_owned();
    assert_eq!(reply["ok"], false, "{shown}: {reply}");
    assert_eq!(reply["code"], code, "{shown}: {reply}");
    let error = reply["error"].as_str().unwrap();
    assert!((5..250).contains(&error.len()), "{shown}: {error}");
    assert!(!error.chars().any(char::is_control), "{shown}: {error:?}");
    assert!(!error.ends_with('.'), "{shown}: {error}");
    assert_eq!(reply["as_of"], 1, "{shown}: {reply}");
    assert_eq!(reply.get("seq"), None, "{shown}: nothing was recorded: {reply}");
}

/// Checks that the bank is as it was at its opening.
fn check_unchanged(wire: &mut Wire) {
    assert_eq!(wire.balance("alice"), (1000, 1));
    assert_eq!(wire.balance("bob"), (500, 1));
}

#[test]
fn bad_input_gets_its_code_changes_nothing_and_leaves_the_connection_working() {
    let (folder, server) = bank();
    every_bad_line_gets_its_code_and_changes_nothing(&server);
    drop(server);
    let journal = Journal::read(&folder);
    assert_eq!(journal.last(), 1);
}

/// Sends them all to a server over a bank that [`BANK`] opened, and nothing else.
pub fn every_bad_line_gets_its_code_and_changes_nothing(server: &Server) {
    let mut wire = server.connect();
    let cases = cases();
    assert!(cases.len() > 250, "{}", cases.len());
    for Case { line, code } in &cases {
        wire.send(&[line, &b"\n"[..]].concat());
        check(&wire.reply(), code, line);
        check_unchanged(&mut wire);
    }
    // No account's name begins so.
    for prefix in [r"\u0000", r"a\u0000", r"\u001f", r"\ud83d\ude00", "@", "\u{7f}"] {
        let line = format!(r#"{{"cmd":"accounts","prefix":"{prefix}","count":true}}"#);
        let reply = wire.ask(&line);
        assert_eq!((&reply["ok"], &reply["count"]), (&true.into(), &0.into()), "{line}: {reply}");
        assert_eq!(reply["items"], Value::Array(vec![]), "{line}: {reply}");
    }
    check_unchanged(&mut wire);
}

#[test]
fn bad_input_in_one_write_is_answered_line_by_line_and_the_good_line_behind_it_as_well() {
    let (_folder, server) = bank();
    let mut wire = server.connect();
    for cases in cases().chunks(50) {
        let mut lines: Vec<u8> =
            cases.iter().flat_map(|case| [&case.line, &b"\n"[..]].concat()).collect();
        lines.extend_from_slice(b"{\"cmd\":\"balance\",\"user\":\"alice\"}\n");
        wire.send(&lines);
        for Case { line, code } in cases {
            check(&wire.reply(), code, line);
        }
        assert_eq!(wire.reply()["balance"], 1000);
    }
    check_unchanged(&mut wire);
}

#[test]
fn bad_input_does_not_use_up_its_tx_id() {
    let (_folder, server) = bank();
    let mut wire = server.connect();
    for line in [
        r#"{"cmd":"deposit","user":"alice","amount":0,"tx_id":"t-1"}"#,
        r#"{"cmd":"deposit","user":"","amount":5,"tx_id":"t-1"}"#,
        r#"{"cmd":"transfer","from":"alice","to":"alice","amount":5,"tx_id":"t-1"}"#,
    ] {
        assert_eq!(wire.ask(line)["ok"], false, "{line}");
    }
    let reply = wire.ask(r#"{"cmd":"deposit","user":"alice","amount":5,"tx_id":"t-1"}"#);
    assert_eq!((&reply["ok"], &reply["after"]), (&true.into(), &1005.into()), "{reply}");
    assert_eq!(reply.get("duplicate"), None, "{reply}");
}

/// A balance question of exactly so many bytes.
fn question_of(bytes: usize) -> Vec<u8> {
    let mut line = br#"{"cmd":"balance","user":"alice"}"#.to_vec();
    line.resize(bytes, b' ');
    line
}

#[test]
fn bad_input_over_the_line_limit_is_told_so_and_a_new_connection_works() {
    let (_folder, server) = bank();
    let ended = |line: Vec<u8>| [line, b"\n".to_vec()].concat();
    let lines = [
        ended(question_of(LINE_BYTES_MAX + 1)),
        ended(question_of(2 * LINE_BYTES_MAX)),
        // Without an end, it need not be waited for.
        question_of(LINE_BYTES_MAX + 1),
        vec![b'x'; 2 * LINE_BYTES_MAX],
        vec![0; 2 * LINE_BYTES_MAX],
        ended(format!(r#"{{"cmd":"deposit","user":"{}""#, "x".repeat(2 << 20)).into_bytes()),
    ];
    for line in lines {
        let mut wire = server.connect();
        // The server may close before it has read everything.
        drop(wire.try_send(&line));
        check(&wire.reply(), "line_too_long", &line);
        wire.ends();
        check_unchanged(&mut server.connect());
    }
}

#[test]
fn a_line_of_exactly_the_limit_is_taken() {
    let (_folder, server) = bank();
    let mut wire = server.connect();
    wire.send(&question_of(LINE_BYTES_MAX));
    wire.send(b"\n");
    assert_eq!(wire.reply()["balance"], 1000);
    check_unchanged(&mut wire);
}

#[test]
fn bad_input_before_an_over_long_line_is_still_answered() {
    let (_folder, server) = bank();
    let mut wire = server.connect();
    wire.send(b"hello\n{\"cmd\":\"balance\",\"user\":\"bob\"}\n");
    drop(wire.try_send(&vec![b'x'; 2 * LINE_BYTES_MAX]));
    assert_eq!(wire.reply()["code"], "bad_json");
    assert_eq!(wire.reply()["balance"], 500);
    assert_eq!(wire.reply()["code"], "line_too_long");
    wire.ends();
}

#[test]
fn half_a_request_at_the_end_of_a_connection_does_nothing() {
    let (_folder, server) = bank();
    let mut wire = server.connect();
    wire.send(br#"{"cmd":"deposit","user":"alice","amount":1"#);
    wire.finish();
    assert_eq!(wire.reply()["code"], "bad_json");
    wire.ends();
    check_unchanged(&mut server.connect());
}
