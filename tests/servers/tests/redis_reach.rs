//! Servers with TLS, and servers found by Sentinels.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use events_runtime::transport::{ErrorKind, Message, Topic, Transport};
use events_server_tests::orders::{billing, orders, transport};
use events_server_tests::{RedisCluster, RedisServer, Server, free_port, program};

const LONG: Duration = Duration::from_secs(60);

async fn send(transport: &dyn Transport, text: &'static str) -> Result<(), ErrorKind> {
    let producer = transport.producer().await.expect("a producer");
    let sent = producer.send(&orders(), &[Message::new(text)]).await.pop().expect("a result");
    sent.map(drop).map_err(|error| {
        println!("{error} {error:?}");
        error.kind()
    })
}

async fn receive(transport: &dyn Transport, count: usize) -> Vec<Vec<u8>> {
    let mut consumer = transport.consumer(billing()).await.expect("a consumer");
    let mut data = Vec::new();
    while data.len() < count {
        for delivery in consumer.receive(count, LONG).await.expect("messages are received") {
            data.push(delivery.message().data.to_vec());
            delivery.ack().await.expect("the acknowledgement is stored");
        }
    }
    data
}

fn openssl(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new(program("openssl", &["/usr/bin"]));
    command.current_dir(folder).args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(command.status().expect("openssl runs").success(), "{arguments:?}");
}

/// Creates a CA, and a certificate of it for 127.0.0.1.
fn certificates(folder: &Path) {
    let key = ["-newkey", "rsa:2048", "-nodes"];
    let authority = [
        &["req", "-x509", "-days", "2", "-subj", "/CN=test", "-keyout", "ca.key", "-out", "ca.pem"][..],
        &key,
    ];
    openssl(folder, &authority.concat());
    let request =
        [&["req", "-subj", "/CN=127.0.0.1", "-keyout", "server.key", "-out", "server.csr"][..], &key];
    openssl(folder, &request.concat());
    std::fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
        .expect("a file");
    let sign = ["x509", "-req", "-days", "2", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key"];
    openssl(folder, &[&sign[..], &["-CAcreateserial", "-extfile", "names", "-out", "server.pem"]].concat());
}

fn tls(folder: &Path) -> Vec<String> {
    let file = |name: &str| folder.join(name).display().to_string();
    let files = [("cert", "server.pem"), ("key", "server.key"), ("ca-cert", "ca.pem")];
    let named = files.into_iter().flat_map(|(kind, name)| [format!("--tls-{kind}-file"), file(name)]);
    named.chain(["--tls-auth-clients".to_owned(), "no".to_owned()]).collect()
}

#[tokio::test]
async fn a_tls_server_is_used_if_its_ca_is_trusted() {
    let folder = tempfile::tempdir().expect("a folder");
    certificates(folder.path());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let port = free_port();
    let settings = tls(folder.path());
    let mut settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let text = port.to_string();
    settings.extend(["--tls-port", &text]);
    let server = RedisServer::with(&settings);
    let trusted = transport(&format!("rediss://127.0.0.1:{port}/0?ca={}", file("ca.pem")));
    assert_eq!(send(&*trusted, "1").await, Ok(()));
    assert_eq!(receive(&*trusted, 1).await, [b"1"]);
    let other = transport(&format!("rediss://127.0.0.1:{port}/0"));
    assert_eq!(send(&*other, "2").await, Err(ErrorKind::Permission), "its authority is nobody's");
    drop(server);
}

#[tokio::test]
async fn a_tls_cluster_requires_credentials() {
    let folder = tempfile::tempdir().expect("a folder");
    certificates(folder.path());
    let settings = tls(folder.path());
    let cluster = RedisCluster::with_tls(&settings.iter().map(String::as_str).collect::<Vec<_>>());
    for node in 0..cluster.count() {
        cluster.ask(node, &["ACL", "SETUSER", "shop", "on", ">hunter2", "~*", "+@all"]);
        cluster.ask(node, &["ACL", "SETUSER", "default", "off"]);
    }
    let ca = folder.path().join("ca.pem").display().to_string();
    let url = |user: &str| cluster.url().replace("://", &format!("://{user}")) + "?retry_for=5s&ca=" + &ca;
    let trusted = transport(&url("shop:hunter2@"));
    // Each topic is on its own node.
    for name in ["orders", "returns", "refunds", "invoices"] {
        let topic = Topic::new(name).expect("a name");
        let producer = trusted.producer().await.expect("a producer");
        producer.send(&topic, &[Message::new("1")]).await.pop().expect("a result").expect("it is stored");
    }
    assert_eq!(receive(&*trusted, 1).await, [b"1"]);
    assert_eq!(trusted.topics().await.expect("the topics are listed").len(), 4);
    let stranger = transport(&url("shop:hunter3@"));
    assert_eq!(send(&*stranger, "2").await, Err(ErrorKind::Permission), "the password is wrong");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_report_the_master_before_and_after_a_failover() {
    let mut master = RedisServer::start();
    let replica = RedisServer::with(&["--replicaof", "127.0.0.1", &master.port().to_string()]);
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let settings = format!(
        "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor orders-db 127.0.0.1 {} 1\n\
         sentinel down-after-milliseconds orders-db 500\nsentinel failover-timeout orders-db 3000\n",
        folder.path().display(),
        master.port()
    );
    let file = folder.path().join("sentinel.conf");
    std::fs::write(&file, settings).expect("a file");
    let mut command = Command::new(program("redis-server", &["/usr/bin", "/usr/local/bin"]));
    command.arg(&file).arg("--sentinel").stdin(Stdio::null()).stdout(Stdio::null());
    let _sentinel = Server::start(command, port);

    let dead = free_port();
    let url =
        format!("redis+sentinel://127.0.0.1:{dead},127.0.0.1:{port}/orders-db/0?retry_for=60s&timeout=2s");
    let transport = transport(&url);
    // The Sentinel must know the replica, and the replica must have the message.
    events_tests::until(|| async {
        let sentinel = redis::Client::open(format!("redis://127.0.0.1:{port}")).expect("a URL");
        let known = sentinel.get_connection().and_then(|mut sentinel| {
            redis::cmd("SENTINEL").arg("replicas").arg("orders-db").query::<Vec<redis::Value>>(&mut sentinel)
        });
        known.is_ok_and(|replicas| !replicas.is_empty())
    })
    .await;
    assert_eq!(send(&*transport, "1").await, Ok(()));
    let mut raw = master.connection();
    let copies: u64 = redis::cmd("WAIT").arg(1).arg(20_000).query(&mut raw).expect("it answers");
    assert_eq!(copies, 1);
    master.kill();
    assert_eq!(send(&*transport, "2").await, Ok(()), "the call goes on until there is a new master");
    assert_eq!(receive(&*transport, 2).await, [b"1", b"2"]);
    let role: String = redis::cmd("INFO").arg("replication").query(&mut replica.connection()).expect("text");
    assert!(role.contains("role:master"), "{role}");

    let unknown = format!("redis+sentinel://127.0.0.1:{port}/nobody/0?retry_for=0s");
    let error = self::transport(&unknown).groups(&orders()).await;
    let error = error.expect_err("there is no such master");
    assert!(
        error.kind() == ErrorKind::Unavailable && error.to_string().contains("check the name"),
        "{error}"
    );
}
