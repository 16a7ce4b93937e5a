import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from simulator.tests.harness import CORPORATION, PERSON, Simulator, body_of


def test_the_first_answer_is_stored_and_replayed_to_the_byte(simulator: Simulator) -> None:
    source, destination = simulator.accounts()
    key = str(uuid.uuid4())
    first = simulator.call("POST", "/payments", body_of(source, destination), key)
    again = simulator.call("POST", "/payments", body_of(source, destination, amount=900), key)
    assert (first.headers["idem-status"], again.headers["idem-status"]) == ("stored", "replayed")
    assert first.body == again.body
    assert (
        first.headers["idem-request-id"]
        == first.headers["request-id"]
        != again.headers["request-id"]
    )


def test_a_refusal_is_stored_too(simulator: Simulator) -> None:
    source, destination = simulator.accounts()
    key = str(uuid.uuid4())
    assert (
        simulator.call("POST", "/payments", body_of(source, destination, amount=1), key).error[
            "sub_type"
        ]
        == "INVALID_AMOUNT"
    )
    again = simulator.call("POST", "/payments", body_of(source, destination), key)
    assert (again.status, again.headers["idem-status"]) == (400, "replayed")


def test_without_a_key_each_request_is_a_payment(simulator: Simulator) -> None:
    source, destination = simulator.accounts()
    body = body_of(source, destination)
    ids = {simulator.call("POST", "/payments?idempotency_key=k", body).data["id"] for _ in range(2)}
    assert len(ids) == 2  # a key in the query string is none
    assert simulator.call("POST", "/payments", body).headers["idem-status"] == "bypassed"


def test_a_key_belongs_to_its_path_and_api_key(simulator: Simulator) -> None:
    key = str(uuid.uuid4())
    first = simulator.call("POST", "/entities", PERSON, key)
    other = simulator.call("POST", "/entities", CORPORATION, key, Authorization="Bearer sk_other")
    third = simulator.call("POST", "/accounts", {}, key)
    assert first.data["type"] == "individual"
    assert other.data["type"] == "corporation"
    assert third.status == 400


def test_many_at_once_with_one_key_make_one_payment(simulator: Simulator) -> None:
    source, destination = simulator.accounts()
    key, body = str(uuid.uuid4()), body_of(source, destination)
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(lambda _: simulator.call("POST", "/payments", body, key), range(48))
        )
    assert len({a.data["id"] for a in answers}) == 1
    assert sorted(a.headers["idem-status"] for a in answers) == ["replayed"] * 47 + ["stored"]
    assert sum(p["idempotency_key"] == key for p in simulator.records("payments")) == 1


def test_401_and_429_are_not_stored(simulator: Simulator) -> None:
    source, destination = simulator.accounts()
    key, body = str(uuid.uuid4()), body_of(source, destination)
    unauthenticated = simulator.call("POST", "/payments", body, key, Authorization="")
    assert (unauthenticated.status, unauthenticated.error["type"]) == (401, "INVALID_AUTHORIZATION")
    simulator.control("limits", {"payments_per_min": 0})
    assert simulator.call("POST", "/payments", body, key).status == 429
    simulator.control("limits", {})
    assert simulator.call("POST", "/payments", body, key).headers["idem-status"] == "stored"


def test_another_body_can_be_made_an_error(own: Simulator) -> None:
    own.start(KEY_MISMATCH="409")
    assert own.call("POST", "/entities", PERSON, "k").status == 200
    assert own.call("POST", "/entities", PERSON, "k").status == 200
    assert own.call("POST", "/entities", CORPORATION, "k").status == 409


def test_a_key_of_more_than_255_characters_is_refused(simulator: Simulator) -> None:
    assert simulator.call("POST", "/entities", PERSON, "k" * 256).status == 400
    assert simulator.call("POST", "/entities", PERSON, "k" * 255).status == 200


def test_an_answer_is_forgotten_after_a_day_of_the_simulated_clock(own: Simulator) -> None:
    """Also over a restart; what is sent with the key then is another payment."""
    own.start()
    source, destination = own.accounts()
    key, body = str(uuid.uuid4()), body_of(source, destination)
    first = own.call("POST", "/payments", body, key)
    pass_time(own, 20 * 3600)
    assert own.call("POST", "/payments", body, key).data["id"] == first.data["id"]
    own.kill()
    own.start()
    assert own.call("POST", "/payments", body, key).headers["idem-status"] == "replayed"
    pass_time(own, 4.1 * 3600)
    again = own.call("POST", "/payments", body, key)
    assert again.headers["idem-status"] == "stored"
    assert again.data["id"] != first.data["id"]
    assert own.call("POST", "/payments", body, key).data["id"] == again.data["id"]


def pass_time(simulator: Simulator, seconds: float) -> None:
    """Let so much simulated time pass, at 36,000 times the speed."""
    began = simulator.call("GET", "/_simulator/clock").body["now_ms"]
    simulator.control("clock", {"speed": 36_000})
    while simulator.call("GET", "/_simulator/clock").body["now_ms"] < began + seconds * 1000:
        time.sleep(0.005)
    simulator.control("clock", {"speed": 1})
