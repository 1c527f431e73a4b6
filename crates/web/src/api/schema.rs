//! The shapes of bodies and replies, for the OpenAPI document: what `docs/protocol.md` says, as schemas.
//! Reading and writing them is `protocol`'s.
#![expect(
    dead_code,
    reason = "a shape is described, never built: the wire's own code writes replies"
)]

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

/// An account's name: 1 to 64 bytes of UTF-8, no control characters, not beginning with '@'.
#[derive(ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 64, example = "alice",
         pattern = "^[^@\\u0000-\\u001f\\u007f-\\u009f][^\\u0000-\\u001f\\u007f-\\u009f]*$")]
pub(crate) struct AccountName(String);

/// A tx_id: 1 to 128 bytes of UTF-8, no control characters.
#[derive(ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 128, example = "rent-2026-11",
         pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$")]
pub(crate) struct TxIdText(String);

/// The same where it may be absent: null and "" say so too.
#[derive(ToSchema)]
#[schema(value_type = Option<String>, max_length = 128, example = "rent-2026-11",
         pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$")]
pub(crate) struct TxIdOrNone(Option<String>);

/// Whole minor units (cents).
#[derive(Serialize, ToSchema)]
#[schema(value_type = i64, minimum = 1, maximum = 9007199254740991i64, example = 2500)]
pub(crate) struct AmountNumber(i64);

/// Whole minor units (cents) as plain digits; read up to 9007199254740991.
#[derive(Serialize, ToSchema)]
#[schema(value_type = String, pattern = "^0*[1-9][0-9]{0,14}$", max_length = 32, example = "2500")]
pub(crate) struct AmountDigits(String);

