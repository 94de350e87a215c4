use events_runtime::EventData;

#[derive(EventData)]
enum Payment {
    Card {
        number: String,
    },
    #[event(other, alias = "PaymentNone", doc = "A payment of a later version.", default)]
    Unknown,
}

fn main() {}
