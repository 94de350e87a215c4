"""Compares the verdicts of the const check with fastavro's reader.

    agreement.py PAIRS.jsonl

`agreement export` writes PAIRS.jsonl and documents its format. Data of the writer's schema, generated to
contain every branch and every symbol, is read with the reader's schema: if the const check says that a pair
is compatible, all data must be readable; if not, some must not be. A different verdict passes only if it is
expected, with the reasons, which tests/src/pairs/deviations.rs explains. Logical types are ignored, as in
judge.py: fastavro does not resolve them.
"""

import collections
import io
import json
import math
import random
import struct
import sys

import fastavro
from judge import without_logical_types

# Enough for every branch of the deepest union; incompatible pairs fail much earlier.
DATUMS = 60
# Beyond this number of records in all, or of one type nested in itself, a datum ends by the shortest path.
RECORDS, WITHIN_ITSELF = 300, 2


class Datums:
    """Generates datums of a schema: each choice is the least used one so far."""

    def __init__(self, schema, rng):
        self.schema = schema
        self.rng = rng
        self.named = {}
        self.taken = collections.Counter()
        self.collect(schema, "")

    def collect(self, schema, namespace):
        """Records each definition, with the namespace inside of it."""
        if isinstance(schema, list):
            for branch in schema:
                self.collect(branch, namespace)
        elif isinstance(schema, dict):
            if "name" in schema:
                namespace = schema.get("namespace", namespace)
                self.named[f"{namespace}.{schema['name']}"] = (schema, namespace)
            for field in schema.get("fields", []):
                self.collect(field["type"], namespace)
            for part in ("items", "values"):
                self.collect(schema.get(part), namespace)

    def choose(self, of, count):
        """An index below the count; `of` identifies the position in the schema."""
        least = min(self.taken[of, index] for index in range(count))
        index = self.rng.choice([index for index in range(count) if self.taken[of, index] == least])
        self.taken[of, index] += 1
        return index

    def datum(self):
        self.records, self.open = 0, collections.Counter()
        return self.make(self.schema, "")

    def is_large(self):
        return self.records > RECORDS or max(self.open.values(), default=0) > WITHIN_ITSELF

    def make(self, schema, namespace):
        match schema:
            case list():
                index = self.way_out(schema, namespace) if self.is_large() else self.choose(id(schema), len(schema))
                return long(index) + self.make(schema[index], namespace)
            case {"type": "record", "fields": fields}:
                self.records += 1
                self.open[id(schema)] += 1
                inner = schema.get("namespace", namespace)
                made = b"".join(self.make(field["type"], inner) for field in fields)
                self.open[id(schema)] -= 1
                return made
            case {"type": "enum", "symbols": symbols}:
                return long(self.choose(id(schema), len(symbols)))
            case {"type": "fixed", "size": size}:
                return self.rng.randbytes(size)
            case {"type": "array", "items": items}:
                return self.block(lambda: self.make(items, namespace))
            case {"type": "map", "values": values}:
                return self.block(lambda: text(self.rng) + self.make(values, namespace))
            case {"type": inner}:
                return self.make(inner, namespace)
            case "null":
                return b""
            case "boolean":
                return self.rng.choice([b"\0", b"\1"])
            case "int" | "long":
                return long(self.rng.randrange(-1000, 1000))
            case "float":
                return struct.pack("<f", self.rng.uniform(-1e9, 1e9))
            case "double":
                return struct.pack("<d", self.rng.uniform(-1e9, 1e9))
            case "bytes" | "string":
                # Bytes can be read as a string only if they are UTF-8.
                return text(self.rng)
        definition, around = self.named[schema if "." in schema else f"{namespace}.{schema}"]
        return self.make(definition, around)

    def block(self, item):
        """Items of an array or a map: one of them is nested; more would make all datums large."""
        count = 0 if self.is_large() else self.rng.choice([1, 1, 2])
        return (long(count) + b"".join(item() for _ in range(count)) if count else b"") + b"\0"

    def way_out(self, union, namespace):
        """The branch with the fewest nested records and unions."""
        return min(range(len(union)), key=lambda index: self.height(union[index], namespace, frozenset()))

    def height(self, schema, namespace, within):
        match schema:
            case list():
                return 1 + min(self.height(branch, namespace, within) for branch in schema)
            case {"type": "record", "fields": fields}:
                if id(schema) in within:
                    return math.inf
                inner, within = schema.get("namespace", namespace), within | {id(schema)}
                return 1 + max((self.height(field["type"], inner, within) for field in fields), default=0)
            case str() if schema not in PRIMITIVES:
                return self.height(*self.named[schema if "." in schema else f"{namespace}.{schema}"], within)
        return 0


PRIMITIVES = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}


def long(number):
    number = (number << 1) ^ (number >> 63)
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def text(rng):
    letters = bytes(rng.choices(b"abc", k=rng.randrange(6)))
    return long(len(letters)) + letters


def read(datum, writer, reader=None):
    stream = io.BytesIO(datum)
    fastavro.schemaless_reader(stream, writer, reader)
    if stream.read():
        raise ValueError("bytes are left behind the datum")


def reads(pair, seed):
    """Whether fastavro reads all data, and if not, the reason."""
    writer_json = without_logical_types(pair["writer"])
    datums = Datums(writer_json, random.Random(seed))
    writer = fastavro.parse_schema(writer_json)
    reader = fastavro.parse_schema(without_logical_types(pair["reader"]))
    for _ in range(DATUMS):
        datum = datums.datum()
        read(datum, writer)
        try:
            read(datum, writer, reader)
        except Exception as error:  # Whatever fastavro raises is its verdict.
            return False, f"{type(error).__name__}: {error}"
    return True, None


def main():
    (source,) = sys.argv[1:]
    pairs = compatible = agreed = failed = 0
    explained = collections.Counter()
    with open(source, encoding="utf-8") as lines:
        for line in lines:
            pair = json.loads(line)
            expected = pair["fastavro"]
            verdict, why = reads(pair, pairs)
            pairs += 1
            compatible += pair["reads"]
            if verdict != expected["reads"]:
                failed += 1
                print(f"FAILED fastavro reads {'all' if verdict else 'not all'}, {why}, for {line}")
            elif verdict == pair["reads"]:
                agreed += 1
            else:
                explained[" + ".join(expected["reasons"])] += 1
    print(f"fastavro: {pairs} pairs, {compatible} compatible, {pairs - compatible} incompatible")
    print(f"fastavro: {agreed} agreed, {explained.total()} disagreements explained: {dict(explained)}")
    # The whole comparison is one test; each pair without an explanation is a failure.
    ok = failed == 0 and pairs > 0
    print(f"test result: {'ok' if ok else 'FAILED'}. {int(ok)} passed; {failed} failed; 0 ignored")
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
