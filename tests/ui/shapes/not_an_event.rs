use events_runtime::{EventData, Signal};

#[derive(EventData)]
struct Customer {
    id: String,
}

static CUSTOMER: Signal<Customer> = Signal::new();

fn emit(customer: Customer) {
    CUSTOMER.emit(customer);
}

fn main() {}
