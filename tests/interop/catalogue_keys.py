"""Writes texts that are keys, almost keys, or not keys, and the result of opaque-keys for each.

    catalogue_keys.py KEYS.jsonl

The program `catalogue` of tests/catalogue must agree:

    {"class": "CourseKey", "text": …, "key": null}     from_string raises an error
    {"class": "CourseKey", "text": …, "key": {"canonical": str(key), "org": …, …}}
"""

import json
import random
import sys
import unicodedata
import warnings

from ccx_keys.locator import CCXBlockUsageLocator, CCXLocator
from opaque_keys import InvalidKeyError
from opaque_keys.edx.asides import AsideUsageKeyV2
from opaque_keys.edx.keys import CourseKey, UsageKey
from opaque_keys.edx.locator import (
    BlockUsageLocator,
    LibraryCollectionLocator,
    LibraryContainerLocator,
    LibraryLocator,
    LibraryLocatorV2,
    LibraryUsageLocator,
    LibraryUsageLocatorV2,
)
from openedx_values import Keys

RANDOM = 400
MUTATED = 3000

#: Inserted by mutations: separators, escapes, and letters, marks and digits that are easily confused.
CHARACTERS = "+@:/$%~.-_ \n\t\0aAfFgGkKsSiI019éß中٣²Ⅷ½\u0301\u0903ⒶªᵃKſıİ\u200d‿𝄞𝟘"

