//! The servers that the other tests of Kafka use: they start, fail and come back.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};

use events_server_tests::{KafkaCluster, KafkaServer, RegistryServer};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, Producer as _};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(30);

/// The number of brokers that a client is told of.
fn brokers(bootstrap: &str) -> usize {
    let client: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", bootstrap).create().expect("a client");
    client.client().fetch_metadata(None, LONG).expect("the brokers reply").brokers().len()
}

#[test]
fn a_broker_comes_back_after_it_was_killed_and_after_it_was_stopped() {
    let mut server = KafkaServer::start();
    assert_eq!(brokers(&server.bootstrap()), 1);
    server.kill();
    assert!(
        TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).is_err(),
        "a killed broker accepts nobody"
    );
    server.start_again();
    assert_eq!(brokers(&server.bootstrap()), 1);
    server.stop();
    server.start_again();
    assert_eq!(brokers(&server.bootstrap()), 1);
}

#[test]
fn a_secured_broker_listens_on_each_port() {
    let server = KafkaServer::secured();
    for port in [server.tls_port(), server.sasl_tls_port(), server.sasl_port(), server.mutual_tls_port()] {
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the broker listens");
    }
    assert_eq!(brokers(&server.bootstrap()), 1);
}

#[test]
fn three_brokers_know_each_other() {
    let mut cluster = KafkaCluster::start();
    assert_eq!(brokers(&cluster.bootstrap()), KafkaCluster::BROKERS);
    cluster.kill(1);
    cluster.start_again(1);
    assert_eq!(brokers(&cluster.bootstrap()), KafkaCluster::BROKERS);
}

#[test]
fn a_registry_keeps_its_schemas() {
    let mut server = RegistryServer::start();
    let ask = |server: &RegistryServer, method: &str, path: &str, body: &str| {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).expect("it listens");
        write!(
            stream,
            "{method} /apis/ccompat/v7{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .expect("it is asked");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("it replies");
        reply
    };
    let reply = ask(&server, "POST", "/subjects/s/versions", r#"{"schema":"\"string\""}"#);
    assert!(reply.contains(r#""id":"#), "{reply}");
    server.kill();
    server.start_again();
    let reply = ask(&server, "GET", "/subjects", "");
    assert!(reply.ends_with(r#"["s"]"#), "{reply}");
}
