//! Saldo: the release binary of this repository.

use std::process::Command;

use anyhow::Result;

use super::{About, Open, Site, accounts, version_of};
use crate::peers::guard::End;
use crate::peers::room::Room;
use crate::peers::wire::Dialect;

pub const ABOUT: About = About {
    settings: "as it comes, checkpoints and rotation of the log included; one JSON line per transfer",
    remembers: "for ever, with the content",
    on_disk: "a line of JSON with both new balances and the time, its group sealed by a hash chain; `fdatasync` before the answer",
};

/// Starts it.
pub fn open(mut room: Room, site: &Site) -> Result<Open> {
    let address = Room::free_address()?;
    let mut command = Command::new(&site.saldo);
    command
        .arg("serve")
        .arg("--no-http")
        .arg("--data")
        .arg(room.data())
        .arg("--listen")
        .arg(address.to_string());
    room.start(command, End::Kill, address)?;
    accounts::open_all(address, site.accounts)?;
    Ok(Open { room, address, dialect: Dialect::Lines, version: version_of(&site.saldo)? })
}
