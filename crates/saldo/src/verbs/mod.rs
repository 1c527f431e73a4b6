//! One file per verb: its flags, its examples, what it asks and how it answers.

pub mod accounts;
pub mod backup;
pub mod balance;
pub mod bench;
pub mod check;
pub mod completions;
pub mod config;
pub mod conformance;
pub mod copy;
pub mod deposit;
pub mod doctor;
pub mod export;
pub mod help;
pub mod import;
pub mod init;
pub mod man;
pub mod postgres;
pub mod repl;
pub mod resolve;
pub mod restore;
pub mod shutdown;
pub mod statement;
pub mod tail;
pub mod tls;
pub mod token;
pub mod top;
pub mod totals;
pub mod transfer;
pub mod tx;
pub mod user;
pub mod version;
pub mod withdraw;

mod one_account;
