"""A person's notifications: channels, choices, a test, and what was delivered."""

import asyncio
import secrets
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.routing import APIRoute
from sqlalchemy import Engine

from libs.common.web.problem_details import Problem
from services.gateway.dependencies import (
    Cursor,
    Limit,
    api_router,
    next_seq_cursor,
    read_seq_cursor,
)
from services.gateway.domain.access import ADMIN
from services.gateway.domain.notification_reasons import words_of
from services.gateway.domain.notification_texts import TEST_KIND
from services.gateway.domain.notifications import EVENT_KINDS
from services.gateway.notifications.delivery import ADDRESS_FIELD, SECRET_FIELD, Content, Courier
from services.gateway.notifications.message_client import is_address, needs_address
from services.gateway.notifications.webhook_addresses import why_no_url
from services.gateway.notifications.wiring import Notifications
from services.gateway.request_guard.responses import SecretResponse
from services.gateway.schemas import notifications as schemas
from services.gateway.settings import GatewaySettings
from services.gateway.store import notification_channels as channels
from services.gateway.store import notification_deliveries as deliveries
from services.gateway.store.notification_channels import CHANNELS_MAX, TEST_EVERY_S, Channel

ORDER = "notifications:-seq"
SECRET_BYTES = 32


def router(route_class: type[APIRoute], engine: Engine, parts: Notifications) -> APIRouter:
    """Everything below /notifications. Each person sees and changes their own only."""
    routes = api_router(route_class, "notifications")
    _add_channels(routes, engine, parts)
    _add_test(routes, engine, parts)
    _add_deliveries(routes, engine)
    return routes


def _add_channels(routes: APIRouter, engine: Engine, parts: Notifications) -> None:
    @routes.get("/notifications", response_model=schemas.NotificationChannels)
    def notification_channels(request: Request) -> dict[str, Any]:
        """Your channels with what each is told, and what can be chosen."""
        with engine.connect() as connection:
            items = channels.list_channels(connection, request.state.person.id)
        services = [
            {"name": name, "needs_address": needs_address(url)}
            for name, url in sorted(parts.settings.message_services.items())
        ]
        is_on = parts.courier is not None
        return {"is_on": is_on, "services": services, "events": list(EVENT_KINDS), "items": items}

    @routes.post("/notifications/channels", status_code=201, response_model=schemas.ChannelMade)
    def add_notification_channel(request: Request, order: schemas.ChannelOrder) -> Response:
        """Add a channel. A webhook, for administrators, gets a secret that is shown once."""
        courier = _courier(parts)
        place = _check_order(order, parts.settings, request.state.person.roles)
        channel, secret = _new_channel(order, request.state.person.id, place, courier)
        with engine.begin() as connection:
            if not channels.insert_channel(connection, channel):
                raise Problem(
                    409,
                    "notification.channels",
                    f"You have {CHANNELS_MAX} channels already.",
                    "Remove one first.",
                )
            channels.replace_choices(connection, channel.channel_id, order.events)
            items = channels.list_channels(connection, channel.person)
        made = next(one for one in items if one["channel_id"] == channel.channel_id)
        shown = jsonable_encoder(made)
        return SecretResponse({**shown, "secret": secret or None}, {**shown, "secret": None}, 201)

    @routes.post(
        "/notifications/channels/{channel_id}/events",
        response_model=schemas.NotificationChannel,
    )
    def choose_notification_events(
        channel_id: UUID, request: Request, chosen: schemas.ChannelEvents
    ) -> dict[str, Any]:
        """Choose what a channel is told from now on. A second call changes nothing."""
        person = request.state.person.id
        with engine.begin() as connection:
            _find(channels.find_channel(connection, channel_id, person))
            channels.replace_choices(connection, channel_id, chosen.events)
            items = channels.list_channels(connection, person)
        return next(one for one in items if one["channel_id"] == channel_id)

    @routes.delete("/notifications/channels/{channel_id}", response_model=schemas.ChannelRemoved)
    def remove_notification_channel(channel_id: UUID, request: Request) -> dict[str, Any]:
        """End a channel; its address and secret are forgotten."""
        with engine.begin() as connection:
            if not channels.remove_channel(connection, channel_id, request.state.person.id):
                _find(None)
        return {"channel_id": channel_id}


def _add_test(routes: APIRouter, engine: Engine, parts: Notifications) -> None:
    @routes.post("/notifications/channels/{channel_id}/test", response_model=schemas.ChannelTested)
    async def test_notification_channel(channel_id: UUID, request: Request) -> dict[str, Any]:
        """Send a test now, and say what became of it."""
        courier = _courier(parts)
        channel = await asyncio.to_thread(_claim_test, engine, channel_id, request.state.person.id)
        message_id = f"msg_{uuid4().hex}"
        content = Content(message_id, TEST_KIND, "test", {}, "/settings", datetime.now(UTC))
        outcome = await courier.deliver(channel, content)
        message = words_of(outcome.reason) or "The test was delivered."
        status = "sent" if outcome.is_sent else "failed"
        return {"status": status, "reason": outcome.reason, "message": message}


