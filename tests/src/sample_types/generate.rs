//! Generated values and their Avro form: an oracle that does not use the codec.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::num::NonZero;
use std::sync::Arc;

use events_runtime::MapKey;
use serde_json::{Value, json};

use super::source::Source;
use super::terms::{float, hex};

/// A type whose values can be generated and written in the JSON form of `tests/interop/judge.py`.
pub(crate) trait Generate: Sized {
    /// Generates a value.
    fn generate(source: &mut Source) -> Self;

    /// The value in JSON form, inside a definition of this namespace.
    fn terms(&self, namespace: &str) -> Value;

    /// The full Avro name of this type in a union; `None` for an unnamed type.
    fn avro_name(namespace: &str) -> Option<String> {
        let _ = namespace;
        None
    }

    /// Generates the items of a sequence; `u8` generates bytes instead.
    fn sequence(source: &mut Source, len: usize) -> Vec<Self> {
        source.inside(|source| (0..len).map(|_| Self::generate(source)).collect())
    }

    /// A sequence in JSON form.
    fn sequence_terms(items: &[Self], namespace: &str) -> Value {
        items.iter().map(|item| item.terms(namespace)).collect()
    }

    /// The part that this type adds to the name of an enclosing generic type.
    fn argument() -> String {
        unimplemented!("not an argument of a generic type among the sample types")
    }
}

/// The prefix of a full name: the namespace and a dot, or nothing.
pub(super) fn full(namespace: &str, name: &str) -> String {
    format!("{namespace}.{name}")
}

macro_rules! integers {
    ($($rust:ty: $low:expr, $high:expr, $name:literal;)*) => {$(
        impl Generate for $rust {
            fn generate(source: &mut Source) -> Self {
                source.whole($low.into(), $high.into()).try_into().expect("within the range")
            }

            fn terms(&self, _: &str) -> Value {
                json!(*self)
            }

            fn argument() -> String {
                $name.to_owned()
            }
        }

        impl Generate for NonZero<$rust> {
            fn generate(source: &mut Source) -> Self {
                NonZero::new(<$rust>::generate(source)).unwrap_or(NonZero::<$rust>::MIN)
            }

            fn terms(&self, _: &str) -> Value {
                json!(self.get())
            }
        }
    )*};
}

integers! {
    i8: i8::MIN, i8::MAX, "int";
    i16: i16::MIN, i16::MAX, "int";
    i32: i32::MIN, i32::MAX, "int";
    i64: i64::MIN, i64::MAX, "long";
    u16: u16::MIN, u16::MAX, "int";
    u32: u32::MIN, u32::MAX, "long";
    u64: u64::MIN, i64::MAX, "long";
}

/// A number by itself, bytes in a sequence.
impl Generate for u8 {
    fn generate(source: &mut Source) -> Self {
        source.bits().to_le_bytes()[0]
    }

    fn terms(&self, _: &str) -> Value {
        json!(*self)
    }

    fn sequence(source: &mut Source, len: usize) -> Vec<Self> {
        // Sometimes longer than other sequences, for lengths of two bytes.
        let len = if source.below(8) == 0 { len + 60 } else { len };
        (0..len).map(|_| Self::generate(source)).collect()
    }

    fn sequence_terms(items: &[Self], _: &str) -> Value {
        bytes(items)
    }
}

impl Generate for bytes::Bytes {
    fn generate(source: &mut Source) -> Self {
        let len = source.len();
        u8::sequence(source, len).into()
    }

    fn terms(&self, _: &str) -> Value {
        bytes(self)
    }
}

/// `{"$bytes": hex}`.
pub(super) fn bytes(bytes: &[u8]) -> Value {
    json!({ "$bytes": hex(bytes) })
}

impl Generate for bool {
    fn generate(source: &mut Source) -> Self {
        source.below(2) == 1
    }

    fn terms(&self, _: &str) -> Value {
        json!(*self)
    }
}

/// Without NaN, which is unequal to itself; `scalars::Floats` has it.
impl Generate for f32 {
    fn generate(source: &mut Source) -> Self {
        let [a, b, c, d, ..] = source.bits().to_le_bytes();
        let any = Self::from_le_bytes([a, b, c, d]);
        let edges =
            [0.0, -0.0, 1.5, -1e-45, Self::MIN_POSITIVE, Self::MAX, Self::INFINITY, Self::NEG_INFINITY];
        let edge = edges[source.below(edges.len())];
        if any.is_nan() || source.below(2) == 0 { edge } else { any }
    }

    fn terms(&self, _: &str) -> Value {
        float(f64::from(*self))
    }
}

