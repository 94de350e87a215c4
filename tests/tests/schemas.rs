//! `schema lock`, `check` and `diff`, run as a program on a copy of the crate that defines its events.

use std::fs;
use std::path::{Path, PathBuf};

use events_tests::sandbox::{CommandOutput, Sandbox};
use serde_json::{Value, json};

const PLACED: &str = "org.acme.cli.order.placed.v1";
const CANCELLED: &str = "org.acme.cli.order.cancelled.v1";
const LINE: &str = r#"println!("cargo::rerun-if-changed=schemas");"#;

/// A workspace with the source of the program that runs in it.
struct Workspace(Sandbox);

/// Runs `schema lock` of `enums_cli` in its workspace.
fn lock_enums(arguments: &[&str]) -> CommandOutput {
    let source = include_str!("../src/bin/enums_cli.rs");
    let enums = Workspace::of("enums", env!("CARGO_BIN_EXE_enums_cli"), source);
    enums.run(&[&["lock"], arguments].concat())
}

impl Workspace {
    fn new() -> Self {
        Self::of("shop", env!("CARGO_BIN_EXE_shop_cli"), include_str!("../src/bin/shop_cli.rs"))
    }

    fn of(name: &str, program: &'static str, source: &str) -> Self {
        let workspace = Self(Sandbox::new(program));
        fs::create_dir_all(workspace.file("src/bin")).unwrap();
        fs::write(workspace.file("Cargo.toml"), format!("[package]\nname = '{name}'\n")).unwrap();
        fs::write(workspace.file(&format!("src/bin/{name}_cli.rs")), source).unwrap();
        workspace
    }

    /// A file of the crate.
    fn file(&self, path: &str) -> PathBuf {
        self.0.path().join("tests").join(path)
    }

    fn schema(&self, event_type: &str, minor: u32) -> PathBuf {
        self.file(&format!("schemas/{event_type}/{minor}.avsc"))
    }

    fn text(&self, event_type: &str, minor: u32) -> String {
        fs::read_to_string(self.schema(event_type, minor)).unwrap()
    }

