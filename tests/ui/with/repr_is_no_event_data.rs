use events_runtime::EventData;

mod money {
    pub type Repr = usize;
    pub fn to_repr(value: &super::Money) -> Result<Repr, String> {
        Ok(value.cents)
    }
    pub fn from_repr(cents: Repr) -> Result<super::Money, String> {
        Ok(super::Money { cents })
    }
}

struct Money {
    cents: usize,
}

#[derive(EventData)]
struct Line {
    #[event(with = money)]
    price: Money,
}

fn main() {}
