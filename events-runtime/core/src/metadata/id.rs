//! Ids of new events.
//!
//! Version 7 ids come from a generator per thread: `Uuid::now_v7` asks the operating system for random bits
//! each time, which takes twenty times as long as the rest of an emission. Here each thread seeds a generator
//! from the operating system and then counts: within a millisecond the counter advances by a random step, and
//! each new millisecond starts at a random value ([RFC 9562, section
//! 6.2](https://www.rfc-editor.org/rfc/rfc9562#section-6.2), method 2). Ids of a thread ascend; ids of two
//! threads differ by 74 random bits. A process must not fork without exec after its first event, because both
//! processes would continue with the same ids.

use std::cell::RefCell;
use std::sync::OnceLock;

use fastrand::Rng;
use jiff::Timestamp;
use uuid::Uuid;

/// The bits of `rand_a` and `rand_b` together.
const COUNTER_BITS: u32 = 74;
const RAND_B_BITS: u32 = 62;

struct Generator {
    rng: Rng,
    millis: u64,
    counter: u128,
}

thread_local! {
    static GENERATOR: RefCell<Generator> = RefCell::new(Generator::seeded());
}

/// A version 7 id for an event of this time. Later ids of a thread are greater.
pub fn new_id(time: Timestamp) -> Uuid {
    let millis = u64::try_from(time.as_millisecond()).unwrap_or_default();
    GENERATOR.with_borrow_mut(|generator| generator.next(millis))
}

/// A version 1 id of the current time, as Python's `uuid.uuid1` makes it.
pub fn new_openedx_id() -> Uuid {
    static NODE: OnceLock<[u8; 6]> = OnceLock::new();
    let node = NODE.get_or_init(|| {
        let [.., first, b, c, d, e, last] = Uuid::now_v7().into_bytes();
        // The multicast bit distinguishes a random node from a network card's address (RFC 9562, 6.10).
        [first | 1, b, c, d, e, last]
    });
    Uuid::now_v1(node)
}

impl Generator {
    fn seeded() -> Self {
        // The last eight bytes of a version 7 id are random but for the two variant bits and the
        // upper part of `uuid`'s own counter; two ids fold into one seed.
        let (_, a) = Uuid::now_v7().as_u64_pair();
        let (_, b) = Uuid::now_v7().as_u64_pair();
        Self { rng: Rng::with_seed(a ^ b.rotate_left(32)), millis: 0, counter: 0 }
    }

    fn next(&mut self, millis: u64) -> Uuid {
        if millis > self.millis {
            self.millis = millis;
            // The top bit is zero, so that the counter has room for the steps of a millisecond.
            self.counter = self.rng.u128(..) >> (128 - COUNTER_BITS + 1);
        } else {
            // The clock did not advance or went back; the counter advances.
            self.counter += u128::from(self.rng.u32(..)) + 1;
            if self.counter >> COUNTER_BITS != 0 {
                self.millis += 1;
                self.counter = self.rng.u128(..) >> (128 - COUNTER_BITS + 1);
            }
        }
        self.id()
    }

    fn id(&self) -> Uuid {
        const VERSION: u128 = 7 << 76;
        const VARIANT: u128 = 0b10 << 62;
        let rand_a = self.counter >> RAND_B_BITS;
        let rand_b = self.counter & ((1 << RAND_B_BITS) - 1);
        Uuid::from_u128(
            (u128::from(self.millis) & 0xffff_ffff_ffff) << 80 | VERSION | rand_a << 64 | VARIANT | rand_b,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).expect("in range")
    }

    #[test]
    fn ids_are_version_7_of_their_time() {
        let id = new_id(at(1_700_000_000_123));
        assert_eq!(id.get_version_num(), 7);
        assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
        let (seconds, nanos) = id.get_timestamp().expect("a time").to_unix();
        assert_eq!((seconds, nanos / 1_000_000), (1_700_000_000, 123));
    }

    #[test]
    fn ids_of_a_thread_ascend_although_the_clock_goes_back() {
        let mut last = new_id(at(1_000));
        for step in 0..10_000 {
            let id = new_id(at(1_000 - step % 7 + step / 100));
            assert!(id > last, "{id} after {last}");
            last = id;
        }
    }

    #[test]
    fn a_counter_overflow_advances_the_millisecond() {
        let mut generator = Generator::seeded();
        let before = generator.next(5);
        generator.counter = (1 << COUNTER_BITS) - 1;
        let after = generator.next(5);
        assert!(after > before);
        assert_eq!(generator.millis, 6);
    }

    #[test]
    fn ids_of_many_threads_differ() {
        let ids: Vec<Uuid> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| (0..5_000).map(|_| new_id(at(9))).collect::<Vec<_>>()))
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
        });
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
    }

    #[test]
    fn times_before_1970_still_give_an_id() {
        assert_eq!(new_id(at(-5)).get_version_num(), 7);
    }

    #[test]
    fn open_edx_ids_are_version_1_of_a_random_node() {
        let id = new_openedx_id();
        assert_eq!(id.get_version_num(), 1);
        assert_eq!(id.get_node_id().expect("a node")[0] & 1, 1);
        assert_ne!(id, new_openedx_id());
    }
}