CORPUS = """
course-v1:edX+DemoX+Demo_Course course-v1:mit.eecs+6002x+fall_2014+branch@published course-v1:edX+DemoX
course-v1:mit.eecs+6002x+2014+branch@published+version@519665f6223ebd6980884f2b course-v1:version@519665f6223ebd6980884f2b
course-v1:edX+DemoX+version@519665f6223ebd6980884f2b course-v1:edX+version@519665f6223ebd6980884f2b course-v1:branch@x
course-v1:branch@x+version@519665f6223ebd6980884f2b course-v1:a+b+c+version@519665F6223EBD6980884F2B
course-v1:a+b+c+version@519665f6223ebd6980884f2 course-v1:a+b+c+branch@d+branch@e course-v1:a+b+c+version@519665f6223ebd6980884f2b+branch@d
course-v1: course-v1:+ course-v1:a+b+c+ course-v1:+a+b+c course-v1:a++c course-v1:a+b+c+d course-v1:a+b+c@d course-v1:a+b+c+type@
course-v1:a+b+c+type@d+block@e course-v1:a+b+c+block@e%20 course-v1:a+b+c+ccx@1 slashes:a+b+c slashes:a+b Course-v1:a+b+c
org/course/run org/course/ org//run /course/run org/course org/course/run/more org/cou:rse/run org%20/course/run org~/course/run a/b/c+d
library-v1:UniX+Physics library-v1:UniX library-v1:a+b+c library-v1:a+b+branch@c library-v1:version@519665f6223ebd6980884f2b library-v1:
library-v1:a+b+type@c+block@d%
ccx-v1:edX+DemoX+2014+ccx@1 ccx-v1:edX+DemoX+2014 ccx-v1:edX+DemoX+2014+CCX@1 ccx-v1:edX+DemoX+2014+ccx@ ccx-v1:edX+DemoX+2014+ccx@x
ccx-v1:edX+DemoX+2014+branch@a+VERSION@519665F6223EBD6980884F2B+ccx@٣ ccx-v1:ccx@1 ccx-v1:a+b+ccx@1 ccx-v1:version@519665f6223ebd6980884f2b+ccx@1
ccx-v1:a+b+c+verſion@519665f6223ebd6980884f2b+ccx@1 ccx-v1:a+b+c+vers\u0131on@519665f6223ebd6980884f2b+ccx@1
ccx-v1:a+b+c+ccx@1+type@d+bloc\u212a@e ccx-v1:a+b+c+ccx@² ccx-v1:a+b+c+ccx@1+branch@d ccx-v1:a+b+c+ccx@1+block@d%
block-v1:edX+DemoX+Demo_Course+type@vertical+block@1 block-v1:edX+DemoX+Demo_Course+block@1 block-v1:edX+DemoX+Demo_Course+type@vertical
block-v1:edX+DemoX+Demo_Course+type@vertical+block@1% block-v1:edX+DemoX+Demo_Course+type@v%+block@1 block-v1:version@519665f6223ebd6980884f2b+type@a+block@b
block-v1:a+b+c+branch@d+version@519665f6223ebd6980884f2b+type@e+block@f block-v1:a+b+type@c+block@d block-v1:a+b+c+block@d+type@e
ccx-block-v1:a+b+c+ccx@1+type@d+block@e ccx-block-v1:a+b+c+ccx@1+block@e ccx-block-v1:a+b+c+type@d+block@e ccx-block-v1:a+b+c+ccx@1+TYPE@d+Block@e
ccx-block-v1:a+b+c+ccx@1+type@d+block@e%
lib-block-v1:a+b+type@c+block@d lib-block-v1:a+b+block@d lib-block-v1:a+b+c+type@d+block@e lib-block-v1:a+b+type@c+block@d%
location:a+b+c+d+e location:a+b+c+d location:a+b+c+d+e+f location:a+b+c+d+e%
i4x://org/course/category/name i4x://org/course/category/name@revision i4x://org/course/category/name@ i4x://org/course/category/
i4x://org/course/category i4x:/org/course/category/name i4x://org/course/a:b~c/name i4x://org/course/category/name/more i4x://o:rg/course/category/name
i4x://org/course/category/na:me~%20 i4x://org/course/category/name@a@b i4x://org/course/category/name@a/b i4x:///course/category/name I4X://a/b/c/d
c4x://org/course/category/name /c4x/org/course/category/name asset-v1:a+b+c+type@asset+block@d
lib:org:slug lib:org:slug:more lib:org lib:: lib:o~rg:slug lib:orgé:slug lib:org:slugé lib:org:s+lug lib-v1:org:slug
lb:org:slug:problem:1 lb:org:slug:problem lb:org:slug:probl~em:1 lb:org:slug:probé:1 lb:org:slug:problem:é lb:org:slug:problem:1:2
lct:org:slug:unit:1 lct:org:slug:unit lct:org:slug:un~it:1 lct:org:slug:unit:é lct:org:slug:unité:1
lib-collection:org:slug:1 lib-collection:org:slug lib-collection:org:slug:é lib-collection:org:slug:1:2
aside-usage-v1:block-v1$:a+b+c+type@d+block@e::aside aside-usage-v1:block-v1:a+b+c+type@d+block@e::aside aside-usage-v1:block-v1:a+b+c+type@d+block@e
aside-usage-v1:block-v1:a+b+c+type@d+block@e:::aside aside-usage-v1:block-v1:a+b+c+type@d+block@e$::::aside aside-usage-v1:i4x://a/b/c/d::a$$b
aside-usage-v1:i4x://a/b/c/d::a$b aside-usage-v1:i4x://a/b/c/d::a$::b aside-usage-v1:i4x://a/b/c/d::a::b aside-usage-v1:lb:a:b:c:d::e
aside-usage-v1:block-v1:a+b+c+block@e::aside aside-usage-v1:aside-usage-v2:i4x$://a/b/c/d$::e::f
aside-usage-v2:block-v1$:a+b+c+type@d+block@e::aside aside-usage-v2:block-v1:a+b+c+type@d+block@e::aside aside-usage-v2:block-v1$:a+b+c+type@d+block@e
aside-usage-v2:i4x$://a/b/c/d::a$$b aside-usage-v2:i4x$://a/b/c/d::a$b aside-usage-v2:i4x$://a/b/c/d::a$:b aside-usage-v2:i4x$://a/b/c/d::a$$:b
aside-usage-v2:i4x$://a/b/c/d::a$$$:b aside-usage-v2:i4x$://a/b/c/d:::b aside-usage-v2:i4x$://a/b/c/d:: aside-usage-v2:::a aside-usage-v2:
aside-usage-v2:aside-usage-v2$:i4x$$$://a/b/c/d$:$:e::f aside-usage-v2:aside-usage-v1$:i4x$://a/b/c/d$:$:e::f
aside-usage-v3:i4x$://a/b/c/d::e : :: / // x
"""

COURSE = ("org", "course", "run", "branch", "version_guid")


