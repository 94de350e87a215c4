"""Django and Open edX's bus over Redis, set up for a script. Call it before the packages are imported."""

import django
from django.conf import settings


def set_up(prefix, **more):
    """Configures topics with this prefix; `more` has settings of the package, such as its server's URL."""
    settings.configure(
        INSTALLED_APPS=["openedx_events", "edx_event_bus_redis"],
        LOGGING_CONFIG=None,
        DATABASES={},
        SERVICE_VARIANT="lms",
        EVENTS_SERVICE_NAME="lms",
        EVENT_BUS_PRODUCER="edx_event_bus_redis.create_producer",
        EVENT_BUS_CONSUMER="edx_event_bus_redis.RedisEventConsumer",
        EVENT_BUS_TOPIC_PREFIX=prefix,
        # Longer ones exceed the package's own timeouts.
        EVENT_BUS_REDIS_CONSUMER_POLL_TIMEOUT=1,
        **more,
    )
    django.setup()
