"""Which package may import what: the tree is the architecture."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from system.dapr.settings import PROJECT

PACKAGES = ("api", "bench", "dashboard", "operations", "system", "worker")

MAY_IMPORT = {
    "operations": (),
    "api": ("operations",),
    "worker": ("operations", "api"),
    "dashboard": ("operations", "worker.orders"),
    "system": (
        "operations.errors",
        "operations.settings",
        "worker.settings",
        "dashboard.settings",
    ),
}
"""What each package may import of our others: a package with all in it, or a module."""

KEPT_TO = {
    "dapr": (
        "operations/gateway/channel.py",
        "operations/gateway/dapr.py",
        "operations/gateway/sidecar_health.py",
        "operations/gateway/stubs.py",
        "worker/runtime.py",
        "worker/workflow.py",
        "worker/activities.py",
    ),
    "grpc": (
        "operations/gateway/channel.py",
        "operations/gateway/dapr.py",
        "operations/gateway/sidecar_health.py",
        "operations/gateway/grpc_errors.py",
        "worker/runtime.py",
        "worker/workflow.py",
        "worker/activities.py",
    ),
    "sqlalchemy": (
        "operations/ledger/db/sessions.py",
        "operations/ledger/db/engines.py",
        "operations/ledger/",
    ),
    "alembic": ("operations/ledger/",),
    "psycopg": (
        "operations/ledger/db/sessions.py",
        "operations/ledger/db/engines.py",
        "operations/ledger/db/postgresql_server.py",
    ),
    "fastapi": ("api/", "worker/app.py"),
    "streamlit": ("dashboard/",),
    "pandas": ("dashboard/",),
    "plotly": ("dashboard/",),
    "worker.orders": ("worker/", "bench/", "dashboard/orders/order_form.py"),
}
"""The only modules, or folders of modules, that import these libraries."""


def modules(package: str) -> list[Path]:
    """Return the files of one of our packages, relative to the project."""
    return sorted(file.relative_to(PROJECT) for file in (PROJECT / package).rglob("*.py"))


@cache
def imports(file: Path) -> frozenset[str]:
    """Return the full name of everything that a file imports, also within its functions."""
    return frozenset(_imports(file))


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse((PROJECT / file).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            here = ".".join(file.parts[: -node.level]) if node.level else ""
            module = ".".join(filter(None, [here, node.module]))
            yield from (f"{module}.{alias.name}" for alias in node.names)


def is_within(name: str, module: str) -> bool:
    """Whether a name is `module` or in it."""
    return name == module or name.startswith(f"{module}.")


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_of_ours_only_what_it_may(package: str) -> None:
    """Nothing of ours is imported but the package's own and what the table allows."""
    ours = [other for other in PACKAGES if other != package]
    found = {
        f"{file}: {name}"
        for file in modules(package)
        for name in imports(file)
        if any(is_within(name, other) for other in ours)
        and not any(is_within(name, allowed) for allowed in MAY_IMPORT[package])
    }
    assert found == set()


@pytest.mark.parametrize("library", KEPT_TO)
def test_a_library_stays_in_its_modules(library: str) -> None:
    """Nothing but the modules of the table imports the library."""
    found = {
        file.as_posix()
        for package in PACKAGES
        for file in modules(package)
        if any(is_within(name, library) for name in imports(file))
        and not file.as_posix().startswith(KEPT_TO[library])
    }
    assert found == set()


def test_the_table_names_packages_that_are_there() -> None:
    """A package of the table that was renamed would be held to nothing."""
    assert all(modules(package) for package in MAY_IMPORT)
