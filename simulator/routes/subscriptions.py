"""Webhook subscriptions. Pure: a state and a request in, an answer out."""

from simulator import serializers, validation
from simulator.messages import Answer, Refusal, Request, not_found, success
from simulator.models import Webhook
from simulator.state import ProviderState


def create_webhook(state: ProviderState, request: Request) -> Answer:
    """POST /webhooks. The same type and address can be subscribed again."""
    body = request.json()
    kind, url = body.get("type"), body.get("url")
    if (
        not isinstance(kind, str)
        or "." not in kind
        or not isinstance(url, str)
        or not url.startswith(("https://", "http://"))
    ):
        raise Refusal("INVALID_REQUEST", "type and url are required.")
    for name in ("auth_token", "hmac_secret"):
        if body.get(name) is not None and not isinstance(body[name], str):
            raise Refusal("INVALID_REQUEST", f"{name} must be a string.")
    seq, webhook_id = state.new_id(state.webhooks)
    webhook = Webhook(
        seq=seq,
        id=webhook_id,
        created_ms=request.now_ms,
        updated_ms=request.now_ms,
        metadata=validation.metadata(body, "WEBHOOK"),
        type=kind,
        url=url,
        auth_token=body.get("auth_token"),
        hmac_secret=body.get("hmac_secret"),
        expand_event=body.get("expand_event") is True,
        version=request.version,
    )
    state.put(state.webhooks, webhook)
    return success(serializers.webhook(webhook, request.version))


def _webhook(state: ProviderState, request: Request) -> Webhook:
    found = state.webhooks.by_id.get(request.ids[0])
    if found is None or found.status == "deleted":
        raise not_found("The webhook")
    return found


def list_webhooks(state: ProviderState, request: Request) -> Answer:
    """GET /webhooks: the active ones."""
    return success(
        [
            serializers.webhook(w, request.version)
            for w in reversed(state.webhooks.items)
            if w.status == "active"
        ]
    )


def webhook(state: ProviderState, request: Request) -> Answer:
    """GET /webhooks/{id}."""
    return success(serializers.webhook(_webhook(state, request), request.version))


def update_webhook(state: ProviderState, request: Request) -> Answer:
    """PATCH /webhooks/{id} {status: active | disabled}."""
    found, status = _webhook(state, request), request.json().get("status")
    if status not in ("active", "disabled"):
        raise Refusal("INVALID_REQUEST", "status must be active or disabled.")
    found.status, found.failures = status, 0
    found.error = (
        None
        if status == "active"
        else {
            "type": "WEBHOOK_DISABLED",
            "code": 25005,
            "sub_type": "WEBHOOK_DISABLED_BY_USER",
            "message": "The webhook was disabled by a user.",
        }
    )
    state.touch(state.webhooks, found, request.now_ms, {})
    return success(serializers.webhook(found, request.version))


def delete_webhook(state: ProviderState, request: Request) -> Answer:
    """DELETE /webhooks/{id}."""
    found = _webhook(state, request)
    found.status = "deleted"
    state.touch(state.webhooks, found, request.now_ms, {})
    return success(None)
