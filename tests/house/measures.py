"""What is counted of a tree of Python files, from their text alone: nothing is imported."""

from __future__ import annotations

import ast
import copy
import hashlib
import io
import itertools
import subprocess
import tarfile
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("app", "models", "tools")
SYSTEMS = ("emotion", "separation", "reverberation", "eeg", "search")
MOST_LINES = 400  # of a file
MOST_OF_FUNCTION = 60  # lines
ALIKE = 6  # statements in a row of one shape
VAGUE = {"one", "found", "thing", "things", "deeds", "hearings", "parted", "foo", "tmp"}

Files = Mapping[str, str]  # path from the root → text


@dataclass
class Measures:
    """Each finding is a place, ``app/theme.py:120 name``, with what is the matter with it."""

    long_files: list[str] = field(default_factory=list)
    long_functions: list[str] = field(default_factory=list)
    anys: list[str] = field(default_factory=list)
    format_skips: list[str] = field(default_factory=list)
    without_docstring: list[str] = field(default_factory=list)
    alike: list[str] = field(default_factory=list)
    circles: list[str] = field(default_factory=list)
    vague_names: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """How many of each."""
        return {
            "files over 400 lines": len(self.long_files),
            "functions over 60 lines": len(self.long_functions),
            "uses of Any": len(self.anys),
            "`# fmt: skip`": len(self.format_skips),
            "public definitions without a docstring": len(self.without_docstring),
            "places alike in two systems": len(self.alike),
            "circles of imports": len(self.circles),
            "names that do not say what they hold": len(self.vague_names),
        }


def files_of_tree(root: Path = ROOT) -> Files:
    """The Python files of the tree as they are now."""
    result = (path for part in PARTS for path in sorted((root / part).rglob("*.py")))
    return {path.relative_to(root).as_posix(): path.read_text("utf-8") for path in result}


def files_of_revision(revision: str, root: Path = ROOT) -> Files:
    """The Python files of a commit, without checking it out. Raises CalledProcessError where git knows no such one."""
    packed = subprocess.run(
        ["git", "archive", revision, *PARTS], cwd=root, capture_output=True, check=True
    ).stdout
    result = {}
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in archive.getmembers():
            file = archive.extractfile(member) if member.name.endswith(".py") else None
            if file is not None:
                result[member.name] = file.read().decode("utf-8")
    return result


def measure(files: Files) -> Measures:
    """Count everything."""
    result = Measures(circles=_circles(files))
    classes = _classes(files)
    places: dict[str, list[tuple[str, str]]] = {}  # shape → (system, place)
    for path, text in files.items():
        tree = ast.parse(text, path)
        lines = text.count("\n")
        if lines > MOST_LINES:
            result.long_files.append(f"{path} {lines}")
        result.format_skips += [f"{path}:{line}" for line in _comments(text, "# fmt: skip")]
        result.vague_names += [f"{path}:{line} {name}" for line, name in dict.fromkeys(_vague(tree))]
        result.anys += [f"{path}:{line}" for line in _anys(tree)]
        for function, name in _functions(tree):
            length = (function.end_lineno or function.lineno) - function.lineno + 1
            if length > MOST_OF_FUNCTION:
                result.long_functions.append(f"{path}:{function.lineno} {name} {length}")
        result.without_docstring += [f"{path}:{line} {name}" for line, name in _undocumented(tree, classes)]
        system = next((part for part in Path(path).parts if part in SYSTEMS), "")
        if system:
            for line, shape in _shapes(tree):
                places.setdefault(shape, []).append((system, f"{path}:{line}"))
    result.alike = _pairs(places)
    return result


def _circles(files: Files) -> list[str]:
    """The files of each circle: each of them imports the others, at least by way of one another. An import within a
    function or for types alone counts as any other: whoever reads the file has to know what it imports."""
    imports = {path: set(_imported(ast.parse(text, path), files)) for path, text in files.items()}
    reached = {path: _reached(path, imports) for path in files}
    circles = {
        tuple(sorted(other for other in reached[path] if path in reached[other]))
        for path in files
        if path in reached[path]
    }
    return sorted(" ".join(circle) for circle in circles)


def _imported(tree: ast.Module, files: Files) -> Iterator[str]:
    """The files of the tree that a module imports: for `from a import b` that of module a.b, or else that of a."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [(item.name,) for item in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [(f"{node.module}.{item.name}", node.module) for item in node.names]
        else:
            continue
        for choices in names:
            paths = (f"{name.replace('.', '/')}{end}" for name in choices for end in (".py", "/__init__.py"))
            yield from itertools.islice((path for path in paths if path in files), 1)


def _reached(start: str, imports: Mapping[str, set[str]]) -> set[str]:
    """All that a file imports, what is imported by that, and so on: itself, too, where it lies in a circle."""
    result: set[str] = set()
    waiting = [start]
    while waiting:
        new = imports[waiting.pop()] - result
        result |= new
        waiting += new
    return result


def _comments(text: str, words: str) -> Iterator[int]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and words in token.string:
            yield token.start[0]


def _anys(tree: ast.AST) -> Iterator[int]:
    """Where a type is not said: `Any` as a name, but for its import."""
    for node in ast.walk(tree):
        if (isinstance(node, ast.Name) and node.id == "Any") or (
            isinstance(node, ast.Attribute) and node.attr == "Any"
        ):
            yield node.lineno


def _vague(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Arguments and names within functions that could stand for anything; fields of classes may be those of a file."""
    for function, _name in _functions(tree):
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in VAGUE:
                yield node.lineno, node.id
            elif isinstance(node, ast.arg) and node.arg in VAGUE:
                yield node.lineno, node.arg


