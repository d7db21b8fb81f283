"""The package as a thing that is shipped and read: what it imports, what it holds, what its documents say."""

import ast
import contextlib
import importlib.metadata
import importlib.resources
import os
import re
import subprocess
import sys
import tomllib
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import wengert

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src").rglob("*.py"))

LONGEST_FILE = 400
LONGEST_FUNCTION = 60
LARGEST_FOLDER = 20


def _shipped_files(root: Path) -> list[Path]:
    """Files that git tracks; in an unpacked archive, or without git, all but what work leaves behind."""
    command = ["git", "-C", str(root), "ls-files", "-z"]
    listing = None
    if (root / ".git").exists():
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if listing:
        candidates = [root / name for name in listing.split("\0") if name]
    else:
        candidates = [root / top / name for top, _, names in _folders(root) for name in names]
    return sorted(path for path in candidates if path.is_file())


def _folders(root: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """Walk the folders of an archive: no environments, whatever they are called, caches or builds."""
    for top, folders, names in os.walk(root):
        folders[:] = [
            name
            for name in folders
            if "cache" not in name
            and name not in {".git", ".hypothesis", "build", "dist"}
            and not (Path(top) / name / "pyvenv.cfg").exists()
        ]
        yield top, folders, names


def _text_files() -> Iterator[tuple[Path, str]]:
    for path in _shipped_files(ROOT):
        try:
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # binary: a table, a picture


def _code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines without the docstring: what a function with many options says about them is no second job."""
    lines = node.end_lineno - node.lineno + 1
    first = node.body[0]
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        lines -= first.end_lineno - first.lineno + 1
    return lines


def _too_long_functions(path: Path, source: str) -> list[str]:
    return [
        f"{path}:{node.lineno}: {node.name} has {lines} lines"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := _code_lines(node)) > LONGEST_FUNCTION
    ]


@pytest.mark.parametrize("git", ["tracked", "broken", "absent"])
@pytest.mark.parametrize("environment", ["venv", ".venv", ".venv2", "env of mine"])
def test_environments_inside_the_clone_are_not_looked_at(tmp_path: Path, environment: str, git: str) -> None:
    shipped = {"README.md", "src/wengert/__init__.py", "docs/a page.md", ".ci/run"}
    left = {f"{environment}/pyvenv.cfg", f"{environment}/lib/x/README.md", "build/x.md", ".ruff_cache/y"}
    for name in shipped | left:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    if git == "tracked":
        subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
        subprocess.run(["git", "-C", str(tmp_path), "add", *shipped], check=True)
    elif git == "broken":
        (tmp_path / ".git").mkdir()
    found = {path.relative_to(tmp_path).as_posix() for path in _shipped_files(tmp_path)}
    assert found == shipped


# Where the name of a distribution is not that of its module.
DISTRIBUTIONS = {"sklearn": "scikit-learn"}
# TabArena's harness loads benchmarks/tables/tabarena_model.py, and brings AutoGluon with it; candidates of
# pytabkit, which needs PyTorch, are left out where it is not installed.
OF_HARNESSES = {"autogluon", "pytabkit"}


def test_benchmarks_declare_what_they_import() -> None:
    described = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = [*described["dependencies"], *described["optional-dependencies"]["bench"]]
    declared = {re.split(r"[<>=\[ ]", one)[0] for one in needed} | {"wengert", "benchmarks"} | OF_HARNESSES
    undeclared = set()
    for folder in (ROOT / "benchmarks", ROOT / "src" / "wengert" / "benchmark"):
        for path in folder.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    names = [node.module]
                tops = {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names)
                undeclared |= {DISTRIBUTIONS.get(top, top) for top in tops} - declared
    assert not undeclared


def test_import_is_light() -> None:
    # What the interpreter loads at its start (coverage, editable installs) is not ours.
    code = (
        "import sys; before = set(sys.modules); import wengert; new = set(sys.modules) - before;"
        "print(*sorted({name.partition('.')[0] for name in new} - set(sys.stdlib_module_names)))"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = set(run.stdout.split()) - {"numpy", "wengert"}
    assert not loaded, f"`import wengert` also imports {loaded}; import it in the function that uses it"


def test_types_are_shipped() -> None:
    assert importlib.resources.files("wengert").joinpath("py.typed").is_file()


def test_version_is_the_installed_one() -> None:
    installed = importlib.metadata.version("wengert")
    assert wengert.__version__ == installed, "the install is stale; install again"


def test_what_is_left_out_of_coverage_is_there() -> None:
    lines = ast.parse((ROOT / "tests" / "conftest.py").read_text("utf-8")).body
    found = {ast.unparse(line.targets[0]): line.value for line in lines if isinstance(line, ast.Assign)}
    for name in ("REPEATED", "CASES_ALIKE"):
        for entry in ast.literal_eval(found[name]):
            file, _, test = entry.partition("::")
            path = ROOT / "tests" / file
            assert path.exists(), entry
            assert not test or f"def {test}(" in path.read_text("utf-8"), entry


def test_files_are_short() -> None:
    too_long = [
        f"{path.relative_to(ROOT)} has {lines} lines"
        for path in SOURCES
        if (lines := len(path.read_text("utf-8").splitlines())) > LONGEST_FILE
    ]
    advice = f"over {LONGEST_FILE} lines a file has two subjects; split it:"
    assert not too_long, "\n".join([advice, *too_long])


def test_functions_are_short() -> None:
    too_long = [found for path in SOURCES for found in _too_long_functions(path, path.read_text("utf-8"))]
    advice = f"over {LONGEST_FUNCTION} lines a function has two jobs; split it:"
    assert not too_long, "\n".join([advice, *too_long])


def test_folders_are_small() -> None:
    files = Counter(path.parent.relative_to(ROOT / "src" / "wengert").as_posix() for path in SOURCES)
    large = {folder: count for folder, count in files.items() if count > LARGEST_FOLDER}
    assert not large, f"over {LARGEST_FOLDER} files a folder has several subjects; divide it: {large}"


def test_no_file_name_stands_twice_in_a_package() -> None:
    # Each executor has its `executor.py`, and each folder of `explain` its public functions in `entry.py`.
    alike = {"__init__.py", "entry.py", "executor.py"}
    within = Counter(
        (path.relative_to(ROOT / "src" / "wengert").parts[0], path.name)
        for path in SOURCES
        if path.is_relative_to(ROOT / "src" / "wengert") and path.name not in alike
    )
    assert not [place for place, count in within.items() if count > 1]


def test_the_length_check_sees_methods_and_nested_functions() -> None:
    body = "\n".join("            pass" for _ in range(LONGEST_FUNCTION))
    source = f"class A:\n    def outer(self):\n        async def inner():\n{body}\n"
    found = _too_long_functions(Path("a.py"), source)
    assert [line.split()[1] for line in found] == ["outer", "inner"]
    at_the_limit = "def f():\n" + "    pass\n" * (LONGEST_FUNCTION - 1)
    assert not _too_long_functions(Path("a.py"), at_the_limit)
    assert not _too_long_functions(
        Path("a.py"), at_the_limit.replace("    pass", '    """Long.\n\n    text"""', 1)
    )


def test_packages_say_what_they_are() -> None:
    packages = {path.parent for path in SOURCES}
    silent = []
    for package in sorted(packages):
        init = package / "__init__.py"
        docstring = ast.get_docstring(ast.parse(init.read_text("utf-8"))) if init.is_file() else None
        if not docstring or docstring.startswith("TBD"):
            silent.append(str(init.relative_to(ROOT)))
    assert not silent, f"without a docstring that says what the package is for: {', '.join(silent)}"


# The names are held apart from their slashes, so that the pattern does not find itself.
DEVELOPER_PATH = re.compile(r"(^|[^A-Za-z0-9_.])/(home|Users|work|farm)/", re.MULTILINE)


def test_no_path_of_a_developer_machine() -> None:
    found = [
        f"{path}:{text.count(chr(10), 0, match.start(2)) + 1}"
        for path, text in _text_files()
        for match in DEVELOPER_PATH.finditer(text)
    ]
    assert not found, "absolute paths that exist on one machine only: " + ", ".join(found)


def test_the_path_check_finds_a_path_and_no_folder_of_the_repository() -> None:
    path = "/" + "work" + "/data.csv"
    assert all(DEVELOPER_PATH.search(before + path) for before in ("", "line\n", "see ", '"', "file://"))
    assert not any(DEVELOPER_PATH.search(before + path) for before in ("src", ".", "a_1"))


def _local_links(markdown: str) -> Iterator[str]:
    """Yield the targets of links and images that point into the repository."""
    prose = re.sub(r"^```.*?^```", "", markdown, flags=re.DOTALL | re.MULTILINE)
    inline = re.findall(r"\]\(\s*<?([^)\s>]+)", prose)
    references = re.findall(r"^\s*\[[^\]]+\]:\s*<?([^\s>]+)", prose, flags=re.MULTILINE)
    html = re.findall(r"(?:src|href)=[\"']([^\"']+)", prose)
    for target in (*inline, *references, *html):
        if not urllib.parse.urlsplit(target).scheme:
            yield target


def _anchors(markdown: str) -> set[str]:
    """Return the anchors that GitHub gives the headings."""
    headings = re.findall(r"^#+\s+(.+?)\s*$", markdown, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _resolves(target: str, document: Path) -> bool:
    name, _, anchor = urllib.parse.unquote(target).partition("#")
    file = document.parent / name if name else document
    if not anchor or file.suffix != ".md":
        return file.exists()
    return file.is_file() and anchor in _anchors(file.read_text("utf-8"))


def test_local_links_of_the_documents_resolve() -> None:
    dead = [
        f"{path}: {target}"
        for path, text in _text_files()
        if path.suffix == ".md"
        for target in _local_links(text)
        if not _resolves(target, ROOT / path)
    ]
    assert not dead, "links to what does not exist:\n" + "\n".join(dead)


def test_the_link_check_tells_dead_links_from_living() -> None:
    markdown = "[a](LICENSE) ![b](no.png) [c](https://x.org)\n[d]: #gone\n```sh\n[e](no-link)\n```\n"
    verdicts = [_resolves(target, ROOT / "README.md") for target in _local_links(markdown)]
    assert verdicts == [True, False, False]
    assert _anchors("# One\n## Two, and `three`\n") == {"one", "two-and-three"}


def test_changelog_has_room_for_the_next_release() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(r"^## \[Unreleased\]", changelog, flags=re.MULTILINE)
