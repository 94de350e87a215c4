//! Rules of events: the options of `#[public_signal(…)]`, and the shape of their struct.

use syn::Fields;

use crate::errors::Ctxt;
use crate::expand::{signal_meets_its_event, signal_name};
use crate::model::{Container, Data};
use events_schema::event_type;

/// `#[derive(PublicSignal)] struct Placed<T> { … }`
pub(super) fn is_concrete(cx: &Ctxt, model: &Container<'_>) {
    for parameter in model.input.generics.type_params() {
        cx.error(
            &parameter.ident,
            "an event type has one schema, so an event has no type parameters: name the type, or make the generic part a field that derives `EventData`",
        );
    }
}

/// `#[derive(PublicSignal)] enum Order { … }`, `struct Placed(Order);`
pub(super) fn is_record(cx: &Ctxt, model: &Container<'_>) {
    match &model.input.data {
        syn::Data::Enum(data) => cx.error(
            data.enum_token,
            "an event is a struct: put the enum into a field of it, or make each variant an event of its own",
        ),
        syn::Data::Struct(data) if matches!(data.fields, Fields::Unnamed(_)) => {
            if let Data::Newtype(field) = &model.data {
                cx.error(field.ty, "the fields of an event have names: write `{ order: … }`");
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
            _ if signal.event_type.is_tried() => {}
            Some(attr) => cx.error(attr, "the event type is missing: `event_type = \"org.acme.orders.order.placed.v1\"`"),
            None => cx.error(
                &model.input.ident,
                "the event type is missing: add `#[public_signal(event_type = \"org.acme.orders.order.placed.v1\")]`",
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
        let fault = fault.text(&text);
        let fault = fault.as_str();
        let rule =
            if fault.contains("the rule is") { "" } else { "the rule is `reverse.dns.subject.action.vN`; " };
        let way_out = format!("\n{rule}for a name that others gave, add `foreign = \"the reason\"`");
        let way_out = if signal.foreign.is_tried() || signal.is_openedx() { "" } else { &way_out };
        cx.error(event_type, format_args!("{fault}{way_out}"));
    }
}

/// `foreign = ""`
pub(super) fn foreign_has_reason(cx: &Ctxt, model: &Container<'_>) {
    let Some(signal) = &model.signal else { return };
    if let Some(reason) = signal.foreign.value()
        && reason.value().trim().is_empty()
    {
        cx.error(reason, "say why this event type breaks the naming rule, such as \"published by Open edX\"");
    }
}

/// `profile = "edx"`
pub(super) fn profile_is_known(cx: &Ctxt, model: &Container<'_>) {
    let Some(signal) = &model.signal else { return };
    if let Some(profile) = signal.profile.value()
        && !matches!(profile.value().as_str(), "native" | "openedx")
    {
        cx.error(profile, "there are the profiles \"native\" (the default) and \"openedx\"");
    }
}

/// `profile = "openedx", name = "Placed"`, `event_type = "größe"`
pub(super) fn profile_names_the_record(cx: &Ctxt, model: &Container<'_>) {
    let Some(signal) = model.signal.as_ref().filter(|signal| signal.is_openedx()) else { return };
    for option in [signal.name.key(), signal.namespace.key()].into_iter().flatten() {
        cx.error(
            option,
            format_args!(
                "Open edX's Python names each event `CloudEvent`, in the namespace of its event type: remove `{option}`"
            ),
        );
    }
    // Python's JSON escapes what is not ASCII, and Avro's names hold none of it.
    if let Some(event_type) = signal.event_type.value()
        && event_type::check_foreign(&event_type.value()).is_ok()
        && !event_type.value().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    {
        cx.error(event_type, "Open edX's event types are of letters, digits, `_`, `-` and `.`");
    }
}

/// `compatibility = "both"`
pub(super) fn compatibility_is_known(cx: &Ctxt, model: &Container<'_>) {
    let Some(signal) = &model.signal else { return };
    let Some(mode) = signal.compatibility.value() else {
        if let Some(key) = signal.reason.key() {
            cx.error(key, "a reason belongs to `compatibility = \"none\"`; every other mode explains itself");
        }
        return;
    };
    match (mode.value().as_str(), signal.reason.value()) {
        ("none", Some(reason)) if reason.value().trim().is_empty() => {
            cx.error(reason, "say why nothing is promised to the event's readers, such as \"not published yet\"");
        }
        ("none", None) if !signal.reason.is_tried() => {
            cx.error(mode, "say why nothing is promised to the event's readers: add `reason = \"…\"`");
        }
        ("none", _) => {}
        ("backward" | "forward" | "full" | "openedx", _) => {
            if let Some(key) = signal.reason.key() {
                cx.error(key, "a reason belongs to `compatibility = \"none\"`; every other mode explains itself");
            }
        }
        _ => cx.error(
            mode,
            "the modes are \"backward\" (new readers read old events), \"forward\" (old readers read new events), \"full\" (both, the default), \"openedx\" (forward, new data at the top level alone) and \"none\", with a `reason`",
        ),
    }
}

/// `#[derive(PublicSignal)] struct A;`, whose signal would be `A` too
pub(super) fn signal_has_a_name_of_its_own(cx: &Ctxt, model: &Container<'_>) {
    let Some(signal) = &model.signal else { return };
    if signal_meets_its_event(model, signal) {
        let name = signal_name(model, signal);
        cx.error(
            &name,
            format_args!(
                "the signal would be named `{name}`, as the value of this unit struct is: write `struct {name} {{}}`, or name the signal with `signal = …`"
            ),
        );
    }
}
