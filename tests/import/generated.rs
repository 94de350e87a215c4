use std::collections::BTreeMap;

use events_runtime::{EventData, PublicSignal};

#[derive(Debug, Clone, PartialEq, EventData)]
#[event(namespace = "org.acme.money")]
pub struct Money {
    pub amount: Vec<u8>,
    pub currency: Currency,
    pub id: uuid::Uuid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, EventData)]
pub enum Currency {
    #[event(rename = "EUR", default)]
    Eur,
    #[event(rename = "USD")]
    Usd,
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.imports.defaults.set.v1")]
pub struct DefaultsSet {
    #[event(default = true)]
    pub yes: bool,
    #[event(default = 0)]
    pub zero: i32,
    #[event(default = -9223372036854775808)]
    pub least: i64,
    #[event(default = 0.5)]
    pub half: f32,
    #[event(default = -3)]
    pub whole: f64,
    #[event(default = "EUR \"€\"")]
    pub currency: String,
    #[event(default = "\0ÿ")]
    pub bytes: Vec<u8>,
    #[event(default = [])]
    pub tags: Vec<String>,
    #[event(default = { "small": 1, "large": 2 })]
    pub limits: BTreeMap<String, i32>,
    pub nothing: Option<String>,
    #[event(default = { "width": 3 })]
    pub size: Size,
    #[event(default = "RED")]
    pub color: Color,
    /// Two sizes.
    #[event(
        alias = "all_the_sizes_that_there_are",
        default = [{ "width": 1 }, { "width": 2, "depth": 2 }]
    )]
    pub sizes: Vec<Size>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
pub struct Size {
    pub width: i32,
    #[event(default = 1)]
    pub depth: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, EventData)]
pub enum Color {
    #[event(rename = "RED")]
    Red,
    #[event(rename = "GREEN", default)]
    Green,
}

/// Somebody wrote down what a page is for.
///
/// In two paragraphs,
///   the second one indented.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.imports.page.documented.v1")]
#[event(alias = "PageDescribed", alias = "org.acme.older.PageDocumented")]
pub struct PageDocumented {
    /// Its title, with "quotes", a \ and a */.
    #[event(alias = "heading")]
    pub title: String,
    #[event(doc = "")]
    pub blank: String,
    #[event(doc = "  Spaces in front, and behind. ")]
    pub spaced: String,
    #[event(doc = "Lines as\r\nWindows ends them.")]
    pub windows: String,
    #[event(pii)]
    pub author: Author,
    #[event(
        rename = "aVeryLongNameOfAFieldThatIsRenamed",
        alias = "anotherVeryLongName",
        alias = "yetAnotherVeryLongNameOfTheSameField"
    )]
    pub a_very_long_name_of_a_field_that_is_renamed: String,
    pub by_a_name_that_takes_more_than_half_of_the_line:
        BTreeMap<String, BTreeMap<String, Vec<Author>>>,
}

