#!/usr/bin/env python3
"""Checks that the project's documents agree with its files.

- Relative links in Markdown files lead to existing files, and to a heading if they name one.
- C++ excerpts, marked with `<!-- excerpt of FILE -->` before the code block, are in that file.
- The paths in CONTRIBUTING.md under "Where to change what" exist.
- Every decision has a status line below its title, and its row in docs/decisions/README.md.
- README.md is short.

    check_documents.py ROOT        checks the project; prints what is wrong, exit code 1 if something is
    check_documents.py --self-test checks this script
"""

import re
import sys
import tempfile
from pathlib import Path

MAX_README_WORDS = 1400
NOT_OURS = {"build", "node_modules"}

FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
EXCERPT = re.compile(r"<!-- excerpt of (\S+) -->\n```cpp\n(.*?)^```", re.MULTILINE | re.DOTALL)
STATUS = re.compile(r"# (\d+)\. (.+)\n\nStatus: (accepted|superseded by \d{4})\n")


def read(path):
    return path.read_text(encoding="utf-8")


def documents(root):
    """All Markdown files of the project."""
    return [x for x in sorted(root.rglob("*.md"))
            if not any(part in NOT_OURS or part.startswith(".") for part in x.relative_to(root).parts)]


def anchors(text):
    """What a link may name after '#': the headings as GitHub and Forgejo write them."""
    out = set()
    for title in HEADING.findall(FENCE.sub("", text)):
        title = LINK.sub("]", title)
        anchor = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        copies = sum(1 for x in out if x == anchor or re.fullmatch(re.escape(anchor) + r"-\d+", x))
        out.add(f"{anchor}-{copies}" if copies else anchor)
    return out


def link_problems(root, path):
    text = FENCE.sub("", read(path))
    text = re.sub(r"`[^`\n]*`", "`code`", text)
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = path.parent / name if name else path
        if not file.exists():
            yield f"{path.relative_to(root)}: link to {target}: there is no such file"
        elif anchor and anchor not in anchors(read(file)):
            yield f"{path.relative_to(root)}: link to {target}: there is no such heading"


def code_lines(text):
    """The lines without indentation and comments; `// ...` stands for lines left out."""
    lines = (x.strip() for x in text.splitlines())
    lines = ("..." if x.startswith("// ...") else re.sub(r"(^|\s+)//.*", "", x) for x in lines)
    return [x for x in lines if x]


def excerpt_problems(root, path):
    for name, code in EXCERPT.findall(read(path)):
        source = root / name
        if not source.exists():
            yield f"{path.relative_to(root)}: excerpt of {name}: there is no such file"
            continue
        rest = "\n".join(["", *code_lines(read(source)), ""])
        for part in "\n".join(code_lines(code)).split("\n...\n"):
            _, found, rest = rest.partition(f"\n{part}\n")
            rest = "\n" + rest
            if not found:
                first = part.splitlines()[0]
                yield f"{path.relative_to(root)}: excerpt of {name}: the lines from '{first}' on are not in it"
                break


def contributing_problems(root):
    _, found, section = read(root / "CONTRIBUTING.md").partition("\n## Where to change what\n")
    rows = [x for x in section.partition("\n## ")[0].splitlines() if x.startswith("| ")]
    paths = [x for row in rows for x in re.findall(r"`([^`\s]*/[^`\s]*)`", row)]
    if not found or not paths:
        yield "CONTRIBUTING.md: the table 'Where to change what' is missing"
    for path in paths:
        if not (root / path).exists():
            yield f"CONTRIBUTING.md: 'Where to change what' names {path}: there is no such file"


def decision_problems(root):
    folder = root / "docs/decisions"
    index = read(folder / "README.md")
    numbers = set()
    for path in sorted(folder.glob("[0-9]*.md")):
        number, name = path.name[:4], path.relative_to(root)
        match = STATUS.match(read(path))
        if not match:
            yield (f"{name}: must begin with '# N. Title', an empty line, and 'Status: accepted' or 'Status: superseded by"
                   " NNNN'")
            continue
        if int(match[1]) != int(number) or number in numbers:
            yield f"{name}: its number is used twice, or is not that of its title"
        numbers.add(number)
        row = f"| [{number}]({path.name}) | {match[2]} | {match[3]} |"
        if row not in index.splitlines():
            yield f"docs/decisions/README.md: lacks the line: {row}"


