"""Sends every event of examples/openedx over Redis, from and to the real bus: edx-event-bus-redis.

    redis_catalogue.py PROGRAM EXCHANGE

PROGRAM is `redis_catalogue` of tests/catalogue, our bus. Both are clients of one redis-server, which this
script starts and stops. EXCHANGE is a folder for the files of PROGRAM:

    seen.jsonl      the events of the package's producer that our receivers saw
    types.txt       the event types that this version of the package has, which are those that our bus emits
    emitted.jsonl   the events that our bus emitted, for Django receivers of the package's consumer

A line is {"metadata": …, "datum": hex, "value": …}, the metadata as `EventsMetadata.to_json` writes it.

The package's producer sends the events of the Django receivers again, with their metadata, to a third stream.
Our entries must start with the fields of its entries.
"""

import contextlib
import json
import logging
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter, defaultdict
from importlib.metadata import version
from pathlib import Path
from uuid import UUID

import openedx_bus
from attrs import evolve
from django.conf import settings

PREFIX = "dev"

openedx_bus.set_up(PREFIX)
warnings.simplefilter("ignore")

import redis  # noqa: E402
from openedx_events import __version__  # noqa: E402
from openedx_events.event_bus import get_producer, make_single_consumer  # noqa: E402
from openedx_events.event_bus.avro.serializer import serialize_event_data_to_bytes  # noqa: E402
from openedx_values import Maker, Results, catalogue, expect, told  # noqa: E402

#: The number of values of each event, in each direction.
PAYLOADS = 20
#: The fields that the package writes, in its order.
FIELDS = [b"type", b"id", b"source", b"time", b"minorversion", b"sourcehost", b"sourcelib", b"event_data"]
#: Not a string of CloudEvents, whose type system excludes control characters: rejected by us, sent by the package.
NO_HOST = "lms\n\0"
#: Seconds, for a busy machine.
PATIENCE = 180
#: Base names of the topics: sent by the package, sent by us, and the latter sent again by the package.
THEIRS, OURS, AGAIN = "catalogue-theirs", "catalogue-ours", "catalogue-again"


@contextlib.contextmanager
def server():
    """The URL of a redis-server on a free port of 127.0.0.1, with its own folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", folder]
        process = subprocess.Popen([*command, "--save", "", "--appendonly", "no", "--loglevel", "warning"], stdout=subprocess.DEVNULL)
        try:
            client = redis.Redis(port=port)
            deadline = time.monotonic() + 30
            while True:
                try:
                    client.ping()
                    break
                except redis.ConnectionError:
                    if process.poll() is not None or time.monotonic() > deadline:
                        raise
                    time.sleep(0.02)
            yield f"redis://127.0.0.1:{port}/0", client
        finally:
            process.kill()
            process.wait()


def lines(path):
    with open(path, encoding="utf-8") as found:
        return [json.loads(line) for line in found]


def ours(program, *arguments):
    """Runs our bus, and returns its final output."""
    run = subprocess.run([program, *map(str, arguments)], stdout=subprocess.PIPE, timeout=PATIENCE, check=True)
    return json.loads(run.stdout)


def by_id(events):
    """Events by id; duplicates are an error."""
    found = {event["metadata"]["id"]: event for event in events}
    expect(len(found), len(events))
    return found


def send(signals):
    """Sends generated events of each signal, with generated metadata, by the package's producer.

    The first of each signal has a host that we refuse; the others are given back.
    """
    sent = []
    for signal in signals:
        maker = Maker(f"redis {signal.event_type}")
        refused = evolve(maker.metadata(signal.event_type), sourcehost=NO_HOST)
        get_producer().send(
            signal=signal, topic=THEIRS, event_key_field="", event_data=maker.event(signal), event_metadata=refused
        )
        for _ in range(PAYLOADS):
            data, metadata = maker.event(signal), maker.metadata(signal.event_type)
            get_producer().send(
                signal=signal, topic=THEIRS, event_key_field="", event_data=data, event_metadata=metadata
            )
            datum = serialize_event_data_to_bytes(data, signal).hex()
            sent.append({"metadata": json.loads(metadata.to_json()), "datum": datum, "value": told(data)})
    return sent


def consume(signals, count):
    """The events that Django receivers get from the package's consumer; each is also sent again."""
    consumer = make_single_consumer(topic=OURS, group_id="theirs", consumer_name="python", check_backlog=True)
    got = []

    def receiver(signal, metadata, sender, from_event_bus, **data):
        expect((sender, from_event_bus), (None, True))
        got.append({"metadata": json.loads(metadata.to_json()), "value": told(data)})
        get_producer().send(
            signal=signal, topic=AGAIN, event_key_field="", event_data=data, event_metadata=metadata
        )
        if len(got) >= count:
            consumer._shut_down()

    for signal in signals:
        signal.connect(receiver, weak=False)
    # The consumer checks this after each poll. Missing events are reported later.
    watch = threading.Timer(PATIENCE, consumer._shut_down)
    watch.daemon = True
    watch.start()
    consumer.consume_indefinitely()
    watch.cancel()
    return got


def entries(client, topic):
    """The entries of a topic by event id, each a list of names and values in order."""
    # The raw reply of the server; the client would return a dictionary.
    client.set_response_callback("XRANGE", lambda answer, **options: answer)
    found = client.execute_command("XRANGE", f"{PREFIX}-{topic}", "-", "+")
    pairs = [list(zip(fields[::2], fields[1::2])) for _, fields in found]
    by_id = {dict(entry)[b"id"].decode(): entry for entry in pairs}
    expect(len(by_id), len(found))
    return by_id


