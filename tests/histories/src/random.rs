//! Random numbers that are the same on every machine (splitmix64).
//! Knows nothing of what they decide.

/// A source of numbers.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The source of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed ^ 0x5851_f42d_4c95_7f2d)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From `low` to `high`, both included.
    pub fn range(&mut self, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high - low).map_or(0, |span| span + 1).max(1);
        low + i64::try_from(self.number() % span).unwrap_or(0)
    }

    /// True so many times in a hundred.
    pub fn percent(&mut self, chance: i64) -> bool {
        self.range(0, 99) < chance
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let last = i64::try_from(from.len()).unwrap_or(1) - 1;
        &from[usize::try_from(self.range(0, last.max(0))).unwrap_or(0)]
    }

    /// One of them, each as often as its weight says.
    pub fn weighted<'a, T>(&mut self, from: &'a [(i64, T)]) -> &'a T {
        let mut at = self.range(1, from.iter().map(|(weight, _)| weight).sum());
        for (weight, one) in from {
            at -= weight;
            if at <= 0 {
                return one;
            }
        }
        &from[0].1
    }
}
