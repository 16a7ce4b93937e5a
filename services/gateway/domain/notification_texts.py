"""The texts of notifications in English and Spanish. Nothing personal is in them: counts, amounts,
and a link to the page that shows the rest. Pure.
"""

from collections.abc import Mapping
from typing import Final

from libs.common.contracts.money import display
from services.gateway.domain.notifications import EventKind, Language

TEST_KIND: Final = "test"

_TEXTS: Final[Mapping[Language, Mapping[str, tuple[str, str]]]] = {
    "en": {
        "approval_waiting": (
            "A batch waits for approval",
            "{payable_rows} rows with {payable_cents} can be paid once the batch is approved.",
        ),
        "approval_waiting_again": (
            "A batch still waits for approval",
            "{payable_rows} rows with {payable_cents} have waited for {waiting_hours} hours.",
        ),
        "sent_back": (
            "A batch was sent back",
            "An approver wants it changed; the reason is on its page. Nothing of it is paid.",
        ),
        "approved": ("A batch was approved", "Its payments are sent now."),
        "finished": (
            "A batch has finished",
            "{paid} of {payments} payments were paid, {paid_cents} in all. {failed} failed.",
        ),
        "failures": (
            "Many payments of a batch fail",
            "{failed} of {payments} payments have failed so far.",
        ),
        "payment_returned": (
            "Payments came back",
            "{count} or more payments of a batch came back after they were paid.",
        ),
        "source_stopped": (
            "A source account has stopped",
            "{stopped} source accounts of a batch pay nothing until a person resumes it.",
        ),
        "money_short": (
            "Money is short",
            "{short} source accounts have less than a batch needs that waits for approval.",
        ),
        "break_found": (
            "The reconciliation found a difference",
            "{count} or more differences of a batch must be explained.",
        ),
        "operations_red": (
            "A part of paydown is not ready",
            "The part is {subject}. Payments are neither lost nor sent twice; they may be late.",
        ),
        TEST_KIND: ("A test of paydown", "This channel works."),
    },
    "es": {
        "approval_waiting": (
            "Un lote espera aprobación",
            "{payable_rows} filas por {payable_cents} se pueden pagar cuando se apruebe el lote.",
        ),
        "approval_waiting_again": (
            "Un lote sigue esperando aprobación",
            "{payable_rows} filas por {payable_cents} han esperado {waiting_hours} horas.",
        ),
        "sent_back": (
            "Se devolvió un lote",
            "Un aprobador pide cambios; el motivo está en su página. No se paga nada de él.",
        ),
        "approved": ("Se aprobó un lote", "Sus pagos se envían ahora."),
        "finished": (
            "Un lote ha terminado",
            "Se pagaron {paid} de {payments} pagos, {paid_cents} en total. {failed} fallaron.",
        ),
        "failures": (
            "Fallan muchos pagos de un lote",
            "Hasta ahora han fallado {failed} de {payments} pagos.",
        ),
        "payment_returned": (
            "Hay pagos devueltos",
            "{count} o más pagos de un lote fueron devueltos después de pagarse.",
        ),
        "source_stopped": (
            "Una cuenta de origen se detuvo",
            (
                "No se paga nada más desde {stopped} cuentas de origen de un lote hasta que una "
                "persona lo reanude."
            ),
        ),
        "money_short": (
            "Falta dinero",
            "{short} cuentas de origen tienen menos de lo que necesita un lote por aprobar.",
        ),
        "break_found": (
            "La conciliación encontró una diferencia",
            "Hay que explicar {count} o más diferencias de un lote.",
        ),
        "operations_red": (
            "Una parte de paydown no está lista",
            "La parte es {subject}. Ningún pago se pierde ni se envía dos veces; pueden tardar.",
        ),
        TEST_KIND: ("Una prueba de paydown", "Este canal funciona."),
    },
}


def title_and_body(
    kind: EventKind | str, language: Language, subject: str, figures: Mapping[str, int]
) -> tuple[str, str]:
    """The title and the sentence of an event, in the language of its reader."""
    name = f"{kind}_again" if "waiting_hours" in figures else kind
    title, body = _TEXTS[language][name]
    shown = {
        key: display(value) if key.endswith("_cents") else f"{value:,}"
        for key, value in figures.items()
    }
    return title, body.format(subject=subject, **shown)
