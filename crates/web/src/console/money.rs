//! Money as people read and type it. Everything else in the bank is whole minor units.

use ledger::{Amount, AmountFault};

use super::language::Language;

/// A currency, as far as a page needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Currency {
    code: String,
}

impl Currency {
    /// By its code of ISO 4217.
    pub(super) fn new(code: impl Into<String>) -> Self {
        Self { code: code.into() }
    }

    /// Three letters.
    pub(super) fn code(&self) -> &str {
        &self.code
    }

    /// How many digits the minor units take. Source: ISO 4217, list one; two for what it does not say.
    pub(super) fn digits(&self) -> usize {
        match self.code.as_str() {
            "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF"
            | "UGX" | "UYI" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
            "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
            "CLF" | "UYW" => 4,
            _ => 2,
        }
    }

    /// The sum as this language writes it, with the exact minor units beside it.
    pub(super) fn money(&self, minor_units: impl Into<i128>, language: Language) -> Money {
        let minor_units = minor_units.into();
        Money { shown: shown(minor_units, self.digits(), language), exact: minor_units }
    }

    /// A whole number that is no money, with its thousands set apart.
    pub(super) fn whole(number: u64, language: Language) -> String {
        shown(i128::from(number), 0, language)
    }

    /// Reads an amount as this language writes it. Errors: see [`TypedFault`].
    pub(super) fn read(&self, typed: &str, language: Language) -> Result<Amount, TypedFault> {
        let typed = typed.trim();
        if typed.is_empty() {
            return Err(TypedFault::Missing);
        }
        let digits = digits_of(typed, self.digits(), language)?;
        match digits.parse::<i64>().map(Amount::new) {
            Ok(Ok(amount)) => Ok(amount),
            Ok(Err(AmountFault::NotPositive)) => Err(TypedFault::Zero),
            Ok(Err(_)) | Err(_) => Err(TypedFault::TooLarge),
        }
    }
}

/// A sum, ready for a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Money {
    /// As people read it: `1,025.00`.
    pub(super) shown: String,
    /// The minor units.
    pub(super) exact: i128,
}

/// Why what was typed is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TypedFault {
    Missing,
    /// It is not written as this language writes a number.
    NotANumber,
    /// It has more decimals than the currency.
    TooFine,
    Zero,
    TooLarge,
}

fn shown(minor_units: i128, digits: usize, language: Language) -> String {
    let (thousands, point) = language.separators();
    let text = format!("{:0>width$}", minor_units.unsigned_abs(), width = digits + 1);
    let (whole, fraction) = text.split_at(text.len().saturating_sub(digits));
    let mut shown = String::with_capacity(text.len() * 2);
    if minor_units < 0 {
        shown.push('\u{2212}');
    }
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            shown.push(thousands);
        }
        shown.push(digit);
    }
    if !fraction.is_empty() {
        shown.push(point);
        shown.push_str(fraction);
    }
    shown
}