Function = ast.FunctionDef | ast.AsyncFunctionDef


def _functions(tree: ast.AST, above: str = "") -> Iterator[tuple[Function, str]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node, f"{above}{node.name}"
            yield from _functions(node, f"{above}{node.name}.")
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{above}{node.name}.")
        else:
            yield from _functions(node, above)


@dataclass
class Class:
    """What is known of a class by its name: the names of its bases, and the methods that say what they do."""

    bases: tuple[str, ...]
    documented: set[str]


def _classes(files: Files) -> dict[str, Class]:
    result: dict[str, Class] = {}
    for path, text in files.items():
        for node in ast.walk(ast.parse(text, path)):
            if isinstance(node, ast.ClassDef):
                bases = (base.value if isinstance(base, ast.Subscript) else base for base in node.bases)
                names = (ast.unparse(base).rpartition(".")[2] for base in bases)
                functions = (
                    item for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)
                )
                documented = {item.name for item in functions if ast.get_docstring(item) is not None}
                result[node.name] = Class(tuple(names), documented)
    return result


def _says_above(name: str, of: str, classes: Mapping[str, Class]) -> bool:
    """Whether a base of the class says what the method does, as `inspect.getdoc` looks for it."""
    bases = classes[of].bases if of in classes else ()
    return any(
        name in classes[base].documented or _says_above(name, base, classes)
        for base in bases
        if base in classes and base != of
    )


OF_QT = {"event", "paint", "data", "flags"}  # its virtual methods whose names have no capital


def _undocumented(tree: ast.Module, classes: Mapping[str, Class]) -> Iterator[tuple[int, str]]:
    """Public classes, functions and methods that say nothing. What overrides a method that says it means the same;
    overridden methods of Qt (``paintEvent``) say it there; a property of one line says it by its name."""
    if ast.get_docstring(tree) is None and tree.body:
        yield 1, "(module)"
    for node in tree.body:
        if not isinstance(
            node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        ) or node.name.startswith("_"):
            continue
        if ast.get_docstring(node) is None and node.name != "main":  # what a program does its module says
            yield node.lineno, node.name
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                public = isinstance(
                    inner, ast.FunctionDef | ast.AsyncFunctionDef
                ) and not inner.name.startswith("_")
                if not public or _says_itself(inner):  # type: ignore[arg-type]
                    continue
                if not _says_above(inner.name, node.name, classes):  # type: ignore[attr-defined]
                    yield inner.lineno, f"{node.name}.{inner.name}"  # type: ignore[attr-defined]


def _says_itself(function: Function) -> bool:
    camel = function.name != function.name.lower() or function.name in OF_QT
    short = (
        any("property" in ast.unparse(item) for item in function.decorator_list) and len(function.body) == 1
    )
    return ast.get_docstring(function) is not None or camel or short


class _Shape(ast.NodeTransformer):
    """Takes away what two places may call differently: names, figures, words. What is done keeps its name: the
    functions and methods that are called."""

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name("_", node.ctx)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg("_")

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant(type(node.value).__name__)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return ast.Attribute(self.visit(node.value), "_", node.ctx)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        called = node.func
        name = (
            called.id
            if isinstance(called, ast.Name)
            else called.attr
            if isinstance(called, ast.Attribute)
            else "_"
        )
        self.generic_visit(node)
        node.func = ast.Name(name, ast.Load())
        return node


def _shapes(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(first line, shape) of every `ALIKE` statements that follow one another in one function, whatever their depth."""
    for function, _name in _functions(tree):
        lines = list(_flat(function.body))
        for start in range(len(lines) - ALIKE + 1):
            some = lines[start : start + ALIKE]
            yield some[0][0], hashlib.sha1("\n".join(shape for _line, shape in some).encode()).hexdigest()


def _flat(block: list[ast.stmt]) -> Iterator[tuple[int, str]]:
    """The statements in their order; of those that hold others the head first, then what they hold."""
    for node in block:
        if _is_words(node) or _connects(node):
            continue
        inner = [getattr(node, name, []) for name in ("body", "handlers", "orelse", "finalbody")]
        head = copy.deepcopy(node)
        for name in ("body", "handlers", "orelse", "finalbody"):
            if hasattr(head, name):
                setattr(head, name, [])
        yield node.lineno, ast.dump(_Shape().visit(head))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue  # it is looked at by itself
        for some in inner:
            for part in some:
                yield from _flat(part.body if isinstance(part, ast.ExceptHandler) else [part])


def _connects(node: ast.stmt) -> bool:
    """Whether a statement ties a signal to what it calls: tables of such lines are alike in shape and nothing else."""
    call = node.value if isinstance(node, ast.Expr) else None
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "connect"


def _is_words(node: ast.stmt) -> bool:
    docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return docstring or isinstance(node, ast.Import | ast.ImportFrom)


def _pairs(places: dict[str, list[tuple[str, str]]]) -> list[str]:
    """Pairs of places in two systems; of neighbouring ones in the same two files only the first."""
    result, seen = [], set()
    for some in places.values():
        for (item, here), (other, there) in itertools.combinations(some, 2):
            files = (here.split(":")[0], there.split(":")[0])
            near = (files, int(here.split(":")[1]) // 40)
            if item != other and near not in seen:
                seen.add(near)
                result.append(f"{here} = {there}")
    return sorted(result)
