//! Writers' schemas on a server: where they are, and what other programs may have written there.

use std::time::{Duration, Instant};

use events_runtime::transport::{ErrorKind, Message, SchemaId, Topic, Transport};
use events_server_tests::RedisServer;
use events_server_tests::orders::{billing, orders, transport};

const LONG: Duration = Duration::from_secs(60);
const TYPE: &str = "org.acme.orders.order.placed.v1";
const KEY: &str = "{orders}::schemas";
/// The field of the schema with the fingerprint 7.
const FIELD: &str = "org.acme.orders.order.placed.v1:0000000000000007";

fn id(fingerprint: u64) -> SchemaId {
    SchemaId::new(TYPE, fingerprint)
}

fn ask<T: redis::FromRedisValue>(raw: &mut redis::Connection, command: &[&[u8]]) -> T {
    let mut asked = redis::Cmd::new();
    for part in command {
        asked.arg(*part);
    }
    asked.query(raw).expect("the server answers")
}

/// Runs a Lua script.
fn run(raw: &mut redis::Connection, script: &str) {
    let _: redis::Value = ask(raw, &[b"EVAL", script.as_bytes(), b"0"]);
}

async fn read(transport: &dyn Transport, fingerprint: u64) -> Option<String> {
    transport.schema(&orders(), &id(fingerprint)).await.expect("the schema is read")
}

async fn store(transport: &dyn Transport, fingerprint: u64) {
    transport.store_schema(&orders(), &id(fingerprint), "text").await.expect("the schema is stored");
}

/// Sending and consuming go on.
async fn assert_messages_pass(transport: &dyn Transport) {
    let producer = transport.producer().await.expect("a producer");
    producer.send(&orders(), &[Message::new("1")]).await.remove(0).expect("it is stored");
    let mut consumer = transport.consumer(billing()).await.expect("a consumer");
    let delivery = consumer.receive(1, LONG).await.expect("it is received").remove(0);
    delivery.ack().await.expect("it is acknowledged");
    consumer.close().await.expect("it leaves");
}

#[tokio::test]
async fn schemas_are_in_one_hash_beside_the_stream_and_survive_a_restart() {
    let mut server = RedisServer::start();
    let bus = transport(&server.url());
    store(&*bus, 7).await;
    assert_messages_pass(&*bus).await;
    let mut raw = server.connection();
    assert_eq!(ask::<String>(&mut raw, &[b"HGET", KEY.as_bytes(), FIELD.as_bytes()]), "text");
    assert_eq!(
        ask::<i64>(&mut raw, &[b"TTL", KEY.as_bytes()]),
        -1,
        "no eviction policy `volatile` removes it"
    );
    let streams: (String, Vec<String>) =
        ask(&mut raw, &[b"SCAN", b"0", b"COUNT", b"1000", b"TYPE", b"stream"]);
    assert!(!streams.1.contains(&KEY.to_owned()), "programs of Open edX list and read streams only");
    server.stop();
    server.start_again();
    assert_eq!(read(&*bus, 7).await.as_deref(), Some("text"));
    assert_eq!(bus.schemas(&orders()).await.expect("listed"), [id(7)]);
    server.kill();
    server.start_again();
    assert_eq!(read(&*bus, 7).await.as_deref(), Some("text"));
}

#[tokio::test]
async fn a_schema_that_another_program_has_overwritten_is_absent_and_can_be_stored_again() {
    let server = RedisServer::start();
    let mut raw = server.connection();
    let bus = transport(&server.url());
    let longest = vec![b'x'; SchemaId::TEXT_MAX + 1];
    let huge = vec![b'x'; 300 << 20];
    for value in [&b"\xff"[..], b"\"\xc3\x28\"", &longest, &huge] {
        store(&*bus, 7).await;
        store(&*bus, 8).await;
        let _: i64 = ask(&mut raw, &[b"HSET", KEY.as_bytes(), FIELD.as_bytes(), value]);
        let before = Instant::now();
        assert_eq!(read(&*bus, 7).await, None, "{} bytes", value.len());
        assert!(before.elapsed() < Duration::from_millis(500), "its length is read, not the value");
        assert_eq!(read(&*bus, 8).await.as_deref(), Some("text"));
        assert_eq!(bus.schemas(&orders()).await.expect("listed"), [id(7), id(8)]);
        assert_messages_pass(&*bus).await;
        store(&*bus, 7).await;
        assert_eq!(read(&*bus, 7).await.as_deref(), Some("text"));
    }
}

