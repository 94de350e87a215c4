//! What the Python package `openedx-events` has no way to write or to send.
//!
//! Each rule was found by running versions 10.5.0 and 11.2.0: the schema generator raises a `TypeError`, or
//! `send_event` does. Lists and maps of records, lists and maps need version 10.6 or later.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluated while compiling: `get` is not const, and a bad index is a compile error"
)]

use super::violation::Violation;
use crate::const_str::{ConstStr, same};
use crate::path::Path;
use crate::tree::{Record, Schema};
use crate::view::{NameView, Names};

/// The arguments of Python's `send_event` and of Django's signals: data of these names collides.
const RESERVED: &[&str] = &["from_event_bus", "metadata", "self", "send_robust", "sender", "signal", "time"];

/// What Open edX's Python could not do with one top-level field of an event.
#[must_use]
pub const fn check_openedx(schema: &'static Schema, field: usize) -> Option<Violation> {
    let Schema::Record(event) = schema else { return None };
    if field >= event.fields.len() {
        return None;
    }
    let mut checker = Checker { names: Names::new(), field, violation: None };
    let top = &event.fields[field];
    let path = Path::ROOT.field(top.name);
    let mut index = 0;
    while index < RESERVED.len() {
        if same(top.name.as_bytes(), RESERVED[index].as_bytes()) {
            checker.fail(
                &path,
                &[
                    " has the name of an argument of Python's `send_event`: give it another with `#[event(rename = \"…\")]`",
                ],
            );
        }
        index += 1;
    }
    match top.schema {
        Schema::Nullable(_) => checker.fail(
            &path,
            &[
                " may be null, and Open edX's Python has no optional data at the top level: use the type without the Option, or move the field into a nested data type",
            ],
        ),
        Schema::Array(_) | Schema::Map(_) => checker.fail(
            &path,
            &[
                " is a list or a map, and Open edX's Python can't send one at the top level: move the field into a nested data type",
            ],
        ),
        _ => {}
    }
    checker.schema(top.schema, &path, false);
    checker.violation
}

struct Checker {
    /// The records that have been checked.
    names: Names<'static, ()>,
    field: usize,
    violation: Option<Violation>,
}

impl Checker {
    const fn fail(&mut self, path: &Path<'_>, parts: &[&str]) {
        if self.violation.is_none() {
            let rest = ConstStr::<1024>::concat(parts);
            let path = path.text();
            self.violation =
                Some(Violation::new(self.field, &["field `", path.as_str(), "`", rest.as_str()]));
        }
    }

    const fn schema(&mut self, schema: &'static Schema, path: &Path<'_>, optional: bool) {
        match schema {
            Schema::Null => self.fail(path, &[" is nothing but null, which Open edX's Python has no data of: leave it out"]),
            Schema::Int => self.fail(
                path,
                &[" is an Avro `int`, and Python's int is a `long`: use i64, u32 or u64"],
            ),
            Schema::Float => {
                self.fail(path, &[" is an Avro `float`, and Python's float is a `double`: use f64"]);
            }
            Schema::Logical(logical) => self.logical(logical.name, path, optional),
            Schema::Enum(symbols) => self.fail(
                path,
                &[
                    " is the enum `",
                    symbols.origin.rust_type,
                    "`, and Open edX's Python has no enums: use a String, or `#[event(with = events_runtime::with::text",
                    if optional { "::option" } else { "" },
                    ")]` where the enum has Display and FromStr",
                ],
            ),
            Schema::Union(_) => self.fail(
                path,
                &[
                    " is an enum with data, and Open edX's Python has no unions but those with null: use a struct with an Option for each variant, or an event for each",
                ],
            ),
            Schema::Array(item) => self.items(" is a list of ", item, path),
            Schema::Map(value) => self.items(" is a map of ", value, path),
            Schema::Nullable(inner) => self.schema(inner, path, true),
            Schema::Record(record) => self.record(record, path),
            _ => {}
        }
    }

    const fn logical(&mut self, name: &'static str, path: &Path<'_>, optional: bool) {
        if same(name.as_bytes(), b"uuid") {
            return;
        }
        let option = if optional { "::option" } else { "" };
        if matches!(name.as_bytes(), [b't', b'i', b'm', b'e', b's', b't', b'a', b'm', b'p', b'-', ..]) {
            self.fail(
                path,
                &[
                    " is a `",
                    name,
                    "`, and Open edX writes times as ISO text: use `#[event(with = events_runtime::with::isoformat",
                    option,
                    ")]`",
                ],
            );
        } else {
            self.fail(
                path,
                &[
                    " has the logical type `",
                    name,
                    "`, and Open edX's Python has none: use `#[event(with = events_runtime::with::text",
                    option,
                    ")]`, or a String",
                ],
            );
        }
    }

    const fn items(&mut self, what: &str, item: &'static Schema, path: &Path<'_>) {
        if let Schema::Nullable(_) = item {
            self.fail(
                path,
                &[
                    what,
                    "optional values, and Open edX's Python has none in lists and maps: use the type without the Option, or a struct with a field that is an Option",
                ],
            );
        } else {
            self.schema(item, path, false);
        }
    }

    const fn record(&mut self, record: &'static Record, path: &Path<'_>) {
        if record.name.namespace.is_some() {
            self.fail(
                path,
                &[
                    " is of `",
                    record.origin.rust_type,
                    "`, which has a namespace of its own, and Open edX's Python has none: remove `namespace` from it (",
                    record.origin.location,
                    ")",
                ],
            );
        }
        let name = NameView { namespace: b"", ..NameView::new(&record.name, "", &[]) };
        if !self.names.insert(name) {
            return;
        }
        let mut index = 0;
        while index < record.fields.len() {
            let field = &record.fields[index];
            self.schema(field.schema, &path.field(field.name), false);
            index += 1;
        }
    }
}
