use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.field_renamed_with_an_alias.v1", schemas = "../schemas")]
struct OrderPlaced {
    id: String,
    #[event(alias = "total")]
    amount: i64,
}

fn main() {}
