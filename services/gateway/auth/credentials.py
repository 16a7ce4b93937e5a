"""Secrets of sessions and API tokens: how they are made, hashed and encrypted."""

import hashlib
import secrets
from typing import Literal
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SESSION_COOKIE = "__Host-paydown"
# The prefix lets scanners for leaked secrets recognise a token of this system.
TOKEN_PREFIX = "paydown_"  # noqa: S105 - a prefix, no secret
SECRET_BYTES = 32
NONCE_BYTES = 12
TokenPurpose = Literal["id", "refresh"]


def new_session_id() -> str:
    """A random session id for the browser's cookie."""
    return secrets.token_urlsafe(SECRET_BYTES)


def new_token() -> tuple[UUID, str]:
    """The id and the secret of a new API token."""
    return uuid4(), TOKEN_PREFIX + secrets.token_urlsafe(SECRET_BYTES)


def secret_hash(secret: str) -> bytes:
    """The hash that is stored of a secret.

    A plain SHA-256 is enough: the secret has 256 random bits, so nobody can guess it.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def encrypt_token(session_id: str, token: str, purpose: TokenPurpose) -> bytes:
    """A token of the identity provider, encrypted with a key derived from the session id.

    Only the browser has the session id, so a copy of the database does not reveal the token.
    """
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + _cipher(session_id, purpose).encrypt(nonce, token.encode(), None)


def decrypt_token(session_id: str, encrypted: bytes, purpose: TokenPurpose) -> str:
    """The token of a session; "" if it was encrypted for another session or purpose."""
    nonce, ciphertext = encrypted[:NONCE_BYTES], encrypted[NONCE_BYTES:]
    try:
        return _cipher(session_id, purpose).decrypt(nonce, ciphertext, None).decode()
    except InvalidTag:
        return ""


def _cipher(session_id: str, purpose: TokenPurpose) -> AESGCM:
    info = f"paydown {purpose} token".encode()
    return AESGCM(HKDF(SHA256(), 32, None, info).derive(session_id.encode()))
