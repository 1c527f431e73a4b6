//! `saldo conformance`: says of a database what holds and what does not, and leaves nothing behind.

use serde_json::Value;

use crate::database::{Database, sql};
use crate::harness::run;

/// In a copy of `template0` that has this, no account holds what it should after its first change.
const SPOILT: &str = "
    CREATE FUNCTION public.more() RETURNS trigger LANGUAGE plpgsql AS
      $$BEGIN NEW.balance := NEW.balance + 1; RETURN NEW; END$$;
    CREATE FUNCTION public.spoil() RETURNS event_trigger LANGUAGE plpgsql AS
      $$BEGIN
        IF to_regclass('saldo.account') IS NOT NULL THEN
          CREATE OR REPLACE TRIGGER more BEFORE UPDATE ON saldo.account
            FOR EACH ROW EXECUTE FUNCTION public.more();
        END IF;
      END$$;
    CREATE EVENT TRIGGER spoil ON ddl_command_end WHEN TAG IN ('CREATE TABLE')
      EXECUTE FUNCTION public.spoil();";

fn is_tidy(address: &str) {
    let left = sql(address, "SELECT count(*) FROM pg_database WHERE datname LIKE 'saldo_conf%'");
    assert_eq!(left, "0", "every database of a case is dropped");
}

fn promise<'d>(document: &'d Value, name: &str) -> &'d Value {
    let promises = document["promises"].as_array().unwrap();
    let found = promises.iter().find(|promise| promise["promise"] == name);
    found.unwrap_or_else(|| panic!("{name} is not in {document}"))
}

#[test]
fn a_database_with_a_standby_holds_what_is_tried_and_the_rest_is_said_to_be_untried() {
    let database = Database::empty();
    let address = &database.address;
    let ended = run(&["conformance", address, "--only", "restart", "--json"]).with_code(0);
    let document = ended.json();
    assert_eq!(document["schema"], "saldo.conformance/1");
    assert_eq!((&document["replicated"], &document["broken"]), (&true.into(), &0.into()));
    let holds = document["holds"].as_u64().unwrap();
    assert!(holds >= 5, "{document}");
    let count = document["promises"].as_array().unwrap().len();
    assert_eq!(document["not_tried"], count - usize::try_from(holds).unwrap(), "{document}");
    assert_eq!(promise(&document, "balances_outlive_a_restart")["found"], "holds");
    assert_eq!(promise(&document, "an_empty_batch_has_no_outcomes")["found"], "not tried");
    let two = run(&["conformance", address, "--only", "two_servers", "-q"]).with_code(0);
    assert_eq!(two.stdout, "", "no promise is broken");
    is_tidy(address);
}

#[test]
fn a_database_that_changes_what_is_written_breaks_promises_which_are_named_with_the_reason() {
    let database = Database::empty();
    let address = &database.address;
    sql(address, "ALTER DATABASE template0 ALLOW_CONNECTIONS true");
    let (server, _) = address.rsplit_once('/').unwrap();
    sql(&format!("{server}/template0"), SPOILT);
    let arguments = ["conformance", address, "--only", "opens", "-o", "tsv"];
    let ended = run(&arguments).with_code(6);
    let row = |name: &str| {
        let line = ended.stdout.lines().find(|line| line.starts_with(name));
        line.unwrap_or_else(|| panic!("{name}: {ended:?}")).split('\t').nth(1).unwrap().to_owned()
    };
    assert_eq!(row("a_deposit_opens_its_account"), "broken");
    assert_eq!(row("a_refused_command_opens_nothing"), "holds");
    let told = ended.stdout.lines().find(|line| line.starts_with("a_deposit_opens")).unwrap();
    // The reason shows what was told and what should have been: 250 + 50, and one too much.
    assert!(told.contains("300") && told.contains("301"), "{told}");
    assert!(ended.stderr.contains("error[promises_broken]"), "{ended:?}");
    is_tidy(address);
}

#[test]
fn a_role_that_may_make_no_databases_is_told_so_and_a_database_without_a_standby_is_refused() {
    let database = Database::empty();
    sql(&database.address, "CREATE ROLE teller LOGIN");
    let address = database.address.replace("saldo@", "teller@");
    let ended = run(&["conformance", &address]).with_code(2);
    assert!(ended.stderr.contains("error[no_createdb]"), "{ended:?}");
    assert!(ended.stdout.is_empty(), "{ended:?}");
    sql(&database.address, "ALTER SYSTEM SET synchronous_standby_names = ''");
    sql(&database.address, "SELECT pg_reload_conf()");
    let ended = run(&["conformance", &database.address]).with_code(2);
    assert!(ended.stderr.contains("synchronous_standby_names"), "{ended:?}");
    run(&["conformance", &database.address, "--only", "nothing_like_this"]).with_code(2);
    is_tidy(&database.address);
}
