//! Readings of history while money moves and accounts are opened: each rests on one position.

use std::borrow::Cow;

use engine::Reading;
use engine::query::{Order, PAGE_MAX, Query, StatementPage};
use journal::disk::SimDisk;
use ledger::Seq;

use crate::bank::{Bank, account, in_time, init, names, transfer, write};
use crate::history::{Told, judge};
use crate::{EACH, keep_transferring};

const ACCOUNTS: usize = 5;

/// Clients that move money, and one that opens an account with each of its transfers.
fn moves<'b>(bank: &'b Bank, client: u64, names: &[String]) -> Vec<Told<'b>> {
    if client != 0 {
        return keep_transferring(bank, client, names, 4_000);
    }
    let mut told = Vec::new();
    for n in 0..500_usize {
        let command = transfer(&names[n % names.len()], &format!("new-{n}"), 1);
        told.extend(bank.ask(vec![write(command, format!("opened-{n}"), true)]));
    }
    told
}

/// Runs `read` again and again beside clients that move money, and judges what they were told.
fn beside_moves(read: impl Fn(&Bank) + Sync) {
    let bank = Bank::open(SimDisk::new());
    let names = names("account-", ACCOUNTS);
    let mut told = bank.ask(vec![write(init(&names, EACH), "init".into(), true)]);
    let of_clients = bank.clients(6, |bank, client| {
        if client < 4 {
            return moves(bank, client, &names);
        }
        (0..150).for_each(|_| read(bank));
        vec![]
    });
    told.extend(of_clients.into_iter().flatten());
    bank.engine.close().unwrap();
    judge(&bank.disk, Seq::ZERO, &told);
}

#[test]
fn a_list_of_accounts_rests_on_one_position_while_accounts_are_opened() {
    in_time(|| {
        beside_moves(|bank| {
            let prefix = Cow::Borrowed("");
            let query = Query::Accounts { prefix, after: None, limit: PAGE_MAX, count: false };
            let reading = bank.read(query);
            let Reading::Accounts { accounts, as_of, .. } = &reading else { panic!("{reading:?}") };
            let sum: i64 = accounts.iter().map(|line| line.balance.get()).sum();
            assert_eq!(sum, EACH * i64::try_from(ACCOUNTS).unwrap(), "{reading:?}");
            assert!(accounts.iter().all(|line| line.seq <= *as_of), "{reading:?}");
        });
    });
}

#[test]
fn pages_of_a_statement_join_while_the_account_is_busy() {
    in_time(|| {
        beside_moves(|bank| {
            let order = Order::NewestFirst;
            let mut page =
                StatementPage { from: None, to: None, order, limit: 40, after: None, end: None };
            let mut leads_to = None;
            for _ in 0..5 {
                let query = Query::Statement { account: account("account-1"), page };
                let Reading::Statement(statement) = bank.read(query) else {
                    panic!("a statement was asked for")
                };
                let changes: i64 = statement.lines.iter().map(|line| line.change).sum();
                assert_eq!(statement.before.get() + changes, statement.after.get());
                assert!(leads_to.is_none_or(|held| held == statement.after), "{statement:?}");
                leads_to = Some(statement.before);
                page.end = Some(statement.as_of);
                page.after = statement.next;
                if statement.next.is_none() {
                    assert_eq!(statement.before.get(), 0, "it began with nothing");
                    break;
                }
            }
        });
    });
}
