"""The import rules: which package and which library may be imported where."""

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
        "operations.private_files",
        "operations.settings",
        "api.settings",
        "worker.settings",
        "dashboard.settings",
    ),
}
"""The other packages and modules of the project that each package may import."""

IMPORTERS = {
    "dapr": (
        "operations/gateway/channel.py",
        "operations/gateway/dapr.py",
        "operations/gateway/sidecar_health.py",
        "operations/gateway/stubs.py",
        "worker/runtime.py",
        "worker/sdk_correction.py",
        "worker/workflow.py",
        "worker/activities.py",
        "worker/demo/activities.py",
        "worker/demo/workflows.py",
    ),
    "grpc": (
        "operations/gateway/channel.py",
        "operations/gateway/dapr.py",
        "operations/gateway/sidecar_health.py",
        "operations/gateway/grpc_errors.py",
        "worker/runtime.py",
    ),
    "sqlalchemy": (
        "operations/ledger/db/connections.py",
        "operations/ledger/db/engines.py",
        "operations/ledger/",
    ),
    "alembic": ("operations/ledger/",),
    "psycopg": (
        "operations/ledger/db/connections.py",
        "operations/ledger/db/engines.py",
    ),
    "fastapi": ("api/", "worker/app.py"),
    "streamlit": ("dashboard/",),
    "pandas": ("dashboard/",),
    "plotly": ("dashboard/",),
    "worker.orders": ("worker/", "bench/", "dashboard/orders/order_form.py"),
}
"""The only modules, or folders of modules, that may import these libraries."""


def modules(package: str) -> list[Path]:
    """Return the files of a package of the project, as paths relative to the project."""
    return sorted(file.relative_to(PROJECT) for file in (PROJECT / package).rglob("*.py"))


@cache
def imports(file: Path) -> frozenset[str]:
    """Return the full names of all imports of a file, including imports within functions."""
    return frozenset(_imports(file))


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse((PROJECT / file).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(file.parts[: -node.level]) if node.level else ""
            module = ".".join(filter(None, [base, node.module]))
            yield from (f"{module}.{alias.name}" for alias in node.names)


def is_within(name: str, module: str) -> bool:
    """True if a name is `module` or within it."""
    return name == module or name.startswith(f"{module}.")


def importers(library: str) -> set[str]:
    """Return the paths of the modules that import a library."""
    return {
        file.as_posix()
        for package in PACKAGES
        for file in modules(package)
        if any(is_within(name, library) for name in imports(file))
    }


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_the_table_allows(package: str) -> None:
    """It imports its own modules, and those that the table names."""
    others = [other for other in PACKAGES if other != package]
    found = {
        f"{file}: {name}"
        for file in modules(package)
        for name in imports(file)
        if any(is_within(name, other) for other in others)
        and not any(is_within(name, allowed) for allowed in MAY_IMPORT[package])
    }
    assert found == set()


@pytest.mark.parametrize("library", IMPORTERS)
def test_a_library_is_imported_only_where_the_table_allows(library: str) -> None:
    """No module that the table lacks imports the library."""
    found = {file for file in importers(library) if not file.startswith(IMPORTERS[library])}
    assert found == set()


@pytest.mark.parametrize("library", IMPORTERS)
def test_each_importer_of_the_table_imports_the_library(library: str) -> None:
    """The table has no old entries."""
    found = importers(library)
    unused = [
        entry for entry in IMPORTERS[library] if not any(file.startswith(entry) for file in found)
    ]
    assert unused == []


def test_the_packages_of_the_table_exist() -> None:
    """The rule of a renamed package would test nothing."""
    assert all(modules(package) for package in MAY_IMPORT)
