//! Sixty fields, and five levels.

use events_runtime::{EventData, PublicSignal};

use super::generate::{record, symbols};
use super::{SampleEvent, Specimen};

#[allow(clippy::struct_field_names, clippy::struct_excessive_bools, reason = "it is the number that counts")]
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.wide.sixty.v1", key = field_04)]
struct Sixty {
    /// What field 0 says.
    field_00: bool,
    field_01: i32,
    field_02: i64,
    field_03: f64,
    field_04: String,
    /// What field 5 says.
    field_05: Option<String>,
    field_06: Option<i64>,
    field_07: Vec<u8>,
    field_08: Vec<String>,
    field_09: u32,
    /// What field 10 says.
    field_10: Kind,
    field_11: Option<Kind>,
    field_12: bool,
    field_13: i32,
    field_14: i64,
    /// What field 15 says.
    field_15: f64,
    field_16: String,
    field_17: Option<String>,
    field_18: Option<i64>,
    field_19: Vec<u8>,
    /// What field 20 says.
    field_20: Vec<String>,
    field_21: u32,
    field_22: Kind,
    field_23: Option<Kind>,
    field_24: bool,
    /// What field 25 says.
    field_25: i32,
    field_26: i64,
    field_27: f64,
    field_28: String,
    field_29: Option<String>,
    /// What field 30 says.
    field_30: Option<i64>,
    field_31: Vec<u8>,
    field_32: Vec<String>,
    field_33: u32,
    field_34: Kind,
    /// What field 35 says.
    field_35: Option<Kind>,
    field_36: bool,
    field_37: i32,
    field_38: i64,
    field_39: f64,
    /// What field 40 says.
    field_40: String,
    field_41: Option<String>,
    field_42: Option<i64>,
    field_43: Vec<u8>,
    field_44: Vec<String>,
    /// What field 45 says.
    field_45: u32,
    field_46: Kind,
    field_47: Option<Kind>,
    field_48: bool,
    field_49: i32,
    /// What field 50 says.
    field_50: i64,
    field_51: f64,
    field_52: String,
    field_53: Option<String>,
    field_54: Option<i64>,
    /// What field 55 says.
    field_55: Vec<u8>,
    field_56: Vec<String>,
    field_57: u32,
    field_58: Kind,
    field_59: Option<Kind>,
}
record!(Sixty {
    field_00,
    field_01,
    field_02,
    field_03,
    field_04,
    field_05,
    field_06,
    field_07,
    field_08,
    field_09,
    field_10,
    field_11,
    field_12,
    field_13,
    field_14,
    field_15,
    field_16,
    field_17,
    field_18,
    field_19,
    field_20,
    field_21,
    field_22,
    field_23,
    field_24,
    field_25,
    field_26,
    field_27,
    field_28,
    field_29,
    field_30,
    field_31,
    field_32,
    field_33,
    field_34,
    field_35,
    field_36,
    field_37,
    field_38,
    field_39,
    field_40,
    field_41,
    field_42,
    field_43,
    field_44,
    field_45,
    field_46,
    field_47,
    field_48,
    field_49,
    field_50,
    field_51,
    field_52,
    field_53,
    field_54,
    field_55,
    field_56,
    field_57,
    field_58,
    field_59,
});
impl SampleEvent for Sixty {}

#[derive(Debug, Clone, Copy, PartialEq, EventData)]
enum Kind {
    One,
    Two,
    Three,
}
symbols!(Kind { One, Two, Three });

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.wide.deep.v1", key = one.two.three.four.five)]
struct Deep {
    one: One,
    again: Option<Three>,
}
record!(Deep { one, again });
impl SampleEvent for Deep {}

#[derive(Debug, Clone, PartialEq, EventData)]
struct One {
    two: Box<Two>,
    others: Vec<Two>,
}
record!(One { two, others });

#[derive(Debug, Clone, PartialEq, EventData)]
struct Two {
    three: Three,
}
record!(Two { three });

#[derive(Debug, Clone, PartialEq, EventData)]
struct Three {
    four: Four,
    number: Option<i32>,
}
record!(Three { four, number });

#[derive(Debug, Clone, PartialEq, EventData)]
struct Four {
    five: String,
}
record!(Four { five });

pub(super) fn specimens() -> Vec<Specimen> {
    vec![Specimen::of::<Sixty>(), Specimen::of::<Deep>()]
}
