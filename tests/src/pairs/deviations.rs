//! The ways in which another implementation's verdict can differ from the const check's, each with the
//! text of the specification.

use std::fmt;

/// An implementation of schema resolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judge {
    /// `apache_avro::schema_compatibility::SchemaCompatibility::can_read`, whole.
    ApacheAvro,
    /// `org.apache.avro.SchemaCompatibility.checkReaderWriterCompatibility`.
    Java,
    /// `fastavro.schemaless_reader` on data, ignoring logical types.
    Fastavro,
}

/// A deviation of an implementation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deviation {
    /// Aliases of named types are ignored. The specification allows that:
    ///
    /// > Named types and fields may have aliases. An implementation may optionally use aliases to map
    /// > a writer's schema to the reader's. […] if the writer's schema was named "Foo" and the
    /// > reader's schema is named "Bar" and has an alias of "Foo", then the implementation would act
    /// > as though "Foo" were named "Bar" when reading.
    ///
    /// We use them, as for fields, and as Java and fastavro do.
    TypesHaveNoAliases,
    /// A reference to a named type matches only a reference with the same full name, never a definition.
    /// To the specification, the two are equivalent:
    ///
    /// > A schema or protocol may not contain multiple definitions of a fullname. Further, a name must
    /// > be defined before it is used.
    ///
    /// and records match when "both schemas are records with the same (unqualified) name". Which
    /// occurrence has the definition depends on the order of fields, which may differ.
    NamesStandForThemselves,
    /// A union of the reader reads what any of its branches reads. The specification chooses a branch first:
    ///
    /// > if reader's is a union, but writer's is not: The first schema in the reader's union that
    /// > matches the writer's schema is recursively resolved against it. If none match, an error is
    /// > signalled.
    AnyBranch,
    /// The first matching branch of a union is chosen, even one of another namespace or by a promotion.
    ///
    /// This follows the text above literally. We prefer a branch with the same full name, as Java's reader
    /// does: taken literally, the text resolves a union against itself to wrong branches,
    /// as `a.X` is the first match for `b.X` in `[a.X, b.X]`.
    FirstBranch,
    /// A named type matches one of another kind: a fixed is then read as any type, an enum or a record can't
    /// be read. The specification distinguishes them:
    ///
    /// > both schemas are enums whose (unqualified) names match
    /// > both schemas are fixed whose sizes and (unqualified) names match
    /// > both schemas are records with the same (unqualified) name
    KindsAreOne,
    /// A schema resolves against itself without any rules, and so does a union in which
    /// [`Deviation::FirstBranch`] would choose a wrong branch.
    ItselfNeedsNoRules,
    /// A bare alias matches types of any namespace. In the specification, it has one namespace:
    ///
    /// > if a type named "a.b" has aliases of "c" and "x.y", then the fully qualified names of its
    /// > aliases are "a.c" and "x.y".
    AliasesAsWritten,
    /// Decimals match regardless of precision and scale. The specification says
    ///
    /// > For the purposes of schema resolution, two schemas that are decimal logical types match if
    /// > their scales and precisions match.
    DecimalsAreBytes,
    /// Different logical types match if their base types do, so milliseconds are read as microseconds.
    /// The specification does not forbid it; it says only
    ///
    /// > Language implementations may choose to represent logical types with an appropriate native
    /// > type, although this is not required.
    ///
    /// Other readers return the number unchanged, off by a factor of 1000 and without an error. So the
    /// check rejects pairs that Avro itself accepts.
    UnitsAreNumbers,
    /// The same logical type matches on base types that do not match: a decimal of bytes and one of a fixed,
    /// a uuid of a string and one of a fixed. In the specification, they do not match:
    ///
    /// > A logical type is always serialized using its underlying Avro type so that values are encoded
    /// > in exactly the same way as the equivalent Avro type that does not have a logicalType attribute.
    ///
    /// and bytes and strings promote to each other only.
    LogicalTypesHaveNoBase,
    /// A branch that no branch of the reader's union matches is an error, although the reader's union takes unknown
    /// branches. That is what the specification says:
    ///
    /// > if both are unions: The first schema in the reader's union that matches the selected writer's union schema
    /// > is recursively resolved against it. if none match, an error is signalled.
    ///
    /// The attribute `"other"` is ours, and an attribute that Avro does not define must not affect the data.
    UnionsDoNotGrow,
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Judge {
    /// The implementation's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ApacheAvro => "apache-avro",
            Self::Java => "java",
            Self::Fastavro => "fastavro",
        }
    }

    /// The names of deviations, joined.
    #[must_use]
    pub fn describe(deviations: &[Deviation]) -> String {
        deviations.iter().map(ToString::to_string).collect::<Vec<_>>().join(" + ")
    }

    /// Its known deviations.
    #[must_use]
    pub const fn deviations(self) -> &'static [Deviation] {
        match self {
            Self::ApacheAvro => &[
                Deviation::TypesHaveNoAliases,
                Deviation::NamesStandForThemselves,
                Deviation::AnyBranch,
                Deviation::UnitsAreNumbers,
                Deviation::LogicalTypesHaveNoBase,
                Deviation::UnionsDoNotGrow,
            ],
            Self::Java => &[
                Deviation::AnyBranch,
                Deviation::DecimalsAreBytes,
                Deviation::UnitsAreNumbers,
                Deviation::UnionsDoNotGrow,
            ],
            Self::Fastavro => &[
                Deviation::FirstBranch,
                Deviation::KindsAreOne,
                Deviation::AliasesAsWritten,
                Deviation::DecimalsAreBytes,
                Deviation::UnitsAreNumbers,
                Deviation::ItselfNeedsNoRules,
                Deviation::UnionsDoNotGrow,
            ],
        }
    }
}
