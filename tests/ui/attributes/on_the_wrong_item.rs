use events_runtime::EventData;

#[derive(EventData)]
#[event(with = text)]
enum Status {
    #[event(pii)]
    Open,
    #[event(with = text)]
    Closed {
        #[event(namespace = "org.acme")]
        at: i64,
    },
}

fn main() {}
