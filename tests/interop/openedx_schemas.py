"""Writes the Avro schema of every event of the Open edX catalogue as FOLDER/TYPE/0.avsc.

    python openedx_schemas.py FOLDER
"""

import importlib
import json
import pkgutil
import sys
from pathlib import Path

from django.conf import settings

settings.configure(INSTALLED_APPS=["openedx_events"])

import openedx_events  # noqa: E402
from openedx_events.event_bus.avro.schema import schema_from_signal  # noqa: E402
from openedx_events.tooling import KNOWN_UNSERIALIZABLE_SIGNALS, OpenEdxPublicSignal  # noqa: E402


def signals():
    """Every signal that can be sent over a bus, by its event type."""
    for module in pkgutil.walk_packages(openedx_events.__path__, "openedx_events."):
        if module.name.endswith(".signals"):
            importlib.import_module(module.name)
    found = (s for s in OpenEdxPublicSignal.all_events() if s.event_type not in KNOWN_UNSERIALIZABLE_SIGNALS)
    return sorted(found, key=lambda signal: signal.event_type)


def main():
    folder = Path(sys.argv[1])
    written = signals()
    for signal in written:
        path = folder / signal.event_type / "0.avsc"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(schema_from_signal(signal), indent=2) + "\n")
    print(f"{len(written)} schemas of openedx-events {openedx_events.__version__}")


main()