def length_problems(root):
    words = len(read(root / "README.md").split())
    if words > MAX_README_WORDS:
        yield f"README.md: has {words} words, but must have at most {MAX_README_WORDS}: move details to docs/"


def check(root):
    files = documents(root)
    if root / "README.md" not in files:
        return [f"{root} has no README.md: is it the project's folder?"]
    out = [problem for path in files for find in (link_problems, excerpt_problems) for problem in find(root, path)]
    for find in (contributing_problems, decision_problems, length_problems):
        out += find(root)
    return out


def self_test():
    right = {
        "README.md": "# A title, `code` & more\n[a](docs/a.md#b-c) [b](#a-title-code--more) [c](https://a.example/x)\n"
                     "```\n[d](nowhere.md)\n```\n<!-- excerpt of a.cpp -->\n```cpp\nint a;\n// ...\nint c;\n```\n",
        "docs/a.md": "# A\n## B: c\n[up](../README.md) `[e](nowhere.md)`\n",
        "a.cpp": "// A file.\nint a; // One.\n  int b;\n    int c;\n",
        "CONTRIBUTING.md": "# C\n\n## Where to change what\n\n| you want | go to |\n|---|---|\n| x | `docs/a.md` |\n",
        "docs/decisions/README.md": "| [0001](0001-a.md) | A | accepted |\n"
                                    "| [0002](0002-b.md) | B | superseded by 0001 |\n",
        "docs/decisions/0001-a.md": "# 1. A\n\nStatus: accepted\n\nText.\n",
        "docs/decisions/0002-b.md": "# 2. B\n\nStatus: superseded by 0001\n\nText.\n",
    }
    wrong = [
        ("docs/a.md", "[up](../RADME.md)", "docs/a.md: link to ../RADME.md: there is no such file"),
        ("docs/a.md", "# A\n", "README.md: link to docs/a.md#b-c: there is no such heading"),
        ("a.cpp", "int a;\nint b;\n", "README.md: excerpt of a.cpp: the lines from 'int c;' on are not in it"),
        ("a.cpp", "int c;\nint a;\n", "README.md: excerpt of a.cpp: the lines from 'int c;' on are not in it"),
        ("a.cpp", None, "README.md: excerpt of a.cpp: there is no such file"),
        ("CONTRIBUTING.md", right["CONTRIBUTING.md"].replace("a.md", "b.md"),
         "CONTRIBUTING.md: 'Where to change what' names docs/b.md: there is no such file"),
        ("CONTRIBUTING.md", "# C\n", "CONTRIBUTING.md: the table 'Where to change what' is missing"),
        ("docs/decisions/0001-a.md", "# 1. A\n\nText.\n", "docs/decisions/0001-a.md: must begin with"),
        ("docs/decisions/0001-a.md", "# 2. A\n\nStatus: accepted\n", "docs/decisions/0001-a.md: its number"),
        ("docs/decisions/0003-c.md", "# 3. C\n\nStatus: accepted\n",
         "docs/decisions/README.md: lacks the line: | [0003](0003-c.md) | C | accepted |"),
        ("docs/decisions/0002-b.md", "# 2. B\n\nStatus: accepted\n", "docs/decisions/README.md: lacks the line"),
        ("README.md", right["README.md"] + "word " * MAX_README_WORDS, "README.md: has "),
        ("README.md", None, "has no README.md"),
    ]
    out = []
    for name, text, expected in [("README.md", right["README.md"], ""), *wrong]:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for file, content in {**right, name: text}.items():
                if content is not None:
                    (root / file).parent.mkdir(parents=True, exist_ok=True)
                    (root / file).write_text(content, encoding="utf-8")
            found = check(root)
            if not expected and found:
                out.append(f"found by mistake: {found}")
            elif expected and not any(expected in x for x in found):
                out.append(f"not found: {expected}; but {found}")
    return out


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = self_test() if sys.argv[1] == "--self-test" else check(Path(sys.argv[1]).resolve())
    for problem in found:
        print(problem)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
