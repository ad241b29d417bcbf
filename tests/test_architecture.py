"""The shape of the project: who may know whom, and what may stand nowhere."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from django.core.management import call_command

BASE_DIR = Path(__file__).resolve().parent.parent
APPS = ["payouts", "referrals"]
# The outermost ring: the only place that knows what time it is.
OUTERMOST = {"admin", "api", "demo", "management", "migrations", "tasks", "views"}
# Dependencies that no line of ours imports: a setting or another library loads them.
LOADED_BY_NAME = {
    "argon2-cffi",
    "django-axes",
    "django-filter",
    "granian",
    "psycopg",
    "redis",
    "tzdata",
    "whitenoise",
}
LOCKS = ["requirements.lock", "requirements-test.lock", "requirements-dev.lock"]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the project in that folder."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def sources() -> dict[str, str]:
    """Return the text of every module of both apps, by its path in the project."""
    return {
        str(path.relative_to(BASE_DIR)): path.read_text()
        for app in APPS
        for path in (BASE_DIR / app).rglob("*.py")
    }


def lines_with(pattern: str, *, outside: set[str] = frozenset()) -> list[str]:
    """Return "path: line" for each line that has the pattern, outside of those modules and packages."""
    return [
        f"{path}: {line.strip()}"
        for path, text in sources().items()
        if not outside & set(Path(path).with_suffix("").parts)
        for line in text.splitlines()
        if re.search(pattern, line)
    ]


def manage_in_production(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command of Django's with settings as in production."""
    production = {
        "DEBUG": "no",
        "SECRET_KEY": "not-a-secret-but-long-enough-" * 2,
        "ALLOWED_HOSTS": "referrals.example",
        "DATA_DIR": os.environ["DATA_DIR"],
    }
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE_DIR,
        env=production | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_imports_run_inwards():
    linted = lint_imports(BASE_DIR)

    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize(
    ("ring", "planted"),
    [
        ("payouts/rules", "import django.db"),
        ("referrals/rules", "from referrals import models"),
        ("referrals/models", "from payouts import rules"),
    ],
)
def test_a_planted_outward_import_is_reported(tmp_path, ring, planted):
    for package in ["config", *APPS]:
        shutil.copytree(BASE_DIR / package, tmp_path / package)
    shutil.copy(BASE_DIR / "pyproject.toml", tmp_path)
    (tmp_path / ring / "planted.py").write_text(f"{planted}\n")

    linted = lint_imports(tmp_path)

    assert "BROKEN" in linted.stdout
    assert f"{ring.replace('/', '.')}.planted" in linted.stdout


def test_the_rings_name_every_module():
    contracts = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    rings = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    named = {name.strip(" ()") for ring in rings for name in re.split("[:|]", ring)}

    present = {
        f"{app}.{path.stem}"
        for app in APPS
        for path in (BASE_DIR / app).iterdir()
        if path.suffix == ".py" or any(path.rglob("*.py"))
    }

    assert sorted(present - named - {f"{app}.{name}" for app in APPS for name in ("__init__", "apps")}) == []


def test_no_file_is_named_for_a_box():
    boxes = "common|constants|core|exceptions|helpers|selectors|services|signals|utils"

    assert [path for path in sources() if re.search(rf"/({boxes})(\.py|/)", path)] == []


def test_the_clock_is_read_in_the_outermost_ring_only():
    clock = (
        r"timezone\.now\b|datetime\.(utc)?now\(|date\.today\(|time\.time\(|localdate\(|localtime\(\)|auto_now"
    )

    assert lines_with(clock, outside=OUTERMOST) == []


def test_nothing_flows_through_signals():
    assert lines_with(r"django\.dispatch|models\.signals|core\.signals|@receiver") == []


def test_amounts_are_integers():
    assert lines_with(r"\b(Decimal|Float)Field\b") == []


def test_no_update_of_row_after_row():
    """``bulk_update`` builds a CASE per row: slow, and hundreds of megabytes in the database's process."""
    assert lines_with(r"\.a?bulk_update\(") == []


def test_what_is_imported_and_what_is_declared_are_the_same():
    declared = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split(r"[\[<=>~]", requirement)[0] for requirement in declared}
    distributions = packages_distributions()

    imported = {
        distribution.lower().replace("_", "-")
        for text in [*sources().values(), *(path.read_text() for path in (BASE_DIR / "config").glob("*.py"))]
        for module in re.findall(r"^\s*(?:from|import) (\w+)", text, re.MULTILINE)
        for distribution in distributions.get(module, [])
    }

    assert sorted(imported - names) == []
    assert sorted(names - imported - LOADED_BY_NAME) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_every_package_with_hashes_and_holds_no_address(lock):
    text = (BASE_DIR / lock).read_text()
    entries = re.split(r"\n(?=\S)", text.strip())

    assert "://" not in text
    assert [entry for entry in entries if not re.match(r"[a-z0-9.\[\],-]+==\S+", entry)] == []
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_each_lock_holds_the_one_before_it():
    runtime, test, development = (
        set(re.findall(r"^\S+==\S+", (BASE_DIR / lock).read_text(), re.MULTILINE)) for lock in LOCKS
    )

    assert sorted(runtime - test) == []
    assert sorted(test - development) == []


@pytest.mark.django_db
def test_every_change_of_a_model_has_its_migration():
    call_command("makemigrations", *APPS, check=True, dry_run=True, verbosity=1)


def test_production_passes_the_deployment_check():
    checked = manage_in_production("check", "--deploy", "--fail-level", "WARNING")

    assert checked.returncode == 0, checked.stderr


def test_production_finds_every_static_file_that_another_one_names(tmp_path):
    collected = manage_in_production("collectstatic", "--no-input", DATA_DIR=str(tmp_path))

    assert collected.returncode == 0, collected.stderr
    assert "site.css" in (tmp_path / "static" / "staticfiles.json").read_text()


def test_production_logs_lines_of_json():
    script = "import logging; logging.getLogger('payouts').warning('%d bonuses are late', 3)"

    logged = manage_in_production("shell", "--no-imports", "-c", script)

    line = json.loads(logged.stderr)
    assert (line["event"], line["level"], line["logger"]) == ("3 bonuses are late", "warning", "payouts")