def settled(client, topic, group):
    """Asserts that a group has neither unread nor pending entries."""
    [state] = [state for state in client.xinfo_groups(f"{PREFIX}-{topic}") if state["name"] == group.encode()]
    expect((state["pending"], state["lag"]), (0, 0))
    return state["entries-read"]


def judge(program, exchange, results, compared):
    signals = catalogue()
    total = len(signals) * PAYLOADS
    with server() as (url, client):
        settings.EVENT_BUS_REDIS_CONNECTION_URL = url
        sent = send(signals)
        expect(client.xlen(f"{PREFIX}-{THEIRS}"), total + len(signals))
        summary = ours(program, "consume", url, THEIRS, "ours", total, exchange / "seen.jsonl")
        seen = lines(exchange / "seen.jsonl")
        types = exchange / "types.txt"
        types.write_text("".join(f"{signal.event_type}\n" for signal in signals), encoding="utf-8")
        emission = ours(program, "emit", url, OURS, PAYLOADS, 1, types, exchange / "emitted.jsonl")
        emitted = lines(exchange / "emitted.jsonl")
        complaints = openedx_bus.Complaints()
        logging.getLogger().addHandler(complaints)
        got = consume(signals, len(emitted))

        def took_all():
            letters = len(signals)
            wanted = {"seen": total, "acked": total, "skipped": 0, "retried": 0, "dead_lettered": letters}
            expect(summary, wanted)
            expect(settled(client, THEIRS, "ours"), total + letters)

        def kept_the_refused():
            theirs, letters = entries(client, THEIRS), entries(client, f"{THEIRS}.ours.dlq")
            host = (b"sourcehost", NO_HOST.encode())
            refused = {event_id: entry for event_id, entry in theirs.items() if host in entry}
            expect(len(refused), len(signals))
            expect({event_id: entry[: len(FIELDS)] for event_id, entry in letters.items()}, refused)

        def gave_all():
            expect(emission, {"events": len(signals), "emitted": total, "later": len(signals)})
            expect(complaints.kept, [])
            expect(settled(client, OURS, "theirs"), len(emitted))

        results.check("Redis", "our consumer acknowledges each of the package's events, once", took_all)
        results.check("Redis", "an event whose host is no string of CloudEvents is a dead letter, byte for byte", kept_the_refused)
        results.check("Redis", "the package's consumer acknowledges each of ours, and logs no error", gave_all)
        seen, got = by_id(seen), by_id(got)
        written, again = entries(client, OURS), entries(client, AGAIN)

    def reads(events, found, direction):
        for event in events:
            event_id = event["metadata"]["id"]
            if event_id not in found:
                raise AssertionError(f"{event_id} never came")
            for part in found[event_id]:
                expect((part, found[event_id][part]), (part, event[part]))
            compared[direction][event["metadata"]["event_type"]] += 1
            compared["later"][direction] += event["metadata"]["minorversion"] != 0

    def by_itself(event):
        """The metadata that is not generated: the package's, except for the library."""
        own, default = event["metadata"], signal.generate_signal_metadata()
        fields = ("event_type", "minorversion", "source", "sourcehost")
        expect([own[field] for field in fields], [getattr(default, field) for field in fields])
        expect(UUID(own["id"]).version, default.id.version)

    def writes(events):
        for event in events:
            event_id = event["metadata"]["id"]
            entry = written[event_id]
            expect([name for name, _ in again[event_id]], FIELDS)
            expect(entry[: len(FIELDS)], again[event_id])
            expect(entry[len(FIELDS) - 1][1].hex(), event["datum"])
            compared["entries"][event["metadata"]["event_type"]] += 1

    for signal in signals:
        name = signal.event_type
        of = lambda events: [event for event in events if event["metadata"]["event_type"] == name]  # noqa: E731
        theirs, own = of(sent), of(emitted)
        results.check(name, "our receivers see what the package sent, value and metadata", lambda: reads(theirs, seen, "to us"))
        results.check(name, "Django receivers see what we sent, value and metadata", lambda: reads(own, got, "from us"))
        results.check(name, "an emission without options has the metadata that the package gives one", lambda: by_itself(own[0]))
        results.check(name, "our entries begin with the fields of the package's, byte for byte", lambda: writes(own))
    return [signal.event_type for signal in signals]


def main():
    program, exchange = sys.argv[1], Path(sys.argv[2])
    if not shutil.which("redis-server"):
        sys.exit("`redis-server` is not installed: run this by `tests/run interop`, which installs it")
    results, compared = Results(), defaultdict(Counter)
    names = judge(program, exchange, results, compared)
    to_us, from_us, written = compared["to us"], compared["from us"], compared["entries"]
    # The number of equal comparisons.
    whole = [name for name in names if to_us[name] and from_us[name] and written[name]]
    least = min(min(to_us[name], from_us[name]) for name in names)
    print(
        f"{len(whole)} events × 2 directions × {least} payloads over Redis, by edx-event-bus-redis "
        f"{version('edx-event-bus-redis')} and openedx-events {__version__}: {to_us.total()} of its producer "
        f"seen by our receivers ({compared['later']['to us']} of a minor version above 0), {from_us.total()} "
        f"of ours by Django's ({compared['later']['from us']}), {written.total()} of our entries equal to "
        f"its producer's in their first {len(FIELDS)} fields"
    )
    results.end()


if __name__ == "__main__":
    main()
