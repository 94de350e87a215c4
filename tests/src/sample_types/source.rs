//! Random values: many edge cases, small sizes.

use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};

/// The approximate maximum depth of a value.
const DEEPEST: usize = 9;

/// Random choices for a generated value.
#[derive(Debug)]
pub(crate) struct Source {
    rng: TestRng,
    size: usize,
    depth: usize,
}

impl Source {
    /// Choices by this generator, for collections and texts of about this size.
    pub(crate) fn new(rng: TestRng, size: usize) -> Self {
        Self { rng, size, depth: 0 }
    }

    /// Choices from a seed; the same seed gives the same choices.
    pub(crate) fn seeded(name: &str, seed: u64) -> Self {
        let mut bytes = [0; 32];
        for (slot, byte) in bytes.iter_mut().zip(seed.to_le_bytes().into_iter().chain(name.bytes().rev())) {
            *slot = byte;
        }
        let size = usize::try_from(seed % 7).unwrap_or_default();
        Self::new(TestRng::from_seed(RngAlgorithm::ChaCha, &bytes), size)
    }

    /// Any bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.rng.next_u64()
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.bits() % end.max(1) as u64).unwrap_or_default()
    }

    /// One of the choices; at the maximum depth the first one, which must not recurse.
    pub(crate) fn pick(&mut self, choices: usize) -> usize {
        if self.depth > DEEPEST { 0 } else { self.below(choices) }
    }

    /// The length of a collection; 0 at the maximum depth.
    pub(crate) fn len(&mut self) -> usize {
        let most = self.size.checked_shr(u32::try_from(self.depth / 2).unwrap_or(u32::MAX)).unwrap_or(0);
        self.below(most + 1)
    }

    /// Generates a nested value, one level down.
    pub(crate) fn inside<T>(&mut self, generate: impl FnOnce(&mut Self) -> T) -> T {
        self.depth += 1;
        let value = generate(self);
        self.depth -= 1;
        value
    }

    /// An integer in a range, mostly near zero or near the bounds.
    pub(crate) fn whole(&mut self, low: i128, high: i128) -> i128 {
        let bits = i128::from(self.bits());
        let shift = self.below(64);
        let near = (bits >> shift) * if self.below(2) == 0 { 1 } else { -1 };
        match self.below(8) {
            0 => low,
            1 => high,
            2 => low + bits % 3 % (high - low + 1),
            3 => high - bits % 3 % (high - low + 1),
            _ if near >= low && near <= high => near,
            _ => low + bits.rem_euclid(high - low + 1),
        }
    }

    /// Text: empty, plain, long, of many scripts, with characters that JSON escapes.
    pub(crate) fn text(&mut self) -> String {
        let len = match self.below(12) {
            0 => 0,
            1 => 60 + self.below(8),
            2 => 100 + self.below(400),
            _ => self.below(12),
        };
        let alphabet: &[char] = match self.below(3) {
            0 => &['a', 'b', 'c', ' ', '0'],
            1 => &['"', '\\', '\0', '\n', '\u{1f}', '\u{7f}', '/', '{'],
            _ => &['é', '€', '𝄞', '\u{feff}', '\u{ffff}', 'ß', 'a', '\u{10ffff}'],
        };
        (0..len).map(|_| alphabet[self.below(alphabet.len())]).collect()
    }
}
