//! One file per verb: its flags, its examples, what it asks and how it answers.

pub mod balance;
pub mod bench;
pub mod deposit;
pub mod help;
pub mod init;
pub mod shutdown;
pub mod transfer;
pub mod version;
pub mod withdraw;

mod one_account;
