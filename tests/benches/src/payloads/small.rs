//! small: one course enrolment, eleven strings in four records, 249 bytes.

use events_runtime::{EventData, PublicSignal};

use super::Payload;

/// A learner was enrolled in a course.
#[derive(
    Clone,
    PartialEq,
    PublicSignal,
    serde::Serialize,
    serde::Deserialize,
    prost::Message,
    bincode::Encode,
    bincode::Decode,
)]
#[public_signal(event_type = "org.events.benches.enrolment.created.v1")]
pub struct Enrolled {
    /// Who was enrolled.
    #[prost(message, required, tag = "1")]
    pub user: User,
    /// Where.
    #[prost(message, required, tag = "2")]
    pub course: Course,
    /// The enrolment's mode.
    #[prost(string, tag = "3")]
    pub mode: String,
    /// Whether the enrolment counts.
    #[prost(bool, tag = "4")]
    pub is_active: bool,
    /// When it was made.
    #[prost(string, tag = "5")]
    pub creation_date: String,
    /// Who made it.
    #[prost(message, optional, tag = "6")]
    pub created_by: Option<User>,
}

/// A user of the platform.
#[derive(
    Clone,
    PartialEq,
    EventData,
    serde::Serialize,
    serde::Deserialize,
    prost::Message,
    bincode::Encode,
    bincode::Decode,
)]
pub struct User {
    /// The number of the account.
    #[prost(sint64, tag = "1")]
    pub id: i64,
    /// Whether the account can be used.
    #[prost(bool, tag = "2")]
    pub is_active: bool,
    /// What identifies the person.
    #[prost(message, required, tag = "3")]
    pub pii: Person,
}

/// What identifies a person.
#[derive(
    Clone,
    PartialEq,
    EventData,
    serde::Serialize,
    serde::Deserialize,
    prost::Message,
    bincode::Encode,
    bincode::Decode,
)]
pub struct Person {
    /// The login name.
    #[prost(string, tag = "1")]
    pub username: String,
    /// The e-mail address.
    #[prost(string, tag = "2")]
    pub email: String,
    /// The full name.
    #[prost(string, tag = "3")]
    pub name: String,
}

/// A course run.
#[derive(
    Clone,
    PartialEq,
    EventData,
    serde::Serialize,
    serde::Deserialize,
    prost::Message,
    bincode::Encode,
    bincode::Decode,
)]
pub struct Course {
    /// The key of the run.
    #[prost(string, tag = "1")]
    pub course_key: String,
    /// The title.
    #[prost(string, tag = "2")]
    pub display_name: String,
    /// When it starts.
    #[prost(string, optional, tag = "3")]
    pub start: Option<String>,
    /// When it ends.
    #[prost(string, optional, tag = "4")]
    pub end: Option<String>,
}

impl Payload for Enrolled {
    const NAME: &'static str = "small";
    const AVRO_LEN: usize = 249;
    const ADDED: &'static str = "end";
    const WIDENED: &'static str = "id";

    fn sample() -> Self {
        Self {
            user: User {
                id: 1_048_576,
                is_active: true,
                pii: Person {
                    username: "grace.hopper".into(),
                    email: "grace@learners.example".into(),
                    name: "Grace Brewster Murray Hopper".into(),
                },
            },
            course: Course {
                course_key: "course-v1:DemoX+CS101+2026_T1".into(),
                display_name: "Compilers from the start".into(),
                start: Some("2026-01-12T09:00:00+00:00".into()),
                end: None,
            },
            mode: "verified".into(),
            is_active: true,
            creation_date: "2025-12-01T14:03:27.512043+00:00".into(),
            created_by: Some(User {
                id: 4_211,
                is_active: true,
                pii: Person {
                    username: "registrar02".into(),
                    email: "registrar@staff.example".into(),
                    name: "Ada Lovelace".into(),
                },
            }),
        }
    }
}
