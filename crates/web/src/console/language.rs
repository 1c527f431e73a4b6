//! Which language a page is in: as the visitor chose, else as the browser prefers, else English.

use super::texts::{ENGLISH, PORTUGUESE, Texts};

/// A language of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    English,
    Portuguese,
}

impl Language {
    /// The language of this code; `None` for any other.
    pub(super) fn of(code: &str) -> Option<Self> {
        match code {
            "en" => Some(Self::English),
            "pt" => Some(Self::Portuguese),
            _ => None,
        }
    }

    /// `chosen`: the code that the visitor's cookie holds; `accepted`: the `Accept-Language` header.
    pub(super) fn choose(chosen: Option<&str>, accepted: Option<&str>) -> Self {
        chosen
            .and_then(Self::of)
            .or_else(|| accepted.and_then(Self::preferred))
            .unwrap_or(Self::English)
    }

    /// The one with the highest weight, the first among equals; `None` when none of ours is accepted.
    fn preferred(accepted: &str) -> Option<Self> {
        let mut best: Option<(Self, u16)> = None;
        for part in accepted.split(',').take(32) {
            let (tag, parameters) = part.split_once(';').unwrap_or((part, ""));
            let primary = tag.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
            let Some(language) = Self::of(&primary) else { continue };
            let weight = weight_of(parameters);
            if weight > best.map_or(0, |(_, weight)| weight) {
                best = Some((language, weight));
            }
        }
        best.map(|(language, _)| language)
    }

    /// The tag of the document.
    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Portuguese => "pt-BR",
        }
    }

    /// The code of the switch and its cookie.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Portuguese => "pt",
        }
    }

    /// Its words.
    pub(super) fn texts(self) -> &'static Texts {
        match self {
            Self::English => &ENGLISH,
            Self::Portuguese => &PORTUGUESE,
        }
    }

    /// What stands between thousands, and before the minor units.
    pub(super) fn separators(self) -> (char, char) {
        match self {
            Self::English => (',', '.'),
            Self::Portuguese => ('.', ','),
        }
    }
}

/// The weight of a preference in thousandths; 1,000 without one, 0 for what is no number.
fn weight_of(parameters: &str) -> u16 {
    let Some(text) = parameters.trim().strip_prefix("q=") else { return 1_000 };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{fraction:0<3}");
    match digits.parse() {
        Ok(weight @ 0..=1_000) if digits.len() == 4 => weight,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_of_the_visitor_comes_before_that_of_the_browser() {
        assert_eq!(Language::choose(Some("pt"), Some("en")), Language::Portuguese);
        assert_eq!(Language::choose(Some("en"), Some("pt-BR")), Language::English);
        assert_eq!(Language::choose(Some("xx"), Some("pt-BR")), Language::Portuguese);
    }

    #[test]
    fn the_browsers_preference_is_read_by_weight() {
        let chosen = |accepted| Language::choose(None, Some(accepted));
        assert_eq!(chosen("pt-BR,pt;q=0.9,en;q=0.8"), Language::Portuguese);
        assert_eq!(chosen("en;q=0.3, PT;q=0.7"), Language::Portuguese);
        assert_eq!(chosen("de, en-GB;q=0.5, pt;q=0.25"), Language::English);
        assert_eq!(chosen("pt;q=0, de"), Language::English);
        assert_eq!(chosen("pt;q=x, ;;,,"), Language::English);
    }

    #[test]
    fn without_any_preference_it_is_english() {
        assert_eq!(Language::choose(None, None), Language::English);
        assert_eq!(Language::choose(None, Some("ja")), Language::English);
    }

    #[test]
    fn each_language_is_found_again_by_its_code() {
        for language in [Language::English, Language::Portuguese] {
            assert_eq!(Language::of(language.code()), Some(language));
        }
    }
}
