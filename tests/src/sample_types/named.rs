//! Names, namespaces, documentation, defaults, generics.

use std::collections::BTreeMap;

use events_runtime::{EventData, PublicSignal};
use serde_json::{Value, json};

use super::generate::{Generate, full, record, symbols, union};
use super::source::Source;
use super::{SampleEvent, Specimen};

/// An event with "quotes", a \backslash\n,
/// a second line; é, 𝄞, and a </script>.
///
/// And a paragraph.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.named.documented.v1", minor_version = 3)]
struct Documented {
    /// A field's own words.
    #[event(alias = "old_name", alias = "older_name")]
    text: String,
    #[event(rename = "type")]
    kind: String,
    r#match: bool,
    /// Where to reach "them".
    #[event(pii)]
    email: String,
    #[doc = "control \u{1}, a \t tab and \r\n line \u{2028} end"]
    control: i32,
    #[event(doc = "said by hand")]
    by_hand: Inner,
}
record!(Documented { text, kind as "type", r#match as "match", email, control, by_hand });
impl SampleEvent for Documented {}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.samples.named.renamed.v1",
    name = "AnotherName",
    namespace = "com.elsewhere"
)]
struct Renamed {
    here: Inner,
    there: Elsewhere,
    again: Inner,
    list: Vec<Elsewhere>,
    maybe: Option<Elsewhere>,
    deep: Option<Deep>,
    near: near::Line,
    far: Option<far::Line>,
    colour: far::Colour,
    optional_colour: Option<far::Colour>,
}
record!(Renamed as "AnotherName" { here, there, again, list, maybe, deep, near, far, colour, optional_colour });

impl SampleEvent for Renamed {
    const NAMESPACE: &str = "com.elsewhere";
}

/// What it is.
#[derive(Debug, Clone, PartialEq, EventData)]
#[event(rename = "In_ner", alias = "Was", alias = "org.old.Was")]
struct Inner {
    value: i32,
}
record!(Inner as "In_ner" { value });

#[derive(Debug, Clone, PartialEq, EventData)]
#[event(namespace = "net.third")]
struct Elsewhere {
    /// Inherits the namespace of the type around it.
    inner: Deep,
    optional: Option<Deep>,
}
record!(Elsewhere in "net.third" { inner, optional });

#[derive(Debug, Clone, PartialEq, EventData)]
struct Deep {
    value: Option<i32>,
}
record!(Deep { value });

/// One name in two namespaces.
mod near {
    use super::{EventData, record};

    #[derive(Debug, Clone, PartialEq, EventData)]
    #[event(namespace = "org.near")]
    pub(super) struct Line {
        sku: String,
    }
    record!(Line in "org.near" { sku });
}

mod far {
    use super::{EventData, record, symbols};

    #[derive(Debug, Clone, PartialEq, EventData)]
    #[event(namespace = "org.far")]
    pub(super) struct Line {
        number: i64,
        colour: Colour,
    }
    record!(Line in "org.far" { number, colour });

