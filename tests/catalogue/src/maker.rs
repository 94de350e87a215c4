//! Random values.

/// Generates values; the same seed gives the same values.
pub struct Maker(fastrand::Rng);

impl Maker {
    /// A maker of its own sequence.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// `true` in this percentage of cases.
    pub fn chance(&mut self, percent: u8) -> bool {
        self.0.u8(..100) < percent
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0.usize(..end)
    }

    /// A number of this range.
    pub fn range(&mut self, range: std::ops::Range<i64>) -> i64 {
        self.0.i64(range)
    }

    /// Any number.
    pub fn bits(&mut self) -> u64 {
        self.0.u64(..)
    }

    /// One of these.
    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.0.usize(..choices.len())]
    }

    /// A text of these characters.
    pub fn text_of(&mut self, characters: &str, lengths: std::ops::Range<usize>) -> String {
        let characters: Vec<_> = characters.chars().collect();
        let len = self.0.usize(lengths);
        (0..len).map(|_| self.one_of(&characters)).collect()
    }

    /// A text of any characters.
    pub fn text(&mut self) -> String {
        self.text_of("ab\"\\\0\n é€𝄞\u{ffff}", 0..80)
    }
}
