//! The last comparison in the document: what stands between two marker comments is replaced, all
//! else stays.

use anyhow::{Context, Result, ensure};

/// Where the comparison begins.
pub const BEGIN: &str = "<!-- peers:begin -->";

/// Where it ends.
pub const END: &str = "<!-- peers:end -->";

/// The document with `text` between the markers, on lines of its own.
///
/// Errors: the markers are not there, each once and in order.
pub fn replace(document: &str, text: &str) -> Result<String> {
    for marker in [BEGIN, END] {
        let count = document.matches(marker).count();
        ensure!(count == 1, "the document must have {marker} once, not {count} times");
    }
    let (before, rest) = document.split_once(BEGIN).context("there is a beginning")?;
    let (_, after) = rest.split_once(END).context("the end stands before the beginning")?;
    Ok(format!("{before}{BEGIN}\n{}\n{END}{after}", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::replace;

    #[test]
    fn what_stands_between_the_markers_is_replaced_and_all_else_stays() {
        let document = "# A\n\n<!-- peers:begin -->\nold\n\n<!-- peers:end -->\n\n# B\n";
        let once = replace(document, "new\n").unwrap();
        assert_eq!(once, "# A\n\n<!-- peers:begin -->\nnew\n<!-- peers:end -->\n\n# B\n");
        assert_eq!(replace(&once, "new\n").unwrap(), once);
    }

    #[test]
    fn without_both_markers_in_order_nothing_is_replaced() {
        for document in [
            "none",
            "<!-- peers:begin -->",
            "<!-- peers:end --> <!-- peers:begin -->",
            "<!-- peers:begin --> <!-- peers:begin --> <!-- peers:end -->",
        ] {
            assert!(replace(document, "new").is_err(), "{document}");
        }
    }
}
