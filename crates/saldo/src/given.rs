//! Names, amounts and tx_ids as they stand on the command line, checked before anything is sent.

use client::request::Ticket;
use ledger::{AccountId, Amount, AmountFault, TxId};

use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::text;
use crate::shell::Command;

/// Reads the name of an account.
pub fn account(name: &str) -> Result<AccountId<'_>, Failure> {
    AccountId::new(name).map_err(|fault| {
        Failure::new(Exit::Usage, "invalid_name", format!("{}: {fault}", text::quoted(name)))
            .hint("a name has 1 to 64 bytes of UTF-8, no control characters, and no @ in front")
    })
}

/// Reads a tx_id; one is made when none was given.
pub fn tx_id(given: Option<&str>) -> Result<TxId<'_>, Failure> {
    let Some(given) = given else {
        return Ok(client::new_tx_id());
    };
    TxId::new(given).map_err(|fault| {
        let text = format!("--tx-id {}: {fault}", text::quoted(given));
        Failure::new(Exit::Usage, "invalid_tx_id", text)
            .hint("leave --tx-id out and one is made before anything is sent")
    })
}

/// Reads a tx_id that the verb is about.
pub fn named_tx_id(given: &str) -> Result<TxId<'_>, Failure> {
    TxId::new(given).map_err(|fault| {
        let text = format!("{}: {fault}", text::quoted(given));
        Failure::new(Exit::Usage, "invalid_tx_id", text)
    })
}

/// Reads a deadline, in microseconds since the Unix epoch; `None` when none was given.
pub fn not_after(given: Option<&str>) -> Result<Option<u64>, Failure> {
    given.map(crate::moment::deadline).transpose()
}

/// `command` with what names and bounds a write, as it was sent.
pub fn with_ticket(command: Command, ticket: Ticket<'_>) -> Command {
    let command = command.option("--tx-id", ticket.tx_id.as_str());
    match ticket.not_after_us {
        Some(not_after_us) => command.option("--not-after", not_after_us.to_string()),
        None => command,
    }
}

/// What to tell beside the answer to a write that had been done before.
pub fn happened_before(noun: &str, tx_id: &TxId<'_>) -> String {
    let name = text::message(tx_id.as_str());
    format!("the {noun} {name} had happened before; this is its first answer, nothing moved again")
}

/// Reads an amount in whole minor units.
pub fn amount(given: &str) -> Result<Amount, Failure> {
    let refuse = |fault: AmountFault| {
        let text = match fault {
            AmountFault::NotWhole => {
                format!("amount {} is no whole number of cents", text::quoted(given))
            }
            AmountFault::NotPositive | AmountFault::TooLarge | AmountFault::Negative => {
                format!("{fault}, not {}", text::message(given))
            }
        };
        let failure = Failure::new(Exit::Usage, "invalid_amount", text);
        match fault {
            AmountFault::NotWhole => failure.hint(in_cents(given)),
            AmountFault::NotPositive | AmountFault::TooLarge | AmountFault::Negative => failure,
        }
    };
    let (negative, digits) = match given.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, given),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refuse(AmountFault::NotWhole));
    }
    if negative {
        return Err(refuse(AmountFault::NotPositive));
    }
    // Digits that are too many for 64 bits are above every limit as well.
    let units = digits.parse::<i64>().unwrap_or(i64::MAX);
    Amount::new(units).map_err(refuse)
}

/// What to write for an amount with a fraction.
fn in_cents(given: &str) -> String {
    let cents = given.split_once(['.', ',']).and_then(|(whole, fraction)| {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) {
            return None;
        }
        let fraction = match fraction.len() {
            1 => format!("{fraction}0"),
            2 => fraction.to_owned(),
            _ => return None,
        };
        let cents = format!("{whole}{fraction}");
        let cents = cents.trim_start_matches('0');
        (!cents.is_empty()).then(|| cents.to_owned())
    });
    match cents {
        Some(cents) => format!("write {cents} for {given}"),
        None => "amounts are whole cents: write 1250 for 12.50".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(given: &str) -> (String, Option<String>) {
        let failure = amount(given).unwrap_err();
        let (exit, code, text, hint) = failure.parts();
        assert_eq!((exit, code), (2, "invalid_amount"));
        (text.to_owned(), hint.map(str::to_owned))
    }

    #[test]
    fn an_amount_is_whole_cents() {
        assert_eq!(amount("2500").unwrap().get(), 2500);
        assert_eq!(amount("007").unwrap().get(), 7);
        assert_eq!(amount("9007199254740991").unwrap().get(), 9_007_199_254_740_991);
    }

    #[test]
    fn a_fraction_is_told_in_cents() {
        for (given, hint) in [
            ("12.50", "write 1250 for 12.50"),
            ("12,50", "write 1250 for 12,50"),
            ("12.5", "write 1250 for 12.5"),
            ("0.07", "write 7 for 0.07"),
            ("12.345", "amounts are whole cents: write 1250 for 12.50"),
            ("1e3", "amounts are whole cents: write 1250 for 12.50"),
            ("12.", "amounts are whole cents: write 1250 for 12.50"),
            ("0.00", "amounts are whole cents: write 1250 for 12.50"),
            ("ten", "amounts are whole cents: write 1250 for 12.50"),
            ("", "amounts are whole cents: write 1250 for 12.50"),
        ] {
            let (text, found) = refused(given);
            assert_eq!(text, format!("amount \"{given}\" is no whole number of cents"));
            assert_eq!(found.as_deref(), Some(hint), "{given}");
        }
    }

    #[test]
    fn nothing_and_less_and_too_much_are_no_amounts() {
        assert_eq!(refused("0").0, "amount must be > 0, not 0");
        assert_eq!(refused("-5").0, "amount must be > 0, not -5");
        for given in ["9007199254740992", "99999999999999999999999"] {
            let (text, _) = refused(given);
            assert_eq!(text, format!("amount must be at most 9007199254740991, not {given}"));
        }
    }

    #[test]
    fn a_bad_name_says_what_is_wrong_with_it() {
        let failure = account("@world").unwrap_err();
        let (exit, code, text, _) = failure.parts();
        assert_eq!((exit, code), (2, "invalid_name"));
        assert_eq!(text, "\"@world\": account names that begin with '@' are the bank's own");
        assert_eq!(
            account("a\tb").unwrap_err().parts().2,
            r#""a\u{9}b": account name holds a control character"#
        );
    }

    #[test]
    fn an_empty_tx_id_is_a_mistake_and_not_the_wish_for_a_new_one() {
        assert_eq!(tx_id(Some("")).unwrap_err().parts().1, "invalid_tx_id");
        assert_eq!(tx_id(Some("t-1")).unwrap().as_str(), "t-1");
        assert_ne!(tx_id(None).unwrap(), tx_id(None).unwrap());
    }
}
