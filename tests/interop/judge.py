"""Compares our schemas and datums with fastavro, and writes datums for Rust to decode.

    judge.py RUST.jsonl PYTHON.jsonl

RUST.jsonl, written by `sample_types export`, has one type in each line:

    {"name": …, "schema_json": …, "canonical": …, "fingerprint": 16 hex digits of the number,
     "datums": [{"hex": …, "value": …}, …]}

A value is what fastavro decodes without logical types, as JSON, except for `{"$bytes": hex}`,
`{"$float": "NaN" | "Infinity" | "-Infinity"}` and, for a record or an enum in a union,
`{"$branch": [full name, value]}`.

PYTHON.jsonl, read by `sample_types verify`, has in each line

    {"name": …, "datums": [{"hex": …, "of": the index of the value in RUST.jsonl, or null}, …]}

where `null` means a value generated here: Rust must decode and encode it to the same bytes, or reject it as
out of range for its narrower type.
"""

import io
import json
import math
import random
import struct
import sys
import uuid

import fastavro
from fastavro.schema import fingerprint, parse_schema, to_parsing_canonical_form

RANDOM_DATUMS = 50


def without_logical_types(schema):
    """The schema of the encoding, without logical types."""
    if isinstance(schema, dict):
        return {key: without_logical_types(value) for key, value in schema.items() if key != "logicalType"}
    if isinstance(schema, list):
        return [without_logical_types(branch) for branch in schema]
    return schema


def from_json(value):
    """A value of RUST.jsonl as fastavro would decode it."""
    match value:
        case {"$bytes": text, **rest} if not rest:
            return bytes.fromhex(text)
        case {"$float": text, **rest} if not rest:
            return float(text)
        case {"$branch": [name, inner], **rest} if not rest:
            return (name, from_json(inner))
        case dict():
            return {key: from_json(item) for key, item in value.items()}
        case list():
            return [from_json(item) for item in value]
        case _:
            return value


def same(left, right):
    """Equality that distinguishes 1 from 1.0 and True, and -0.0 from 0.0, and treats NaN as equal to NaN."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return struct.pack("<d", left) == struct.pack("<d", right) or (math.isnan(left) and math.isnan(right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(same(a, b) for a, b in zip(left, right))
    return left == right


def decode(schema, datum):
    """The value, with `(full name, value)` for a record or an enum in a union."""
    stream = io.BytesIO(datum)
    value = fastavro.schemaless_reader(stream, schema, return_named_type=True)
    if stream.read():
        raise ValueError("bytes are left behind the datum")
    return value


def encode(schema, value):
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, schema, value)
    return stream.getvalue()


class Maker:
    """Generates values of a schema; recursive types stay small."""

    def __init__(self, schema, rng):
        self.rng = rng
        self.schema = schema
        self.named = {}
        self.collect(schema, "")

    def collect(self, schema, namespace):
        """Records every named type, so that references can be resolved."""
        if isinstance(schema, list):
            for branch in schema:
                self.collect(branch, namespace)
        elif isinstance(schema, dict):
            if schema["type"] in ("record", "enum"):
                full = self.full_name(schema, namespace)
                self.named[full] = (schema, namespace)
                for field in schema.get("fields", []):
                    self.collect(field["type"], full.rpartition(".")[0])
            for part in ("type", "items", "values"):
                if isinstance(schema.get(part), (dict, list)):
                    self.collect(schema[part], namespace)

    def datum(self):
        return self.make(self.schema, "", 0)

    def text(self):
        alphabet = "ab\"\\\u0000\n é€𝄞"
        return "".join(self.rng.choice(alphabet) for _ in range(self.rng.randrange(6)))

    def whole(self, bits):
        if self.rng.random() < 0.9:
            # Most fit the narrowest Rust integers, so that most values are accepted.
            return self.rng.randrange(128)
        return self.rng.choice([-1, -(1 << bits - 1), (1 << bits - 1) - 1, self.rng.randrange(-(1 << bits - 1), 1 << bits - 1)])

    def make(self, schema, namespace, depth):
        few = self.rng.randrange(4) if depth < 4 else 0
        match schema:
            case list():
                branches = schema if depth < 6 else schema[:1]
                branch = self.rng.choice(branches)
                value = self.make(branch, namespace, depth + 1)
                name = self.type_name(branch, namespace)
                return (name, value) if name else value
            case {"type": "record", "fields": fields}:
                inner = self.full_name(schema, namespace).rpartition(".")[0]
                return {field["name"]: self.make(field["type"], inner, depth + 1) for field in fields}
            case {"type": "enum", "symbols": symbols}:
                return self.rng.choice(symbols)
            case {"type": "array", "items": items}:
                return [self.make(items, namespace, depth + 1) for _ in range(few)]
            case {"type": "map", "values": values}:
                return {self.text(): self.make(values, namespace, depth + 1) for _ in range(few)}
            case {"type": "string", "logicalType": "uuid"}:
                return str(uuid.UUID(int=self.rng.getrandbits(128)))
            case {"type": inner, "logicalType": "date"} if inner == "int":
                return self.rng.randrange(-700_000, 2_900_000)
            case {"type": inner, "logicalType": "time-micros"} if inner == "long":
                return self.rng.randrange(86_400_000_000)
            case {"type": inner, "logicalType": str(logical)} if inner == "long" and "timestamp" in logical:
                seconds = self.rng.randrange(-60_000_000_000, 250_000_000_000)
                if "nanos" in logical:
                    seconds //= 50
                scale = {"millis": 10**3, "micros": 10**6}.get(logical.rsplit("-", 1)[1], 10**9)
                return seconds * scale + self.rng.randrange(scale)
            case {"type": inner, "logicalType": "big-decimal"} if inner == "bytes":
                number = self.whole(64)
                unscaled = number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)
                return encode("bytes", unscaled) + encode("int", self.rng.randrange(29))
            case {"type": inner}:
                return self.make(inner, namespace, depth)
            case "null":
                return None
            case "boolean":
                return self.rng.random() < 0.5
            case "int":
                return self.whole(32)
            case "long":
                return self.whole(64)
            case "float":
                return struct.unpack("<f", struct.pack("<f", self.rng.uniform(-1e9, 1e9)))[0]
            case "double":
                return self.rng.choice([0.0, -0.0, math.inf, -math.inf, self.rng.uniform(-1e300, 1e300)])
            case "bytes":
                return self.rng.randbytes(self.rng.randrange(6))
            case "string":
                return self.text()
            case str():
                full = schema if "." in schema or not namespace else f"{namespace}.{schema}"
                definition, outer = self.named[full]
                return self.make(definition, outer, depth)
        raise ValueError(f"no values for {schema!r}")

    def full_name(self, schema, namespace):
        name = schema["name"]
        if "." in name:
            return name
        own = schema.get("namespace", namespace)
        return f"{own}.{name}" if own else name

    def type_name(self, schema, namespace):
        """The full name of a named type; `None` for another."""
        if isinstance(schema, dict):
            return self.full_name(schema, namespace) if schema["type"] in ("record", "enum") else None
        full = schema if "." in schema or not namespace else f"{namespace}.{schema}"
        return full if full in self.named else None


class Results:
    """Counts kept and broken promises."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def check(self, name, promise, test):
        try:
            test()
        except Exception as error:  # Whatever fastavro raises is its verdict.
            self.failed += 1
            print(f"FAILED {name}: {promise}: {type(error).__name__}: {error}")
        else:
            self.passed += 1


