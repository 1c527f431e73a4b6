//! Names and tx_ids as a page shows them. They come from outside and may hold anything printable.

/// A text of somebody else's choosing: for addresses as it is, for eyes made visible. A template
/// escapes both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// As the bank has it.
    pub(super) raw: String,
    /// With what cannot be seen, or turns the reading order round, shown by its number. Templates set
    /// it apart with `bdi`.
    pub(super) shown: String,
}

impl Name {
    pub(super) fn new(raw: &str) -> Self {
        Self { raw: raw.to_owned(), shown: shown(raw) }
    }
}

fn shown(raw: &str) -> String {
    let mut shown = String::with_capacity(raw.len());
    for character in raw.chars() {
        // The standard library's own idea of what a debug print may leave as it is, to which quotation
        // marks and the backslash do no harm.
        if matches!(character, ' '..='~') || character.escape_debug().len() == 1 {
            shown.push(character);
        } else {
            shown.extend(character.escape_unicode());
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visible_names_stay_as_they_are() {
        for name in
            ["alice", "josé da silva", "日本", "שלום", "<script>alert(1)</script>", "a\\b'\""]
        {
            assert_eq!(Name::new(name).shown, name);
        }
    }

    #[test]
    fn what_hides_or_turns_the_reading_order_is_shown_by_its_number() {
        assert_eq!(Name::new("a\u{202e}b").shown, "a\\u{202e}b");
        assert_eq!(Name::new("\u{200b}\u{feff}").shown, "\\u{200b}\\u{feff}");
        assert_eq!(Name::new("a\u{a0}b").shown, "a\\u{a0}b");
    }
}
