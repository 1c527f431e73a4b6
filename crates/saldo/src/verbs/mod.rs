//! One file per verb: its flags, its examples, what it asks and how it answers.

pub mod accounts;
pub mod balance;
pub mod bench;
pub mod check;
pub mod conformance;
pub mod copy;
pub mod deposit;
pub mod export;
pub mod help;
pub mod import;
pub mod init;
pub mod postgres;
pub mod resolve;
pub mod shutdown;
pub mod statement;
pub mod top;
pub mod totals;
pub mod transfer;
pub mod tx;
pub mod version;
pub mod withdraw;

mod one_account;
