use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type, minor_version =, key = , signal)]
struct OrderPlaced {
    #[event(rename, default, with, back_ref, alias, doc)]
    order_id: String,
}

fn main() {}
