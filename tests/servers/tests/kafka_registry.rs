//! The client of schema registries on a real one (Apicurio 3.0), and the transport `kafka:` with it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use events_schema_registry::{
    CompatibilityLevel, RegistryConfig, RegistryError, RegistryErrorKind as Kind, SchemaKey, SchemaRegistry,
};
use events_server_tests::RegistryServer;

const FIRST: &str =
    r#"{"type":"record","name":"Placed","namespace":"org.acme.v1","fields":[{"name":"id","type":"long"}]}"#;
/// Adds a field with a default.
const SECOND: &str = r#"{"type":"record","name":"Placed","namespace":"org.acme.v1","fields":[{"name":"id","type":"long"},{"name":"note","type":["null","string"],"default":null}]}"#;
/// Adds a field without one.
const BREAKING: &str = r#"{"type":"record","name":"Placed","namespace":"org.acme.v1","fields":[{"name":"id","type":"long"},{"name":"note","type":"string"}]}"#;
/// Event types of Open edX may have a hyphen, which is no part of a name in Avro.
const HYPHEN: &str = r#"{"type":"record","name":"CloudEvent","namespace":"org.openedx.enterprise.subsidy.redemption-reversed.v1","fields":[]}"#;

fn client(url: &str) -> SchemaRegistry {
    let config = RegistryConfig::new(url).expect("a URL").retry_for(Duration::from_secs(2));
    SchemaRegistry::new(config).expect("a client")
}

fn kind<T: std::fmt::Debug>(result: Result<T, RegistryError>) -> Kind {
    result.expect_err("an error").kind()
}

#[tokio::test]
async fn schemas_are_registered_once_and_read_by_id() {
    let server = RegistryServer::start();
    let registry = client(&server.url());
    let id = registry.register("orders-value", FIRST).await.expect("registered");
    assert_eq!(client(&server.url()).register("orders-value", FIRST).await.expect("registered"), id);
    assert_eq!(client(&server.url()).lookup("orders-value", FIRST).await.expect("found"), id);
    assert_eq!(registry.cached_id("orders-value", FIRST), Some(id));
    let other = client(&server.url());
    assert_eq!(&*other.schema(id).await.expect("read").text, FIRST);
    assert!(other.cached_schema(SchemaKey::Id(id)).is_some());
    let second = registry.register("orders-value", SECOND).await.expect("registered");
    assert_ne!(second, id);
    assert_eq!(registry.versions("orders-value").await.expect("read"), [1, 2]);
    assert_eq!(registry.version("orders-value", 1).await.expect("read").id, id);
    let latest = registry.latest("orders-value").await.expect("read");
    assert_eq!((latest.version, latest.id, &*latest.schema.text), (2, second, SECOND));
    assert_eq!(registry.subjects().await.expect("read"), ["orders-value"]);
    assert_eq!(registry.uses(id).await.expect("read"), [("orders-value".to_owned(), 1)]);
    registry.ping().await.expect("it answers");
}

#[tokio::test]
async fn what_is_missing_is_not_found_and_a_wrong_path_is_told_apart() {
    let server = RegistryServer::start();
    let registry = client(&server.url());
    assert_eq!(kind(registry.schema(99).await), Kind::NotFound);
    assert_eq!(kind(registry.versions("none").await), Kind::NotFound);
    assert_eq!(kind(registry.latest("none").await), Kind::NotFound);
    assert_eq!(kind(registry.lookup("none", FIRST).await), Kind::NotFound);
    registry.register("orders", FIRST).await.expect("registered");
    assert_eq!(kind(registry.lookup("orders", SECOND).await), Kind::NotFound);
    assert_eq!(kind(registry.version("orders", 7).await), Kind::NotFound);
    assert_eq!(kind(registry.schema_by_guid([7; 16]).await), Kind::NoApi);
    let wrong = client(&format!("http://127.0.0.1:{}", server.port()));
    let error = wrong.ping().await.expect_err("no registry at this path");
    assert!(matches!(error.kind(), Kind::NoApi | Kind::Malformed), "{error}");
    assert!(error.to_string().contains("/apis/ccompat/v7"), "{error}");
}

