"""Django and Open edX's buses over Redis and Kafka, set up for a script. Call it before the packages are imported."""

import logging

import django
from django.conf import settings


def set_up(prefix, **more):
    """Configures the bus over Redis and topics with this prefix; `more` has settings, such as its server's URL."""
    _configure(
        "edx_event_bus_redis",
        "RedisEventConsumer",
        prefix,
        # Longer ones exceed the package's own timeouts.
        EVENT_BUS_REDIS_CONSUMER_POLL_TIMEOUT=1,
        **more,
    )


def set_up_kafka(prefix, servers, registry, **more):
    """Configures the bus over Kafka with its servers and the URL of a schema registry."""
    _configure(
        "edx_event_bus_kafka",
        "KafkaEventConsumer",
        prefix,
        EVENT_BUS_KAFKA_BOOTSTRAP_SERVERS=servers,
        EVENT_BUS_KAFKA_SCHEMA_REGISTRY_URL=registry,
        # The pauses between its looks at a stop, and after an error.
        EVENT_BUS_KAFKA_CONSUMER_POLL_TIMEOUT=0.2,
        EVENT_BUS_KAFKA_CONSUMER_POLL_FAILURE_SLEEP=0.1,
        EVENT_BUS_KAFKA_POLL_INTERVAL_SEC=0.1,
        **more,
    )


def _configure(package, consumer, prefix, **more):
    settings.configure(
        INSTALLED_APPS=["openedx_events", package],
        LOGGING_CONFIG=None,
        DATABASES={},
        SERVICE_VARIANT="lms",
        EVENTS_SERVICE_NAME="lms",
        EVENT_BUS_PRODUCER=f"{package}.create_producer",
        EVENT_BUS_CONSUMER=f"{package}.{consumer}",
        EVENT_BUS_TOPIC_PREFIX=prefix,
        **more,
    )
    django.setup()


class Complaints(logging.Handler):
    """Keeps the errors that a package logs, because it raises none."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.kept = []

    def emit(self, record):
        self.kept.append(record.getMessage()[:500])
