//! Redis: a script moves the money, and the append-only file is synced before the answers.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::{About, Books, Open, Site, version_of};
use crate::peers::guard::End;
use crate::peers::room::Room;
use crate::peers::wire::Dialect;
use crate::peers::wire::resp::{self, Answer};
use crate::peers::workload::{OPENING, name_text};

pub const ABOUT: About = About {
    settings: "`appendonly yes`, `appendfsync always`, no snapshots (`save \"\"`), no rewriting of the file while it is measured; one EVALSHA per transfer",
    remembers: "as long as there is memory: a key for each, with the content",
    on_disk: "the commands that set the tx_id and change both balances, in one MULTI; `fdatasync` before the answers of one turn of its loop",
};

/// Keys: payer, payee, tx_id. Argument: amount. Gives 1 and both new balances; 0 when the payer
/// holds too little, which is remembered; 2 for a tx_id that was seen.
const TRANSFER: &str = "\
local amount = tonumber(ARGV[1])
if not redis.call('SET', KEYS[3], KEYS[1] .. ' ' .. KEYS[2] .. ' ' .. ARGV[1], 'NX') then
  return {2}
end
if tonumber(redis.call('GET', KEYS[1]) or '0') < amount then
  redis.call('SET', KEYS[3], 'refused')
  return {0}
end
return {1, redis.call('DECRBY', KEYS[1], amount), redis.call('INCRBY', KEYS[2], amount)}
";

/// Accounts in one command.
const ACCOUNTS_PER_COMMAND: usize = 1_000;

/// How long an answer may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);

/// Starts it.
pub fn open(mut room: Room, site: &Site) -> Result<Open> {
    let address = Room::free_address()?;
    let mut command = Command::new("redis-server");
    command.arg("--bind").arg("127.0.0.1").arg("--port").arg(address.port().to_string());
    command.arg("--dir").arg(room.data()).args(["--daemonize", "no", "--save", ""]);
    command.args(["--appendonly", "yes", "--appendfsync", "always"]);
    command.args(["--auto-aof-rewrite-percentage", "0"]);
    room.start(command, End::Kill, address)?;
    let mut stream = connect(address)?;
    for (setting, wanted) in [("appendonly", "yes"), ("appendfsync", "always")] {
        let given = resp::call(&mut stream, &["CONFIG", "GET", setting])?;
        let expected = [setting, wanted].map(|word| Answer::Text(word.to_owned()));
        ensure!(given == Answer::List(expected.to_vec()), "redis runs with {given:?}");
    }
    let numbers: Vec<u32> = (0..site.accounts).collect();
    let opening = OPENING.to_string();
    for numbers in numbers.chunks(ACCOUNTS_PER_COMMAND) {
        let names: Vec<String> = numbers.iter().map(|number| name_text(*number)).collect();
        let mut words = vec!["MSET"];
        words.extend(names.iter().flat_map(|name| [name.as_str(), &opening]));
        resp::call(&mut stream, &words)?;
    }
    let loaded = resp::call(&mut stream, &["SCRIPT", "LOAD", TRANSFER])?;
    let Answer::Text(digest) = loaded else { bail!("redis gave no digest: {loaded:?}") };
    let digest = digest.as_bytes().try_into().context("redis' digest has 40 digits")?;
    let version = version_of(Path::new("redis-server"))?;
    Ok(Open { room, address, dialect: Dialect::Resp(digest), version })
}

/// Adds up the accounts' keys; every other key is a transfer's.
pub fn books(address: SocketAddr, accounts: u32) -> Result<Books> {
    let mut stream = connect(address)?;
    let mut sum = 0;
    let numbers: Vec<u32> = (0..accounts).collect();
    for numbers in numbers.chunks(ACCOUNTS_PER_COMMAND) {
        let names: Vec<String> = numbers.iter().map(|number| name_text(*number)).collect();
        let mut words = vec!["MGET"];
        words.extend(names.iter().map(String::as_str));
        let Answer::List(balances) = resp::call(&mut stream, &words)? else {
            bail!("redis gave no list of balances")
        };
        for balance in balances {
            let Answer::Text(balance) = balance else { bail!("an account is gone") };
            sum += balance.parse::<u64>()?;
        }
    }
    let Answer::Number(keys) = resp::call(&mut stream, &["DBSIZE"])? else {
        bail!("redis gave no number of keys")
    };
    Ok(Books { sum, transfers: u64::try_from(keys - i64::from(accounts))? })
}

fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(ANSWER_TIME_MAX))?;
    Ok(stream)
}
