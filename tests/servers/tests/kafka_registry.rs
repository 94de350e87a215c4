//! The client of schema registries on a real one (Apicurio 3.0), and the transport `kafka:` with it.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use events_schema_registry::{
    CompatibilityLevel, RegistryConfig, RegistryError, RegistryErrorKind as Kind, SchemaKey, SchemaRegistry,
};
use events_server_tests::kafka::Certificates;
use events_server_tests::{RegistryServer, free_port};

const FIRST: &str =
    r#"{"type":"record","name":"Placed","namespace":"org.acme.v1","fields":[{"name":"id","type":"long"}]}"#;
/// Adds a field with a default.
const SECOND: &str = r#"{"type":"record","name":"Placed","namespace":"org.acme.v1","fields":[{"name":"id","type":"long"},{"name":"note","type":["null","string"],"default":null}]}"#;
/// Adds a field without one.
const BREAKING: &str = r#"{"type":"record","name":"Placed","namespace":"org.acme.v1","fields":[{"name":"id","type":"long"},{"name":"note","type":"string"}]}"#;
/// Event types of Open edX may have a hyphen, which is no part of a name in Avro.
const HYPHEN: &str = r#"{"type":"record","name":"CloudEvent","namespace":"org.openedx.enterprise.subsidy.redemption-reversed.v1","fields":[]}"#;

fn client(url: &str) -> SchemaRegistry {
    // A registry on a busy machine needs seconds for an answer; one that is down refuses the connection at once.
    let config = RegistryConfig::new(url).expect("a URL").timeout(Duration::from_secs(30));
    SchemaRegistry::new(config.retry_for(Duration::from_secs(2))).expect("a client")
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
    let patient = RegistryConfig::new(&server.url()).expect("a URL").retry_for(Duration::from_secs(120));
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

/// `openssl s_server`, which answers with the files of its folder.
struct TlsServer {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl TlsServer {
    /// Demands a client certificate if `is_mutual`.
    fn start(certificates: &Certificates, is_mutual: bool) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("config"), r#"{"compatibilityLevel":"FULL"}"#).expect("written");
        let (port, authority) = (free_port(), certificates.authority());
        let mut command = Command::new("openssl");
        command.current_dir(folder.path()).args(["s_server", "-WWW", "-quiet", "-verify_return_error"]);
        command.args(["-accept", &format!("127.0.0.1:{port}")]);
        command.arg("-cert").arg(authority.with_file_name("broker.pem"));
        command.arg("-key").arg(authority.with_file_name("broker.key"));
        command.arg("-CAfile").arg(authority);
        if is_mutual {
            command.args(["-Verify", "1"]);
        }
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let server = Self { process: process.expect("openssl runs"), port, _folder: folder };
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(30), "openssl does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    fn config(&self) -> RegistryConfig {
        let config = RegistryConfig::new(&format!("https://127.0.0.1:{}", self.port)).expect("a URL");
        config.timeout(Duration::from_secs(30)).retry_for(Duration::from_secs(2))
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        // Both fail only if it has ended.
        let _ = (self.process.kill(), self.process.wait());
    }
}

async fn level(config: RegistryConfig) -> Result<Option<CompatibilityLevel>, RegistryError> {
    SchemaRegistry::new(config).expect("a client").level(None).await
}

#[tokio::test]
async fn both_sides_of_tls_are_checked() {
    let certificates = Certificates::made();
    let read = |path| fs::read(path).expect("a certificate or key");
    let (authority, stranger) = (read(certificates.authority()), read(certificates.stranger()));
    let server = TlsServer::start(&certificates, false);
    let trusting = || server.config().ca(&authority).expect("a certificate");
    assert_eq!(level(trusting()).await.expect("an answer"), Some(CompatibilityLevel::Full));
    let error = level(server.config().ca(&stranger).expect("a certificate")).await.expect_err("not trusted");
    assert_eq!(error.kind(), Kind::Tls, "{error:?}");
    assert_eq!(kind(level(server.config()).await), Kind::Tls, "the system does not trust it either");

    let server = TlsServer::start(&certificates, true);
    let trusting = || server.config().ca(&authority).expect("a certificate");
    let (certificate, key) = (read(certificates.client()), read(certificates.client_key()));
    let known = trusting().identity(&certificate, &key).expect("a certificate and its key");
    assert_eq!(level(known).await.expect("an answer"), Some(CompatibilityLevel::Full));
    level(trusting()).await.expect_err("the server demands a certificate");
    let refused = server.config().identity(&certificate, b"no key").expect_err("no key");
    assert_eq!(refused.kind(), Kind::Invalid, "{refused}");
}
