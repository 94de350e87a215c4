//! What holds when a subscription returns, and when a `receive` without a wait does, on a Kafka broker.

use std::time::Duration;

use events_runtime::transport::{
    Consumer, Delivery, Message, StartPosition, Subscription, Topic, Transport, ack_all,
};
use events_server_tests::KafkaServer;
use events_server_tests::orders::{billing, orders, transport};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

/// Exceeds the duration of any run here, and is far below the `timeout` of two minutes.
const LONG: Duration = Duration::from_secs(60);

fn open(server: &KafkaServer, settings: &str) -> Box<dyn Transport> {
    transport(&format!("{}?create_topics=true&{settings}", server.url()))
}

async fn send(transport: &dyn Transport, topic: &Topic, batch: &[Message]) {
    let producer = transport.producer().await.expect("a producer");
    for sent in producer.send(topic, batch).await {
        sent.expect("it is stored");
    }
}

async fn receive(consumer: &mut dyn Consumer, count: usize) -> Vec<Delivery> {
    let mut received = Vec::new();
    while received.len() < count {
        let more = consumer.receive(count - received.len(), LONG).await.expect("it receives");
        assert!(!more.is_empty(), "{} of {count} came", received.len());
        received.extend(more);
    }
    received
}

/// Asserts that there is nothing to receive, and that the answer does not wait for `timeout`.
async fn nothing(consumer: &mut dyn Consumer) {
    let received = tokio::time::timeout(LONG, consumer.receive(10, Duration::ZERO)).await;
    let received = received.expect("it returns before `timeout`").expect("it receives");
    assert!(received.is_empty(), "{received:?}");
}

async fn ack(deliveries: Vec<Delivery>) {
    for acked in ack_all(deliveries).await {
        acked.expect("it is acknowledged");
    }
}

fn client(server: &KafkaServer) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", server.bootstrap());
    config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_rebalances_is_listed_in_another_topic_as_soon_as_it_is_subscribed() {
    let server = KafkaServer::start();
    let transport = open(&server, "partitions=2&timeout=1s");
    let keyed = |number: usize| Message::new(number.to_string()).with_key(number.to_string());
    let batch: Vec<_> = (0..20).map(keyed).collect();
    send(&*transport, &orders(), &batch).await;
    let payments = Topic::new("payments").expect("a name");
    send(&*transport, &payments, &[Message::new("earlier")]).await;
    let mut first = transport.consumer(billing()).await.expect("a consumer");
    let held = receive(&mut *first, batch.len()).await;
    // The rebalance lasts until the first member has settled the messages of one partition, or the time for that is over.
    let other = open(&server, "timeout=1s");
    let second = tokio::spawn(async move { other.consumer(billing()).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let group = billing().group;
    let subscription = Subscription::new(payments.clone(), group.clone()).start(StartPosition::Latest);
    let mut third = transport.consumer(subscription).await.expect("a consumer");
    let listed = transport.groups(&payments).await.expect("the groups are listed");
    let lag = listed.iter().find(|status| status.group == group).map(|status| status.lag);
    assert_eq!(lag, Some(0), "{listed:?}");
    send(&*transport, &payments, &[Message::new("later")]).await;
    let received = receive(&mut *third, 1).await;
    assert_eq!(received.first().map(|one| &*one.message().data), Some(&b"later"[..]));
    drop(held);
    second.await.expect("no panic").expect("a consumer");
}

/// Waits until no transaction is open.
fn until_stable(server: &KafkaServer) {
    let consumer: BaseConsumer = client(server).set("group.id", "stable").create().expect("a client");
    let name = orders().to_string();
    let mut end = TopicPartitionList::new();
    end.add_partition_offset(&name, 0, Offset::End).expect("an offset");
    loop {
        let (_, high) = consumer.fetch_watermarks(&name, 0, LONG).expect("the broker replies");
        let stable = consumer.offsets_for_times(end.clone(), LONG).expect("the broker replies");
        if stable.elements().iter().all(|one| one.offset() == Offset::Offset(high)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

async fn until_no_lag(transport: &dyn Transport) {
    let caught_up = async {
        loop {
            let groups = transport.groups(&orders()).await.expect("the groups are listed");
            if groups.iter().any(|status| status.group == billing().group && status.lag == 0) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG, caught_up).await.expect("the lag ends");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn markers_and_aborted_messages_of_transactions_are_skipped() {
    let server = KafkaServer::start();
    let transport = open(&server, "partitions=1&timeout=2m");
    send(&*transport, &orders(), &[Message::new("first")]).await;
    let producer: BaseProducer =
        client(&server).set("transactional.id", "shop").create().expect("a producer");
    producer.init_transactions(LONG).expect("transactions");
    let mut consumer = transport.consumer(billing()).await.expect("a consumer");
    ack(receive(&mut *consumer, 1).await).await;
    for is_committed in [true, false, true, false, false] {
        producer.begin_transaction().expect("a transaction");
        let name = orders().to_string();
        for _ in 0..3 {
            producer
                .send(BaseRecord::<str, str>::to(&name).payload("of a transaction"))
                .expect("it is queued");
        }
        if is_committed {
            producer.commit_transaction(LONG).expect("it is committed");
            ack(receive(&mut *consumer, 3).await).await;
        } else {
            producer.flush(LONG).expect("they are stored");
            producer.abort_transaction(LONG).expect("it is aborted");
        }
        until_stable(&server);
        nothing(&mut *consumer).await;
        until_no_lag(&*transport).await;
    }
    consumer.close().await.expect("it leaves");
    let mut next = transport.consumer(billing()).await.expect("a consumer");
    nothing(&mut *next).await;
    send(&*transport, &orders(), &[Message::new("last")]).await;
    ack(receive(&mut *next, 1).await).await;
    nothing(&mut *next).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_whose_unsettled_messages_retention_removed_has_nothing_to_receive() {
    let server = KafkaServer::start();
    let transport = open(&server, "partitions=1&timeout=2m");
    send(&*transport, &orders(), &["a", "b", "c", "d"].map(Message::new)).await;
    let mut consumer = transport.consumer(billing()).await.expect("a consumer");
    ack(receive(&mut *consumer, 1).await).await;
    consumer.close().await.expect("it leaves");
    let admin: AdminClient<_> = client(&server).create().expect("a client");
    let mut removed = TopicPartitionList::new();
    removed.add_partition_offset(orders().as_str(), 0, Offset::Offset(4)).expect("an offset");
    let deleted = admin.delete_records(&removed, &AdminOptions::new()).await.expect("the broker replies");
    deleted
        .elements()
        .iter()
        .try_for_each(rdkafka::topic_partition_list::TopicPartitionListElem::error)
        .expect("they are removed");
    let mut consumer = transport.consumer(billing()).await.expect("a consumer");
    nothing(&mut *consumer).await;
    send(&*transport, &orders(), &[Message::new("e")]).await;
    let received = receive(&mut *consumer, 1).await;
    assert_eq!(received.first().map(|one| &*one.message().data), Some(&b"e"[..]));
}
