"""The digest of a webhook secret stays what it is: webhooks and a table hold it."""

from libs.common.crypto.webhook_secrets import secret_digest


def test_the_digest_is_the_one_that_webhooks_at_the_provider_carry() -> None:
    assert secret_digest("old-secret-0123") == "cf794eb3c6dbd11e"


def test_other_secrets_have_other_digests() -> None:
    assert secret_digest("old-secret-0123") != secret_digest("new-secret-0123")
