//! `schema push` and `schema pull` with a real schema registry, run as a program on a copy of the crate that defines
//! its events. No broker runs: the commands need none, unless they list topics.

use std::fs;
use std::path::PathBuf;

use events_schema_registry::{CompatibilityLevel, RegistryConfig, SchemaRegistry};
use events_server_tests::{KafkaServer, RegistryServer};
use events_tests::sandbox::{CommandOutput, Sandbox};

const PLACED: &str = "org.acme.cli.order.placed.v1";
const SUBJECT: &str = "dev-orders-org.acme.cli.order.placed.v1.OrderPlaced";

struct Shop(Sandbox);

impl Shop {
    fn new(broker: &str, registry: &RegistryServer, settings: &str) -> Self {
        let config = format!(
            "[service]\nname = \"shop\"\ntopic_prefix = \"dev\"\n\
             [bus]\nurl = \"kafka://{broker}?registry={}{settings}\"\n\
             [routes.\"{PLACED}\"]\norders = {{}}\n",
            registry.url()
        );
        let shop = Self(Sandbox::with_config(env!("CARGO_BIN_EXE_kafka_shop"), &config));
        // The compiler records the path of the source from the manifest that names it.
        fs::create_dir_all(shop.0.path().join("tests/servers")).expect("a folder");
        fs::create_dir_all(shop.file("src/bin")).expect("a folder");
        let manifest = "[package]\nname = \"shop\"\n[[bin]]\nname = \"kafka_shop\"\n";
        fs::write(shop.file("Cargo.toml"), manifest).expect("written");
        fs::write(shop.file("src/bin/shop_cli.rs"), include_str!("../../src/bin/shop_cli.rs"))
            .expect("written");
        shop
    }

    fn file(&self, path: &str) -> PathBuf {
        self.0.path().join("tests").join(path)
    }

    fn version(&self, minor: u32) -> PathBuf {
        self.file(&format!("schemas/{PLACED}/{minor}.avsc"))
    }

    fn run(&self, arguments: &[&str]) -> CommandOutput {
        self.0.run(&[&["schema"], arguments].concat())
    }

    /// Locks the definition, as version 2, and puts an older version before it, with another text.
    fn lock(&self, older: impl Fn(&str) -> String) {
        let locked = self.run(&["lock", PLACED]);
        assert_eq!(locked.code, 0, "{}", locked.err);
        let text = fs::read_to_string(self.version(2)).expect("the file");
        let old = older(&text);
        assert_ne!(old, text);
        fs::write(self.version(1), old).expect("written");
    }
}

fn client(registry: &RegistryServer) -> SchemaRegistry {
    SchemaRegistry::new(RegistryConfig::new(&registry.url()).expect("a URL")).expect("a client")
}

/// The text without its optional field, which a reader of the new version fills with its default.
fn without_note(text: &str) -> String {
    let mut schema: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let fields = schema["fields"].as_array_mut().expect("fields");
    fields.retain(|field| field["name"] != "note");
    format!("{schema:#}\n")
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

#[test]
fn push_registers_versions_in_order_and_sets_the_compatibility() {
    let registry = RegistryServer::start();
    let shop = Shop::new("127.0.0.1:1", &registry, "");
    shop.lock(without_note);
    let checked = shop.run(&["push", "--check"]);
    assert_eq!(checked.code, 0, "{} {}", checked.out, checked.err);
    assert!(
        checked.out.contains("accepts") && checked.err.contains("would be set to FULL_TRANSITIVE"),
        "{checked:?}"
    );
    let client = client(&registry);
    assert!(block_on(client.subjects()).expect("read").is_empty(), "a check changes nothing");
    let pushed = shop.run(&["push"]);
    assert_eq!(pushed.code, 0, "{} {}", pushed.out, pushed.err);
    let mut subjects = block_on(client.subjects()).expect("read");
    subjects.sort();
    assert_eq!(subjects, [SUBJECT.to_owned(), "dev-orders-string".to_owned()]);
    assert_eq!(block_on(client.versions(SUBJECT)).expect("read"), [1, 2]);
    let level = block_on(client.level(Some(SUBJECT))).expect("read");
    assert_eq!(level, Some(CompatibilityLevel::FullTransitive));
    let first = block_on(client.version(SUBJECT, 1)).expect("read").schema.text;
    assert!(!first.contains("note") && !first.contains('\n'), "{first}");
    let own = shop.run(&["show", PLACED]).succeeded();
    let own: serde_json::Value = serde_json::from_str(&own).expect("JSON");
    let latest = block_on(client.latest(SUBJECT)).expect("read").schema.text;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&latest).expect("JSON"), own);
    let again = shop.run(&["push"]);
    assert_eq!((again.code, again.out.matches("version ").count()), (0, 3), "{}", again.out);
    assert_eq!(block_on(client.versions(SUBJECT)).expect("read"), [1, 2]);
}

