use events_runtime::EventData;

mod money {
    pub fn to_repr(value: &super::Money) -> Result<i64, String> {
        Ok(value.cents)
    }
    pub fn from_repr(cents: i64) -> Result<super::Money, String> {
        Ok(super::Money { cents })
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
