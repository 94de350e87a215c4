use events_runtime::EventData;

#[derive(EventData)]
struct Hash<const N: usize> {
    bytes: [u8; N],
}

fn main() {}
