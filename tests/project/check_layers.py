#!/usr/bin/env python3
"""Checks that every file includes only what its layer may know.

CMake's links enforce most of it, but headers of CAF, MariaDB and spdlog lie in places that the compiler always searches.

    check_layers.py ROOT        checks the project; prints what is wrong, exit code 1 if something is
    check_layers.py --self-test checks this script
"""

import re
import sys
from pathlib import Path

CAF = "caf/"
MARIADB = ("mysql", "mariadb", "errmsg.h", "mysqld_error.h")
NOT_PURE = (CAF, *MARIADB, "spdlog/", "openssl/", "thread", "mutex", "future", "sys/", "unistd.h", "poll.h")

FOLDERS = ["types", "pool", "jobs", "payload", "connection", "db", "net", "node", "config", "log", "metrics", "runtime", "actors", "remote", "client", "job_tables", "job_queue", "http", "app"]

# The folder, the other folders of src/ it may know, and what it must not include.
# The first line that a path begins with counts.
LAYERS = [
    # Travel over the network or belong to the pure layers: no library at all.
    ("include/cenote/value.hpp", [], NOT_PURE),
    ("include/cenote/statement.hpp", [], NOT_PURE),
    ("include/cenote/result.hpp", [], NOT_PURE),
    ("include/cenote/detail/mapping.hpp", [], NOT_PURE),
    ("include/cenote/detail/row_reader.hpp", [], NOT_PURE),
    ("include/cenote/detail/parameter_writer.hpp", [], NOT_PURE),
    ("include/cenote/status.hpp", [], NOT_PURE),
    ("include/cenote/events.hpp", [], NOT_PURE),
    ("include/cenote/effective_settings.hpp", [], NOT_PURE),
    ("include/cenote/session.hpp", [], NOT_PURE),
    ("include/cenote/transaction.hpp", [], NOT_PURE),
    ("include/cenote/failure.hpp", [], NOT_PURE),
    ("include/cenote/node_status.hpp", [], NOT_PURE),
    ("include/cenote/settings.hpp", [], NOT_PURE),
    ("include/cenote/configuration.hpp", [], NOT_PURE),
    ("include/", [], (*MARIADB, "spdlog/", "openssl/", "nlohmann/")),
    ("src/types/", ["types"], NOT_PURE),
    ("src/pool/", ["pool", "types"], NOT_PURE),
    ("src/jobs/", ["jobs", "types"], NOT_PURE),
    ("src/payload/", ["payload", "types"], (*MARIADB, "spdlog/", "openssl/")),
    # Of src/db only the seam, which its links enforce.
    ("src/connection/", ["connection", "pool", "types", "db"], NOT_PURE),
    ("src/db/", ["db", "types"], (CAF, "spdlog/")),
    ("src/net/", ["net", "types"], (CAF, *MARIADB, "spdlog/")),
    ("src/config/", ["config", "net", "types"], MARIADB),
    ("src/log/", ["log", "types"], (CAF, *MARIADB)),
    ("src/metrics/", ["metrics", "pool", "types"], (*MARIADB, "spdlog/")),
    ("src/runtime/", ["runtime", "types"], (*MARIADB, "spdlog/")),
    ("src/node/", ["node", "pool", "types"], NOT_PURE),
    ("src/remote/", ["remote", "actors", "node", "net", "pool", "connection", "db", "config", "log", "metrics", "runtime", "types"], MARIADB),
    ("src/actors/", ["actors", "pool", "connection", "net", "db", "config", "log", "metrics", "runtime", "types"], MARIADB),
    ("src/job_tables/", ["job_tables", "jobs", "types"], NOT_PURE),
    ("src/job_queue/", ["job_queue", "job_tables", "jobs", "actors", "client", "log", "runtime", "types"], (*MARIADB, "spdlog/spdlog.h")),
    ("src/client/", ["client", "log", "runtime", "types"], (*MARIADB, "spdlog/")),
    ("src/http/", ["http"], (CAF, *MARIADB, "spdlog/", "openssl/", "cenote/")),
    ("src/app/", ["app", "client", "config", "http", "job_queue", "job_tables", "jobs", "log", "metrics", "net", "types"], MARIADB),
    ("examples/", ["app", "config"], MARIADB),
    # What the pool is compared with.
    ("bench/jobs/loop.cpp", [], ()),
    ("bench/sides/threads/", [], ()),
    ("bench/sides/poco/", [], ()),
    ("bench/sides/soci/", [], ()),
    ("bench/", [], MARIADB),
    ("tests/", FOLDERS, MARIADB),
]

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
# Pure code is told the time and the seed of its dice, and waits for nobody.
IMPURE = re.compile(r"_clock::now\s*\(|\bstd::(j?thread|this_thread|async)\b|\bsleep(_for|_until)?\s*\(|\brand\s*\(|\brandom_device\b")
PURE_FOLDERS = ("src/pool/", "src/jobs/", "src/job_tables/", "src/connection/", "src/node/", "src/types/")


