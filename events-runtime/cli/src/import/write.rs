//! Writes items as Rust code.

use super::event::{Event, OPENEDX_NAME};
use super::item::{Branch, Item, ItemId, ItemKind, Items, Member, Type};
use super::layout::{Attribute, Code, doc, field};
use super::name::{Name, fields, variants};

/// `struct_variant_width`
const VARIANT_WIDTH: usize = 35;

/// Writes the items of a file.
pub(super) struct ItemWriter<'a> {
    pub(super) items: &'a Items,
    /// The Rust names of the items.
    pub(super) names: &'a [String],
}

impl ItemWriter<'_> {
    fn name_of(&self, id: ItemId) -> &str {
        self.names.get(id).map_or("", String::as_str)
    }

    /// Writes an item, as an event if `event` is given with its file name.
    pub(super) fn item(&self, id: ItemId, event: Option<(&Event, &str)>) -> Code {
        let mut out = Code::default();
        let Some(item) = self.items.0.get(id) else { return out };
        let mut options = Attribute::new("event");
        doc(item.doc.as_deref(), "", &mut options, &mut out);
        out.line(match (&item.kind, event) {
            (_, Some(_)) => "#[derive(Debug, Clone, PartialEq, PublicSignal)]",
            (ItemKind::Symbols { .. }, None) => "#[derive(Debug, Clone, Copy, PartialEq, Eq, EventData)]",
            (_, None) => "#[derive(Debug, Clone, PartialEq, EventData)]",
        });
        let name = self.name_of(id);
        match event {
            Some((event, file)) => signal(event, file, item, name).write("", &mut out),
            None if item.name != name => options.text("rename", &item.name),
            None => {}
        }
        item.namespace.iter().for_each(|namespace| options.text("namespace", namespace));
        item.aliases.iter().for_each(|alias| options.text("alias", alias));
        options.write("", &mut out);
        let keyword = if matches!(item.kind, ItemKind::Struct(_)) { "struct" } else { "enum" };
        let mut body = Code::default();
        match &item.kind {
            ItemKind::Struct(members) => self.members(members, "    ", "pub ", &mut body),
            ItemKind::Symbols { symbols, default } => symbol_variants(symbols, default.as_deref(), &mut body),
            ItemKind::Union(branches) => self.variants(branches, &mut body),
        }
        if body.is_empty() {
            out.line(format_args!("pub {keyword} {name} {{}}"));
        } else {
            out.line(format_args!("pub {keyword} {name} {{"));
            out.lines(&body);
            out.line("}");
        }
        out
    }

    fn members(&self, members: &[Member], indent: &str, visibility: &str, out: &mut Code) {
        let names = fields(members.iter().map(|member| member.attributes.name.as_str()));
        for (member, name) in members.iter().zip(names) {
            let mut options = Attribute::new("event");
            doc(member.attributes.doc.as_deref(), indent, &mut options, out);
            self.options(member, &name, &mut options);
            options.write(indent, out);
            field(indent, &format!("{visibility}{}", name.rust), &self.ty(&member.ty), out);
        }
    }

    fn options(&self, member: &Member, name: &Name, options: &mut Attribute) {
        if name.is_renamed {
            options.text("rename", &member.attributes.name);
        }
        member.attributes.aliases.iter().for_each(|alias| options.text("alias", alias));
        // `null` is the default of an `Option` anyway.
        if let Some(default) = member.attributes.default.as_ref().filter(|default| !default.is_null()) {
            options.json("default", default);
        }
        if member.attributes.pii {
            options.flag("pii");
        }
        member
            .with
            .iter()
            .for_each(|module| options.path("with", &format!("events_runtime::with::{module}")));
        member.back_refs.iter().for_each(|id| options.path("back_ref", self.name_of(*id)));
    }

    fn ty(&self, ty: &Type) -> String {
        match ty {
            Type::External { rust, .. } => (*rust).to_owned(),
            Type::Vec(item) => format!("Vec<{}>", self.ty(item)),
            Type::Map(value) => format!("BTreeMap<String, {}>", self.ty(value)),
            Type::Option(inner) => format!("Option<{}>", self.ty(inner)),
            Type::Item { id, boxed: true, .. } => format!("Box<{}>", self.name_of(*id)),
            Type::Item { id, .. } => self.name_of(*id).to_owned(),
        }
    }

    fn variants(&self, branches: &[Branch], out: &mut Code) {
        let names = variants(branches.iter().map(|branch| branch.name.as_str()));
        // The derive treats an enum without data as an Avro enum, so its variants need braces.
        let has_data = branches.iter().any(|branch| !branch.members.is_empty());
        let is_unit = |branch: &Branch| branch.members.is_empty() && (has_data || branch.other);
        let texts: Vec<_> = branches
            .iter()
            .zip(&names)
            .map(|(branch, name)| {
                let mut head = Code::default();
                let mut options = Attribute::new("event");
                doc(branch.doc.as_deref(), "    ", &mut options, &mut head);
                if name.is_renamed {
                    options.text("rename", &branch.name);
                }
                branch.aliases.iter().for_each(|alias| options.text("alias", alias));
                if branch.other {
                    options.flag("other");
                }
                options.write("    ", &mut head);
                let mut body = Code::default();
                self.members(&branch.members, "        ", "", &mut body);
                (head, name.rust.as_str(), body, is_unit(branch))
            })
            .collect();
        // If `rustfmt` breaks some variants, it breaks all of them.
        let breaks =
            |(head, _, body, _): &(Code, &str, Code, bool)| !head.is_empty() || one_line(body).is_none();
        let all_break = texts.iter().any(breaks) && !texts.iter().all(breaks);
        for (head, name, body, is_unit) in &texts {
            out.lines(head);
            match one_line(body).filter(|_| !all_break || body.is_empty()) {
                Some(_) if *is_unit => out.line(format_args!("    {name},")),
                Some(_) if body.is_empty() => out.line(format_args!("    {name} {{}},")),
                Some(line) => out.line(format_args!("    {name} {{ {line} }},")),
                None => {
                    out.line(format_args!("    {name} {{"));
                    out.lines(body);
                    out.line("    },");
                }
            }
        }
    }
}

