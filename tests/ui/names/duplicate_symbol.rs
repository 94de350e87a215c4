use events_runtime::EventData;

#[derive(EventData)]
enum Currency {
    Eur,
    #[event(rename = "Eur")]
    Euro,
}

fn main() {}
