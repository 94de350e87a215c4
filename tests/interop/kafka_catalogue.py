"""Sends every event of examples/openedx over Kafka, from and to the real bus: edx-event-bus-kafka.

    kafka_catalogue.py PROGRAM EXCHANGE EVENTS SERVERS REGISTRY

PROGRAM is `kafka_catalogue` of tests/catalogue, our bus. EVENTS is the number of events that the package has. Both
buses are clients of the broker at SERVERS and of the schema registry at the URL REGISTRY, which have no topics of
the catalogue and no schemas. The registry must accept a namespace with a hyphen, which one event has. EXCHANGE is a
folder for the files of PROGRAM:

    keys.txt        the event types that this version of the package has, each with the path of its key
    emitted.jsonl   the events that our bus emitted, for Django receivers of the package's consumer
    seen.jsonl      the events of the package's producer that our receivers saw

A line is {"metadata": …, "datum": hex, "value": …}, the metadata as `EventsMetadata.to_json` writes it.

Our bus registers schemas first. The package's producer sends the events of the Django receivers again, with
their metadata and keys, to a third topic. Our records must have its key, value and partition, begin with its
headers, and have its schemas.
"""

import json
import logging
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
import warnings
import zlib
from collections import Counter, defaultdict
from importlib.metadata import version
from pathlib import Path
from uuid import UUID

import openedx_bus

program, exchange, count, servers, registry = sys.argv[1:]
exchange, wanted = Path(exchange), int(count)

PREFIX = "dev"

openedx_bus.set_up_kafka(PREFIX, servers, registry, EVENT_BUS_KAFKA_AUDIT_LOGGING_ENABLED=False)
warnings.simplefilter("ignore")

import kafka_records  # noqa: E402
from attrs import evolve  # noqa: E402
from edx_event_bus_kafka.internal import consumer as package  # noqa: E402
from edx_event_bus_kafka.internal.producer import (  # noqa: E402
    extract_event_key,
    extract_key_schema,
    get_signal_serializer,
)
from openedx_events import __version__  # noqa: E402
from openedx_events.event_bus import get_producer, make_single_consumer  # noqa: E402
from openedx_events.event_bus.avro.serializer import serialize_event_data_to_bytes  # noqa: E402
from openedx_values import Maker, Results, catalogue, expect, told  # noqa: E402

#: The number of values of each event, in each direction.
PAYLOADS = 20
#: More than the package's programs have, to compare partitions.
PARTITIONS = 6
#: The headers that the package writes, in its order.
HEADERS = [
    "ce_specversion",
    "content-type",
    "ce_datacontenttype",
    "ce_type",
    "ce_id",
    "ce_source",
    "ce_time",
    "ce_minorversion",
    "sourcehost",
    "sourcelib",
]
#: Not a string of CloudEvents, whose type system excludes control characters: rejected by us, sent by the package.
NO_HOST = "lms\n\0"
#: Seconds, for a busy machine.
PATIENCE = 180
#: Base names of the topics: sent by the package, sent by us, and the latter sent again by the package.
THEIRS, OURS, AGAIN = "catalogue-theirs", "catalogue-ours", "catalogue-again"
#: Before all events.
EARLIER = "2000-01-01T00:00:00+00:00"


def full(topic):
    return f"{PREFIX}-{topic}"


def lines(path):
    with open(path, encoding="utf-8") as found:
        return [json.loads(line) for line in found]


def ours(*arguments):
    """Runs our bus, and returns its final output."""
    run = subprocess.run([program, *map(str, arguments)], stdout=subprocess.PIPE, timeout=PATIENCE, check=True)
    return json.loads(run.stdout)


def by_id(events):
    """Events by id; duplicates are an error."""
    found = {event["metadata"]["id"]: event for event in events}
    expect(len(found), len(events))
    return found


def fields(schema, path=()):
    """The fields that are always there, with their paths."""
    for field in schema["fields"]:
        here = (*path, field["name"])
        yield here, field["type"]
        if isinstance(field["type"], dict) and field["type"].get("type") == "record":
            yield from fields(field["type"], here)


def keys(signals):
    """The path of a key for each signal: strings and longs by turns, where it has both.

    Neither our bus nor the package has optional keys.
    """
    found = {}
    for number, signal in enumerate(signals):
        of = defaultdict(list)
        for path, kind in fields(get_signal_serializer(signal).schema):
            if kind in ("string", "long"):
                of[kind].append(".".join(path))
        first, second = ("string", "long") if number % 2 else ("long", "string")
        # The last: a path with several parts, where there is one.
        found[signal] = (of[first] or of[second])[-1]
    return found


