//! Dead letters that are rejected, sent again and discarded at random, with crashes between the steps.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use events_transport::{ErrorKind, Subscription, Topic, Transport, TransportError};
use tokio::sync::mpsc;

use super::dead_letters::hanging;
use super::model::{DeadLetter, Steps, check, histories};
use super::over::Over;
use super::{Fixture, LONG, connect, group, message, named, send_to};
use crate::bus::DeadLetters;

const MESSAGES: usize = 4;

/// One operation. A number is taken modulo the dead letters that are listed.
#[derive(Debug, Clone, Copy)]
enum Op {
    /// The group rejects its next message.
    Reject,
    /// The group acknowledges its next message.
    Ack,
    /// A dead letter is sent again, as far as these steps.
    Retry(usize, Steps),
    /// A dead letter is removed.
    Discard(usize),
}

fn generate(seed: u64) -> Vec<Op> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut any = || match random.u8(0..10) {
        0..=3 => Op::Reject,
        4 => Op::Ack,
        5 => Op::Discard(random.usize(..)),
        _ => {
            let steps = [Steps::None, Steps::Stored, Steps::Settled, Steps::Settled];
            Op::Retry(random.usize(..), steps[random.usize(..steps.len())])
        }
    };
    (0..20).map(|_| any()).collect()
}

/// A crash between the two steps of a retry leaves a duplicate of the same id, and loses nothing.
pub async fn dead_letters_match_the_model(fixture: &dyn Fixture) {
    check(histories(fixture), generate, async |history| run(fixture, history).await.err()).await;
}

async fn run(fixture: &dyn Fixture, history: &[Op]) -> Result<(), String> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let transport = connect(fixture);
    let topic = named(&format!("letters-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
    let batch: Vec<_> = (0..MESSAGES).map(|index| message(["a", "b"][index % 2], index)).collect();
    let mut world = World {
        patience: fixture.patience(),
        transport: &*transport,
        letters: DeadLetters::of(&*transport, topic.clone(), group("billing")).map_err(text)?,
        model: batch.iter().map(|message| (id(message), DeadLetter::default())).collect(),
        topic,
    };
    // The group exists before its first message, so that its lag counts from there.
    world.join().await?.close().await.map_err(text)?;
    send_to(&*transport, &world.topic, &batch).await;
    for (step, op) in history.iter().enumerate() {
        let applied = async {
            world.apply(*op).await?;
            world.compare().await
        };
        applied.await.map_err(|what| format!("step {}, {op:?}: {what}", step + 1))?;
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "it is passed to `map_err`")]
fn text(error: TransportError) -> String {
    format!("a call failed: {error}")
}

fn id(message: &events_transport::Message) -> String {
    let id = message.headers.get("ce_id").map(|id| String::from_utf8_lossy(id));
    id.expect("the message has an id").into_owned()
}

struct World<'t> {
    patience: u32,
    transport: &'t dyn Transport,
    topic: Topic,
    letters: DeadLetters<'t>,
    model: BTreeMap<String, DeadLetter>,
}

