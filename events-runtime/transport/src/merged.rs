//! Several consumers as one.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{
    BoxFuture, Consumer, Delivery, ErrorKind, Subscription, Topic, Transport, TransportError, release_all,
};

/// How long a receive call waits for the answers of all topics before it returns those that came.
const GRACE: Duration = Duration::from_millis(100);
/// After a topic has not answered in time, calls don't wait for it for this long.
const REST: Duration = Duration::from_secs(1);

/// Receives from several topics, each with a consumer of its own; made by
/// [`Transport::consumer_of`](super::Transport::consumer_of). The consumers may be of different transports.
///
/// Each call begins with a look at every topic, at a different one first, and each topic has an equal share of
/// the call's `max`. So a full topic doesn't starve another. If no topic has messages, the call waits for all of
/// them.
///
/// An error names its topic. Messages that came together with an error are returned first, and the error by the
/// next call, so a failing topic doesn't hold back the others.
pub struct MergedConsumer {
    members: Vec<Member>,
    /// The index of the member that was first in the last call.
    first: usize,
    /// Not returned yet.
    errors: VecDeque<TransportError>,
    /// The releases of messages that a dropped call had received. They are stored before the next message is
    /// received, since a later message of a key would overtake a released one.
    releases: Vec<BoxFuture<'static, Vec<Result<(), TransportError>>>>,
}

struct Member {
    topic: Option<Topic>,
    consumer: Box<dyn Consumer>,
    rests_until: Option<Instant>,
}

/// The receive call of one topic; `None` when it has ended.
struct Call<'c> {
    topic: Option<&'c Topic>,
    rests_until: &'c mut Option<Instant>,
    received: Option<BoxFuture<'c, Result<Vec<Delivery>, TransportError>>>,
}

/// The messages that a call has received. They are released if the call is dropped.
struct Collected<'c> {
    deliveries: Vec<Delivery>,
    releases: &'c mut Vec<BoxFuture<'static, Vec<Result<(), TransportError>>>>,
}

impl Drop for Collected<'_> {
    fn drop(&mut self) {
        if !self.deliveries.is_empty() {
            // Takes effect now.
            self.releases.push(release_all(self.deliveries.drain(..)));
        }
    }
}

impl MergedConsumer {
    /// Merges consumers, each with the topic that its errors name; `None` if they name it already, as those of a
    /// consumer of several topics.
    #[must_use]
    pub fn new(consumers: impl IntoIterator<Item = (Option<Topic>, Box<dyn Consumer>)>) -> Self {
        let member = |(topic, consumer)| Member { topic, consumer, rests_until: None };
        let members = consumers.into_iter().map(member).collect();
        Self { members, first: 0, errors: VecDeque::new(), releases: Vec::new() }
    }

    /// Subscribes to each topic and merges the consumers.
    pub(super) async fn subscribe<T: Transport + ?Sized>(
        transport: &T,
        subscriptions: Vec<Subscription>,
    ) -> Result<Box<dyn Consumer>, TransportError> {
        Self::check(&subscriptions)?;
        let mut consumers = Vec::with_capacity(subscriptions.len());
        for subscription in subscriptions {
            let topic = subscription.topic.clone();
            let consumer = transport.consumer(subscription).await.map_err(|error| error.about(&topic))?;
            consumers.push((Some(topic), consumer));
        }
        Ok(match <[_; 1]>::try_from(consumers) {
            Ok([(_, consumer)]) => consumer,
            Err(consumers) => Box::new(Self::new(consumers)),
        })
    }

    /// Refuses subscriptions that one consumer can't have; for transports.
    ///
    /// # Errors
    /// A [`TransportError`] of kind [`Invalid`](ErrorKind::Invalid) that names the topic.
    pub fn check(subscriptions: &[Subscription]) -> Result<(), TransportError> {
        let invalid = |subject: &dyn std::fmt::Display, message: String| {
            Err(TransportError::new(ErrorKind::Invalid, "subscribe to", subject, message))
        };
        let Some(first) = subscriptions.first() else {
            return invalid(&"", "a consumer needs at least one topic".to_owned());
        };
        for (index, Subscription { topic, group, .. }) in subscriptions.iter().enumerate() {
            if *group != first.group {
                let message = format!(
                    "its group is `{group}`, and that of `{}` is `{}`: a consumer has one group",
                    first.topic, first.group
                );
                return invalid(topic, message);
            }
            if subscriptions.iter().take(index).any(|earlier| earlier.topic == *topic) {
                return invalid(topic, "the topic is named twice: name each topic once".to_owned());
            }
        }
        Ok(())
    }

