//! The memory that a rewriter needs, kept for the next datum.

use std::cell::Cell;

/// Buffers of more bytes are not kept for the next datum.
const KEPT_AT_MOST: usize = 1 << 20;

/// What a rewriter needs of memory.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// The reader's datum.
    pub(super) datum: Vec<u8>,
    /// Where the fields of shuffled records begin.
    pub(super) starts: Vec<usize>,
}

thread_local! {
    static BUFFERS: Cell<Buffers> = Cell::default();
}

impl Buffers {
    /// This thread's buffers; new ones where a `with` module that is being called decodes.
    pub(super) fn take() -> Self {
        BUFFERS.take()
    }

    pub(super) fn give_back(self) {
        if self.len() <= KEPT_AT_MOST {
            BUFFERS.set(self);
        }
    }

    /// How many bytes they take.
    fn len(&self) -> usize {
        let starts = self.starts.capacity().saturating_mul(size_of::<usize>());
        self.datum.capacity().saturating_add(starts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_counted_in_bytes() {
        let of =
            |datum, starts| Buffers { datum: Vec::with_capacity(datum), starts: Vec::with_capacity(starts) };
        let kept = |buffers: Buffers| {
            Buffers::take();
            buffers.give_back();
            Buffers::take().len() > 0
        };
        assert!(kept(of(KEPT_AT_MOST / 2, 8)));
        assert!(kept(of(0, KEPT_AT_MOST / size_of::<usize>())));
        assert!(!kept(of(0, KEPT_AT_MOST / size_of::<usize>() + 1)));
        assert!(!kept(of(KEPT_AT_MOST, 1)));
    }
}
