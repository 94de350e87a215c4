//! A hub's table of values by event type. It only grows, and is read without a lock.

use std::any::{Any, TypeId};
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The index of an event type in the table of every hub. Indexes are assigned when event types are first
/// used, and hold no state that a test would have to reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TypeIndex(u32);

impl TypeIndex {
    /// Stands for an index that is not known yet.
    pub(crate) const UNKNOWN: u32 = u32::MAX;

    pub(crate) fn known(value: u32) -> Option<Self> {
        (value != Self::UNKNOWN).then_some(Self(value))
    }

    pub(crate) fn get(self) -> u32 {
        self.0
    }

    /// The index of a type. Events of one type mostly follow each other on a thread.
    pub(crate) fn of<E: 'static>() -> Self {
        thread_local! {
            static LAST: Cell<Option<(TypeId, TypeIndex)>> = const { Cell::new(None) };
        }
        let id = TypeId::of::<E>();
        if let Some((_, index)) = LAST.get().filter(|(last, _)| *last == id) {
            return index;
        }
        let index = Self::assigned(id);
        LAST.set(Some((id, index)));
        index
    }

    fn assigned(id: TypeId) -> Self {
        static INDEXES: Mutex<Option<HashMap<TypeId, u32, foldhash::fast::RandomState>>> = Mutex::new(None);
        let mut indexes = INDEXES.lock().unwrap_or_else(PoisonError::into_inner);
        let indexes = indexes.get_or_insert_default();
        let next = u32::try_from(indexes.len()).unwrap_or(Self::UNKNOWN - 1);
        Self(*indexes.entry(id).or_insert(next))
    }

    /// The bucket, its length, and the offset in it. Bucket `b` holds `32 << b` slots.
    fn location(self) -> (usize, usize, usize) {
        let shifted = u64::from(self.0) + u64::from(FIRST);
        let bucket = shifted.ilog2() - FIRST.ilog2();
        let len = u64::from(FIRST) << bucket;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "both are below 2^33, and below 2^32 where usize has 32 bits: a slot takes more than a byte"
        )]
        (bucket as usize, len as usize, (shifted - len) as usize)
    }
}

const FIRST: u32 = 32;
const BUCKETS: usize = 28;

type Slot = OnceLock<Arc<dyn Any + Send + Sync>>;

/// A table of values by [`TypeIndex`].
#[derive(Default)]
pub(crate) struct TypeTable {
    buckets: [OnceLock<Box<[Slot]>>; BUCKETS],
}

impl TypeTable {
    /// Whether the table has no values.
    pub(crate) fn is_empty(&self) -> bool {
        self.buckets.iter().all(|bucket| bucket.get().is_none())
    }

    /// The value of this index, if there is one.
    pub(crate) fn find<T: Any + Send + Sync>(&self, index: TypeIndex) -> Option<&T> {
        let (bucket, _, at) = index.location();
        let slot = self.buckets.get(bucket)?.get()?.get(at)?;
        slot.get()?.downcast_ref()
    }

    /// The value of this index, created at first use.
    pub(crate) fn get<T: Any + Send + Sync>(&self, index: TypeIndex, make: impl FnOnce() -> Arc<T>) -> &T {
        let (bucket, len, at) = index.location();
        let bucket = self.buckets[bucket].get_or_init(|| (0..len).map(|_| Slot::new()).collect());
        let slot = bucket[at].get_or_init(|| make());
        match slot.downcast_ref() {
            Some(value) => value,
            None => unreachable!("an index belongs to one type"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_has_its_own_location() {
        let mut expected = (0, 0);
        for index in 0..10_000 {
            let (bucket, len, at) = TypeIndex(index).location();
            assert_eq!((bucket, at), expected);
            expected = if at + 1 == len { (bucket + 1, 0) } else { (bucket, at + 1) };
        }
        let (bucket, len, at) = TypeIndex(TypeIndex::UNKNOWN - 1).location();
        assert!(bucket < BUCKETS && at < len);
    }

    #[test]
    fn one_type_has_one_index() {
        struct A;
        struct B;
        assert_eq!(TypeIndex::of::<A>(), TypeIndex::of::<A>());
        assert_ne!(TypeIndex::of::<A>(), TypeIndex::of::<B>());
    }

    #[test]
    fn a_value_is_created_once() {
        let table = TypeTable::default();
        let index = TypeIndex(100);
        assert!(table.find::<u8>(index).is_none());
        assert_eq!(table.get(index, || Arc::new(1_u8)), &1);
        assert_eq!(table.get(index, || Arc::new(2_u8)), &1);
        assert_eq!(table.find::<u8>(index), Some(&1));
    }
}
