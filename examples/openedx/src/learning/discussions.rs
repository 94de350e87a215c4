//! The payloads of the events of discussions.

use std::collections::BTreeMap;

use events_runtime::EventData;

use super::data::UserData;
use crate::keys::{CourseKey, UsageKey};

/// The topic of a discussion, and the block that it belongs to.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct DiscussionTopicContext {
    /// Its title.
    pub title: String,
    /// The block.
    pub usage_key: Option<UsageKey>,
    /// The group of users, for providers without cohorts. Python reads 0 as none.
    pub group_id: Option<i64>,
    /// Its id in the discussion service.
    pub external_id: Option<String>,
    /// Its position among the topics. Python reads 0 as none.
    pub ordering: Option<i64>,
    /// What else is known, such as its section and subsection.
    #[event(default = {})]
    pub context: BTreeMap<String, String>,
}

/// The settings of a course's discussions.
#[derive(Debug, Clone, PartialEq, EventData)]
#[allow(clippy::struct_excessive_bools, reason = "they are the original's fields")]
pub struct CourseDiscussionConfigurationData {
    /// The course.
    pub course_key: CourseKey,
    /// The provider of the discussions.
    pub provider_type: String,
    /// Whether the course has discussions. Python reads `false` as `True`.
    #[event(default = true)]
    pub enabled: bool,
    /// Whether discussions are shown beside the content; without effect unless `enabled`. Python reads `false`
    /// as `True`.
    #[event(default = true)]
    pub enable_in_context: bool,
    /// Whether graded units have topics too.
    #[event(default = false)]
    pub enable_graded_units: bool,
    /// Whether units are visible.
    #[event(default = false)]
    pub unit_level_visibility: bool,
    /// The provider's settings. Python reads an empty map as the class `dict`, which it can't write; its own
    /// programs must always set it.
    #[event(default = {}, python_default = "dict")]
    pub plugin_configuration: BTreeMap<String, bool>,
    /// The topics.
    #[event(default = [])]
    pub contexts: Vec<DiscussionTopicContext>,
}

/// A thread of a discussion, a response in it or a comment on a response.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct DiscussionThreadData {
    /// The text.
    pub body: String,
    /// The topic's id in the discussion service.
    pub commentable_id: String,
    /// Its id.
    pub id: String,
    /// Whether the text is shortened here.
    pub truncated: bool,
    /// Where it is shown.
    pub url: String,
    /// Who wrote it.
    pub user: UserData,
    /// The course.
    pub course_id: CourseKey,
    /// The kind of the thread, such as `discussion` or `question`.
    pub thread_type: Option<String>,
    /// Whether the author is hidden. Python reads `false` as not known.
    pub anonymous: Option<bool>,
    /// Whether the author is hidden from other learners. Python reads `false` as not known.
    pub anonymous_to_peers: Option<bool>,
    /// The title.
    pub title: Option<String>,
    /// Whether the title is shortened here. Python reads `false` as not known.
    pub title_truncated: Option<bool>,
    /// The number of the cohort that sees it. Python reads 0 as none.
    pub group_id: Option<i64>,
    /// The number of the team that sees it. Python reads 0 as none.
    pub team_id: Option<i64>,
    /// The number of the category. Python reads 0 as none.
    pub category_id: Option<i64>,
    /// The name of the category.
    pub category_name: Option<String>,
    /// The thread that a response or a comment belongs to.
    pub discussion: Option<BTreeMap<String, String>>,
    /// The author's roles in the course.
    #[event(default = [])]
    pub user_course_roles: Vec<String>,
    /// The author's roles in the forum.
    #[event(default = [])]
    pub user_forums_roles: Vec<String>,
    /// Options of the author, such as `followed`.
    #[event(default = {})]
    pub options: BTreeMap<String, bool>,
}
