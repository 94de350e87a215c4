use events_runtime::EventData;

mod money {
    pub type Repr = i64;
    pub fn to_repr(value: &super::Money) -> Result<Repr, String> {
        Ok(value.cents)
    }
    pub fn from_repr(cents: Repr) -> Result<super::Money, String> {
        Ok(super::Money { cents })
    }
}

struct Money {
    cents: i64,
}

#[derive(EventData)]
struct Line {
    #[event(with = money, back_ref = Money)]
    price: Money,
}

fn main() {}
