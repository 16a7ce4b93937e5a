"""Point-in-time recovery: the same cluster from production's archive, quarantined at once."""

from datetime import datetime
from pathlib import Path

import pytest

from devtools import kubernetes_manifests
from libs.common.runtime.setting_sources import FILE
from ops.__main__ import main
from services import catalog
from tests.kubernetes.rendered import LIBPQ_VARIABLES, environment, of, without_libpq

PRODUCTION = of("production", "Cluster")["paydown-postgres"]["spec"]
RECOVERED = of("recovery", "Cluster")["paydown-postgres"]["spec"]
QUARANTINE, MIGRATE = of("recovery", "Job")["quarantine"], of("production", "Job")["migrate"]


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
        "Job": {"quarantine"},
        "ScheduledBackup": set(),
        "Deployment": set(),
        "NetworkPolicy": set(),
    }
    changed = {"bootstrap", "plugins", "externalClusters"}
    assert {key: value for key, value in RECOVERED.items() if key not in changed} == {
        key: value for key, value in PRODUCTION.items() if key not in changed
    }


def test_it_is_made_out_of_the_archive_that_production_writes() -> None:
    (source,), (kept,) = RECOVERED["externalClusters"], PRODUCTION["plugins"]
    assert set(RECOVERED["bootstrap"]) == {"recovery"}
    assert RECOVERED["bootstrap"]["recovery"]["source"] == source["name"]
    assert source["plugin"] == {"name": kept["name"], "parameters": kept["parameters"]}
    assert kept["parameters"]["serverName"]
    first, again = PRODUCTION["bootstrap"]["initdb"], RECOVERED["bootstrap"]["recovery"]
    # else the operator gives the cluster an owner called `app`
    assert {key: again[key] for key in first} == first


def test_it_writes_an_archive_of_its_own_because_one_that_is_not_empty_is_refused() -> None:
    (kept,), (back,) = PRODUCTION["plugins"], RECOVERED["plugins"]
    assert back["parameters"]["serverName"] != kept["parameters"]["serverName"]
    assert back | {"parameters": kept["parameters"]} == kept


def test_it_cannot_be_applied_before_somebody_has_chosen_the_moment() -> None:
    moment = RECOVERED["bootstrap"]["recovery"]["recoveryTarget"]["targetTime"]
    with pytest.raises(ValueError, match="isoformat"):
        datetime.fromisoformat(moment)


def test_the_job_runs_a_command_there_is_with_the_names_it_reads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (container,) = kubernetes_manifests.containers(QUARANTINE)
    assert container["args"] == [
        "python",
        "-m",
        "ops",
        "quarantine",
        *catalog.QUARANTINABLE,
    ]
    given = without_libpq(environment(QUARANTINE))
    assert given == {
        f"PAYDOWN_{name.upper()}_OWNER_URL{FILE}": f"/run/secrets/{name}_owner_url"
        for name in container["args"][4:]
    }
    (address := tmp_path / "nobody").write_text("postgresql+psycopg2://nobody@127.0.0.1:1/nothing")
    for name in given:
        monkeypatch.setenv(name, str(address))
    assert main(container["args"][3:]) == 2
    # it got as far as the address
    assert "ingest: the database cannot be quarantined" in capsys.readouterr().err


def test_the_job_has_what_migrate_has() -> None:
    pods = [job["spec"]["template"] for job in (QUARANTINE, MIGRATE)]
    assert pods[0]["metadata"] == pods[1]["metadata"]  # by it the network policies know the pod
    mine, theirs = ({**pod["spec"], "containers": None, "restartPolicy": None} for pod in pods)
    assert mine == theirs
    ours, known = (kubernetes_manifests.containers(job)[0] for job in (QUARANTINE, MIGRATE))
    for key in ("image", "volumeMounts", "securityContext"):
        assert ours[key] == known[key]
    assert set(environment(QUARANTINE)) >= LIBPQ_VARIABLES
    assert environment(QUARANTINE).items() <= environment(MIGRATE).items()