/// Whole minor units (cents), 1 to 9007199254740991. Fractions are refused, never rounded.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(example = 2500)]
pub(crate) enum Amount {
    Number(#[schema(inline)] AmountNumber),
    Digits(#[schema(inline)] AmountDigits),
}

/// An opening balance in whole minor units (cents).
#[derive(Serialize, ToSchema)]
#[schema(value_type = i64, minimum = 0, maximum = 9007199254740991i64, example = 100000)]
pub(crate) struct OpeningNumber(i64);

/// An opening balance as plain digits; read up to 9007199254740991.
#[derive(Serialize, ToSchema)]
#[schema(value_type = String, pattern = "^[0-9]{1,15}$", example = "100000")]
pub(crate) struct OpeningDigits(String);

/// An opening balance in whole minor units (cents), 0 to 9007199254740991.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(example = 100000)]
pub(crate) enum Opening {
    Number(#[schema(inline)] OpeningNumber),
    Digits(#[schema(inline)] OpeningDigits),
}

/// Microseconds since the Unix epoch.
#[derive(Serialize, ToSchema)]
#[schema(value_type = i64, minimum = 1, maximum = 9223372036854775807i64, example = 1764000000000000i64)]
pub(crate) struct DeadlineNumber(i64);

/// Microseconds since the Unix epoch as plain digits; read up to 9223372036854775807.
#[derive(Serialize, ToSchema)]
#[schema(value_type = String, pattern = "^0*[1-9][0-9]{0,17}$", max_length = 32,
         example = "1764000000000000")]
pub(crate) struct DeadlineDigits(String);

/// The request's deadline by the server's clock, in microseconds since the Unix epoch; null: none.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(example = 1764000000000000i64)]
pub(crate) enum Deadline {
    Number(#[schema(inline)] DeadlineNumber),
    Digits(#[schema(inline)] DeadlineDigits),
    None,
}

/// Money for one account, or from it.
#[derive(ToSchema)]
#[schema(example = json!({"user": "alice", "amount": 2500, "tx_id": "dep-1"}))]
pub(crate) struct OneAccount {
    user: AccountName,
    amount: Amount,
    #[schema(required = false)]
    tx_id: TxIdOrNone,
    #[schema(required = false)]
    not_after: Deadline,
}

/// Money from one account to another.
#[derive(ToSchema)]
#[schema(example = json!({"from": "alice", "to": "bob", "amount": 777, "tx_id": "rent-2026-11"}))]
pub(crate) struct TwoAccounts {
    from: AccountName,
    to: AccountName,
    amount: Amount,
    #[schema(required = false)]
    tx_id: TxIdOrNone,
    #[schema(required = false)]
    not_after: Deadline,
}

/// Balances to set, all or none; other accounts stay as they are.
#[derive(ToSchema)]
#[schema(example = json!({"accounts": {"alice": 100000, "bob": 50000}, "tx_id": "init-1"}))]
pub(crate) struct Openings {
    accounts: BTreeMap<String, Opening>,
    #[schema(required = false)]
    tx_id: TxIdOrNone,
    #[schema(required = false)]
    not_after: Deadline,
}

/// The tx_id to settle for ever.
#[derive(ToSchema)]
#[schema(example = json!({"tx_id": "rent-2026-11"}))]
pub(crate) struct ToResolve {
    tx_id: TxIdText,
}

/// A balance in minor units.
#[derive(ToSchema)]
#[schema(value_type = i64, minimum = -9007199254740991i64, maximum = 9007199254740991i64)]
pub(crate) struct Balance(i64);

/// A place in the bank's one order of events.
#[derive(ToSchema)]
#[schema(value_type = i64, minimum = 0, maximum = 9223372036854775807i64)]
pub(crate) struct Seq(i64);

/// What a deposit or a withdrawal did.
#[derive(ToSchema)]
pub(crate) struct Moved {
    ok: bool,
    before: Balance,
    after: Balance,
    seq: Seq,
    tx_id: String,
    /// There only when this tx_id was answered before.
    #[schema(required = false)]
    duplicate: bool,
}

/// One side of a transfer.
#[derive(ToSchema)]
pub(crate) struct Side {
    user: String,
    before: Balance,
    after: Balance,
}

/// What a transfer did.
#[derive(ToSchema)]
pub(crate) struct Transferred {
    ok: bool,
    from: Side,
    to: Side,
    seq: Seq,
    tx_id: String,
    /// There only when this tx_id was answered before.
    #[schema(required = false)]
    duplicate: bool,
}

/// Each account named, with its balance now.
#[derive(ToSchema)]
pub(crate) struct Opened {
    ok: bool,
    accounts: BTreeMap<String, i64>,
    seq: Seq,
    tx_id: String,
    /// There only when this tx_id was answered before.
    #[schema(required = false)]
    duplicate: bool,
}

/// What stands under a tx_id, for ever.
#[derive(ToSchema)]
pub(crate) struct Resolved {
    ok: bool,
    outcome: ResolvedOutcome,
    transaction: Transaction,
    seq: Seq,
    tx_id: String,
    /// There only when that was settled before.
    #[schema(required = false)]
    duplicate: bool,
}

/// Whether it was done.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ResolvedOutcome {
    Done,
    Refused,
    Voided,
}

/// What an account holds, or held.
#[derive(ToSchema)]
pub(crate) struct Account {
    ok: bool,
    user: String,
    balance: Balance,
    /// There, and false, only when there is no such account.
    #[schema(required = false)]
    exists: bool,
    as_of: Seq,
}

/// An account in a list.
#[derive(ToSchema)]
pub(crate) struct AccountLine {
    user: String,
    balance: Balance,
    /// Of its last change.
    seq: Seq,
}

/// A page of the accounts, by name.
#[derive(ToSchema)]
pub(crate) struct Accounts {
    ok: bool,
    items: Vec<AccountLine>,
    next_cursor: Option<String>,
    /// How many begin with the prefix; only when asked.
    #[schema(required = false, minimum = 0)]
    count: i64,
    as_of: Seq,
}

/// One change of an account.
#[derive(ToSchema)]
pub(crate) struct StatementLine {
    seq: Seq,
    /// Microseconds since the Unix epoch.
    at: i64,
    tx: String,
    /// The other side of a transfer.
    #[schema(required = false)]
    other: String,
    /// What the account gained, in minor units: below zero when it paid.
    amount: i64,
    balance: Balance,
    tx_id: String,
}

/// A page of one account's history.
#[derive(ToSchema)]
pub(crate) struct Statement {
    ok: bool,
    user: String,
    items: Vec<StatementLine>,
    balance_before: Balance,
    balance_after: Balance,
    /// There, and false, only when there is no such account.
    #[schema(required = false)]
    exists: bool,
    next_cursor: Option<String>,
    as_of: Seq,
}

/// One line of the log. Which keys stand beside these depends on `tx`: see docs/protocol.md.
#[derive(ToSchema)]
#[schema(example = json!({
    "seq": 2, "tx": "deposit", "tx_id": "dep-1", "user": "alice", "amount": 2500,
    "before": 100000, "after": 102500, "at": 1764000000000000i64
}))]
pub(crate) struct Transaction {
    seq: Seq,
    /// `init`, `deposit`, `withdraw`, `transfer`, `refused` or `void`; more may come.
    tx: String,
    tx_id: String,
    /// Who did it, where access control knew.
    #[schema(required = false)]
    by: String,
    /// Microseconds since the Unix epoch.
    at: i64,
}

/// One transaction.
#[derive(ToSchema)]
pub(crate) struct OneTransaction {
    ok: bool,
    transaction: Transaction,
    as_of: Seq,
}

/// A page of the log, oldest first.
#[derive(ToSchema)]
pub(crate) struct Transactions {
    ok: bool,
    items: Vec<Transaction>,
    next_cursor: Option<String>,
    as_of: Seq,
}

/// The bank as a whole, at one position. The sums may pass 53 bits.
#[derive(ToSchema)]
pub(crate) struct Totals {
    ok: bool,
    accounts: i64,
    sum: i64,
    money_in: i64,
    money_out: i64,
    seq: Seq,
    at: i64,
    as_of: Seq,
}

/// Why something was not done: RFC 9457.
#[derive(ToSchema)]
pub(crate) struct ProblemDetails {
    /// A page that explains it.
    #[schema(rename = "type")]
    kind: String,
    title: String,
    status: u16,
    detail: String,
    /// The path that was asked for.
    instance: String,
    /// The stable code, as on the wire.
    code: String,
    #[schema(required = false)]
    hint: String,
    /// Whether the very same request can be answered otherwise later.
    retryable: bool,
    request_id: String,
    as_of: Seq,
    /// What the account holds.
    #[schema(required = false)]
    balance: Balance,
    /// Its own place, when it was recorded.
    #[schema(required = false)]
    seq: Seq,
    #[schema(required = false)]
    tx_id: String,
    #[schema(required = false)]
    duplicate: bool,
}