/// Who wrote it.
#[derive(Debug, Clone, PartialEq, EventData)]
#[event(alias = "Writer")]
pub struct Author {
    /// Where to write to.
    #[event(pii)]
    pub email: String,
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.imports.keyword.used.v1")]
pub struct KeywordUsed {
    pub r#type: String,
    #[event(rename = "self")]
    pub self_: i32,
    #[event(rename = "crate")]
    pub crate_: f32,
    #[event(rename = "super")]
    pub super_: f64,
    pub r#gen: bool,
    #[event(rename = "orderId")]
    pub order_id2: i64,
    pub order_id: i64,
    #[event(rename = "_")]
    pub field: Vec<u8>,
    #[event(rename = "_1")]
    pub field_1: Vec<u8>,
    #[event(rename = "HTTPRequest")]
    pub http_request: Vec2,
    pub word: String2,
    pub snake: SnakeCase,
    #[event(rename = "Snake")]
    pub snake2: SnakeCase2,
    pub option: Option<Option2>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
#[event(rename = "Vec")]
pub struct Vec2 {
    pub r#fn: Vec<Vec2>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, EventData)]
#[event(rename = "String")]
pub enum String2 {
    #[event(rename = "self")]
    Self2,
    #[event(rename = "Self")]
    Self_,
    #[event(rename = "type")]
    Type,
    #[event(rename = "on_hold")]
    OnHold2,
    OnHold,
}

#[derive(Debug, Clone, PartialEq, EventData)]
#[event(rename = "snake_case")]
pub struct SnakeCase {}

#[derive(Debug, Clone, PartialEq, EventData)]
#[event(rename = "SnakeCase")]
pub struct SnakeCase2 {}

#[derive(Debug, Clone, PartialEq, EventData)]
#[event(rename = "Option")]
pub struct Option2 {}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.imports.parcel.sent.v1")]
pub struct ParcelSent {
    pub address: Address,
    pub country: Country,
    pub other: Address2,
}

#[derive(Debug, Clone, PartialEq, EventData)]
#[event(namespace = "org.acme.shared")]
pub struct Address {
    pub country: Country,
    pub label: Label,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, EventData)]
#[event(namespace = "org.acme.shared")]
pub enum Country {
    #[event(rename = "FR")]
    Fr,
    #[event(rename = "DE")]
    De,
}

#[derive(Debug, Clone, PartialEq, EventData)]
#[event(namespace = "org.acme.imports.parcel.sent.v1")]
pub struct Label {}

#[derive(Debug, Clone, PartialEq, EventData)]
#[event(rename = "Address", namespace = "org.acme.other")]
pub struct Address2 {
    pub label: Option<Label>,
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.acme.imports.order.cancelled.v1",
    name = "Order",
    namespace = "org.acme.orders"
)]
pub struct OrderCancelled {
    pub customer: Customer,
    pub lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
pub struct Customer {
    pub id: String,
}

#[derive(Debug, Clone, PartialEq, EventData)]
pub struct Line {
    pub sku: String,
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.acme.imports.order.placed.v1",
    minor_version = 3,
    name = "Order"
)]
pub struct OrderPlaced {
    pub customer: Customer,
    pub lines: Vec<Line2>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
#[event(rename = "Line")]
pub struct Line2 {
    pub sku: String,
    pub count: i32,
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.enterprise.subsidy.redemption-reversed.v1",
    profile = "openedx"
)]
pub struct SubsidyRedemptionReversed {
    pub redemption: SubsidyRedemption,
}

#[derive(Debug, Clone, PartialEq, EventData)]
pub struct SubsidyRedemption {
    pub subsidy_identifier: String,
    pub content_key: String,
    pub lms_user_id: i64,
    pub amount: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.imports.tree.grown.v1")]
pub struct TreeGrown {
    pub itself: Option<Box<TreeGrown>>,
    pub list: Vec<TreeGrown>,
    pub folder: Folder,
    pub first: Option<Entry>,
    pub expression: Expression,
}

#[derive(Debug, Clone, PartialEq, EventData)]
pub struct Folder {
    pub entries: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
pub struct Entry {
    #[event(back_ref = Folder)]
    pub folder: Option<Box<Folder>>,
    pub target: Option<Target>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
pub struct Target {
    #[event(back_ref = Entry)]
    pub entry: Option<Box<Entry>>,
    #[event(back_ref = Folder)]
    pub folders: Vec<Folder>,
    #[event(back_ref = TreeGrown)]
    pub tree: Option<Box<TreeGrown>>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
pub enum Expression {
    Number {
        value: f64,
    },
    Sum {
        left: Box<Expression>,
        right: Box<Expression>,
    },
    Call {
        arguments: Vec<Expression>,
        scope: Scope,
    },
}

#[derive(Debug, Clone, PartialEq, EventData)]
pub struct Scope {
    pub outer: Option<Box<Scope>>,
    #[event(back_ref = Expression)]
    pub value: Option<Box<Expression>>,
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.imports.times.told.v1")]
pub struct TimesTold {
    pub millis: i64,
    pub maybe_millis: Option<i64>,
    pub micros: i64,
    pub nanos: Vec<i64>,
    pub local_millis: i64,
    pub local_micros: Option<i64>,
    pub local_nanos: i64,
    #[event(default = 0)]
    pub day: i32,
    pub time_of_day: i64,
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.imports.order.paid.v1")]
pub struct OrderPaid {
    pub payment: Payment,
    pub refund: Option<Payment>,
    pub history: Vec<Payment>,
    #[event(default = { "radius": 1.5 })]
    pub shape: Shape,
    pub state: State,
    pub size: Size2,
    pub growing: Option<Growing>,
    pub single: Single,
    pub maybe_single: Option<Single>,
    pub pay_by: Paymen,
    pub optional: Vec<Option<String>>,
    pub without_default: Option<String>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
pub enum Payment {
    /// By card.
    Card {
        #[event(pii)]
        number: String,
        #[event(rename = "validUntil")]
        valid_until: Option<i32>,
    },
    Cash,
}

#[derive(Debug, Clone, PartialEq, EventData)]
#[event(rename = "shape_")]
pub enum Shape {
    #[event(rename = "circle")]
    Circle { radius: f64 },
    #[event(rename = "square")]
    Square { side: f64 },
}

#[derive(Debug, Clone, PartialEq, EventData)]
pub enum State {
    Open {},
    Shut {},
    #[event(other)]
    Unknown,
}

#[derive(Debug, Clone, PartialEq, EventData)]
#[event(rename = "Size")]
pub enum Size2 {
    Exact {
        width: i32,
    },
    Range {
        least: i32,
        most: i32,
    },
    #[event(other)]
    Unknown,
}

#[derive(Debug, Clone, PartialEq, EventData)]
pub enum Growing {
    Only {},
    #[event(other)]
    Other,
}

#[derive(Debug, Clone, PartialEq, EventData)]
pub enum Single {
    Only {},
}

#[derive(Debug, Clone, PartialEq, EventData)]
pub enum Paymen {
    #[event(rename = "tCoin")]
    TCoin { coins: i32 },
    #[event(rename = "tNote")]
    TNote { notes: i32 },
}
