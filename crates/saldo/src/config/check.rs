//! What is wrong in files and variables, found without starting anything: `saldo config check`.

use std::env;

use serde::Serialize;

use super::file::fault;
use super::layers::Layers;
use super::{feed, known, show};
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::{Answer, Output, Rows, json_line, text, tsv};

/// Variables that are no settings.
const OTHERS: [&str; 2] = ["SALDO_CONFIG", "SALDO_BIN"];

/// What was looked at, and whether it is good.
#[derive(Serialize)]
struct Item {
    /// `ok`, `warn` or `fail`.
    state: &'static str,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    items: &'a [Item],
}

/// Looks at all of it and shows what it found. Errors: something is wrong.
pub fn run(layers: &Layers, output: Output) -> Result<(), Failure> {
    let mut items = of_files(layers);
    items.extend(of_variables());
    if items.iter().all(|item| item.state != FAIL) {
        items.extend(of_serve(layers));
    }
    let wrong = items.iter().filter(|item| item.state == FAIL).count();
    output.print(&answer(&items)?)?;
    match wrong {
        0 => Ok(()),
        1 => Err(refused("1 item of the configuration is wrong")),
        _ => Err(refused(&format!("{wrong} items of the configuration are wrong"))),
    }
}

const OK: &str = "ok";
const WARN: &str = "warn";
const FAIL: &str = "fail";

fn refused(text: &str) -> Failure {
    Failure::new(Exit::No, "configuration", text)
}

fn item(state: &'static str, text: impl Into<String>) -> Item {
    Item { state, text: text.into(), hint: None }
}

fn failed(failure: &Failure) -> Item {
    Item { hint: failure.hinted().map(str::to_owned), ..item(FAIL, failure.text()) }
}

fn of_files(layers: &Layers) -> Vec<Item> {
    let mut items: Vec<Item> = layers.faults.iter().map(failed).collect();
    for file in &layers.files {
        let name = file.display().to_string();
        if !layers.faults.iter().any(|fault| fault.text().starts_with(&name)) {
            items.push(item(OK, name));
        }
    }
    if items.is_empty() {
        items.push(item(OK, "there is no file: saldo help config says where one may be"));
    }
    items
}

fn of_variables() -> Vec<Item> {
    let known = known::all();
    let mut items = Vec::new();
    let mut good = 0;
    for one in known.values() {
        match show::variable(one) {
            Err(failure) => items.push(failed(&failure)),
            Ok(None) => {}
            Ok(Some(value)) => match feed::check(one, &value) {
                Ok(()) => good += 1,
                // A secret is shown to nobody, a bad one neither.
                Err(needed) if one.is_secret => {
                    items.push(item(FAIL, format!("{}: {needed}", one.variable)));
                }
                Err(needed) => {
                    let value = text::quoted(&value);
                    items.push(item(FAIL, format!("{} is {value}: {needed}", one.variable)));
                }
            },
        }
    }
    if good > 0 {
        items.push(item(OK, format!("{good} variables of the environment")));
    }
    let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in names.filter(|name| name.starts_with(known::PREFIX)) {
        let is_known = known.values().any(|one| one.variable == name);
        if !is_known && !OTHERS.contains(&name.as_str()) {
            items.push(item(WARN, format!("{} stands for nothing", text::message(&name))));
        }
    }
    items
}

/// Whether `serve` would take all of it together.
fn of_serve(layers: &Layers) -> Vec<Item> {
    match feed::definition(Some(layers)).try_get_matches_from(["saldo", "serve"]) {
        Ok(_) => vec![item(OK, "saldo serve takes it")],
        Err(error) => {
            let failure = fault(crate::usage::problem(&error));
            vec![failed(&failure.hint("saldo help serve"))]
        }
    }
}

fn answer(items: &[Item]) -> Result<Answer, Failure> {
    let mut answer = Answer { rows: Rows::of(&["state", "text", "hint"]), ..Answer::default() };
    for item in items {
        let hint = item.hint.as_deref().unwrap_or_default();
        answer.rows.add([item.state, &item.text, hint]);
        answer.table.push_str(&format!(
            "{:<7}{}\n",
            format!("[{}]", item.state),
            text::message(&item.text)
        ));
        if !hint.is_empty() {
            answer.table.push_str(&format!("       {}\n", text::message(hint)));
        }
        if item.state == FAIL {
            tsv::row(&mut answer.bare, [&item.text]);
        }
    }
    answer.json = json_line(&Document { schema: "saldo.config-check/1", items })?;
    Ok(answer)
}
