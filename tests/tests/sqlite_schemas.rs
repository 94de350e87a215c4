//! Writers' schemas in a SQLite file: the table, and what other programs may have written to it.

use std::path::PathBuf;
use std::time::Duration;

use events_runtime::transport::{ConnectOptions, ErrorKind, SchemaId, Transport, connect};
use events_tests::conformance::{ack, member, message, receive, send, topic};
use rusqlite::Connection;

const TYPE: &str = "org.acme.orders.order.placed.v1";
/// The table as another program may have created it: its columns accept values of any type.
const UNTYPED: &str =
    "CREATE TABLE schemas(topic, event_type, fingerprint, text, PRIMARY KEY(topic, event_type, fingerprint))";

struct Bus {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Bus {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("events.db");
        Self { _folder: folder, path }
    }

    fn open(&self, query: &str) -> Box<dyn Transport> {
        let url = format!("sqlite://{}{query}", self.path.display());
        connect(&url, &ConnectOptions::new()).expect("the file opens")
    }

    /// A connection of another program.
    fn other(&self) -> Connection {
        let conn = Connection::open(&self.path).expect("the file opens");
        conn.busy_timeout(Duration::from_secs(20)).expect("a timeout");
        conn
    }

    fn execute(&self, sql: &str) {
        self.other().execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    fn has_table(&self) -> bool {
        self.other().table_exists(None, "schemas").expect("the file is read")
    }
}

fn id(fingerprint: u64) -> SchemaId {
    SchemaId::new(TYPE, fingerprint)
}

async fn read(transport: &dyn Transport, fingerprint: u64) -> Option<String> {
    transport.schema(&topic(), &id(fingerprint)).await.expect("the schema is read")
}

async fn list(transport: &dyn Transport) -> Vec<SchemaId> {
    transport.schemas(&topic()).await.expect("the schemas are listed")
}

/// Sending and consuming go on.
async fn assert_messages_pass(transport: &dyn Transport) {
    let mut consumer = member(transport, "billing").await;
    send(transport, &[message("key", 0)]).await;
    ack(receive(&mut *consumer, 1).await).await;
    transport.check().await.expect("the file is sound");
}

#[tokio::test]
async fn a_file_without_the_table_answers_reads_and_gains_it_with_the_first_schema() {
    let bus = Bus::new();
    let transport = bus.open("");
    send(&*transport, &[message("key", 0)]).await;
    assert_eq!(read(&*transport, 7).await, None);
    assert_eq!(list(&*transport).await, []);
    assert!(!bus.has_table(), "reading changes nothing");
    transport.store_schema(&topic(), &id(7), "text").await.expect("the schema is stored");
    assert!(bus.has_table());
    let version: i64 =
        bus.other().pragma_query_value(None, "user_version", |row| row.get(0)).expect("a version");
    assert_eq!(version, 2, "earlier versions of this crate open the file");
    assert_eq!(read(&*transport, 7).await.as_deref(), Some("text"));
    assert_messages_pass(&*transport).await;
}

#[tokio::test]
async fn a_locked_file_answers_reads_and_needs_no_lock_for_a_schema_that_it_has() {
    let bus = Bus::new();
    let transport = bus.open("?busy_timeout=100ms");
    transport.store_schema(&topic(), &id(7), "text").await.expect("the schema is stored");
    let other = bus.other();
    other.execute_batch("BEGIN IMMEDIATE").expect("the write lock");
    assert_eq!(read(&*transport, 7).await.as_deref(), Some("text"));
    assert_eq!(list(&*transport).await, [id(7)]);
    transport.store_schema(&topic(), &id(7), "text").await.expect("it is stored already");
    let error = transport.store_schema(&topic(), &id(7), "changed").await.expect_err("the file is locked");
    assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
    other.execute_batch("ROLLBACK").expect("the lock is released");
    transport.store_schema(&topic(), &id(7), "changed").await.expect("the schema is stored");
    assert_eq!(read(&*transport, 7).await.as_deref(), Some("changed"));
}

#[tokio::test]
async fn a_full_file_refuses_a_schema_and_answers_reads() {
    let bus = Bus::new();
    let transport = bus.open("?max_pages=100");
    transport.store_schema(&topic(), &id(7), "text").await.expect("the schema is stored");
    let large = "x".repeat(SchemaId::TEXT_MAX);
    let error = transport.store_schema(&topic(), &id(7), &large).await.expect_err("the file is full");
    assert_eq!(error.kind(), ErrorKind::Full, "{error}");
    assert_eq!(read(&*transport, 7).await.as_deref(), Some("text"), "the schema is as before");
    assert_eq!(list(&*transport).await, [id(7)]);
    assert_messages_pass(&*transport).await;
}

#[tokio::test]
async fn a_schema_that_another_program_has_overwritten_is_absent_and_can_be_stored_again() {
    for value in [
        "x'7b7d'",
        "x''",
        "CAST(x'ff' AS TEXT)",
        "CAST(x'22c328' AS TEXT)",
        "7",
        "1e308",
        "NULL",
        "printf('%.*c', 1048577, 'x')",
        "zeroblob(100000000)",
        "printf('%.*c', 100000000, 'x')",
    ] {
        let bus = Bus::new();
        let transport = bus.open("?synchronous=off");
        bus.execute(UNTYPED);
        for fingerprint in [7, 8] {
            transport.store_schema(&topic(), &id(fingerprint), "text").await.expect("the schema is stored");
        }
        bus.execute(&format!("UPDATE schemas SET text = {value} WHERE fingerprint = '0000000000000007'"));
        assert_eq!(read(&*transport, 7).await, None, "{value}");
        assert_eq!(read(&*transport, 8).await.as_deref(), Some("text"), "{value}");
        assert_messages_pass(&*transport).await;
        transport.store_schema(&topic(), &id(7), "text").await.expect("the schema is stored");
        assert_eq!(read(&*transport, 7).await.as_deref(), Some("text"), "{value}");
    }
}

#[tokio::test]
async fn rows_of_other_programs_are_not_listed() {
    let bus = Bus::new();
    let transport = bus.open("?synchronous=off");
    bus.execute(UNTYPED);
    transport.store_schema(&topic(), &id(7), "text").await.expect("the schema is stored");
    for row in [
        "('orders', x'6f', '0000000000000007', 'text')",
        "('orders', CAST(x'ff' AS TEXT), '0000000000000007', 'text')",
        "('orders', 7, '0000000000000007', 'text')",
        "('orders', NULL, '0000000000000007', 'text')",
        "('orders', 'type', 7, 'text')",
        "('orders', 'type', NULL, 'text')",
        "('orders', 'type', x'30303030303030303030303030303037', 'text')",
        "('orders', 'type', '00000000000000AB', 'text')",
        "('orders', 'type', '7', 'text')",
        "('orders', 'type', '+000000000000007', 'text')",
        "('orders', 'type', CAST(x'ffffffffffffffffffffffffffffffff' AS TEXT), 'text')",
        "('orders', printf('%.*c', 1025, 'x'), '0000000000000007', 'text')",
        "('orders', printf('%.*c', 50000000, 'x'), '0000000000000007', 'text')",
        "(x'6f7264657273', 'type', '0000000000000007', 'text')",
        "(NULL, NULL, NULL, NULL)",
    ] {
        bus.execute(&format!("INSERT INTO schemas VALUES {row}"));
    }
    assert_eq!(list(&*transport).await, [id(7)]);
    assert_messages_pass(&*transport).await;
}

#[tokio::test]
async fn a_million_rows_of_another_program_hide_no_schema_and_are_listed_up_to_a_limit() {
    let bus = Bus::new();
    let transport = bus.open("?synchronous=off");
    transport.store_schema(&topic(), &id(7), "text").await.expect("the schema is stored");
    bus.execute(
        "WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n LIMIT 1000000)
         INSERT INTO schemas SELECT 'orders', printf('t%07d', n), '0000000000000000', '' FROM n",
    );
    assert_eq!(read(&*transport, 7).await.as_deref(), Some("text"));
    transport.store_schema(&topic(), &id(8), "text").await.expect("the schema is stored");
    let listed = list(&*transport).await;
    assert_eq!(listed.len(), SchemaId::LISTED_MAX);
    assert_eq!(listed[..3], [id(7), id(8), SchemaId::new("t0000000", 0)]);
    assert!(listed.is_sorted());
    assert_messages_pass(&*transport).await;
}

#[tokio::test]
async fn a_table_of_another_form_fails_schemas_with_an_error_and_no_message() {
    let bus = Bus::new();
    let transport = bus.open("");
    bus.execute("CREATE TABLE schemas(x)");
    let stored = transport.store_schema(&topic(), &id(7), "text").await;
    assert_eq!(stored.expect_err("there is no such column").kind(), ErrorKind::Other);
    let read = transport.schema(&topic(), &id(7)).await;
    assert_eq!(read.expect_err("there is no such column").kind(), ErrorKind::Other);
    let listed = transport.schemas(&topic()).await;
    assert_eq!(listed.expect_err("there is no such column").kind(), ErrorKind::Other);
    assert_messages_pass(&*transport).await;
}

#[tokio::test]
async fn a_view_of_the_name_of_the_table_is_not_read() {
    let bus = Bus::new();
    let transport = bus.open("");
    bus.execute(&format!(
        "CREATE VIEW schemas AS
         SELECT 'orders' AS topic, '{TYPE}' AS event_type, '0000000000000007' AS fingerprint, 'text' AS text"
    ));
    let stored = transport.store_schema(&topic(), &id(7), "text").await;
    assert_eq!(stored.expect_err("the name is taken").kind(), ErrorKind::Other);
    assert_eq!(read(&*transport, 7).await, None);
    assert_eq!(list(&*transport).await, []);
    assert_messages_pass(&*transport).await;
}
