//! Random keys, and the parts of a key in Python.

use openedx_events::keys::{
    CcxKey, CollectionKey, ContainerKey, CourseKey, InvalidKey, LibraryKey, LibraryUsageKey, UsageKey,
};
use serde_json::{Value, json};

use crate::{Maker, Sample};

/// Letters and digits of three scripts.
const WORD: &str = "abzXYZ019_é中٣";
const SLUG: &str = "abzXYZ019_é中٣-.";
const ID: &str = "abzXYZ019_é中٣-.~:";
const NAME: &str = "abzXYZ019_-.";

fn course(maker: &mut Maker) -> String {
    format!("{}+{}+{}", id(maker), id(maker), id(maker))
}

fn id(maker: &mut Maker) -> String {
    maker.text_of(ID, 1..12)
}

fn version(maker: &mut Maker) -> String {
    format!("+version@{}", maker.text_of("0123456789abcdef", 24..25))
}

/// Suffixes after org, course and run.
fn detail(maker: &mut Maker) -> String {
    let branch = if maker.chance(20) { format!("+branch@{}", id(maker)) } else { String::new() };
    if maker.chance(20) { branch + &version(maker) } else { branch }
}

fn block(maker: &mut Maker) -> String {
    format!("+type@{}+block@{}", id(maker), id(maker))
}

fn library(maker: &mut Maker) -> String {
    format!("{}:{}", maker.text_of(NAME, 1..12), maker.text_of(SLUG, 1..12))
}

fn ccx_course(maker: &mut Maker) -> String {
    format!("{}{}+ccx@{}", course(maker), detail(maker), maker.below(1_000_000))
}

fn course_key(maker: &mut Maker) -> String {
    match maker.below(6) {
        0 => {
            let parts = [1..9, 1..9, 0..9].map(|lengths| maker.text_of(&format!("{WORD}.%-"), lengths));
            parts.join("/")
        }
        1 => format!("ccx-v1:{}", ccx_course(maker)),
        2 => format!("library-v1:{}+{}{}", id(maker), id(maker), detail(maker)),
        3 => format!("course-v1:{}", version(maker).trim_start_matches('+')),
        _ => format!("course-v1:{}{}", course(maker), detail(maker)),
    }
}

fn usage_key(maker: &mut Maker) -> String {
    match maker.below(10) {
        0 => format!(
            "i4x://{}/{}/{}/{}",
            maker.text_of(&format!("{WORD}.%-"), 1..9),
            maker.text_of(&format!("{WORD}.%-"), 1..9),
            maker.text_of("ab c:", 1..9),
            maker.text_of(&format!("{ID}%"), 1..9),
        ),
        1 => format!("ccx-block-v1:{}{}", ccx_course(maker), block(maker)),
        2 => format!("lib-block-v1:{}+{}{}{}", id(maker), id(maker), detail(maker), block(maker)),
        3 => library_usage_key(maker),
        4 => {
            let inner = usage_key(maker).replace('$', "$$").replace(':', "$:");
            format!("aside-usage-v2:{inner}::{}", maker.text_of(SLUG, 1..9))
        }
        5 => format!("location:{}+{}+{}", course(maker), id(maker), id(maker)),
        _ => format!("block-v1:{}{}{}", course(maker), detail(maker), block(maker)),
    }
}

fn library_usage_key(maker: &mut Maker) -> String {
    format!("lb:{}:{}:{}", library(maker), maker.text_of(NAME, 1..9), maker.text_of(SLUG, 1..9))
}

macro_rules! keys {
    ($($key:ty: |$maker:ident| $text:expr),* $(,)?) => {$(
        impl Sample for $key {
            /// Of a form that Python knows, because it rejects an event with another one.
            fn random($maker: &mut Maker) -> Self {
                let text = $text;
                text.parse().unwrap_or_else(|fault: InvalidKey| panic!("{text}: {fault}"))
            }

            fn to_json(&self) -> Value {
                json!(self.as_str())
            }
        }
    )*};
}

keys! {
    CourseKey: |maker| course_key(maker),
    UsageKey: |maker| usage_key(maker),
    CcxKey: |maker| format!("ccx-v1:{}", ccx_course(maker)),
    LibraryKey: |maker| format!("lib:{}", library(maker)),
    LibraryUsageKey: |maker| library_usage_key(maker),
    ContainerKey: |maker| {
        format!("lct:{}:{}:{}", library(maker), maker.text_of(NAME, 1..9), maker.text_of(SLUG, 1..9))
    },
    CollectionKey: |maker| format!("lib-collection:{}:{}", library(maker), maker.text_of(SLUG, 1..9)),
}