    #[derive(Debug, Clone, Copy, PartialEq, EventData)]
    pub(super) enum Colour {
        Red,
    }
    symbols!(Colour { Red });
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.named.defaults.v1")]
struct Defaults {
    #[event(default = true)]
    flag: bool,
    #[event(default = -5)]
    number: i64,
    #[event(default = -128)]
    small: i8,
    #[event(default = 9_223_372_036_854_775_807)]
    big: u64,
    #[event(default = 1.5)]
    single: f32,
    #[event(default = 1e300)]
    double: f64,
    #[event(default = -3)]
    whole_double: f64,
    #[event(default = "a \"b\" \\ \n é")]
    text: String,
    #[event(default = "\u{0}\u{ff}a")]
    bytes: Vec<u8>,
    #[event(default = [])]
    list: Vec<i64>,
    #[event(default = [1, -2])]
    numbers: Vec<i32>,
    #[event(default = { "a": [true], "b \"c\"": [] })]
    map: BTreeMap<String, Vec<bool>>,
    #[event(default = { "x": 1, "colour": "Green" })]
    record: Point,
    #[event(default = {})]
    empty: Empty,
    #[event(default = "Green")]
    colour: Colour,
    #[event(default = {})]
    shape: Shape,
    #[event(default = null)]
    said: Option<i64>,
    none: Option<String>,
    optional_shape: Option<Shape>,
}
record!(Defaults {
    flag,
    number,
    small,
    big,
    single,
    double,
    whole_double,
    text,
    bytes,
    list,
    numbers,
    map,
    record,
    empty,
    colour,
    shape,
    said,
    none,
    optional_shape,
});
impl SampleEvent for Defaults {}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Point {
    x: i32,
    #[event(default = 7)]
    y: i32,
    label: Option<String>,
    colour: Colour,
}
record!(Point { x, y, label, colour });

#[derive(Debug, Clone, PartialEq, EventData)]
struct Empty;
record!(Empty {});

#[derive(Debug, Clone, Copy, PartialEq, EventData)]
enum Colour {
    Red,
    Green,
}
symbols!(Colour { Red, Green });

#[derive(Debug, Clone, PartialEq, EventData)]
enum Shape {
    Dot,
    Circle {
        #[event(default = 1.0)]
        radius: f64,
    },
}
union!(Shape { "Dot" [Self::Dot] {}, "Circle" [Self::Circle { radius }] { radius } });

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.named.generics.v1")]
struct Generics {
    lines: Page<Line>,
    numbers: Page<i64>,
    optional: Page<Option<String>>,
    pages: Page<Page<Line>>,
    lists: Page<Vec<i64>>,
    maps: Option<Page<BTreeMap<String, i64>>>,
    shapes: Page<Shape>,
    ids: Page<uuid::Uuid>,
    pairs: Vec<Pair<Line, Option<i64>>>,
    flipped: Pair<i64, Line>,
    choice: Choice<Line>,
    maybe_choice: Option<Choice<i64>>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Page<T> {
    items: Vec<T>,
    next: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Pair<A, B> {
    a: A,
    b: Vec<B>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
enum Choice<T> {
    None,
    Some(T),
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Line {
    sku: String,
}
record!(Line { sku });
record!(Generics {
    lines,
    numbers,
    optional,
    pages,
    lists,
    maps,
    shapes,
    ids,
    pairs,
    flipped,
    choice,
    maybe_choice,
});
impl SampleEvent for Generics {}

impl<T: Generate> Generate for Page<T> {
    fn generate(source: &mut Source) -> Self {
        source.inside(|source| Self { items: Generate::generate(source), next: Generate::generate(source) })
    }

    fn terms(&self, namespace: &str) -> Value {
        json!({ "items": self.items.terms(namespace), "next": self.next.terms(namespace) })
    }

    fn avro_name(namespace: &str) -> Option<String> {
        Some(full(namespace, &Self::argument()))
    }

    fn argument() -> String {
        format!("Page_{}", T::argument())
    }
}

impl<A: Generate, B: Generate> Generate for Pair<A, B> {
    fn generate(source: &mut Source) -> Self {
        source.inside(|source| Self { a: Generate::generate(source), b: Generate::generate(source) })
    }

    fn terms(&self, namespace: &str) -> Value {
        json!({ "a": self.a.terms(namespace), "b": self.b.terms(namespace) })
    }
}

impl<T: Generate> Generate for Choice<T> {
    fn generate(source: &mut Source) -> Self {
        if source.pick(2) == 0 { Self::None } else { Self::Some(source.inside(T::generate)) }
    }

    fn terms(&self, namespace: &str) -> Value {
        // The arguments of the enum follow the variant's name.
        let (variant, fields) = match self {
            Self::None => ("None", json!({})),
            Self::Some(value) => ("Some", json!({ "value": value.terms(namespace) })),
        };
        json!({ "$branch": [full(namespace, &format!("Choice{variant}_{}", T::argument())), fields] })
    }
}

/// Named as Open edX does.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.named.openedx.v1", profile = "openedx")]
struct SessionLoginCompleted {
    user: UserData,
}
record!(SessionLoginCompleted as "CloudEvent" { user });
impl SampleEvent for SessionLoginCompleted {}

#[derive(Debug, Clone, PartialEq, EventData)]
struct UserData {
    id: i64,
    is_active: bool,
    pii: UserPersonalData,
}
record!(UserData { id, is_active, pii });

#[derive(Debug, Clone, PartialEq, EventData)]
struct UserPersonalData {
    username: String,
    email: String,
    name: Option<String>,
}
record!(UserPersonalData { username, email, name });

pub(super) fn specimens() -> Vec<Specimen> {
    vec![
        Specimen::of::<Documented>(),
        Specimen::of::<Renamed>(),
        Specimen::of::<Defaults>(),
        Specimen::of::<Generics>(),
        Specimen::of::<SessionLoginCompleted>(),
    ]
}
