//! Cuts opening balances into requests, each of which fits one line, and names them.
//!
//! **Invariant:** the same balances and the same tx_id give the same pieces with the same names, so
//! that running `init` again after a loss goes on where it stopped and sets nothing twice.

use client::request;
use ledger::{AccountId, Balance, Openings, TxId, TxIdFault};
use protocol::limits::LINE_BYTES_MAX;

/// One request: at most one line.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The accounts and balances that it sets, all or nothing.
    pub openings: &'a [(AccountId<'static>, Balance)],
    /// Its name.
    pub tx_id: TxId<'static>,
}

/// Cuts `openings`, in order, into as few lines as they fit. A single piece is called `tx_id`;
/// several are called `tx_id/1`, `tx_id/2` and so on. Errors: such a name would be too long.
pub fn cut<'a>(
    openings: &'a [(AccountId<'static>, Balance)],
    tx_id: &TxId<'_>,
) -> Result<Vec<Piece<'a>>, TxIdFault> {
    cut_to(openings, tx_id, LINE_BYTES_MAX)
}

fn cut_to<'a>(
    openings: &'a [(AccountId<'static>, Balance)],
    tx_id: &TxId<'_>,
    line_bytes_max: usize,
) -> Result<Vec<Piece<'a>>, TxIdFault> {
    let whole_bytes: usize =
        openings.iter().map(|(account, balance)| request::opening_bytes(account, *balance)).sum();
    if request::init_frame_bytes(tx_id) + whole_bytes <= line_bytes_max {
        return Ok(vec![Piece { openings, tx_id: tx_id.clone().into_owned() }]);
    }
    // No number of a piece is longer than the count of accounts.
    let longest = TxId::new(format!("{tx_id}/{}", openings.len()))?;
    let room = line_bytes_max.saturating_sub(request::init_frame_bytes(&longest));
    let mut pieces = Vec::new();
    let mut rest = openings;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fitting = rest
            .iter()
            .take_while(|(account, balance)| {
                bytes += request::opening_bytes(account, *balance);
                bytes <= room
            })
            .count();
        let (piece, behind) = rest.split_at(fitting.max(1));
        let tx_id = TxId::new(format!("{tx_id}/{}", pieces.len() + 1))?;
        pieces.push(Piece { openings: piece, tx_id });
        rest = behind;
    }
    Ok(pieces)
}

impl Piece<'_> {
    /// What it sets; `None` when an account stands there twice.
    pub fn openings(&self) -> Option<Openings<'_>> {
        let borrowed = self.openings.iter().map(|(account, balance)| (account.borrow(), *balance));
        Openings::new(borrowed.collect())
    }
}

#[cfg(test)]
mod tests {
    use client::request::Ticket;
    use protocol::limits::NUMBER_MAX;

    use super::*;

    fn many(count: usize) -> Vec<(AccountId<'static>, Balance)> {
        (0..count)
            .map(|number| {
                let name = format!("{}{number}", "é\"".repeat(number % 7));
                (
                    AccountId::new(name).unwrap(),
                    Balance::new([0, 7, 9_007_199_254_740_991][number % 3]).unwrap(),
                )
            })
            .collect()
    }

    fn line_bytes(piece: &Piece<'_>) -> usize {
        // With the longest deadline: whether one is given must not move the cuts.
        let ticket = Ticket { tx_id: &piece.tx_id, not_after_us: Some(NUMBER_MAX) };
        let mut line = Vec::new();
        request::init(&mut line, &piece.openings().unwrap(), ticket);
        line.len()
    }

    #[test]
    fn what_fits_one_line_is_one_request_under_the_very_tx_id() {
        let openings = many(3);
        let pieces = cut(&openings, &TxId::new("t").unwrap()).unwrap();
        assert_eq!(pieces, [Piece { openings: &openings, tx_id: TxId::new("t").unwrap() }]);
    }

    #[test]
    fn what_does_not_fit_is_cut_in_order_and_every_line_fits() {
        let openings = many(500);
        let tx_id = TxId::new("t").unwrap();
        for line_bytes_max in [200, 999, 5_000, 20_000] {
            let pieces = cut_to(&openings, &tx_id, line_bytes_max).unwrap();
            let joined: Vec<_> = pieces.iter().flat_map(|piece| piece.openings).collect();
            assert_eq!(joined, openings.iter().collect::<Vec<_>>());
            assert!(pieces.iter().all(|piece| line_bytes(piece) <= line_bytes_max));
            for (place, piece) in pieces.iter().enumerate() {
                if pieces.len() > 1 {
                    assert_eq!(piece.tx_id.as_str(), format!("t/{}", place + 1));
                }
            }
        }
    }

    #[test]
    fn a_line_of_exactly_the_limit_is_not_cut() {
        let openings = many(100);
        let tx_id = TxId::new("t").unwrap();
        let whole = Piece { openings: &openings, tx_id: tx_id.clone() };
        // The count of bytes charges one comma that the first opening does not have.
        let limit = line_bytes(&whole) + 1;
        assert_eq!(cut_to(&openings, &tx_id, limit).unwrap().len(), 1);
        assert_eq!(cut_to(&openings, &tx_id, limit - 1).unwrap().len(), 2);
    }

    #[test]
    fn a_tx_id_without_room_for_a_number_is_refused() {
        let openings = many(100);
        let tx_id = TxId::new("x".repeat(128)).unwrap();
        assert!(cut_to(&openings, &tx_id, 100_000).is_ok());
        assert!(matches!(cut_to(&openings, &tx_id, 1_000), Err(TxIdFault::TooLong { .. })));
    }
}
