"""Values of Open edX's events: generated, converted to JSON, and compared.

Shared by scripts that have configured Django, with or without a bus between Python and Rust.
"""

import random
import struct
import sys
from datetime import datetime, timedelta, timezone
from typing import get_args, get_origin
from uuid import UUID

from ccx_keys.locator import CCXLocator
from opaque_keys import OpaqueKey
from opaque_keys.edx.keys import CourseKey, UsageKey
from opaque_keys.edx.locator import (
    LibraryCollectionLocator,
    LibraryContainerLocator,
    LibraryLocatorV2,
    LibraryUsageLocatorV2,
)
from openedx_events.data import EventsMetadata
from openedx_events.tooling import KNOWN_UNSERIALIZABLE_SIGNALS, OpenEdxPublicSignal, load_all_signals

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def catalogue():
    """Every signal of the package that can be sent over a bus, in the order of event types."""
    load_all_signals()
    found = (s for s in OpenEdxPublicSignal.all_events() if s.event_type not in KNOWN_UNSERIALIZABLE_SIGNALS)
    ours = (s for s in found if not s.event_type.startswith("org.openedx.tests."))
    return sorted(ours, key=lambda signal: signal.event_type)


class Keys:
    """Generates texts of keys in the forms that opaque-keys and edx-ccx-keys write."""

    WORD = "abzXYZ019_é中٣"
    NAME = "abzXYZ019_-."

    def __init__(self, rng):
        self.rng = rng
        self.of = {
            CourseKey: self.course_key,
            UsageKey: self.usage_key,
            CCXLocator: lambda: f"ccx-v1:{self.ccx_course()}",
            LibraryLocatorV2: lambda: f"lib:{self.library()}",
            LibraryUsageLocatorV2: lambda: f"lb:{self.library()}:{self.name()}:{self.slug()}",
            LibraryContainerLocator: lambda: f"lct:{self.library()}:{self.name()}:{self.slug()}",
            LibraryCollectionLocator: lambda: f"lib-collection:{self.library()}:{self.slug()}",
        }

    def text(self, characters, least=1):
        return "".join(self.rng.choice(characters) for _ in range(self.rng.randrange(least, 12)))

    def id(self):
        return self.text(self.WORD + "-.~:")

    def name(self):
        return self.text(self.NAME)

    def slug(self):
        return self.text(self.WORD + "-.")

    def course(self):
        return f"{self.id()}+{self.id()}+{self.id()}"

    def version(self):
        return f"version@{self.rng.getrandbits(96):024x}"

    def detail(self):
        branch = f"+branch@{self.id()}" if self.rng.random() < 0.2 else ""
        return branch + (f"+{self.version()}" if self.rng.random() < 0.2 else "")

    def block(self):
        return f"+type@{self.id()}+block@{self.id()}"

    def library(self):
        return f"{self.name()}:{self.slug()}"

    def ccx_course(self):
        return f"{self.course()}{self.detail()}+ccx@{self.rng.randrange(10**6)}"

    def course_key(self):
        part = lambda least=1: self.text(self.WORD + ".%-", least)  # noqa: E731
        return self.rng.choice(
            [
                lambda: f"{part()}/{part()}/{part(0)}",
                lambda: f"ccx-v1:{self.ccx_course()}",
                lambda: f"library-v1:{self.id()}+{self.id()}{self.detail()}",
                lambda: f"course-v1:{self.version()}",
                lambda: f"course-v1:{self.course()}{self.detail()}",
                lambda: f"course-v1:{self.course()}{self.detail()}",
            ]
        )()

    def usage_key(self):
        part = lambda: self.text(self.WORD + ".%-")  # noqa: E731
        escaped = lambda key: key.replace("$", "$$").replace(":", "$:")  # noqa: E731
        return self.rng.choice(
            [
                lambda: f"i4x://{part()}/{part()}/{self.text('ab c:')}/{self.text(self.WORD + '-.~:%')}",
                lambda: f"ccx-block-v1:{self.ccx_course()}{self.block()}",
                lambda: f"lib-block-v1:{self.id()}+{self.id()}{self.detail()}{self.block()}",
                self.of[LibraryUsageLocatorV2],
                lambda: f"aside-usage-v2:{escaped(self.usage_key())}::{self.slug()}",
                lambda: f"location:{self.course()}+{self.id()}+{self.id()}",
                lambda: f"block-v1:{self.course()}{self.detail()}{self.block()}",
                lambda: f"block-v1:{self.course()}{self.detail()}{self.block()}",
            ]
        )()