/// The expected result of `from_string` of a Python class: `null` if it raises an error.
///
/// # Errors
/// If the key differs from its text, or its class is unknown.
pub fn described(class: &str, text: &str) -> Result<Value, String> {
    match class {
        "CourseKey" => read(text, CourseKey::from_text, course_parts),
        "CCXLocator" => read(text, CcxKey::from_text, |key| match key {
            CcxKey::Ccx(locator) => course_parts(&CourseKey::Ccx(locator.clone())),
            _ => Value::Null,
        }),
        "UsageKey" => read(text, UsageKey::from_text, usage_parts),
        "LibraryLocatorV2" => read(text, LibraryKey::from_text, |key| match key {
            LibraryKey::Library(library) => json!({ "org": library.org(), "slug": library.slug() }),
            _ => Value::Null,
        }),
        "LibraryUsageLocatorV2" => read(text, LibraryUsageKey::from_text, |key| match key {
            LibraryUsageKey::Block(block) => json!({
                "lib_key": block.library().as_str(), "block_type": block.block_type(), "usage_id": block.usage_id(),
            }),
            _ => Value::Null,
        }),
        "LibraryContainerLocator" => read(text, ContainerKey::from_text, |key| match key {
            ContainerKey::Library(container) => json!({
                "lib_key": container.library().as_str(), "container_type": container.container_type(),
                "container_id": container.container_id(),
            }),
            _ => Value::Null,
        }),
        "LibraryCollectionLocator" => read(text, CollectionKey::from_text, |key| match key {
            CollectionKey::Library(collection) => json!({
                "lib_key": collection.library().as_str(), "collection_id": collection.collection_id(),
            }),
            _ => Value::Null,
        }),
        other => Err(format!("no key is called {other}")),
    }
}

/// The methods of all keys.
trait Key: std::fmt::Display + std::str::FromStr<Err = InvalidKey> + PartialEq + std::fmt::Debug {
    fn canonical(&self) -> String;
}

macro_rules! key {
    ($($key:ty),*) => {$(impl Key for $key {
        fn canonical(&self) -> String {
            self.canonical()
        }
    })*};
}

key!(CourseKey, UsageKey, CcxKey, LibraryKey, LibraryUsageKey, ContainerKey, CollectionKey);

fn read<K: Key>(text: &str, from_text: fn(String) -> K, parts: fn(&K) -> Value) -> Result<Value, String> {
    let key = from_text(text.to_owned());
    if key.to_string() != text {
        return Err(format!("{text:?} is written as {:?}", key.to_string()));
    }
    let parts = parts(&key);
    match (text.parse::<K>(), parts) {
        (Err(_), Value::Null) => Ok(Value::Null),
        (Ok(again), Value::Object(mut parts)) if again == key => {
            parts.insert("canonical".to_owned(), json!(key.canonical()));
            Ok(Value::Object(parts))
        }
        (parsed, parts) => Err(format!("{text:?} is {parsed:?} when it is parsed, and {key:?}, {parts}")),
    }
}

fn lower(version: Option<&str>) -> Option<String> {
    version.map(str::to_ascii_lowercase)
}

fn course_parts(key: &CourseKey) -> Value {
    let (branch, version, ccx) = match key {
        CourseKey::Course(course) => (course.branch(), course.version(), None),
        CourseKey::Ccx(course) => (course.branch(), course.version(), Some(course)),
        CourseKey::Library(library) => {
            return json!({
                "org": library.org(), "library": library.library(), "branch": library.branch(),
                "version_guid": lower(library.version()),
            });
        }
        _ => return Value::Null,
    };
    let mut parts = json!({
        "org": key.org(), "course": key.course(), "run": key.run(), "branch": branch,
        "version_guid": lower(version),
    });
    if let Some(ccx) = ccx {
        parts["ccx"] = json!(ccx.ccx());
        parts["below"] = json!(ccx.course_locator().as_str());
    }
    parts
}

fn usage_parts(key: &UsageKey) -> Value {
    let (block_type, block_id) = (key.block_type(), key.block_id());
    match key {
        UsageKey::Block(block) => json!({
            "block_type": block_type, "block_id": block_id, "org": block.org(), "course": block.course(),
            "run": block.run(), "branch": block.branch(), "version_guid": lower(block.version()),
            "course_key": block.course_key().map(|course| course.to_string()),
        }),
        UsageKey::Ccx(block) => json!({ "block_type": block_type, "block_id": block_id, "ccx": block.ccx() }),
        UsageKey::LegacyLibrary(_) | UsageKey::Library(_) => {
            json!({ "block_type": block_type, "block_id": block_id })
        }
        UsageKey::Aside(aside) => json!({
            "block_type": block_type, "block_id": block_id, "usage_key": aside.usage_key().canonical(),
            "aside_type": aside.aside_type(),
        }),
        _ => Value::Null,
    }
}
