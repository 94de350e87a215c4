//! Groups that are deleted while in use: recreated, or reported with the cause, depending on `on_lost`.

use std::time::Duration;

use events_runtime::transport::{Consumer, ErrorKind, Message, Transport, TransportError};
use events_server_tests::RedisServer;
use events_server_tests::orders::{billing, orders, transport};
use events_tests::values::Values;

const LONG: Duration = Duration::from_secs(30);
const LOST: &str = "events_group_lost_total{topic=orders}";

async fn send(transport: &dyn Transport, texts: &[&str]) {
    let producer = transport.producer().await.expect("a producer");
    let batch: Vec<_> = texts.iter().map(|text| Message::new((*text).to_owned()).with_key("k")).collect();
    for sent in producer.send(&orders(), &batch).await {
        sent.expect("it is stored");
    }
}

async fn expect(consumer: &mut dyn Consumer, wanted: &[&str]) {
    let mut got = Vec::new();
    while got.len() < wanted.len() {
        for delivery in consumer.receive(10, LONG).await.expect("messages are received") {
            got.push(String::from_utf8_lossy(&delivery.message().data).into_owned());
            delivery.ack().await.expect("the acknowledgement is stored");
        }
    }
    assert_eq!(got, wanted);
}

/// The result of a member that holds a message, parked one and settled one, after these commands were executed.
async fn after(on_lost: &str, done: &[&[&str]], again: bool) -> (Box<dyn Consumer>, Option<TransportError>) {
    let server = RedisServer::start();
    let transport = transport(&format!("{}?on_lost={on_lost}", server.url()));
    send(&*transport, &["1", "2", "3"]).await;
    let mut consumer = transport.consumer(billing()).await.expect("a consumer");
    let mut held = consumer.receive(2, LONG).await.expect("messages are received");
    held.remove(0).ack().await.expect("stored");
    let mut raw = server.connection();
    for words in done {
        redis::cmd(words[0]).arg(&words[1..]).exec(&mut raw).expect("the server does so");
    }
    if again {
        send(&*transport, &["4", "5"]).await;
    }
    let error = consumer.receive(1, Duration::from_millis(100)).await.err();
    drop(held);
    if error.is_none() {
        // Messages of the call above are redelivered, since they were dropped.
        let wanted: &[&str] = if again { &["4", "5"] } else { &["6"] };
        if !again {
            send(&*transport, &["6"]).await;
        }
        expect(&mut *consumer, wanted).await;
        assert_eq!(transport.groups(&orders()).await.expect("the group is there")[0].lag, 0);
    }
    (consumer, error)
}

#[tokio::test]
async fn a_group_on_an_emptied_server_is_recreated_and_receives_new_messages() {
    for again in [false, true] {
        for done in [&[&["FLUSHALL"][..]][..], &[&["DEL", "orders"]]] {
            let values = Values::default();
            let _guard = metrics::set_default_local_recorder(&values);
            let (_, error) = after("recover-topic", done, again).await;
            assert!(error.is_none(), "{done:?} {again}: {error:?}");
            values.assert(LOST, 1.0);
        }
    }
}

#[tokio::test]
async fn a_lost_group_ends_its_member_with_an_error_that_names_the_cause_and_the_fix() {
    let destroy = &[&["XGROUP", "DESTROY", "orders", "billing"][..]][..];
    for (on_lost, done, again, wanted) in [
        ("end", &[&["FLUSHALL"][..]][..], false, "`FLUSHALL`"),
        ("end", &[&["FLUSHALL"]], true, "`FLUSHALL`"),
        ("end", &[&["DEL", "orders"]], false, "stream was deleted"),
        ("end", &[&["DEL", "orders"]], true, "stream was deleted"),
        ("end", destroy, true, "`XGROUP DESTROY`"),
        ("recover-topic", destroy, true, "`XGROUP DESTROY`"),
    ] {
        let (_, error) = after(on_lost, done, again).await;
        let error = error.expect("the member is told");
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        let text = error.to_string();
        assert!(
            text.contains(wanted) && text.contains("`billing`") && text.contains("on_lost=recover"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_destroyed_group_is_recreated_if_configured_and_receives_all_messages_again() {
    let server = RedisServer::start();
    let transport = transport(&format!("{}?on_lost=recover", server.url()));
    send(&*transport, &["1", "2"]).await;
    let mut consumer = transport.consumer(billing()).await.expect("a consumer");
    expect(&mut *consumer, &["1", "2"]).await;
    redis::cmd("XGROUP").arg(&["DESTROY", "orders", "billing"]).exec(&mut server.connection()).expect("done");
    expect(&mut *consumer, &["1", "2"]).await;
    // A group that was removed by our operation is not recreated.
    let group = billing().group;
    transport.remove_group(&orders(), &group).await.expect("it is removed");
    let error = consumer.receive(1, Duration::ZERO).await.expect_err("it was removed");
    assert!(error.kind() == ErrorKind::NotFound && error.to_string().contains("was removed"), "{error}");
}

/// The state of a deleted stream does not affect the recreated one.
#[tokio::test]
async fn a_recreated_group_has_no_state_of_the_earlier_one() {
    let server = RedisServer::start();
    let transport = transport(&server.url());
    send(&*transport, &["1", "2"]).await;
    let mut first = transport.consumer(billing()).await.expect("a consumer");
    let held = first.receive(1, LONG).await.expect("messages are received");
    redis::cmd("DEL").arg("orders").exec(&mut server.connection()).expect("it is deleted");
    send(&*transport, &["3"]).await;
    let mut second = transport.consumer(billing()).await.expect("a consumer");
    expect(&mut *second, &["3"]).await;
    for delivery in held {
        let error = delivery.ack().await.expect_err("it is held no more");
        assert_eq!(error.kind(), ErrorKind::LeaseLost, "{error}");
    }
}
