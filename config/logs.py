"""
Logs of the web server and of the worker, from our own code and from libraries, all in one form.

A line of JSON, or on a developer's machine words.
"""

from typing import Any

import structlog

_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.stdlib.PositionalArgumentsFormatter(),
]


def configured(*, level: str, as_words: bool) -> dict[str, Any]:
    """
    Set structlog up, and return Django's ``LOGGING``.

    :param as_words: for a person at a terminal; else one JSON object a line
    """
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    rendered: list[structlog.typing.Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        *(
            # Plain: by default a trace shows the values of all variables, keys and secrets among them.
            [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
            if as_words
            else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        ),
    ]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": rendered,
                "foreign_pre_chain": _SHARED,
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # Django's own handlers would write mails and a second line.
            "django": {"handlers": [], "propagate": True},
            # Our request log says it already; it keeps the traces of errors.
            "django.request": {"level": "ERROR"},
            # Likewise of tasks; that a worker is ready and what beat sends is said by Celery alone.
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
            "django.server": {"handlers": [], "level": "ERROR", "propagate": True},
        },
    }
