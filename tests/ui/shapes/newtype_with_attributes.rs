use events_runtime::EventData;

#[derive(EventData)]
#[event(rename = "Id", namespace = "org.acme", alias = "Nr", doc = "An id.")]
struct OrderId(#[event(rename = "id", default = 0, python_default = "0", pii)] i64);

fn main() {}
