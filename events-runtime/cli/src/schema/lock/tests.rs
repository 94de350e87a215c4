use std::sync::Barrier;
use std::thread;

use super::*;
use events_core::PublicSignal;
use events_core::internal::SignalDescriptor;

fn file() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("org.acme.order.placed.v1/0.avsc");
    (folder, path)
}

/// The number of files in the folder of a file.
fn sibling_count(path: &Path) -> usize {
    fs::read_dir(path.parent().unwrap()).unwrap().count()
}

#[test]
fn version_is_written_once() {
    let (_folder, path) = file();
    write_new(&path, "first").unwrap();
    assert_eq!(write_new(&path, "second").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read_to_string(&path).unwrap(), "first");
    assert_eq!(sibling_count(&path), 1, "no draft is left");
}

#[test]
fn version_appears_complete() {
    let (_folder, path) = file();
    let link = |draft: &Path, path: &Path| {
        assert!(!path.exists());
        assert_eq!(fs::read_to_string(draft).unwrap(), "whole");
        fs::hard_link(draft, path)
    };
    write_new_with(&path, "whole", link).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "whole");
}

#[test]
fn version_is_written_without_hard_links() {
    let (_folder, path) = file();
    let link = |_: &Path, _: &Path| Err(io::ErrorKind::Unsupported.into());
    write_new_with(&path, "first", link).unwrap();
    assert_eq!(write_new_with(&path, "second", link).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read_to_string(&path).unwrap(), "first");
    assert_eq!(sibling_count(&path), 1, "no draft is left");
}

#[test]
fn one_of_many_writers_wins() {
    let (_folder, path) = file();
    let texts: Vec<_> = (0..16).map(|writer| format!("{writer}").repeat(10_000)).collect();
    let barrier = Barrier::new(texts.len());
    let write = |text: &str| {
        barrier.wait();
        write_new(&path, text)
    };
    let outcomes: Vec<_> = thread::scope(|scope| {
        let writers: Vec<_> = texts.iter().map(|text| scope.spawn(|| write(text))).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    let winners: Vec<_> =
        texts.iter().zip(&outcomes).filter_map(|(text, outcome)| outcome.is_ok().then_some(text)).collect();
    assert_eq!(winners, [&fs::read_to_string(&path).unwrap()]);
    let lost = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    assert!(lost.map(io::Error::kind).all(|kind| kind == io::ErrorKind::AlreadyExists));
    assert_eq!(sibling_count(&path), 1, "no draft is left");
}

mod counted {
    use events_core::PublicSignal;

    #[derive(PublicSignal)]
    #[public_signal(event_type = "org.acme.cli.lock.counted.v1", key = number)]
    pub(super) struct Counted {
        number: i64,
        code: String,
    }
}

mod numbered {
    use events_core::PublicSignal;

    #[derive(PublicSignal)]
    #[public_signal(event_type = "org.acme.cli.lock.numbered.v1", key = number, minor_version = 3)]
    pub(super) struct Numbered {
        number: i64,
        code: String,
    }
}

/// Publishes a definition with this key, from a program built with the published files.
fn publish_with<E: PublicSignal>(folder: &Path, key: &'static [&'static str]) -> Outcome {
    publish_as(folder, SignalDescriptor { key, ..*E::DESCRIPTOR })
}

fn publish_as(folder: &Path, descriptor: SignalDescriptor) -> Outcome {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned();
    let (path, schemas) = (folder.to_owned(), folder.to_owned());
    let crate_dir = CrateDir { path, schemas, schemas_relative: String::new(), root };
    publish(&LockedEvent::built(descriptor, crate_dir)).unwrap()
}

fn key_of(path: &Path) -> Value {
    serde_json::from_str::<Value>(&fs::read_to_string(path).unwrap()).unwrap()["key"].take()
}

#[test]
fn changed_key_is_published_as_the_next_version_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let publish = |key| publish_with::<counted::Counted>(folder.path(), key);
    let Outcome::Locked(0, first, warnings) = publish(&["number"]) else { panic!("not locked") };
    assert_eq!((key_of(&first), warnings.len()), ("number".into(), 0));
    let unchanged = publish(&["number"]);
    assert!(matches!(unchanged, Outcome::Unchanged(0, _)));
    let Outcome::Locked(1, second, warnings) = publish(&["code"]) else { panic!("not locked") };
    assert_eq!((key_of(&first), key_of(&second)), ("number".into(), "code".into()));
    let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
    for part in ["from `number` to `code`", "order and partition", "remove the file"] {
        assert!(warning.contains(part), "{warning}");
    }
    let unchanged = publish(&["code"]);
    assert!(matches!(unchanged, Outcome::Unchanged(1, _)));
    // The key of a file without the attribute is unknown.
    fs::write(&second, fs::read_to_string(&second).unwrap().replace("\"key\": \"code\",", "")).unwrap();
    let unchanged = publish(&["number"]);
    assert!(matches!(unchanged, Outcome::Unchanged(1, _)));
}

mod replaced {
    use events_core::PublicSignal;

    #[derive(PublicSignal)]
    #[public_signal(event_type = "org.acme.cli.lock.replaced.v1")]
    pub(super) struct Replaced {
        voucher: Option<String>,
    }
}

#[test]
fn possible_rename_of_a_field_is_a_question() {
    let folder = tempfile::tempdir().unwrap();
    let Outcome::Locked(0, path, warnings) = publish_with::<replaced::Replaced>(folder.path(), &[]) else {
        panic!("not locked")
    };
    assert_eq!(warnings, [""; 0]);
    fs::write(&path, fs::read_to_string(&path).unwrap().replace("voucher", "coupon")).unwrap();
    let next = SignalDescriptor { minor_version: || 1, ..*replaced::Replaced::DESCRIPTOR };
    let Outcome::Locked(1, _, warnings) = publish_as(folder.path(), next) else { panic!("not locked") };
    let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
    for part in ["was `coupon` renamed to `voucher`?", "alias", "rename", "remove the file"] {
        assert!(warning.contains(part), "{warning}");
    }
}

#[test]
fn changed_key_of_an_explicit_version_requires_the_next_number() {
    let folder = tempfile::tempdir().unwrap();
    let publish = |key| publish_with::<numbered::Numbered>(folder.path(), key);
    assert!(matches!(publish(&["number"]), Outcome::Locked(3, ..)));
    let Outcome::Refused(reason) = publish(&["code"]) else { panic!("not refused") };
    for part in ["from `number` to `code`", "version 3 is published", "raise `minor_version`"] {
        assert!(reason.contains(part), "{reason}");
    }
}
