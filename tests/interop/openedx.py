"""Compares our events of the profile "openedx" with the real package, openedx-events.

    openedx.py RUST.jsonl PYTHON.jsonl

RUST.jsonl, written by the program `openedx` of tests/src/bin, has one event in each line:

    {"event_type": …, "schema_json": …, "warnings": […], "datums": [hex, …]}

The schema must equal the text that the package registers, byte for byte. The package must decode each datum
and encode the value to the same bytes. PYTHON.jsonl gets datums of values generated from the package's
classes, which the program decodes and encodes again:

    {"event_type": …, "datums": [hex, …]}

It also checks that our compile errors and warnings match the package's behaviour. Lists and maps of records,
lists and maps are refused by versions before 10.6, which therefore have one event less.
"""

import enum
import json
import logging
import sys
import random
import warnings
from datetime import datetime
from typing import Dict, List, Optional
from uuid import UUID

import attr
import django
from django.conf import settings

settings.configure(INSTALLED_APPS=["openedx_events"], LOGGING_CONFIG=None, DATABASES={})
django.setup()
warnings.simplefilter("ignore")
# Django logs exceptions of receivers, and one below raises.
logging.disable(logging.CRITICAL)

from opaque_keys.edx.keys import CourseKey  # noqa: E402
from openedx_events.event_bus.avro.deserializer import deserialize_bytes_to_event_data  # noqa: E402
from openedx_events.event_bus.avro.serializer import (  # noqa: E402
    AvroSignalSerializer,
    serialize_event_data_to_bytes,
)
from openedx_events import __version__  # noqa: E402
from openedx_events.exceptions import SenderValidationError  # noqa: E402
from openedx_events.tooling import OpenEdxPublicSignal, load_all_signals  # noqa: E402
from openedx_hazards import observed, warned  # noqa: E402
from openedx_values import Maker, Results, expect  # noqa: E402

VALUES = 50

# Fields that are unsigned in Rust, and their bits.
UNSIGNED = {"number": 32, "numbers": 63}

GOLDEN = "f601010c666f6f626f621e626f6240666f6f2e6578616d706c650e426f6220466f6f"
LOGIN = "org.openedx.learning.auth.session.login.completed.v1"
BYTES = "org.openedx.tests.bytes.read.v1"
NESTED = "org.openedx.tests.nested.said.v1"
#: Whether this version has lists and maps of records, lists and maps.
NESTS = tuple(map(int, __version__.split(".")[:2])) >= (10, 6)


@attr.s(auto_attribs=True)
class Nothing:
    pass


@attr.s(auto_attribs=True)
class Tree:
    value: int
    left: "Tree" = None
    right: "Tree" = None


attr.resolve_types(Tree, globals())


@attr.s(auto_attribs=True)
class Everything:
    flags: List[bool]
    numbers: List[int]
    ratios: List[float]
    texts: List[str]
    flag_of: Dict[str, bool]
    number_of: Dict[str, int]
    ratio_of: Dict[str, float]
    text_of: Dict[str, str]
    number: int = 5
    maybe_number: int = None
    maybe_text: str = None
    maybe_texts: List[str] = None
    maybe_number_of: Dict[str, int] = None
    maybe_id: UUID = None
    maybe_tree: Tree = None


@attr.s(auto_attribs=True)
class Parts:
    all: List[bytes]
    named: Dict[str, bytes]
    some: bytes = None


@attr.s(auto_attribs=True)
class Row:
    number: int
    maybe: int = None
    shown: bool = True
    settings: Dict[str, bool] = dict
    tags: List[str] = attr.Factory(list)


@attr.s(auto_attribs=True)
class Nested:
    rows: List[Row]
    row_of: Dict[str, Row]
    grid: List[List[int]]
    tables: List[Dict[str, str]]
    groups: Dict[str, List[str]]
    deep: Dict[str, Dict[str, List[List[Row]]]]
    nothings: List[Nothing]
    maybe_rows: List[Row] = None
    maybe_groups: Dict[str, List[float]] = None


@attr.s(auto_attribs=True)
class Topic:
    name: str
    children: List["Topic"]
    named: Dict[str, "Topic"]


attr.resolve_types(Topic, globals())