class Maker:
    """Generates data of a signal; the same seed gives the same data.

    `unsigned` has the bits of fields that are unsigned on the Rust side.
    """

    def __init__(self, seed, unsigned=None):
        self.rng = random.Random(seed)
        self.keys = Keys(self.rng)
        self.unsigned = unsigned or {}

    def event(self, signal):
        return {name: self.value(kind, name, 0) for name, kind in signal.init_data.items()}

    def text(self):
        return "".join(self.rng.choice('ab"\\\0\n é€𝄞') for _ in range(self.rng.randrange(80)))

    def number(self, name):
        least, most = (0, (1 << self.unsigned[name]) - 1) if name in self.unsigned else (-(1 << 63), (1 << 63) - 1)
        return self.rng.choice([0, 1, self.rng.randrange(least, most), least, most])

    def value(self, kind, name, depth):
        rng = self.rng
        if kind is bool:
            return rng.random() < 0.5
        if kind is int:
            return self.number(name)
        if kind is float:
            return rng.choice([0.0, -0.0, rng.uniform(-1e300, 1e300), rng.random(), float("inf")])
        if kind is str:
            return self.text()
        if kind is UUID:
            return UUID(int=rng.getrandbits(128))
        if kind is datetime:
            # The form of datetime.isoformat() for UTC, with and without fractions of a second.
            micros = rng.choice([0, 1, 600_000, rng.randrange(1_000_000)])
            return EPOCH + timedelta(seconds=rng.randrange(-60_000_000_000, 250_000_000_000), microseconds=micros)
        if kind in self.keys.of:
            return kind.from_string(self.keys.of[kind]())
        if get_origin(kind) in (list, dict):
            # A class that contains a list of itself ends here.
            items = range(rng.randrange(4 if depth < 4 else 1))
            if get_origin(kind) is list:
                return [self.value(get_args(kind)[0], name, depth) for _ in items]
            return {self.text(): self.value(get_args(kind)[1], name, depth) for _ in items}
        data = {}
        for attribute in kind.__attrs_attrs__:
            if attribute.default is None and rng.random() < (0.4 if depth < 4 else 1):
                continue
            data[attribute.name] = self.value(attribute.type, attribute.name, depth + 1)
        return kind(**data)

    def uuid(self):
        """A UUID of version 1, 4 or 7, or without a version."""
        any_bits = self.rng.getrandbits(128)
        # Python 3.11 cannot create version 7.
        of = lambda version: UUID(int=any_bits & ~(0xF << 76 | 0x3 << 62) | version << 76 | 0x2 << 62)  # noqa: E731
        return self.rng.choice([of(1), of(4), of(7), UUID(int=any_bits)])

    def metadata(self, event_type):
        """Metadata with generated fields. Texts are strings of CloudEvents, without control characters."""
        rng = self.rng
        word = lambda characters, most: "".join(rng.choice(characters) for _ in range(rng.randrange(1, most)))  # noqa: E731
        source = [
            "openedx/lms/web",
            "openedx/SERVICE_NAME_UNSET/web",
            f"openedx/{word('abz019_-é中', 20)}/web",
            word('ab /:"\\é𝄞', 60),
        ]
        number = lambda: rng.choice([0, 5, 10, rng.randrange(1 << 32)])  # noqa: E731
        return EventsMetadata(
            event_type=event_type,
            id=self.uuid(),
            minorversion=rng.choice([0, 0, 1, 2, 17, rng.randrange(1 << 32), (1 << 32) - 1]),
            source=rng.choice(source),
            sourcehost=rng.choice(["edx.devstack.lms", word("abz019.-é", 40)]),
            time=self.value(datetime, "time", 0),
            sourcelib=tuple(number() for _ in range(rng.randrange(1, 5))),
        )


def told(value):
    """A value as JSON, in the form of the Rust side: tests/catalogue/src/sample.rs."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return struct.pack(">d", value).hex()
    if isinstance(value, datetime):
        return (value - EPOCH) // timedelta(microseconds=1)
    if isinstance(value, (UUID, OpaqueKey)):
        return str(value)
    if isinstance(value, list):
        return [told(item) for item in value]
    if isinstance(value, dict):
        return {key: told(item) for key, item in value.items()}
    return {attribute.name: told(getattr(value, attribute.name)) for attribute in value.__attrs_attrs__}


class Results:
    """Counts kept and broken promises."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def check(self, name, promise, test):
        try:
            test()
        except Exception as error:  # Whatever the package raises is its verdict.
            self.failed += 1
            print(f"FAILED {name}: {promise}: {type(error).__name__}: {error}")
        else:
            self.passed += 1

    def end(self):
        """Prints the line that tests/run counts, and exits."""
        verdict = "FAILED" if self.failed else "ok"
        print(f"test result: {verdict}. {self.passed} passed; {self.failed} failed; 0 ignored")
        sys.exit(1 if self.failed else 0)


def expect(found, expected):
    if found != expected:
        raise AssertionError(f"found {found!r}, expected {expected!r}")
