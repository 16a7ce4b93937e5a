"""Point-in-time recovery on Kubernetes: the same cluster out of production's archive, marked before a service may start."""

from datetime import datetime
from pathlib import Path

import pytest

from devtools import kubernetes_manifests
from libs.common.runtime.settings import FILE
from services.__main__ import main
from tests.kubernetes.rendered import READ_BY_LIBPQ, environment, of

KEPT = of("production", "Cluster")["paydown-postgres"]["spec"]
BACK = of("recovery", "Cluster")["paydown-postgres"]["spec"]
HOLD, MIGRATE = of("recovery", "Job")["hold"], of("production", "Job")["migrate"]


def test_the_same_cluster_comes_back_and_nothing_else_is_touched() -> None:
    assert {
        kind: set(of("recovery", kind))
        for kind in (
            "Cluster",
            "ObjectStore",
            "ScheduledBackup",
            "Job",
            "Deployment",
            "NetworkPolicy",
        )
    } == {
        "Cluster": {"paydown-postgres"},
        "ObjectStore": {"paydown-backups"},
        "Job": {"hold"},
        "ScheduledBackup": set(),
        "Deployment": set(),
        "NetworkPolicy": set(),
    }
    changed = {"bootstrap", "plugins", "externalClusters"}
    assert {key: value for key, value in BACK.items() if key not in changed} == {
        key: value for key, value in KEPT.items() if key not in changed
    }


def test_it_is_made_out_of_the_archive_that_production_writes() -> None:
    (source,), (kept,) = BACK["externalClusters"], KEPT["plugins"]
    assert set(BACK["bootstrap"]) == {"recovery"}
    assert BACK["bootstrap"]["recovery"]["source"] == source["name"]
    assert source["plugin"] == {"name": kept["name"], "parameters": kept["parameters"]}
    assert kept["parameters"]["serverName"]
    first, again = KEPT["bootstrap"]["initdb"], BACK["bootstrap"]["recovery"]
    assert {
        key: again[key] for key in first
    } == first  # else the operator gives the cluster an owner called `app`


def test_it_writes_an_archive_of_its_own_because_one_that_is_not_empty_is_refused() -> None:
    (kept,), (back,) = KEPT["plugins"], BACK["plugins"]
    assert back["parameters"]["serverName"] != kept["parameters"]["serverName"]
    assert back | {"parameters": kept["parameters"]} == kept


def test_it_cannot_be_applied_before_somebody_has_said_to_which_moment() -> None:
    moment = BACK["bootstrap"]["recovery"]["recoveryTarget"]["targetTime"]
    with pytest.raises(ValueError, match="isoformat"):
        datetime.fromisoformat(moment)


def test_the_job_runs_a_command_there_is_with_the_names_it_reads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (container,) = kubernetes_manifests.containers(HOLD)
    assert container["args"] == [
        "python",
        "-m",
        "services",
        "hold",
        "ingest",
        "dispatcher",
        "ledger",
    ]
    given = {name: value for name, value in environment(HOLD).items() if name not in READ_BY_LIBPQ}
    assert given == {
        f"PAYDOWN_{name.upper()}_OWNER_URL{FILE}": f"/run/secrets/{name}_owner_url"
        for name in container["args"][4:]
    }
    (address := tmp_path / "nobody").write_text("postgresql+psycopg2://nobody@127.0.0.1:1/nothing")
    for name in given:
        monkeypatch.setenv(name, str(address))
    assert main(container["args"][3:]) == 2
    assert (
        "ingest: the database cannot be marked" in capsys.readouterr().err
    )  # it came as far as the address


def test_the_job_has_what_migrate_has() -> None:
    pods = [job["spec"]["template"] for job in (HOLD, MIGRATE)]
    assert pods[0]["metadata"] == pods[1]["metadata"]  # the network policies know it by this
    mine, theirs = ({**pod["spec"], "containers": None, "restartPolicy": None} for pod in pods)
    assert mine == theirs
    ours, known = (kubernetes_manifests.containers(job)[0] for job in (HOLD, MIGRATE))
    for key in ("image", "volumeMounts", "securityContext"):
        assert ours[key] == known[key]
    assert set(environment(HOLD)) >= READ_BY_LIBPQ
    assert environment(HOLD).items() <= environment(MIGRATE).items()
