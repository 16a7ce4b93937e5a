"""HTTP/1.1 as services speak it: uvicorn's, with a limit on what the parser must keep.

A request's line, its headers and the trailers after chunks are collected in memory until they
end. Without a limit, one without an end would be collected until there is no memory left. uvicorn
has such a limit for its parser in Python only (`h11_max_incomplete_event_size`); httptools, which
parses in C, has none.
"""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Bytes that may arrive one after the other without the end of a head, a part of a body or the
#: end of a request. Counted are reads from the socket in which none of them was.
HEAD_MAX = 65_536


class BoundedHeadProtocol(HttpToolsProtocol):
    """Answers 400 to a head or to trailers that do not end, and closes the connection."""

    moved = False
    head_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Count what leads to nothing."""
        self.moved = False
        super().data_received(data)
        self.head_bytes = 0 if self.moved else self.head_bytes + len(data)
        if self.head_bytes > HEAD_MAX and not self.transport.is_closing():
            self.send_400_response("The request's headers are too long.")

    def on_headers_complete(self) -> None:
        """The head has ended."""
        self.moved = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body is there; it is handed on."""
        self.moved = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request has ended."""
        self.moved = True
        super().on_message_complete()
