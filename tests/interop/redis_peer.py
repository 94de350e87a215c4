"""Open edX's producer and consumer over Redis, for tests beside ours.

    redis_peer.py send URL PREFIX TOPIC COUNT [FIRST]    sends logins, the users numbered from 0 or FIRST
    redis_peer.py consume URL PREFIX TOPIC GROUP COUNT   receives COUNT events, and prints a line for each
    redis_peer.py member URL PREFIX TOPIC GROUP NAME HOLD CLAIM   receives until it is killed
    redis_peer.py time URL PREFIX TOPIC GROUP COUNT      sends and receives COUNT events; prints the seconds of both

A line of `consume` is JSON: the user's number and the metadata that the package read. It prints nothing for an
entry that the package rejects. `member` prints `handled NUMBER`. If HOLD is not 0, it prints `holding NUMBER`
at login number HOLD and waits to be killed. If CLAIM is not 0, it takes over entries at its start that have been
pending for CLAIM milliseconds.
"""

import json
import logging
import sys
import time

import openedx_bus

mode, url, prefix, topic, *rest = sys.argv[1:]

openedx_bus.set_up(prefix, EVENT_BUS_REDIS_CONNECTION_URL=url)
logging.disable(logging.CRITICAL)

from edx_event_bus_redis import RedisEventConsumer, create_producer  # noqa: E402
from openedx_events.data import EventsMetadata  # noqa: E402
from openedx_events.learning.data import UserData, UserPersonalData  # noqa: E402
from openedx_events.learning.signals import SESSION_LOGIN_COMPLETED  # noqa: E402


def send(count, first=0):
    producer = create_producer()
    for number in range(first, first + count):
        personal = UserPersonalData(username=f"user-{number}", email=f"{number}@foo.example", name="Bob Föö")
        producer.send(
            signal=SESSION_LOGIN_COMPLETED,
            topic=topic,
            event_key_field="user.pii.username",
            event_data={"user": UserData(id=number, is_active=number % 2 == 0, pii=personal)},
            event_metadata=EventsMetadata(event_type=SESSION_LOGIN_COMPLETED.event_type, minorversion=0),
        )


def consume(group, count):
    consumer = RedisEventConsumer(topic, group, consumer_name="python", check_backlog=True)
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
        print(json.dumps(line), flush=True)
        seen.append(user.id)
        if len(seen) >= count:
            consumer._shut_down()

    SESSION_LOGIN_COMPLETED.connect(receiver)
    consumer.consume_indefinitely()


def member(group, name, hold, claim):
    consumer = RedisEventConsumer(topic, group, name, check_backlog=True, claim_msgs_older_than=claim or None)
    seen = []

    def receiver(user, **kwargs):
        seen.append(user.id)
        if len(seen) == hold:
            print("holding", user.id, flush=True)
            time.sleep(3600)
        print("handled", user.id, flush=True)

    SESSION_LOGIN_COMPLETED.connect(receiver)
    consumer.consume_indefinitely()


def timed(group, count):
    """The measurement ends at the last event's receiver."""
    send(1)
    started = time.perf_counter()
    send(count - 1)
    sent = time.perf_counter() - started
    consumer = RedisEventConsumer(topic, group, consumer_name="python", check_backlog=True)
    times = []

    def receiver(user, metadata, **kwargs):
        times.append(time.perf_counter())
        if len(times) >= count:
            consumer._shut_down()

    SESSION_LOGIN_COMPLETED.connect(receiver)
    consumer.consume_indefinitely()
    print(json.dumps([sent, times[-1] - times[0]]))


if mode == "send":
    send(*map(int, rest))
elif mode == "member":
    member(rest[0], rest[1], int(rest[2]), int(rest[3]))
elif mode == "time":
    timed(rest[0], int(rest[1]))
else:
    consume(rest[0], int(rest[1]))
