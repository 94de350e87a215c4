//! A backlog that is larger than what a member holds.

use std::collections::BTreeMap;
use std::time::Duration;

use events_runtime::transport::{Message, Position, Transport, ack_all};
use events_server_tests::orders::{billing, orders, transport};
use events_server_tests::{KafkaServer, Proxy, free_port};

const MESSAGES: usize = 80_000;
/// Of the data of a message, in bytes.
const LENGTH: usize = 1_000;
/// 80 MB: more than the 64 MiB that a member holds.
const STORED: u64 = (MESSAGES * LENGTH) as u64;
const PARTITIONS: u64 = 2;
const LONG: Duration = Duration::from_secs(30);

/// A broker behind a proxy, with a backlog in the topic, and the bytes of the replies so far.
struct Backlog {
    _server: KafkaServer,
    proxy: Proxy,
    transport: Box<dyn Transport>,
    before: u64,
}

impl Backlog {
    async fn stored() -> Self {
        let port = free_port();
        let proxy = Proxy::before(port);
        let server = KafkaServer::behind(port, proxy.port());
        let transport = transport(&format!("{}?create_topics=true&partitions={PARTITIONS}", server.url()));
        let producer = transport.producer().await.expect("a producer");
        let batch: Vec<Message> = (0..1_000).map(|_| Message::new(vec![b'x'; LENGTH])).collect();
        for _ in 0..MESSAGES / batch.len() {
            for sent in producer.send(&orders(), &batch).await {
                sent.expect("the message is stored");
            }
        }
        let before = proxy.replied();
        Self { _server: server, proxy, transport, before }
    }

    fn fetched(&self) -> u64 {
        self.proxy.replied() - self.before
    }
}

#[tokio::test]
async fn what_is_fetched_before_a_receive_is_bounded() {
    let backlog = Backlog::stored().await;
    let consumer = backlog.transport.consumer(billing()).await.expect("a consumer");
    tokio::time::sleep(Duration::from_secs(3)).await;
    // Of each partition: a thousand messages, twice for what surrounds their data; its queue in the client; and two
    // responses on the way.
    let bound = PARTITIONS * (2 * 1_000 * LENGTH as u64 + (2 << 20) + 2 * (1 << 20));
    let fetched = backlog.fetched();
    assert!(fetched > 0 && fetched < bound, "{fetched} of {STORED} bytes were fetched, bound {bound}");
    consumer.close().await.expect("the member leaves");
}

#[tokio::test]
async fn a_backlog_is_fetched_once_however_slow_the_receiver_is() {
    let backlog = Backlog::stored().await;
    let mut consumer = backlog.transport.consumer(billing()).await.expect("a consumer");
    let (mut received, mut next) = (0, BTreeMap::new());
    while received < MESSAGES {
        let deliveries = consumer.receive(200, LONG).await.expect("messages");
        assert!(!deliveries.is_empty(), "{received} of {MESSAGES} came");
        received += deliveries.len();
        for delivery in &deliveries {
            let Position::Record { partition, offset } = delivery.position() else { panic!("of Kafka") };
            let expected = next.insert(partition, offset + 1).unwrap_or(0);
            assert_eq!(offset, expected, "partition {partition} is received in order, without gaps");
        }
        // Slower than the broker, so that there is always more than what fits.
        tokio::time::sleep(Duration::from_millis(10)).await;
        for acked in ack_all(deliveries).await {
            acked.expect("it is acknowledged");
        }
    }
    let fetched = backlog.fetched();
    println!("{fetched} bytes were fetched for {STORED} bytes of data");
    assert!(fetched >= STORED, "{fetched} bytes are all of the data");
    assert!(fetched < STORED * 5 / 4, "{fetched} bytes were fetched for {STORED} bytes of data");
    consumer.close().await.expect("the member leaves");
}