def _add_deliveries(routes: APIRouter, engine: Engine) -> None:
    @routes.get("/notifications/deliveries", response_model=schemas.NotificationDeliveries)
    def notification_deliveries(
        request: Request, limit: Limit = 100, cursor: Cursor = ""
    ) -> dict[str, Any]:
        """What was sent to your channels, what waits, and what failed and why; newest first."""
        before_seq = read_seq_cursor(cursor, ORDER)
        with engine.connect() as connection:
            items, total = deliveries.list_deliveries(
                connection, request.state.person.id, limit, before_seq
            )
        shown = [{**one, "message": words_of(one["reason"])} for one in items]
        return {"items": shown, "next": next_seq_cursor(ORDER, items, limit), "total": total}

    @routes.post(
        "/notifications/deliveries/{delivery_id}/again", response_model=schemas.DeliveryAgain
    )
    def deliver_notification_again(delivery_id: UUID, request: Request) -> dict[str, Any]:
        """Deliver a dead letter again. Its id stays the same."""
        with engine.begin() as connection:
            done = deliveries.redrive(connection, delivery_id, request.state.person.id)
        if not done:
            raise Problem(
                409,
                "notification.not-failed",
                "This delivery is not one of yours that has failed.",
                "Look at the list of deliveries.",
            )
        return {"delivery_id": delivery_id, "status": "waiting"}


def _courier(parts: Notifications) -> Courier:
    if parts.courier is None:
        raise Problem(
            409,
            "notification.off",
            "Notifications are not set up here: there is no key to encrypt addresses with.",
            "An operator sets PAYDOWN_GATEWAY_SEAL_KEYS.",
        )
    return parts.courier


def _check_order(
    order: schemas.ChannelOrder, settings: GatewaySettings, roles: frozenset[str]
) -> str:
    """What is shown of the address of an order.

    Raises:
        Problem: 403, a webhook by somebody who is no administrator; 422, the address cannot be.
    """
    if not order.service:
        if ADMIN not in roles:
            raise Problem(
                403,
                "notification.webhook",
                "Only an administrator adds webhooks: they carry figures to other systems.",
                "Ask an administrator, or choose one of the message services.",
            )
        why = why_no_url(
            order.address,
            allow_http=settings.webhook_http,
            allow_private=settings.webhook_private,
        )
        if why:
            raise _bad_address(why)
        return urlsplit(order.address).hostname or ""
    url = settings.message_services.get(order.service)
    if url is None:
        raise Problem(
            422,
            "notification.service",
            "There is no such message service here.",
            "GET /api/v1/notifications lists those that can be chosen.",
        )
    if not needs_address(url):
        if order.address:
            raise _bad_address("This message service takes no address.")
        return ""
    if not is_address(order.address):
        raise _bad_address("This is not an e-mail address.")
    return order.address.rpartition("@")[2]


def _bad_address(why: str) -> Problem:
    return Problem(422, "notification.address", why, "Enter another address.")


def _new_channel(
    order: schemas.ChannelOrder, person: str, place: str, courier: Courier
) -> tuple[Channel, str]:
    """The channel to store, and the secret of a webhook."""
    channel_id = uuid4()
    secret = (
        "" if order.service else f"whsec_{b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"
    )
    row_id = str(channel_id)
    channel = Channel(
        channel_id=channel_id,
        person=person,
        name=order.name,
        service=order.service,
        language=order.language,
        place=place,
        sealed_address=courier.cipher.encrypt(order.address, ADDRESS_FIELD, row_id),
        sealed_secret="",
    )
    if secret:
        sealed = courier.cipher.encrypt(secret, SECRET_FIELD, row_id)
        channel = replace(channel, sealed_secret=sealed)
    return channel, secret


def _claim_test(engine: Engine, channel_id: UUID, person: str) -> Channel:
    with engine.begin() as connection:
        channel = _find(channels.find_channel(connection, channel_id, person))
        if not channels.claim_test(connection, channel_id):
            raise Problem(
                429,
                "notification.tested",
                "This channel was tested a moment ago.",
                f"Wait {TEST_EVERY_S} seconds.",
            )
    return channel


def _find(channel: Channel | None) -> Channel:
    if channel is None:
        raise Problem(
            404, "notification.unknown", "You have no such channel.", "Look at your channels."
        )
    return channel
