"""Imports go one way, only the adapter knows ComfyUI, and importing the pack pulls in nothing heavy."""

import ast
from pathlib import Path

import pytest

from modiste.lab.bench.import_time import HEAVY, heavy, probe

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("models", "wardrobe", "nodes", "host", "lab")
MAY_IMPORT = {
    "models": ("models",),
    "wardrobe": ("wardrobe", "models"),
    "nodes": ("nodes", "host", "models", "wardrobe"),
    "host": ("host", "models"),
    "lab": ("lab", "models", "wardrobe", "host.headless", "comfy_entrypoint"),
}
COMFYUI = {"comfy", "comfy_api", "comfy_extras", "folder_paths", "server", "nodes"}
# The last is a script for ComfyUI's own Python, not a module.
KNOW_COMFYUI = {f"host/comfyui{part}.py" for part in ("", "_diffusion", "_splat_bench")}
NOT_AT_TOP = {*HEAVY, "scipy"}

MODULES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
NAMES = [path.relative_to(ROOT).as_posix() for path in MODULES]


def imported(path: Path, nodes) -> list[tuple[bool, str]]:
    """Return what import statements among `nodes` import: whether from the pack, and the dotted name (from the pack's root)."""
    package = path.relative_to(ROOT).parent.parts
    found = []
    for node in nodes:
        if isinstance(node, ast.Import):
            found += [(False, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.append((False, node.module))
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1], *(node.module or "").split(".")]
            found += [(True, ".".join(filter(None, [*base, alias.name]))) for alias in node.names]
    return found


def at_import(tree: ast.AST):
    """Yield the statements that run when a module is imported: not those in functions or under TYPE_CHECKING."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from at_import(node)


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_imports_go_one_way(path):
    allowed = MAY_IMPORT[path.relative_to(ROOT).parts[0]]
    for ours, name in imported(path, ast.walk(ast.parse(path.read_text()))):
        if ours:
            assert any(name == place or name.startswith(f"{place}.") for place in allowed), name
        assert not name.startswith("modiste."), f"{name}: imports inside the pack are relative, since its folder may have any name"


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_only_the_adapter_imports_comfyui(path):
    outside = {name.partition(".")[0] for ours, name in imported(path, ast.walk(ast.parse(path.read_text()))) if not ours}
    assert path.relative_to(ROOT).as_posix() in KNOW_COMFYUI or not outside & COMFYUI


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_heavy_packages_are_imported_where_they_are_used(path):
    outside = {name.partition(".")[0] for ours, name in imported(path, at_import(ast.parse(path.read_text()))) if not ours}
    assert not outside & NOT_AT_TOP


def test_the_headless_host_does_not_import_the_adapter():
    for path in (ROOT / "host" / "headless").rglob("*.py"):
        names = [name for ours, name in imported(path, ast.walk(ast.parse(path.read_text()))) if ours]
        assert not [name for name in names if name.startswith("host.comfyui")]


def test_importing_the_pack_pulls_in_nothing_heavy():
    answer, _ = probe()
    assert answer["nodes"] > 0
    assert heavy(answer["modules"]) == []
