"""The package as a thing that is shipped and read: what it imports, what it holds, what its documents say."""

import ast
import importlib.metadata
import importlib.resources
import re
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import wengert

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src").rglob("*.py"))

LONGEST_FILE = 400
LONGEST_FUNCTION = 60


def _committed_files() -> list[Path]:
    """Files that git tracks, or would on the next `git add`; in an unpacked archive, all files."""
    if (ROOT / ".git").exists():
        command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        candidates = [ROOT / name for name in listing.split("\0") if name]
    else:
        tops = [path for path in ROOT.iterdir() if path.name not in {".venv", "build", "dist"}]
        below = [path for top in tops if top.is_dir() and "cache" not in top.name for path in top.rglob("*")]
        candidates = [*tops, *(path for path in below if "__pycache__" not in path.parts)]
    return sorted(path for path in candidates if path.is_file())


def _text_files() -> Iterator[tuple[Path, str]]:
    for path in _committed_files():
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
