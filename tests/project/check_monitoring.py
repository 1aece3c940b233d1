#!/usr/bin/env python3
"""Tries contrib/grafana and contrib/prometheus with a real Prometheus, which scrapes a pool under load.

- promtool accepts the alerts and the example of a configuration, and alerts_test.yml holds.
- Every metric that dashboard and alerts name is in docs/metrics.md; every alert has its heading in docs/operating.md.
- The dashboard's panels do not overlap.
- Prometheus scrapes a pool under load, and `cenote serve` with a token. All alerts can be evaluated, and every query of
  the dashboard returns numbers.

    check_monitoring.py SOURCE BUILD
"""

import itertools
import json
import math
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from check_documents import anchors

PATIENCE = 90  # Seconds until everything must have numbers; a few are enough on an idle machine.
METRIC = re.compile(r"\b(?:cenote|db_client)_\w+")


def program(name):
    """The one that is installed, or that scripts/setup has unpacked."""
    cache = os.environ.get("CENOTE_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "cenote"
    found = shutil.which(name) or shutil.which(name, path=Path(cache) / "prometheus/bin")
    return found or fail(f"{name} is missing: run scripts/setup")


def fail(text):
    sys.exit(f"monitoring: {text}")


def run(*command, cwd=None):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode != 0:
        fail(f"{' '.join(map(str, command))}:\n{done.stdout}{done.stderr}")
    return done.stdout


def check_rules(source):
    contrib, promtool = source / "contrib/prometheus", program("promtool")
    run(promtool, "check", "rules", contrib / "alerts.yml")
    run(promtool, "check", "config", contrib / "prometheus.yml")
    run(promtool, "test", "rules", source / "tests/project/alerts_test.yml")


def documented_names(source):
    """Metrics as they are stored, and labels."""
    names = set()
    for row in re.findall(r"^\| `(\w+)` \| (\w+) \|[^|]*\|([^|]*)\|", (source / "docs/metrics.md").read_text(), re.M):
        name, kind, labels = row
        names |= {name + x for x in ("_bucket", "_count", "_sum")} if kind == "histogram" else {name}
        names |= set(re.findall(r"`(\w+)`", labels))
    return names


def check_names(source, queries):
    unknown = {x for query in queries for x in METRIC.findall(query)} - documented_names(source)
    if unknown:
        fail(f"docs/metrics.md knows nothing of {', '.join(sorted(unknown))}")


def check_layout(panels):
    if len({x["id"] for x in panels}) != len(panels):
        fail("two panels of the dashboard have the same id")
    for a, b in itertools.combinations(panels, 2):
        p, q = a["gridPos"], b["gridPos"]
        if (p["x"] < q["x"] + q["w"] and q["x"] < p["x"] + p["w"] and p["y"] < q["y"] + q["h"]
                and q["y"] < p["y"] + p["h"]):
            fail(f"the panels '{a['title']}' and '{b['title']}' overlap")
    if any(x["gridPos"]["x"] + x["gridPos"]["w"] > 24 for x in panels):
        fail("a panel of the dashboard is beyond its 24 columns")


class Processes:
    """What runs, and ends with the block, however that ends."""

    def __enter__(self):
        self.all = []
        return self

    def __exit__(self, *_):
        for process in reversed(self.all):
            process.terminate()
        for process in self.all:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()

    def start(self, command, log, env=None):
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=open(log, "w"), stderr=subprocess.STDOUT,
                                   env=env)
        self.all.append(process)
        return process


