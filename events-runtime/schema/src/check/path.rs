//! Where in an event a fault lies.

use crate::text::Sink;

/// The way from the event to a field.
#[derive(Clone, Copy)]
pub(super) struct Path<'a> {
    pub(super) up: Option<&'a Path<'a>>,
    pub(super) name: &'a str,
}

impl Path<'_> {
    const fn push(&self, sink: &mut Sink<'_>) {
        if let Some(up) = self.up {
            up.push(sink);
            sink.push(".");
        }
        sink.push(self.name);
    }
}

/// The text of a path, in a constant.
pub(super) struct PathText {
    bytes: [u8; 256],
    len: usize,
}

impl PathText {
    pub(super) const fn of(path: Option<&Path<'_>>) -> Self {
        let mut bytes = [0; 256];
        let mut len = 0;
        if let Some(path) = path {
            let mut measure = Sink { out: None, len: 0 };
            path.push(&mut measure);
            if measure.len <= 256 {
                let mut sink = Sink { out: Some(&mut bytes), len: 0 };
                path.push(&mut sink);
                len = sink.len;
            }
        }
        Self { bytes, len }
    }

    pub(super) const fn as_str(&self) -> &str {
        match std::str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            Err(_) => "",
        }
    }
}