    fn write(&self, event_type: &str, minor: u32, text: &str) {
        let path = self.schema(event_type, minor);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn run_in(&self, folder: &Path, arguments: &[&str]) -> CommandOutput {
        CommandOutput::of(&mut self.0.command_in(folder, &[&["schema"], arguments].concat()))
    }

    fn run(&self, arguments: &[&str]) -> CommandOutput {
        self.run_in(self.0.path(), arguments)
    }

    /// The output of a command that succeeds.
    #[track_caller]
    fn out(&self, arguments: &[&str]) -> String {
        self.run(arguments).succeeded()
    }

    /// The findings of a check, as `subject: what`.
    fn findings(&self) -> Vec<String> {
        let ran = self.run(&["check", "--json"]);
        let report: Value = serde_json::from_str(&ran.out).unwrap();
        let findings = report["findings"].as_array().unwrap();
        let failed = findings.iter().any(|finding| finding["level"] == "failed");
        assert_eq!(ran.code, i32::from(failed), "{}", ran.out);
        let text = |finding: &Value| {
            format!("{}: {}", finding["subject"].as_str().unwrap(), finding["what"].as_str().unwrap())
        };
        findings.iter().map(text).collect()
    }

    #[track_caller]
    fn finds(&self, subject: &str, what: &str) {
        let findings = self.findings();
        let found = findings.iter().any(|finding| finding.starts_with(subject) && finding.contains(what));
        assert!(found, "no {what:?} of {subject} in {findings:#?}");
    }
}

#[test]
fn lock_writes_valid_avro_schemas_and_the_build_script() {
    let shop = Workspace::new();
    let out = shop.out(&["lock"]);
    assert_eq!(out.lines().count(), 3, "{out}");
    // The definition says `minor_version = 2`.
    for (event_type, minor) in [(PLACED, 2), (CANCELLED, 0)] {
        let text = shop.text(event_type, minor);
        let schema = apache_avro::Schema::parse_str(&text).unwrap();
        let canonical = shop.out(&["show", event_type, "--canonical"]);
        assert_eq!(schema.canonical_form(), canonical.trim_end());
        let minor = minor.to_string();
        assert_eq!(shop.out(&["show", event_type, "--version", &minor]), text);
    }
    assert!(fs::read_to_string(shop.file("build.rs")).unwrap().contains(LINE));
}

#[test]
fn lock_of_one_event_does_not_lock_others() {
    let shop = Workspace::new();
    shop.out(&["lock", CANCELLED]);
    assert!(shop.schema(CANCELLED, 0).exists() && !shop.schema(PLACED, 2).exists());
    let ran = shop.run(&["lock", "org.acme.cli.order.canceled.v1"]);
    assert!(ran.code == 2 && ran.err.contains(CANCELLED), "the nearest name is offered: {}", ran.err);
}

/// Each enum is reported once. An enum with a default can be extended, and the other event makes no
/// promise to old readers.
#[test]
fn lock_warns_of_enums_that_cannot_be_extended() {
    let ran = lock_enums(&[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let symbol = ("symbol", "#[event(default)]");
    let variant = ("variant", "add a unit variant with `#[event(other)]`");
    let told = [
        ("Way", "way", symbol),
        ("Reason", "stops.reason", symbol),
        ("Payment", "payment", variant),
        ("Brand", "payment.brand", symbol),
    ];
    assert_eq!(ran.err.lines().count(), told.len(), "{}", ran.err);
    for ((name, path, (what, advice)), line) in told.into_iter().zip(ran.err.lines()) {
        let warning = format!(
            "warning: org.acme.enums.parcel.sent.v1: no {what} can be added to the enum `enums_cli::{name}` of `{path}`: "
        );
        assert!(line.starts_with(&warning) && line.contains(advice), "{line}");
    }
    let ran = lock_enums(&["--json"]);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let counts: Vec<_> = report["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (event["event_type"].as_str().unwrap(), event["warnings"].as_array().unwrap().len()))
        .collect();
    assert_eq!((ran.err.as_str(), ran.code), ("", 0));
    assert_eq!(counts, [("org.acme.enums.parcel.kept.v1", 0), ("org.acme.enums.parcel.sent.v1", 4)]);
}

#[test]
fn lock_ignores_changed_documentation() {
    let shop = Workspace::new();
    shop.out(&["lock"]);
    let text = shop.text(CANCELLED, 0).replace("An order was called off.", "Once there was an order.");
    shop.write(CANCELLED, 0, &text);
    let report: Value = serde_json::from_str(&shop.out(&["lock", "--json"])).unwrap();
    for event in report["events"].as_array().unwrap() {
        assert_eq!(event["outcome"], "unchanged", "{report:#}");
    }
    assert_eq!(report["build_scripts"], json!([]));
    assert_eq!(shop.text(CANCELLED, 0), text);
}

/// The field `id` of `OrderPlaced` has the schema name `customer_id`.
#[test]
fn lock_writes_the_key_to_the_file() {
    let shop = Workspace::new();
    shop.out(&["lock"]);
    let key = |event_type: &str, minor| {
        let schema: Value = serde_json::from_str(&shop.text(event_type, minor)).unwrap();
        schema.get("key").cloned()
    };
    assert_eq!(key(PLACED, 2), Some(json!("customer.customer_id")));
    assert_eq!(key(CANCELLED, 0), Some(Value::Null));
    assert!(shop.out(&["diff", PLACED]).contains("version 2 and the code are the same"));
}

#[test]
fn changed_key_is_reported_as_a_change_of_order_and_partition() {
    let shop = Workspace::new();
    shop.out(&["lock"]);
    let (placed, cancelled) = (shop.text(PLACED, 2), shop.text(CANCELLED, 0));
    shop.write(PLACED, 2, &placed.replace("\"customer.customer_id\"", "\"number\""));
    shop.write(CANCELLED, 0, &cancelled.replace("\"key\": null", "\"key\": \"number\""));
    for (event_type, line) in [
        (PLACED, "~ the event (key): number -> customer.customer_id    changes order and partition"),
        (CANCELLED, "~ the event (key): number -> none    changes order and partition"),
    ] {
        let out = shop.out(&["diff", event_type]);
        assert!(out.contains(line) && out.contains("events with the same `number` were ordered"), "{out}");
        let diff: Value = serde_json::from_str(&shop.out(&["diff", event_type, "--json"])).unwrap();
        assert_eq!(
            (&diff["changes"][0]["what"], &diff["changes"][0]["from"]),
            (&json!("key"), &json!("number"))
        );
        assert_eq!(diff["changes"].as_array().unwrap().len(), 1, "{diff}");
        shop.finds(event_type, "has a different key than locked version");
        shop.finds(event_type, "this changes order and partition");
    }
    // A file written by an earlier version of this crate has no key.
    shop.write(PLACED, 2, &placed.replace("\"key\": \"customer.customer_id\",", ""));
    shop.write(CANCELLED, 0, &cancelled.replace("\"key\": null,", ""));
    for (event_type, known) in [(PLACED, "version 2"), (CANCELLED, "version 0")] {
        let out = shop.out(&["diff", event_type]);
        assert!(out.contains(&format!("{known} and the code are the same")), "{out}");
    }
    assert!(!shop.findings().iter().any(|finding| finding.contains("key")), "{:?}", shop.findings());
}

/// A git worktree has the same paths, and may have another definition.
#[test]
fn program_of_another_checkout_does_not_publish() {
    let shop = Workspace::new();
    let source = shop.file("src/bin/shop_cli.rs");
    let text = fs::read_to_string(&source).unwrap();
    for (from, to) in [
        ("pub note: Option<String>", "pub remark: Option<String>"),
        ("pub sku: String", "pub article: String"),
    ] {
        assert!(text.contains(from), "{from}");
        fs::write(&source, text.replace(from, to)).unwrap();
        let ran = shop.run(&["lock"]);
        assert_eq!(ran.code, 1);
        let line = ran.err.lines().find(|line| line.contains(PLACED)).unwrap();
        for part in
            [env!("CARGO_BIN_EXE_shop_cli"), source.to_str().unwrap(), "has changed", "rebuild this program"]
        {
            assert!(line.contains(part), "no {part:?} in {line}");
        }
        assert!(!shop.file("schemas").exists() && !shop.file("build.rs").exists());
        shop.finds(PLACED, "has changed");
    }
    // Line endings depend on the checkout.
    fs::write(&source, text.replace('\n', "\r\n")).unwrap();
    shop.out(&["lock"]);
    fs::write(&source, text.replace("pub sku: String", "pub article: String")).unwrap();
    let ran = shop.run(&["diff", PLACED]);
    assert!(ran.code == 0 && ran.err.contains("has changed"), "{}", ran.err);
}

#[test]
fn lock_refuses_breaking_changes() {
    let shop = Workspace::new();
    shop.out(&["lock", PLACED]);
    let text = shop.text(PLACED, 2);
    fs::remove_file(shop.schema(PLACED, 2)).unwrap();
    let old = text.replace("\"customer_id\"", "\"person_id\"");
    assert_ne!(old, text);
    shop.write(PLACED, 1, &old);
    let ran = shop.run(&["lock", PLACED]);
    assert_eq!(ran.code, 1);
    for part in
        ["customer.customer_id", "new readers can't read events of minor version 1", "customer.person_id"]
    {
        assert!(ran.err.contains(part), "no {part:?} in {}", ran.err);
    }
    assert!(!shop.schema(PLACED, 2).exists());
}

#[test]
fn lock_refuses_if_the_program_was_built_with_other_files() {
    let shop = Workspace::new();
    shop.out(&["lock", CANCELLED]);
    let more = r#"{"name": "why", "type": ["null", "string"], "default": null}, {"name": "number""#;
    let newer = shop.text(CANCELLED, 0).replacen("{\n      \"name\": \"number\"", more, 1);
    shop.write(CANCELLED, 1, &newer);
    let ran = shop.run(&["lock", CANCELLED]);
    assert!(ran.code == 1 && ran.err.contains("rebuild it"), "{}", ran.err);
}

#[test]
fn lock_prints_the_missing_line_of_an_existing_build_script() {
    let shop = Workspace::new();
    fs::write(shop.file("build.rs"), "fn main() {}\n").unwrap();
    let ran = shop.run(&["lock"]);
    assert!(ran.code == 1 && ran.err.contains(LINE), "{}", ran.err);
    assert!(shop.schema(CANCELLED, 0).exists(), "the schema is right, the line is all that is left to do");
    assert_eq!(fs::read_to_string(shop.file("build.rs")).unwrap(), "fn main() {}\n");
    fs::write(shop.file("build.rs"), format!("fn main() {{ {LINE} }}\n")).unwrap();
    shop.out(&["lock"]);
}

#[test]
fn source_is_searched_in_parent_folders_or_in_the_given_root() {
    let shop = Workspace::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let ran = shop.run_in(elsewhere.path(), &["lock"]);
    assert!(ran.code == 1 && ran.err.contains("--root"), "{}", ran.err);
    let root = shop.0.path().to_str().unwrap();
    assert_eq!(shop.run_in(elsewhere.path(), &["lock", "--root", root]).code, 0);
    assert!(shop.schema(CANCELLED, 0).exists());
    assert_eq!(shop.run_in(&shop.file("src/bin"), &["lock"]).code, 0);
}

/// Many crates have a `src/lib.rs`, and a crate that uses an event names its type too.
#[test]
fn crate_that_reexports_an_event_is_not_the_defining_crate() {
    let shop = Workspace::new();
    let consumer = shop.0.path().join("consumer");
    fs::create_dir_all(consumer.join("tests/src/bin")).unwrap();
    fs::write(consumer.join("tests/Cargo.toml"), "[package]\nname = 'shop_cli'\n").unwrap();
    let source = consumer.join("tests/src/bin/shop_cli.rs");
    fs::write(&source, "pub use shop_cli::{OrderCancelled, OrderPlaced};\n").unwrap();
    assert_eq!(shop.run_in(&consumer, &["lock", CANCELLED]).code, 0);
    assert!(shop.schema(CANCELLED, 0).exists() && shop.file("build.rs").exists());
    let written: Vec<_> = fs::read_dir(consumer.join("tests")).unwrap().collect();
    assert_eq!(written.len(), 2, "the manifest and the source: {written:?}");

    fs::copy(shop.file("src/bin/shop_cli.rs"), &source).unwrap();
    for command in ["lock", "check"] {
        let ran = shop.run_in(&consumer, &[command]);
        let told = format!("{}{}", ran.out, ran.err);
        assert!(ran.code == 1 && told.contains("may be defined in"), "{told}");
    }
    assert!(!consumer.join("tests/schemas").exists());
}

#[test]
fn check_reports_unlocked_events() {
    let shop = Workspace::new();
    let findings = shop.findings();
    assert_eq!(findings, [format!("{CANCELLED}: is not locked"), format!("{PLACED}: is not locked")]);
    let text = shop.run(&["check"]).out;
    assert!(text.contains("publish it with `schema lock org.acme.cli.order.placed.v1`"), "{text}");
    assert!(text.ends_with("2 event types, 2 failures, 0 warnings\n"), "{text}");
}

#[test]
fn check_reports_changed_and_stale_events() {
    let shop = Workspace::new();
    shop.out(&["lock"]);
    // The program was built without schema files.
    shop.finds(CANCELLED, "built with different schema files");
    shop.write(CANCELLED, 0, &shop.text(CANCELLED, 0).replace("\"long\"", "\"int\""));
    shop.finds(CANCELLED, "differs from version 0");
    shop.write(
        CANCELLED,
        0,
        &shop.text(CANCELLED, 0).replace("\"int\"", "\"long\"").replace("\"number\"", "\"no\""),
    );
    shop.finds(CANCELLED, "number: was `no` renamed to `number`?");
    shop.write(CANCELLED, 0, &shop.text(CANCELLED, 0).replace("\"no\"", "\"number\""));
    shop.write(CANCELLED, 1, &shop.text(CANCELLED, 0).replace("\"number\"", "\"no\""));
    shop.finds(CANCELLED, "this breaks published versions");
}

#[test]
fn check_reports_changed_documentation() {
    let shop = Workspace::new();
    shop.out(&["lock"]);
    let docs = |findings: Vec<String>| findings.into_iter().find(|finding| finding.contains("documentation"));
    assert_eq!(docs(shop.findings()), None);
    let sound = shop.text(PLACED, 2);
    for (from, to, path) in [
        ("Where to write to.", "Where to call.", "`customer.email`"),
        ("\"pii\": true", "\"pii\": false", "`customer.email`"),
        ("A line of an order.", "A line.", "`lines: Line`"),
        ("A customer placed an order.", "", "`OrderPlaced`"),
    ] {
        assert!(sound.contains(from), "{from}");
        shop.write(PLACED, 2, &sound.replace(from, to));
        let found = docs(shop.findings()).expect(from);
        assert_eq!(found, format!("{PLACED}: the documentation of {path} differs from the definition"));
        // Either the file or the definition may have been edited.
        let report: Value = serde_json::from_str(&shop.run(&["check", "--json"]).out).unwrap();
        let findings = report["findings"].as_array().unwrap();
        let level =
            findings.iter().find(|finding| finding["what"].as_str().unwrap().contains("documentation"));
        assert_eq!(level.unwrap()["level"], "warning");
    }
}

#[test]
fn check_reports_missing_versions() {
    let shop = Workspace::new();
    shop.out(&["lock"]);
    let cancelled = shop.text(CANCELLED, 0);
    for minor in [1, 3, 6] {
        shop.write(CANCELLED, minor, &cancelled);
    }
    // `minor_version = 2` means that the numbers are set by hand.
    shop.write(PLACED, 0, &shop.text(PLACED, 2));
    let report: Value = serde_json::from_str(&shop.run(&["check", "--json"]).out).unwrap();
    let missing = |report: &Value| -> Vec<String> {
        let findings = report["findings"].as_array().unwrap().iter();
        let missing = findings.filter(|finding| finding["what"].as_str().unwrap().contains("missing"));
        missing
            .map(|finding| {
                let text = |key| finding[key].as_str().unwrap();
                format!("{} {}: {}", text("level"), text("subject"), text("what"))
            })
            .collect()
    };
    let found = [
        format!("failed {CANCELLED}: version 2 is missing: the next file is version 3"),
        format!("failed {CANCELLED}: versions 4 to 5 are missing: the next file is version 6"),
        format!("warning {PLACED}: version 1 is missing: the next file is version 2"),
    ];
    assert_eq!(missing(&report), found);

    fs::remove_file(shop.schema(CANCELLED, 0)).unwrap();
    fs::remove_file(shop.schema(PLACED, 0)).unwrap();
    let report: Value = serde_json::from_str(&shop.run(&["check", "--json"]).out).unwrap();
    let found = missing(&report);
    let first = format!("failed {CANCELLED}: version 0 is missing: the next file is version 1");
    assert!(found.contains(&first), "{found:?}");
    assert!(!found.iter().any(|found| found.contains(PLACED)), "the first number is given: {found:?}");
}

#[test]
fn check_reports_invalid_files() {
    let shop = Workspace::new();
    shop.out(&["lock"]);
    let sound = shop.text(CANCELLED, 0);
    for (file, text, what) in [
        ("1.avsc", "{", "is not an Avro schema: not JSON"),
        ("01.avsc", &sound, "has no minor version in its name"),
        ("1.AVSC", &sound, "is named in capitals"),
        ("1.avsc", "\"string\"", "is not a record"),
        ("1.avsc", &sound.replace("\"OrderCancelled\"", "\"OrderPlaced\""), "defines the record"),
    ] {
        let path = shop.file(&format!("schemas/{CANCELLED}/{file}"));
        fs::write(&path, text).unwrap();
        shop.finds(CANCELLED, what);
        fs::remove_file(path).unwrap();
    }
}

/// An unreadable folder may hold all published versions.
#[cfg(unix)]
#[test]
fn check_distinguishes_an_unreadable_folder_from_a_missing_one() {
    use std::os::unix::fs::symlink;

    let shop = Workspace::new();
    let event = shop.file(&format!("schemas/{CANCELLED}"));
    fs::create_dir(shop.file("schemas")).unwrap();
    shop.finds(CANCELLED, "is not locked");
    fs::write(&event, "").unwrap();
    shop.finds(CANCELLED, "can't be read: Not a directory");
    fs::remove_file(&event).unwrap();
    symlink("nowhere", &event).unwrap();
    shop.finds(CANCELLED, "can't be read: No such file");
    let ran = shop.run(&["lock", CANCELLED]);
    assert!(ran.code == 1 && ran.err.contains("can't be read"), "{}", ran.err);
    fs::remove_file(&event).unwrap();
    // A link to a folder is followed.
    fs::create_dir(shop.file("elsewhere")).unwrap();
    symlink(shop.file("elsewhere"), &event).unwrap();
    assert_eq!(shop.run(&["lock", CANCELLED]).code, 0);
    fs::remove_dir_all(shop.file("schemas")).unwrap();
    symlink("nowhere", shop.file("schemas")).unwrap();
    for event_type in [CANCELLED, PLACED] {
        shop.finds(event_type, "can't be read: No such file");
    }
    fs::remove_file(shop.file("schemas")).unwrap();
    fs::write(shop.file("schemas"), "").unwrap();
    shop.finds(CANCELLED, "can't be read: Not a directory");
}

#[test]
fn check_reports_a_build_script_that_does_not_watch_schemas() {
    let shop = Workspace::new();
    shop.out(&["lock"]);
    fs::write(shop.file("build.rs"), "fn main() {}\n").unwrap();
    shop.finds("tests/build.rs", "does not watch the published schemas");
    fs::remove_file(shop.file("build.rs")).unwrap();
    shop.finds("tests/build.rs", "the build script is missing");
    let text = shop.run(&["check"]).out;
    assert!(text.contains("create it with `schema lock`"), "{text}");
}

#[test]
fn check_warns_of_published_events_that_are_not_linked() {
    let shop = Workspace::new();
    shop.write("org.acme.cli.order.shipped.v1", 0, "{}");
    shop.finds("org.acme.cli.order.shipped.v1", "no linked crate defines it");
    let text = shop.run(&["check"]).out;
    assert!(text.contains("2 failures, 1 warning\n"), "{text}");
}

#[test]
fn diff_of_two_versions_and_of_a_version_and_the_code() {
    let shop = Workspace::new();
    shop.out(&["lock", PLACED]);
    let newest = shop.text(PLACED, 2);
    shop.write(PLACED, 0, &newest.replace("\"customer_id\"", "\"id\"").replace("An order", "The order"));
    assert!(shop.out(&["diff", PLACED]).contains("version 2 and the code are the same"));

    let lines = [
        "+ customer.customer_id: string    breaks new readers",
        "- customer.id: string    breaks old readers",
    ];
    for arguments in [&["diff", PLACED, "0"][..], &["diff", PLACED, "0", "2"]] {
        let out = shop.out(arguments);
        assert!(out.starts_with(&format!("{PLACED}: version 0 -> ")), "{out}");
        for line in lines {
            assert!(out.contains(line), "no {line:?} in {out}");
        }
        assert!(!out.contains('\u{1b}'), "no terminal, no colours: {out:?}");
    }
    assert!(shop.out(&["diff", PLACED, "0", "--color", "always"]).contains("\u{1b}[32m+ customer"));

    let diff: Value = serde_json::from_str(&shop.out(&["diff", PLACED, "0", "2", "--json"])).unwrap();
    assert_eq!((&diff["old"], &diff["new"]), (&json!("version 0"), &json!("version 2")));
    let mut added = diff["changes"][0].clone();
    let question = added["question"].take();
    let asks = |text: &str| text.contains("was `id` renamed to `customer_id`?");
    assert!(question.as_str().is_some_and(asks), "{question}");
    assert!(asks(&shop.out(&["diff", PLACED, "0"])));
    let expected = json!({
        "path": "customer.customer_id", "what": "field", "from": null, "to": "string",
        "breaks": ["new readers"], "question": null,
    });
    assert_eq!(added, expected);

    let ran = shop.run(&["diff", PLACED, "1"]);
    assert!(ran.code == 2 && ran.err.contains("locked versions: 0, 2"), "{}", ran.err);
    let ran = shop.run(&["diff", CANCELLED]);
    assert!(ran.code == 1 && ran.err.contains("is not locked"), "{}", ran.err);
}

#[test]
fn diff_of_two_files() {
    let shop = Workspace::new();
    shop.out(&["lock"]);
    let old = shop.text(CANCELLED, 0);
    fs::write(shop.0.path().join("a.avsc"), &old).unwrap();
    fs::write(shop.0.path().join("b.avsc"), old.replace("\"long\"", "\"double\"")).unwrap();
    let out = shop.out(&["diff", "--files", "a.avsc", "b.avsc"]);
    assert_eq!(out, "a.avsc -> b.avsc\n  ~ number: long -> double    breaks old readers\n");
    assert_eq!(shop.run(&["diff"]).code, 2);
    assert_eq!(shop.run(&["diff", "--files", "a.avsc"]).code, 2);
    let ran = shop.run(&["diff", "--files", "a.avsc", "c.avsc"]);
    assert!(ran.code == 1 && ran.err.contains("cannot read c.avsc"), "{}", ran.err);
}