def parts(key):
    """The parts of a key in Python, in the form of tests/catalogue/src/keys.rs."""
    if isinstance(key, (LibraryLocatorV2, LibraryUsageLocatorV2, LibraryContainerLocator, LibraryCollectionLocator)):
        names = key.KEY_FIELDS
    elif isinstance(key, LibraryLocator):
        names = ("org", "library", "branch", "version_guid")
    elif isinstance(key, CCXLocator):
        names = COURSE + ("ccx",)
    else:
        names = COURSE
    found = {name: value if (value := getattr(key, name)) is None else str(value) for name in names}
    return found | ({"below": str(key.to_course_locator())} if isinstance(key, CCXLocator) else {})


def usage_parts(key):
    """The same for a usage key."""
    found = {"block_type": key.block_type, "block_id": key.block_id}
    if isinstance(key, AsideUsageKeyV2):
        found |= {"usage_key": str(key.usage_key), "aside_type": key.aside_type}
    elif isinstance(key, CCXBlockUsageLocator):
        found["ccx"] = key.ccx
    elif isinstance(key, BlockUsageLocator) and not isinstance(key, LibraryUsageLocator):
        found |= parts(key.course_key)
        found["course_key"] = None if key.deprecated else str(key.course_key)
    return found


def described(kind, text):
    try:
        key = kind.from_string(text)
    except InvalidKeyError:
        return None
    found = usage_parts(key) if kind is UsageKey else parts(key)
    return found | {"canonical": str(key)}


def mutated(rng, text):
    """The text after one to three small changes."""
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        place = rng.randrange(len(text) + 1)
        end = min(len(text), place + rng.choice([1, 1, 1, 5]))
        text = rng.choice(
            [
                lambda: text[:place] + rng.choice(CHARACTERS) + text[place:],
                lambda: text[:place] + rng.choice(CHARACTERS) + text[end:],
                lambda: text[:place] + text[end:],
                lambda: text[:end] + text[place:],
                lambda: text[:place] + text[place:end].swapcase() + text[end:],
                lambda: text + "\n",
                lambda: separated(rng, text),
            ]
        )()
    return text


def separated(rng, text):
    """The text with its parts between one separator reordered, or one of them repeated or removed."""
    separator = rng.choice("+:/@")
    pieces = text.split(separator)
    piece = rng.choice(pieces)
    rng.choice([lambda: rng.shuffle(pieces), lambda: pieces.append(piece), lambda: pieces.remove(piece)])()
    return separator.join(pieces)


def of_all_scripts(rng):
    """Keys with characters from all of Unicode, as this Python version knows it."""
    known = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) not in ("Cn", "Cs")]
    slugs = [f"lib:a:{character}" for character in rng.sample(known, MUTATED)]
    digits = [f"ccx-v1:a+b+c+ccx@{character}" for character in known if unicodedata.category(character)[0] == "N"]
    folded = [f"ccx-v1:a+b+c+ver{character}ion@{0:024x}+ccx@1" for character in rng.sample(known, MUTATED) + ["ſ"]]
    return {LibraryLocatorV2: slugs, CCXLocator: digits + folded}


def main():
    (target,) = sys.argv[1:]
    warnings.simplefilter("ignore")
    rng = random.Random("keys")
    keys = Keys(rng)
    corpus = CORPUS.split() + [""]
    corpus += [f"{text}\n" for text in corpus] + ["lib:org\n:slug", "lib:org\n\n:slug", "lb:a\n:b\n:c\n:d\n", "lib:\n:a"]
    scripts = of_all_scripts(rng)
    written = 0
    with open(target, "w", encoding="utf-8") as out:
        for kind, make in keys.of.items():
            valid = [make() for _ in range(RANDOM)]
            texts = corpus + valid + [mutated(rng, rng.choice(valid + corpus)) for _ in range(MUTATED)]
            texts += scripts.get(kind, [])
            for text in dict.fromkeys(texts):
                entry = {"class": kind.__name__, "text": text, "key": described(kind, text)}
                out.write(json.dumps(entry) + "\n")
                written += 1
            refused = [text for text in valid if described(kind, text) is None]
            if refused:
                sys.exit(f"{kind.__name__} rejects generated keys: {refused[:3]}")
    print(f"{written} texts of {len(keys.of)} kinds of keys")


if __name__ == "__main__":
    main()