impl Generate for f64 {
    fn generate(source: &mut Source) -> Self {
        let any = Self::from_bits(source.bits());
        let edges = [0.0, -0.0, 0.1, 5e-324, Self::MIN, Self::MAX, Self::INFINITY, Self::NEG_INFINITY];
        let edge = edges[source.below(edges.len())];
        if any.is_nan() || source.below(2) == 0 { edge } else { any }
    }

    fn terms(&self, _: &str) -> Value {
        float(*self)
    }
}

impl Generate for char {
    fn generate(source: &mut Source) -> Self {
        source.text().chars().next().unwrap_or('\u{80}')
    }

    fn terms(&self, _: &str) -> Value {
        json!(self.to_string())
    }
}

macro_rules! texts {
    ($($rust:ty),*) => {$(
        impl Generate for $rust {
            fn generate(source: &mut Source) -> Self {
                source.text().into()
            }

            fn terms(&self, _: &str) -> Value {
                let text: &str = self;
                json!(text)
            }

            fn argument() -> String {
                "string".to_owned()
            }
        }
    )*};
}

texts!(String, Box<str>, Arc<str>, Cow<'static, str>);

macro_rules! slices {
    ($([$($bounds:tt)*] $collection:ty;)*) => {$(
        impl<$($bounds)*> Generate for $collection {
            fn generate(source: &mut Source) -> Self {
                let len = source.len();
                T::sequence(source, len).into()
            }

            fn terms(&self, namespace: &str) -> Value {
                T::sequence_terms(self, namespace)
            }

            fn argument() -> String {
                format!("array_{}", T::argument())
            }
        }
    )*};
}

slices! {
    [T: Generate] Vec<T>;
    [T: Generate] Box<[T]>;
    [T: Generate] Arc<[T]>;
    [T: Generate + Clone] Cow<'static, [T]>;
}

impl<T: Generate, const N: usize> Generate for [T; N] {
    fn generate(source: &mut Source) -> Self {
        std::array::from_fn(|_| T::generate(source))
    }

    fn terms(&self, namespace: &str) -> Value {
        T::sequence_terms(self, namespace)
    }
}

macro_rules! collections {
    ($([$($bounds:tt)*] $collection:ty;)*) => {$(
        impl<T: Generate + $($bounds)*> Generate for $collection {
            fn generate(source: &mut Source) -> Self {
                let len = source.len();
                T::sequence(source, len).into_iter().collect()
            }

            fn terms(&self, namespace: &str) -> Value {
                self.iter().map(|item| item.terms(namespace)).collect()
            }
        }
    )*};
}

collections! {
    [] VecDeque<T>;
    [Ord] BTreeSet<T>;
    [Hash + Eq] HashSet<T>;
}

macro_rules! maps {
    ($([$($bounds:tt)*] $map:ty;)*) => {$(
        impl<K: Generate + MapKey + $($bounds)*, V: Generate> Generate for $map {
            fn generate(source: &mut Source) -> Self {
                let len = source.len();
                source.inside(|source| (0..len).map(|_| (K::generate(source), V::generate(source))).collect())
            }

            fn terms(&self, namespace: &str) -> Value {
                let entries = self.iter();
                let entries = entries.map(|(key, value)| (key.as_str().to_owned(), value.terms(namespace)));
                Value::Object(entries.collect())
            }

            fn argument() -> String {
                format!("map_{}", V::argument())
            }
        }
    )*};
}

maps! {
    [Ord] BTreeMap<K, V>;
    [Hash + Eq] HashMap<K, V>;
}

macro_rules! pointers {
    ($($pointer:ident),*) => {$(
        impl<T: Generate> Generate for $pointer<T> {
            fn generate(source: &mut Source) -> Self {
                Self::new(T::generate(source))
            }

            fn terms(&self, namespace: &str) -> Value {
                T::terms(self, namespace)
            }

            fn avro_name(namespace: &str) -> Option<String> {
                T::avro_name(namespace)
            }

            fn argument() -> String {
                T::argument()
            }
        }
    )*};
}

pointers!(Box, Arc);

impl<T: Generate> Generate for Option<T> {
    fn generate(source: &mut Source) -> Self {
        (source.pick(3) > 0).then(|| source.inside(T::generate))
    }

    fn terms(&self, namespace: &str) -> Value {
        match (self, T::avro_name(namespace)) {
            (None, _) => Value::Null,
            (Some(value), None) => value.terms(namespace),
            (Some(value), Some(name)) => json!({ "$branch": [name, value.terms(namespace)] }),
        }
    }

    fn argument() -> String {
        format!("nullable_{}", T::argument())
    }
}

/// `Generate` of a record: its fields in order, with their Avro names.
macro_rules! record {
    (@or $given:literal $own:expr) => { $given };
    (@or $own:expr) => { $own };
    ($ty:ident $(as $name:literal)? $(in $namespace:literal)? { $($field:ident $(as $avro:literal)?),* $(,)? }) => {
        impl $crate::sample_types::generate::Generate for $ty {
            fn generate(source: &mut $crate::sample_types::source::Source) -> Self {
                let _ = &source;
                source.inside(|source| {
                    let _ = &source;
                    Self { $($field: $crate::sample_types::generate::Generate::generate(source)),* }
                })
            }

            fn terms(&self, namespace: &str) -> serde_json::Value {
                let _ = namespace;
                let own = $crate::sample_types::generate::record!(@or $($namespace)? namespace);
                let _ = own;
                let fields: Vec<(&str, serde_json::Value)> = vec![$((
                    $crate::sample_types::generate::record!(@or $($avro)? stringify!($field)),
                    $crate::sample_types::generate::Generate::terms(&self.$field, own),
                )),*];
                fields.into_iter().collect()
            }

            fn avro_name(namespace: &str) -> Option<String> {
                let _ = namespace;
                let own = $crate::sample_types::generate::record!(@or $($namespace)? namespace);
                let name = $crate::sample_types::generate::record!(@or $($name)? stringify!($ty));
                Some($crate::sample_types::generate::full(own, name))
            }

            fn argument() -> String {
                $crate::sample_types::generate::record!(@or $($name)? stringify!($ty)).to_owned()
            }
        }
    };
}
pub(super) use record;

/// `Generate` of an enum without data.
macro_rules! symbols {
    ($ty:ident { $($variant:ident $(as $avro:literal)?),* $(,)? }) => {
        impl $crate::sample_types::generate::Generate for $ty {
            fn generate(source: &mut $crate::sample_types::source::Source) -> Self {
                let all = [$(Self::$variant),*];
                all[source.below(all.len())].clone()
            }

            fn terms(&self, _: &str) -> serde_json::Value {
                match self {
                    $(Self::$variant => $crate::sample_types::generate::record!(@or $($avro)? stringify!($variant)).into(),)*
                }
            }

            fn avro_name(namespace: &str) -> Option<String> {
                Some($crate::sample_types::generate::full(namespace, stringify!($ty)))
            }

            fn argument() -> String {
                stringify!($ty).to_owned()
            }
        }
    };
}
pub(super) use symbols;

/// `Generate` of an enum with data, whose first variant is not recursive.
macro_rules! union {
    ($ty:ident { $($variant:literal [$($case:tt)*] { $($field:ident $(as $avro:literal)?),* $(,)? }),* $(,)? }) => {
        impl $crate::sample_types::generate::Generate for $ty {
            fn generate(source: &mut $crate::sample_types::source::Source) -> Self {
                let mut cases: Vec<fn(&mut $crate::sample_types::source::Source) -> Self> = Vec::new();
                $(cases.push(|source| {
                    let _ = &source;
                    $(let $field = $crate::sample_types::generate::Generate::generate(source);)*
                    $($case)*
                });)*
                let case = cases[source.pick(cases.len())];
                source.inside(case)
            }

            fn terms(&self, namespace: &str) -> serde_json::Value {
                match self {
                    $($($case)* => {
                        let fields: Vec<(&str, serde_json::Value)> = vec![$((
                            $crate::sample_types::generate::record!(@or $($avro)? stringify!($field)),
                            $crate::sample_types::generate::Generate::terms($field, namespace),
                        )),*];
                        let fields: serde_json::Value = fields.into_iter().collect();
                        let name = $crate::sample_types::generate::full(namespace, concat!(stringify!($ty), $variant));
                        serde_json::json!({ "$branch": [name, fields] })
                    })*
                }
            }

            fn argument() -> String {
                stringify!($ty).to_owned()
            }
        }
    };
}
pub(super) use union;

/// `Generate` of a newtype: that of its field.
macro_rules! newtypes {
    ($($ty:ident),*) => {$(
        impl $crate::sample_types::generate::Generate for $ty {
            fn generate(source: &mut $crate::sample_types::source::Source) -> Self {
                Self($crate::sample_types::generate::Generate::generate(source))
            }

            fn terms(&self, namespace: &str) -> serde_json::Value {
                $crate::sample_types::generate::Generate::terms(&self.0, namespace)
            }
        }
    )*};
}
pub(super) use newtypes;