EVERYTHING_SAID = OpenEdxPublicSignal(
    "org.openedx.tests.everything.said.v1",
    {
        "flag": bool,
        "number": int,
        "ratio": float,
        "text": str,
        "id": UUID,
        "nothing": Nothing,
        "everything": Everything,
        "tree": Tree,
        "again": Everything,
    },
)
NESTED_SAID = OpenEdxPublicSignal(NESTED, {"nested": Nested, "topic": Topic})
BYTES_READ = OpenEdxPublicSignal(BYTES, {"raw": bytes, "parts": Parts})


def expect_error(kind, test, text=""):
    """Asserts that the test raises exactly this kind of error, with this text."""
    try:
        result = test()
    except Exception as error:
        if type(error) is not kind or text not in str(error):
            raise AssertionError(f"another error: {type(error).__name__}: {error}") from error
    else:
        raise AssertionError(f"no error, but {result!r}")


def judge(entry, results):
    """Checks one event; returns datums for Rust to decode."""
    name = entry["event_type"]
    signal = OpenEdxPublicSignal.get_signal_by_type(name)
    datums = [bytes.fromhex(datum) for datum in entry["datums"]]
    out = []

    if name == NESTED and not NESTS:
        schema = AvroSignalSerializer
        results.check(name, "this version has no schema of it", lambda: expect_error(TypeError, lambda: schema(signal)))
        return None

    def decodes_and_encodes():
        for datum in datums:
            data = deserialize_bytes_to_event_data(datum, signal)
            expect(serialize_event_data_to_bytes(data, signal).hex(), datum.hex())

    def decodes():
        expected = {"raw": b"\x00\xff", "parts": Parts([b"", b"\x01"], {"a": b"\x02"}, b"\x03")}
        for datum in datums:
            expect(deserialize_bytes_to_event_data(datum, signal), expected)

    def makes():
        maker = Maker(name, UNSIGNED)
        for _ in range(VALUES):
            out.append(serialize_event_data_to_bytes(maker.event(signal), signal).hex())

    results.check(name, "the schema is what Python registers", lambda: expect(entry["schema_json"], AvroSignalSerializer(signal).schema_string()))
    if name == BYTES:
        results.check(name, "Python decodes the datums", decodes)
    else:
        results.check(name, "Python decodes the datums and encodes them to the same bytes", decodes_and_encodes)
        results.check(name, "Python encodes values of its own", makes)
    results.check(name, "our warnings name the fields that Python changes or refuses", lambda: expect(warned(entry["warnings"]), observed(signal, random.Random(name))))
    if name == LOGIN:
        results.check(name, "the golden datum", lambda: expect(entry["datums"][0], GOLDEN))
    return {"event_type": name, "datums": out}


class Level(enum.Enum):
    BEGINNER = "beginner"


def signal_of(**data):
    return OpenEdxPublicSignal(f"org.openedx.tests.{'.'.join(data)}", data)


def schema_of(kind):
    return AvroSignalSerializer(signal_of(data=kind)).schema_string()


def refusals(results):
    """The package raises a TypeError for everything that does not compile."""
    generator = {
        "optional data at the top level": Optional[int],
        "an enum": Level,
        "a list of optional values": List[Optional[int]],
        "a map of optional values": Dict[str, Optional[int]],
        "a list of times": List[datetime],
        "a map of lists of UUIDs": Dict[str, List[UUID]],
    }
    nested = {
        "a list of records": List[Nothing],
        "a map of records": Dict[str, Nothing],
        "a list of lists": List[List[int]],
        "a list of maps": List[Dict[str, int]],
        "a map of lists": Dict[str, List[int]],
        "a map of maps": Dict[str, Dict[str, int]],
    }
    if NESTS:
        for what, kind in nested.items():
            results.check("accepted", what, lambda kind=kind: schema_of(kind))
    else:
        generator |= nested
    for what, kind in generator.items():
        results.check("refused", what, lambda kind=kind: expect_error(TypeError, lambda: schema_of(kind)))
    for kind, value in ((List[int], [1]), (Dict[str, int], {"a": 1})):
        send = lambda kind=kind, value=value: signal_of(data=kind).send_event(data=value)  # noqa: E731
        results.check("refused", f"{kind} at the top level", lambda send=send: expect_error(TypeError, send, "Subscripted generics"))
    for name in ("metadata", "self", "sender"):
        send = lambda name=name: signal_of(**{name: str}).send_event(**{name: "x"})  # noqa: E731
        results.check("refused", f"data named {name}", lambda send=send: expect_error(TypeError, send))
    for name in ("from_event_bus", "send_robust"):
        send = lambda name=name: signal_of(**{name: bool}).send_event(**{name: True})  # noqa: E731
        results.check("refused", f"data named {name}", lambda send=send: expect_error(SenderValidationError, send))
    send = lambda: signal_of(time=str).send_event(time="x")  # noqa: E731
    results.check("refused", "data named time", lambda: expect_error(TypeError, send))

    def hides_the_signal():
        signal = signal_of(signal=str)
        signal.connect(hides_the_signal_from)
        ((_, answer),) = signal.send_event(signal="x")
        expect(type(answer), TypeError)

    results.check("refused", "data named signal", hides_the_signal)


