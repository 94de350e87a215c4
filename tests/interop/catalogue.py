"""Compares the crate of Open edX's events with the real package, openedx-events.

    catalogue.py RUST.jsonl PYTHON.jsonl SCHEMAS

RUST.jsonl, written by the program `catalogue` of tests/catalogue, has one event in each line:

    {"event_type": …, "package": "11.2.0", "signal": "learning.…", "key": …, "schema_json": …,
     "canonical_form": …, "fingerprint": …, "warnings": […], "payloads": [{"datum": hex, "value": …}, …]}

The events must be those that the package can write to a bus, and their schemas the package's. An older
version of the package has fewer events, and these are the same. The package
must decode each datum to the value beside it, and encode it to the same bytes. PYTHON.jsonl gets as many
payloads generated from the package's classes, which the program decodes and encodes again. SCHEMAS is the
folder of the crate's published schemas.
"""

import importlib
import inspect
import json
import random
import re
import sys
import warnings
from pathlib import Path

import django
from django.conf import settings

settings.configure(INSTALLED_APPS=["openedx_events"], LOGGING_CONFIG=None, DATABASES={})
django.setup()
warnings.simplefilter("ignore")

from fastavro.schema import fingerprint, to_parsing_canonical_form  # noqa: E402
from openedx_events import __version__  # noqa: E402
from openedx_events.event_bus.avro.deserializer import deserialize_bytes_to_event_data  # noqa: E402
from openedx_events.event_bus.avro.serializer import (  # noqa: E402
    AvroSignalSerializer,
    serialize_event_data_to_bytes,
)
from openedx_hazards import observed, warned  # noqa: E402
from openedx_values import Maker, Results, catalogue, expect, told  # noqa: E402

PAYLOADS = 50
#: How many events each version can write to a bus.
EVENTS = {"10.5.0": 63, "11.2.0": 72}

#: The comment names a field that the event does not have: other keys for these.
KEYS = {
    "org.openedx.content_authoring.course.import.completed.v1": "course.course_key",
    "org.openedx.content_authoring.course.rerun.completed.v1": "course.course_key",
    "org.openedx.authz.role_assignment.created": "role_assignment.subject",
    "org.openedx.authz.role_assignment.deleted": "role_assignment.subject",
}


def fields(schema):
    """Each record's fields in order, those with a default, and the documentation."""
    if isinstance(schema, list):
        return [found for branch in schema for found in fields(branch)]
    if not isinstance(schema, dict):
        return []
    if schema["type"] in ("array", "map"):
        return fields(schema.get("items", schema.get("values")))
    if schema["type"] != "record":
        return fields(schema["type"])
    own = [(field["name"], "default" in field, field.get("default")) for field in schema["fields"]]
    nested = [found for field in schema["fields"] for found in fields(field["type"])]
    return [(schema["name"], schema.get("namespace"), schema.get("doc"), own)] + nested


def has_field(signal, path):
    """Whether a path of field names, such as a key, is in an event; the empty path is."""
    kinds = signal.init_data
    for name in path.split(".") if path else ():
        if name not in kinds:
            return False
        attributes = getattr(kinds[name], "__attrs_attrs__", ())
        kinds = {attribute.name: attribute.type for attribute in attributes}
    return True


def judge(entry, signal, published, results):
    """Checks one event; returns payloads for Rust to decode."""
    name = signal.event_type
    serializer = AvroSignalSerializer(signal)
    schema = json.loads(serializer.schema_string())
    ours = json.loads(entry["schema_json"])
    made = []

    def named():
        module, variable = entry["signal"].split(".")
        module = importlib.import_module(f"openedx_events.{module}.signals")
        expect(getattr(module, variable), signal)
        # The field is in a comment, for the documentation.
        key = re.search(rf"# \.\. event_type: {re.escape(name)}\n(?:# .*\n)*?# \.\. event_key_field: (.*)\n", inspect.getsource(module))
        key = key[1] if key else ""
        expect(has_field(signal, key), name not in KEYS)
        expect(entry["key"], KEYS.get(name, key))

    def text():
        expect(entry["schema_json"], serializer.schema_string())

    def canonical():
        expect(entry["canonical_form"], to_parsing_canonical_form(schema))
        expect(int.from_bytes(bytes.fromhex(fingerprint(entry["canonical_form"], "CRC-64-AVRO")), "little"), int(entry["fingerprint"], 16))

    def parts():
        expect(fields(ours), fields(schema))
        expect([field["name"] for field in ours["fields"]], list(signal.init_data))

    def file():
        expect(json.loads((published / name / "0.avsc").read_text()), schema)
        expect([path.name for path in (published / name).iterdir()], ["0.avsc"])

    def reads():
        if len(entry["payloads"]) < PAYLOADS:
            raise AssertionError(f"only {len(entry['payloads'])} payloads")
        for payload in entry["payloads"]:
            data = deserialize_bytes_to_event_data(bytes.fromhex(payload["datum"]), signal)
            expect(told(data), payload["value"])
            expect(serialize_event_data_to_bytes(data, signal).hex(), payload["datum"])

    def makes():
        maker = Maker(name)
        for _ in range(PAYLOADS):
            data = maker.event(signal)
            made.append({"datum": serialize_event_data_to_bytes(data, signal).hex(), "value": told(data)})

    results.check(name, "its signal is called as in Python, and its key is the one of the comment", named)
    results.check(name, "the schema is the text that Python registers", text)
    results.check(name, "its canonical form and fingerprint are fastavro's", canonical)
    results.check(name, "names, docs, order and defaults of its fields are Python's", parts)
    results.check(name, "what is published is Python's", file)
    results.check(name, "Python decodes Rust's payloads to the same values, and encodes them to the same bytes", reads)
    results.check(name, "Python makes payloads", makes)
    results.check(name, "our warnings name the fields that Python changes", lambda: expect(warned(entry["warnings"]), observed(signal, random.Random(name))))
    return {"event_type": name, "payloads": made}


def main():
    source, target, published = sys.argv[1:]
    results = Results()
    signals = catalogue()
    with open(source, encoding="utf-8") as lines:
        entries = {entry["event_type"]: entry for entry in map(json.loads, lines)}
    published = Path(published)

    def complete():
        [package] = {entry["package"] for entry in entries.values()}
        names = [signal.event_type for signal in signals]
        expect(len(names), EVENTS[__version__])
        expect(names, sorted(entries) if __version__ == package else sorted(set(entries) & set(names)))
        expect(sorted(path.name for path in published.iterdir()), sorted(entries))

    results.check("the catalogue", f"it has each event that openedx-events {__version__} can write", complete)
    with open(target, "w", encoding="utf-8") as out:
        for signal in signals:
            if signal.event_type in entries:
                out.write(json.dumps(judge(entries[signal.event_type], signal, published, results)) + "\n")
    rust = sum(len(entries[signal.event_type]["payloads"]) for signal in signals if signal.event_type in entries)
    print(
        f"{len(signals)} events × 2 directions × {PAYLOADS} payloads: {rust} of Rust judged by "
        f"openedx-events {__version__}, {len(signals) * PAYLOADS} made for Rust to judge"
    )
    results.end()


if __name__ == "__main__":
    main()
