//! list: a basket of 200 lines and 50 labels, 10,174 bytes.

use std::collections::HashMap;

use events_runtime::{EventData, PublicSignal};

use super::Payload;

/// A basket was checked out.
#[derive(
    Clone,
    PartialEq,
    PublicSignal,
    serde::Serialize,
    serde::Deserialize,
    prost::Message,
    bincode::Encode,
    bincode::Decode,
)]
#[public_signal(event_type = "org.events.benches.basket.checkedout.v1")]
pub struct Basket {
    /// The basket's id.
    #[prost(string, tag = "1")]
    pub basket_id: String,
    /// What is in it.
    #[prost(message, repeated, tag = "2")]
    pub lines: Vec<Line>,
    /// What was noted about it.
    #[prost(map = "string, string", tag = "3")]
    pub labels: HashMap<String, String>,
}

/// One line of a basket.
#[derive(
    Clone,
    PartialEq,
    EventData,
    serde::Serialize,
    serde::Deserialize,
    prost::Message,
    bincode::Encode,
    bincode::Decode,
)]
pub struct Line {
    /// The article's number.
    #[prost(string, tag = "1")]
    pub sku: String,
    /// The article's name.
    #[prost(string, tag = "2")]
    pub title: String,
    /// How many.
    #[prost(sint32, tag = "3")]
    pub quantity: i32,
    /// The price of one, in cents.
    #[prost(sint64, tag = "4")]
    pub price: i64,
    /// Whether to wrap it.
    #[event(default = false)]
    #[prost(bool, tag = "5")]
    pub gift: bool,
}

impl Payload for Basket {
    const NAME: &'static str = "list";
    const AVRO_LEN: usize = 10_174;
    const ADDED: &'static str = "gift";
    const WIDENED: &'static str = "price";

    fn sample() -> Self {
        const TITLES: [&str; 5] = [
            "Oak desk, 160 x 80 cm",
            "Desk lamp, warm white, E27",
            "Chair",
            "Notebook A5, dotted, 192 pages",
            "Fountain pen, medium nib",
        ];
        Self {
            basket_id: "basket-0f8fad5b-d9cb-469f-a165-70867728950e".into(),
            lines: (0_i32..200)
                .zip(TITLES.iter().cycle())
                .map(|(n, title)| Line {
                    sku: format!("SKU-{:07}", n * 7_919),
                    title: (*title).into(),
                    quantity: n % 90 + 1,
                    price: i64::from(n) * 137 + 199,
                    gift: n % 3 == 0,
                })
                .collect(),
            labels: (0..50)
                .map(|n| (format!("label-{n:04}"), format!("value {n} of the checked-out basket")))
                .collect(),
        }
    }
}
