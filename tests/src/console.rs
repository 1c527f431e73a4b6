//! The console as a browser without scripts sees it, and as somebody who means harm does: pages of
//! their own sort only, forms that nobody else can send, money that moves once.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::harness::{DEADLINE, Folder, Serve, Server};

/// One answer.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    /// The first header of this name, in lower case.
    fn header(&self, name: &str) -> &str {
        let value = self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value)
        });
        value.unwrap_or_default().trim()
    }

    /// What the hidden field of a form holds.
    fn hidden(&self, name: &str) -> String {
        let start = format!("<input type=\"hidden\" name=\"{name}\" value=\"");
        let (_, after) =
            self.body.split_once(&start).unwrap_or_else(|| panic!("no {name}: {self:?}"));
        after.split('"').next().unwrap().to_owned()
    }
}

/// A browser that keeps its one cookie.
struct Browser<'s> {
    server: &'s Server,
    cookie: String,
}

impl<'s> Browser<'s> {
    fn new(server: &'s Server) -> Self {
        let mut browser = Self { server, cookie: String::new() };
        let answer = browser.get("/", &[]);
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        assert!(cookie.starts_with("saldo_session="), "{answer:?}");
        browser.cookie = cookie;
        browser
    }

    fn get(&mut self, path: &str, headers: &[&str]) -> Answer {
        self.send("GET", path, headers, "")
    }

