//! The rule `reverse.dns.subject.action.vN`, in `const fn` so that the macro's expansion can
//! apply it at compile time.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "evaluated while compiling: `get` is not const, and a panic is a compile error"
)]

use crate::const_str::{ConstStr, StrWriter};

/// The longest event type in bytes: what fits, with a prefix and a suffix, into a Kafka topic
/// name, a header and a database index.
const MAX_LEN: usize = 200;

/// What is wrong with an event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventTypeViolation {
    kind: Kind,
    /// The part at fault, as a range of bytes.
    start: usize,
    end: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Empty,
    TooLong,
    TooFewParts,
    EmptyPart,
    NoVersion,
    ZeroVersion,
    Start(Role),
    Character(Role),
    Unprintable,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    ReverseDns,
    Subject,
    Action,
}

impl Role {
    const fn text(self) -> &'static str {
        match self {
            Self::ReverseDns => "of the reverse DNS name",
            Self::Subject => "the subject",
            Self::Action => "the action",
        }
    }
}

/// Checks the rule `reverse.dns.subject.action.vN`; see the [module](super) for the characters
/// of each part.
///
/// # Errors
/// The first fault from the left, the version's before the others'.
pub const fn check(event_type: &str) -> Result<(), EventTypeViolation> {
    if let Err(fault) = check_len(event_type) {
        return Err(fault);
    }
    let text = event_type.as_bytes();
    let parts = count_parts(text);
    if let Err(fault) = check_version(text) {
        return Err(fault);
    }
    if parts < 5 {
        return Err(fault(Kind::TooFewParts, 0, text.len()));
    }
    let mut start = 0;
    let mut part = 0;
    while part + 1 < parts {
        let end = part_end(text, start);
        let role = if part + 3 < parts {
            Role::ReverseDns
        } else if part + 3 == parts {
            Role::Subject
        } else {
            Role::Action
        };
        if let Err(fault) = check_part(text, start, end, role) {
            return Err(fault);
        }
        start = end + 1;
        part += 1;
    }
    Ok(())
}

/// Checks an event type of others: not empty, at most 200 bytes, no white space, no control
/// characters.
///
/// # Errors
/// The first fault from the left.
pub const fn check_foreign(event_type: &str) -> Result<(), EventTypeViolation> {
    if let Err(fault) = check_len(event_type) {
        return Err(fault);
    }
    let text = event_type.as_bytes();
    let mut at = 0;
    while at < text.len() {
        if text[at] <= b' ' || text[at] == 0x7f {
            return Err(fault(Kind::Unprintable, at, at + 1));
        }
        at += 1;
    }
    Ok(())
}

/// Panics, at compile time in a constant, unless [`check`] passes.
///
/// # Panics
/// With the text of the fault.
#[track_caller]
pub const fn assert_valid(event_type: &str) {
    if let Err(fault) = check(event_type) {
        panic!("{}", fault.text(event_type).as_str());
    }
}

const fn fault(kind: Kind, start: usize, end: usize) -> EventTypeViolation {
    EventTypeViolation { kind, start, end }
}

const fn check_len(event_type: &str) -> Result<(), EventTypeViolation> {
    if event_type.is_empty() {
        return Err(fault(Kind::Empty, 0, 0));
    }
    if event_type.len() > MAX_LEN {
        return Err(fault(Kind::TooLong, 0, event_type.len()));
    }
    Ok(())
}

const fn count_parts(text: &[u8]) -> usize {
    let mut parts = 1;
    let mut at = 0;
    while at < text.len() {
        if text[at] == b'.' {
            parts += 1;
        }
        at += 1;
    }
    parts
}

const fn part_end(text: &[u8], start: usize) -> usize {
    let mut end = start;
    while end < text.len() && text[end] != b'.' {
        end += 1;
    }
    end
}

const fn check_version(text: &[u8]) -> Result<(), EventTypeViolation> {
    let mut start = text.len();
    while start > 0 && text[start - 1] != b'.' {
        start -= 1;
    }
    let len = text.len() - start;
    if len == 0 {
        return Err(fault(Kind::EmptyPart, start, start));
    }
    if text[start] != b'v' || len == 1 {
        return Err(fault(Kind::NoVersion, start, text.len()));
    }
    let mut at = start + 1;
    while at < text.len() {
        if !text[at].is_ascii_digit() {
            return Err(fault(Kind::NoVersion, start, text.len()));
        }
        at += 1;
    }
    if text[start + 1] == b'0' {
        return Err(fault(Kind::ZeroVersion, start, text.len()));
    }
    Ok(())
}

const fn check_part(text: &[u8], start: usize, end: usize, role: Role) -> Result<(), EventTypeViolation> {
    if start == end {
        return Err(fault(Kind::EmptyPart, start, end));
    }
    let mut at = start;
    while at < end {
        if !matches!(text[at], b'a'..=b'z' | b'0'..=b'9' | b'_') {
            return Err(fault(Kind::Character(role), start, end));
        }
        at += 1;
    }
    if !text[start].is_ascii_lowercase() {
        return Err(fault(Kind::Start(role), start, end));
    }
    Ok(())
}

