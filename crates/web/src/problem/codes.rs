//! Every code with which this door says no: its status, and what its page explains. The codes of the
//! wire are all here; a test compares.

use axum::http::StatusCode;

/// One code.
#[derive(Debug)]
pub(crate) struct Entry {
    /// As it stands in `code`.
    pub(crate) code: &'static str,
    pub(crate) status: StatusCode,
    /// Whether the very same request can be answered otherwise later.
    pub(crate) retryable: bool,
    /// The same for every problem with this code.
    pub(crate) title: &'static str,
    /// What it means.
    pub(crate) meaning: &'static str,
    /// What to do about it.
    pub(crate) remedy: &'static str,
}

const fn no(
    code: &'static str,
    status: StatusCode,
    title: &'static str,
    meaning: &'static str,
    remedy: &'static str,
) -> Entry {
    Entry { code, status, retryable: false, title, meaning, remedy }
}

const fn later(
    code: &'static str,
    status: StatusCode,
    title: &'static str,
    meaning: &'static str,
    remedy: &'static str,
) -> Entry {
    Entry { code, status, retryable: true, title, meaning, remedy }
}

/// The entry of a code.
pub(crate) fn entry(code: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.code == code)
}

/// All of them: first those of the request, then those of the bank, then those of the server.
#[rustfmt::skip] // a table: one row a code
pub(crate) const ENTRIES: &[Entry] = &[
    no("bad_json", StatusCode::BAD_REQUEST, "The body is not one JSON object",
       "The body breaks the grammar of JSON, or repeats a key, has more than 64 keys, is nested deeper than 128 levels, or is no object.",
       "send one JSON object, such as {\"user\":\"alice\",\"amount\":2500}"),
    no("missing_field", StatusCode::BAD_REQUEST, "A field is missing",
       "A field that the request needs is absent.",
       "add the field; the reference at /docs lists those of each request"),
    no("unknown_cmd", StatusCode::BAD_REQUEST, "There is no such command",
       "The command is none of the bank's. Over HTTP the path says it, so this is seen on the TCP port alone.",
       "look the commands up in docs/protocol.md"),
    no("invalid_request", StatusCode::BAD_REQUEST, "The fields do not make a request",
       "A field or a parameter is out of its range, is unknown, stands there twice, or contradicts another one.",
       "read the detail, then look at the reference at /docs"),
    no("invalid_name", StatusCode::BAD_REQUEST, "The name is no account's name",
       "An account's name has 1 to 64 bytes of UTF-8, no control characters, and does not begin with '@'.",
       "choose another name; letters, digits, '.', '_', ':' and '-' are a good choice"),
    no("invalid_amount", StatusCode::BAD_REQUEST, "The amount is none",
       "Amounts are whole minor units (cents) from 1 to 9007199254740991. Fractions are refused, never rounded.",
       "write 1250 for 12.50"),
    no("invalid_tx_id", StatusCode::BAD_REQUEST, "The tx_id is none",
       "A tx_id, also as Idempotency-Key, has 1 to 128 bytes of UTF-8 and no control characters.",
       "choose another tx_id; a UUID is a good choice"),
    no("same_account", StatusCode::UNPROCESSABLE_ENTITY, "Both accounts are the same",
       "A transfer needs two accounts.",
       "name another account in 'to'"),
    no("tx_id_reused", StatusCode::UNPROCESSABLE_ENTITY, "The tx_id stands for another request",
       "A tx_id names one write for ever: its command, accounts and amounts. This request differs from the one that it was first used for.",
       "look at what it stands for at /api/v1/transactions/TX_ID; use a fresh tx_id for another write"),
    no("insufficient_funds", StatusCode::UNPROCESSABLE_ENTITY, "The account holds too little",
       "The paying account holds less than would leave it; 'balance' says how much. When the request gave a tx_id the refusal is recorded: the same tx_id gets the same no, even if money came in meanwhile.",
       "deposit what is short, then ask again under a fresh tx_id"),
    no("balance_out_of_range", StatusCode::UNPROCESSABLE_ENTITY, "The balance would leave its range",
       "No balance passes 9007199254740991 minor units; 'balance' says what the receiving account holds.",
       "move less, or to another account"),
    no("deadline_passed", StatusCode::UNPROCESSABLE_ENTITY, "The deadline has passed",
       "The request's turn came after its 'not_after', by the server's clock. Nothing was done.",
       "ask again under a fresh tx_id with a later deadline, if it is still wanted"),
    no("voided", StatusCode::UNPROCESSABLE_ENTITY, "The tx_id was voided",
       "Somebody settled this tx_id by 'resolve' before the request came: nothing will ever be done under it.",
       "use a fresh tx_id, if it is still wanted"),
    no("limit_exceeded", StatusCode::UNPROCESSABLE_ENTITY, "More than this principal may move",
       "The amount passes the limit per transaction or per day of whoever asks. Nothing was done.",
       "ask for less, or ask an administrator for a higher limit"),
    later("unknown_transaction", StatusCode::NOT_FOUND, "There is no such transaction",
       "Nothing stands under that tx_id or seq, or nothing that the caller may see.",
       "look at /api/v1/transactions for what there is; a tx_id of digits alone needs ?by=tx_id"),
    later("not_yet", StatusCode::NOT_FOUND, "The moment lies ahead",
       "A balance was asked for at a moment that is not settled yet: it could still change.",
       "ask again later, or ask without a moment for what the account holds now"),
    no("unauthenticated", StatusCode::UNAUTHORIZED, "Nobody is signed in",
       "The server wants to know who asks, and the request has no valid credential.",
       "send Authorization: Bearer TOKEN; saldo token new makes one"),
    no("forbidden", StatusCode::FORBIDDEN, "Not allowed",
       "The role of whoever asks does not allow this, or not for this account.",
       "ask with a role that may; docs/access.md has the table"),
    later("rate_limited", StatusCode::TOO_MANY_REQUESTS, "Too many requests",
       "This client or principal asks more often than it may. Nothing was done.",
       "come again after the seconds that Retry-After says"),
    no("cross_site", StatusCode::FORBIDDEN, "Sent by a page of another site",
       "A browser says that a page of another site sent this request. Such requests change nothing here.",
       "use the console of this server, or a client that is no browser"),
    no("unknown_host", StatusCode::MISDIRECTED_REQUEST, "This host is not served here",
       "The Host header names none of the names of this server. Pages of other sites that have their name lead here are answered nothing.",
       "ask by the address that the server printed, or start it with --http-host NAME"),
    no("unknown_route", StatusCode::NOT_FOUND, "Nothing is here",
       "There is no page and no resource at this path.",
       "the API is under /api/v1, its reference at /docs"),
    no("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED, "Not with this method",
       "The resource is there and does not take this method; Allow lists those that it takes.",
       "use one of the methods in Allow"),
    no("unsupported_media_type", StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body is not declared as JSON",
       "What changes something insists on JSON, so that no form of another site can send it.",
       "send Content-Type: application/json"),
    no("line_too_long", StatusCode::PAYLOAD_TOO_LARGE, "The body is too large",
       "A request has at most 1 MiB, as a line of the TCP port has.",
       "send less at once"),
    no("too_large", StatusCode::PAYLOAD_TOO_LARGE, "Too large for one record",
       "The log cannot take so many accounts as one record.",
       "split the opening balances over several requests"),
    later("request_timeout", StatusCode::REQUEST_TIMEOUT, "The body came too slowly",
       "The body was not there in time. Nothing was done.",
       "send it again, faster"),
    no("http_not_spoken", StatusCode::BAD_REQUEST, "HTTP is not spoken there",
       "The TCP port of the bank takes lines of JSON. HTTP has a port of its own.",
       "use the address that the server printed for HTTP"),
    no("not_with_a_database", StatusCode::CONFLICT, "A database keeps this bank",
       "This server has no folder of its own to verify or to checkpoint: the database keeps the bank.",
       "saldo verify postgres://… proves the rows; checkpoints are the database's own"),
    later("verify_running", StatusCode::CONFLICT, "A verification is running",
       "One verification runs at a time.",
       "watch it at GET /api/v1/verify, and start the next one when it has ended"),
    no("verify_elsewhere", StatusCode::CONFLICT, "The history is too long to be proven here",
       "A proof keeps something of every event in memory. Beyond 10,000,000 events it is made by a process of its own, so that the server's memory stays bounded.",
       "run saldo verify FOLDER beside the server"),
    later("checkpoint_failed", StatusCode::INTERNAL_SERVER_ERROR, "The checkpoint failed",
       "The disk did not take the snapshot. The journal has everything: nothing is lost.",
       "look at the server's log and at the space on the disk"),
    later("behind", StatusCode::SERVICE_UNAVAILABLE, "Too far behind",
       "Whoever follows the log took what happens more slowly than it happens, and was let go.",
       "follow again from the next seq, or read the pages of /api/v1/transactions"),
    later("overloaded", StatusCode::SERVICE_UNAVAILABLE, "No room",
       "The server has as many connections or streams as it takes. Nothing was done.",
       "come again after the seconds that Retry-After says"),
    later("index_unavailable", StatusCode::SERVICE_UNAVAILABLE, "The index of history cannot be read",
       "Nothing was done. A damaged index is made anew at the next start; the journal has everything.",
       "ask again; if it stays, look at the server's log"),
    later("journal_unavailable", StatusCode::SERVICE_UNAVAILABLE, "The journal cannot be read there",
       "The disk does not give the log where the answer stands, or what it gives is damaged. Nothing was done.",
       "look at the server's log: it names the file and the seq"),
    later("database_unreachable", StatusCode::SERVICE_UNAVAILABLE, "The database does not answer",
       "The database that keeps the bank did not answer in time. This request was certainly not done.",
       "ask again with the same tx_id"),
    later("shutting_down", StatusCode::SERVICE_UNAVAILABLE, "The server is stopping",
       "This request was certainly not done.",
       "ask again with the same tx_id once the server is back"),
    later("not_ready", StatusCode::SERVICE_UNAVAILABLE, "Not ready",
       "The server lives and may not serve at the moment.",
       "ask again; if it stays, look at the server's log"),
    later("outcome_unknown", StatusCode::GATEWAY_TIMEOUT, "The outcome is unknown",
       "The server lost the answer: the write may have happened or not.",
       "ask again with the same tx_id: it happens once"),
    later("internal", StatusCode::INTERNAL_SERVER_ERROR, "The server broke down",
       "The server cannot write any more and is about to exit.",
       "look at the server's log, start it again, then ask again with the same tx_id"),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use protocol::Code;

    use super::*;

    #[test]
    fn every_code_of_the_wire_has_an_entry_that_agrees_on_retryable() {
        for code in Code::ALL {
            let found = entry(code.as_str());
            let found = found.unwrap_or_else(|| panic!("no entry for {}", code.as_str()));
            assert_eq!(found.retryable, code.retryable(), "{}", code.as_str());
        }
    }

    #[test]
    fn no_code_stands_there_twice_and_every_status_is_an_error() {
        let codes: HashSet<&str> = ENTRIES.iter().map(|entry| entry.code).collect();
        assert_eq!(codes.len(), ENTRIES.len());
        for entry in ENTRIES {
            assert!(entry.status.is_client_error() || entry.status.is_server_error());
            assert!(!entry.title.ends_with('.') && entry.meaning.ends_with('.'), "{}", entry.code);
            assert!(!entry.remedy.ends_with('.'), "{}: a hint has no full stop", entry.code);
        }
    }
}
