//! Ports for the programs of a test, which no other test and no connection takes meanwhile.
//!
//! A port that was free when somebody looked may be taken when the program binds it: by another
//! test that looked, too, or by the near end of any connection. So ports come from below those that
//! the system gives to connections, in blocks, and a file that is locked says whose a block is.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::process;

/// The ports of a block.
const BLOCK: u16 = 40;

/// Where the blocks begin, and how many there are; Linux gives connections the ports from 32768.
const FIRST: u16 = 10_000;
const BLOCKS: u16 = 500;
const _: () = assert!(FIRST as u32 + BLOCK as u32 * BLOCKS as u32 <= 32_768);

/// Ports in a row, reserved until the value is dropped.
#[derive(Debug)]
pub struct Ports {
    first: u16,
    _block: File,
}

impl Ports {
    /// Reserves `count` ports, all of them free.
    pub fn reserve(count: u16) -> Self {
        assert!(count <= BLOCK, "a block has {BLOCK} ports");
        let folder = std::env::temp_dir().join("saldo-test-ports");
        fs::create_dir_all(&folder).expect("a folder for the reservations");
        // Tests that run side by side have other process numbers, and seldom meet.
        let start = process::id() % u32::from(BLOCKS);
        for offset in 0..BLOCKS {
            let block = (u16::try_from(start).expect("below BLOCKS") + offset) % BLOCKS;
            let file = File::options()
                .create(true)
                .append(true)
                .open(folder.join(block.to_string()))
                .expect("the file of a block");
            let first = FIRST + block * BLOCK;
            let is_free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
            if file.try_lock().is_ok() && (first..first + count).all(is_free) {
                return Self { first, _block: file };
            }
        }
        panic!("no {count} free ports in a row");
    }

    /// The first one; the others follow.
    pub fn first(&self) -> u16 {
        self.first
    }
}
