use events_runtime::EventData;

#[derive(EventData)]
struct Order {
    #[event(default = Currency::Eur)]
    currency: Currency,
    #[event(default = vec![])]
    tags: Vec<String>,
    #[event(default = String::new())]
    note: String,
    #[event(default = 1 + 1)]
    count: i32,
    #[event(default = Some(1))]
    rank: Option<i32>,
    #[event(default = 'a')]
    initial: char,
    #[event(default = b"ab")]
    raw: Vec<u8>,
    #[event(default = 1e999)]
    big: f64,
    #[event(default = 5u64)]
    typed: u64,
}

#[derive(EventData)]
enum Currency {
    Eur,
    Usd,
}

fn main() {}
