"""A recorder that collects spans in a list."""

from libs.common.observability.tracing import Span


class RecordedSpans:
    """A Recorder; `spans` has what was recorded, in the order in which it ended."""

    def __init__(self) -> None:
        self.spans, self.stopped = list[Span](), list[float]()

    def record(self, span: Span) -> None:
        self.spans.append(span)

    def stop(self, limit_s: float) -> None:
        self.stopped.append(limit_s)

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]
