//! The character classes of opaque-keys' regular expressions, and the parts between its `+`.

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory as _};

/// Python's `\w`: letters and numbers of any script, and `_`, but no combining marks.
fn is_word(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_alphanumeric() || character == '_';
    }
    matches!(character.general_category_group(), GeneralCategoryGroup::Letter | GeneralCategoryGroup::Number)
}

/// `[\w\-~.:]+`
pub(super) fn is_id(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| is_word(c) || matches!(c, '-' | '~' | '.' | ':'))
}

/// `[\w\-~.:%]+`, of blocks in deprecated keys.
pub(super) fn is_deprecated_id(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| is_word(c) || matches!(c, '-' | '~' | '.' | ':' | '%'))
}

/// `[\w.%-]*`, of the parts of deprecated course keys.
pub(super) fn is_deprecated_part(text: &str) -> bool {
    text.chars().all(|c| is_word(c) || matches!(c, '.' | '%' | '-'))
}

/// `^[\w\-.]+$`. In Python `$` also matches before a final line feed.
pub(super) fn is_slug(text: &str) -> bool {
    let text = text.strip_suffix('\n').unwrap_or(text);
    !text.is_empty() && text.chars().all(|c| is_word(c) || matches!(c, '-' | '.'))
}

/// `^[a-zA-Z0-9_\-.]+$`, with the same `$`.
pub(super) fn is_name(text: &str) -> bool {
    let text = text.strip_suffix('\n').unwrap_or(text);
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// `\d+`: decimal digits of any script.
fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.general_category() == GeneralCategory::DecimalNumber)
}

/// A `bson.ObjectId`: 24 hexadecimal digits.
fn is_object_id(text: &str, dialect: Dialect) -> bool {
    let cased = |b: u8| dialect == Dialect::Ccx || !b.is_ascii_uppercase();
    text.len() == 24 && text.bytes().all(|b| b.is_ascii_hexdigit() && cased(b))
}

/// The grammar of a kind of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// For `course-v1:`, `library-v1:`, `block-v1:` and `lib-block-v1:`.
    Course,
    /// For `ccx-v1:` and `ccx-block-v1:`: with a `ccx@`, and case-insensitive before `@`.
    Ccx,
}

/// The parts of `org+course+run+branch@…+version@…+ccx@…+type@…+block@…`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    pub(super) org: Option<&'a str>,
    pub(super) course: Option<&'a str>,
    pub(super) run: Option<&'a str>,
    pub(super) branch: Option<&'a str>,
    pub(super) version: Option<&'a str>,
    pub(super) ccx: Option<&'a str>,
    pub(super) block_type: Option<&'a str>,
    pub(super) block_id: Option<&'a str>,
}

impl<'a> Parts<'a> {
    /// The parts, if each occurs at most once, in this order, with valid characters.
    pub(super) fn split(text: &'a str, dialect: Dialect) -> Option<Self> {
        let mut parts = Self::default();
        let mut plain = [None; 3];
        let (mut names, mut last) = (0, 0);
        for segment in text.split('+') {
            let Some((tag, value)) = segment.split_once('@') else {
                if last > 0 || !is_id(segment) {
                    return None;
                }
                *plain.get_mut(names)? = Some(segment);
                names += 1;
                continue;
            };
            let (rank, slot, valid) = match Tag::read(tag, dialect)? {
                Tag::Branch => (1, &mut parts.branch, is_id(value)),
                Tag::Version => (2, &mut parts.version, is_object_id(value, dialect)),
                Tag::Ccx => (3, &mut parts.ccx, is_digits(value)),
                Tag::Type => (4, &mut parts.block_type, is_id(value)),
                Tag::Block if dialect == Dialect::Course => (5, &mut parts.block_id, is_deprecated_id(value)),
                Tag::Block => (5, &mut parts.block_id, is_id(value)),
            };
            if rank <= last || !valid {
                return None;
            }
            last = rank;
            *slot = Some(value);
        }
        if names == 1 || (dialect == Dialect::Ccx && parts.ccx.is_none()) {
            return None;
        }
        [parts.org, parts.course, parts.run] = plain;
        Some(parts)
    }

    /// Whether they identify a course: by organisation, course and run, or by version.
    pub(super) fn is_course(&self) -> bool {
        self.version.is_some() || self.run.is_some()
    }

    /// Whether they identify a block. In a course key, the block may contain a `%`.
    pub(super) fn has_block(&self) -> bool {
        self.block_id.is_some_and(is_id)
    }

    /// Whether they identify a library, which has no run.
    pub(super) fn is_library(&self) -> bool {
        self.version.is_some() || self.course.is_some()
    }

    /// The canonical text of a course key, after its namespace.
    pub(super) fn course_text(&self) -> String {
        let mut names = Vec::new();
        if let (Some(org), Some(course), Some(run)) = (self.org, self.course, self.run) {
            names.extend([org, course, run]);
        }
        self.joined(&names)
    }

    /// The canonical text of a library key, after its namespace.
    pub(super) fn library_text(&self) -> String {
        let mut names = Vec::new();
        if let (Some(org), Some(library)) = (self.org, self.course) {
            names.extend([org, library]);
        }
        self.joined(&names)
    }

    fn joined(&self, names: &[&str]) -> String {
        let mut parts: Vec<_> = names.iter().map(ToString::to_string).collect();
        if let Some(branch) = self.branch.filter(|_| !names.is_empty()) {
            parts.push(format!("branch@{branch}"));
        }
        if let Some(version) = self.version {
            parts.push(format!("version@{}", version.to_ascii_lowercase()));
        }
        if let Some(ccx) = self.ccx {
            parts.push(format!("ccx@{ccx}"));
        }
        parts.join("+")
    }
}

/// The name before an `@`.
#[derive(Clone, Copy)]
enum Tag {
    Branch,
    Version,
    Ccx,
    Type,
    Block,
}

impl Tag {
    fn read(text: &str, dialect: Dialect) -> Option<Self> {
        let folded: String;
        let text = match dialect {
            Dialect::Course => text,
            Dialect::Ccx => {
                folded = text.chars().map(fold).collect();
                &folded
            }
        };
        match text {
            "branch" => Some(Self::Branch),
            "version" => Some(Self::Version),
            "ccx" if dialect == Dialect::Ccx => Some(Self::Ccx),
            "type" => Some(Self::Type),
            "block" => Some(Self::Block),
            _ => None,
        }
    }
}

/// The characters that Python's `re.IGNORECASE` treats as the same letter.
fn fold(character: char) -> char {
    match character {
        '\u{130}' | '\u{131}' => 'i',
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        _ => character.to_ascii_lowercase(),
    }
}
