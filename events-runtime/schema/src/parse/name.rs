//! Full names.

/// A full name.
pub(super) struct FullName {
    pub(super) namespace: String,
    pub(super) base: String,
}

impl FullName {
    /// A name as written in a schema: full, or with a namespace from its own attribute or the enclosing definition.
    pub(super) fn new(name: &str, namespace: &str) -> Self {
        let (namespace, base) = name.rsplit_once('.').unwrap_or((namespace, name));
        Self { namespace: namespace.to_owned(), base: base.to_owned() }
    }

    /// The namespace, unless it is that of the enclosing definition.
    pub(super) fn own_namespace(&self, enclosing: &str) -> &str {
        match self.namespace.as_str() {
            namespace if namespace == enclosing => "",
            "" => ".",
            namespace => namespace,
        }
    }

    /// This name as written inside that namespace.
    pub(super) fn relative_to(&self, namespace: &str) -> String {
        if self.namespace == namespace { self.base.clone() } else { self.text() }
    }

    pub(super) fn text(&self) -> String {
        if self.namespace.is_empty() {
            self.base.clone()
        } else {
            format!("{}.{}", self.namespace, self.base)
        }
    }
}