def hides_the_signal_from(**data):
    """A receiver that Django can't call: two arguments have one name."""


def hazards(results):
    """Values that the package changes or rejects at run time."""
    for kind, value in ((bool, False), (int, 0), (float, 0.0), (str, ""), (bytes, b"")):
        send = lambda kind=kind, value=value: signal_of(data=kind).send_event(data=value)  # noqa: E731
        results.check("hazard", f"{value!r} at the top level", lambda send=send: expect_error(SenderValidationError, send, "Missing required argument"))

    @attr.s(auto_attribs=True)
    class Falsy:
        flag: bool = None
        number: int = None
        ratio: float = None
        text: str = None
        texts: List[str] = None
        number_of: Dict[str, int] = None
        nothing: Nothing = None

    def becomes_none():
        signal = signal_of(data=Falsy)
        datum = serialize_event_data_to_bytes({"data": Falsy(False, 0, 0.0, "", [], {}, Nothing())}, signal)
        expect(datum.hex(), "02000200020000000000000000020002000200" + "02")
        expect(deserialize_bytes_to_event_data(datum, signal), {"data": Falsy()})

    @attr.s(auto_attribs=True)
    class Defaulted:
        number: int = 5

    def becomes_the_default():
        signal = signal_of(data=Defaulted)
        datum = serialize_event_data_to_bytes({"data": Defaulted(0)}, signal)
        expect(deserialize_bytes_to_event_data(datum, signal), {"data": Defaulted(5)})

    results.check("hazard", "optional values that are false become None", becomes_none)
    results.check("hazard", "values that are false become the default", becomes_the_default)
    data = {"raw": b"\x00", "parts": Parts([], {})}
    write = lambda: serialize_event_data_to_bytes(data, BYTES_READ)  # noqa: E731
    results.check("hazard", "bytes can't be written", lambda: expect_error(ValueError, write, "Circular reference"))
    if NESTS:
        discussions(results)


def discussions(results):
    """`CourseDiscussionConfigurationData` has defaults that replace what was sent."""
    from openedx_events.learning.data import CourseDiscussionConfigurationData as Configuration
    from openedx_events.learning.signals import COURSE_DISCUSSIONS_CHANGED as CHANGED

    course = CourseKey.from_string("course-v1:edX+DemoX+Demo_Course")

    def sent(**data):
        return serialize_event_data_to_bytes({"configuration": Configuration(course, "x", **data)}, CHANGED)

    def is_enabled():
        datum = sent(enabled=False, enable_in_context=False, plugin_configuration={"a": False})
        read = deserialize_bytes_to_event_data(datum, CHANGED)["configuration"]
        expect((read.enabled, read.enable_in_context, read.plugin_configuration), (True, True, {"a": False}))

    def is_a_class():
        data = deserialize_bytes_to_event_data(sent(plugin_configuration={}), CHANGED)
        expect(data["configuration"].plugin_configuration, dict)
        expect_error(ValueError, lambda: serialize_event_data_to_bytes(data, CHANGED), "Circular reference")

    results.check("hazard", "discussions that are not enabled arrive as enabled", is_enabled)
    results.check("hazard", "discussions without plugin_configuration can't be sent", lambda: expect_error(ValueError, sent, "Circular reference"))
    results.check("hazard", "an empty plugin_configuration arrives as the class dict, and can't be sent again", is_a_class)


def main():
    source, target = sys.argv[1:]
    load_all_signals()
    results = Results()
    with open(source, encoding="utf-8") as lines, open(target, "w", encoding="utf-8") as out:
        for line in lines:
            if entry := judge(json.loads(line), results):
                out.write(json.dumps(entry) + "\n")
    refusals(results)
    hazards(results)
    results.end()


if __name__ == "__main__":
    main()
