//! Objects, one per line: of a list each item, of anything else the document itself.

use serde::Deserialize;
use serde_json::value::RawValue;

/// The lists that a reply can hold.
#[derive(Deserialize)]
struct Lists<'j> {
    #[serde(borrow)]
    items: Option<Vec<&'j RawValue>>,
    #[serde(borrow)]
    balances: Option<Vec<&'j RawValue>>,
}

/// The lines for `documents`, of which each is a line; items stay as they came.
pub fn lines(documents: &str) -> String {
    let mut out = String::new();
    for document in documents.lines() {
        let list = serde_json::from_str::<Lists<'_>>(document).ok();
        match list.and_then(|lists| lists.items.or(lists.balances)) {
            Some(items) => items.iter().for_each(|item| line(&mut out, item.get())),
            None => line(&mut out, document),
        }
    }
    out
}

fn line(out: &mut String, object: &str) {
    out.push_str(object);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_its_items_and_anything_else_is_itself() {
        let list = "{\"ok\":true,\"items\":[{\"seq\": 1},{\"seq\":2}],\"as_of\":2}\n";
        assert_eq!(lines(list), "{\"seq\": 1}\n{\"seq\":2}\n");
        assert_eq!(lines("{\"ok\":true,\"items\":[]}\n"), "");
        assert_eq!(lines("{\"balances\":[{\"user\":\"a\"}]}\n"), "{\"user\":\"a\"}\n");
        assert_eq!(lines("{\"ok\":true}\n{\"ok\":false}\n"), "{\"ok\":true}\n{\"ok\":false}\n");
    }
}