def http(method, url, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def subjects(topic):
    """The subjects of a topic, without its name, each with the texts of its versions."""
    found, start = {}, f"{full(topic)}-"
    for subject in http("GET", f"{registry}/subjects"):
        if subject.startswith(start):
            at = f"{registry}/subjects/{urllib.parse.quote(subject, safe='')}/versions"
            versions = [http("GET", f"{at}/{number}") for number in http("GET", at)]
            found[subject.removeprefix(start)] = sorted((found["schema"], found["id"]) for found in versions)
    return found


def send(signals, paths):
    """Sends generated events of each signal, with generated metadata, by the package's producer.

    The first of each signal has a host that we refuse; the others are given back.
    """
    sent = []
    for signal in signals:
        maker = Maker(f"kafka {signal.event_type}")
        refused = evolve(maker.metadata(signal.event_type), sourcehost=NO_HOST)
        produce(signal, THEIRS, paths, maker.event(signal), refused)
        for _ in range(PAYLOADS):
            data, metadata = maker.event(signal), maker.metadata(signal.event_type)
            produce(signal, THEIRS, paths, data, metadata)
            datum = serialize_event_data_to_bytes(data, signal).hex()
            sent.append({"metadata": json.loads(metadata.to_json()), "datum": datum, "value": told(data)})
    get_producer().prepare_for_shutdown()
    return sent


def produce(signal, topic, paths, data, metadata):
    get_producer().send(
        signal=signal, topic=topic, event_key_field=paths[signal], event_data=data, event_metadata=metadata
    )


def reset(topic, group):
    """Moves a group to the first record by the package's `offset_time`, and leaves it.

    Without it, a new group starts behind the last record.
    """
    consumer = make_single_consumer(topic=topic, group_id=group, offset_time=EARLIER)

    class Time:
        """The first pause of the package's loop, which otherwise never ends: neither the assignment nor the commit
        comes with the first poll."""

        def sleep(self, _seconds):
            deadline = time.monotonic() + PATIENCE
            while None in kafka_records.committed(servers, full(topic), group).values():
                if time.monotonic() > deadline:
                    raise TimeoutError("offset_time commits nothing")
                consumer.consumer.poll(0.1)
            consumer._shut_down()

    package.time = Time()
    try:
        consumer.consume_indefinitely()
    finally:
        package.time = time
        consumer.consumer.close()


def consume(signals, paths, count):
    """The events that Django receivers get from the package's consumer; each is also sent again."""
    reset(OURS, "theirs")
    consumer = make_single_consumer(topic=OURS, group_id="theirs")
    got = []

    def receiver(signal, metadata, sender, from_event_bus, **data):
        expect((sender, from_event_bus), (None, True))
        got.append({"metadata": json.loads(metadata.to_json()), "value": told(data)})
        produce(signal, AGAIN, paths, data, metadata)
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
    get_producer().prepare_for_shutdown()
    return got


def entries(topic):
    """The records of a topic by event id."""
    found = kafka_records.records(servers, full(topic), whole=True)
    by_id = {record.header("ce_id"): record for record in found}
    expect(len(by_id), len(found))
    return by_id


def framed(raw):
    """The schema's id and the datum of Confluent's framing."""
    expect(raw[:1], b"\0")
    return int.from_bytes(raw[1:5], "big"), raw[5:]


def judge(results, compared):
    signals = catalogue()
    expect(len(signals), wanted)
    paths = keys(signals)
    total = len(signals) * PAYLOADS
    kafka_records.create(servers, *(full(topic) for topic in (THEIRS, OURS, AGAIN)), partitions=PARTITIONS)
    complaints = openedx_bus.Complaints()
    logging.getLogger().addHandler(complaints)

    url = f"kafka://{servers}?create_topics=true&registry={urllib.parse.quote(registry, safe='')}"
    told_keys = exchange / "keys.txt"
    told_keys.write_text("".join(f"{signal.event_type} {paths[signal]}\n" for signal in signals), encoding="utf-8")
    emission = ours("emit", url, OURS, PAYLOADS, 1, told_keys, exchange / "emitted.jsonl")
    emitted = lines(exchange / "emitted.jsonl")
    registered = subjects(OURS)
    got = consume(signals, paths, len(emitted))
    consumed_complaints = list(complaints.kept)

    sent = send(signals, paths)
    summary = ours("consume", url, THEIRS, "ours", total, exchange / "seen.jsonl")
    seen = lines(exchange / "seen.jsonl")
    theirs, letters = entries(THEIRS), entries(f"{THEIRS}.ours.dlq")
    written, again = entries(OURS), entries(AGAIN)

    def took_all():
        expect(summary, {"seen": total, "acked": total, "skipped": 0, "retried": 0, "dead_lettered": len(signals)})
        expect(kafka_records.lag(servers, full(THEIRS), "ours"), 0)

    def kept_the_refused():
        host = ("sourcehost", NO_HOST.encode())
        refused = {event_id: record for event_id, record in theirs.items() if host in record.headers}
        expect(len(refused), len(signals))
        whole = lambda record: (record.headers[: len(HEADERS)], record.key, record.value)  # noqa: E731
        expect({event_id: whole(record) for event_id, record in letters.items()},
               {event_id: whole(record) for event_id, record in refused.items()})

    def gave_all():
        expect(emission, {"events": len(signals), "emitted": total, "later": len(signals)})
        expect(consumed_complaints, [])
        expect(kafka_records.lag(servers, full(OURS), "theirs"), 0)

    def sent_all():
        expect(complaints.kept, [])
        expect(len(theirs), total + len(signals))

    def registers_the_same():
        expect(registered, subjects(AGAIN))

    def registers_the_key_first():
        first = [written[event["metadata"]["id"]] for event in emitted[: PAYLOADS]]
        expect([framed(record.key)[0] < framed(record.value)[0] for record in first], [True] * PAYLOADS)

    def partitions_agree():
        for record in (*theirs.values(), *written.values(), *again.values()):
            expect(record.partition, zlib.crc32(record.key) % PARTITIONS)
        least = min(Counter(record.partition for record in written.values()).values())
        expect(least > 0, True)

    results.check("Kafka", "the package's producer sends each event, and logs no error", sent_all)
    results.check("Kafka", "our consumer acknowledges each of the package's events, once", took_all)
    results.check("Kafka", "an event whose host is no string of CloudEvents is a dead letter, byte for byte", kept_the_refused)
    results.check("Kafka", "the package's consumer commits each of ours, and logs no error", gave_all)
    results.check("Kafka", "our producer registers the subjects, texts and ids of the package's", registers_the_same)
    results.check("Kafka", "our producer registers the key's schema before the value's", registers_the_key_first)
    results.check("Kafka", "the partition is the CRC-32 of the framed key, on both sides", partitions_agree)
    seen, got = by_id(seen), by_id(got)

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
        names = ("event_type", "minorversion", "source", "sourcehost")
        expect([own[name] for name in names], [getattr(default, name) for name in names])
        expect(UUID(own["id"]).version, default.id.version)

    def writes(events):
        for event in events:
            event_id = event["metadata"]["id"]
            record, other = written[event_id], again[event_id]
            expect([name for name, _ in other.headers], HEADERS)
            expect(record.headers[: len(HEADERS)], other.headers)
            expect((record.key, record.value, record.partition), (other.key, other.value, other.partition))
            expect(framed(record.value)[1].hex(), event["datum"])
            compared["records"][event["metadata"]["event_type"]] += 1

    def schemas():
        """What the registry has by the ids of a record, and by the subjects."""
        record = next(record for record in written.values() if record.header("ce_type") == signal.event_type)
        (key, _), (value, _) = framed(record.key), framed(record.value)
        texts = extract_key_schema(get_signal_serializer(signal), paths[signal]), get_signal_serializer(signal).schema_string()
        primitive = json.loads(texts[0])["type"]
        expect(tuple(http("GET", f"{registry}/schemas/ids/{of}")["schema"] for of in (key, value)), texts)
        expect((texts[0], key) in registered[primitive], True)
        expect(registered[f"{signal.event_type}.CloudEvent"], [(texts[1], value)])

    for signal in signals:
        name = signal.event_type
        of = lambda events: [event for event in events if event["metadata"]["event_type"] == name]  # noqa: E731
        theirs_of, own = of(sent), of(emitted)
        results.check(name, "our receivers see what the package sent, value and metadata", lambda: reads(theirs_of, seen, "to us"))
        results.check(name, "Django receivers see what we sent, value and metadata", lambda: reads(own, got, "from us"))
        results.check(name, "an emission without options has the metadata that the package gives one", lambda: by_itself(own[0]))
        results.check(name, "our records have the key, value and partition of the package's, and begin with its headers", lambda: writes(own))
        results.check(name, "our records have the ids of the schemas that the package registers, byte for byte", schemas)
    return [signal.event_type for signal in signals]


def main():
    results, compared = Results(), defaultdict(Counter)
    names = judge(results, compared)
    to_us, from_us, written = compared["to us"], compared["from us"], compared["records"]
    # The number of equal comparisons.
    whole = [name for name in names if to_us[name] and from_us[name] and written[name]]
    least = min(min(to_us[name], from_us[name]) for name in names)
    print(
        f"{len(whole)} events × 2 directions × {least} payloads over Kafka, by edx-event-bus-kafka "
        f"{version('edx-event-bus-kafka')} and openedx-events {__version__}: {to_us.total()} of its producer "
        f"seen by our receivers ({compared['later']['to us']} of a minor version above 0), {from_us.total()} "
        f"of ours by Django's ({compared['later']['from us']}), {written.total()} of our records equal to "
        f"its producer's in key, value, partition and their first {len(HEADERS)} headers"
    )
    results.end()


if __name__ == "__main__":
    main()
