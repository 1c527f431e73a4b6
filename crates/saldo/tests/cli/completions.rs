//! What shells and `man` read about the verbs.

use std::fs;
use std::process::Command;

use crate::run::{ran, run, saldo, shell};

const SHELLS: [&str; 5] = ["bash", "zsh", "fish", "powershell", "elvish"];

/// The verbs that `saldo help` lists.
fn verbs() -> Vec<String> {
    let overview = run(&["help"]).out;
    let listed = |line: &str| {
        let (name, _) = line.strip_prefix("  ")?.split_once("  ")?;
        (!name.is_empty() && name.chars().all(|letter| letter.is_ascii_lowercase()))
            .then(|| name.to_owned())
    };
    let verbs: Vec<String> = overview.lines().filter_map(listed).collect();
    assert!(verbs.len() > 20 && verbs.contains(&"transfer".to_owned()), "{overview}");
    verbs
}

#[test]
fn every_shell_gets_every_verb_in_words_that_it_can_read() {
    let folder = tempfile::tempdir().unwrap();
    for name in SHELLS {
        let script = run(&["completions", name]);
        assert_eq!((script.code, script.err.as_str()), (0, ""), "{name}");
        for verb in verbs() {
            assert!(script.out.contains(&verb), "{name} knows no {verb}");
        }
        let file = folder.path().join(name);
        fs::write(&file, &script.out).unwrap();
        // Of these, a machine has some; bash is on all that run these tests.
        if ["bash", "zsh", "fish"].contains(&name) {
            match Command::new(name).arg("-n").arg(&file).output() {
                Ok(output) => assert_eq!((ran(output).code, name), (0, name)),
                Err(_) => assert_ne!(name, "bash"),
            }
        }
    }
    run(&["completions", "tcsh"]).assert_failed(
        2,
        "error[usage]: invalid value 'tcsh' for '<SHELL>' [possible values: bash, elvish, fish, powershell, zsh]\n  hint: a similar value exists: 'zsh'\n",
    );
}

#[test]
fn bash_completes_a_verb_and_its_flags() {
    let complete = |words: &str, last: usize| {
        let line = format!(
            "source <(saldo completions bash); COMP_WORDS=({words}); COMP_CWORD={last}; \
             _saldo saldo \"${{COMP_WORDS[$COMP_CWORD]}}\" \"${{COMP_WORDS[$COMP_CWORD-1]}}\"; echo \"${{COMPREPLY[@]}}\""
        );
        let ran = shell(&line);
        assert_eq!(ran.err, "");
        ran.out.trim_end().to_owned()
    };
    assert_eq!(complete("saldo bal", 1), "balance");
    assert_eq!(complete("saldo transfer --tx", 2), "--tx-id");
    assert_eq!(complete("saldo balance --output js", 3), "json jsonl");
}

#[test]
fn every_verb_has_a_page_of_the_manual() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("man1");
    let written = run(&["man", "--out", &out.display().to_string()]);
    assert_eq!((written.code, written.out.as_str()), (0, ""), "{}", written.err);
    for verb in verbs() {
        let page = fs::read_to_string(out.join(format!("saldo-{verb}.1"))).unwrap();
        assert!(page.contains(".TH") && page.contains(&format!("saldo {verb}")), "{verb}: {page}");
    }
    let of_serve = fs::read_to_string(out.join("saldo-serve.1")).unwrap();
    assert!(of_serve.contains("SALDO_LISTEN"), "{of_serve}");
    let program = run(&["man"]).out;
    assert_eq!(program, fs::read_to_string(out.join("saldo.1")).unwrap());
    // Where there is a reader of such pages, it finds nothing to complain about.
    if let Ok(output) = Command::new("groff")
        .args(["-man", "-Tutf8", "-ww", "-z"])
        .arg(out.join("saldo-serve.1"))
        .output()
    {
        assert_eq!(ran(output).err, "");
    }
    let nowhere = ran(saldo(&["man", "--out", "/dev/null/x"]).output().unwrap());
    assert_eq!(nowhere.code, 2);
    assert!(
        nowhere.err.starts_with("error[man]: /dev/null/x cannot be written"),
        "{}",
        nowhere.err
    );
}
