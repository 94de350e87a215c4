//! Discovery of cluster nodes: with and without host names, and past nodes that hang, reject the login or have
//! left the cluster.

use std::net::TcpListener;
use std::time::Duration;

use events_runtime::transport::{ConsumerGroup, ErrorKind, Message, Subscription, Topic, Transport};
use events_server_tests::orders::transport;
use events_server_tests::{RedisCluster, RedisServer, free_port};

fn topics() -> impl Iterator<Item = Topic> {
    (0..12).map(|number| Topic::new(format!("topic-{number}")).expect("a name"))
}

async fn send(transport: &dyn Transport, topic: &Topic) -> Result<(), ErrorKind> {
    let producer = transport.producer().await.expect("a producer");
    let sent = producer.send(topic, &[Message::new("1")]).await.pop().expect("a result");
    sent.map(drop).map_err(|error| error.kind())
}

/// Sends to, receives from and lists topics of all nodes.
async fn use_all(transport: &dyn Transport) {
    for topic in topics() {
        assert_eq!(send(transport, &topic).await, Ok(()), "{topic}");
    }
    for topic in topics() {
        let group = ConsumerGroup::new("billing").expect("a name");
        let mut consumer = transport.consumer(Subscription::new(topic, group)).await.expect("a consumer");
        let came = consumer.receive(1, Duration::from_secs(60)).await.expect("a message is received");
        came.into_iter().next().expect("a message").ack().await.expect("it is acknowledged");
    }
    assert_eq!(transport.topics().await.expect("the topics are listed").len(), topics().count());
}

/// The URL of one node.
fn url(cluster: &mut RedisCluster, query: &str) -> String {
    format!("redis+cluster://127.0.0.1:{}?{query}", cluster.node(0).port())
}

fn configure(cluster: &RedisCluster, setting: &str, value: &str) {
    for node in 0..cluster.count() {
        cluster.ask(node, &["CONFIG", "SET", setting, value]);
    }
}

#[tokio::test]
async fn nodes_are_found_by_announced_host_names() {
    let mut cluster = RedisCluster::start();
    configure(&cluster, "cluster-announce-hostname", "localhost");
    configure(&cluster, "cluster-preferred-endpoint-type", "hostname");
    // Nodes exchange their configuration periodically.
    events_tests::until(|| async {
        (0..cluster.count()).all(|node| {
            format!("{:?}", cluster.ask(node, &["CLUSTER", "SLOTS"])).matches("localhost").count() == 3
        })
    })
    .await;
    use_all(&*transport(&url(&mut cluster, "retry_for=5s"))).await;
}

/// Such nodes report `?` as the host name, and their address in addition.
#[tokio::test]
async fn nodes_without_a_preferred_host_name_are_found() {
    let mut cluster = RedisCluster::start();
    configure(&cluster, "cluster-preferred-endpoint-type", "hostname");
    use_all(&*transport(&url(&mut cluster, "retry_for=5s"))).await;
}

#[tokio::test]
async fn nodes_that_announce_only_ports_are_found() {
    let mut cluster = RedisCluster::start();
    configure(&cluster, "cluster-preferred-endpoint-type", "unknown-endpoint");
    use_all(&*transport(&url(&mut cluster, "retry_for=5s"))).await;
}

#[tokio::test]
async fn a_listed_node_that_has_left_the_cluster_hides_no_topic() {
    let mut cluster = RedisCluster::start();
    let left = RedisServer::with(&["--cluster-enabled", "yes", "--cluster-port", &free_port().to_string()]);
    let listed = format!("127.0.0.1:{},127.0.0.1:{}", left.port(), cluster.node(0).port());
    let transport = transport(&format!("redis+cluster://{listed}?retry_for=5s"));
    for topic in topics() {
        assert_eq!(send(&*transport, &topic).await, Ok(()), "{topic}");
    }
    for _ in 0..6 {
        let listed = transport.topics().await.expect("the topics are listed");
        assert_eq!(listed.len(), topics().count());
        transport.check().await.expect("the cluster is sound");
    }
}

/// A node that accepts connections and never replies.
fn hanging() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a port")
}

#[tokio::test]
async fn listed_nodes_that_hang_fail_no_call() {
    let mut cluster = RedisCluster::start();
    let hanging = [hanging(), hanging(), hanging()];
    let ports = hanging.iter().map(|node| node.local_addr().expect("an address").port());
    let hosts: Vec<_> =
        ports.chain([cluster.node(0).port()]).map(|port| format!("127.0.0.1:{port}")).collect();
    let transport = transport(&format!("redis+cluster://{}?retry_for=0s&timeout=4s", hosts.join(",")));
    use_all(&*transport).await;
    // Each connection to them is one that a call waited for.
    for node in &hanging {
        node.set_nonblocking(true).expect("it is set");
        let count = std::iter::from_fn(|| node.accept().ok()).count();
        assert!(count <= 2, "it was asked {count} times");
    }
}

#[tokio::test]
async fn a_wrong_password_is_reported_although_other_nodes_are_down() {
    let mut cluster = RedisCluster::start();
    configure(&cluster, "requirepass", "hunter2");
    let (good, dead) = (cluster.node(0).port(), free_port());
    for hosts in [format!("127.0.0.1:{good},127.0.0.1:{dead}"), format!("127.0.0.1:{dead},127.0.0.1:{good}")]
    {
        let transport = transport(&format!("redis+cluster://:hunter3@{hosts}?retry_for=1s"));
        let topic = topics().next().expect("a topic");
        assert_eq!(send(&*transport, &topic).await, Err(ErrorKind::Permission), "{hosts}");
    }
}

#[tokio::test]
async fn the_check_reports_unserved_slots() {
    let mut cluster = RedisCluster::start();
    configure(&cluster, "cluster-require-full-coverage", "no");
    let transport = transport(&url(&mut cluster, "retry_for=0s"));
    transport.check().await.expect("the cluster is sound");
    for node in 0..cluster.count() {
        cluster.ask(node, &["CLUSTER", "DELSLOTS", "5"]);
    }
    let error = transport.check().await.expect_err("a slot has no node");
    assert!(error.kind() == ErrorKind::Unavailable && error.to_string().contains("slots"), "{error}");
}

#[tokio::test]
async fn an_error_names_the_unavailable_node() {
    let mut cluster = RedisCluster::start();
    let transport = transport(&url(&mut cluster, "retry_for=0s"));
    transport.check().await.expect("the cluster is sound");
    configure(&cluster, "cluster-require-full-coverage", "no");
    cluster.node(1).kill();
    let port = cluster.node(1).port();
    let error = transport.topics().await.expect_err("a node is dead");
    let mut told = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    assert!(error.kind() == ErrorKind::Unavailable && told.contains(&format!("127.0.0.1:{port}")), "{told}");
}
