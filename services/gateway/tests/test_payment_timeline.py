"""A payment with the joined timeline of four services."""

from services.gateway import payment_timeline


def test_a_story_is_in_order_and_tells_nothing_twice() -> None:
    told = [
        {
            "at": "2026-11-20T10:00:00Z",
            "kind": "row",
            "title": "Row 1",
            "detail": "",
            "evidence": "r",
        },
        {
            "at": "2026-11-20T10:00:05.5Z",
            "kind": "journal",
            "title": "Money reserved",
            "detail": "",
            "evidence": "j1",
        },
    ]
    sent = payment_timeline.attempt_lines(
        {
            "attempts": [
                {
                    "n": 1,
                    "first_sent_at": "2026-11-20T10:00:05.25+00:00",
                    "outcome": "accepted",
                    "idempotency_key": "key_1",
                    "http_status": 200,
                    "code": "",
                    "request_id": "req_1",
                }
            ]
        }
    )
    assert sent[0]["detail"] == "200 · req_1"
    posted = payment_timeline.journal_lines(
        [
            {"journal_id": "j1", "kind": "hold", "posted_at": "2026-11-20T10:00:05.5Z"},
            {"journal_id": "j2", "kind": "settle", "posted_at": "2026-11-20T10:00:06Z"},
        ]
    )
    found = payment_timeline.issue_lines(
        {
            "issues": [
                {
                    "code": "W_ZIP_STATE",
                    "file_row": 1,
                    "field": "zip",
                    "message": "The zip is in another state.",
                }
            ]
        },
        told,
    )
    lines = payment_timeline.join(told, found, sent, posted)
    assert [(line["kind"], line["evidence"]) for line in lines] == [
        ("row", "r"),
        ("issue", "W_ZIP_STATE"),
        ("attempt", "key_1"),
        ("journal", "j1"),
        ("journal", "j2"),
    ]
