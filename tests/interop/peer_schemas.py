"""Collects the schemas in the sources of apache-avro and fastavro, tests included, and those of our own
sample types, as FOLDER/NAME.avsc.

    python peer_schemas.py FOLDER NAME=SOURCE...

A SOURCE is a folder, an archive (tar.gz) or an export of the sample types (jsonl). Collected are .avsc files, JSON in
raw strings of Rust, and dictionaries and JSON strings of Python, if fastavro accepts them as schemas; each
one once.
"""

import ast
import copy
import json
import re
import sys
import tarfile
import tempfile
from pathlib import Path

import fastavro

RAW_STRING = re.compile(r'r(#+)"(.*?)"\1', re.DOTALL)


def from_json(text):
    try:
        value = json.loads(text)
    except ValueError:
        return
    if isinstance(value, dict):
        yield value


def from_python(text):
    def visit(node):
        if isinstance(node, ast.Dict):
            try:
                yield ast.literal_eval(node)
                return
            except (ValueError, TypeError):
                pass
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from from_json(node.value)
        for child in ast.iter_child_nodes(node):
            yield from visit(child)

    yield from visit(ast.parse(text))


def from_rust(text):
    for match in RAW_STRING.finditer(text):
        yield from from_json(match.group(2))


def from_export(text):
    # Not `splitlines()`: JSON strings may contain other line separators.
    for line in filter(None, text.split("\n")):
        yield from from_json(json.loads(line)["schema_json"])


READERS = {".avsc": from_json, ".py": from_python, ".rs": from_rust, ".jsonl": from_export}


def is_schema(value):
    if "type" not in value:
        return False
    try:
        json.dumps(value, allow_nan=False)
        fastavro.parse_schema(copy.deepcopy(value))
    # Any error: fastavro is not under test here.
    except Exception:
        return False
    return True


def candidates(folder):
    paths = folder.rglob("*") if folder.is_dir() else [folder]
    for path in sorted(path for path in paths if path.suffix in READERS):
        yield from READERS[path.suffix](path.read_text(encoding="utf-8"))


def main():
    folder, *sources = sys.argv[1:]
    seen = set()
    for source in sources:
        name, _, place = source.partition("=")
        written = 0
        with tempfile.TemporaryDirectory() as scratch:
            root = Path(place)
            if root.suffix == ".gz":
                with tarfile.open(root) as archive:
                    archive.extractall(scratch, filter="data")
                root = Path(scratch)
            for value in filter(is_schema, candidates(root)):
                text = json.dumps(value, indent=2)
                key = json.dumps(value, sort_keys=True)
                if key not in seen:
                    seen.add(key)
                    written += 1
                    Path(folder, f"{name}_{written:03}.avsc").write_text(text + "\n")
        print(f"{written} schemas of {name}")


main()
