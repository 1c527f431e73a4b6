//! Which of many pending pieces outlive a power cut.

use super::random::Random;

/// A choice over `count` pieces in the order they were issued. A fair coin alone would almost never
/// keep all of a thousand sectors, or all but one: the edges, where faults live, have forms of
/// their own.
#[derive(Debug)]
pub(super) enum Survival {
    None,
    All,
    Only(usize),
    AllBut(usize),
    Before(usize),
    Coin { eighths: usize },
}

impl Survival {
    pub(super) fn choose(random: &mut Random, count: usize) -> Self {
        let place = random.below(count.max(1));
        match random.below(8) {
            0 => Self::None,
            1 => Self::All,
            2 => Self::Only(place),
            3 => Self::AllBut(place),
            4 => Self::Before(place),
            _ => Self::Coin { eighths: 1 + random.below(7) },
        }
    }

    pub(super) fn keeps(&self, piece: usize, random: &mut Random) -> bool {
        match *self {
            Self::None => false,
            Self::All => true,
            Self::Only(place) => piece == place,
            Self::AllBut(place) => piece != place,
            Self::Before(place) => piece < place,
            Self::Coin { eighths } => random.happens(eighths, 8),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_edges_of_many_pieces_arise_as_well_as_the_middle() {
        let pieces = 40;
        let mut random = Random::new(0);
        let kept: BTreeSet<Vec<bool>> = (0..4_000)
            .map(|_| {
                let survival = Survival::choose(&mut random, pieces);
                (0..pieces).map(|piece| survival.keeps(piece, &mut random)).collect()
            })
            .collect();
        let one = |place: usize, value: bool| {
            let mut pattern = vec![!value; pieces];
            pattern[place] = value;
            pattern
        };
        for place in 0..pieces {
            assert!(kept.contains(&one(place, true)), "only {place}");
            assert!(kept.contains(&one(place, false)), "all but {place}");
            assert!(kept.contains(&(0..pieces).map(|piece| piece < place).collect::<Vec<_>>()));
        }
        assert!(kept.contains(&vec![true; pieces]), "all");
        assert!(kept.len() > 1_000, "and coins");
    }
}