#[test]
fn push_says_what_the_registry_refuses_beside_our_verdict() {
    let registry = RegistryServer::start();
    let shop = Shop::new("127.0.0.1:1", &registry, "");
    shop.lock(without_note);
    // Somebody has registered a version that neither reads.
    let other = r#"{"type":"record","name":"OrderPlaced","namespace":"org.acme.cli.order.placed.v1","fields":[{"name":"other","type":"string"}]}"#;
    block_on(client(&registry).register(SUBJECT, other)).expect("registered");
    for arguments in [&["push", "--check", "--json"][..], &["push", "--json"]] {
        let ran = shop.run(arguments);
        assert_eq!(ran.code, 1, "{} {}", ran.out, ran.err);
        let rows: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
        let rows = rows.as_array().expect("rows");
        let refused = rows.iter().filter(|row| row["registry"] == "refuses").collect::<Vec<_>>();
        assert_eq!(refused.len(), 2, "{}", ran.out);
        for row in refused {
            assert!(row["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{row}");
            assert!(row["objections"].as_array().is_some_and(|all| !all.is_empty()), "{row}");
        }
    }
    assert_eq!(block_on(client(&registry).versions(SUBJECT)).expect("read"), [1]);
}

#[test]
fn a_type_that_is_sent_bare_is_not_pushed_and_a_transport_without_registry_says_so() {
    let registry = RegistryServer::start();
    let shop = Shop::new("127.0.0.1:1", &registry, &format!("&registry_bare={PLACED}"));
    shop.lock(without_note);
    let ran = shop.run(&["push"]);
    assert!(ran.code == 0 && ran.out.contains("sent without a frame"), "{ran:?}");
    assert!(block_on(client(&registry).subjects()).expect("read").is_empty());
    let plain = shop.0.run(&["schema", "push", "--check", "--config", "none.toml"]);
    assert_ne!(plain.code, 0);
    fs::write(shop.0.path().join("sqlite.toml"), "[bus]\nurl = \"memory:\"\n").expect("written");
    let ran = shop.0.run(&["--config", "sqlite.toml", "schema", "push"]);
    assert!(ran.code == 1 && ran.err.contains("uses no schema registry"), "{ran:?}");
}

#[test]
fn pull_writes_the_versions_of_a_subject_in_their_order() {
    let (kafka, registry) = (KafkaServer::start(), RegistryServer::start());
    let pushing = Shop::new(&kafka.bootstrap(), &registry, "");
    pushing.lock(without_note);
    assert_eq!(pushing.run(&["push"]).code, 0);
    let pulling = Shop::new(&kafka.bootstrap(), &registry, "");
    let ran = pulling.run(&["pull", "--bus", "--topic", "orders"]);
    assert_eq!(ran.code, 0, "{} {}", ran.out, ran.err);
    let pulled = |minor| fs::read_to_string(pulling.version(minor)).expect("the file");
    assert!(!pulled(0).contains("note") && pulled(1).contains("note"), "{}", ran.out);
}
