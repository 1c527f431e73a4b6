//! Errors as the log and people read them.

use std::error::Error;

/// An error with what caused it, in one line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Because {
        text: &'static str,
        source: Option<Box<Because>>,
    }

    #[test]
    fn every_cause_is_told_the_nearest_first() {
        let because = |text, source| Because { text, source };
        let root = because("no such device", None);
        let middle = because("the file cannot be read", Some(Box::new(root)));
        let error = because("the index is lost", Some(Box::new(middle)));
        assert_eq!(chain(&error), "the index is lost: the file cannot be read: no such device");
    }
}
