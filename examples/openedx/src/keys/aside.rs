//! Asides: the keys of an `XBlockAside` beside a block.

use super::macros::locator;
use super::usage::UsageKey;

locator!(
    /// An aside of a block: `aside-usage-v2:<usage key>::<aside type>`, with a `$` before each `:` and `$`.
    /// The older form is `aside-usage-v1:`, with other escapes.
    AsideUsageLocator,
    "aside locator",
    "`aside-usage-v2:<usage key>::<aside type>`"
);

impl AsideUsageLocator {
    pub(super) fn is_valid(text: &str) -> bool {
        let Some((version, key, _)) = split(text) else {
            return false;
        };
        // Each level doubles the escapes, so the depth is bounded by the text's length.
        match (version, UsageKey::from_text(key)) {
            (_, UsageKey::Verbatim(_)) => false,
            (Version::V2, _) => true,
            (Version::V1, key) => {
                let key = key.canonical();
                !key.contains("::") && !key.ends_with(':')
            }
        }
    }

    /// The block of the aside.
    pub fn usage_key(&self) -> UsageKey {
        UsageKey::from_text(split(&self.0).map(|(_, key, _)| key).unwrap_or_default())
    }

    /// The type of the aside.
    pub fn aside_type(&self) -> String {
        split(&self.0).map(|(_, _, aside_type)| aside_type).unwrap_or_default()
    }

    /// The text that opaque-keys would write.
    pub fn canonical(&self) -> String {
        let Some((version, _, aside_type)) = split(&self.0) else {
            return self.0.clone();
        };
        let key = self.usage_key().canonical();
        match version {
            Version::V1 => format!("aside-usage-v1:{}::{}", encode_v1(&key), encode_v1(&aside_type)),
            Version::V2 => format!("aside-usage-v2:{}::{}", encode_v2(&key), encode_v2(&aside_type)),
        }
    }
}

#[derive(Clone, Copy)]
enum Version {
    V1,
    V2,
}

/// The version, the block's key and the type in an aside's text.
fn split(text: &str) -> Option<(Version, String, String)> {
    if let Some(rest) = text.strip_prefix("aside-usage-v1:") {
        let (key, aside_type) = rest.split_once("::").unwrap_or((rest, ""));
        Some((Version::V1, decode_v1(key)?, decode_v1(aside_type)?))
    } else {
        let (key, aside_type) = text.strip_prefix("aside-usage-v2:")?.rsplit_once("::")?;
        Some((Version::V2, decode_v2(key)?, decode_v2(aside_type)?))
    }
}

fn encode_v1(text: &str) -> String {
    text.replace('$', "$$").replace("::", "$::")
}

/// `None` if another text has the same encoding.
fn decode_v1(text: &str) -> Option<String> {
    let decoded = text.replace("$::", "::").replace("$$", "$");
    (encode_v1(&decoded) == text).then_some(decoded)
}

fn encode_v2(text: &str) -> String {
    text.replace('$', "$$").replace(':', "$:")
}

/// `None` if a `:` or a `$` is not escaped.
fn decode_v2(text: &str) -> Option<String> {
    let mut before = None;
    for character in text.chars() {
        if character == ':' && before != Some('$') {
            return None;
        }
        before = Some(character);
    }
    let decoded = text.replace("$:", ":");
    let mut run = 0;
    for character in decoded.chars().chain(['\0']) {
        if character == '$' {
            run += 1;
        } else if run % 2 == 1 {
            return None;
        } else {
            run = 0;
        }
    }
    Some(decoded.replace("$$", "$"))
}
