//! The answers of an index that reads everything, and the comparison with the real one.

use journal::disk::Disk;
use ledger::Seq;

use crate::journal_like::History;
use crate::random::Random;

/// Asks `index` at random, and each answer must be the one that reading all appended events gives.
pub fn compare<D: Disk>(index: &history::History<D>, history: &History, random: &mut Random) {
    let appended = index.appended();
    let count = appended.seq.get();
    let events = &history.events[..count as usize];
    let names = &history.names[..appended.accounts_count as usize];
    assert!(index.indexed() <= appended.seq);
    for _ in 0..6 {
        compare_hash(index, history, count, random);
        compare_account(index, history, count, names.len(), random);
        compare_names(index, history, names, random);
        compare_time(index, history, count, random);
    }
    for (number, event) in events.iter().enumerate() {
        let seq = number as u64 + 1;
        let place = index.place_of(Seq::new(seq)).unwrap().expect("a place");
        assert!(place.seq.get() <= seq && seq - place.seq.get() <= 15, "{place:?} for {seq}");
        let there = &events[place.seq.get() as usize - 1];
        assert_eq!(
            (place.file_first.get(), place.offset),
            (event.file_first, there.offset),
            "seq {seq}"
        );
        assert_eq!(there.file_first, event.file_first, "seq {seq}");
    }
    for outside in [0, count + 1] {
        assert_eq!(index.place_of(Seq::new(outside)).unwrap(), None);
    }
}

fn compare_hash<D: Disk>(
    index: &history::History<D>,
    history: &History,
    count: u64,
    random: &mut Random,
) {
    let hash = match random.below(4) {
        0 => random.number(),
        _ if count > 0 => history.events[random.below(count) as usize].hash,
        _ => 0,
    };
    let indexed = index.indexed().get();
    let with_hash = |from: u64, to: u64| -> Vec<u64> {
        (from..=to).filter(|seq| history.events[*seq as usize - 1].hash == hash).collect()
    };
    let in_memory: Vec<u64> =
        index.seqs_of_hash_in_memory(hash).iter().map(|seq| seq.get()).collect();
    assert_eq!(in_memory, with_hash(indexed + 1, count));
    let in_runs: Vec<u64> = index.seqs_of_hash(hash).unwrap().iter().map(|seq| seq.get()).collect();
    assert_eq!(in_runs, with_hash(1, indexed));
    assert!(in_runs.is_empty() || index.may_hold(hash), "the filter denies {in_runs:?}");
}

fn compare_account<D: Disk>(
    index: &history::History<D>,
    history: &History,
    count: u64,
    names: usize,
    random: &mut Random,
) {
    let account = if random.happens(1, 3) { 0 } else { random.below(names as u64 + 2) as u32 };
    let from = random.below(count + 2);
    let to = if random.happens(1, 3) { u64::MAX } else { random.below(count + 3) };
    let limit = [0, 1, 2, 7, 100, usize::MAX][random.below(6) as usize];
    let newest_first = random.happens(1, 2);
    let mut expected: Vec<u64> = (1..=count)
        .filter(|seq| from <= *seq && *seq <= to)
        .filter(|seq| history.events[*seq as usize - 1].accounts.contains(&account))
        .collect();
    if newest_first {
        expected.reverse();
    }
    expected.truncate(limit);
    let found =
        index.seqs_of_account(account, Seq::new(from), Seq::new(to), newest_first, limit).unwrap();
    let found: Vec<u64> = found.iter().map(|seq| seq.get()).collect();
    assert_eq!(found, expected, "account {account}, {from} to {to}, newest first {newest_first}");
}

fn compare_names<D: Disk>(
    index: &history::History<D>,
    history: &History,
    names: &[String],
    random: &mut Random,
) {
    let some_name = |random: &mut Random| match names.len() {
        0 => "alice".to_owned(),
        count => names[random.below(count as u64) as usize].clone(),
    };
    let prefix: String = match random.below(4) {
        0 => String::new(),
        1 => "al".to_owned(),
        2 => some_name(random),
        _ => some_name(random).chars().take(random.below(5) as usize).collect(),
    };
    let after = match random.below(3) {
        0 => None,
        1 => Some(some_name(random)),
        _ => Some("b".to_owned()),
    };
    let limit = [0, 1, 3, 1_000][random.below(4) as usize];
    let mut matching: Vec<&String> =
        names.iter().filter(|name| name.starts_with(&prefix)).collect();
    let total = matching.len() as u64;
    matching.sort_unstable();
    matching.retain(|name| after.as_ref().is_none_or(|after| *name > after));
    let more = matching.len() > limit;
    matching.truncate(limit);
    let page = index
        .names(&prefix, after.as_deref(), limit, true, &|number| history.name_of(number))
        .unwrap();
    let found: Vec<&String> =
        page.numbers.iter().map(|number| &history.names[*number as usize]).collect();
    assert_eq!(found, matching, "prefix {prefix:?} after {after:?}");
    assert_eq!((page.more, page.count), (more, Some(total)), "prefix {prefix:?} after {after:?}");
}

fn compare_time<D: Disk>(
    index: &history::History<D>,
    history: &History,
    count: u64,
    random: &mut Random,
) {
    let events = &history.events[..count as usize];
    let last = events.last().map_or(2_000, |event| event.at_us);
    let time_us = 990 + random.below(last - 980);
    let at_most = events.partition_point(|event| event.at_us <= time_us) as u64;
    let mark = index.seq_at_time(time_us).get();
    assert!(mark <= at_most, "seq {mark} is later than {time_us}");
    let group_max = history.heads.windows(2).map(|pair| pair[1].seq.get() - pair[0].seq.get());
    let group_max = group_max.max().unwrap_or(0).max(history.heads[0].seq.get());
    assert!(at_most - mark < 1_024 + group_max, "{mark} is far before {at_most}");
    assert_eq!(index.seq_at_time(u64::MAX).get(), count);
}
