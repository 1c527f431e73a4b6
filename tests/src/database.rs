//! The bank over a PostgreSQL with a synchronous standby: the original's clients, two servers at once,
//! and a database that holds what cannot be. The database is the one that `contrib/pg-local.sh` starts for people.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::thread;

use crate::bad_input::{BANK, every_bad_line_gets_its_code_and_changes_nothing};
use crate::golden::play_the_transcript;
use crate::harness::{Serve, Server, clean, saldo};
use crate::history::later_pages_state_the_position_of_the_first;
use crate::ports::Ports;

/// A database with a standby, gone with the value.
pub struct Database {
    folder: PathBuf,
    /// Where it is.
    pub address: String,
    _ports: Ports,
}

impl Database {
    /// One that holds a bank in which nothing has happened.
    pub fn start() -> Self {
        let database = Self::empty();
        let mut init = Command::new(saldo());
        clean(&mut init);
        let made = init.args(["postgres", "init", &database.address]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        database
    }

    /// One without a schema.
    pub fn empty() -> Self {
        let ports = Ports::reserve(2);
        let port = ports.first();
        let name = format!("saldo-test-database-{}-{port}", process::id());
        let folder = std::env::temp_dir().join(name);
        let started = script().args(["up", "2"]).arg(&folder).arg(port.to_string()).output();
        let started = started.unwrap();
        let said = String::from_utf8_lossy(&started.stderr);
        assert!(started.status.success(), "{said}");
        let address = String::from_utf8(started.stdout).unwrap().trim().to_owned();
        Self { folder, address, _ports: ports }
    }

    /// The address of another database of the same server, without a schema.
    pub fn another(&self, name: &str) -> String {
        sql(&self.address, &format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"));
        let (server, _) = self.address.rsplit_once('/').unwrap();
        format!("{server}/{name}")
    }

    /// A server over it.
    pub fn serve(&self) -> Server {
        Serve::at(Path::new(&self.address)).start()
    }

    /// Runs statements as the owner.
    fn run(&self, statements: &str) {
        let mut psql = Command::new("psql");
        psql.args(["--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1", "-c", statements]);
        let ran = psql.arg(&self.address).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        script().arg("down").arg(&self.folder).status().ok();
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// Runs statements in a database, as its owner; what they answer.
pub fn sql(address: &str, statements: &str) -> String {
    let ran = Command::new("psql")
        .args(["--no-psqlrc", "-qAt", "-v", "ON_ERROR_STOP=1", "-c", statements, address])
        .output()
        .unwrap();
    assert!(ran.status.success(), "{statements}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap().trim().to_owned()
}

fn script() -> Command {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contrib/pg-local.sh");
    let mut command = Command::new(path);
    command.stdin(Stdio::null());
    command
}

#[test]
fn the_transcript_of_the_original_gets_the_originals_replies_over_a_database() {
    let database = Database::start();
    let (first, second) = (database.serve(), database.serve());
    play_the_transcript(first);
    // The other server has the same bank, and goes on.
    let mut wire = second.connect();
    let opened = wire.ask(r#"{"cmd":"deposit","user":"afterwards","amount":5}"#);
    assert_eq!(opened["after"], 5, "{opened}");
    drop(wire);
    later_pages_state_the_position_of_the_first(&second);
    second.shut_down().with_code(0);
}

#[test]
fn bad_input_gets_its_code_and_changes_nothing_over_a_database_as_well() {
    let database = Database::start();
    let server = database.serve();
    assert_eq!(server.connect().ask(BANK)["seq"], 1);
    every_bad_line_gets_its_code_and_changes_nothing(&server);
    server.shut_down().with_code(0);
}

#[test]
fn two_servers_over_one_database_move_the_same_money_and_none_is_made_or_lost() {
    const TRANSFERS: u64 = 200;
    let database = Database::start();
    let servers = [database.serve(), database.serve()];
    let opened = r#"{"cmd":"init_accounts","accounts":{"a":100000,"b":100000}}"#;
    assert_eq!(servers[0].connect().ask(opened)["ok"], true);
    thread::scope(|scope| {
        for (number, server) in servers.iter().enumerate() {
            scope.spawn(move || {
                let mut wire = server.connect();
                let (from, to) = if number == 0 { ("a", "b") } else { ("b", "a") };
                let lines: String = (0..TRANSFERS)
                    .map(|n| {
                        format!(
                            "{{\"cmd\":\"transfer\",\"from\":\"{from}\",\"to\":\"{to}\",\"amount\":{},\
                             \"tx_id\":\"{number}-{n}\"}}\n",
                            n + 1
                        )
                    })
                    .collect();
                wire.send(lines.as_bytes());
                for _ in 0..TRANSFERS {
                    let reply = wire.reply();
                    assert_eq!(reply["ok"], true, "{reply}");
                }
            });
        }
    });
    for server in &servers {
        let mut wire = server.connect();
        let held = wire.ask(r#"{"cmd":"balance","users":["a","b"]}"#);
        assert_eq!(held["balances"][0]["balance"], 100_000, "{held}");
        assert_eq!(held["balances"][1]["balance"], 100_000, "{held}");
        let totals = wire.ask(r#"{"cmd":"totals"}"#);
        assert_eq!(totals["seq"], 1 + 2 * TRANSFERS, "{totals}");
        // What one server did is known to the other.
        let again = wire.ask(r#"{"cmd":"transfer","from":"a","to":"b","amount":1,"tx_id":"0-0"}"#);
        assert_eq!(again["duplicate"], true, "{again}");
    }
    for server in servers {
        server.shut_down().with_code(0);
    }
}

#[test]
fn pg_d46_a_server_that_meets_what_cannot_be_ends_and_says_nothing_to_its_clients() {
    let database = Database::start();
    let deposit = r#"{"cmd":"deposit","user":"alice","amount":5,"tx_id":"t-1"}"#;
    let server = database.serve();
    assert_eq!(server.connect().ask(deposit)["ok"], true);
    server.shut_down().with_code(0);

    let meets = |request: &str, what: &str| {
        let server = database.serve();
        let mut wire = server.connect();
        wire.say(request);
        assert_eq!(wire.line(), None, "{request}");
        let ended = server.wait().with_code(70);
        assert!(ended.stderr.contains("error[database_unfit]"), "{}", ended.stderr);
        assert!(ended.stderr.contains(what), "{}", ended.stderr);
    };
    database.run("UPDATE saldo.tx SET record = 'no record'");
    // The same request again, and a question.
    meets(deposit, "a record");
    meets(r#"{"cmd":"transaction","tx_id":"t-1"}"#, "a record");
    database.run(
        "ALTER TABLE saldo.account DROP CONSTRAINT account_balance_check;
         UPDATE saldo.account SET balance = 9007199254740992",
    );
    meets(r#"{"cmd":"balance","user":"alice"}"#, "a balance");
    // What has nothing to do with it is served as before.
    let server = database.serve();
    let opened = server.connect().ask(r#"{"cmd":"deposit","user":"bob","amount":5}"#);
    assert_eq!(opened["after"], 5, "{opened}");
    server.shut_down().with_code(0);
}
