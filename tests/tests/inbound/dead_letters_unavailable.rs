//! Dead letters that can't be stored for a while, because their topic is on a node that is down.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use events_runtime::receiver::reject;
use events_runtime::transport::{
    BoxFuture, ConnectOptions, Consumer, Delivery, ErrorKind, Outcome, Position, Receipt, Recipient, Settle,
    Settlement, Topic, TransportError, connect,
};
use events_runtime::{EventBus, Hub};
use events_tests::over::Over;
use tokio::sync::{mpsc, watch};

use crate::shop::{Running, answer, config, dead_letters, next, order, place_orders};

type Results = Vec<Result<(), TransportError>>;

/// How the dead-letter topic responds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TopicState {
    Hangs,
    Fails,
    Stores,
}

/// A consumer whose rejections wait for the dead-letter topic.
struct Waiting {
    memory: Box<dyn Consumer>,
    topic_state: watch::Receiver<TopicState>,
}

impl Consumer for Waiting {
    fn receive(
        &mut self,
        max: usize,
        wait: Duration,
    ) -> BoxFuture<'_, Result<Vec<Delivery>, TransportError>> {
        Box::pin(async move {
            let deliveries = self.memory.receive(max, wait).await?;
            Ok(deliveries
                .into_iter()
                .map(|delivery| hold_rejections(delivery, self.topic_state.clone()))
                .collect())
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), TransportError>> {
        self.memory.close()
    }
}

fn hold_rejections(inner: Delivery, topic_state: watch::Receiver<TopicState>) -> Delivery {
    let (message, attempt, time) = (inner.message().clone(), inner.attempt(), inner.time());
    let (topic, group, position) = (inner.topic().clone(), inner.group().clone(), inner.position());
    let inner = Mutex::new(HashMap::from([(position, inner)]));
    let recipient = Recipient::new(topic, group, Arc::new(Held { inner, topic_state }));
    Delivery::new(message, position, attempt, time, 0, Arc::new(recipient))
}

struct Held {
    inner: Mutex<HashMap<Position, Delivery>>,
    topic_state: watch::Receiver<TopicState>,
}

impl Settle for Held {
    fn settle(&self, settlements: Vec<Settlement>) -> BoxFuture<'static, Results> {
        let settled =
            settlements.into_iter().map(|Settlement { receipt, outcome, .. }| -> BoxFuture<'static, _> {
                let inner =
                    self.inner.lock().expect("no panic").remove(&receipt.position).expect("settled once");
                match outcome {
                    Outcome::Ack | Outcome::AckWith(_) => inner.ack(),
                    Outcome::Release => inner.release(),
                    Outcome::Retry(after) => inner.retry(after),
                    Outcome::Postpone(after) => inner.postpone(after),
                    Outcome::Reject(_) => {
                        let mut topic_state = self.topic_state.clone();
                        Box::pin(async move {
                            let then = *topic_state
                                .wait_for(|state| *state != TopicState::Hangs)
                                .await
                                .expect("held");
                            if then == TopicState::Stores {
                                return inner.reject("wrong").await;
                            }
                            let topic = inner.topic().clone();
                            inner.retry(Duration::from_millis(1)).await?;
                            Err(TransportError::new(
                                ErrorKind::Unavailable,
                                "send to",
                                &topic,
                                "its node is down",
                            ))
                        })
                    }
                }
            });
        let settled: Vec<_> = settled.collect();
        Box::pin(async move {
            let mut results = Results::new();
            for outcome in settled {
                results.push(outcome.await);
            }
            results
        })
    }

    fn abandon(&self, receipt: Receipt) {
        drop(self.inner.lock().expect("no panic").remove(&receipt.position));
    }

    fn renew(&self, receipts: Vec<Receipt>) -> BoxFuture<'static, Results> {
        let inner = self.inner.lock().expect("no panic");
        let renewals: Vec<_> = receipts.iter().map(|receipt| inner[&receipt.position].renew()).collect();
        Box::pin(async move {
            let mut results = Results::new();
            for renewal in renewals {
                results.push(renewal.await);
            }
            results
        })
    }
}

/// A bus whose dead-letter topic hangs at first, with three orders, of which the first is rejected.
async fn start() -> (EventBus, watch::Sender<TopicState>, mpsc::UnboundedReceiver<u32>) {
    let (sender, topic_state) = watch::channel(TopicState::Hangs);
    let memory = connect("memory:", &ConnectOptions::new()).expect("memory");
    let over = Over::new(memory).consumer(move |memory| Waiting { memory, topic_state: topic_state.clone() });
    let bus = EventBus::builder().config(config("", "")).hub(Hub::new()).transport(Box::new(over));
    let bus = bus.start().await.expect("the bus starts");
    place_orders(&bus, &["ada", "ada", "bob"]).await;
    let asked = answer(&bus, "charge", |order, _| match order {
        1 => Err(reject("the card expired").into()),
        _ => Ok(()),
    });
    (bus, sender, asked)
}

/// Waits until this number of messages is unsettled.
async fn lags(bus: &EventBus, count: u64) {
    let topic = Topic::new("orders").expect("a name");
    events_tests::until(|| async {
        let groups = bus.transport().groups(&topic).await.expect("the groups are listed");
        groups.iter().any(|status| status.group.as_str() == "billing" && status.lag == count)
    })
    .await;
}

#[tokio::test]
async fn a_pending_dead_letter_blocks_its_own_key_only() {
    let (bus, topic_state, mut asked) = start().await;
    let running = Running::billing(&bus);
    assert_eq!([next(&mut asked).await, next(&mut asked).await], [1, 3], "another key continues");
    lags(&bus, 2).await;
    for later in [order(4, "ada"), order(5, "eve")] {
        bus.hub().emit(later).delivered().await.expect("sent");
    }
    assert_eq!(next(&mut asked).await, 5, "later events are handled too");
    topic_state.send(TopicState::Stores).expect("the consumer is there");
    assert_eq!(
        [next(&mut asked).await, next(&mut asked).await],
        [2, 4],
        "the key continues after its dead letter"
    );
    let consumed = running.stop().await;
    assert_eq!((consumed.acked, consumed.dead_lettered), (4, 1), "{consumed:?}");
    assert_eq!(dead_letters(&bus).await.len(), 1);
}

#[tokio::test]
async fn events_behind_a_failed_dead_letter_are_redelivered_after_it() {
    let (bus, topic_state, mut asked) = start().await;
    let running = Running::billing(&bus);
    assert_eq!([next(&mut asked).await, next(&mut asked).await], [1, 3]);
    topic_state.send(TopicState::Fails).expect("the consumer is there");
    assert_eq!(next(&mut asked).await, 1, "it is redelivered, followed by the rest of its key");
    topic_state.send(TopicState::Stores).expect("the consumer is there");
    let mut behind = next(&mut asked).await;
    while behind == 1 {
        behind = next(&mut asked).await;
    }
    assert_eq!(behind, 2);
    assert_eq!(running.stop().await.dead_lettered, 1);
}

#[tokio::test]
async fn a_stopping_consumer_waits_for_its_dead_letters() {
    let (bus, topic_state, mut asked) = start().await;
    let running = Running::billing(&bus);
    assert_eq!([next(&mut asked).await, next(&mut asked).await], [1, 3]);
    let stopped = tokio::spawn(running.stop());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!stopped.is_finished(), "its dead letter is not stored");
    topic_state.send(TopicState::Stores).expect("the consumer is there");
    let consumed = stopped.await.expect("no panic");
    assert_eq!((consumed.acked, consumed.dead_lettered), (1, 1), "{consumed:?}");
}
