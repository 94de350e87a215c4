use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.no_folder.v1", schemas = "../schemes")]
struct OrderPlaced {
    id: String,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.no_folder_of_the_crate.v1", schemas = "published")]
struct OrderPaid {
    id: String,
}

fn main() {}
