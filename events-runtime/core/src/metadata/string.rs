//! Checks for CloudEvents `String`s.

use super::MetadataError;

/// The first character that a string must not have, with its offset in bytes: a control character
/// (U+0000–U+001F, U+007F–U+009F) or a noncharacter, by the [type system]. A `str` has no surrogates.
///
/// [type system]: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#type-system
fn forbidden(text: &str) -> Option<(usize, char)> {
    if text.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) {
        return None;
    }
    text.char_indices().find(|(_, c)| c.is_control() || is_noncharacter(*c))
}

/// U+FDD0–U+FDEF, and the last two of each plane.
fn is_noncharacter(c: char) -> bool {
    let code = u32::from(c);
    matches!(code, 0xfdd0..=0xfdef) || code & 0xfffe == 0xfffe
}

/// Whether an attribute may have this value.
pub(super) fn is_string(text: &str) -> bool {
    forbidden(text).is_none()
}

/// Checks the value of an attribute. The error leaves out the value, which may be personal data.
pub(super) fn check(attribute: &str, text: &str) -> Result<(), MetadataError> {
    match forbidden(text) {
        None => Ok(()),
        Some((at, c)) => Err(MetadataError::Character {
            attribute: super::error::shortened(attribute),
            code: u32::from(c),
            at,
        }),
    }
}

/// Replaces each character that a string must not have by U+FFFD.
pub(super) fn cleaned(text: &str) -> Box<str> {
    if is_string(text) {
        return text.into();
    }
    let clean = |c: char| if c.is_control() || is_noncharacter(c) { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().map(clean).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_noncharacters_are_refused() {
        for wrong in [
            "\0",
            "a\r\n",
            "\t",
            "\u{1b}[31m",
            "\u{1f}",
            "\u{7f}",
            "\u{80}",
            "\u{85}",
            "\u{9f}",
            "\u{fdd0}",
            "\u{fdef}",
            "\u{fffe}",
            "\u{ffff}",
            "\u{1fffe}",
            "\u{10ffff}",
        ] {
            assert!(!is_string(wrong), "{wrong:?}");
            assert!(is_string(&cleaned(wrong)), "{wrong:?}");
        }
        for right in
            ["", " ~", "é", "\u{a0}", "\u{fdcf}", "\u{fdf0}", "\u{fffd}", "\u{1fffd}", "𝄞", "\u{e000}"]
        {
            assert!(is_string(right), "{right:?}");
            assert_eq!(&*cleaned(right), right);
        }
    }
}
