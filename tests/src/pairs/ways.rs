//! The ways in which a judge's verdict can differ from the const check's, each with what the
//! specification says of it.

use std::fmt;

/// Who judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judge {
    /// `apache_avro::schema_compatibility::SchemaCompatibility::can_read`, whole.
    ApacheAvro,
    /// `org.apache.avro.SchemaCompatibility.checkReaderWriterCompatibility`.
    Java,
    /// `fastavro.schemaless_reader` over data, logical types put aside.
    Fastavro,
}

/// Where a judge goes his own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// The aliases of named types are not looked at. The specification lets him:
    ///
    /// > Named types and fields may have aliases. An implementation may optionally use aliases to map
    /// > a writer's schema to the reader's. […] if the writer's schema was named "Foo" and the
    /// > reader's schema is named "Bar" and has an alias of "Foo", then the implementation would act
    /// > as though "Foo" were named "Bar" when reading.
    ///
    /// We do use them, as for fields, and as Java and fastavro do.
    TypesHaveNoAliases,
    /// A name that stands for a definition matches such a name alone, by its full name, and never a
    /// definition. To the specification they are one:
    ///
    /// > A schema or protocol may not contain multiple definitions of a fullname. Further, a name must
    /// > be defined before it is used.
    ///
    /// and records match when "both schemas are records with the same (unqualified) name". Which place
    /// of a schema has the definition depends on the order of its fields, which may differ.
    NamesStandForThemselves,
    /// A union of the reader reads what any of its branches reads. The specification chooses first:
    ///
    /// > if reader's is a union, but writer's is not: The first schema in the reader's union that
    /// > matches the writer's schema is recursively resolved against it. If none match, an error is
    /// > signalled.
    AnyBranch,
    /// The first branch of a union that matches is chosen, be it of another namespace or a promotion.
    ///
    /// This is the letter of the text above. We prefer, as Java's reader does, a branch of the very
    /// same full name, else the letter would resolve a union against itself to wrong branches:
    /// `a.X` is the first match for `b.X` in `[a.X, b.X]`.
    FirstBranch,
    /// A named type matches one of another kind: a fixed is then taken for whatever it should be, an
    /// enum or a record can't be read. The specification tells them apart:
    ///
    /// > both schemas are enums whose (unqualified) names match
    /// > both schemas are fixed whose sizes and (unqualified) names match
    /// > both schemas are records with the same (unqualified) name
    KindsAreOne,
    /// A schema is read with itself without any rules. So is a union in which the letter of
    /// [`Way::FirstBranch`] would choose a wrong branch.
    ItselfNeedsNoRules,
    /// A bare alias names types of any namespace. To the specification it names one:
    ///
    /// > if a type named "a.b" has aliases of "c" and "x.y", then the fully qualified names of its
    /// > aliases are "a.c" and "x.y".
    AliasesAsWritten,
    /// Decimals match whatever their precision and scale are. The specification says
    ///
    /// > For the purposes of schema resolution, two schemas that are decimal logical types match if
    /// > their scales and precisions match.
    DecimalsAreBytes,
    /// Logical types of two names match where their bases do, so milliseconds are read as microseconds.
    /// The specification does not forbid it; it says only
    ///
    /// > Language implementations may choose to represent logical types with an appropriate native
    /// > type, although this is not required.
    ///
    /// A reader that is not ours takes the number as it is, off by a factor of 1000 and without an
    /// error. So the check refuses what Avro itself would let pass.
    UnitsAreNumbers,
    /// The same logical type matches on bases that don't: a decimal of bytes and one of a fixed, a uuid
    /// of a string and one of a fixed. To the specification they don't:
    ///
    /// > A logical type is always serialized using its underlying Avro type so that values are encoded
    /// > in exactly the same way as the equivalent Avro type that does not have a logicalType attribute.
    ///
    /// and bytes and strings promote to each other only.
    LogicalTypesHaveNoBase,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Judge {
    /// The judge's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ApacheAvro => "apache-avro",
            Self::Java => "java",
            Self::Fastavro => "fastavro",
        }
    }

    /// Ways in words, joined where it took more than one.
    #[must_use]
    pub fn words(ways: &[Way]) -> String {
        ways.iter().map(ToString::to_string).collect::<Vec<_>>().join(" + ")
    }

    /// His ways.
    #[must_use]
    pub const fn ways(self) -> &'static [Way] {
        match self {
            Self::ApacheAvro => &[
                Way::TypesHaveNoAliases,
                Way::NamesStandForThemselves,
                Way::AnyBranch,
                Way::UnitsAreNumbers,
                Way::LogicalTypesHaveNoBase,
            ],
            Self::Java => &[Way::AnyBranch, Way::DecimalsAreBytes, Way::UnitsAreNumbers],
            Self::Fastavro => &[
                Way::FirstBranch,
                Way::KindsAreOne,
                Way::AliasesAsWritten,
                Way::DecimalsAreBytes,
                Way::UnitsAreNumbers,
                Way::ItselfNeedsNoRules,
            ],
        }
    }
}
