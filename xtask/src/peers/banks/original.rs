//! The original's design, in Python: `original.py` beside this file.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{About, Open, Site, accounts, version_of};
use crate::peers::guard::End;
use crate::peers::room::Room;
use crate::peers::wire::Dialect;

pub const ABOUT: About = About {
    settings: "a thread per client, a lock per account, written after its description; one JSON line per transfer",
    remembers: "until the process ends, the name alone",
    on_disk: "nothing for sure: a line of JSON is handed to the system after the locks are released, and never synced",
};

/// Starts it.
pub fn open(mut room: Room, site: &Site) -> Result<Open> {
    let address = Room::free_address()?;
    let mut command = Command::new("python3");
    command.arg("-B").arg(&site.original).arg(address.port().to_string()).arg(room.data());
    room.start(command, End::Kill, address)?;
    accounts::open_all(address, site.accounts)?;
    let version = version_of(Path::new("python3"))?;
    Ok(Open { room, address, dialect: Dialect::Lines, version })
}
