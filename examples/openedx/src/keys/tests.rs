use events_runtime::avro::{from_slice, to_vec};

use super::*;

fn usage(text: &str) -> UsageKey {
    text.parse().unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

#[test]
fn a_course_key_has_the_parts_of_its_text() {
    let text = "course-v1:mit.eecs+6.002x+2026+branch@published+version@519665f6223ebd6980884f2b";
    let CourseKey::Course(course) = text.parse().unwrap() else { panic!("no course") };
    assert_eq!(
        (course.org(), course.course(), course.run()),
        (Some("mit.eecs"), Some("6.002x"), Some("2026"))
    );
    assert_eq!((course.branch(), course.version()), (Some("published"), Some("519665f6223ebd6980884f2b")));
    assert!(!course.is_deprecated());
}

#[test]
fn the_old_form_of_a_course_is_a_course() {
    let CourseKey::Course(course) = "edX/DemoX/2012".parse().unwrap() else { panic!("no course") };
    assert_eq!((course.org(), course.course(), course.run()), (Some("edX"), Some("DemoX"), Some("2012")));
    assert!(course.is_deprecated());
    assert_eq!(course.canonical(), "edX/DemoX/2012");
}

#[test]
fn a_custom_course_gives_its_course() {
    let CourseKey::Ccx(ccx) = "ccx-v1:edX+DemoX+2026+ccx@7".parse().unwrap() else {
        panic!("no custom course")
    };
    assert_eq!(ccx.ccx(), "7");
    assert_eq!(ccx.course_locator().as_str(), "course-v1:edX+DemoX+2026");
    assert_eq!(CcxKey::from(ccx).to_string(), "ccx-v1:edX+DemoX+2026+ccx@7");
}

#[test]
fn a_block_gives_its_course_type_and_id() {
    let key = usage("block-v1:edX+DemoX+2026+branch@draft+type@video+block@intro");
    assert_eq!((key.block_type().as_deref(), key.block_id().as_deref()), (Some("video"), Some("intro")));
    let UsageKey::Block(block) = key else { panic!("no block of a course") };
    assert_eq!(block.course_key().unwrap().as_str(), "course-v1:edX+DemoX+2026+branch@draft");
}

#[test]
fn the_old_form_of_a_block_has_no_run() {
    let UsageKey::Block(block) = usage("i4x://edX/DemoX/video/in:tro@draft") else { panic!("no block") };
    assert_eq!((block.org(), block.course(), block.run()), (Some("edX"), Some("DemoX"), None));
    assert_eq!(
        (block.block_type(), block.block_id(), block.branch()),
        (Some("video"), "in:tro", Some("draft"))
    );
    assert_eq!(block.course_key(), None);
}

#[test]
fn keys_in_a_library_give_the_library() {
    let UsageKey::Library(block) = usage("lb:edX:physics:problem:p1") else { panic!("no library block") };
    assert_eq!((block.block_type(), block.usage_id()), ("problem", "p1"));
    let ContainerKey::Library(unit) = "lct:edX:physics:unit:u1".parse().unwrap() else {
        panic!("no container")
    };
    assert_eq!((unit.container_type(), unit.container_id()), ("unit", "u1"));
    let CollectionKey::Library(collection) = "lib-collection:edX:physics:c1".parse().unwrap() else {
        panic!("no collection")
    };
    assert_eq!(collection.collection_id(), "c1");
    for library in [block.library(), unit.library(), collection.library()] {
        assert_eq!((library.as_str(), library.org(), library.slug()), ("lib:edX:physics", "edX", "physics"));
    }
}

#[test]
fn an_aside_gives_its_block() {
    let UsageKey::Aside(aside) = usage("aside-usage-v2:lb$:edX$:physics$:problem$:p1::rating$$") else {
        panic!("no aside")
    };
    assert_eq!(aside.usage_key(), usage("lb:edX:physics:problem:p1"));
    assert_eq!(aside.aside_type(), "rating$");
}

#[test]
fn asides_in_asides_are_read_to_their_end() {
    let mut text = "lb:edX:physics:problem:p1".to_owned();
    for _ in 0..10 {
        text = format!("aside-usage-v2:{}::x", text.replace('$', "$$").replace(':', "$:"));
    }
    let mut key = usage(&text);
    let mut asides = 0;
    while let UsageKey::Aside(aside) = &key {
        key = aside.usage_key();
        asides += 1;
    }
    assert_eq!((asides, key.as_str()), (10, "lb:edX:physics:problem:p1"));
}

#[test]
fn a_text_that_opaque_keys_rejects_is_not_a_key_but_is_kept() {
    let texts = [
        "",
        "course-v1:",
        "course-v1:edX+DemoX",
        "course-v1:edX+DemoX+2026+",
        "course-v1:edX++2026",
        "course-v1:a+b+c+version@12",
        "course-v1:a+b+c+branch@d+branch@e",
        "a/b",
        "a:b/c/d",
        "lib:a:b",
        "ccx-v1:a+b+c",
        "program-v1:a+b+c",
        "course-v1:a b+c+d",
        "course-v1:\u{301}+b+c",
    ];
    for text in texts {
        assert!(text.parse::<CourseKey>().is_err(), "{text}");
        let key = CourseKey::from_text(text);
        assert!(matches!(key, CourseKey::Verbatim(_)), "{text}");
        assert_eq!((key.to_string(), key.canonical(), key.org()), (text.to_owned(), text.to_owned(), None));
    }
}

#[test]
fn a_key_of_an_unknown_form_is_read_from_an_event_and_written_again() {
    for text in ["course-v1:edX+DemoX+2026", "program-v1:rust", "", "slashes:a+b+c", "\u{0}"] {
        let datum = to_vec(&text.to_owned()).unwrap();
        let key: CourseKey = from_slice(&datum).unwrap();
        assert_eq!((key.as_str(), to_vec(&key).unwrap()), (text, datum));
    }
}

#[test]
fn a_key_that_opaque_keys_writes_differently_keeps_its_text() {
    for (text, canonical) in [
        ("slashes:a+b+c", "course-v1:a+b+c"),
        ("course-v1:a+b+c+type@d+block@e", "course-v1:a+b+c"),
        ("library-v1:a+b+c", "library-v1:a+b"),
        ("ccx-v1:a+b+c+CCX@1", "ccx-v1:a+b+c+ccx@1"),
    ] {
        let key: CourseKey = text.parse().unwrap();
        assert_eq!((key.as_str(), key.canonical().as_str()), (text, canonical));
    }
    assert_eq!(usage("block-v1:a+b+c+block@d").canonical(), "block-v1:a+b+c+type@None+block@d");
}

#[test]
fn an_error_names_the_expected_form_and_not_the_text() {
    let fault = "secret".parse::<LibraryKey>().unwrap_err();
    assert_eq!(fault.to_string(), "not a library key (6 bytes), expected `lib:org:slug`");
}
