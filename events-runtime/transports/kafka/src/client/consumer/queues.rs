//! The queues of partitions, each of which is read only while there is room for its messages.
//!
//! What is not read stays in librdkafka as it was fetched, up to `queued.max.messages.kbytes`. To pause a partition
//! would throw that away, and fetch it again later.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::context::GroupContext;
use super::{Place, kafka_partition};

/// Wakes the thread that serves a client. Threads of librdkafka ring it, which hold a lock meanwhile.
#[derive(Default)]
pub(super) struct Bell {
    has_rung: Mutex<bool>,
    rung: Condvar,
}

impl Bell {
    pub(super) fn ring(&self) {
        *self.has_rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.rung.notify_one();
    }

    /// Waits until it was rung since the last call, for at most this time.
    pub(super) fn wait(&self, longest: Duration) {
        let has_rung = self.has_rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.rung.wait_timeout_while(has_rung, longest, |has_rung| !*has_rung);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }
}

/// The queues of all partitions that the member has had.
#[derive(Default)]
pub(super) struct Queues {
    pub(super) bell: Arc<Bell>,
    all: Mutex<BTreeMap<Place, PartitionQueue<GroupContext>>>,
}

impl Queues {
    pub(super) fn all(&self) -> MutexGuard<'_, BTreeMap<Place, PartitionQueue<GroupContext>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Separates the queues of partitions that are about to be assigned.
    pub(super) fn split(
        &self,
        consumer: &Arc<BaseConsumer<GroupContext>>,
        places: impl Iterator<Item = Place>,
    ) {
        let mut all = self.all();
        for place in places {
            // Its end would silence the new one.
            all.remove(&place);
            let Some(topic) = consumer.context().topics.get(place.topic) else { continue };
            if let Some(mut queue) = consumer.split_partition_queue(topic, kafka_partition(place)) {
                let bell = Arc::clone(&self.bell);
                queue.set_nonempty_callback(move || bell.ring());
                all.insert(place, queue);
            }
        }
        drop(all);
        // Of what came in between.
        self.bell.ring();
    }
}