#[tokio::test]
async fn a_key_of_another_type_is_no_schema_and_an_error_names_it() {
    let commands: [&[&[u8]]; 5] = [
        &[b"SET", KEY.as_bytes(), b"text"],
        &[b"RPUSH", KEY.as_bytes(), FIELD.as_bytes()],
        &[b"SADD", KEY.as_bytes(), FIELD.as_bytes()],
        &[b"ZADD", KEY.as_bytes(), b"7", FIELD.as_bytes()],
        &[b"XADD", KEY.as_bytes(), b"*", FIELD.as_bytes(), b"text"],
    ];
    let server = RedisServer::start();
    let mut raw = server.connection();
    let bus = transport(&server.url());
    for command in commands {
        let _: i64 = ask(&mut raw, &[b"DEL", KEY.as_bytes()]);
        let _: redis::Value = ask(&mut raw, command);
        assert_eq!(read(&*bus, 7).await, None);
        let stored = bus.store_schema(&orders(), &id(7), "text").await.expect_err("it is no hash");
        let listed = bus.schemas(&orders()).await.expect_err("it is no hash");
        for error in [stored, listed] {
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            assert!(error.to_string().contains("`{orders}::schemas` is not a hash"), "{error}");
        }
        let payments = Topic::new("payments").expect("a name");
        bus.store_schema(&payments, &id(7), "text").await.expect("other topics have their own key");
        assert_messages_pass(&*bus).await;
    }
    let _: i64 = ask(&mut raw, &[b"DEL", KEY.as_bytes()]);
    store(&*bus, 7).await;
    assert_eq!(read(&*bus, 7).await.as_deref(), Some("text"));
}

#[tokio::test]
async fn fields_of_other_programs_are_not_listed() {
    let server = RedisServer::start();
    let mut raw = server.connection();
    let bus = transport(&server.url());
    store(&*bus, 7).await;
    let long = [vec![b'x'; SchemaId::EVENT_TYPE_MAX + 1], b":0000000000000007".to_vec()].concat();
    let huge = vec![b'x'; 50 << 20];
    for field in [
        &b""[..],
        b":",
        b"type",
        b"0000000000000007",
        b"type:7",
        b"type:+000000000000007",
        b"type:00000000000000AB",
        b"type:00000000000000007",
        b"type:000000000000000\xff",
        b"\xff:0000000000000007",
        &long,
        &huge,
    ] {
        let _: i64 = ask(&mut raw, &[b"HSET", KEY.as_bytes(), field, b"text"]);
    }
    assert_eq!(bus.schemas(&orders()).await.expect("listed"), [id(7)]);
    assert_messages_pass(&*bus).await;
}

#[tokio::test]
async fn a_million_fields_hide_no_schema_and_are_listed_up_to_a_limit() {
    let server = RedisServer::with(&["--appendonly", "no"]);
    let mut raw = server.connection();
    let bus = transport(&server.url());
    store(&*bus, 7).await;
    run(
        &mut raw,
        "for n = 1, 50000 do redis.call('HSET', '{orders}::schemas', string.format('other%07d', n), 'x') end
         for n = 1, 20000 do
             redis.call('HSET', '{orders}::schemas', string.format('t%07d:0000000000000000', n), 'x')
         end",
    );
    let listed = bus.schemas(&orders()).await.expect("listed");
    assert_eq!(listed.len(), SchemaId::LISTED_MAX);
    assert_eq!(listed[..2], [id(7), SchemaId::new("t0000001", 0)]);
    assert!(listed.is_sorted());

    run(
        &mut raw,
        "for n = 1, 1000000 do redis.call('HSET', '{orders}::schemas', string.format('more%07d', n), 'x') end",
    );
    let before = Instant::now();
    assert_eq!(read(&*bus, 7).await.as_deref(), Some("text"));
    store(&*bus, 8).await;
    let error = bus.schemas(&orders()).await.expect_err("there are too many fields");
    assert!(before.elapsed() < Duration::from_millis(500), "the fields are counted, not read");
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert!(error.to_string().contains("`{orders}::schemas` has 1070002 fields"), "{error}");
    assert_messages_pass(&*bus).await;
}

/// Users whose permissions were granted for an earlier version can send.
#[tokio::test]
async fn a_user_without_the_permission_to_read_schemas_stores_them_and_the_error_names_it() {
    let server = RedisServer::start();
    let mut raw = server.connection();
    let _: redis::Value =
        ask(&mut raw, &[b"ACL", b"SETUSER", b"shop", b"on", b">word", b"~*", b"+@all", b"-hstrlen"]);
    let bus = transport(&format!("redis://shop:word@127.0.0.1:{}/0?retry_for=0s", server.port()));
    store(&*bus, 7).await;
    assert_eq!(bus.schemas(&orders()).await.expect("listed"), [id(7)]);
    assert_messages_pass(&*bus).await;
    let error = bus.schema(&orders(), &id(7)).await.expect_err("the command is denied");
    assert_eq!(error.kind(), ErrorKind::Permission, "{error}");
    assert!(error.to_string().contains("+hstrlen"), "{error}");
    ask::<redis::Value>(&mut raw, &[b"ACL", b"SETUSER", b"shop", b"+hstrlen", b"resetkeys", b"~orders"]);
    let stored = bus.store_schema(&orders(), &id(7), "text").await.expect_err("the key is denied");
    let read = bus.schema(&orders(), &id(7)).await.expect_err("the key is denied");
    let listed = bus.schemas(&orders()).await.expect_err("the key is denied");
    for error in [stored, read, listed] {
        assert_eq!(error.kind(), ErrorKind::Permission, "{error}");
        assert!(error.to_string().contains("~{TOPIC}:*"), "{error}");
    }
}
