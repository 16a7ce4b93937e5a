"""Signing keys are made for who publishes, and replaced in two steps."""

import json
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from libs.common.contracts.errors import Reject
from libs.common.contracts.message import Message
from libs.common.crypto.message_signatures import Signer, Verifier
from ops import rotate_signing_keys
from ops.errors import CommandError
from ops.private_files import write_private
from ops.secret_files import Secrets, make_secrets
from services import catalog


def parts(folder: Path, name: str = "ingest") -> tuple[Signer, Verifier]:
    """What signs in one service, and what verifies in another."""
    return (
        Signer.parse((folder / name / "signing_keys").read_text()),
        Verifier.parse((folder / "reports" / "public_keys").read_text()),
    )


def is_accepted(signer: Signer, verifier: Verifier, name: str = "ingest") -> bool:
    """Whether a reader believes what a service signs, on a topic of that service."""
    verifier = replace(verifier, producers={"topic": name})
    # A content that was verified once is known.
    message = Message("topic", 0, 0, "k", "t", str(uuid4()), b"{}")
    (signature,) = signer.sign([message])
    try:
        verifier.verify(message._replace(signature=signature))
    except Reject:
        return False
    return True


def test_each_container_gets_its_own_key_and_everybodys_public_ones(tmp_path: Path) -> None:
    make_secrets(tmp_path, "postgres:5432")
    keys = {name: tmp_path / name / "signing_keys" for name in catalog.NAMES}
    assert {name for name, file in keys.items() if file.exists()} == set(catalog.SIGNING)
    assert len({keys[name].read_text() for name in catalog.SIGNING}) == len(catalog.SIGNING)
    assert is_accepted(*parts(tmp_path))
    assert not is_accepted(parts(tmp_path, "ledger")[0], parts(tmp_path)[1])


def test_an_installation_that_is_older_gets_keys_and_keeps_its_other_secrets(
    tmp_path: Path,
) -> None:
    Secrets.load_or_create(tmp_path)
    file = tmp_path / "keys.json"
    old = json.loads(file.read_text())
    del old["signing_keys"]
    file.write_text(json.dumps(old))
    made = Secrets.load_or_create(tmp_path)
    assert set(made.signing_keys) == set(catalog.SIGNING)
    assert {name: value for name, value in vars(made).items() if name in old} == old
    assert Secrets.load_or_create(tmp_path) == made


def test_public_keys_that_people_removed_or_gave_stay_so_and_a_new_signer_is_added(
    tmp_path: Path,
) -> None:
    make_secrets(tmp_path, "postgres:5432")
    rotate_signing_keys.rotate("add", tmp_path)
    file = tmp_path / "reports" / "public_keys"
    entries = {entry.partition(":")[0]: entry for entry in file.read_text().split(",")}
    assert {"ingest/ingest-1", "ingest/ingest-2", "gateway/gateway-1"} <= set(entries)
    gateways = {name for name in entries if name.startswith("gateway/")}
    given = f"ledger/from-a-backup:{entries['ledger/ledger-1'].partition(':')[2]}"
    left = [
        entry for name, entry in entries.items() if name not in {"ingest/ingest-1", *gateways}
    ]  # a stolen key was removed, and the file is older than the gateway's keys
    write_private(file, ",".join([*left, given]))
    others = (tmp_path / "ledger" / "public_keys").read_text()
    for _ in range(2):
        make_secrets(tmp_path, "postgres:5432")
        found = file.read_text().split(",")
        assert sorted(found) == sorted([*left, given, *(entries[name] for name in gateways)])
        Verifier.parse(file.read_text())
        assert (tmp_path / "ledger" / "public_keys").read_text() == others


@pytest.mark.parametrize("name", catalog.SIGNING)
def test_old_and_new_processes_understand_each_other_after_each_step(
    name: str, tmp_path: Path
) -> None:
    make_secrets(tmp_path, "postgres:5432")
    signers, verifiers = [], []
    for step in ("start", "add", "use"):
        if step != "start":
            rotate_signing_keys.rotate(step, tmp_path)
            rotate_signing_keys.rotate(step, tmp_path)  # a second call changes nothing
        signer, verifier = parts(tmp_path, name)
        signers.append(signer)
        verifiers.append(verifier)
    assert [signer.key_id for signer in signers] == [f"{name}-1", f"{name}-1", f"{name}-2"]
    for at in (0, 1):
        assert is_accepted(signers[at], verifiers[at + 1], name)
        assert is_accepted(signers[at + 1], verifiers[at], name) or at == 0
    # The topics keep what the old key signed.
    assert is_accepted(signers[0], verifiers[2], name)
    # So `use` waits until all were restarted.
    assert not is_accepted(signers[2], verifiers[0], name)


def test_a_file_without_signing_keys_is_refused_in_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    for text in ("x", "{}", '{"signing_keys": {"ingest": "x"}}'):
        file.write_text(text)
        with pytest.raises(CommandError, match="holds no signing_keys"):
            rotate_signing_keys.rotate("add", file)