/// The amount in minor units, as digits. Thousands may be set apart, and then every three digits: so
/// `1,5` is no English amount rather than fifteen of anything.
fn digits_of(typed: &str, digits: usize, language: Language) -> Result<String, TypedFault> {
    let (thousands, point) = language.separators();
    let (whole, fraction) = typed.split_once(point).unwrap_or((typed, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mut groups = whole.split(thousands);
    let first = groups.next().unwrap_or_default();
    let rest: Vec<&str> = groups.collect();
    let is_whole = !first.is_empty()
        && are_digits(first)
        && rest.iter().all(|group| group.len() == 3 && are_digits(group))
        && (rest.is_empty() || first.len() <= 3);
    let has_fraction = typed.contains(point);
    if !is_whole || !are_digits(fraction) || (has_fraction && fraction.is_empty()) {
        return Err(TypedFault::NotANumber);
    }
    let (kept, finer) = fraction.split_at_checked(digits).unwrap_or((fraction, ""));
    if finer.bytes().any(|digit| digit != b'0') {
        return Err(TypedFault::TooFine);
    }
    Ok(format!("{first}{}{kept:0<digits$}", rest.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EN: Language = Language::English;
    const PT: Language = Language::Portuguese;

    fn brl() -> Currency {
        Currency::new("BRL")
    }

    #[test]
    fn money_is_written_as_the_language_writes_it() {
        let cases: [(i64, &str, &str); 8] = [
            (0, "0.00", "0,00"),
            (5, "0.05", "0,05"),
            (102_500, "1,025.00", "1.025,00"),
            (-102_500, "\u{2212}1,025.00", "\u{2212}1.025,00"),
            (99_999, "999.99", "999,99"),
            (100_000, "1,000.00", "1.000,00"),
            (100_000_000, "1,000,000.00", "1.000.000,00"),
            (9_007_199_254_740_991, "90,071,992,547,409.91", "90.071.992.547.409,91"),
        ];
        for (minor_units, english, portuguese) in cases {
            assert_eq!(brl().money(minor_units, EN).shown, english);
            assert_eq!(brl().money(minor_units, PT).shown, portuguese);
            assert_eq!(brl().money(minor_units, PT).exact, i128::from(minor_units));
        }
    }

    #[test]
    fn a_currency_has_its_own_number_of_digits() {
        assert_eq!(Currency::new("JPY").money(102_500, EN).shown, "102,500");
        assert_eq!(Currency::new("KWD").money(102_500, EN).shown, "102.500");
        assert_eq!(Currency::new("KWD").money(7, PT).shown, "0,007");
    }

    #[test]
    fn sums_beyond_64_bits_are_exact() {
        let sum = i128::from(i64::MAX) * 1_000;
        assert_eq!(brl().money(sum, EN).shown, "92,233,720,368,547,758,070.00");
        assert!(brl().money(i128::MIN, EN).shown.starts_with('\u{2212}'));
    }

    #[test]
    fn what_is_shown_is_read_back_in_both_languages_and_all_currencies() {
        for currency in ["BRL", "JPY", "KWD", "CLF"].map(Currency::new) {
            for language in [EN, PT] {
                for minor_units in [1, 99, 100, 12_345, 100_000_000, 9_007_199_254_740_991] {
                    let shown = currency.money(minor_units, language).shown;
                    let read = currency.read(&shown, language).map(Amount::get);
                    assert_eq!(read, Ok(minor_units), "{shown}");
                }
            }
        }
    }

    #[test]
    fn an_amount_may_be_typed_without_thousands_or_decimals() {
        let read = |typed, language| brl().read(typed, language).map(Amount::get);
        assert_eq!(read(" 1025 ", EN), Ok(102_500));
        assert_eq!(read("1025.5", EN), Ok(102_550));
        assert_eq!(read("10,5", PT), Ok(1_050));
        assert_eq!(read("7.000", EN), Ok(700));
        assert_eq!(read("7.000", PT), Ok(700_000));
    }

    #[test]
    fn what_is_not_surely_an_amount_is_none() {
        let fault = |typed, language| brl().read(typed, language).unwrap_err();
        for typed in ["1,5", "1,50.00", "1.000,00", "-5", "+5", "1e3", "5.", ".5", "1 000", "٣"] {
            assert_eq!(fault(typed, EN), TypedFault::NotANumber, "{typed}");
        }
        assert_eq!(fault("1234,567.00", EN), TypedFault::NotANumber);
        assert_eq!(fault("1,000.00", PT), TypedFault::NotANumber);
        assert_eq!(fault("", EN), TypedFault::Missing);
        assert_eq!(fault("0.00", EN), TypedFault::Zero);
        assert_eq!(fault("0.001", EN), TypedFault::TooFine);
        assert_eq!(fault("90071992547409.92", EN), TypedFault::TooLarge);
        assert_eq!(fault(&"9".repeat(400), EN), TypedFault::TooLarge);
    }
}
