//! README.md and README.pt-BR.md are one document in two languages: the same outline, the same
//! code to the byte, each linked near the top of the other.

use super::Faults;
use crate::repository::Repository;

const ENGLISH: &str = "README.md";
const PORTUGUESE: &str = "README.pt-BR.md";

/// How far down "the top" goes, in lines.
const TOP_LINES: usize = 6;

/// What must be equal, and the first place where it is not.
pub fn check(repository: &Repository) -> Faults {
    let (english, portuguese) = match (repository.text(ENGLISH), repository.text(PORTUGUESE)) {
        (Ok(english), Ok(portuguese)) => (english, portuguese),
        (english, portuguese) => {
            return [english.err(), portuguese.err()].into_iter().flatten().collect();
        }
    };
    let mut faults = Faults::new();
    for (path, text, other) in [(ENGLISH, english, PORTUGUESE), (PORTUGUESE, portuguese, ENGLISH)] {
        let link = format!("]({other})");
        if !text.lines().take(TOP_LINES).any(|line| line.contains(&link)) {
            faults.push(format!("{path}: must link {other} in its first {TOP_LINES} lines"));
        }
    }
    let (english, portuguese) = (Outline::of(english), Outline::of(portuguese));
    if english.levels != portuguese.levels {
        faults.push(format!(
            "{PORTUGUESE}: other sections than {ENGLISH}; by level: {:?} and {:?}",
            portuguese.levels, english.levels
        ));
    }
    if english.blocks.len() != portuguese.blocks.len() {
        faults.push(format!(
            "{PORTUGUESE}: {} code blocks, {ENGLISH} has {}",
            portuguese.blocks.len(),
            english.blocks.len()
        ));
    }
    for (index, (ours, theirs)) in portuguese.blocks.iter().zip(&english.blocks).enumerate() {
        if ours != theirs {
            faults.push(format!("{PORTUGUESE}: code block {} differs from {ENGLISH}", index + 1));
        }
    }
    faults
}

/// The shape of a document.
#[derive(Default)]
struct Outline {
    /// The level of each heading, in order.
    levels: Vec<usize>,
    /// Each fenced block, fences included.
    blocks: Vec<String>,
}

impl Outline {
    fn of(text: &str) -> Self {
        let mut outline = Self::default();
        let mut block: Option<String> = None;
        for line in text.lines() {
            let is_fence = line.starts_with("```");
            if let Some(open) = &mut block {
                open.push('\n');
                open.push_str(line);
                if is_fence {
                    outline.blocks.extend(block.take());
                }
            } else if is_fence {
                block = Some(line.to_owned());
            } else if line.starts_with('#') {
                outline.levels.push(line.chars().take_while(|&c| c == '#').count());
            }
        }
        outline.blocks.extend(block);
        outline
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::repository::Repository;

    const ENGLISH: &str = "# Saldo\n[Português](README.pt-BR.md)\n## Quick start\n\
                           ```sh\n$ saldo balance alice\n# no heading\n```\n";
    const PORTUGUESE: &str = "# Saldo\n[English](README.md)\n## Primeiros passos\n\
                              ```sh\n$ saldo balance alice\n# no heading\n```\n";

    fn faults(portuguese: &str) -> Vec<String> {
        check(&Repository::of(&[("README.md", ENGLISH), ("README.pt-BR.md", portuguese)]))
    }

    #[test]
    fn the_same_document_in_two_languages_passes() {
        assert!(faults(PORTUGUESE).is_empty());
    }

    #[test]
    fn a_code_block_that_differs_in_one_byte_fails() {
        assert_eq!(
            faults(&PORTUGUESE.replace("balance alice", "balance bob")),
            ["README.pt-BR.md: code block 1 differs from README.md"]
        );
    }

    #[test]
    fn a_missing_block_and_a_missing_section_fail() {
        let found = faults("# Saldo\n[English](README.md)\n");
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn a_missing_link_fails() {
        assert_eq!(
            faults(&PORTUGUESE.replace("(README.md)", "(elsewhere.md)")),
            ["README.pt-BR.md: must link README.md in its first 6 lines"]
        );
    }

    #[test]
    fn a_missing_document_fails() {
        let repository = Repository::of(&[("README.md", ENGLISH)]);
        assert_eq!(check(&repository), ["README.pt-BR.md is missing"]);
    }
}
