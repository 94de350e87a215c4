use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.acme.broken.promotions_of_old_readers.v1",
    schemas = "../schemas",
    compatibility = "forward"
)]
struct OrderPlaced {
    count: i64,
    total: f64,
    weight: f64,
    lines: Vec<f32>,
}

fn main() {}