def expect_same(found, expected, what):
    if not same(found, expected):
        raise AssertionError(f"{what}: found {found!r}, expected {expected!r}")


def judge(entry, results):
    """Checks one type; returns datums for Rust to decode."""
    name = entry["name"]
    schema = json.loads(entry["schema_json"])
    raw = without_logical_types(schema)
    datums = [(bytes.fromhex(datum["hex"]), from_json(datum["value"])) for datum in entry["datums"]]
    out = []

    def canonical():
        expect_same(entry["canonical"], to_parsing_canonical_form(schema), "canonical form")

    def crc():
        # fastavro prints the fingerprint's bytes in little-endian order.
        little = fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO")
        expect_same(entry["fingerprint"], bytes.fromhex(little)[::-1].hex(), "fingerprint")

    def decodes():
        for index, (datum, value) in enumerate(datums):
            expect_same(decode(raw, datum), value, f"datum {index}, {datum.hex()}")

    def encodes():
        for index, (_, value) in enumerate(datums):
            out.append({"hex": encode(raw, value).hex(), "of": index})

    def logical():
        for index, (datum, _) in enumerate(datums):
            expect_same(encode(schema, decode(schema, datum)).hex(), datum.hex(), f"datum {index}")

    def makes():
        maker = Maker(schema, random.Random(name))
        for _ in range(RANDOM_DATUMS):
            out.append({"hex": encode(raw, maker.datum()).hex(), "of": None})

    results.check(name, "fastavro parses the schema", lambda: parse_schema(json.loads(entry["schema_json"])))
    results.check(name, "the canonical form is fastavro's", canonical)
    results.check(name, "the fingerprint is fastavro's", crc)
    if datums:
        results.check(name, "fastavro decodes the datums to the same values", decodes)
        results.check(name, "fastavro encodes the values", encodes)
        if not entry.get("beyond_python"):
            results.check(name, "fastavro's logical types keep the bytes", logical)
    results.check(name, "fastavro encodes made-up values", makes)
    return {"name": name, "datums": out}


def main():
    source, target = sys.argv[1:]
    results = Results()
    with open(source, encoding="utf-8") as lines, open(target, "w", encoding="utf-8") as out:
        for line in lines:
            out.write(json.dumps(judge(json.loads(line), results)) + "\n")
    verdict = "FAILED" if results.failed else "ok"
    print(f"test result: {verdict}. {results.passed} passed; {results.failed} failed; 0 ignored")
    sys.exit(1 if results.failed else 0)


if __name__ == "__main__":
    main()
