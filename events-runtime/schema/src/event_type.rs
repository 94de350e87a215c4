//! The rule `reverse.dns.subject.action.vN`, in `const fn` so that the macro's expansion can
//! apply it at compile time.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "evaluated while compiling: `get` is not const, and a panic is a compile error"
)]

use std::fmt;

/// The longest event type in bytes: what fits, with a prefix and a suffix, into a Kafka topic
/// name, a header and a database index.
const MAX_LEN: usize = 200;

/// What is wrong with an event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventTypeFault {
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
pub const fn check(event_type: &str) -> Result<(), EventTypeFault> {
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
pub const fn check_foreign(event_type: &str) -> Result<(), EventTypeFault> {
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

const fn fault(kind: Kind, start: usize, end: usize) -> EventTypeFault {
    EventTypeFault { kind, start, end }
}

const fn check_len(event_type: &str) -> Result<(), EventTypeFault> {
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

const fn check_version(text: &[u8]) -> Result<(), EventTypeFault> {
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

const fn check_part(text: &[u8], start: usize, end: usize, role: Role) -> Result<(), EventTypeFault> {
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

/// The text of a fault: a fixed buffer, so that a constant can hold it.
#[derive(Clone, Copy)]
pub struct FaultText {
    bytes: [u8; Self::CAPACITY],
    len: usize,
}

impl EventTypeFault {
    /// The fault in words; `event_type` is the text that was checked.
    pub const fn text(self, event_type: &str) -> FaultText {
        if matches!(self.kind, Kind::TooLong) {
            return FaultText::EMPTY.push("event type is longer than 200 bytes");
        }
        let text = FaultText::EMPTY.push("event type `").push(event_type).push("`: ");
        match self.kind {
            Kind::Empty => text.push(
                "is empty; write one such as `org.acme.orders.order.placed.v1`",
            ),
            Kind::TooLong => text,
            Kind::TooFewParts => text.push(
                "has fewer than 5 parts; the rule is reverse.dns.subject.action.vN, such as `org.acme.order.placed.v1`",
            ),
            Kind::EmptyPart => text.push("has an empty part; remove the dot too many"),
            Kind::NoVersion => text.push_part(self, event_type).push(
                " is not a version; end it with `.v` and a whole number from 1, such as `.v1`",
            ),
            Kind::ZeroVersion => text.push_part(self, event_type)
                .push(" is not a version; numbers begin at 1 and have no leading zeros"),
            Kind::Start(role) => text.push_part(self, event_type)
                .push(" (")
                .push(role.text())
                .push(") doesn't begin with a letter a-z"),
            Kind::Character(role) => text.push_part(self, event_type)
                .push(" (")
                .push(role.text())
                .push(") holds a character other than a-z, 0-9 and _"),
            Kind::Unprintable => text.push("holds white space or a control character"),
        }
    }
}

impl FaultText {
    const CAPACITY: usize = 640;
    const EMPTY: Self = Self { bytes: [0; Self::CAPACITY], len: 0 };

    const fn push_part(self, fault: EventTypeFault, event_type: &str) -> Self {
        // The range comes from `check`; another text than the one checked may be shorter.
        let bytes = event_type.as_bytes();
        let end = if fault.end < bytes.len() { fault.end } else { bytes.len() };
        let start = if fault.start < end { fault.start } else { end };
        self.push("part `").push_bytes(bytes, start, end).push("`")
    }

    const fn push(self, text: &str) -> Self {
        self.push_bytes(text.as_bytes(), 0, text.len())
    }

    const fn push_bytes(mut self, text: &[u8], start: usize, end: usize) -> Self {
        let mut at = start;
        while at < end && self.len < Self::CAPACITY {
            self.bytes[self.len] = text[at];
            self.len += 1;
            at += 1;
        }
        self
    }

    /// The text.
    pub const fn as_str(&self) -> &str {
        let (text, _) = self.bytes.split_at(self.len);
        match std::str::from_utf8(text) {
            Ok(text) => text,
            // A cut at the capacity may fall into a character.
            Err(_) => "event type: not printable",
        }
    }
}

impl fmt::Display for FaultText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for FaultText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
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
    fn each_fault_names_its_part_and_the_way_out() {
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
            ("org.acme.order.place-d.v1", "part `place-d` (the action) holds"),
            ("org.acme.ordér.placed.v1", "part `ordér` (the subject) holds"),
            ("org.acme.or der.placed.v1", "part `or der` (the subject) holds"),
        ] {
            let text = fault_of(event_type);
            assert!(text.contains(said), "{event_type:?}: {text}");
        }
    }

    #[test]
    fn too_long_event_type_is_refused_and_still_shown() {
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
    fn fault_told_of_another_text_does_not_panic() {
        let fault = check("org.acme.orders.order.place-d.v1").expect_err("a hyphen");
        assert!(!fault.text("x").as_str().is_empty());
    }
}
