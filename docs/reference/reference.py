#!/usr/bin/env python3
"""Prepares what doxygen cannot read by itself: the messages of the actors.

    reference.py filter FILE   prints a header as doxygen should see it: atoms as constants, and no bodies of typed actors
    reference.py messages      prints the page of messages, made from include/cenote/actors.hpp; run from the root

Lines keep their numbers, so that doxygen's warnings name the right ones.
"""

import re
import sys
from pathlib import Path

ACTORS = Path("include/cenote/actors.hpp")
ATOMS = Path("include/cenote/type_ids.hpp")
ATOM = re.compile(r"((?:^///[^\n]*\n)+)CAF_ADD_ATOM\((?P<block>\w+), (?P<space>\w+), (?P<name>\w+)\)", re.M)
TYPED_ACTOR = re.compile(r"using (?P<name>\w+) =\s+caf::typed_actor<(?P<body>.*?)>;\n", re.S)


def text_of(comment):
    """The lines of a comment without their slashes."""
    return [re.sub(r"^\s*///?<? ?", "", line) for line in comment.splitlines()]


def as_constant(match):
    """A documented atom as the constant that CAF's macro makes of it, on as many lines."""
    name, text = match["name"], "\n".join(text_of(match[1]))
    return f"namespace {match['space']} {{ /** {text}\n@ingroup atoms */ inline constexpr {name} {name}_v; }}"


def without_body(match):
    lines = match[0].count("\n")
    return f"/** All messages: @ref messages. */ using {match['name']} = caf::typed_actor<messages>;" + "\n" * lines


def filtered(path):
    text = path.read_text(encoding="utf-8")
    return TYPED_ACTOR.sub(without_body, ATOM.sub(as_constant, text))


def split(block):
    """The comments and signatures of a typed actor's body, as pairs."""
    out, comment, code = [], [], []
    for line in block.splitlines():
        line = line.strip()
        if line.startswith("//"):
            if code:
                out.append((comment, " ".join(code)))
                comment, code = [], []
            comment += text_of(line)
        elif line:
            code.append(line)
    return out + [(comment, " ".join(code))]


def signatures(code):
    """Atoms, other arguments and answer of each message in `caf::result<A>(atom, T...), ...`."""
    for match in re.finditer(r"caf::result<((?:[^<>]|<[^<>]*>)*)>\(([^()]*)\)", code):
        atom, *arguments = [x.strip() for x in match[2].split(",")]
        yield atom, arguments, match[1]


def page():
    header = ACTORS.read_text(encoding="utf-8")
    documented = {x["name"] for x in ATOM.finditer(ATOMS.read_text(encoding="utf-8"))}
    match = next((x for x in TYPED_ACTOR.finditer(header) if x["name"] == "pool_actor"), None)
    if match is None:
        sys.exit(f"{ACTORS}:1: there is no `using pool_actor = caf::typed_actor<...>` in it")
    first_line = header[: match.start()].count("\n") + 1
    out = [
        "# Messages of a pool {#messages}",
        "",
        "A `pool_actor` is what `spawn_pool` and `spawn_retrier` give: a handle to an actor here or on another node. It "
        "answers every request; an error holds a `failure`, see `cenote::details`.",
        "",
        "```cpp",
        "self->request(pool, 60s, cenote::execute_atom_v, cenote::read(\"SELECT 1\")).then(...);",
        "```",
        "",
        "| message | answer | |", "|---|---|---|",
    ]
    sections = []
    for comment, code in split(match["body"]):
        found = list(signatures(code))
        if not found or code.count("caf::result<") != len(found):
            sys.exit(f"{ACTORS}:{first_line}: cannot read the messages in '{code}'")
        anchor = anchor_of(*found[0][:2])
        for atom, arguments, answer in found:
            if atom not in documented:
                sys.exit(f"{ATOMS}:1: {atom} is a message of pool_actor, but has no docstring")
            out.append(f"| @ref cenote::{atom}_v \"{atom}\"{''.join(', ' + code_of(x) for x in arguments)} "
                       f"| {code_of(answer)} | [more](#{anchor}) |")
        sections += ["", f"## {title_of(found)} {{#{anchor}}}", "", "```cpp"]
        sections += [f"({', '.join([atom, *arguments])}) -> {answer}" for atom, arguments, answer in found]
        sections += ["```", "", *comment]
    return "\n".join(out + sections) + "\n"


def short(name):
    return name.rpartition("::")[2].removesuffix("_atom")


def anchor_of(atom, arguments):
    return "-".join(["message", short(atom), *map(short, arguments)])


def title_of(messages):
    """`execute (statement)`, or the names alone if there are several."""
    names = ", ".join(dict.fromkeys(short(x[0]) for x in messages))
    arguments = ", ".join(map(short, messages[0][1])) if len(messages) == 1 else ""
    return f"{names} ({arguments})" if arguments else names


def code_of(text):
    """A type, as a link if it is one of cenote's with a page of its own."""
    match = re.fullmatch(r"(std::vector<)?(\w+)(>)?", text)
    if match and match[2] not in ("void",):
        return f"{'`std::vector<`' if match[1] else ''}@ref cenote::{match[2]} \"{match[2]}\"{'`>`' if match[1] else ''}"
    return f"`{text}`"


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "filter":
        print(filtered(Path(sys.argv[2])), end="")
    elif sys.argv[1:] == ["messages"]:
        print(page(), end="")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
