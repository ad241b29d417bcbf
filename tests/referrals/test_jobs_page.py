"""The jobs in the admin: how each is doing, what each execution did, and a button to run one at once."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from payouts import sweeps
from payouts.models import Bonus
from referrals.models import FailingPart, JobRun
from tests.admin_pages import list_page, page
from tests.factories import UserFactory
from tests.story import Story

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 16, 12, tzinfo=UTC)
VIEW, CHANGE = "view_jobrun", "change_jobrun"


@pytest.fixture(autouse=True)
def at_noon(time_machine):
    time_machine.move_to(NOW, tick=False)


def someone(*permissions: str) -> Client:
    """A browser of a member of staff with these permissions."""
    person = UserFactory()
    person.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(person)
    return client


def run_address(job="release"):
    return reverse("admin:referrals_jobrun_run", args=[job])


def ran(job, *, ago, ended=True, **figures):
    at = NOW - ago
    return JobRun.objects.create(
        job=job, as_of=at, started_at=at, ended_at=at + timedelta(seconds=2) if ended else None, **figures
    )


def lines(client):
    """What the page says of each job: state, last run, next run."""
    shown = client.get(list_page(JobRun))
    return {line.job: (line.state, line.age, line.next) for line in shown.context["jobs"]}


NOT_YET = ("Not run yet. If that stays: is there a worker, a beat, or a tick every minute?", "never", "now")
NEVER = ("Has never run: is there a worker, a beat, or a tick every minute?", "never", "now")


def test_the_page_shows_every_job_also_one_that_never_ran():
    client = someone(VIEW)

    assert lines(client) == dict.fromkeys(sweeps.SWEEPS, NOT_YET)
    assert NOT_YET[0] in client.get(list_page(JobRun)).content.decode()


@pytest.mark.parametrize(("ago", "said"), [(timedelta(seconds=40), NOT_YET), (timedelta(minutes=2), NEVER)])
def test_a_job_that_never_ran_is_late_once_others_have_run_for_so_long(ago, said):
    """Of a job of every 15 seconds, that is 105 seconds."""
    ran("evaluate_changed_facts", ago=ago)

    assert lines(someone(VIEW))["release"] == said
    home = someone(VIEW).get(reverse("admin:index"))
    assert ("release" in [job.job for job in home.context["jobs_awaited"]]) == (said is NOT_YET)
    assert ("release" in [job.job for job in home.context["jobs_late"]]) == (said is NEVER)


@pytest.mark.parametrize(
    ("ago", "figures", "said"),
    [
        (timedelta(seconds=5), {}, ("On time.", "5 seconds ago", "in 10 seconds")),
        (
            timedelta(seconds=5),
            {"examined": 2, "failed": 2},
            ("Runs, but 2 failed.", "5 seconds ago", "in 10 seconds"),
        ),
        (timedelta(seconds=50), {}, ("On time.", "50 seconds ago", "now")),
        (
            timedelta(days=18),
            {},
            ("Late: it should work every 15 seconds, and did last 18 days ago.", "18 days ago", "now"),
        ),
    ],
)
def test_how_a_job_is_doing_is_said_in_words(ago, figures, said):
    ran("release", ago=ago, **figures)

    assert lines(someone(VIEW))["release"] == said


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        (timedelta(seconds=5), "Running."),
        (timedelta(minutes=11), "Broken off: its process was killed."),
    ],
)
def test_a_run_that_has_not_ended_is_running_or_was_killed(ago, said):
    ran("verify_books", ago=timedelta(hours=26), examined=11)
    ran("verify_books", ago=ago, ended=False)

    assert lines(someone(VIEW))["verify_books"][0] == said


def test_the_error_of_the_last_run_stands_beside_its_job():
    ran("release", ago=timedelta(seconds=5), failed=1, error="enrollment 7: <b>no account</b>")

    shown = someone(VIEW).get(list_page(JobRun)).content.decode()

    assert "enrollment 7: &lt;b&gt;no account&lt;/b&gt;" in shown


def test_a_row_says_what_it_did_how_long_it_took_and_when_the_job_is_due_again():
    run = ran("release", ago=timedelta(minutes=1), examined=3, done=2, failed=1, error="one of them")

    shown = someone(VIEW).get(page(run)).content.decode()

    assert all(text in shown for text in ["2.0 s", "one of them", "Mar 16, 2026, 11:59 UTC"])


def test_the_runs_that_did_something_are_found_among_the_idle_ones():
    client = someone(VIEW)
    idle = ran("release", ago=timedelta(minutes=1))
    paid = ran("release", ago=timedelta(minutes=2), done=7)
    failed = ran("release", ago=timedelta(minutes=3), failed=1)

    shown = client.get(list_page(JobRun), {"did": "something"})

    assert idle not in shown.context["cl"].result_list
    assert list(shown.context["cl"].result_list) == [failed, paid]


def test_the_page_shows_what_keeps_failing_and_nothing_when_nothing_does():
    client = someone(VIEW)
    assert "What keeps failing" not in client.get(list_page(JobRun)).content.decode()

    part = FailingPart.objects.create(
        job="release", part="enrollment 7", tries=3, since=NOW, last_at=NOW, error="IntegrityError: no"
    )
    shown = client.get(list_page(JobRun)).content.decode()

    assert all(
        text in shown for text in ["What keeps failing", "enrollment 7", "3 times", "IntegrityError: no"]
    )
    assert page(part) in shown


@pytest.mark.parametrize("rows", [1, 3])
def test_the_page_costs_the_same_with_one_row_and_with_three(rows, django_assert_num_queries):
    client = someone(VIEW)
    for number in range(rows):
        ran("release", ago=timedelta(minutes=number))
    client.get(list_page(JobRun))

    with django_assert_num_queries(9):
        client.get(list_page(JobRun))


def test_a_job_is_run_at_once_and_its_row_shown():
    Story().earn()
    client = someone(VIEW, CHANGE)

    answer = client.post(run_address(), follow=True)

    run = JobRun.objects.get()
    assert answer.redirect_chain == [(page(run), 302)]
    assert (run.job, run.as_of, run.examined, run.done, run.failed) == ("release", NOW, 1, 1, 0)
    assert [str(message) for message in answer.context["messages"]] == [
        "release: examined 1, done 1, failed 0."
    ]
    assert Bonus.objects.get().status == "PAID"


def test_a_daily_job_is_run_although_it_is_not_due():
    ran("verify_books", ago=timedelta(minutes=5))

    someone(VIEW, CHANGE).post(run_address("verify_books"))

    assert JobRun.objects.filter(job="verify_books").count() == 2


def test_a_job_that_breaks_off_says_so(monkeypatch):
    def break_off(*, as_of):
        raise ZeroDivisionError("at the worst moment")

    monkeypatch.setitem(sweeps.SWEEPS, "release", break_off)

    answer = someone(VIEW, CHANGE).post(run_address(), follow=True)

    assert [str(message) for message in answer.context["messages"]] == [
        "release broke off: ZeroDivisionError: at the worst moment"
    ]
    assert JobRun.objects.get().failed == 1


def test_looking_at_the_address_runs_nothing():
    assert someone(VIEW, CHANGE).get(run_address()).status_code == 405
    assert JobRun.objects.count() == 0


def test_there_is_no_other_job():
    assert someone(VIEW, CHANGE).post(run_address("pay-me")).status_code == 404


@pytest.mark.parametrize("permissions", [(), (VIEW,), ("view_bonus",)])
@pytest.mark.parametrize("method", ["get", "post"])
def test_who_may_not_run_jobs_is_refused(method, permissions):
    answer = getattr(someone(*permissions), method)(run_address())

    assert answer.status_code == 403
    assert JobRun.objects.count() == 0


def test_who_may_only_look_is_offered_no_button():
    assert run_address() not in someone(VIEW).get(list_page(JobRun)).content.decode()
    assert run_address() in someone(VIEW, CHANGE).get(list_page(JobRun)).content.decode()


def test_who_may_not_look_sees_no_job():
    assert someone().get(list_page(JobRun)).status_code == 403


def test_who_is_not_logged_in_is_sent_to_the_login(client):
    assert client.post(run_address()).status_code == 302
    assert JobRun.objects.count() == 0


def test_a_post_from_another_site_runs_nothing():
    strict = Client(enforce_csrf_checks=True)
    person = UserFactory(is_superuser=True)
    strict.force_login(person)

    assert strict.post(run_address()).status_code == 403
    assert JobRun.objects.count() == 0


def test_no_row_is_added_changed_or_deleted_by_hand(admin_client):
    run = ran("release", ago=timedelta(minutes=1))

    for address in (page(run), page(run, "delete")):
        assert admin_client.post(address).status_code == 403
    assert list(JobRun.objects.all()) == [run]
