//! Macros for the common parts of all locators and keys.

/// Text for which `$name::is_valid` is true.
macro_rules! locator {
    ($(#[$attribute:meta])* $name:ident, $what:literal, $forms:literal) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(super) String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::keys::InvalidKey;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                if Self::is_valid(&text) {
                    Ok(Self(text))
                } else {
                    Err($crate::keys::InvalidKey { what: $what, forms: $forms, len: text.len() })
                }
            }
        }

        $crate::keys::macros::text!($name);
    };
}

/// An enum of locators, and of keys in unknown forms.
macro_rules! key {
    (
        $(#[$attribute:meta])* $name:ident, $what:literal, $forms:literal,
        { $($(#[$about:meta])* $variant:ident($locator:ident)),* $(,)? }
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$about])* $variant($locator),)*
            /// An unknown form, unchanged.
            Verbatim($crate::keys::Verbatim),
        }

        impl $name {
            /// The key of text in any form.
            pub fn from_text(text: impl Into<String>) -> Self {
                let text = text.into();
                $(if $locator::is_valid(&text) {
                    return Self::$variant($locator(text));
                })*
                Self::Verbatim($crate::keys::Verbatim(text))
            }

            /// The text, unchanged.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant(locator) => locator.as_str(),)*
                    Self::Verbatim(text) => text.as_str(),
                }
            }

            /// The text that opaque-keys would write; rarely different.
            pub fn canonical(&self) -> String {
                match self {
                    $(Self::$variant(locator) => locator.canonical(),)*
                    Self::Verbatim(text) => text.as_str().to_owned(),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::keys::InvalidKey;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                match Self::from_text(text) {
                    Self::Verbatim(text) => {
                        Err($crate::keys::InvalidKey { what: $what, forms: $forms, len: text.as_str().len() })
                    }
                    key => Ok(key),
                }
            }
        }

        $(impl From<$locator> for $name {
            fn from(locator: $locator) -> Self {
                Self::$variant(locator)
            }
        })*

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        /// Compares the texts.
        impl Ord for $name {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                self.as_str().cmp(other.as_str())
            }
        }

        /// A `string`; reading one never fails.
        impl events_runtime::EventData for $name {
            const SCHEMA: &'static events_runtime::avro::Schema = &events_runtime::avro::Schema::String;
            const MIN_LEN: usize = 1;
            // An empty text is not a key, and Python never writes one.
            const MAY_BE_FALSY: bool = false;

            fn max_len(&self) -> usize {
                events_runtime::avro::bytes_max_len(self.as_str().len())
            }

            fn encode<'w>(&self, writer: events_runtime::avro::Writer<'w>) -> events_runtime::avro::Writer<'w> {
                writer.string(self.as_str())
            }

            fn decode(
                reader: &mut events_runtime::avro::Reader<'_>,
            ) -> Result<Self, events_runtime::avro::DecodeError> {
                reader.text().map(Self::from_text)
            }
        }

        impl events_runtime::EventKey for $name {
            fn append_key(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(self.as_str().as_bytes());
            }
        }

        $crate::keys::macros::text!($name);
    };
}

/// To and from text.
macro_rules! text {
    ($name:ident) => {
        impl std::str::FromStr for $name {
            type Err = $crate::keys::InvalidKey;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::try_from(text.to_owned())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }
    };
}

pub(super) use {key, locator, text};
