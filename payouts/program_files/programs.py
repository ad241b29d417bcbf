"""The programs of an installation, by the names that people give in commands."""

from referrals.models import Host, Program

DEFAULT_HOST = "main"


class ProgramUnknown(Exception):
    """There is no program of that name."""


def default_host() -> Host:
    """The host product of an installation that has one only."""
    host, _ = Host.objects.get_or_create(slug=DEFAULT_HOST, defaults={"name": "Main"})
    return host


def program_named(slug: str, host: Host | None = None) -> Program:
    """
    The program with that slug.

    :param host: absent: the default one
    :raises ProgramUnknown: with the slugs that are known
    """
    programs = Program.objects.filter(host=host) if host else Program.objects.filter(host__slug=DEFAULT_HOST)
    try:
        return programs.get(slug=slug)
    except Program.DoesNotExist:
        known = ", ".join(programs.order_by("slug").values_list("slug", flat=True)) or "none"
        raise ProgramUnknown(f"There is no program {slug!r}; loaded are: {known}.") from None
