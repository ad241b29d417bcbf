"""Every address of the site, from the URL configuration, with rows that exist where an address names one."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.contrib.admindocs.views import simplify_regex
from django.db.models import Model
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
OWN_KEY = {"object_id", "pk", "id"}


@dataclass(frozen=True)
class Address:
    """An address and the full name of what answers it, such as ``admin:payouts_bonus_change``."""

    path: str
    name: str

    @property
    def is_admin(self) -> bool:
        return self.path.startswith("/admin/")


def addresses(rows: list[Model], examples: Mapping[str, str]) -> list[Address]:
    """
    All addresses; those of the admin name the row of their model.

    :param examples: what stands for a parameter elsewhere, by its name
    """
    keys = {f"{row._meta.app_label}_{row._meta.model_name}": str(row.pk) for row in rows}
    return [
        Address(_filled(path, name, keys, examples), name) for path, name in _walk(get_resolver(), "/", "")
    ]


def _walk(resolver: URLResolver, before: str, namespace: str) -> Iterator[tuple[str, str]]:
    for entry in resolver.url_patterns:
        path = before + _text(entry)
        if isinstance(entry, URLPattern):
            yield path.replace("//", "/"), namespace + (entry.name or path)
        else:
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from _walk(entry, path, inner)


def _text(entry: URLPattern | URLResolver) -> str:
    if isinstance(entry.pattern, RoutePattern):
        return str(entry.pattern)
    return simplify_regex(str(entry.pattern)).lstrip("/")


def _filled(path: str, name: str, keys: dict[str, str], examples: Mapping[str, str]) -> str:
    return PARAMETER.sub(lambda found: _value(found[1], name, keys, examples), path)


def _value(parameter: str, name: str, keys: dict[str, str], examples: Mapping[str, str]) -> str:
    if parameter in OWN_KEY:
        plain = name.removeprefix("admin:")
        # The longest: payouts_bonus_change belongs to the bonus, payouts_bonuschange_change to its trail.
        for model in sorted(keys, key=len, reverse=True):
            if plain.startswith(f"{model}_"):
                return keys[model]
    return examples.get(parameter, "1")
