"""Open edX's producer and consumer over Kafka, for tests beside ours.

    kafka_peer.py send SERVERS REGISTRY PREFIX TOPIC COUNT [FIRST]   sends logins, the users numbered from 0 or FIRST
    kafka_peer.py consume SERVERS REGISTRY PREFIX TOPIC GROUP COUNT  receives COUNT events, and prints a line for each
    kafka_peer.py member SERVERS REGISTRY PREFIX TOPIC GROUP [FAIL]  receives until it is killed or its input ends
    kafka_peer.py reset SERVERS REGISTRY PREFIX TOPIC GROUP TIME     commits the offsets of a time, by `offset_time`
    kafka_peer.py records SERVERS REGISTRY PREFIX TOPIC              prints each record of the topic as JSON
    kafka_peer.py time SERVERS REGISTRY PREFIX TOPIC GROUP COUNT     sends and receives COUNT events; prints the seconds

A line of `consume` is JSON: the user's number and the metadata that the package read. It prints nothing for a
record that the package rejects. Both `consume` and `member` print `joined PARTITION,…` at each assignment. `member`
prints `handled NUMBER`, and leaves the group when its input ends. FAIL is the number of a login
whose receiver fails after `failed NUMBER`. Users have 40 different keys.
"""

import json
import logging
import sys
import threading
import time

import openedx_bus

mode, servers, registry, prefix, topic, *rest = sys.argv[1:]

openedx_bus.set_up_kafka(prefix, servers, registry)
logging.disable(logging.CRITICAL)

from edx_event_bus_kafka import KafkaEventConsumer, create_producer  # noqa: E402
from edx_event_bus_kafka.internal import consumer as package  # noqa: E402
from openedx_events.data import EventsMetadata  # noqa: E402
from openedx_events.learning.data import UserData, UserPersonalData  # noqa: E402
from openedx_events.learning.signals import SESSION_LOGIN_COMPLETED  # noqa: E402

import kafka_records  # noqa: E402


#: As many as ours.
KEYS = 40


def say(*words):
    print(*words, flush=True)


def send(count, first=0):
    producer = create_producer()
    for number in range(first, first + count):
        personal = UserPersonalData(username=f"user-{number % KEYS}", email=f"{number}@foo.example", name="Bob Föö")
        producer.send(
            signal=SESSION_LOGIN_COMPLETED,
            topic=topic,
            event_key_field="user.pii.username",
            event_data={"user": UserData(id=number, is_active=number % 2 == 0, pii=personal)},
            event_metadata=EventsMetadata(event_type=SESSION_LOGIN_COMPLETED.event_type, minorversion=0),
        )
    producer.prepare_for_shutdown()


def consumer_of(group):
    """A consumer that says which partitions it has; the package gives no sign of it."""
    consumer = KafkaEventConsumer(topic, group)
    client, subscribe = consumer.consumer, consumer.consumer.subscribe

    class Client:
        """The client with a subscription that reports assignments; its type can't be changed."""

        def __getattr__(self, name):
            return getattr(client, name)

        def subscribe(self, topics):
            subscribe(topics, on_assign=lambda _, parts: say("joined", ",".join(str(p.partition) for p in parts)))

    consumer.consumer = Client()
    return consumer


def consume(group, count):
    consumer = consumer_of(group)
    seen = []

    def receiver(user, metadata, **kwargs):
        line = {
            "user": user.id,
            "username": user.pii.username,
            "id": str(metadata.id),
            "source": metadata.source,
            "time": metadata.time.isoformat(),
            "sourcelib": list(metadata.sourcelib),
        }
        say(json.dumps(line))
        seen.append(user.id)
        if len(seen) >= count:
            consumer._shut_down()

    SESSION_LOGIN_COMPLETED.connect(receiver)
    consumer.consume_indefinitely()


def member(group, fail=None):
    consumer = consumer_of(group)

    def receiver(user, **kwargs):
        if str(user.id) == fail:
            say("failed", user.id)
            raise ValueError("this one fails")
        say("handled", user.id)

    def watch():
        sys.stdin.read()
        consumer._shut_down()

    threading.Thread(target=watch, daemon=True).start()
    SESSION_LOGIN_COMPLETED.connect(receiver)
    consumer.consume_indefinitely()


def reset(group, at):
    """Ends after the first pause of the package's loop, which otherwise never ends, and leaves the group."""
    consumer = KafkaEventConsumer(topic, group, offset_time=at)

    class Time:
        def sleep(self, _seconds):
            deadline = time.monotonic() + kafka_records.TIMEOUT
            # Neither the assignment nor the commit comes with the first poll.
            while None in [part.offset if part.offset >= 0 else None for part in consumer.consumer.committed(parts())]:
                if time.monotonic() > deadline:
                    sys.exit("no offsets were committed")
                consumer.consumer.poll(0.1)
            consumer._shut_down()

    def parts():
        found = kafka_records.partitions_of(consumer.consumer, f"{prefix}-{topic}")
        return [kafka_records.TopicPartition(f"{prefix}-{topic}", part) for part in found]

    package.time = Time()
    consumer.consume_indefinitely()
    for part in consumer.consumer.committed(parts()):
        say(part.partition, part.offset)
    consumer.consumer.close()


def timed(group, count):
    """The measurements end at the last acknowledgement, and at the last event's receiver."""
    send(1)
    started = time.perf_counter()
    send(count - 1)
    sent = time.perf_counter() - started
    reset(group, "2000-01-01T00:00:00+00:00")
    consumer = KafkaEventConsumer(topic, group)
    times = []

    def receiver(user, metadata, **kwargs):
        times.append(time.perf_counter())
        if len(times) >= count:
            consumer._shut_down()

    package.time = time
    SESSION_LOGIN_COMPLETED.connect(receiver)
    consumer.consume_indefinitely()
    say(json.dumps([sent, times[-1] - times[0]]))


def main():
    if mode == "send":
        send(*map(int, rest))
    elif mode == "consume":
        consume(rest[0], int(rest[1]))
    elif mode == "member":
        member(*rest)
    elif mode == "reset":
        reset(*rest)
    elif mode == "records":
        for record in kafka_records.records(servers, f"{prefix}-{topic}"):
            say(json.dumps(record.told()))
    else:
        timed(rest[0], int(rest[1]))


if __name__ == "__main__":
    main()
