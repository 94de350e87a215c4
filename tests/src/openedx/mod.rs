//! Events of Open edX's catalogue, and one with every type that its Python package supports. The real
//! package checks them: `tests/interop/openedx.py`.

mod shapes;

use std::collections::BTreeMap;

use events_runtime::avro::{self, DecodeError};
use events_runtime::registry::Descriptor;
use events_runtime::{EventData, PublicSignal};
use jiff::Timestamp;
use uuid::Uuid;

/// A user logged in.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.auth.session.login.completed.v1", profile = "openedx")]
pub struct SessionLoginCompleted {
    /// Who.
    pub user: UserData,
}

/// A user.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct UserData {
    /// The user's number.
    pub id: i64,
    /// Whether the user may log in.
    pub is_active: bool,
    /// Who it is.
    #[event(pii)]
    pub pii: UserPersonalData,
}

/// Who a user is.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct UserPersonalData {
    /// The name to log in with.
    pub username: String,
    /// Where to write to.
    pub email: String,
    /// The full name, empty where it is not known.
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.course.enrollment.created.v1", profile = "openedx")]
struct CourseEnrollmentCreated {
    enrollment: CourseEnrollmentData,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct CourseEnrollmentData {
    user: UserData,
    course: CourseData,
    mode: String,
    is_active: bool,
    #[event(with = events_runtime::with::isoformat)]
    creation_date: Timestamp,
    created_by: Option<UserData>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct CourseData {
    course_key: String,
    display_name: String,
    #[event(with = events_runtime::with::isoformat::option)]
    start: Option<Timestamp>,
    #[event(with = events_runtime::with::isoformat::option)]
    end: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.learning.course.persistent_grade_summary.changed.v1",
    profile = "openedx"
)]
struct PersistentGradeSummaryChanged {
    grade: PersistentCourseGradeData,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct PersistentCourseGradeData {
    user_id: i64,
    course: CourseData,
    #[event(with = events_runtime::with::isoformat)]
    course_edited_timestamp: Timestamp,
    course_version: String,
    grading_policy_hash: String,
    percent_grade: f64,
    letter_grade: String,
    #[event(with = events_runtime::with::isoformat)]
    passed_timestamp: Timestamp,
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.exam.attempt.submitted.v1", profile = "openedx")]
struct ExamAttemptSubmitted {
    exam_attempt: ExamAttemptData,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct ExamAttemptData {
    student_user: UserData,
    course_key: String,
    usage_key: String,
    exam_type: String,
    requesting_user: Option<UserData>,
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.xblock.skill.verified.v1", profile = "openedx")]
struct XblockSkillVerified {
    xblock_info: XBlockSkillVerificationData,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct XBlockSkillVerificationData {
    usage_key: String,
    verified_skills: Vec<i64>,
    ignored_skills: Vec<i64>,
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.content_authoring.content.object.associations.changed.v1",
    profile = "openedx"
)]
struct ContentObjectAssociationsChanged {
    content_object: ContentObjectChangedData,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct ContentObjectChangedData {
    object_id: String,
    changes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.lti_provider.launch.success.v1", profile = "openedx")]
struct LtiProviderLaunchSuccess {
    launch_data: LtiProviderLaunchData,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct LtiProviderLaunchData {
    user: UserData,
    course_key: String,
    usage_key: String,
    launch_params: LtiProviderLaunchParamsData,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct LtiProviderLaunchParamsData {
    roles: String,
    context_id: String,
    user_id: String,
    // Python sorts the keys.
    extra_params: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.enterprise.subsidy.redemption-reversed.v1", profile = "openedx")]
struct SubsidyRedemptionReversed {
    redemption: SubsidyRedemption,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct SubsidyRedemption {
    subsidy_identifier: String,
    content_key: String,
    lms_user_id: i64,
}

/// An event that the real package defines too.
pub struct Definition {
    /// Its descriptor in the registry.
    pub descriptor: Descriptor,
    /// Datums of values that Python preserves.
    pub datums: Vec<Vec<u8>>,
    /// Decodes a datum, and encodes the value again.
    pub again: fn(&[u8]) -> Result<Vec<u8>, DecodeError>,
}

impl Definition {
    fn of<E: PublicSignal>(values: impl IntoIterator<Item = E>) -> Self {
        let datum = |value| avro::to_vec(&value).expect("the value has a datum");
        Self {
            descriptor: Descriptor::of::<E>(),
            datums: values.into_iter().map(datum).collect(),
            again: |datum| {
                let value = avro::from_slice::<E>(datum)?;
                Ok(avro::to_vec(&value).expect("a decoded value can be encoded"))
            },
        }
    }
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn map<T: Clone>(value: &T) -> BTreeMap<String, T> {
    ["", "a", "é", "\u{ffff}", "\u{1f600}", "\u{0}\"\\"].map(|key| (key.to_owned(), value.clone())).into()
}

/// The user of the golden datum.
#[must_use]
pub fn user(name: &str) -> UserData {
    UserData {
        id: 123,
        is_active: true,
        pii: UserPersonalData {
            username: "foobob".to_owned(),
            email: "bob@foo.example".to_owned(),
            name: name.to_owned(),
        },
    }
}

fn course(start: Option<&str>) -> CourseData {
    CourseData {
        course_key: "course-v1:edX+DemoX+Demo_Course".to_owned(),
        display_name: "Démo 𝄞".to_owned(),
        start: start.map(time),
        end: None,
    }
}

/// All events.
#[must_use]
pub fn definitions() -> Vec<Definition> {
    let enrollment = |start, created_by| CourseEnrollmentCreated {
        enrollment: CourseEnrollmentData {
            user: user("Bob Foo"),
            course: course(start),
            mode: "verified".to_owned(),
            is_active: false,
            creation_date: time("2023-01-02T03:04:05.678901Z"),
            created_by,
        },
    };
    let attempt = |requesting_user| ExamAttemptSubmitted {
        exam_attempt: ExamAttemptData {
            student_user: user(""),
            course_key: "course-v1:edX+DemoX+Demo_Course".to_owned(),
            usage_key: "block-v1:edX+DemoX+Demo_Course+type@exam+block@1".to_owned(),
            exam_type: "proctored".to_owned(),
            requesting_user,
        },
    };
    let mut definitions = vec![
        Definition::of([
            SessionLoginCompleted { user: user("Bob Foo") },
            SessionLoginCompleted { user: user("") },
        ]),
        Definition::of([enrollment(None, None), enrollment(Some("1970-01-01T00:00:00Z"), Some(user("Ann")))]),
        Definition::of([PersistentGradeSummaryChanged {
            grade: PersistentCourseGradeData {
                user_id: 0,
                course: course(Some("0001-01-01T00:00:00Z")),
                course_edited_timestamp: time("9999-12-30T22:00:00.999999Z"),
                course_version: String::new(),
                grading_policy_hash: "abc".to_owned(),
                percent_grade: 0.0,
                letter_grade: "A".to_owned(),
                passed_timestamp: time("2023-01-02T03:04:05Z"),
            },
        }]),
        Definition::of([attempt(None), attempt(Some(user("Ann")))]),
        Definition::of([XblockSkillVerified {
            xblock_info: XBlockSkillVerificationData {
                usage_key: "block-v1:edX+DemoX+Demo_Course+type@video+block@1".to_owned(),
                verified_skills: vec![0, -1, i64::MAX],
                ignored_skills: vec![],
            },
        }]),
        Definition::of([ContentObjectAssociationsChanged {
            content_object: ContentObjectChangedData {
                object_id: "lib:x".to_owned(),
                changes: vec!["tags".to_owned(), String::new()],
            },
        }]),
        Definition::of([LtiProviderLaunchSuccess {
            launch_data: LtiProviderLaunchData {
                user: user("Bob Foo"),
                course_key: "course-v1:edX+DemoX+Demo_Course".to_owned(),
                usage_key: "block-v1:edX+DemoX+Demo_Course+type@lti+block@1".to_owned(),
                launch_params: LtiProviderLaunchParamsData {
                    roles: "Learner".to_owned(),
                    context_id: "c".to_owned(),
                    user_id: "7".to_owned(),
                    extra_params: map(&"value".to_owned()),
                },
            },
        }]),
        Definition::of([SubsidyRedemptionReversed {
            redemption: SubsidyRedemption {
                subsidy_identifier: Uuid::nil().to_string(),
                content_key: "course-v1:edX+DemoX+Demo_Course".to_owned(),
                lms_user_id: i64::MIN,
            },
        }]),
    ];
    definitions.extend(shapes::definitions());
    definitions
}