    /// Sends a form with its token.
    fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.get("/new/deposit", &[]).hidden("token");
        let mut fields = fields.to_vec();
        fields.push(("token", &token));
        self.send("POST", path, &["Sec-Fetch-Site: same-origin"], &form(&fields))
    }

    fn send(&mut self, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
        let address = self.server.http.unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n");
        request.push_str("Connection: close\r\n");
        if !self.cookie.is_empty() {
            request.push_str(&format!("Cookie: {}\r\n", self.cookie));
        }
        if method == "POST" {
            request.push_str("Content-Type: application/x-www-form-urlencoded\r\n");
            request.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        for header in headers {
            request.push_str(&format!("{header}\r\n"));
        }
        request.push_str(&format!("\r\n{body}"));
        stream.write_all(request.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }
}

fn form(fields: &[(&str, &str)]) -> String {
    let pairs = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

fn bank() -> (Folder, Server) {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let opened =
        server.connect().ask(r#"{"cmd":"init_accounts","accounts":{"alice":1000,"bob":0}}"#);
    assert_eq!(opened["ok"], true, "{opened}");
    (folder, server)
}

const TRANSFER: [(&str, &str); 5] = [
    ("from", "alice"),
    ("to", "bob"),
    ("minor_units", "300"),
    ("tx_id", "form-1"),
    ("step", "send"),
];

#[test]
fn a_form_that_is_sent_twice_moves_once_and_says_so() {
    let (_folder, server) = bank();
    let mut browser = Browser::new(&server);
    let first = browser.post("/new/transfer", &TRANSFER);
    assert_eq!((first.status, first.header("location")), (303, "/transactions/2?sent=once"));
    let second = browser.post("/new/transfer", &TRANSFER);
    assert_eq!((second.status, second.header("location")), (303, "/transactions/2?sent=again"));
    assert_eq!(server.connect().balance("bob").0, 300);
    let page = browser.get("/transactions/2?sent=again", &[]);
    assert!(page.body.contains("the money moved once"), "{page:?}");
}

#[test]
fn a_form_that_was_sent_cannot_carry_something_else() {
    let (_folder, server) = bank();
    let mut browser = Browser::new(&server);
    browser.post("/new/transfer", &TRANSFER);
    let mut other = TRANSFER;
    other[2].1 = "301";
    let answer = browser.post("/new/transfer", &other);
    assert_eq!(answer.status, 422);
    assert!(
        answer.body.contains("/transaction?tx_id=form"),
        "it leads to what happened: {answer:?}"
    );
    assert_ne!(answer.hidden("tx_id"), "form-1", "the next attempt is another move");
    assert_eq!(server.connect().balance("bob").0, 300);
}

#[test]
fn a_look_at_a_move_shows_both_balances_and_moves_nothing() {
    let (_folder, server) = bank();
    let mut browser = Browser::new(&server);
    let mut look = TRANSFER;
    look[4].1 = "preview";
    let page = browser.post("/new/transfer", &look);
    assert_eq!(page.status, 200);
    for shown in ["10.00", "7.00", "0.00", "3.00", "value=\"form-1\""] {
        assert!(page.body.contains(shown), "{shown}: {page:?}");
    }
    assert_eq!(server.connect().balance("bob").0, 0);
}

#[test]
fn what_is_not_sent_from_our_own_page_moves_nothing() {
    let (_folder, server) = bank();
    let mut browser = Browser::new(&server);
    let token = browser.get("/new/transfer", &[]).hidden("token");
    let own = format!("Origin: http://{}", server.http.unwrap());
    let with = |token: &str| {
        let mut fields = TRANSFER.to_vec();
        fields.push(("token", token));
        form(&fields)
    };
    let foreign = Browser::new(&server).get("/new/transfer", &[]).hidden("token");
    let cases: [(&[&str], String); 8] = [
        (&[], form(&TRANSFER)),
        (&[], with("")),
        (&[], with(&foreign)),
        (&[], with(&token.replace(|_: char| true, "0"))),
        (&["Origin: http://evil.example"], with(&token)),
        (&["Origin: null"], with(&token)),
        (&["Sec-Fetch-Site: cross-site"], with(&token)),
        (&["Sec-Fetch-Site: same-site", &own], with(&token)),
    ];
    for (headers, body) in cases {
        let answer = browser.send("POST", "/new/transfer", headers, &body);
        assert_eq!(answer.status, 403, "{headers:?} {body}: {answer:?}");
    }
    // The token is nothing without its cookie.
    let mut stranger = Browser { server: &server, cookie: String::new() };
    let answer = stranger.send("POST", "/new/transfer", &[], &with(&token));
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(server.connect().balance("bob").0, 0);
    let sent = browser.send("POST", "/new/transfer", &[&own], &with(&token));
    assert_eq!(sent.status, 303, "{sent:?}");
}

#[test]
fn a_hostile_name_is_text_on_every_page() {
    let (_folder, server) = bank();
    let hostile = r#"<script>x</script>"'><b>"#;
    let line =
        serde_json::json!({"cmd": "deposit", "user": hostile, "amount": 5, "tx_id": hostile});
    assert_eq!(server.connect().ask(&line.to_string())["ok"], true);
    let mut browser = Browser::new(&server);
    let name = encoded(hostile);
    for path in [
        "/".to_owned(),
        "/accounts".to_owned(),
        format!("/accounts?prefix={name}"),
        format!("/account?name={name}"),
        format!("/account?name=alice&at={name}"),
        "/transactions".to_owned(),
        format!("/transactions?find=x{name}"),
        "/transactions/2".to_owned(),
        format!("/transaction?tx_id={name}"),
        format!("/new/transfer?from={name}&to={name}&amount={name}"),
    ] {
        let page = browser.get(&path, &[]);
        assert_eq!(page.status, 200, "{path}");
        assert!(
            !page.body.contains("<script>x") && !page.body.contains("'><b>"),
            "{path}: {page:?}"
        );
        assert!(!page.body.contains(" style=") && !page.body.contains(" onclick="), "{path}");
        let policy = page.header("content-security-policy");
        assert!(
            policy.contains("script-src 'self'") && !policy.contains("unsafe"),
            "{path}: {policy}"
        );
        assert_eq!(page.header("cache-control"), "no-store", "{path}");
    }
}

#[test]
fn a_page_speaks_the_language_of_the_browser_or_the_one_that_was_chosen() {
    let (_folder, server) = bank();
    let mut browser = Browser::new(&server);
    let portuguese = browser.get("/account?name=alice", &["Accept-Language: pt-BR,en;q=0.5"]);
    assert!(portuguese.body.contains("<html lang=\"pt-BR\""), "{portuguese:?}");
    assert!(portuguese.body.contains("10,00") && portuguese.body.contains("Extrato"));
    let english = browser.get("/account?name=alice", &[]);
    assert!(english.body.contains("10.00") && english.body.contains("Statement"));
    let chosen = browser.post("/console/preferences", &[("language", "pt"), ("back", "/accounts")]);
    assert_eq!((chosen.status, chosen.header("location")), (303, "/accounts"));
    let kept = chosen.header("set-cookie");
    assert!(kept.starts_with("saldo_language=pt; ") && kept.contains("HttpOnly"), "{kept}");
    assert!(kept.contains("SameSite=Strict"), "{kept}");
    let away =
        browser.post("/console/preferences", &[("theme", "dark"), ("back", "//evil.example")]);
    assert_eq!(away.header("location"), "/", "a switch leads nowhere else");
}

#[test]
fn assets_are_kept_for_ever_packed_where_asked_and_not_sent_twice() {
    let (_folder, server) = bank();
    let mut browser = Browser::new(&server);
    let page = browser.get("/", &[]);
    let (_, after) = page.body.split_once("rel=\"stylesheet\" href=\"").unwrap();
    let path = after.split('"').next().unwrap();
    let plain = browser.get(path, &[]);
    assert_eq!((plain.status, plain.header("content-type")), (200, "text/css; charset=utf-8"));
    assert!(plain.header("cache-control").contains("immutable"), "{}", plain.head);
    let tag = plain.header("etag").to_owned();
    let again = browser.get(path, &[&format!("If-None-Match: {tag}")]);
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    let packed = browser.get(path, &["Accept-Encoding: gzip"]);
    assert_eq!(packed.header("content-encoding"), "gzip", "{}", packed.head);
    let other = path.replace("/console/assets/", "/console/assets/0");
    assert_eq!(browser.get(&other, &[]).status, 404);
    // A page holds a secret beside what others chose: it is never packed.
    let page = browser.get("/", &["Accept-Encoding: gzip"]);
    assert_eq!(page.header("content-encoding"), "", "{}", page.head);
}

#[test]
fn a_server_that_stops_ends_the_streams_of_open_pages() {
    // Longer than the test may take: a stream that does not end by itself would keep the server.
    let folder = Folder::new();
    let server = Serve::on(&folder).flag("--drain", "300s").start();
    let address = server.http.unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let request =
        format!("GET /console/live?rows=5&figures=true HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut seen = String::new();
    let mut part = [0; 4096];
    while !seen.contains("event: rows") {
        let count = stream.read(&mut part).unwrap();
        assert!(count > 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&part[..count]));
    }
    assert!(seen.contains("event: position") && seen.contains("event: figures"), "{seen}");
    server.signal("TERM");
    server.wait().with_code(0);
}