#[tokio::test]
async fn a_breaking_schema_is_refused_and_said_before() {
    let server = RegistryServer::start();
    let registry = client(&server.url());
    assert_eq!(registry.level(None).await.expect("read"), Some(CompatibilityLevel::Backward));
    assert_eq!(registry.level(Some("orders")).await.expect("read"), None);
    assert!(
        registry.check("orders", BREAKING).await.expect("an answer").is_compatible,
        "there is no version"
    );
    registry.register("orders", FIRST).await.expect("registered");
    assert!(registry.check("orders", SECOND).await.expect("an answer").is_compatible);
    assert!(!registry.check("orders", BREAKING).await.expect("an answer").is_compatible);
    let error = registry.register("orders", BREAKING).await.expect_err("it is not compatible");
    assert_eq!((error.kind(), error.status()), (Kind::Incompatible, Some(409)));
    let level = CompatibilityLevel::FullTransitive;
    registry.set_level(Some("orders"), level).await.expect("set");
    assert_eq!(registry.level(Some("orders")).await.expect("read"), Some(level));
    assert_eq!(kind(registry.register("orders", "no schema").await), Kind::InvalidSchema);
    assert_eq!(kind(registry.register("orders", "").await), Kind::InvalidSchema);
    let error = registry.register("reversed", HYPHEN).await.expect_err("Avro 1.12 refuses the namespace");
    assert_eq!(error.kind(), Kind::InvalidSchema, "{error}");
}

#[tokio::test]
async fn subjects_of_any_characters_are_subjects() {
    let server = RegistryServer::start();
    let registry = client(&server.url());
    for subject in ["a/b", "a b", "100%", "a.b-c_d", "ä", "a?b", "a#b", "a+b"] {
        let id = registry.register(subject, FIRST).await.expect(subject);
        assert_eq!(registry.latest(subject).await.expect(subject).id, id, "{subject}");
        assert!(registry.subjects().await.expect("read").iter().any(|found| found == subject), "{subject}");
    }
}

#[tokio::test]
async fn a_deleted_subject_is_gone_and_its_ids_stay() {
    let server = RegistryServer::start();
    let registry = client(&server.url());
    let id = registry.register("orders", FIRST).await.expect("registered");
    assert_eq!(kind(registry.delete("orders", true).await), Kind::Refused);
    assert_eq!(registry.delete("orders", false).await.expect("deleted"), [1]);
    assert_eq!(kind(registry.versions("orders").await), Kind::NotFound);
    assert_eq!(&*client(&server.url()).schema(id).await.expect("read").text, FIRST);
    assert_eq!(registry.cached_id("orders", FIRST), None);
}

#[tokio::test]
async fn known_ids_are_used_while_the_registry_is_down_and_calls_wait_for_its_return() {
    let mut server = RegistryServer::start();
    let registry = client(&server.url());
    let id = registry.register("orders", FIRST).await.expect("registered");
    registry.schema(id).await.expect("read");
    server.kill();
    assert_eq!(registry.register("orders", FIRST).await.expect("known"), id);
    assert_eq!(&*registry.schema(id).await.expect("known").text, FIRST);
    let began = Instant::now();
    let error = registry.register("orders", SECOND).await.expect_err("it is down");
    assert!(error.is_retryable() && began.elapsed() < Duration::from_secs(5), "{error}");
    let patient = RegistryConfig::new(&server.url()).expect("a URL").retry_for(Duration::from_secs(60));
    let patient = Arc::new(SchemaRegistry::new(patient).expect("a client"));
    let waiting = tokio::spawn({
        let patient = Arc::clone(&patient);
        async move { patient.register("orders", SECOND).await }
    });
    let started = tokio::task::spawn_blocking(move || {
        server.start_again();
        server
    });
    let _server = started.await.expect("the registry starts again");
    waiting.await.expect("no panic").expect("registered");
    assert_eq!(&*client(&patient.url()).schema(id).await.expect("it kept its schemas").text, FIRST);
}

/// A program may call it from a thread without tokio.
#[test]
fn a_plain_executor_suffices() {
    let server = RegistryServer::start();
    let registry = client(&server.url());
    let (sender, receiver) = std::sync::mpsc::channel();
    let waker = std::task::Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut call = Box::pin(async move {
        let id = registry.register("orders", FIRST).await.expect("registered");
        sender.send(id).expect("received");
    });
    while call.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending() {
        std::thread::park_timeout(Duration::from_secs(1));
    }
    assert!(receiver.recv().is_ok());
}

struct Unpark(std::thread::Thread);

impl std::task::Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
