use events_runtime::EventData;

#[derive(EventData)]
enum Currency {
    #[event(default)]
    Eur,
    #[event(default)]
    Usd,
    #[event(default = "Gbp")]
    Gbp,
}

fn main() {}
