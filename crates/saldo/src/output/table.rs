//! Small tables for people: columns that line up, no border, no header.

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};
use ledger::{AccountId, Balance};

use super::text;

/// Accounts and what they hold.
///
/// ```text
/// alice  100000
/// bob     50000
/// ```
pub fn holdings<'r>(rows: impl IntoIterator<Item = (&'r AccountId<'r>, Balance)>) -> String {
    let rows = rows.into_iter().map(|(account, balance)| {
        vec![text::name(account.as_str()).into_owned(), balance.to_string()]
    });
    aligned(rows, &[2, 0])
}

/// Accounts and how their balances changed.
///
/// ```text
/// alice  102500 → 101723
/// bob     50000 →  50777
/// ```
pub fn changes<'r>(
    rows: impl IntoIterator<Item = (&'r AccountId<'r>, Balance, Balance)>,
) -> String {
    let rows = rows.into_iter().map(|(account, before, after)| {
        let name = text::name(account.as_str()).into_owned();
        vec![name, before.to_string(), "→".to_owned(), after.to_string()]
    });
    aligned(rows, &[2, 1, 1, 0])
}

/// On which side the values of a column line up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Any columns, two spaces between them.
pub fn columns(rows: impl Iterator<Item = Vec<String>>, aligns: &[Align]) -> String {
    let columns: Vec<(Align, u16)> = aligns
        .iter()
        .enumerate()
        .map(|(place, align)| (*align, if place + 1 < aligns.len() { 2 } else { 0 }))
        .collect();
    laid_out(rows, &columns)
}

/// Lines up the columns: the first to the left, the others to the right. `gaps`: how many spaces
/// stand behind each column.
fn aligned(rows: impl Iterator<Item = Vec<String>>, gaps: &[u16]) -> String {
    let columns: Vec<(Align, u16)> = gaps
        .iter()
        .enumerate()
        .map(|(place, gap)| (if place > 0 { Align::Right } else { Align::Left }, *gap))
        .collect();
    laid_out(rows, &columns)
}

fn laid_out(rows: impl Iterator<Item = Vec<String>>, columns: &[(Align, u16)]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.add_rows(rows);
    for (column, (align, gap)) in table.column_iter_mut().zip(columns) {
        column.set_padding((0, *gap));
        column.set_constraint(ColumnConstraint::ContentWidth);
        if *align == Align::Right {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut lines = table.trim_fmt();
    if !lines.is_empty() {
        lines.push('\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(name: &str) -> AccountId<'_> {
        AccountId::new(name).unwrap()
    }

    fn balance(units: i64) -> Balance {
        Balance::new(units).unwrap()
    }

    #[test]
    fn balances_line_up() {
        let (alice, bob) = (account("alice"), account("bob"));
        let table = holdings([(&alice, balance(100_000)), (&bob, balance(50_000))]);
        assert_eq!(table, "alice  100000\nbob     50000\n");
        assert_eq!(holdings([(&bob, balance(0))]), "bob  0\n");
        assert_eq!(holdings([]), "");
    }

    #[test]
    fn words_line_up_on_the_left_and_numbers_on_the_right() {
        let rows = [["1", "transfer", "-777", "t-1"], ["12", "init", "5", "t-22"]];
        let rows = rows.into_iter().map(|row| row.map(str::to_owned).to_vec());
        let aligns = [Align::Right, Align::Left, Align::Right, Align::Left];
        assert_eq!(columns(rows, &aligns), " 1  transfer  -777  t-1\n12  init         5  t-22\n");
    }

    #[test]
    fn changes_line_up_around_the_arrow() {
        let (alice, bob) = (account("alice"), account("bob"));
        let table = changes([
            (&alice, balance(102_500), balance(101_723)),
            (&bob, balance(50_000), balance(50_777)),
        ]);
        assert_eq!(table, "alice  102500 → 101723\nbob     50000 →  50777\n");
        let one = changes([(&alice, balance(100_000), balance(102_500))]);
        assert_eq!(one, "alice  100000 → 102500\n");
    }

    #[test]
    fn wide_and_accented_names_line_up_on_a_terminal() {
        let (wide, accented) = (account("日本"), account("josé"));
        let table = holdings([(&wide, balance(1)), (&accented, balance(22))]);
        assert_eq!(table, "日本   1\njosé  22\n");
    }

    #[test]
    fn a_name_with_blanks_and_quotes_keeps_them_and_one_that_hides_something_shows_it() {
        let (blanks, hiding) = (account("a  b \"c\""), account("x\u{202e}y"));
        let table = holdings([(&blanks, balance(1)), (&hiding, balance(2))]);
        assert_eq!(table, "a  b \"c\"    1\nx\\u{202e}y  2\n");
    }
}
