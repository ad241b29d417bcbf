"""Program files: what is loaded is exported word for word, and what is published stays as it is."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from payouts import program_files
from payouts.models import LedgerAccount, PayoutSchedule, Reward, RewardMilestone
from payouts.program_files import tables
from payouts.rules.program_document import changed, check, fingerprint, parse, schema
from referrals import calendars, triggers
from referrals.models import (
    Call,
    CallingDay,
    CallingRules,
    CallOutcome,
    Criterion,
    EligibilityRule,
    EligibilityValue,
    Host,
    Milestone,
    MilestoneAfter,
    MilestoneTest,
    MilestoneTestEvent,
    Program,
    RejectionReason,
    RequiredEvidence,
    ShareText,
    Terms,
)
from tests.factories import EnrollmentFactory, ReferredAccountFactory, TermsFactory, UserFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SLUGS = ["smartcat", "smithai", "smithai-legacy", "upwork-2019"]
CHILDREN = [
    CallingDay,
    CallingRules,
    Criterion,
    EligibilityRule,
    EligibilityValue,
    Milestone,
    MilestoneAfter,
    MilestoneTest,
    MilestoneTestEvent,
    PayoutSchedule,
    RejectionReason,
    RequiredEvidence,
    Reward,
    RewardMilestone,
]
TEST = {"test": "OCCURRED", "events": ["usage.recorded", "account.activated"]}

VARIANTS = {
    "values of eligibility": (
        "smithai",
        {
            "eligibility.not_a_partner.operator": "NOT_IN",
            "eligibility.not_a_partner.value": [True],
            "eligibility.countries": {
                "attribute": "country",
                "operator": "IN",
                "value": ["NO", "AT", "true"],
                "checked_at": "RELEASE",
                "reason": "incomplete",
            },
            "eligibility.text_and_no_truth": {
                "attribute": "tier",
                "operator": "IS_NOT",
                "value": "false",
                "checked_at": "ENROLLMENT",
            },
            "eligibility.a_list_of_one": {
                "attribute": "kind",
                "operator": "NOT_IN",
                "value": [" CLIENT "],
                "checked_at": "ENROLLMENT",
            },
        },
    ),
    "everything in tests": (
        "upwork-2019",
        {
            "terms.qualified_by": "both",
            "milestones.both": {
                "label": "Both",
                "definition": "Two tests at once, after two others.",
                "funnel": 0,
                "after": ["signed_up", "earned_500"],
                "all": [
                    {**TEST, "undone_by": ["usage.reversed", "account.paused"], "within_days": 0},
                    {**TEST, "test": "FIRST", "product": "plus", "category": "a-b_1", "at_least": "0.00"},
                    {**TEST, "test": "TOTAL", "at_least": "92233720368547758.07", "before": "2019-03-10"},
                    # An hour that this zone has twice.
                    {**TEST, "before": "2019-11-03T01:30:00-08:00"},
                ],
            },
        },
    ),
    "instants": (
        "smartcat",
        {
            "program.time_zone": "America/New_York",
            "terms.effective_from": "1990-07-01T12:34:56.789012+05:45",
            "terms.enrollment_closes_at": "2026-11-01T05:30:00Z",
            "terms.earn_by": "9998-12-31",
            "terms.expired_reason": "incomplete",
        },
    ),
    "a zone without that day": (
        "smartcat",
        {
            "program.time_zone": "Pacific/Apia",
            "terms.earn_by": "2011-12-31",
            "terms.expired_reason": "freelancer",
        },
    ),
    "no decimals": (
        "smartcat",
        {
            "program.currency": "JPY",
            "milestones.qualifying_purchase.any.1.at_least": "5000",
            "rewards.new_customer.amount": "100",
            "payout_schedule.minimum": "0",
        },
    ),
    "three decimals": (
        "smartcat",
        {
            "program.currency": "KWD",
            "milestones.qualifying_purchase.any.1.at_least": "5000.001",
            "rewards.new_customer.amount": "100.010",
            "payout_schedule.minimum": "0.001",
        },
    ),
    "rewards": (
        "smithai",
        {
            "rewards.voice.cap": 3,
            "rewards.voice.transferable": True,
            "rewards.voice.requires": ["voice_paid", "signed_up"],
            "rewards.months": {
                "beneficiary": "REFERRED",
                "requires": ["signed_up"],
                "kind": "FREE_MONTHS",
                "quantity": 12,
            },
            "rewards.monthly": {
                "beneficiary": "REFERRER",
                "requires": ["paying_client"],
                "kind": "ACCOUNT_CREDIT",
                "amount": "1.00",
                "recurrence": "MONTHLY",
                "each_month_on": 1,
                "fee_exempt": True,
            },
        },
    ),
    "the schedule": (
        "smithai",
        {
            "payout_schedule.anchor": "MILESTONE_REACHED",
            "payout_schedule.opens": {"business_day": -23},
            "payout_schedule.closes": {"day": 31},
            "payout_schedule.calendar": "EU-TARGET",
            "payout_schedule.time_zone": "Europe/Berlin",
            "payout_schedule.if_paused": "CANCEL",
            "payout_schedule.late_policy": "HOLD",
            "payout_schedule.release": "AFTER_APPROVAL",
        },
    ),
    "words of terms": (
        "smartcat",
        {
            "program.status": "DRAFT",
            "program.undo_minutes": 0,
            "terms.referred_kind": "ANY",
            "terms.enrollment": "OPEN",
            "terms.stacking": "HIGHEST",
            "terms.clawback": "BY_STAFF",
            "attribution.methods": ["MANUAL", "CODE"],
            "attribution.touch": "FIRST",
            "attribution.window_days": 7,
            "attribution.code_beats_link": False,
            "attribution.old_links_work": False,
            "attribution.old_codes_work": False,
            "self_referral.same_account": "ALLOW",
            "self_referral.same_email": "REJECT",
            "self_referral.reason": "suspected_fraud",
            "criteria.not_lsp.asked": "WHEN_FLAGGED",
            "criteria.needs_translation.required": False,
            "criteria.not_registered_before.match": ["DOMAIN"],
            "criteria.not_registered_before.existing_kinds": ["FREELANCER", "COMPANY"],
        },
    ),
    "limits": (
        "smartcat",
        {
            "program.landing_url": f"https://{'a' * 491}/",
            "program.undo_minutes": 1440,
            "terms.version": 2_147_483_647,
            "terms.effective_from": "0001-01-02",
            "terms.earn_by": "9999-12-30T23:59:59.999999Z",
            "terms.expired_reason": "incomplete",
            "attribution.window_days": 100_000,
            "milestones.signed_up.funnel": 32_767,
            "milestones.signed_up.label": "日" * 200,
            "milestones.qualifying_purchase.any.0.within_days": 100_000,
            "rewards.new_customer.amount": "92233720368547758.07",
            "rewards.new_customer.cap": 2_147_483_647,
            "payout_schedule.minimum": "92233720368547758.07",
            "calling.max_attempts": 32_767,
            "calling.give_up_after_business_days": 32_767,
            "call_outcomes.REACHED.retry_after_hours": 100_000,
            "rejection_reasons.incomplete.public": "日" * 10_000,
        },
    ),
    "as little as possible": (
        "smartcat",
        {
            "eligibility": None,
            "evidence.required": [],
            "calling": None,
            "call_outcomes": None,
            "share_texts": None,
            "payout_schedule.quote": None,
        },
    ),
    "odd words": (
        "smartcat",
        {
            "program.name": "no",
            "terms.quote": " two lines\nof 100% \"quoted\": 'text' # with {braces} — ä é 日本 ",
            "evidence.quote": "null",
            "milestones.signed_up.label": "2024-01-01",
            "calling.days": ["SUN", "MON"],
            "calling.opens": "00:00",
            "calling.closes": "23:59",
            "rejection_reasons.incomplete.internal": "- ~",
            "call_outcomes.REACHED.retry_after_hours": 0,
            "call_outcomes.REACHED.next_step": None,
        },
    ),
}


@pytest.fixture
def host():
    return program_files.default_host()


@pytest.fixture
def document():
    """Of the four, the one that has something in every section."""
    return of_file("smartcat")


@pytest.fixture
def program(document, host):
    return program_files.store(document, host=host, now=NOW)


def of_file(slug, **changes):
    """The document of a program file that comes with the project, with changed values."""
    document, problems = changed(program_files.read(program_files.bundled()[slug]), changes)
    assert problems == []
    return checked(document)


def checked(document):
    document, problems = check(document, calendars.all_business_days())
    assert problems == []
    return document


def variant(name):
    slug, changes = VARIANTS[name]
    return of_file(slug, **changes)


def load(*files):
    """Run the command: its exit code, and the lines it said where things are well and where they are not."""
    said, complained = StringIO(), StringIO()
    code = 0
    try:
        call_command("load_program", *files, stdout=said, stderr=complained)
    except SystemExit as stop:
        code = stop.code
    return code, said.getvalue().splitlines(), complained.getvalue().splitlines()


def file_of(folder, document, name="program.yaml"):
    path = folder / name
    path.write_text(program_files.to_yaml(document), encoding="utf-8")
    return path


def rows():
    """Every row of both apps."""
    return {
        model._meta.label: list(model._default_manager.order_by("pk").values())
        for app in ("referrals", "payouts")
        for model in apps.get_app_config(app).get_models()
    }


# --- there and back ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", SLUGS)
def test_a_program_is_exported_as_it_was_loaded(slug, host):
    document = of_file(slug)

    program = program_files.store(document, host=host, now=NOW)

    assert program_files.export(program) == document
    assert program_files.to_yaml(program_files.export(program)) == program_files.to_yaml(document)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_value_comes_back(name, host):
    document = variant(name)

    program = program_files.store(document, host=host, now=NOW)

    exported = program_files.export(program)
    assert exported == document
    assert checked(exported) == exported
    assert program_files.to_yaml(exported) == program_files.to_yaml(document)
    assert fingerprint(exported) == program.terms.get().sha256


@pytest.mark.parametrize("name", VARIANTS)
def test_what_is_exported_loads_again_and_changes_nothing(name, host, tmp_path):
    program = program_files.store(variant(name), host=host, now=NOW)
    exported = StringIO()
    call_command("export_program", program.slug, stdout=exported)
    path = tmp_path / "exported.yaml"
    path.write_text(exported.getvalue(), encoding="utf-8")
    before = rows()

    again = load(path)

    assert again == (0, [f"{path}: {program} version {program.terms.get().version}: unchanged"], [])
    assert rows() == before


def test_every_key_of_a_row_has_its_column():
    """A key that is added to the format and forgotten here would be lost without a word."""
    in_rows_of_their_own = {
        "ATTRIBUTION": set(),
        "CALLING": {"days"},
        "CALL_OUTCOME": set(),
        "CRITERION": {"asked"},
        "ELIGIBILITY": {"value"},
        "EVIDENCE": {"required"},
        "MILESTONE": {"after", "any", "all"},
        "PAYOUT_SCHEDULE": {"calendar"},
        "REJECTION_REASON": set(),
        "REWARD": {"requires"},
        "SELF_REFERRAL": set(),
        "SHARE_TEXT": set(),
        "TERMS": set(),
    }

    for name, elsewhere in in_rows_of_their_own.items():
        in_table = {entry.key for entry in getattr(tables, name)}
        assert in_table | elsewhere == {key.name for key in getattr(schema, name)}, name
    in_table = {entry.key for entry in tables.MILESTONE_TEST} | {"events", "undone_by"}
    assert in_table == {key.name for key in schema.TEST}


def test_the_files_that_come_with_the_project():
    assert list(program_files.bundled()) == SLUGS


# --- a program and its versions ----------------------------------------------------------------------------


def test_a_loaded_program_has_published_terms_and_books(program):
    terms = program.terms.get()
    assert (terms.published_at, terms.sha256) == (NOW, fingerprint(program_files.export(program)))
    assert sorted(LedgerAccount.objects.values_list("program", "kind", "currency", "enrollment")) == [
        (program.pk, "BANK", "USD", None),
        (program.pk, "CLEARING", "USD", None),
        (program.pk, "EXPENSE", "USD", None),
        (program.pk, "FEES", "USD", None),
        (program.pk, "SERVICES", "USD", None),
    ]


def test_the_same_version_again_changes_nothing(program, document, host):
    before = rows()

    program_files.store(document, host=host, now=NOW + timedelta(days=1))

    assert rows() == before


@pytest.mark.parametrize(
    "changes",
    [
        {"rewards.new_customer.amount": "100.01"},
        {"terms.effective_from": "2024-01-02"},
        {"milestones.qualified.quote": "other words"},
        {"rejection_reasons.incomplete.public": "Other words."},
        {"calling.opens": "09:30"},
        {"program.time_zone": "Europe/Berlin"},
    ],
)
def test_a_published_version_is_never_loaded_with_other_content(program, host, changes):
    before = rows()

    with pytest.raises(program_files.TermsArePublished, match="version 1 is published with other content"):
        program_files.store(of_file("smartcat", **changes), host=host, now=NOW)

    assert rows() == before


def test_a_new_version_leaves_the_old_one_as_it_was(program, document, host):
    second = of_file(
        "smartcat",
        **{
            "terms.version": 2,
            "terms.effective_from": "2027-01-01",
            "rewards.new_customer.amount": "200.00",
            "program.time_zone": "Europe/Berlin",
        },
    )
    before = rows()["referrals.Terms"]

    program_files.store(second, host=host, now=NOW)

    program.refresh_from_db()
    assert program.time_zone == "Europe/Berlin"
    assert rows()["referrals.Terms"][:1] == before
    assert program_files.export(program) == second
    assert program_files.export(program, program.terms.get(version=1)) == document
    assert program_files.export_version("smartcat", 1, host=host) == document
    assert program_files.export_version("smartcat", 3, host=host) is None


def test_an_older_version_may_come_later(host):
    second = of_file("smartcat", **{"terms.version": 2, "terms.effective_from": "2027-01-01"})
    program_files.store(second, host=host, now=NOW)
    first = of_file("smartcat", **{"program.time_zone": "Asia/Tokyo"})

    program = program_files.store(first, host=host, now=NOW)

    assert program.time_zone == "UTC"
    assert program_files.export(program) == second
    assert program_files.export(program, program.terms.get(version=1)) == first


def test_a_program_keeps_its_currency(program, host):
    in_euro = of_file("smartcat", **{"program.currency": "EUR", "terms.version": 2})
    before = rows()

    with pytest.raises(program_files.CurrencyIsFixed, match="is USD for good"):
        program_files.store(in_euro, host=host, now=NOW)

    assert rows() == before


def test_the_same_slug_at_another_host_is_another_program(program, document):
    elsewhere = program_files.store(document, host=Host.objects.create(slug="other"), now=NOW)

    assert elsewhere != program
    assert program_files.export(elsewhere) == document
    assert program_files.program_named("smartcat") == program
    assert program_files.program_named("smartcat", elsewhere.host) == elsewhere


def test_an_unknown_program_is_answered_with_those_known(program):
    with pytest.raises(program_files.ProgramUnknown, match="'smart'; loaded are: smartcat"):
        program_files.program_named("smart")


def test_a_program_without_published_terms_cannot_be_exported(host):
    Program.objects.create(host=host, slug="empty", currency="USD", time_zone="UTC")

    for command in (["export_program", "empty"], ["payout_window", "empty", "2026-01-01T00:00:00Z"]):
        with pytest.raises(CommandError, match="empty has no published terms"):
            call_command(*command)


# --- what belongs to the program ---------------------------------------------------------------------------


def test_what_belongs_to_the_program_changes_without_a_new_version(program, host):
    terms = rows()["referrals.Terms"]
    other = of_file(
        "smartcat",
        **{
            "program.name": "Another name",
            "program.landing_url": "https://other.example/",
            "program.undo_minutes": 20,
            "call_outcomes.BUSY": None,
            "call_outcomes.REACHED.label": "Somebody answered",
            "call_outcomes.ASKED_TO_WRITE": {"label": "Asked us to write", "connected": True, "final": True},
            "share_texts.0": None,
        },
    )

    program_files.store(other, host=host, now=NOW)

    program.refresh_from_db()
    assert program_files.export(program) == other
    assert rows()["referrals.Terms"] == terms


def test_the_status_is_set_only_when_the_program_is_created(program, host):
    Program.objects.update(status="ENDED")

    program_files.store(of_file("smartcat", **{"program.status": "PAUSED"}), host=host, now=NOW)

    program.refresh_from_db()
    assert program.status == "ENDED"
    assert program_files.export(program)["program"]["status"] == "ENDED"


def test_an_outcome_that_calls_had_is_no_longer_used_but_kept(program, document, host):
    busy = program.call_outcomes.get(code="BUSY")
    account = ReferredAccountFactory(enrollment=EnrollmentFactory(program=program))
    call = Call.objects.create(
        account=account, round=0, outcome=busy, connected=False, called_at=NOW, called_by=UserFactory()
    )
    without = of_file("smartcat", **{"call_outcomes.BUSY": None, "call_outcomes.VOICEMAIL": None})

    program_files.store(without, host=host, now=NOW)

    assert program_files.export(program) == without
    assert list(program.call_outcomes.filter(in_use=False)) == [busy]
    assert program.call_outcomes.filter(code="VOICEMAIL").exists() is False
    assert list(busy.calls.all()) == [call]

    program_files.store(document, host=host, now=NOW)

    assert program_files.export(program) == document
    assert program.call_outcomes.get(code="BUSY") == busy


# --- published terms never change --------------------------------------------------------------------------


def test_every_table_of_terms_is_guarded():
    guarded = {
        name.removesuffix("_refuses_insert")
        for name in triggers.installed(connection)
        if name.endswith("_refuses_insert")
    }

    # Transfers are refused in closed months only.
    assert guarded - {"payouts_transfer"} == {model._meta.db_table for model in CHILDREN}


@pytest.mark.parametrize("model", [Terms, *CHILDREN])
def test_published_rows_refuse_every_change(model, program, document):
    row = model._default_manager.first()
    field = next(field for field in model._meta.fields if not field.primary_key)
    table = model._meta.db_table

    for attempt in (
        row.save,
        row.delete,
        model._default_manager.all().delete,
        lambda: model._default_manager.update(**{field.name: field.value_from_object(row)}),
        lambda: run("UPDATE {table} SET id = id", table=table),
        lambda: run("DELETE FROM {table}", table=table),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            attempt()

    assert program_files.export(program) == document


@pytest.mark.parametrize("model", CHILDREN)
def test_published_terms_take_no_further_rows(model, program, document):
    table = model._meta.db_table
    names = ", ".join(field.column for field in model._meta.fields if not field.primary_key)
    another = model._default_manager.first()
    another.pk = None

    with pytest.raises(IntegrityError, match="belongs to published terms"), transaction.atomic():
        run("INSERT INTO {table} ({names}) SELECT {names} FROM {table}", table=table, names=names)
    with pytest.raises(IntegrityError, match="belongs to published terms"), transaction.atomic():
        another.save(force_insert=True)

    assert program_files.export(program) == document


def test_a_row_of_a_draft_cannot_be_moved_into_published_terms(program, document):
    draft = TermsFactory(program=program, version=2, published=False)

    with pytest.raises(IntegrityError, match="belongs to published terms"), transaction.atomic():
        draft.rejection_reasons.update(terms=program.terms.get(version=1))

    assert program_files.export(program) == document


def run(statement, **names):
    with connection.cursor() as cursor:
        cursor.execute(statement.format(**names))


# --- load_program ------------------------------------------------------------------------------------------


def test_files_are_loaded_and_told(tmp_path):
    files = [program_files.bundled()[slug] for slug in SLUGS]

    assert load(*files) == (0, [f"{path}: {path.stem} version 1: loaded" for path in files], [])
    assert load(*files) == (0, [f"{path}: {path.stem} version 1: unchanged" for path in files], [])
    assert list(Program.objects.order_by("slug").values_list("slug", "host__slug")) == [
        (slug, "main") for slug in SLUGS
    ]

    renamed = file_of(tmp_path, of_file("smithai", **{"program.name": "Another name"}))
    assert load(renamed) == (0, [f"{renamed}: smithai version 1: loaded"], [])


def test_everything_wrong_is_told_at_once_and_nothing_stored(tmp_path):
    written = program_files.bundled()["smithai"].read_text(encoding="utf-8")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(
        written.replace("format: 1", "format: 2")
        .replace('"200.00"', "200")
        .replace("undo_minutes: 10", "undo_minutes: 10\n  undo_minutes: 20\n  colour: red")
        .replace("calendar: US-FED", "calendar: MOON"),
        encoding="utf-8",
    )
    before = rows()

    code, said, complained = load(program_files.bundled()["smartcat"], wrong)

    assert (code, said) == (1, [])
    assert [line.split(": ")[:2] for line in complained] == [
        [str(wrong), path]
        for path in [
            "program.undo_minutes",
            "format",
            "program.colour",
            "rewards[voice].amount",
            "payout_schedule.calendar",
        ]
    ]
    assert rows() == before


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"\xff\xfe\x00", "is not UTF-8 text"),
        (b"program: [", "is not YAML"),
        (b"program: !!python/object:os.system {}", "the tag"),
        (b"", "must be a mapping of sections"),
        (b"a\x00b", "is not YAML"),
        (b"[" * 100_000, "is nested deeper"),
    ],
)
def test_garbage_is_named_with_its_file(tmp_path, content, told):
    path = tmp_path / "garbage.yaml"
    if content is not None:
        path.write_bytes(content)

    code, said, [complaint] = load(path)

    assert (code, said) == (1, [])
    assert complaint.startswith(f"{path}: ")
    assert told in complaint


def test_a_folder_is_no_program_file(tmp_path):
    assert load(tmp_path) == (1, [], [f"{tmp_path}: cannot be read: Is a directory"])


def test_what_storing_refuses_stops_all_files(program, tmp_path):
    changes = {"rewards.new_customer.amount": "1.00"}
    good = program_files.bundled()["upwork-2019"]
    other_content = file_of(tmp_path, of_file("smartcat", **changes), "other.yaml")
    in_euro = file_of(tmp_path, of_file("smartcat", **{"program.currency": "EUR"}), "euro.yaml")
    published = "version 1 is published with other content: give it a new version"
    before = rows()

    refused = load(good, other_content, in_euro)

    assert refused == (
        1,
        [],
        [
            f"{other_content}: terms.version: {published}",
            f"{in_euro}: program.currency: is USD for good: a program keeps its currency",
        ],
    )
    assert rows() == before


def test_two_versions_may_come_in_one_call(tmp_path):
    first = program_files.bundled()["smartcat"]
    changes = {"terms.version": 2, "terms.effective_from": "2027-01-01"}
    second = file_of(tmp_path, of_file("smartcat", **changes))

    assert load(second, first) == (
        0,
        [f"{second}: smartcat version 2: loaded", f"{first}: smartcat version 1: loaded"],
        [],
    )
    assert list(Terms.objects.order_by("version").values_list("version", flat=True)) == [1, 2]


# --- export_program ----------------------------------------------------------------------------------------


def test_an_exported_program_is_a_program_file(program, document, capsys):
    call_command("export_program", "smartcat")

    written, twice = parse(capsys.readouterr().out)
    assert twice == []
    assert checked(written) == document


def test_exporting_an_unknown_program_fails(program):
    with pytest.raises(CommandError, match="There is no program 'x'; loaded are: smartcat"):
        call_command("export_program", "x")


def test_texts_and_outcomes_that_are_alike_are_kept_apart(host):
    """Share texts have no code: two may be the same."""
    text = {"language": "en", "channel": "EMAIL", "text": "Look: {link}"}
    document = of_file("smartcat", share_texts=[text, text])

    program = program_files.store(document, host=host, now=NOW)

    assert program_files.export(program) == document
    assert (ShareText.objects.count(), CallOutcome.objects.count()) == (2, 6)


def test_reading_names_the_file():
    with pytest.raises(program_files.ProgramFileRefused) as refused:
        program_files.read(Path("nowhere.yaml"))

    assert refused.value.problems == ["nowhere.yaml: cannot be read: No such file or directory"]
