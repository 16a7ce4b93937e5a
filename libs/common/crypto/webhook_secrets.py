"""A digest of a webhook secret: which secret our webhooks were made with, and which is in use."""

import hashlib
import hmac


def secret_digest(secret: str) -> str:
    """Return 16 hex digits that show whether two secrets are the same, and tell neither.

    They stand in the metadata of our webhooks at the provider and in table `secret_in_use`: a
    change of them makes new webhooks.
    """
    return hmac.new(secret.encode(), b"paydown webhook secret", hashlib.sha256).hexdigest()[:16]
