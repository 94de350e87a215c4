"""Kafka's topics, groups and records as raw bytes, by confluent-kafka, for tests beside the buses."""

import time

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

#: Seconds, for a busy machine.
TIMEOUT = 30

#: Errors that end by themselves.
LATER = (KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.COORDINATOR_NOT_AVAILABLE)


def create(servers, *topics, partitions):
    """Creates topics and waits until the broker tells their leaders."""
    admin = AdminClient({"bootstrap.servers": servers})
    for done in admin.create_topics([NewTopic(topic, partitions) for topic in topics]).values():
        done.result(TIMEOUT)
    deadline = time.monotonic() + TIMEOUT
    for topic in topics:
        while sum(part.leader >= 0 for part in partitions_of(admin, topic).values()) < partitions:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{topic} has no leaders")
            time.sleep(0.05)


def partitions_of(client, topic):
    return client.list_topics(topic, timeout=TIMEOUT).topics[topic].partitions


def reader(servers, group):
    return Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )


def ends(client, topic):
    """The high watermark of each partition."""
    parts = [TopicPartition(topic, part) for part in partitions_of(client, topic)]
    return {part.partition: client.get_watermark_offsets(part, timeout=TIMEOUT)[1] for part in parts}


def committed(servers, topic, group):
    """The committed offset of each partition, or None."""
    client = reader(servers, group)
    try:
        parts = [TopicPartition(topic, part) for part in partitions_of(client, topic)]
        found = patiently(lambda: client.committed(parts, timeout=TIMEOUT))
        return {part.partition: part.offset if part.offset >= 0 else None for part in found}
    finally:
        client.close()


def patiently(call):
    """The result of a call, which is repeated while a broker only asks to wait: it may be loading the group."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            return call()
        except KafkaException as error:
            if error.args[0].code() not in LATER or time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def lag(servers, topic, group):
    """The number of records behind the committed offsets of a group; those before the first commit count."""
    client = reader(servers, group)
    try:
        end = ends(client, topic)
    finally:
        client.close()
    at = committed(servers, topic, group)
    return sum(last - (at[part] or 0) for part, last in end.items())


class Record:
    """A record: bytes of key and value (or None), pairs of header names and bytes, partition and offset."""

    def __init__(self, message):
        self.partition, self.offset = message.partition(), message.offset()
        self.key, self.value = message.key(), message.value()
        self.headers = message.headers() or []

    def header(self, name):
        """The value of the only header of this name, as text."""
        [value] = [value for found, value in self.headers if found == name]
        return value.decode()

    def told(self):
        """The record as JSON."""
        text = lambda value: None if value is None else value.hex()  # noqa: E731
        return {
            "partition": self.partition,
            "offset": self.offset,
            "key": text(self.key),
            "value": text(self.value),
            "headers": [[name, text(value)] for name, value in self.headers],
        }


def records(servers, topic, whole=False):
    """All records of a topic, in the order of partitions and offsets; `whole` if nothing else may be in it."""
    client = reader(servers, f"records of {topic}")
    try:
        end = ends(client, topic)
        client.assign([TopicPartition(topic, part, 0) for part in end])
        left = {part for part, last in end.items() if last > 0}
        found = []
        deadline = time.monotonic() + TIMEOUT
        while left:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{topic} has no record at the end of partitions {sorted(left)}")
            for message in client.consume(1000, timeout=1):
                if message.error():
                    raise KafkaException(message.error())
                found.append(Record(message))
            # A transaction marker at the end of a partition has an offset and no record.
            at = {part.partition: part.offset for part in client.position([TopicPartition(topic, p) for p in left])}
            left = {part for part in left if at[part] < end[part]}
    finally:
        client.close()
    found.sort(key=lambda record: (record.partition, record.offset))
    if whole:
        offsets = {(part, offset) for part, last in end.items() for offset in range(last)}
        missing = offsets - {(record.partition, record.offset) for record in found}
        if missing:
            raise AssertionError(f"{topic} has the offsets {sorted(missing)}, which were not read")
    return found
