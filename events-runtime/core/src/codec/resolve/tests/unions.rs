//! Unions of either side.

use super::*;

#[derive(Debug, PartialEq, EventData)]
enum Payment {
    Cash,
    Card { last4: String },
    Voucher { code: i64 },
}

fn payments(branches: &[&str]) -> String {
    format!("[{}]", branches.join(","))
}

fn cash() -> String {
    record("PaymentCash", &[])
}

fn card() -> String {
    record("PaymentCard", &[("last4", STRING)])
}

fn voucher() -> String {
    record("PaymentVoucher", &[("code", INT)])
}

#[test]
fn what_is_no_union_becomes_a_branch() {
    assert_eq!(read(INT, &[2]), Ok(Some(1_i32)));
    assert_eq!(read(INT, &[2]), Ok(Some(1_i64)));
    assert_eq!(read("\"null\"", &[]), Ok(None::<i64>));
    assert_eq!(read(&card(), b"\x084242"), Ok(Payment::Card { last4: "4242".to_owned() }));
    assert_eq!(read(&card(), b"\x084242"), Ok(Some(Payment::Card { last4: "4242".to_owned() })));
    assert_eq!(
        unresolvable::<Option<i64>>(STRING),
        ": no branch of the reader's union can read the writer's `string`"
    );
}

#[test]
fn a_branch_becomes_what_is_no_union() {
    let schema = r#"["null","string","int"]"#;
    assert_eq!(read(schema, &[4, 6]), Ok(3_i64));
    assert_eq!(read(schema, b"\x02\x02a"), Ok("a".to_owned()));
    assert_eq!(
        refused::<i64>(schema, b"\x02\x02a"),
        "data of another schema can't be read: the writer's `string` can't be read as `long` (at byte 1)"
    );
    assert_eq!(
        refused::<i64>(schema, &[0]),
        "data of another schema can't be read: the writer's `null` can't be read as `long` (at byte 1)"
    );
    let error = read::<i64>(schema, &[6, 6]).unwrap_err();
    assert_eq!(error.kind(), &DecodeErrorKind::UnknownBranch { index: 3, branches: 3 });
}

#[test]
fn branches_find_each_other() {
    let schema = payments(&[&voucher(), "\"null\"", &card(), &cash()]);
    assert_eq!(read(&schema, &[0, 8]), Ok(Some(Payment::Voucher { code: 4 })));
    assert_eq!(read(&schema, &[2]), Ok(None::<Payment>));
    assert_eq!(read(&schema, b"\x04\x021"), Ok(Some(Payment::Card { last4: "1".to_owned() })));
    assert_eq!(read(&schema, &[6]), Ok(Some(Payment::Cash)));
    assert_eq!(read(&schema, &[6]), Ok(Payment::Cash));
    assert!(
        refused::<Payment>(&schema, &[2])
            .contains("no branch of the reader's union can read the writer's `null`")
    );
    let same = payments(&["\"null\"", &cash(), &card(), &voucher()]);
    assert_eq!(strategy::<Option<Payment>>(&same), Strategy::Same);
    assert_eq!(read(r#"["long","null"]"#, &[0, 8]), Ok(Some(4_i64)));
    assert_eq!(read(r#"["long","null"]"#, &[2]), Ok(None::<i64>));
}

#[test]
fn a_fault_in_a_branch_is_one_only_there() {
    let broken = record("PaymentCard", &[("first6", STRING)]);
    let schema = payments(&[&cash(), &broken]);
    assert_eq!(read(&schema, &[0]), Ok(Payment::Cash));
    assert_eq!(
        refused::<Payment>(&schema, b"\x02\x021"),
        "field `last4`: data of another schema can't be read: the writer has no such field, and the reader has no default for it (at byte 1)"
    );
}