def problems(path, text):
    """What is wrong with one file: a list of texts."""
    layer = next((x for x in LAYERS if path.startswith(x[0])), None)
    if layer is None:
        return [f"{path}: no layer: add its folder to LAYERS in check_layers.py"]
    _, known, forbidden = layer
    out = []
    for number, line in enumerate(text.splitlines(), 1):
        if match := INCLUDE.match(line):
            name = match[1]
            folder = name.split("/")[0] if "/" in name else ""
            if name.startswith(tuple(forbidden)) or (folder in FOLDERS and folder not in known):
                out.append(f"{path}:{number}: must not include {name}")
        if path.startswith(PURE_FOLDERS) and IMPURE.search(line.split("//")[0]):
            out.append(f"{path}:{number}: pure code must not read a clock, wait, start threads or seed itself")
    return out


def check(root):
    files = [x for folder in ("include", "src", "examples", "bench", "tests") for x in sorted((root / folder).rglob("*"))
             if x.suffix in (".hpp", ".cpp")]
    if len(files) < 20:
        return [f"only {len(files)} source files in {root}: is it the project's folder?"]
    return [problem for file in files
            for problem in problems(file.relative_to(root).as_posix(), file.read_text(encoding="utf-8"))]


def self_test():
    wrong = [
        ("src/pool/a.cpp", "#include <caf/actor.hpp>"),
        ("src/pool/a.cpp", '#include "db/connection.hpp"'),
        ("src/pool/a.cpp", "auto t = std::chrono::steady_clock::now();"),
        ("src/pool/a.cpp", "  #  include <mutex>"),
        ("src/pool/a.cpp", "std::mt19937 dice{std::random_device{}()};"),
        ("src/jobs/a.cpp", "#include <caf/actor.hpp>"),
        ("src/jobs/a.cpp", '#include "pool/pool_core.hpp"'),
        ("src/jobs/a.cpp", "auto t = std::chrono::system_clock::now();"),
        ("src/pool/a.cpp", '#include "jobs/cron.hpp"'),
        ("src/payload/a.cpp", '#include "jobs/cron.hpp"'),
        ("src/payload/a.cpp", "#include <mysql.h>"),
        ("include/cenote/jobs/payload.hpp", "#include <nlohmann/json.hpp>"),
        ("src/types/a.cpp", "#include <mysql.h>"),
        ("src/types/a.cpp", '#include "pool/pool_core.hpp"'),
        ("src/db/a.cpp", "#include <caf/actor.hpp>"),
        ("src/db/a.cpp", '#include "actors/io_thread.hpp"'),
        ("src/net/a.cpp", "#include <caf/actor.hpp>"),
        ("src/net/a.cpp", "#include <mysql.h>"),
        ("src/net/a.cpp", '#include "db/connection.hpp"'),
        ("src/pool/a.cpp", '#include "net/stream.hpp"'),
        ("src/http/a.cpp", '#include "net/stream.hpp"'),
        ("src/node/a.cpp", '#include "net/stream.hpp"'),
        ("src/node/a.cpp", "#include <caf/actor.hpp>"),
        ("src/remote/a.cpp", "#include <mysql.h>"),
        ("src/remote/a.cpp", '#include "app/json.hpp"'),
        ("src/config/a.cpp", "#include <mysql.h>"),
        ("src/config/a.cpp", '#include "db/connection.hpp"'),
        ("src/actors/a.cpp", "#include <mariadb/mysql.h>"),
        ("src/actors/a.cpp", '#include "app/json.hpp"'),
        ("src/http/a.cpp", "#include <caf/actor.hpp>"),
        ("src/http/a.cpp", '#include "app/json.hpp"'),
        ("src/pool/a.cpp", '#include "http/server.hpp"'),
        ("src/app/a.cpp", '#include "db/connection.hpp"'),
        ("src/app/a.cpp", '#include "pool/pool_core.hpp"'),
        ("include/cenote/value.hpp", "#include <caf/actor.hpp>"),
        ("include/cenote/pool.hpp", '#include "actors/io_thread.hpp"'),
        ("bench/sides/cenote/a.cpp", "#include <mysql.h>"),
        ("tests/a.cpp", "#include <mysql.h>"),
        ("src/other/a.cpp", ""),
    ]
    right = [
        ("src/pool/a.cpp", '#include "pool/pool_core.hpp"\n#include "cenote/status.hpp"\n#include <chrono>'),
        ("src/pool/a.cpp", "// not steady_clock::now()"),
        ("src/jobs/a.cpp", '#include "jobs/cron.hpp"\n#include "types/printable.hpp"\n#include "cenote/jobs/job.hpp"\n#include <fstream>'),
        ("src/payload/a.cpp", "#include <caf/type_id.hpp>\n#include <nlohmann/json.hpp>"),
        ("src/db/a.cpp", "#include <mysql.h>\n#include <poll.h>"),
        ("src/net/a.cpp", "#include <openssl/ssl.h>\n#include <sys/socket.h>"),
        ("src/config/a.cpp", "#include <caf/settings.hpp>"),
        ("src/actors/a.cpp", '#include "pool/pool_core.hpp"\n#include "db/connection.hpp"\n#include <caf/actor.hpp>'),
        ("include/cenote/actors.hpp", "#include <caf/typed_actor.hpp>"),
        ("bench/sides/threads/a.cpp", "#include <mysql.h>"),
    ]
    return ([f"not found: {path}: {text}" for path, text in wrong if not problems(path, text)]
            + [f"found by mistake: {x}" for path, text in right for x in problems(path, text)])


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = self_test() if sys.argv[1] == "--self-test" else check(Path(sys.argv[1]))
    for problem in found:
        print(problem)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
