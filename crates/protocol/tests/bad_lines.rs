//! Lines that are no request: each gets its own code and a clear text, and none of them panics.

use protocol::limits::{DEPTH_MAX, KEYS_MAX};
use protocol::{Code, parse_line};

/// The code and the text of the refusal of `line`.
fn refused(line: &[u8]) -> (Code, String) {
    let shown = String::from_utf8_lossy(line.get(..200).unwrap_or(line)).into_owned();
    match parse_line(line) {
        Ok(incoming) => panic!("taken as {incoming:?}: {shown}"),
        Err(refusal) => (refusal.code(), refusal.to_string()),
    }
}

/// A deposit whose amount is this JSON.
fn amount(json: &str) -> Vec<u8> {
    format!(r#"{{"cmd":"deposit","user":"alice","amount":{json}}}"#).into_bytes()
}

/// A balance question whose user is this JSON.
fn user(json: &str) -> Vec<u8> {
    format!(r#"{{"cmd":"balance","user":{json}}}"#).into_bytes()
}

/// A deposit whose tx_id is this JSON.
fn tx_id(json: &str) -> Vec<u8> {
    format!(r#"{{"cmd":"deposit","user":"alice","amount":1,"tx_id":{json}}}"#).into_bytes()
}

/// An `init_accounts` with this JSON.
fn accounts(json: &str) -> Vec<u8> {
    format!(r#"{{"cmd":"init_accounts","accounts":{json}}}"#).into_bytes()
}

/// A balance question with an ignored field whose value is this JSON.
fn ignored(json: &str) -> Vec<u8> {
    format!(r#"{{"cmd":"balance","user":"alice","note":{json}}}"#).into_bytes()
}

fn assert_all(code: Code, text: &str, lines: &[Vec<u8>]) {
    for line in lines {
        let (found, said) = refused(line);
        let shown = String::from_utf8_lossy(line.get(..200).unwrap_or(line));
        assert_eq!((found, said.as_str()), (code, text), "{shown}");
    }
}

fn assert_all_bad_json(lines: &[Vec<u8>]) {
    for line in lines {
        let (found, said) = refused(line);
        let shown = String::from_utf8_lossy(line.get(..200).unwrap_or(line)).into_owned();
        assert_eq!(found, Code::BadJson, "{said}: {shown}");
        assert!(said.starts_with("bad json: ") && said.len() > 12, "{said}");
    }
}

#[test]
fn integers_of_zero_or_below_are_not_positive() {
    let numbers = [
        "0",
        "-0",
        "-1",
        "-5",
        "-9007199254740992",
        "-9223372036854775808",
        "-99999999999999999999999",
        "\"0\"",
        "\"-0\"",
        "\"000\"",
        "\"-5\"",
        "\"-007\"",
    ];
    assert_all(Code::InvalidAmount, "amount must be > 0", &numbers.map(amount));
}

#[test]
fn integers_beyond_2_to_the_53_minus_1_are_too_large() {
    let numbers = [
        "9007199254740992",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "340282366920938463463374607431768211456",
        "\"9007199254740992\"",
        "\"99999999999999999999999999\"",
    ];
    let text = "amount must be at most 9007199254740991";
    assert_all(Code::InvalidAmount, text, &numbers.map(amount));
}

#[test]
fn what_is_no_whole_number_is_refused_and_never_rounded() {
    let values = [
        "1.0",
        "12.5",
        "1e3",
        "1E3",
        "1e-3",
        "0.0",
        "-1.5",
        "1e400",
        "true",
        "false",
        "null",
        "[]",
        "[5]",
        "{}",
        "{\"a\":1}",
        "\"\"",
        "\" 5\"",
        "\"5 \"",
        "\"+5\"",
        "\"1.0\"",
        "\"1e3\"",
        "\"five\"",
        "\"0x10\"",
        "\"\\u0035\"",
        "\"٣\"",
        "\"NaN\"",
    ];
    let text = "amount must be a whole number of minor units, such as 1250 for 12.50";
    assert_all(Code::InvalidAmount, text, &values.map(amount));
}

#[test]
fn numbers_that_json_does_not_know_are_bad_json() {
    let values =
        ["01", "+5", ".5", "5.", "0x10", "NaN", "Infinity", "1_000", "--5", "1e", "5,", "٣"];
    assert_all_bad_json(&values.map(amount));
}

#[test]
fn names_that_name_no_account_are_refused_with_what_is_wrong() {
    let name = |json: &str, text: &str| {
        assert_all(Code::InvalidName, text, &[user(json)]);
    };
    name("\"\"", "account name is empty");
    name(&format!("\"{}\"", "a".repeat(65)), "account name has 65 bytes, the limit is 64");
    name(&format!("\"{}\"", "é".repeat(33)), "account name has 66 bytes, the limit is 64");
    let control = "account name holds a control character";
    for json in
        [r#""\u0000""#, r#""a\nb""#, r#""\t""#, r#""\u001b[31m""#, "\"\u{7f}\"", r#""\u0085""#]
    {
        name(json, control);
    }
    name("\"@world\"", "account names that begin with '@' are the bank's own");
    name(r#""\u0040world""#, "account names that begin with '@' are the bank's own");
    for json in ["5", "null", "true", "[]", "[\"alice\"]", "{}"] {
        name(json, "account name must be a string");
    }
}

#[test]
fn tx_ids_that_name_no_write_are_refused_with_what_is_wrong() {
    let long = format!("\"{}\"", "x".repeat(129));
    assert_all(Code::InvalidTxId, "tx_id has 129 bytes, the limit is 128", &[tx_id(&long)]);
    let control = ["\"a\\u0000\"", "\"\\n\"", "\"\u{9f}\""].map(tx_id);
    assert_all(Code::InvalidTxId, "tx_id holds a control character", &control);
    let others = ["5", "true", "[]", "{}", "1.5"].map(tx_id);
    assert_all(Code::InvalidTxId, "tx_id must be a string", &others);
}

#[test]
fn text_that_is_no_json_object_is_bad_json() {
    assert_all(Code::BadJson, "bad json: empty line", &["", " ", "\r", "\t \r"].map(Vec::from));
    let other = "bad json: a request is an object, which begins with '{'";
    let lines = ["hello", "[7]", "[]", "5", "null", "true", "\"cmd\"", "'{}'", "\u{feff}{}", "\0"];
    assert_all(Code::BadJson, other, &lines.map(Vec::from));
}

#[test]
fn broken_json_is_bad_json() {
    assert_all_bad_json(
        &[
            r#"{"cmd":"balance","user":"alice""#,
            r#"{"cmd":"balance","user":"ali"#,
            r#"{"cmd":"balance","user":"alice",}"#,
            r#"{"cmd":"balance""user":"alice"}"#,
            r#"{"cmd" "balance"}"#,
            r#"{cmd:"balance"}"#,
            r#"{'cmd':'balance'}"#,
            r#"{"cmd":balance}"#,
            r#"{5:1}"#,
            r#"{"#,
            r#"{}}"#,
            r#"{"cmd":"shutdown"} x"#,
            r#"{"cmd":"shutdown"}{"cmd":"shutdown"}"#,
            r#"{"cmd":"shutdown"} // now"#,
            "{\"cmd\":\"shutdown\"}\0",
            "{\"cmd\":\"balance\",\"user\":\"a\tb\"}",
            "{\"cmd\":\"balance\",\"user\":\"a\0b\"}",
            r#"{"cmd":"balance","user":"\x41"}"#,
            r#"{"cmd":"balance","user":"\u12"}"#,
            r#"{"cmd":"balance","user":tru}"#,
            r#"{"cmd":"balance","note":[1,2}"#,
        ]
        .map(Vec::from),
    );
}

#[test]
fn bytes_that_are_no_utf_8_are_bad_json_wherever_they_stand() {
    let mut lines: Vec<Vec<u8>> = Vec::new();
    for bytes in [&b"\xff"[..], b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"] {
        lines.push([b"{\"cmd\":\"balance\",\"user\":\"", bytes, b"\"}"].concat());
        lines.push([b"{\"cmd\":\"balance\",\"user\":\"alice\",\"", bytes, b"\":1}"].concat());
        lines.push(bytes.to_vec());
    }
    assert_all_bad_json(&lines);
}

#[test]
fn a_repeated_key_is_refused_whatever_it_is_and_however_it_is_spelt() {
    let repeated = |line: &str, key: &str| {
        let text = format!("bad json: repeated key '{key}'");
        assert_all(Code::BadJson, &text, &[line.as_bytes().to_vec()]);
    };
    repeated(r#"{"cmd":"deposit","user":"a","amount":1,"amount":2}"#, "amount");
    repeated(r#"{"cmd":"deposit","user":"a","amount":1,"\u0061mount":1}"#, "amount");
    repeated(r#"{"\u0063md":"shutdown","cmd":"shutdown"}"#, "cmd");
    repeated(r#"{"cmd":"balance","user":"a","note":1,"note":1}"#, "note");
    repeated(r#"{"cmd":"balance","user":"a","n\u006fte":1,"note":1}"#, "note");
    repeated(r#"{"cmd":"balance","user":"a","\u0000":1,"\u0000":1}"#, "\\u{0}");
    repeated(r#"{"cmd":"balance","user":"a","tx_id":null,"tx_id":null}"#, "tx_id");
    repeated(r#"{"cmd":"init_accounts","accounts":{"a":1,"b":2,"a":1}}"#, "a");
    repeated(r#"{"cmd":"init_accounts","accounts":{"a":1,"\u0061":1}}"#, "a");
    repeated(r#"{"cmd":"init_accounts","accounts":{"":1,"":1}}"#, "");
}

#[test]
fn keys_beyond_the_limit_are_refused() {
    let with_keys = |count: usize| {
        let more: String = (2..count).map(|key| format!(",\"k{key}\":{key}")).collect();
        format!(r#"{{"cmd":"balance","user":"alice"{more}}}"#).into_bytes()
    };
    assert!(parse_line(&with_keys(KEYS_MAX)).is_ok());
    let text = "bad json: more than 64 keys";
    assert_all(Code::BadJson, text, &[with_keys(KEYS_MAX + 1), with_keys(50_000)]);
}

#[test]
fn values_nested_too_deep_are_refused_also_where_they_mean_nothing() {
    let lists = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let objects = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    assert!(parse_line(&ignored(&lists(DEPTH_MAX - 1))).is_ok());
    assert!(parse_line(&ignored(&objects(DEPTH_MAX - 1))).is_ok());
    let lines = [
        ignored(&lists(DEPTH_MAX)),
        ignored(&objects(DEPTH_MAX)),
        ignored(&lists(10_000)),
        ignored(&objects(10_000)),
        user(&lists(500_000)),
        amount(&objects(10_000)),
        accounts(&objects(10_000)),
    ];
    assert_all(Code::BadJson, "bad json: nested deeper than 128 levels", &lines);
    assert_all_bad_json(&["[".repeat(10_000), "{\"a\":".repeat(10_000)].map(String::into_bytes));
}

#[test]
fn half_a_surrogate_pair_is_refused_wherever_it_stands() {
    let lines = [
        user(r#""\ud800""#),
        user(r#""a\udfffb""#),
        user(r#""\ud83d\u0041""#),
        ignored(r#""\ud800""#),
        ignored(r#"[{"a":"\ude00\ud83d"}]"#),
        tx_id(r#""\ud800""#),
        accounts(r#"{"\ud800":1}"#),
        br#"{"cmd":"\ud800"}"#.to_vec(),
        br#"{"\ud800":1}"#.to_vec(),
    ];
    assert_all_bad_json(&lines);
    assert!(parse_line(&user(r#""\ud83d\ude00""#)).is_ok());
}

#[test]
fn an_absent_field_is_named_in_the_order_of_the_command() {
    let missing = |line: &str, field: &str| {
        let text = format!("missing field: '{field}'");
        assert_all(Code::MissingField, &text, &[line.as_bytes().to_vec()]);
    };
    missing("{}", "cmd");
    missing(r#"{"user":"alice"}"#, "cmd");
    missing(r#"{"cmd":"balance"}"#, "user");
    missing(r#"{"cmd":"deposit"}"#, "user");
    missing(r#"{"cmd":"deposit","user":"alice"}"#, "amount");
    missing(r#"{"cmd":"withdraw","amount":5}"#, "user");
    missing(r#"{"cmd":"withdraw","user":5}"#, "amount");
    missing(r#"{"cmd":"transfer"}"#, "from");
    missing(r#"{"cmd":"transfer","to":"b","amount":1}"#, "from");
    missing(r#"{"cmd":"transfer","from":"","amount":0}"#, "to");
    missing(r#"{"cmd":"transfer","from":"a","to":"a"}"#, "amount");
    missing(r#"{"cmd":"init_accounts"}"#, "accounts");
}

#[test]
fn an_unknown_command_is_repeated_as_far_as_it_is_fit_to_be_seen() {
    let unknown = |json: &str, shown: &str| {
        let text = format!("unknown cmd '{shown}'");
        assert_all(Code::UnknownCmd, &text, &[format!("{{\"cmd\":{json}}}").into_bytes()]);
    };
    unknown("\"fly\"", "fly");
    unknown("\"\"", "");
    unknown("\"Deposit\"", "Deposit");
    unknown("\"deposit \"", "deposit ");
    unknown("5", "5");
    unknown("null", "null");
    unknown("[\"deposit\"]", "[\"deposit\"]");
    unknown(r#""a\u001b[2J""#, "a\\u{1b}[2J");
    unknown("\"\u{202e}\"", "\\u{202e}");
    unknown(&format!("\"{}\"", "x".repeat(65)), &format!("{}…", "x".repeat(64)));
    unknown(&"9".repeat(1_000), &format!("{}…", "9".repeat(64)));
}

#[test]
fn lists_that_make_no_request_are_refused() {
    let invalid = |line: Vec<u8>, text: &str| assert_all(Code::InvalidRequest, text, &[line]);
    for json in ["[]", "5", "null", "\"alice\"", "[[\"alice\",5]]"] {
        invalid(accounts(json), "'accounts' must be an object of names and balances");
    }
    let users = |json: &str| format!(r#"{{"cmd":"balance","users":{json}}}"#).into_bytes();
    for json in ["5", "null", "\"alice\"", "{}"] {
        invalid(users(json), "'users' must be a list of names");
    }
    let list = |count: usize| format!("[{}]", vec!["\"a\""; count].join(","));
    for count in [0, 1_001, 200_000] {
        invalid(users(&list(count)), "'users' must have 1 to 1000 names");
    }
    let both = br#"{"cmd":"balance","user":"a","users":["a"]}"#.to_vec();
    invalid(both, "give 'user' or 'users', not both");
    assert_all(Code::InvalidName, "account name must be a string", &[users("[\"a\",5]")]);
    assert_all(Code::InvalidName, "account name is empty", &[users("[\"a\",\"\"]")]);
}

#[test]
fn opening_balances_that_are_none_are_refused_with_the_account() {
    let invalid = |json: &str, text: &str| assert_all(Code::InvalidAmount, text, &[accounts(json)]);
    invalid(r#"{"a":1,"bob":-1}"#, "account 'bob': opening balance must be >= 0");
    invalid(r#"{"a":"-0"}"#, "account 'a': opening balance must be >= 0");
    let whole = "amount must be a whole number of minor units, such as 1250 for 12.50";
    for json in ["1.0", "null", "true", "{}", "\"\""] {
        invalid(&format!("{{\"a\":{json}}}"), &format!("account 'a': {whole}"));
    }
    let large = "account 'a': amount must be at most 9007199254740991";
    invalid(r#"{"a":9007199254740992}"#, large);
    let name = accounts(r#"{"a":-1,"":1}"#);
    assert_all(Code::InvalidName, "account name is empty", &[name]);
}

#[test]
fn checks_come_in_the_order_of_the_original() {
    let code = |line: &str, code: Code| assert_eq!(refused(line.as_bytes()).0, code, "{line}");
    code(r#"{"cmd":"fly","a":1,"a":1}"#, Code::BadJson);
    code(r#"{"cmd":"fly","user":"","amount":0}"#, Code::UnknownCmd);
    code(r#"{"cmd":"deposit","user":""}"#, Code::MissingField);
    code(r#"{"cmd":"deposit","user":"","amount":0,"tx_id":5}"#, Code::InvalidName);
    code(r#"{"cmd":"transfer","from":"a","to":"","amount":0}"#, Code::InvalidName);
    code(r#"{"cmd":"transfer","from":"a","to":"a","amount":0}"#, Code::InvalidAmount);
    code(r#"{"cmd":"transfer","from":"a","to":"a","amount":1,"tx_id":5}"#, Code::SameAccount);
    code(r#"{"cmd":"transfer","from":"a","to":"b","amount":1,"tx_id":5}"#, Code::InvalidTxId);
}

#[test]
fn a_transfer_to_the_same_account_is_refused_however_the_name_is_spelt() {
    let text = "cannot transfer to same account";
    for to in ["alice", r"\u0061lice"] {
        let line = format!(r#"{{"cmd":"transfer","from":"alice","to":"{to}","amount":1}}"#);
        assert_all(Code::SameAccount, text, &[line.into_bytes()]);
    }
}

#[test]
fn a_request_cut_anywhere_is_refused() {
    let line = br#"{"cmd":"transfer","from":"jos\u00e9","to":"bob","amount":777,"tx_id":"t-1"}"#;
    parse_line(line).unwrap();
    for end in 0..line.len() {
        assert_eq!(refused(&line[..end]).0, Code::BadJson, "cut at {end}");
    }
}
