//! The Rust items for a schema, before they have Rust names.

use super::model::{FieldAttributes, Primitive};

/// The index of an item in its file.
pub(super) type ItemId = usize;

/// A struct or an enum.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// The Avro name; for a union, the common prefix of its records' names.
    pub(super) name: String,
    /// `None` if it is inherited from the enclosing types.
    pub(super) namespace: Option<String>,
    pub(super) doc: Option<String>,
    pub(super) aliases: Vec<String>,
    pub(super) kind: ItemKind,
}

#[derive(Debug, Clone)]
pub(super) enum ItemKind {
    /// A record.
    Struct(Vec<Member>),
    /// An enum of symbols.
    Symbols { symbols: Vec<String>, default: Option<String> },
    /// A union of records.
    Union(Vec<Branch>),
}

/// A record of a union.
#[derive(Debug, Clone)]
pub(super) struct Branch {
    /// The Avro name without the prefix of the union.
    pub(super) name: String,
    pub(super) doc: Option<String>,
    pub(super) aliases: Vec<String>,
    /// Whether it is no record, but takes the branches that a reader does not know.
    pub(super) other: bool,
    pub(super) members: Vec<Member>,
}

/// A field of a struct or of a variant.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) attributes: FieldAttributes,
    pub(super) ty: Type,
    /// A module of `events_runtime::with`.
    pub(super) with: Option<&'static str>,
    /// The enclosing items that the type refers to.
    pub(super) back_refs: Vec<ItemId>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    /// A type that the generated code does not define.
    External {
        rust: &'static str,
        /// The Avro type, which determines valid defaults.
        avro: Primitive,
    },
    Vec(Box<Type>),
    Map(Box<Type>),
    Option(Box<Type>),
    /// A type that the generated code defines.
    Item {
        id: ItemId,
        /// Whether it needs a `Box` to have a finite size.
        boxed: bool,
        /// Whether it refers to an enclosing item.
        back: bool,
    },
}

impl Item {
    /// All fields, including those of variants.
    pub(super) fn members(&self) -> impl Iterator<Item = &Member> {
        let (own, branches): (&[Member], &[Branch]) = match &self.kind {
            ItemKind::Struct(members) => (members, &[]),
            ItemKind::Symbols { .. } => (&[], &[]),
            ItemKind::Union(branches) => (&[], branches),
        };
        own.iter().chain(branches.iter().flat_map(|branch| &branch.members))
    }

    pub(super) fn members_mut(&mut self) -> impl Iterator<Item = &mut Member> {
        let (own, branches): (&mut [Member], &mut [Branch]) = match &mut self.kind {
            ItemKind::Struct(members) => (members, &mut []),
            ItemKind::Symbols { .. } => (&mut [], &mut []),
            ItemKind::Union(branches) => (&mut [], branches),
        };
        own.iter_mut().chain(branches.iter_mut().flat_map(|branch| &mut branch.members))
    }
}

impl Type {
    /// The item that the type refers to, if any.
    fn item_mut(&mut self) -> Option<&mut ItemId> {
        match self {
            Self::External { .. } => None,
            Self::Vec(inner) | Self::Map(inner) | Self::Option(inner) => inner.item_mut(),
            Self::Item { id, .. } => Some(id),
        }
    }
}

/// The items of one file; the first is the root.
#[derive(Debug, Clone)]
pub(super) struct Items(pub(super) Vec<Item>);

impl Items {
    /// Finds a record that contains itself without an option, collection or enum in between, and so
    /// has no finite value.
    pub(super) fn find_infinite(&self) -> Option<&Item> {
        let is_struct =
            |id: ItemId| self.0.get(id).is_some_and(|item| matches!(item.kind, ItemKind::Struct(_)));
        let held = |id: ItemId| {
            let members = self.0.get(id).into_iter().flat_map(Item::members);
            members.filter_map(|member| match member.ty {
                Type::Item { id, .. } if is_struct(id) => Some(id),
                _ => None,
            })
        };
        let holds_itself = |id: ItemId| {
            let mut reached: Vec<_> = held(id).collect();
            let mut next = 0;
            while let Some(other) = reached.get(next).copied() {
                let new: Vec<_> = held(other).filter(|id| !reached.contains(id)).collect();
                reached.extend(new);
                next += 1;
            }
            reached.contains(&id)
        };
        let id = (0..self.0.len()).find(|id| is_struct(*id) && holds_itself(*id))?;
        self.0.get(id)
    }

    /// A string that is equal for two items of any files if they have the same Rust definition: the item
    /// and everything it contains, numbered from the item.
    pub(super) fn identity(&self, id: ItemId) -> String {
        let mut order = vec![id];
        let mut items = Vec::new();
        while let Some(item) = order.get(items.len()).and_then(|id| self.0.get(*id)) {
            let mut item = item.clone();
            let mut renumber = |id: &mut ItemId| {
                *id = order.iter().position(|known| known == id).unwrap_or_else(|| {
                    order.push(*id);
                    order.len() - 1
                });
            };
            for member in item.members_mut() {
                member.ty.item_mut().into_iter().for_each(&mut renumber);
                member.back_refs.iter_mut().for_each(&mut renumber);
            }
            items.push(item);
        }
        format!("{items:?}")
    }
}
