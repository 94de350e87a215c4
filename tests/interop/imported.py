"""Imports schemas with the command line, and checks the result.

    python imported.py write CLI SCHEMAS IMPORTED    modules for tests/interop/imported, in the folder IMPORTED
    python imported.py judge SCHEMAS CANONICAL       compares canonical forms with fastavro's of the files

SCHEMAS has the folders `openedx`, whose files must all be imported by one call, and `peers`, whose files are
imported one by one; rejected ones must have a known reason.
"""

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from fastavro.schema import to_parsing_canonical_form

ROOT = re.compile(r"^#\[derive\(.*(?:PublicSignal|EventData)\)\]\n(?:#\[[^]]*\]\n)*pub struct (\w+)", re.MULTILINE)
EVENT = re.compile(r'event_type = "([^"]+)"(?:[^]]*)\]\n(?:#\[[^]]*\]\n)*pub struct (\w+)')
"""The permitted reasons for a rejection, by the error's text: types that events do not support."""
REASONS = {
    "top level is no record": r"the root: an event must be a record",
    "union of other things than records": r"a union of .*; an enum must be a union of records",
    "`null` not in front": r"`null` is not the first branch",
    "union without a value": r"the union has no branch with a value",
    "`null` alone": r"the type `null` holds no value",
    "fixed": r"`fixed` of \d+ byte",
    "record both in a union and alone": r"is a branch of one union and also used elsewhere",
    "error": r"`error` types are for protocols only",
    "default that is no value": r"the default .* is not a valid value for this field",
    "value without an end": r"always contains itself, so it has no finite value",
    "namespace left again": r"has no namespace, but the type that contains it has one",
    "faulty schema": r"is not a valid Avro name|is defined twice|is not defined before|has two fields with this name"
    r"|contains invalid Avro names|has the symbol `.*` twice|is not a symbol of the enum|has no `symbols`|the schema has no `type`|is a primitive type of Avro"
    r"|is not a schema|the `fixed` type has no valid `size`|is no list of names",
}


def run_import(cli, out, files, *options):
    out.unlink(missing_ok=True)
    command = [cli, "schema", "import", *map(str, files), "--out", str(out), *options]
    return subprocess.run(command, capture_output=True, text=True)


def reason(errors):
    """The reason of the first error; `None` if it is unknown."""
    first = next((line for line in errors.splitlines() if line.startswith("error: ")), "")
    return next((name for name, words in REASONS.items() if re.search(words, first)), None)


def formatted(path):
    """Whether rustfmt leaves the file unchanged, with its default configuration."""
    # Without this file, rustfmt would find the workspace's configuration.
    (path.parent / "rustfmt.toml").touch()
    command = ["rustfmt", "--edition", "2024", "--check", path.name]
    return subprocess.run(command, cwd=path.parent, capture_output=True).returncode == 0


def result(name, passed, failures):
    for failure in failures:
        print(f"FAILED {failure}")
    verdict = "FAILED" if failures else "ok"
    print(f"test result: {verdict}. {passed} passed; {len(failures)} failed; 0 ignored ({name})")
    return not failures


def write(cli, schemas, imported):
    schemas, imported = Path(schemas), Path(imported)
    modules, roots, failures, refused = [], [], [], Counter()

    def add(module):
        path = imported / f"{module}.rs"
        modules.append(f'pub mod {module} {{\n    include!("{path}");\n}}\n')
        if not formatted(path):
            failures.append(f"{path} is not as rustfmt leaves it")
        return path.read_text()

    files = sorted((schemas / "openedx").glob("*/0.avsc"))
    ran = run_import(cli, imported / "openedx.rs", files)
    if ran.returncode or ran.stderr:
        failures.append(f"the Open edX catalogue: {ran.stderr}")
    else:
        found = dict(EVENT.findall(add("openedx")))
        roots += [(f"openedx/{file.parent.name}/0.avsc", f"openedx::{found[file.parent.name]}") for file in files]

    peers = sorted((schemas / "peers").glob("*.avsc"))
    for file in peers:
        ran = run_import(cli, imported / f"{file.stem}.rs", [file], "--times", "jiff")
        if ran.returncode == 0:
            roots.append((f"peers/{file.name}", f"{file.stem}::{ROOT.search(add(file.stem)).group(1)}"))
        elif ran.returncode == 1 and reason(ran.stderr):
            refused[reason(ran.stderr)] += 1
        else:
            failures.append(f"{file.name}: status {ran.returncode}, {ran.stderr}")

    (imported / "modules.rs").write_text("".join(modules))
    lines = (f'    "{file}": crate::{root};\n' for file, root in roots)
    (imported / "roots.rs").write_text("roots! {\n" + "".join(lines) + "}\n")
    count = len(peers) - refused.total()
    print(f"of Open edX {len(files)} imported; of the sample types, apache-avro and fastavro {count} imported, {refused.total()} refused:")
    for name, times in refused.most_common():
        print(f"  {times:4} {name}")
    # Imported files are checked after they have compiled.
    return result("refusals", refused.total(), failures)


def judge(schemas, canonical):
    passed, failures = 0, []
    for line in Path(canonical).read_text().splitlines():
        entry = json.loads(line)
        schema = json.loads(Path(schemas, entry["file"]).read_text())
        expected = to_parsing_canonical_form(schema)
        if entry["canonical"] == expected:
            passed += 1
            print(f"ok {entry['file']}")
        else:
            failures.append(f"{entry['file']}\n  is  {entry['canonical']}\n  not {expected}")
    return result("canonical forms", passed, failures)


COMMANDS = {"write": write, "judge": judge}
sys.exit(0 if COMMANDS[sys.argv[1]](*sys.argv[2:]) else 1)
