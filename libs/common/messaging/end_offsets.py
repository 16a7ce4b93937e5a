"""Where topics end: the offset after the last message of each partition, as the broker says."""

from collections.abc import Iterable

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined] # its __init__ re-exports without __all__


def end_offsets(
    admin: AdminClient, places: Iterable[tuple[str, int]], answer_s: float
) -> dict[tuple[str, int], int]:
    """The end of each (topic, partition); each answer is waited for so many seconds.

    Raises:
        KafkaException, TimeoutError: the broker does not answer, or not for all partitions.
    """
    asked = {
        TopicPartition(topic, partition): OffsetSpec.latest()  # type: ignore[no-untyped-call] # its own stub says so
        for topic, partition in places
    }
    ends = {}
    for place, future in admin.list_offsets(asked, request_timeout=answer_s).items():
        end = future.result(answer_s + 1).offset
        if end < 0:  # so a time-out is reported here, and not as an error
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - its name
        ends[place.topic, place.partition] = end
    return ends
