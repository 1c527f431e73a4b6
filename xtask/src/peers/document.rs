//! The last comparison in a document: what stands between two marker comments is replaced, all else
//! stays.

use anyhow::{Context, Result, ensure};

/// The document with `text` between the markers of `name`, on lines of its own.
///
/// Errors: the markers are not there, each once and in order.
pub fn replace(document: &str, name: &str, text: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- {name}:begin -->"), format!("<!-- {name}:end -->"));
    for marker in [&begin, &end] {
        let count = document.matches(marker.as_str()).count();
        ensure!(count == 1, "the document must have {marker} once, not {count} times");
    }
    let (before, rest) = document.split_once(&begin).context("there is a beginning")?;
    let (_, after) = rest.split_once(&end).context("the end stands before the beginning")?;
    Ok(format!("{before}{begin}\n{}\n{end}{after}", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::replace;

    #[test]
    fn what_stands_between_the_markers_is_replaced_and_all_else_stays() {
        let document = "# A\n\n<!-- peers:begin -->\nold\n\n<!-- peers:end -->\n\n# B\n";
        let once = replace(document, "peers", "new\n").unwrap();
        assert_eq!(once, "# A\n\n<!-- peers:begin -->\nnew\n<!-- peers:end -->\n\n# B\n");
        assert_eq!(replace(&once, "peers", "new\n").unwrap(), once);
    }

    #[test]
    fn without_both_markers_in_order_nothing_is_replaced() {
        for document in [
            "none",
            "<!-- peers:begin -->",
            "<!-- peers:end --> <!-- peers:begin -->",
            "<!-- peers:begin --> <!-- peers:begin --> <!-- peers:end -->",
        ] {
            assert!(replace(document, "peers", "new").is_err(), "{document}");
        }
    }
}