    async fn receive(&mut self, max: usize, wait: Duration) -> Result<Vec<Delivery>, TransportError> {
        let Self { members, first, errors, releases } = self;
        while let Some(release) = releases.last_mut() {
            // A release that is not stored is redelivered when its lease ends.
            release.await;
            releases.pop();
        }
        if let Some(error) = errors.pop_front() {
            return Err(error);
        }
        let count = members.len();
        if max == 0 || count == 0 {
            return Ok(Vec::new());
        }
        *first = (*first + 1) % count;
        let now = Instant::now();
        let mut collected = Collected { deliveries: Vec::new(), releases };

        let mut looks = calls(members, *first, max, Duration::ZERO);
        looks.retain(|call| call.rests_until.is_none_or(|until| until <= now));
        looks.truncate(max);
        let is_whole = looks.len() == count;
        let looked =
            timeout(GRACE, ended(&mut looks, max, &mut collected.deliveries, errors, Until::All)).await;
        for call in looks.iter_mut().filter(|call| looked.is_err() && call.received.is_some()) {
            *call.rests_until = Some(now + GRACE + REST);
        }
        drop(looks);

        let is_complete = is_whole && looked.is_ok();
        if collected.deliveries.is_empty() && errors.is_empty() && !(is_complete && wait.is_zero()) {
            let mut waits = calls(members, *first, max, wait);
            ended(&mut waits, max, &mut collected.deliveries, errors, Until::Any).await;
        }
        // No await from here on: the messages would be released with the future.
        if collected.deliveries.is_empty()
            && let Some(error) = errors.pop_front()
        {
            return Err(error);
        }
        Ok(std::mem::take(&mut collected.deliveries))
    }
}

impl Consumer for MergedConsumer {
    fn receive(
        &mut self,
        max: usize,
        wait: Duration,
    ) -> BoxFuture<'_, Result<Vec<Delivery>, TransportError>> {
        Box::pin(self.receive(max, wait))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), TransportError>> {
        Box::pin(async move {
            for release in self.releases {
                release.await;
            }
            let mut closing: Vec<_> = self
                .members
                .into_iter()
                .map(|member| (member.topic, Some(member.consumer.close())))
                .collect();
            let mut failed = None;
            poll_fn(|context| {
                for (topic, close) in &mut closing {
                    let Some(Poll::Ready(closed)) = close.as_mut().map(|close| close.as_mut().poll(context))
                    else {
                        continue;
                    };
                    *close = None;
                    if let Err(error) = closed {
                        failed.get_or_insert(named(error, topic.as_ref()));
                    }
                }
                if closing.iter().all(|(_, close)| close.is_none()) { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            failed.map_or(Ok(()), Err)
        })
    }
}

/// A call for each topic, that of member `first` first, with its share of `max`.
fn calls(members: &mut [Member], first: usize, max: usize, wait: Duration) -> Vec<Call<'_>> {
    let count = members.len().max(1);
    // Where there are fewer messages than topics, the caller stops at `max`.
    let (share, rest) = if max < count { (1, 0) } else { (max / count, max % count) };
    let (before, after) = members.split_at_mut(first.min(members.len()));
    let in_turn = after.iter_mut().chain(before).enumerate();
    in_turn
        .map(|(index, Member { topic, consumer, rests_until })| {
            let share = if index == 0 { share + rest } else { share };
            Call { topic: topic.as_ref(), rests_until, received: Some(consumer.receive(share, wait)) }
        })
        .collect()
}

fn named(error: TransportError, topic: Option<&Topic>) -> TransportError {
    match topic {
        Some(topic) => error.about(topic),
        None => error,
    }
}

/// When a round of calls ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// When all calls have ended.
    All,
    /// When a call has ended with messages or an error, or all have ended.
    Any,
}

/// Waits for the calls and collects their results, up to `max` messages.
async fn ended(
    calls: &mut [Call<'_>],
    max: usize,
    deliveries: &mut Vec<Delivery>,
    errors: &mut VecDeque<TransportError>,
    until: Until,
) {
    poll_fn(|context| {
        for Call { topic, received, .. } in &mut *calls {
            // Where `max` is less than the number of topics, each call may return one message.
            if deliveries.len() >= max {
                return Poll::Ready(());
            }
            let Some(Poll::Ready(result)) = received.as_mut().map(|received| received.as_mut().poll(context))
            else {
                continue;
            };
            *received = None;
            match result {
                Ok(mut more) => deliveries.append(&mut more),
                Err(error) => errors.push_back(named(error, *topic)),
            }
        }
        let is_any = until == Until::Any && !(deliveries.is_empty() && errors.is_empty());
        if is_any || calls.iter().all(|call| call.received.is_none()) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

#[cfg(test)]
mod tests;