impl EventTypeViolation {
    /// The message; `event_type` is the text that was checked.
    pub const fn text(self, event_type: &str) -> ConstStr<640> {
        let mut text = ConstStr::EMPTY;
        let mut writer = text.writer();
        if matches!(self.kind, Kind::TooLong) {
            writer.push("event type is longer than 200 bytes");
            return text;
        }
        writer.push_all(&["event type `", event_type, "`: "]);
        match self.kind {
            Kind::Empty => writer.push("is empty; write one such as `org.acme.orders.order.placed.v1`"),
            Kind::TooLong => {}
            Kind::TooFewParts => writer.push(
                "has fewer than 5 parts; the rule is reverse.dns.subject.action.vN, such as `org.acme.order.placed.v1`",
            ),
            Kind::EmptyPart => writer.push("has an empty part; remove the extra dot"),
            Kind::NoVersion => {
                self.push_part(&mut writer, event_type);
                writer.push(" is not a version; end with `.v` and a whole number from 1, such as `.v1`");
            }
            Kind::ZeroVersion => {
                self.push_part(&mut writer, event_type);
                writer.push(" is not a version; numbers begin at 1 and have no leading zeros");
            }
            Kind::Start(role) => {
                self.push_part(&mut writer, event_type);
                writer.push_all(&[" (", role.text(), ") doesn't begin with a letter a-z"]);
            }
            Kind::Character(role) => {
                self.push_part(&mut writer, event_type);
                writer.push_all(&[" (", role.text(), ") has a character other than a-z, 0-9 and _"]);
            }
            Kind::Unprintable => writer.push("has white space or a control character"),
        }
        text
    }

    const fn push_part(self, text: &mut StrWriter<'_>, event_type: &str) {
        // The range is from `check`. If `event_type` is another text than the checked one, it may be shorter.
        let bytes = event_type.as_bytes();
        let end = if self.end < bytes.len() { self.end } else { bytes.len() };
        let start = if self.start < end { self.start } else { end };
        text.push("part `");
        text.push_bytes(bytes.split_at(end).0.split_at(start).1);
        text.push("`");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault_of(event_type: &str) -> String {
        match check(event_type) {
            Ok(()) => panic!("{event_type:?} passed"),
            Err(fault) => fault.text(event_type).to_string(),
        }
    }

    #[test]
    fn regular_event_types_pass_at_compile_time() {
        const _: () = assert_valid("org.acme.orders.order.placed.v1");
        const _: () = assert_valid("org.acme.order.placed.v12");
        const _: () = assert_valid("org.openedx.content_authoring.xblock.published.v1");
        const _: () = assert_valid("org.openedx.learning.auth.session.login.completed.v1");
    }

    #[test]
    fn each_error_names_its_part_and_the_fix() {
        for (event_type, said) in [
            ("", "is empty"),
            ("order.placed.v1", "fewer than 5 parts"),
            ("a.b.c.v1", "fewer than 5 parts"),
            ("org..orders.order.placed.v1", "empty part"),
            (".org.acme.order.placed.v1", "empty part"),
            ("org.acme.order.placed.v1.", "empty part"),
            ("org.acme.order.placed", "part `placed` is not a version"),
            ("org.acme.orders.order.placed.v", "part `v` is not a version"),
            ("org.acme.orders.order.placed.V1", "part `V1` is not a version"),
            ("org.acme.orders.order.placed.v1a", "part `v1a` is not a version"),
            ("org.acme.orders.order.placed.v0", "begin at 1"),
            ("org.acme.orders.order.placed.v01", "no leading zeros"),
            ("org.Acme.orders.order.placed.v1", "part `Acme` (of the reverse DNS name)"),
            ("org.acme.1order.placed.v1", "part `1order` (the subject) doesn't begin"),
            ("org.acme.order._placed.v1", "part `_placed` (the action) doesn't begin"),
            ("org.acme.order.place-d.v1", "part `place-d` (the action) has"),
            ("org.acme.ordér.placed.v1", "part `ordér` (the subject) has"),
            ("org.acme.or der.placed.v1", "part `or der` (the subject) has"),
        ] {
            let text = fault_of(event_type);
            assert!(text.contains(said), "{event_type:?}: {text}");
        }
    }

    #[test]
    fn a_too_long_event_type_has_a_message() {
        let long = format!("org.acme.{}.placed.v1", "x".repeat(200));
        assert!(fault_of(&long).contains("longer than 200 bytes"));
        let huge = "é".repeat(10_000);
        let fault = check_foreign(&huge).expect_err("too long");
        assert_eq!(fault.text(&huge).as_str(), "event type is longer than 200 bytes");
    }

    #[test]
    fn foreign_rule_refuses_white_space_and_control_characters() {
        assert!(check_foreign("com.github.pull-request.opened").is_ok());
        assert!(check_foreign("Größe").is_ok());
        for event_type in ["", " ", "a b", "a\nb", "a\u{7f}", "a\0"] {
            assert!(check_foreign(event_type).is_err(), "{event_type:?}");
        }
    }

    #[test]
    fn text_for_another_event_type_does_not_panic() {
        let fault = check("org.acme.orders.order.place-d.v1").expect_err("a hyphen");
        assert!(!fault.text("x").as_str().is_empty());
    }
}
