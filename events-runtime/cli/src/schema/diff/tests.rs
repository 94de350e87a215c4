use super::render::line;
use super::*;

fn event(fields: &str) -> Side {
    let text = format!(r#"{{"type":"record","name":"Placed","namespace":"org.acme","fields":[{fields}]}}"#);
    Side::new("an event".to_owned(), &text).unwrap()
}

/// The rendered lines without colours.
fn diff(old: &str, new: &str) -> Vec<String> {
    let lines = compare(&event(old), &event(new)).into_iter().map(|change| line(&change));
    lines.map(|line| anstream::adapter::strip_str(&line).to_string().trim_start().to_owned()).collect()
}

fn field(name: &str, schema: &str) -> String {
    format!(r#"{{"name":"{name}","type":{schema}}}"#)
}

#[test]
fn equal_schemas_have_no_changes() {
    let list =
        r#"{"type":"record","name":"List","fields":[{"name":"next","type":["null","List"],"default":null}]}"#;
    assert_eq!(diff(&field("list", list), &field("list", list)), [] as [&str; 0]);
}

#[test]
fn added_and_removed_fields_break_readers_without_a_default() {
    let note = r#"{"name":"note","type":["null","string"],"default":null}"#;
    assert_eq!(
        diff(&field("a", "\"int\""), note),
        ["+ note: null or string = null    breaks nothing", "- a: int    breaks old readers"]
    );
    assert_eq!(
        diff(note, &field("a", "\"int\"")),
        ["+ a: int    breaks new readers", "- note: null or string = null    breaks nothing"]
    );
}

#[test]
fn changed_types_have_their_path_through_records_arrays_and_maps() {
    let order = |zip: &str| {
        let address = format!(r#"{{"type":"record","name":"Address","fields":[{}]}}"#, field("zip", zip));
        let map = format!(r#"{{"type":"map","values":{address}}}"#);
        let customer = format!(
            r#"{{"type":"record","name":"Customer","fields":[{}]}}"#,
            field("addresses", &format!(r#"{{"type":"array","items":{map}}}"#))
        );
        field("customer", &customer)
    };
    assert_eq!(
        diff(&order("\"string\""), &order("\"long\"")),
        ["~ customer.addresses[][].zip: string -> long    breaks old readers and new readers"]
    );
    assert_eq!(
        diff(&order("\"int\""), &order("\"long\"")),
        ["~ customer.addresses[][].zip: int -> long    breaks old readers"]
    );
    assert_eq!(
        diff(&order("\"int\""), &order(r#"["null","int"]"#)),
        ["~ customer.addresses[][].zip: int -> null or int    breaks old readers"]
    );
    let decimal = |scale: u8| {
        order(&format!(r#"{{"type":"bytes","logicalType":"decimal","precision":9,"scale":{scale}}}"#))
    };
    assert_eq!(
        diff(&decimal(2), &decimal(3)),
        [
            "~ customer.addresses[][].zip: decimal(9, 2) -> decimal(9, 3)    breaks old readers and new readers"
        ]
    );
}

#[test]
fn change_inside_an_option_is_reported() {
    let customer = |fields: &str| format!(r#"{{"type":"record","name":"Customer","fields":[{fields}]}}"#);
    let old = field("customer", &customer(&field("id", "\"int\"")));
    let new = field("customer", &format!(r#"["null",{}]"#, customer(&field("id", "\"string\""))));
    assert_eq!(
        diff(&old, &new),
        [
            "~ customer: Customer -> null or Customer    breaks old readers and new readers",
            "~ customer.id: int -> string    breaks old readers and new readers"
        ]
    );
}

#[test]
fn added_symbols_break_old_readers_without_a_default() {
    let status = |symbols: &str, default: &str| {
        field("status", &format!(r#"{{"type":"enum","name":"Status","symbols":[{symbols}]{default}}}"#))
    };
    assert_eq!(
        diff(&status(r#""A","B""#, ""), &status(r#""B","C""#, "")),
        ["+ status (symbol): C    breaks old readers", "- status (symbol): A    breaks new readers"]
    );
    let default = r#","default":"A""#;
    assert_eq!(
        diff(&status(r#""A","B""#, default), &status(r#""B","A","C""#, default)),
        ["+ status (symbol): C    breaks nothing", "~ status (order): A, B -> B, A    breaks nothing"]
    );
    assert_eq!(
        diff(&status(r#""A""#, ""), &status(r#""A""#, default)),
        ["~ status (default): none -> A    breaks nothing"]
    );
}

#[test]
fn changed_variants_of_a_union_are_named() {
    let variant = |name: &str| format!(r#"{{"type":"record","name":"{name}","fields":[]}}"#);
    let (card, cash, check) = (variant("Card"), variant("Cash"), variant("Check"));
    assert_eq!(
        diff(&field("pay", &format!("[{card},{cash}]")), &field("pay", &format!("[{cash},{check}]"))),
        ["+ pay (variant): Check    breaks old readers", "- pay (variant): Card    breaks new readers"]
    );
}

#[test]
fn a_variant_that_other_takes_breaks_nothing() {
    let variant = |name: &str| format!(r#"{{"type":"record","name":"{name}","fields":[]}}"#);
    let (card, cash, check) = (variant("Card"), variant("Cash"), variant("Check"));
    let open = card.replace(r#""fields""#, r#""other":"Unknown","fields""#);
    assert_eq!(
        diff(&field("pay", &format!("[{card},{cash}]")), &field("pay", &format!("[{open},{cash}]"))),
        ["~ pay (other): none -> Unknown    breaks nothing"]
    );
    let grown = format!("[{},{check},{card}]", cash.replace(r#""fields""#, r#""other":"Unknown","fields""#));
    assert_eq!(
        diff(&field("pay", &format!("[{open},{cash}]")), &field("pay", &grown)),
        [
            "+ pay (variant): Check    breaks nothing",
            "~ pay (order): Card, Cash -> Cash, Card    breaks nothing"
        ]
    );
    assert_eq!(
        diff(&field("pay", &grown), &field("pay", &format!("[{card},{cash}]"))),
        [
            "- pay (variant): Check    breaks new readers",
            "~ pay (order): Cash, Card -> Card, Cash    breaks nothing",
            "~ pay (other): Unknown -> none    breaks nothing"
        ]
    );
    let optional = |branch: &str| field("pay", &format!(r#"["null",{branch}]"#));
    assert_eq!(
        diff(&optional(&card), &optional(&open)),
        ["~ pay (other): none -> Unknown    breaks nothing"]
    );
}

#[test]
fn changed_names_defaults_aliases_and_order_are_reported() {
    let old = r#"{"name":"zip","type":"string","default":"0"},{"name":"city","type":"string"}"#;
    let new = r#"{"name":"city","type":"string"},{"name":"postcode","type":"string","default":"1","aliases":["zip"]}"#;
    assert_eq!(
        diff(old, new),
        [
            "~ postcode (name): zip -> postcode    breaks nothing",
            "~ postcode (default): \"0\" -> \"1\"    breaks nothing",
            "~ postcode (aliases): none -> zip    breaks nothing",
            "~ the event (order): postcode, city -> city, postcode    breaks nothing",
        ]
    );
    let customer = |name: &str| {
        field("customer", &format!(r#"{{"type":"record","name":"{name}","aliases":["Buyer"],"fields":[]}}"#))
    };
    assert_eq!(
        diff(&customer("Client"), &customer("Customer")),
        [
            "~ customer (type's name): org.acme.Client -> org.acme.Customer    breaks old readers and new readers"
        ]
    );
}

#[test]
fn changed_documentation_breaks_nothing() {
    let zip = |more: &str| format!(r#"{{"name":"zip","type":"string"{more}}}"#);
    assert_eq!(
        diff(&zip(r#","doc":"old""#), &zip(r#","doc":"new","pii":true"#)),
        ["~ zip (doc): \"old\" -> \"new\"    breaks nothing", "~ zip (pii): none -> true    breaks nothing"]
    );
}

#[test]
fn types_of_the_same_name_in_two_namespaces_are_distinguished() {
    let record = |namespace: &str, more: &str| {
        format!(
            r#"{{"type":"record","name":"X","namespace":"{namespace}","fields":[{{"name":"id","type":"int"{more}}}]}}"#
        )
    };
    let union = |first: &str, second: &str| {
        field("who", &format!("[{},{}]", record("one", first), record("two", second)))
    };
    let same = union("", r#","pii":true"#);
    assert_eq!(diff(&same, &same), [] as [&str; 0]);
    assert_eq!(
        diff(&union("", ""), &union("", r#","pii":true"#)),
        ["~ who.id (pii): none -> true    breaks nothing"]
    );
    let swapped = field("who", &format!("[{},{}]", record("two", ""), record("one", "")));
    assert_eq!(
        diff(&union("", ""), &swapped),
        ["~ who (order): record one.X, record two.X -> record two.X, record one.X    breaks nothing"]
    );
}

#[test]
fn name_attribute_of_a_map_is_not_a_type_name() {
    let fields = |first: &str, second: &str| {
        let map = |doc: &str| format!(r#"{{"type":"map","values":"int","name":"X","doc":"{doc}"}}"#);
        format!("{},{}", field("a", &map(first)), field("b", &map(second)))
    };
    assert_eq!(diff(&fields("1", "2"), &fields("1", "2")), [] as [&str; 0]);
    assert_eq!(diff(&fields("1", "2"), &fields("1", "3")), ["~ b (doc): \"2\" -> \"3\"    breaks nothing"]);
}

#[test]
fn types_with_the_same_description_are_described_in_full() {
    let decimal =
        |base: &str| field("a", &format!(r#"{{{base},"logicalType":"decimal","precision":4,"scale":2}}"#));
    let fixed = r#""type":"fixed","name":"F","size":8"#;
    assert_eq!(
        diff(&decimal(r#""type":"bytes""#), &decimal(fixed)),
        [
            "~ a: decimal(4, 2) on bytes -> decimal(4, 2) on fixed org.acme.F of 8 bytes    breaks old readers and new readers"
        ]
    );
    let symbols = r#"{"type":"enum","name":"X","symbols":["A"]}"#;
    let record = r#"{"type":"record","name":"X","fields":[]}"#;
    assert_eq!(
        diff(&field("a", symbols), &field("a", record)),
        ["~ a: enum org.acme.X -> record org.acme.X    breaks old readers and new readers"]
    );
}

#[test]
fn attributes_of_a_renamed_field_are_compared() {
    let old = r#"{"name":"zip","type":"string"}"#;
    let new = r#"{"name":"code","aliases":["zip"],"type":"string","pii":true}"#;
    assert!(diff(old, new).contains(&"~ code (pii): none -> true    breaks nothing".to_owned()));
}

#[test]
fn invalid_logical_type_is_its_underlying_type() {
    let decimal = |precision: u32| {
        field(
            "a",
            &format!(
                r#"{{"type":"fixed","name":"F","size":4,"logicalType":"decimal","precision":{precision}}}"#
            ),
        )
    };
    assert_eq!(diff(&decimal(9), &decimal(10)), ["~ a: decimal(9, 0) -> F of 4 bytes    breaks nothing"]);
    // Both are invalid, so the precision is an ordinary attribute.
    assert_eq!(diff(&decimal(10), &decimal(11)), ["~ a (precision): 10 -> 11    breaks nothing"]);
}

#[test]
fn possible_rename_of_a_field_is_a_question() {
    let note = |name: &str, more: &str| {
        format!(r#"{{"name":"{name}","type":["null","string"],"default":null{more}}}"#)
    };
    let asked = |old: &str, new: &str| {
        let changes = compare(&event(old), &event(new)).into_iter();
        changes.filter_map(|change| change.question).collect::<Vec<_>>()
    };
    let questions = asked(&note("coupon", ""), &note("voucher", ""));
    let [question] = questions.as_slice() else { panic!("{questions:?}") };
    for part in ["was `coupon` renamed to `voucher`?", "alias = \"coupon\"", "rename = \"coupon\""] {
        assert!(question.contains(part), "{question}");
    }
    // A field of another type, an added field, and a field with the alias.
    assert_eq!(asked(&field("coupon", "\"int\""), &note("voucher", "")), [""; 0]);
    assert_eq!(asked("", &note("voucher", "")), [""; 0]);
    assert_eq!(asked(&note("coupon", ""), &note("voucher", r#","aliases":["coupon"]"#)), [""; 0]);
}

#[test]
fn byte_order_mark_and_null_attributes_are_ignored() {
    let text = r#"{"type":"record","name":"A","fields":[{"name":"e","type":{"type":"enum","name":"E","symbols":["S"]}}]}"#;
    let nulls = text.replace("\"symbols\"", "\"aliases\":null,\"default\":null,\"symbols\"");
    let side = |text: &str| Side::new("a schema".to_owned(), text).unwrap();
    assert_eq!(compare(&side(text), &side(&format!("\u{feff}{nulls}"))), []);
}
