use events_runtime::EventData;

mod money {
    pub type Repr = i64;
    pub fn to_repr(value: &super::Money) -> i64 {
        value.cents
    }
    pub fn from_repr(cents: i32) -> Result<super::Money, String> {
        Ok(super::Money { cents: cents.into() })
    }
}

struct Money {
    cents: i64,
}

#[derive(EventData)]
struct Line {
    #[event(with = money)]
    price: Money,
}

fn main() {}
