//! Lists of principals.

use access::Listed;
use serde::Serialize;

use crate::failure::Failure;
use crate::moment::{self, Clock};
use crate::output::table::{self, Align};
use crate::output::{self, Answer, Output, Rows, text, tsv};

/// What each value of a row is.
const COLUMNS: [&str; 12] = [
    "id",
    "kind",
    "name",
    "role",
    "standing",
    "accounts",
    "limit",
    "day limit",
    "created",
    "expires",
    "ended",
    "note",
];

/// The list, for programs. Times are microseconds since the Unix epoch.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    items: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Item<'a> {
    principal: &'a str,
    id: &'a str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<&'a str>,
    role: &'static str,
    standing: &'static str,
    accounts: &'a [String],
    limit: Option<u64>,
    day_limit: Option<u64>,
    created: u64,
    expires: Option<u64>,
    ended: Option<u64>,
    note: &'a str,
}

/// Shows principals, one in a row.
pub fn print(
    output: Output,
    schema: &'static str,
    clock: Clock,
    listed: &[Listed],
) -> Result<(), Failure> {
    let mut answer = Answer { rows: Rows::of(&COLUMNS), ..Answer::default() };
    for principal in listed {
        answer.rows.add(values(principal, moment::exact));
        tsv::row(&mut answer.bare, [&principal.id]);
    }
    let shown = listed.iter().map(|principal| {
        let mut shown = values(principal, |at_us| moment::shown(at_us, clock));
        shown.iter_mut().for_each(|value| *value = text::name(value).into_owned());
        shown
    });
    answer.table = table::columns(with_head(shown), &ALIGNS);
    answer.json =
        output::json_line(&Document { schema, items: listed.iter().map(item).collect() })?;
    output.print(&answer)
}

const ALIGNS: [Align; 12] = {
    let mut aligns = [Align::Left; 12];
    aligns[6] = Align::Right;
    aligns[7] = Align::Right;
    aligns
};

/// Twelve columns explain themselves to nobody.
fn with_head(rows: impl Iterator<Item = Vec<String>>) -> impl Iterator<Item = Vec<String>> {
    let mut rows = rows.peekable();
    let head = rows.peek().is_some().then(|| COLUMNS.map(str::to_owned).to_vec());
    head.into_iter().chain(rows)
}

fn values(principal: &Listed, time: impl Fn(u64) -> String) -> Vec<String> {
    let Listed { id, kind, certificate, grant, created_us, ended_us, standing, .. } = principal;
    let number = |limit: Option<u64>| limit.map(|limit| limit.to_string()).unwrap_or_default();
    vec![
        id.clone(),
        kind.name().to_owned(),
        certificate.clone().unwrap_or_default(),
        grant.role.name().to_owned(),
        standing.name().to_owned(),
        grant.accounts.join(","),
        number(grant.limits.transaction),
        number(grant.limits.day),
        time(*created_us),
        grant.expires_us.map(&time).unwrap_or_default(),
        ended_us.map(&time).unwrap_or_default(),
        grant.note.clone(),
    ]
}

fn item(principal: &Listed) -> Item<'_> {
    let Listed { by, id, kind, certificate, grant, created_us, ended_us, standing } = principal;
    Item {
        principal: by,
        id,
        kind: kind.name(),
        certificate: certificate.as_deref(),
        role: grant.role.name(),
        standing: standing.name(),
        accounts: &grant.accounts,
        limit: grant.limits.transaction,
        day_limit: grant.limits.day,
        created: *created_us,
        expires: grant.expires_us,
        ended: *ended_us,
        note: &grant.note,
    }
}
