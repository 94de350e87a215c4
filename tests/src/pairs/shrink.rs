//! Shrinks a pair of schemas while a condition holds.

use super::Pair;
use super::sketch::{Field, Kind, Sketch, Type};

/// Removes parts of a pair as long as the condition holds.
#[must_use]
pub fn shrink(pair: &Pair, stays: impl Fn(&Pair) -> bool) -> Pair {
    let mut least = pair.clone();
    // Terminates: each step makes the pair smaller.
    while let Some(smaller) =
        smaller(&least).into_iter().find(|pair| size(pair) < size(&least) && stays(pair))
    {
        least = smaller;
    }
    least
}

fn size(pair: &Pair) -> usize {
    format!("{}{}", pair.reader.json(), pair.writer.json()).len()
}

/// The pair without one part: on both sides, on the reader's, on the writer's.
fn smaller(pair: &Pair) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for step in steps(&pair.reader).into_iter().chain(steps(&pair.writer)) {
        let (reader, writer) = (step.taken(&pair.reader), step.taken(&pair.writer));
        let mut add = |reader: Sketch, writer: Sketch| {
            if reader.is_sound() && writer.is_sound() {
                pairs.push(Pair { reader, writer, mutations: pair.mutations.clone() });
            }
        };
        if let (Some(reader), Some(writer)) = (&reader, &writer) {
            add(reader.clone(), writer.clone());
        }
        if let Some(reader) = reader {
            add(reader, pair.writer.clone());
        }
        if let Some(writer) = writer {
            add(pair.reader.clone(), writer);
        }
    }
    pairs
}

/// A part that can be removed; fields by name, so that both sides lose the same one.
enum Step {
    Field(usize, String),
    /// The type of a field becomes a part of it, or `int` if there is no part of that number.
    Inner(usize, String, usize),
    /// The root becomes a part of it.
    Root(usize),
    /// The root becomes a named type.
    RootNamed(usize),
    /// A namespace, aliases and the mark of a union that takes unknown branches.
    Names(usize),
    /// A field's default.
    Default(usize, String),
}

fn steps(sketch: &Sketch) -> Vec<Step> {
    let mut steps = Vec::new();
    for part in 0..=parts(&sketch.root).len() {
        steps.push(Step::Root(part));
    }
    let reachable = sketch.namespaces();
    for (index, named) in sketch.named.iter().enumerate() {
        if !reachable.contains_key(&index) {
            continue;
        }
        steps.push(Step::RootNamed(index));
        if let Kind::Record(fields) = &named.kind {
            for field in fields {
                steps.push(Step::Field(index, field.name.clone()));
                for part in 0..=parts(&field.schema).len() {
                    steps.push(Step::Inner(index, field.name.clone(), part));
                }
                steps.push(Step::Default(index, field.name.clone()));
            }
        }
        steps.push(Step::Names(index));
    }
    steps
}

impl Step {
    fn taken(&self, sketch: &Sketch) -> Option<Sketch> {
        let mut sketch = sketch.clone();
        match self {
            Self::RootNamed(index) => sketch.root = sketch.named.get(*index).map(|_| Type::Named(*index))?,
            Self::Root(part) => sketch.root = parts(&sketch.root).get(*part)?.clone(),
            Self::Names(index) => {
                let named = sketch.named.get_mut(*index)?;
                named.namespace = None;
                named.aliases.clear();
                named.other = false;
            }
            Self::Field(index, name) => {
                let fields = fields(&mut sketch, *index)?;
                let at = fields.iter().position(|field| field.name == *name)?;
                fields.remove(at);
            }
            Self::Inner(index, name, part) => {
                let field = field(&mut sketch, *index, name)?;
                field.schema = parts(&field.schema).get(*part).cloned().unwrap_or(Type::Plain("int"));
            }
            Self::Default(index, name) => field(&mut sketch, *index, name)?.default = false,
        }
        Some(sketch)
    }
}

fn fields(sketch: &mut Sketch, index: usize) -> Option<&mut Vec<Field>> {
    match &mut sketch.named.get_mut(index)?.kind {
        Kind::Record(fields) => Some(fields),
        _ => None,
    }
}

fn field<'a>(sketch: &'a mut Sketch, index: usize, name: &str) -> Option<&'a mut Field> {
    fields(sketch, index)?.iter_mut().find(|field| field.name == *name)
}

/// The smaller replacements of a type: the types in it, and unions of fewer branches.
fn parts(ty: &Type) -> Vec<Type> {
    match ty {
        Type::Array(inner) | Type::Map(inner) => vec![(**inner).clone()],
        Type::Union(branches) => {
            let fewer = (0..branches.len()).map(|without| {
                let mut branches = branches.clone();
                branches.remove(without);
                Type::Union(branches)
            });
            branches.iter().cloned().chain(fewer).collect()
        }
        _ => Vec::new(),
    }
}
