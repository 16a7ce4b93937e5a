"""Let the services' logs say only what is wrong while they are measured."""

import logging

import structlog


def silence() -> None:
    """Drop what is below a warning, in this process."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