def await_line(process, log, pattern):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = re.search(pattern, log.read_text())
        if found:
            return found
        if process.poll() is not None:
            break
        time.sleep(0.05)
    fail(f"{process.args[0]} does not say {pattern}:\n{log.read_text()[-3000:]}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_prometheus(processes, folder, config):
    # Its port cannot be 0: somebody may take the free one meanwhile.
    for attempt in range(3):
        port, log = free_port(), folder / f"prometheus-{attempt}.log"
        process = processes.start([program("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}",
                                   f"--web.listen-address=127.0.0.1:{port}"], log)
        end = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < end:
            if "Server is ready to receive web requests" in log.read_text():
                return f"http://127.0.0.1:{port}"
            time.sleep(0.05)
    fail(f"Prometheus does not start:\n{log.read_text()[-3000:]}")


def ask(url, path, **parameters):
    try:
        with urllib.request.urlopen(f"{url}{path}?{urllib.parse.urlencode(parameters)}", timeout=PATIENCE) as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as err:
        fail(f"Prometheus answers {err.code} to {path} {parameters}: {err.read().decode()[:500]}")


def returns_numbers(url, query):
    series = ask(url, "/api/v1/query", query=query)["result"]
    return bool(series) and all(math.isfinite(float(x["value"][1])) for x in series)


def await_all(what, checks):
    """Waits until each of the named checks succeeds."""
    end, missing = time.monotonic() + PATIENCE, list(checks)
    while missing and time.monotonic() < end:
        missing = [x for x in missing if not x[1]()]
        time.sleep(0.2 if missing else 0)
    if missing:
        fail("\n  ".join([f"{what}:", *(name for name, _ in missing)]))


def filled_in(query):
    for name, value in (("$__rate_interval", "30s"), ("$job", ".*"), ("$instance", ".*"), ("$pool", ".*")):
        query = query.replace(name, value)
    return query


def variable_check(url, variable):
    metric, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"]).groups()
    return lambda: bool(ask(url, f"/api/v1/label/{label}/values", **{"match[]": filled_in(metric)}))


def try_it(source, build, folder, dashboard, queries):
    environment = {name: x for name, x in os.environ.items()
                   if not name.startswith(("DATABASE_", "POOL_", "MAX_", "CENOTE_"))}
    uri = run(source / "scripts/mariadb", "start", folder / "server", "--with", str(os.getpid()), "--remove").strip()
    environment |= {"DATABASE_URI": uri, "CENOTE_HTTP_LISTEN": "127.0.0.1:0", "POOL_SIZE": "4", "MAX_RETRIES": "2",
                    "INITIAL_RETRY_DELAY": "20ms"}
    (folder / "token").write_text("a-long-and-random-text\n")
    with Processes() as processes:
        targets = {}
        for name, command in (("loaded", [build / "bin/loaded-service", "8", "failing"]),
                              ("serve", [build / "bin/cenote", "serve", "--http-token-file", folder / "token"])):
            log = folder / f"{name}.log"
            process = processes.start(command, log, environment)
            targets[name] = await_line(process, log, r"HTTP: http://(127\.0\.0\.1:\d+)")[1]
        config = folder / "prometheus.yml"
        config.write_text(json.dumps({  # Which is YAML, too.
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(source / "contrib/prometheus/alerts.yml")],
            "scrape_configs": [{"job_name": "cenote",
                                "authorization": {"type": "Bearer", "credentials_file": str(folder / "token")},
                                "static_configs": [{"targets": list(targets.values())}]}]}))
        url = start_prometheus(processes, folder, config)
        await_all("these targets are not scraped",
                  [(name, lambda query=f'up{{job="cenote", instance="{target}"}} == 1': returns_numbers(url, query))
                   for name, target in targets.items()])
        variables = [x for x in dashboard["templating"]["list"] if x["type"] == "query"]
        await_all("these variables of the dashboard have no values",
                  [(x["name"], variable_check(url, x)) for x in variables])
        await_all("these queries of the dashboard return no numbers",
                  [(x, lambda query=filled_in(x): returns_numbers(url, query)) for x in queries])
        rules = [rule for group in ask(url, "/api/v1/rules")["groups"] for rule in group["rules"]]
        await_all("these alerts cannot be evaluated",
                  [(x["name"], lambda name=x["name"]: is_healthy(url, name)) for x in rules])
        return rules


def is_healthy(url, name):
    rules = [rule for group in ask(url, "/api/v1/rules")["groups"] for rule in group["rules"]]
    return all(x["health"] == "ok" for x in rules if x["name"] == name)


def check_alerts(source, rules):
    check_names(source, [x["query"] for x in rules])
    known = anchors((source / "docs/operating.md").read_text())
    for rule in rules:
        if rule["annotations"]["runbook"] != f"docs/operating.md#{rule['name'].lower()}":
            fail(f"the alert {rule['name']} does not name its heading in docs/operating.md")
        if rule["name"].lower() not in known:
            fail(f"docs/operating.md has no heading for the alert {rule['name']}")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, build = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    check_rules(source)
    dashboard = json.loads((source / "contrib/grafana/cenote.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    check_names(source, queries)
    check_layout(dashboard["panels"])
    with tempfile.TemporaryDirectory(prefix="cenote-monitoring-") as folder:
        rules = try_it(source, build, Path(folder), dashboard, queries)
    check_alerts(source, rules)
    print(f"{len(queries)} queries and {len(rules)} alerts work")


if __name__ == "__main__":
    main()
