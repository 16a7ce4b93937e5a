import base64

import pytest

from libs.common.crypto.field_encryption import (
    FORGOTTEN,
    NONCE_BYTES,
    BlindIndex,
    DecryptionFailed,
    FieldCipher,
    Forgotten,
    destroy,
    key_id_of,
    named_keys,
    new_key,
    place_of,
)

OLD, NEW = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))
SEALER = FieldCipher.parse(f"k1:{OLD}")
INDEX = BlindIndex.parse(OLD)
PLACE, OTHER_PLACE = "0123456789abcdef", "0123456789abcdee"


@pytest.mark.parametrize("text", ["", "0012345678", "Zoë Ångström 李"])
def test_what_is_encrypted_is_decrypted_for_its_field_and_row(text: str) -> None:
    sealed = SEALER.encrypt(text, "loan", "row-1")
    assert sealed.startswith("k1.")
    assert SEALER.decrypt(sealed, "loan", "row-1") == text
    assert not text or text not in sealed


def test_encrypting_twice_gives_other_bytes() -> None:
    assert SEALER.encrypt("same", "loan", "row-1") != SEALER.encrypt("same", "loan", "row-1")


def test_rows_are_encrypted_as_each_value_alone_and_never_under_one_nonce() -> None:
    fields, texts = ("loan", "dob", "phone", "first_name"), ("same", "same", "", "same")
    rows = [("row-1", texts, ""), ("row-2", texts, PLACE)]
    sealed = SEALER.encrypt_rows(fields, rows)
    for (row_id, *_), values in zip(rows, sealed, strict=True):
        for field, text, one in zip(fields, texts, values, strict=True):
            assert (SEALER.decrypt(one, field, row_id) if one else "") == text
    found = [one for values in sealed for one in values if one]
    nonces = [base64.b64decode(one.partition(".")[2])[:NONCE_BYTES] for one in found]
    assert len(set(nonces)) == 6
    again = SEALER.encrypt_rows(fields, rows)
    assert not {one for values in again for one in values if one} & set(found)


@pytest.mark.parametrize(
    ("field", "row_id"), [("loan", "row-2"), ("dob", "row-1"), ("", ":loan:row-1")]
)
def test_it_is_decrypted_for_no_other_field_or_row(field: str, row_id: str) -> None:
    sealed = SEALER.encrypt("0012345678", "loan", "row-1")
    with pytest.raises(DecryptionFailed):
        SEALER.decrypt(sealed, field, row_id)


def test_no_changed_byte_is_decrypted() -> None:
    raw = base64.b64decode(SEALER.encrypt("0012345678", "loan", "row-1").partition(".")[2])
    for place in range(len(raw)):
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        with pytest.raises(DecryptionFailed) as broken:
            SEALER.decrypt(f"k1.{base64.b64encode(changed).decode()}", "loan", "row-1")
        assert "0012345678" not in str(broken.value)


@pytest.mark.parametrize(
    "sealed", ["", "k1", "k1.", "k1.!!!", "k1.AAAA", "k9." + "A" * 80, "0012345678"]
)
def test_what_was_never_encrypted_is_not_decrypted(sealed: str) -> None:
    with pytest.raises(DecryptionFailed):
        SEALER.decrypt(sealed, "loan", "row-1")


def test_after_a_change_of_keys_the_old_ones_still_decrypt() -> None:
    sealed = SEALER.encrypt("0012345678", "loan", "row-1")
    both = FieldCipher.parse(f"k2:{NEW},k1:{OLD}")
    assert both.decrypt(sealed, "loan", "row-1") == "0012345678"
    assert both.encrypt("x", "loan", "row-1").startswith("k2.")
    with pytest.raises(DecryptionFailed, match="unknown key 'k1'"):
        FieldCipher.parse(f"k2:{NEW}").decrypt(sealed, "loan", "row-1")


@pytest.mark.parametrize(
    "text",
    ["", "k1", f":{OLD}", f"a.b:{OLD}", f"a~b:{OLD}", "k1:c2hvcnQ=", "k1:not base64", f"k1:{OLD},"],
)
def test_keys_of_another_form_are_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the message is looked at below
        FieldCipher.parse(text)
    assert OLD not in str(refused.value)


def test_each_person_has_a_key_of_their_own() -> None:
    cipher = FieldCipher.parse(f"k2:{new_key()},k1:{OLD}")
    sealed = cipher.encrypt("0012345678", "loan", "row-1", PLACE)
    assert (key_id_of(sealed), place_of(sealed)) == ("k2", PLACE)
    assert cipher.decrypt(sealed, "loan", "row-1") == "0012345678"
    for other in (OTHER_PLACE, ""):
        moved = sealed.replace(f"~{PLACE}", f"~{other}" if other else "")
        with pytest.raises(DecryptionFailed):
            cipher.decrypt(moved, "loan", "row-1")


def test_a_destroyed_key_decrypts_nothing_and_the_other_keys_stay() -> None:
    text = f"k2:{new_key()},k1:{OLD}"
    cipher = FieldCipher.parse(text)
    gone, stays, nobodys = (
        cipher.encrypt("0012345678", "loan", "row-1", place) for place in (PLACE, OTHER_PLACE, "")
    )
    left = destroy(text, [PLACE])
    assert destroy(left, [PLACE]) == left
    assert named_keys(left) == named_keys(text)
    after = FieldCipher.parse(left)
    with pytest.raises(Forgotten):
        after.decrypt(gone, "loan", "row-1")
    with pytest.raises(Forgotten):
        after.encrypt("x", "loan", "row-1", PLACE)
    assert after.is_forgotten(gone)
    assert after.has_forgotten
    assert not cipher.has_forgotten
    assert after.decrypt_or_forgotten(gone, "loan", "row-1") == FORGOTTEN
    for sealed in (stays, nobodys, SEALER.encrypt("0012345678", "loan", "row-1")):
        assert after.decrypt(sealed, "loan", "row-1") == "0012345678"
        assert not after.is_forgotten(sealed)


def test_a_key_that_is_older_than_the_keys_of_people_encrypts_for_everybody() -> None:
    sealed = SEALER.encrypt("0012345678", "loan", "row-1", PLACE)
    assert sealed.startswith("k1.")
    assert not SEALER.is_forgotten(sealed)
    with pytest.raises(DecryptionFailed):
        SEALER.decrypt(f"k1~{PLACE}.{sealed.partition('.')[2]}", "loan", "row-1")


def test_an_index_shows_equal_or_not_and_nothing_else() -> None:
    assert INDEX.digest("loan", "ins_1", "0012345678") == INDEX.digest(
        "loan", "ins_1", "0012345678"
    )
    assert len(INDEX.digest("loan", "ins_1", "0012345678")) == 32
    assert INDEX.digest("loan", "ins_1", "0012345678") != BlindIndex.parse(NEW).digest(
        "loan", "ins_1", "0012345678"
    )


@pytest.mark.parametrize(
    "other",
    [
        ("account", "ab", "c"),
        ("loan", "a", "bc"),
        ("loan", "abc"),
        ("loan", "ab", "c", ""),
        ("loan", "ab\x001:c"),
    ],
)
def test_an_index_separates_kinds_and_the_borders_of_parts(other: tuple[str, ...]) -> None:
    assert INDEX.digest("loan", "ab", "c") != INDEX.digest(*other)


@pytest.mark.parametrize("text", ["", "c2hvcnQ=", "not base64"])
def test_an_index_key_that_is_too_short_or_no_base64_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - base64's own message or ours
        BlindIndex.parse(text)
