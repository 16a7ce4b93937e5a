"""An encrypted file is read as it was written, or not at all."""

import base64
import io
from typing import TYPE_CHECKING

import pytest

from libs.common.crypto.field_encryption import DecryptionFailed, FieldCipher
from libs.common.crypto.file_encryption import (
    CHUNK_BYTES,
    MAGIC,
    TAG_BYTES,
    EncryptingWriter,
    key_id_of,
    open_encrypted,
)

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

OLD = "k1:" + base64.b64encode(bytes(range(32))).decode()
NEW = "k2:" + base64.b64encode(bytes(range(1, 33))).decode()
CIPHER = FieldCipher.parse(OLD)
SEALED = CHUNK_BYTES + TAG_BYTES
CONTENTS = bytes(range(256)) * 1_024  # four whole chunks


def encrypted(data: bytes, piece: int = 10_000, file_id: str = "a") -> bytes:
    file = io.BytesIO()
    writer = EncryptingWriter(file, CIPHER, file_id)
    for at in range(0, len(data), piece):
        writer.write(data[at : at + piece])
    writer.finish()
    return file.getvalue()


def decrypted(data: bytes, cipher: FieldCipher = CIPHER, file_id: str = "a") -> bytes:
    with open_encrypted(io.BytesIO(data), cipher, file_id) as plain:
        return plain.read()


def parts(data: bytes) -> tuple[bytes, list[bytes]]:
    """The head, and the chunks."""
    head = len(MAGIC) + 2 + int.from_bytes(data[len(MAGIC) : len(MAGIC) + 2], "big")
    return data[:head], [data[at : at + SEALED] for at in range(head, len(data), SEALED)]


@pytest.mark.parametrize("piece", [1_000, CHUNK_BYTES, CHUNK_BYTES + 1, 1 << 20])
@pytest.mark.parametrize(
    "data", [b"", b"x", CONTENTS[:CHUNK_BYTES], CONTENTS[: CHUNK_BYTES + 1], CONTENTS]
)
def test_a_file_is_read_as_it_was_written(data: bytes, piece: int) -> None:
    file = encrypted(data, piece)
    assert decrypted(file) == data
    assert data[:16] not in file or not data[1:]
    assert encrypted(data, piece) != file


def test_a_file_is_read_in_pieces_and_looked_into() -> None:
    with open_encrypted(io.BytesIO(encrypted(CONTENTS)), CIPHER, "a") as plain:
        assert plain.peek(2)[:2] == CONTENTS[:2]
        assert b"".join(iter(lambda: plain.read(777), b"")) == CONTENTS


@pytest.mark.parametrize("chunk", [0, 1, 3])
def test_a_changed_byte_is_refused(chunk: int) -> None:
    head, chunks = parts(encrypted(CONTENTS))
    chunks[chunk] = bytes((chunks[chunk][0] ^ 1,)) + chunks[chunk][1:]
    with pytest.raises(DecryptionFailed, match=f"chunk {chunk}"):
        decrypted(head + b"".join(chunks))


@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_a_file_that_was_cut_between_two_chunks_is_refused(kept: int) -> None:
    head, chunks = parts(encrypted(CONTENTS))
    assert len(chunks) == 4
    with pytest.raises(DecryptionFailed):
        decrypted(head + b"".join(chunks[:kept]))


@pytest.mark.parametrize("order", [(1, 0, 2, 3), (0, 1, 3, 2), (0, 0, 2, 3), (0, 1, 2, 3, 3)])
def test_chunks_in_another_order_are_refused(order: tuple[int, ...]) -> None:
    head, chunks = parts(encrypted(CONTENTS))
    with pytest.raises(DecryptionFailed):
        decrypted(head + b"".join(chunks[one] for one in order))


def test_a_chunk_of_another_file_is_refused() -> None:
    head, chunks = parts(encrypted(CONTENTS))
    chunks[1] = parts(encrypted(CONTENTS))[1][1]
    with pytest.raises(DecryptionFailed, match="chunk 1"):
        decrypted(head + b"".join(chunks))


def test_a_file_in_another_files_place_is_refused() -> None:
    with pytest.raises(DecryptionFailed):
        decrypted(encrypted(CONTENTS), file_id="b")


@pytest.mark.parametrize("data", [b"", b"<root/>", MAGIC, MAGIC + b"\xff\xff", MAGIC + b"\0\x01x"])
def test_what_is_not_encrypted_is_refused(data: bytes) -> None:
    with pytest.raises(DecryptionFailed):
        decrypted(data)


def test_a_file_says_its_key_and_old_keys_still_read_it() -> None:
    file = encrypted(CONTENTS)
    assert key_id_of(io.BytesIO(file)) == "k1"
    assert key_id_of(io.BytesIO(b"<root/>")) == ""
    assert decrypted(file, FieldCipher.parse(f"{NEW},{OLD}")) == CONTENTS
    with pytest.raises(DecryptionFailed, match="unknown key"):
        decrypted(file, FieldCipher.parse(NEW))


def test_a_file_that_was_never_finished_is_refused() -> None:
    file = io.BytesIO()
    EncryptingWriter(file, CIPHER, "a").write(CONTENTS)
    with pytest.raises(DecryptionFailed):
        decrypted(file.getvalue())


class HalfWrites(io.BytesIO):
    """A file that takes a part of what it is given, as a disk that fills up does."""

    def write(self, data: "ReadableBuffer", /) -> int:
        given = bytes(memoryview(data))
        return super().write(given[: max(1, len(given) // 2)])


def test_a_file_that_writes_parts_is_whole() -> None:
    file = HalfWrites()
    writer = EncryptingWriter(file, CIPHER, "a")
    writer.write(CONTENTS)
    writer.finish()
    assert decrypted(file.getvalue()) == CONTENTS
