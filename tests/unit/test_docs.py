"""README, docs and `.env.example` agree with the code."""

import re

import pytest
from pydantic_settings import BaseSettings

from api.schemas.list_query import ListQuery
from api.services import Services
from bench.__main__ import MEASURES
from dashboard.settings import DashboardSettings
from operations.errors import LedgerUnavailable
from operations.ledger import Ledger
from operations.settings import PREFIX, OperationsSettings
from system.dapr.settings import PROJECT, DaprSettings
from tests.unit.fakes import FakeGateway
from tests.unit.test_imports import MAY_IMPORT
from worker.app import create_order_app
from worker.runtime import RuntimeState
from worker.settings import WorkerSettings

MAX_README = 150  # lines
PAGES = ("README.md", *(f"docs/{path.name}" for path in sorted((PROJECT / "docs").glob("*.md"))))
SETTINGS = (OperationsSettings, DaprSettings, WorkerSettings, DashboardSettings)
SET_BY_DAPR_RUN = frozenset({"APP_PORT"})  # users do not set it


def page(name: str) -> str:
    """Return the text of a page."""
    return (PROJECT / name).read_text()


def first_cells(text: str, pattern: str) -> list[str]:
    """Return the matches of a pattern in the first cells of the tables of a page."""
    return re.findall(rf"^\| `{pattern}`", text, re.MULTILINE)


def variables(settings: type[BaseSettings]) -> set[str]:
    """Return the names of the variables that settings are read from."""
    return {
        str(field.validation_alias or f"{PREFIX}{name.upper()}")
        for name, field in settings.model_fields.items()
    }


def test_the_readme_is_short() -> None:
    """The README has at most 150 lines."""
    assert len(page("README.md").splitlines()) <= MAX_README


def test_docs_and_env_example_show_every_setting() -> None:
    """The settings classes, docs/settings.md and `.env.example` have the same settings."""
    expected = set().union(*(variables(each) for each in SETTINGS)) - SET_BY_DAPR_RUN
    documented = first_cells(page("docs/settings.md"), "([A-Z_]+)")
    example = re.findall(r"^#?([A-Z_]+)=", page(".env.example"), re.MULTILINE)
    assert sorted(documented) == sorted(expected)
    assert sorted(example) == sorted(expected)


def test_the_defaults_of_docs_and_env_example_are_the_same() -> None:
    """A default that is a plain value is the same in both places and in the settings class."""
    table = dict(
        re.findall(r"^\| `([A-Z_]+)` \| ([\w.-]+) \|", page("docs/settings.md"), re.MULTILINE)
    )
    example = dict(re.findall(r"^#?([A-Z_]+)=(.+)$", page(".env.example"), re.MULTILINE))
    assert table == {name: example[name] for name in table}
    assert table["FLOWDECK_API_PORT"] == str(WorkerSettings.model_fields["api_port"].default)
    assert table["FLOWDECK_DAPR_PORTS"] == str(DaprSettings.model_fields["dapr_ports"].default)


def _no_ledger() -> Ledger:
    raise LedgerUnavailable("the tests of the docs have no ledger")


def test_docs_show_every_endpoint() -> None:
    """The first table of docs/api.md has the endpoints of the OpenAPI document."""
    app = create_order_app(
        Services(FakeGateway(), _no_ledger),
        lambda: RuntimeState.RUNNING,
        start=lambda: None,
        stop=lambda: None,
    )
    expected = {
        (method.upper(), path)
        for path, operations in app.openapi()["paths"].items()
        for method in operations
    }
    documented = re.findall(r"^\| (GET|POST) \| `(/[^`]*)` \|", page("docs/api.md"), re.MULTILINE)
    assert sorted(documented) == sorted(expected)


def test_docs_show_every_parameter_of_the_list() -> None:
    """The table of `GET /workflows` in docs/api.md has the parameters of the query."""
    section = page("docs/api.md").split("## List")[1].split("## Errors")[0]
    assert first_cells(section, r"(\w+)") == list(ListQuery.model_fields)


def test_the_import_rules_of_docs_are_the_tested_ones() -> None:
    """The table of docs/architecture.md agrees with `MAY_IMPORT`."""
    section = page("docs/architecture.md").split("## The import rules")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.MULTILINE)
    documented = {package: tuple(re.findall(r"`([\w.]+)`", cell)) for package, cell in rows}
    assert documented == MAY_IMPORT


def test_the_files_to_change_exist() -> None:
    """Every path in "Where do I change ...?" exists."""
    section = page("docs/architecture.md").split("## Where do I change")[1].split("\n## ")[0]
    paths = re.findall(r"`([\w./-]+/[\w./-]*)`", section)
    assert len(paths) > 20
    assert [path for path in paths if not (PROJECT / path).exists()] == []


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_to_files(name: str) -> None:
    """Every relative link and picture of a page exists."""
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page(name))
    folder = (PROJECT / name).parent
    assert [link for link in links if not (folder / link).exists()] == []


@pytest.mark.parametrize("name", PAGES)
def test_make_targets_exist(name: str) -> None:
    """Every `make` command of a page is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", page("Makefile"), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z]+)", page(name), re.MULTILINE)) <= targets


def test_docs_show_every_measurement() -> None:
    """Each measurement of `python -m bench` has a row."""
    shown = first_cells(page("docs/benchmarks.md"), r"\.venv/bin/python -m bench (\w+)")
    assert sorted(shown) == sorted(MEASURES)
