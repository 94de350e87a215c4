"""Finds by trial what the package does to values that Python counts as false, for comparison with our warnings.

`observed` writes each field of an event with such a value, as Rust would, and reads it with the package.
`warned` has the same fields as the sentences of `Descriptor::warnings` name them. Both are dictionaries of field
paths and a tuple of results: "refused", "None", the default that Python reads instead, or "unwritable".
"""

import io
import random
import re
from collections import defaultdict
from datetime import datetime
from typing import get_args, get_origin
from uuid import UUID

import attr
import fastavro
from openedx_events.event_bus.avro.deserializer import deserialize_bytes_to_event_data
from openedx_events.event_bus.avro.serializer import AvroSignalSerializer, serialize_event_data_to_bytes
from openedx_events.exceptions import SenderValidationError
from openedx_events.tooling import OpenEdxPublicSignal
from openedx_values import Keys

FALSE = {bool: False, int: 0, float: 0.0, str: "", bytes: b""}
TRUE = {bool: True, int: 1, float: 1.5, str: "x", bytes: b"x"}

NAMED = re.compile(r"`([^`]+)`")
REPLACED = re.compile(r"`([^`]+)` as ([^ ,]+)")


def false(kind):
    """The value of a type, in Avro, that Python counts as false; `None` if there is none."""
    if kind in FALSE:
        return FALSE[kind]
    if get_origin(kind) in (list, dict):
        return get_origin(kind)()
    return {} if getattr(kind, "__attrs_attrs__", None) == () else None


class Trial:
    """Values in Avro in which nothing is false except one field of one class."""

    def __init__(self, rng, owner=None, field=None):
        self.keys = Keys(rng)
        self.owner, self.field = owner, field

    def value(self, kind, within=()):
        if kind in TRUE:
            return TRUE[kind]
        if kind is UUID:
            return str(UUID(int=1))
        if kind is datetime:
            return "2020-01-01T00:00:00+00:00"
        if kind in self.keys.of:
            return self.keys.of[kind]()
        if get_origin(kind) in (list, dict):
            item = get_args(kind)[-1]
            # A type that contains itself ends here.
            items = [] if item in within else [self.value(item, within)]
            return items if get_origin(kind) is list else {"x": item for item in items}
        data = {}
        for attribute in kind.__attrs_attrs__:
            if (kind, attribute.name) == (self.owner, self.field):
                data[attribute.name] = false(attribute.type)
            elif attribute.type in (*within, kind):
                data[attribute.name] = None
            else:
                data[attribute.name] = self.value(attribute.type, (*within, kind))
        return data


def owners(value, kind):
    """All instances of an attrs class within a value."""
    if isinstance(value, kind):
        yield value
    if isinstance(value, dict):
        value = list(value.values())
    elif hasattr(value, "__attrs_attrs__"):
        value = [getattr(value, attribute.name) for attribute in value.__attrs_attrs__]
    if isinstance(value, list):
        for item in value:
            yield from owners(item, kind)


def named(value):
    return value.__name__ if isinstance(value, type) else repr(value)


def is_unwritable(kind):
    """Whether an event with a value of this type can't be written."""
    owner = attr.make_class("Owner", {"it": attr.ib(type=kind)})
    signal = OpenEdxPublicSignal(f"org.openedx.tests.unwritable.{kind}", {"owner": owner})
    value = Trial(random.Random(1)).value(kind)
    try:
        serialize_event_data_to_bytes({"owner": owner(value)}, signal)
    except ValueError as error:
        return "Circular reference" in str(error)
    return False


def observed(signal, rng):
    """What the package does to each field of an event."""
    schema = AvroSignalSerializer(signal).schema
    found, seen = defaultdict(tuple), set()

    def read(trial):
        out = io.BytesIO()
        fastavro.schemaless_writer(out, schema, {name: trial.value(kind) for name, kind in signal.init_data.items()})
        return deserialize_bytes_to_event_data(out.getvalue(), signal)

    def field(path, owner, attribute):
        if false(attribute.type) is None:
            return
        data = read(Trial(rng, owner, attribute.name))
        values = [getattr(instance, attribute.name) for part in data.values() for instance in owners(part, owner)]
        for value in values[:1]:
            kept = value == false(attribute.type) or getattr(type(value), "__attrs_attrs__", None) == ()
            if not kept:
                found[path] += (named(value),)

    def within(path, kind):
        if get_origin(kind) in (list, dict):
            within(path, get_args(kind)[-1])
        elif kind is bytes:
            if is_unwritable(bytes):
                found[path] += ("unwritable",)
        elif hasattr(kind, "__attrs_attrs__") and kind.__name__ not in seen:
            seen.add(kind.__name__)
            for attribute in kind.__attrs_attrs__:
                below = f"{path}.{attribute.name}"
                field(below, kind, attribute)
                within(below, attribute.type)

    whole = read(Trial(rng))
    for name, kind in signal.init_data.items():
        if kind in FALSE:
            try:
                signal.send_event(**{**whole, name: FALSE[kind]})
            except SenderValidationError:
                found[name] += ("refused",)
        within(name, kind)
    return dict(found)


def warned(warnings):
    """What our warnings say of each field of an event."""
    found = defaultdict(tuple)
    for warning in warnings:
        if warning.startswith("Python refuses the event where "):
            fields = [(path, "refused") for path in NAMED.findall(warning)]
        elif warning.startswith("Python reads an empty, zero or false ") and ", the default of its class: " in warning:
            fields = REPLACED.findall(warning.split(", the default of its class: ")[0])
        elif warning.startswith("Python reads an empty, zero or false ") and " as None: " in warning:
            fields = [(path, "None") for path in NAMED.findall(warning)]
        elif warning.startswith("Python can read the bytes of "):
            fields = [(path, "unwritable") for path in NAMED.findall(warning)]
        else:
            raise AssertionError(f"an unknown warning: {warning}")
        for path, result in fields:
            found[path] += (result,)
    return dict(found)
