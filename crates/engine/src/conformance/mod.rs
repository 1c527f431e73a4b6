//! The promises of an engine, a function each, for every implementation of the seam.
//!
//! A case gets an [`Instance`] over an empty ledger of its own and panics when a promise is
//! broken. An engine's tests are one line, [`conformance_suite!`](crate::conformance_suite), with
//! an `async fn` that makes such an instance. What holds for every single outcome, whatever was
//! asked, is looked at in every case: see `ask`.
//!
//! Not here: several clients at once, and power cuts. An engine that runs in this process tests
//! those on its own.

mod ask;
mod books;
mod by;
mod deadlines;
mod history;
mod many;
#[cfg(feature = "conformance")]
mod model;
mod order;
mod reads;
mod resolve;
mod restart;
mod statements;
mod tx_ids;
mod writes;

use std::sync::Arc;

use crate::seam::{BoxFuture, Engine};

#[cfg(feature = "conformance")]
pub use model::{Script, check_against_the_model};

/// An engine over a ledger of its own.
pub struct Instance {
    /// The engine. When a case begins, its ledger is empty.
    pub engine: Arc<dyn Engine>,
    /// Stops the engine and opens its ledger again. It is called when nothing is under way and
    /// `engine` has been dropped. Whether it stops in order or by a crash is the maker's choice.
    pub reopen: Box<dyn FnOnce() -> BoxFuture<'static, Instance> + Send>,
}

/// A promise, as something that can be tried.
pub struct Case {
    /// What is promised; a name that stays.
    pub name: &'static str,
    /// Tries it, and panics where it is broken.
    pub run: fn(Instance) -> BoxFuture<'static, ()>,
}

impl Instance {
    async fn reopened(self) -> Self {
        let Self { engine, reopen } = self;
        drop(engine);
        reopen().await
    }
}

/// The list of cases, once: it makes the functions public and generates the tests, so that none
/// is forgotten. (`$d` is a dollar sign, for the macro within.)
macro_rules! cases {
    ($d:tt $($module:ident: $($case:ident)+;)+) => {
        $(pub use $module::{$($case),+};)+

        /// Every promise, in the order of the list.
        pub const CASES: &[Case] = &[
            $($(Case {
                name: stringify!($case),
                run: |instance| Box::pin($module::$case(instance)),
            },)+)+
        ];

        /// Generates the tests of an engine: a test for each promise.
        ///
        /// `$fresh`: the path of an `async fn() -> Instance` that makes an engine over an empty
        /// ledger. `$scripts`: how many random scripts are compared with the model;
        /// `PROPTEST_CASES` overrides it. The calling crate depends on tokio with its features
        /// `macros` and `rt-multi-thread`.
        #[macro_export]
        macro_rules! conformance_suite {
            ($d fresh:path, $d scripts:expr) => {
                $($(
                    #[tokio::test]
                    async fn $case() {
                        $d crate::conformance::$case($d fresh().await).await;
                    }
                )+)+

                #[test]
                fn outcomes_and_balances_are_those_of_the_model() {
                    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
                    $d crate::conformance::check_against_the_model($d scripts, |script| {
                        runtime.block_on(async {
                            script.check($d fresh().await).await;
                        });
                    });
                }
            };
        }
    };
}

cases! { $
    writes:
        a_deposit_opens_its_account
        a_withdrawal_may_take_everything
        a_transfer_opens_its_receiver
        a_refused_command_opens_nothing
        a_refusal_tells_the_balance_that_it_rests_on
        a_balance_stays_in_its_range
        opening_balances_are_set_and_not_added
        setting_balances_is_one_event
        account_names_are_compared_byte_for_byte;
    reads:
        an_unknown_account_has_no_balance_and_asking_opens_nothing
        several_balances_are_answered_in_the_order_asked_at_one_position
        an_account_asked_for_twice_is_answered_twice
        an_account_of_balance_zero_exists;
    order:
        an_empty_batch_has_no_outcomes
        a_batch_runs_in_order_and_reads_see_the_writes_before_them
        seqs_begin_at_one_and_have_no_gaps
        a_batch_larger_than_the_buffer_runs_whole
        a_command_too_large_for_a_record_is_certainly_not_written
        money_is_neither_made_nor_lost;
    tx_ids:
        the_same_request_again_gets_the_same_answer
        a_repetition_in_the_same_batch_is_a_duplicate
        other_content_under_a_tx_id_is_a_conflict_and_changes_nothing
        opening_balances_in_another_order_are_the_same_request
        a_recorded_refusal_stays_a_refusal_when_money_comes
        a_refusal_of_a_request_without_a_tx_id_is_not_recorded
        a_change_without_a_given_tx_id_can_be_asked_for_again
        tx_ids_are_compared_byte_for_byte;
    by:
        who_did_it_stands_in_every_event_for_ever
        a_duplicate_keeps_who_did_it_first
        who_asks_is_no_part_of_what_a_tx_id_is_bound_to;
    restart:
        an_empty_ledger_reopens_empty
        balances_outlive_a_restart
        answers_outlive_a_restart
        seqs_go_on_after_a_restart;
    resolve:
        resolving_tells_what_was_done_and_what_was_refused
        an_unknown_tx_id_is_voided_once
        a_write_under_a_voided_tx_id_is_refused_for_ever
        a_request_and_its_resolve_in_one_batch_are_settled_in_order
        a_refusal_that_was_not_recorded_can_still_be_voided
        what_was_settled_outlives_a_restart;
    deadlines:
        what_comes_after_its_deadline_is_refused_and_recorded
        what_comes_before_its_deadline_is_executed
        what_was_executed_in_time_stays_so_whatever_the_deadline
        a_late_request_without_a_tx_id_is_not_recorded
        deadlines_that_passed_outlive_a_restart;
    history:
        a_transaction_is_found_by_its_tx_id_and_by_its_seq
        pages_of_transactions_join
        a_page_ends_behind_transactions_that_name_many_accounts
        a_reading_shows_what_an_answer_before_it_showed
        a_waiter_is_told_once_something_lies_behind_its_position
        a_balance_is_told_as_it_was_at_every_seq_and_time
        accounts_are_listed_by_name_in_pages
        totals_are_those_of_all_events;
    statements:
        statements_show_every_change_once_in_either_order
        a_statement_may_begin_and_end_at_a_seq_or_a_time
        pages_join_while_money_moves
        an_account_without_money_has_a_statement_and_an_unknown_one_has_none;
    many:
        many_requests_are_answered_as_the_naive_bank_answers_them;
}