impl World<'_> {
    async fn join(&self) -> Result<Box<dyn events_transport::Consumer>, String> {
        let subscription = Subscription::new(self.topic.clone(), group("billing"));
        self.transport.consumer(subscription).await.map_err(text)
    }

    fn originals(&self) -> u32 {
        self.model.values().map(|letter| letter.originals).sum()
    }

    async fn apply(&mut self, op: Op) -> Result<(), String> {
        match op {
            Op::Reject | Op::Ack => self.receive(matches!(op, Op::Reject)).await,
            Op::Retry(pick, steps) => self.retry(pick, steps).await,
            Op::Discard(pick) => self.discard(pick).await,
        }
    }

    async fn receive(&mut self, rejects: bool) -> Result<(), String> {
        if self.originals() == 0 {
            return Ok(());
        }
        let mut consumer = self.join().await?;
        let Some(delivery) = consumer.receive(1, LONG).await.map_err(text)?.pop() else {
            return Err(format!("no message is received of {:?}", self.model));
        };
        let received = id(delivery.message());
        let letter = self.model.get_mut(&received).ok_or_else(|| format!("`{received}` was never sent"))?;
        if letter.originals == 0 {
            return Err(format!("`{received}` was received, but all its copies are settled"));
        }
        if rejects {
            delivery.reject("chosen by the history").await.map_err(text)?;
            letter.reject(Steps::Settled);
        } else {
            delivery.ack().await.map_err(text)?;
            letter.originals -= 1;
        }
        consumer.close().await.map_err(text)
    }

    /// The position of a dead letter, and its id.
    async fn pick(&self, pick: usize) -> Result<Option<(events_transport::Position, String)>, String> {
        let listed = self.letters.list().await.map_err(text)?.dead_letters;
        let picked = pick.checked_rem(listed.len()).and_then(|at| listed.get(at));
        Ok(picked.map(|letter| (letter.position(), letter.id().unwrap_or_default().to_owned())))
    }

    async fn retry(&mut self, pick: usize, steps: Steps) -> Result<(), String> {
        let Some((position, id)) = self.pick(pick).await? else { return Ok(()) };
        match steps {
            Steps::None => {
                let failing = failing(self.transport);
                let failed = self.tool(&failing)?.retry(|letter| letter.position() == position).await;
                if !failed.map_err(text)?.done.is_empty() {
                    return Err(format!("`{id}` was removed without being sent"));
                }
            }
            Steps::Stored => {
                let (sent, mut was_sent) = mpsc::channel(1);
                let hanging = hanging(self.transport, sent);
                let tool = self.tool(&hanging)?;
                let begun = Instant::now();
                // The lease of an earlier crash may not have ended yet.
                loop {
                    tokio::select! {
                        ended = tool.retry(|letter| letter.position() == position) => {
                            ended.map_err(text)?;
                            self.wait(begun, "is not sent", &id).await?;
                        }
                        _ = was_sent.recv() => break,
                    }
                }
            }
            Steps::Settled => {
                let begun = Instant::now();
                while self
                    .letters
                    .retry(|letter| letter.position() == position)
                    .await
                    .map_err(text)?
                    .done
                    .is_empty()
                {
                    self.wait(begun, "is not sent", &id).await?;
                }
            }
        }
        self.model.entry(id).or_default().retry(steps);
        Ok(())
    }

    async fn discard(&mut self, pick: usize) -> Result<(), String> {
        let Some((position, id)) = self.pick(pick).await? else { return Ok(()) };
        let begun = Instant::now();
        while self
            .letters
            .discard(|letter| letter.position() == position)
            .await
            .map_err(text)?
            .done
            .is_empty()
        {
            self.wait(begun, "is not removed", &id).await?;
        }
        self.model.entry(id).or_default().discard();
        Ok(())
    }

    fn tool<'t>(&self, transport: &'t dyn Transport) -> Result<DeadLetters<'t>, String> {
        DeadLetters::of(transport, self.topic.clone(), group("billing")).map_err(text)
    }

    async fn wait(&self, begun: Instant, what: &str, id: &str) -> Result<(), String> {
        if begun.elapsed() > LONG * self.patience {
            return Err(format!("`{id}` {what}"));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        Ok(())
    }

    /// Compares the listed dead letters, and the number of messages that the group has not settled.
    async fn compare(&self) -> Result<(), String> {
        let mut found: BTreeMap<String, u32> = BTreeMap::new();
        for letter in self.letters.list().await.map_err(text)?.dead_letters {
            *found.entry(letter.id().unwrap_or_default().to_owned()).or_default() += 1;
        }
        let letters = self.model.iter().filter(|(_, letter)| letter.letters > 0);
        let expected: BTreeMap<_, _> = letters.map(|(id, letter)| (id.clone(), letter.letters)).collect();
        if found != expected {
            return Err(format!("the dead letters are {found:?}, expected {expected:?}"));
        }
        let billing = group("billing");
        let unsettled = match self.transport.unsettled(&self.topic, &billing, None, usize::MAX).await {
            Ok(unsettled) => unsettled.len() as u64,
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                let groups = self.transport.groups(&self.topic).await.map_err(text)?;
                groups.iter().filter(|status| status.group == billing).map(|status| status.lag).sum()
            }
            Err(error) => return Err(text(error)),
        };
        let expected = u64::from(self.originals());
        if unsettled == expected {
            Ok(())
        } else {
            Err(format!("{unsettled} messages are unsettled, expected {expected}"))
        }
    }
}

/// A transport that stores nothing.
fn failing(inner: &dyn Transport) -> Over<&dyn Transport> {
    Over::new(inner).sends(|_, topic, batch| {
        let errors: Vec<_> = batch
            .iter()
            .map(|_| Err(TransportError::new(ErrorKind::Unavailable, "send to", topic, "it crashed before")))
            .collect();
        Box::pin(std::future::ready(errors))
    })
}
