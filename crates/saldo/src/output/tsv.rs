//! Tab-separated values: one row per line, no header, columns fixed per verb
//! (`saldo help formats`).

/// Appends one row with its newline. Tab, newline, carriage return and backslash in a value become
/// `\t`, `\n`, `\r` and `\\`, so that a row is one line and a column ends at a tab.
pub fn row<V: AsRef<str>>(out: &mut String, values: impl IntoIterator<Item = V>) {
    for (place, value) in values.into_iter().enumerate() {
        if place > 0 {
            out.push('\t');
        }
        for character in value.as_ref().chars() {
            match character {
                '\t' => out.push_str(r"\t"),
                '\n' => out.push_str(r"\n"),
                '\r' => out.push_str(r"\r"),
                '\\' => out.push_str(r"\\"),
                _ => out.push(character),
            }
        }
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_one_line_whatever_the_values_are() {
        let mut out = String::new();
        row(&mut out, ["alice", "a\tb\nc\r\\d", "", "josé\u{202e}"]);
        row(&mut out, ["1"]);
        assert_eq!(out, "alice\ta\\tb\\nc\\r\\\\d\t\tjosé\u{202e}\n1\n");
    }
}
