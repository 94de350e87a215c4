//! Rules of events: `#[public_signal(…)]`, and the shape of the struct.

use syn::Fields;

use crate::errors::Ctxt;
use crate::expand::{signal_name, signal_shadows_struct};
use crate::model::{Container, Data};
use events_schema::event_type;

/// `#[derive(PublicSignal)] struct Placed<T> { … }`
pub(super) fn is_concrete(cx: &Ctxt, model: &Container<'_>) {
    for parameter in model.input.generics.type_params() {
        cx.error(
            &parameter.ident,
            "an event cannot be generic, because its event type has one schema: use a concrete type, or move the generic part into a field whose type derives `EventData`",
        );
    }
}

/// `#[derive(PublicSignal)] enum Order { … }`, `struct Placed(Order);`
pub(super) fn is_record(cx: &Ctxt, model: &Container<'_>) {
    match &model.input.data {
        syn::Data::Enum(data) => cx.error(
            data.enum_token,
            "an event must be a struct: put the enum into a field of a struct, or make each variant a separate event",
        ),
        syn::Data::Struct(data) if matches!(data.fields, Fields::Unnamed(_)) => {
            if let Data::Newtype(field) = &model.data {
                cx.error(field.ty, "an event must have named fields: write `{ order: … }`");
            }
        }
        _ => {}
    }
}

/// `event_type = "order.placed"`
pub(super) fn event_type_is_regular(cx: &Ctxt, model: &Container<'_>) {
    let Some(signal) = &model.signal else { return };
    let Some(event_type) = signal.event_type.value() else {
        match &signal.span {
            _ if signal.event_type.is_present() => {}
            Some(attr) => cx.error(attr, "missing attribute `event_type`: add `event_type = \"org.acme.orders.order.placed.v1\"`"),
            None => cx.error(
                &model.input.ident,
                "missing attribute `event_type`: add `#[public_signal(event_type = \"org.acme.orders.order.placed.v1\")]`",
            ),
        }
        return;
    };
    let text = event_type.value();
    let rule = if signal.foreign.is_set() || signal.is_openedx() {
        event_type::check_foreign(&text)
    } else {
        event_type::check(&text)
    };
    if let Err(fault) = rule {
        let message = fault.text(&text);
        let message = message.as_str();
        let hint = if signal.foreign.is_present() || signal.is_openedx() {
            String::new()
        } else {
            let form = "reverse.dns.subject.action.vN";
            let form =
                if message.contains(form) { String::new() } else { format!("expected the form `{form}`; ") };
            format!(
                "\n{form}for an event type that another organization defined, add `foreign = \"the reason\"`"
            )
        };
        cx.error(event_type, format_args!("{message}{hint}"));
    }
}

/// `foreign = ""`
pub(super) fn foreign_has_reason(cx: &Ctxt, model: &Container<'_>) {
    let Some(signal) = &model.signal else { return };
    if let Some(reason) = signal.foreign.value()
        && reason.value().trim().is_empty()
    {
        cx.error(
            reason,
            "`foreign` must say why the event type breaks the naming rule, such as \"published by Open edX\"",
        );
    }
}

/// `profile = "edx"`
pub(super) fn profile_is_known(cx: &Ctxt, model: &Container<'_>) {
    let Some(signal) = &model.signal else { return };
    if let Some(profile) = signal.profile.value()
        && !matches!(profile.value().as_str(), "native" | "openedx")
    {
        cx.error(
            profile,
            format_args!(
                "unknown profile `{}`, expected \"native\" (the default) or \"openedx\"",
                profile.value()
            ),
        );
    }
}

/// `profile = "openedx", name = "Placed"`, `event_type = "größe"`
pub(super) fn profile_names_the_record(cx: &Ctxt, model: &Container<'_>) {
    let Some(signal) = model.signal.as_ref().filter(|signal| signal.is_openedx()) else { return };
    for option in [signal.name.key(), signal.namespace.key()].into_iter().flatten() {
        cx.error(
            option,
            format_args!(
                "unexpected attribute `{option}`: openedx-events names each record `CloudEvent`, with the event type as its namespace; remove it"
            ),
        );
    }
    // Python's JSON escapes non-ASCII characters, and an Avro name can't contain them.
    if let Some(event_type) = signal.event_type.value()
        && event_type::check_foreign(&event_type.value()).is_ok()
        && !event_type.value().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    {
        cx.error(
            event_type,
            "an event type of Open edX may contain only ASCII letters, digits, `_`, `-` and `.`",
        );
    }
}

const REASON_WITHOUT_NONE: &str =
    "unexpected attribute `reason`: it belongs to `compatibility = \"none\"`; remove it";

/// `compatibility = "both"`
pub(super) fn compatibility_is_known(cx: &Ctxt, model: &Container<'_>) {
    let Some(signal) = &model.signal else { return };
    let Some(mode) = signal.compatibility.value() else {
        if let Some(key) = signal.reason.key() {
            cx.error(key, REASON_WITHOUT_NONE);
        }
        return;
    };
    match (mode.value().as_str(), signal.reason.value()) {
        ("none", Some(reason)) if reason.value().trim().is_empty() => {
            cx.error(reason, "`reason` must say why no compatibility is promised, such as \"not published yet\"");
        }
        ("none", None) if !signal.reason.is_present() => {
            cx.error(mode, "missing attribute `reason`: say why no compatibility is promised, such as `reason = \"not published yet\"`");
        }
        ("none", _) => {}
        ("backward" | "forward" | "full" | "openedx", _) => {
            if let Some(key) = signal.reason.key() {
                cx.error(key, REASON_WITHOUT_NONE);
            }
        }
        _ => cx.error(
            mode,
            format_args!(
                "unknown compatibility `{}`, expected \"backward\" (new readers read old events), \"forward\" (old readers read new events), \"full\" (both, the default), \"openedx\" (forward, with new data only at the top level) or \"none\" (with a `reason`)",
                mode.value()
            ),
        ),
    }
}

/// `#[derive(PublicSignal)] struct A;`, whose signal would also be `A`
pub(super) fn signal_name_is_free(cx: &Ctxt, model: &Container<'_>) {
    let Some(signal) = &model.signal else { return };
    if signal_shadows_struct(model, signal) {
        let name = signal_name(model, signal);
        cx.error(
            &name,
            format_args!(
                "the signal and the unit struct are both named `{name}`: write `struct {name} {{}}`, or name the signal with `signal = …`"
            ),
        );
    }
}
