//! Fields with the names of the expansion's variables and parameters.

use events_runtime::{EventData, PublicSignal};

#[derive(Debug, PartialEq, EventData)]
enum Case {
    Fields {
        writer: String,
        reader: String,
        depth: Box<Option<Case>>,
        shift: i32,
        branch: i32,
        branches: i32,
        value: i32,
        repr: i32,
        p: i32,
        key: i32,
        out: i32,
        fault: i32,
        __writer: i32,
        __reader: i32,
    },
    Single(String),
    Nothing,
}

#[derive(Debug, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.hygiene.variable.named.v1", key = __out)]
struct VariableNamed {
    __key: i32,
    __out: String,
    __p: i32,
    __writer: String,
    __reader: String,
    __depth: Vec<VariableNamed>,
    __fault: i32,
    writer: i32,
    reader: i32,
    case: Case,
}

#[test]
fn fields_do_not_collide_with_the_expansions_variables() {
    let case = Case::Fields {
        writer: "w".into(),
        reader: "r".into(),
        depth: Box::new(Some(Case::Single("s".into()))),
        shift: 1,
        branch: 2,
        branches: 3,
        value: 4,
        repr: 5,
        p: 6,
        key: 7,
        out: 8,
        fault: 9,
        __writer: 10,
        __reader: 11,
    };
    let event = |case, __depth| VariableNamed {
        __key: 1,
        __out: "key".into(),
        __p: 2,
        __writer: "w".into(),
        __reader: "r".into(),
        __depth,
        __fault: 3,
        writer: 4,
        reader: 5,
        case,
    };
    let event = event(case, vec![event(Case::Nothing, vec![])]);
    super::travels(&event);
    let mut key = Vec::new();
    assert!(event.append_key(&mut key));
    assert_eq!(key, b"key");
}
