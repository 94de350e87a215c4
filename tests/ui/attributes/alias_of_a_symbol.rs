use events_runtime::EventData;

#[derive(EventData)]
enum Currency {
    #[event(alias = "Euro")]
    Eur,
}

fn main() {}