/// The fields of a variant on one line if they fit.
fn one_line(body: &Code) -> Option<String> {
    let lines: Vec<_> = body.as_str().lines().map(str::trim).collect();
    let line = lines.join(" ");
    let line = line.strip_suffix(',').unwrap_or(&line);
    let is_plain = lines.iter().all(|line| !line.starts_with(['/', '#']));
    (is_plain && line.chars().count() <= VARIANT_WIDTH).then(|| line.to_owned())
}

fn symbol_variants(symbols: &[String], default: Option<&str>, out: &mut Code) {
    let names = variants(symbols.iter().map(String::as_str));
    for (symbol, name) in symbols.iter().zip(names) {
        let mut options = Attribute::new("event");
        if name.is_renamed {
            options.text("rename", symbol);
        }
        if default == Some(symbol) {
            options.flag("default");
        }
        options.write("    ", out);
        out.line(format_args!("    {},", name.rust));
    }
}

fn signal(event: &Event, file: &str, item: &Item, name: &str) -> Attribute {
    let mut options = Attribute::new("public_signal");
    options.text("event_type", &event.event_type);
    if event.minor_version > 0 {
        options.json("minor_version", &event.minor_version.into());
    }
    if item.name != name && !(event.is_openedx && item.name == OPENEDX_NAME) {
        options.text("name", &item.name);
    }
    event.namespace.iter().for_each(|namespace| options.text("namespace", namespace));
    if event.is_openedx {
        options.text("profile", "openedx");
    }
    if event.is_foreign {
        options.text("foreign", &format!("imported from {file}"));
    }
    options
}
