//! Thresholds as they are typed: `p99=50ms,disk=20%`.

use std::collections::BTreeMap;

use super::item::{Bad, ITEMS, Item, Unit};

/// Those that hold when nobody says otherwise, as they would be typed. A snapshot has none: a bank in
/// which nothing happens makes no checkpoint, and needs none.
const WARN: &str = "p99=100ms,sync=50ms,disk=15%,index=1000000,certificate=21d";
const CRIT: &str = "p99=1s,sync=500ms,disk=5%,index=3000000,certificate=7d";

/// From where on a value is bad.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// In the unit of the item.
    At(f64),
    /// This part of the whole, 0 to 1.
    Share(f64),
}

/// All thresholds of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    warn: Side,
    crit: Side,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Side {
    bounds: BTreeMap<Item, Bound>,
    /// Those that were typed.
    given: Vec<Item>,
}

impl Limits {
    /// The defaults, with what was typed in their place. Errors: what is wrong with which, and what is
    /// needed.
    pub fn parse(warn: &[String], crit: &[String]) -> Result<Self, String> {
        let mut limits = Self { warn: Side::default(), crit: Side::default() };
        for (side, default, typed, flag) in
            [(&mut limits.warn, WARN, warn, "--warn"), (&mut limits.crit, CRIT, crit, "--crit")]
        {
            default.split(',').try_for_each(|text| side.read(text))?;
            side.given.clear();
            for text in typed {
                side.read(text).map_err(|why| format!("{flag} {text:?}: {why}"))?;
            }
        }
        Ok(limits)
    }

    /// From where on it is a warning.
    pub fn warn(&self, item: Item) -> Option<Bound> {
        self.warn.bounds.get(&item).copied()
    }

    /// From where on it is critical.
    pub fn crit(&self, item: Item) -> Option<Bound> {
        self.crit.bounds.get(&item).copied()
    }

    /// Whether somebody typed a threshold for it: not to know it is bad then.
    pub fn is_wanted(&self, item: Item) -> bool {
        let given = |side: &Side| side.given.contains(&item) && side.bounds.contains_key(&item);
        given(&self.warn) || given(&self.crit)
    }
}

impl Side {
    /// Takes one threshold, or `off` for none.
    fn read(&mut self, text: &str) -> Result<(), String> {
        let (name, value) =
            text.split_once('=').ok_or("a threshold is item=value, as in p99=50ms")?;
        let item = Item::named(name).ok_or_else(|| {
            let with_bounds = ITEMS.iter().filter(|item| item.bad() != Bad::Never);
            let names: Vec<&str> = with_bounds.map(|item| item.name()).collect();
            format!("there is no item {name:?}; there are {}", names.join(", "))
        })?;
        if item.bad() == Bad::Never {
            return Err(format!("{name} is as it must be, or critical: it takes no threshold"));
        }
        self.given.push(item);
        if value == "off" {
            self.bounds.remove(&item);
            return Ok(());
        }
        let bound = bound(item.unit(), value).ok_or_else(|| needed(item.unit()).to_owned())?;
        self.bounds.insert(item, bound);
        Ok(())
    }
}

fn needed(unit: Unit) -> &'static str {
    match unit {
        Unit::Seconds => "give a number and a unit, as in 500us, 50ms, 5s, 10m, 1h or 21d, or off",
        Unit::Bytes => "give a share or a size, as in 20%, 500MB or 10GB, or off",
        Unit::Count => "give a whole number, as in 1000000, or off",
    }
}

fn bound(unit: Unit, text: &str) -> Option<Bound> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    let (number, suffix) = text.split_at_checked(digits.unwrap_or(text.len()))?;
    // "." and "1.2.3" are made of the same letters and are no numbers.
    let number: f64 = number.parse().ok()?;
    let scale = match (unit, suffix) {
        (Unit::Bytes, "%") => return (number <= 100.0).then_some(Bound::Share(number / 100.0)),
        (Unit::Seconds, "us") => 1e-6,
        (Unit::Seconds, "ms") => 1e-3,
        (Unit::Seconds, "s") | (Unit::Bytes, "B") | (Unit::Count, "") => 1.0,
        (Unit::Seconds, "m") => 60.0,
        (Unit::Seconds, "h") => 3_600.0,
        (Unit::Seconds, "d") => 86_400.0,
        (Unit::Bytes, "kB") => 1e3,
        (Unit::Bytes, "MB") => 1e6,
        (Unit::Bytes, "GB") => 1e9,
        (Unit::Bytes, "TB") => 1e12,
        _ => return None,
    };
    let value = number * scale;
    let is_whole = unit != Unit::Count || value.fract() == 0.0;
    (value.is_finite() && is_whole).then_some(Bound::At(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(warn: &[&str], crit: &[&str]) -> Result<Limits, String> {
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        Limits::parse(&owned(warn), &owned(crit))
    }

    #[test]
    fn what_is_typed_stands_in_the_place_of_the_default() {
        let limits = limits(&["p99=50ms", "disk=20%"], &["disk=10GB", "index=off"]).unwrap();
        assert_eq!(limits.warn(Item::P99), Some(Bound::At(0.05)));
        assert_eq!(limits.crit(Item::P99), Some(Bound::At(1.0)), "the default");
        assert_eq!(limits.warn(Item::Disk), Some(Bound::Share(0.2)));
        assert_eq!(limits.crit(Item::Disk), Some(Bound::At(1e10)));
        assert_eq!(limits.crit(Item::Index), None);
        assert_eq!(limits.warn(Item::Index), Some(Bound::At(1e6)));
        assert_eq!(limits.warn(Item::Snapshot), None);
        assert!(limits.is_wanted(Item::Disk) && !limits.is_wanted(Item::Certificate));
        assert!(!limits.is_wanted(Item::Index), "off asks for nothing");
    }

    #[test]
    fn a_bad_threshold_is_named_with_what_is_needed() {
        for (text, told) in [
            ("p98=50ms", "--warn \"p98=50ms\": there is no item \"p98\"; there are p99, sync, "),
            ("p99", "--warn \"p99\": a threshold is item=value, as in p99=50ms"),
            ("p99=50", "--warn \"p99=50\": give a number and a unit, as in 500us"),
            ("p99=-5ms", "--warn \"p99=-5ms\": give a number and a unit"),
            ("p99=.s", "--warn \"p99=.s\": give a number and a unit"),
            ("p99=20%", "--warn \"p99=20%\": give a number and a unit"),
            ("disk=101%", "--warn \"disk=101%\": give a share or a size"),
            ("disk=20", "--warn \"disk=20\": give a share or a size"),
            ("index=1.5", "--warn \"index=1.5\": give a whole number"),
            ("money=1", "--warn \"money=1\": money is as it must be, or critical"),
        ] {
            let fault = limits(&[text], &[]).unwrap_err();
            assert!(fault.starts_with(told), "{fault}");
        }
    }
}
