//! Messages that are stored together with an acknowledgement.

use std::time::Duration;

use crate::{Delivery, ErrorKind, Message, Topic, Transport};

use super::{
    Fixture, ack, can, connect, group, member, message, named, nothing, receive, receive_one, send,
    subscribe, subscription, texts, topic,
};

fn invoices() -> Topic {
    named("invoices")
}

/// The transport, if it has transactions.
fn transacting(fixture: &dyn Fixture, name: &str) -> Option<Box<dyn Transport>> {
    let transport = connect(fixture);
    can(&*transport, name, |can| can.transactions).then_some(transport)
}

fn with_output(mut delivery: Delivery, number: usize) -> Delivery {
    delivery.add_outputs([(invoices(), message("invoice", number))]);
    delivery
}

/// All invoices, for a new group of this name.
async fn stored(transport: &dyn Transport, name: &str, count: usize) -> Vec<Message> {
    let mut reader = subscribe(transport, crate::Subscription::new(invoices(), group(name))).await;
    let deliveries = receive(&mut *reader, count).await;
    let messages = deliveries.iter().map(|delivery| delivery.message().clone()).collect();
    ack(deliveries).await;
    nothing(&mut *reader).await;
    reader.close().await.expect("the reader leaves");
    messages
}

/// They come with the acknowledgement, complete, and in their order.
pub async fn outputs_are_stored_with_their_acknowledgement(fixture: &dyn Fixture) {
    let name = "outputs_are_stored_with_their_acknowledgement";
    let Some(transport) = transacting(fixture, name) else { return };
    send(&*transport, &[message("key", 0)]).await;
    let mut reader = subscribe(&*transport, crate::Subscription::new(invoices(), group("reader"))).await;
    let mut consumer = member(&*transport, "billing").await;
    let mut delivery = receive_one(&mut *consumer).await;
    let outputs = [message("invoice", 0), Message::new("no key"), message("invoice", 1)];
    delivery.add_outputs(outputs.iter().map(|output| (invoices(), output.clone())));
    nothing(&mut *reader).await;
    delivery.ack().await.expect("the acknowledgement is stored");
    let mut received = receive(&mut *reader, 3).await;
    received.sort_by_key(|delivery| outputs.iter().position(|output| output == delivery.message()));
    let messages: Vec<_> = received.iter().map(Delivery::message).collect();
    assert_eq!(messages, outputs.iter().collect::<Vec<_>>());
    ack(received).await;
    nothing(&mut *consumer).await;
}

/// What was not processed has no effect.
pub async fn outputs_of_another_outcome_are_dropped(fixture: &dyn Fixture) {
    let name = "outputs_of_another_outcome_are_dropped";
    let Some(transport) = transacting(fixture, name) else { return };
    send(&*transport, &[message("key", 0)]).await;
    let mut consumer = member(&*transport, "billing").await;
    let next = async |consumer: &mut Box<dyn crate::Consumer>, number| {
        with_output(receive_one(&mut **consumer).await, number)
    };
    next(&mut consumer, 0).await.retry(Duration::ZERO).await.expect("the retry is stored");
    next(&mut consumer, 1).await.release().await.expect("the release is stored");
    next(&mut consumer, 2).await.postpone(Duration::ZERO).await.expect("the outcome is stored");
    drop(next(&mut consumer, 3).await);
    next(&mut consumer, 4).await.ack().await.expect("the acknowledgement is stored");
    send(&*transport, &[message("key", 1)]).await;
    next(&mut consumer, 5).await.reject("no").await.expect("the rejection is stored");
    assert_eq!(stored(&*transport, "reader", 1).await, [message("invoice", 4)]);
}

/// The acknowledgement and the outputs fail together.
pub async fn outputs_of_a_lost_delivery_are_not_stored(fixture: &dyn Fixture) {
    let name = "outputs_of_a_lost_delivery_are_not_stored";
    let Some(transport) = transacting(fixture, name) else { return };
    if !can(&*transport, name, |can| can.takeover) {
        return;
    }
    send(&*transport, &[message("key", 0)]).await;
    let short = subscription("billing").lease(Duration::from_millis(50));
    let mut slow = subscribe(&*transport, short).await;
    let late = with_output(receive_one(&mut *slow).await, 0);
    let mut other = member(&*transport, "billing").await;
    let taken = with_output(receive_one(&mut *other).await, 1);
    let error = late.ack().await.expect_err("the lease is lost");
    assert_eq!(error.kind(), ErrorKind::LeaseLost, "{error}");
    taken.ack().await.expect("the acknowledgement is stored");
    assert_eq!(stored(&*transport, "reader", 1).await, [message("invoice", 1)]);
}

/// A batch of acknowledgements stores each output once, in the order of the messages.
pub async fn outputs_of_a_batch_are_stored_once_and_in_order(fixture: &dyn Fixture) {
    const COUNT: usize = 30;
    let name = "outputs_of_a_batch_are_stored_once_and_in_order";
    let Some(transport) = transacting(fixture, name) else { return };
    let batch: Vec<_> = (0..COUNT).map(|number| message("key", number)).collect();
    send(&*transport, &batch).await;
    let mut consumer = member(&*transport, "billing").await;
    let deliveries = receive(&mut *consumer, COUNT).await;
    assert_eq!(texts(&deliveries).len(), COUNT);
    let deliveries = deliveries.into_iter().enumerate();
    // Every third has none.
    ack(deliveries
        .map(|(number, delivery)| if number % 3 == 0 { delivery } else { with_output(delivery, number) })
        .collect())
    .await;
    nothing(&mut *consumer).await;
    let expected: Vec<_> =
        (0..COUNT).filter(|number| number % 3 != 0).map(|number| message("invoice", number)).collect();
    assert_eq!(stored(&*transport, "reader", expected.len()).await, expected);
}

/// A consumer may write into the topic that it reads.
pub async fn outputs_may_go_to_the_topic_of_their_message(fixture: &dyn Fixture) {
    let name = "outputs_may_go_to_the_topic_of_their_message";
    let Some(transport) = transacting(fixture, name) else { return };
    send(&*transport, &[message("key", 0)]).await;
    let mut consumer = member(&*transport, "billing").await;
    for number in 0..5 {
        let mut delivery = receive_one(&mut *consumer).await;
        assert_eq!(texts(std::slice::from_ref(&delivery)), [format!("key#{number}")]);
        if number < 4 {
            delivery.add_outputs([(topic(), message("key", number + 1))]);
        }
        delivery.ack().await.expect("the acknowledgement is stored");
    }
    nothing(&mut *consumer).await;
}
