#!/usr/bin/env python3
"""Tries contrib/systemd and contrib/container as far as that goes without systemd and without a container engine.

- systemd-analyze accepts the unit, and finds it exposed by less than 3 of 10.
- The Dockerfile's last stage runs as somebody else than root, ends by SIGTERM, installs every library that the program
  links, and runs commands that the program knows; so does compose.yaml.
- What the Dockerfile copies is there, and scripts/setup knows the options that it is called with.
- The probes for Kubernetes in docs/operating.md ask for paths that are open to everybody.
- compose.yaml uses the secrets and volumes that it declares, and no password stands in it.

    check_deployment.py SOURCE BUILD
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

MAX_EXPOSURE = 3.0
# Of a build with sanitizers; packages that every image has.
NOT_LISTED = {"libasan8", "libubsan1", "libtsan2", "libc6", "libgcc-s1", "zlib1g"}


def fail(text):
    sys.exit(f"deployment: {text}")


def expect(condition, text):
    if not condition:
        fail(text)


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    expect(done.returncode == 0, f"{' '.join(map(str, command))}:\n{done.stdout}{done.stderr}")
    return done.stdout


def check_command(build, words, place):
    """Whether the program takes this command line: with --help it does nothing else."""
    expect(words[0] == "cenote", f"{place} does not run cenote but {words[0]}")
    run(build / "bin/cenote", *words[1:], "--help")


def check_unit(source, build, folder):
    text = (source / "contrib/systemd/cenote.service").read_text()
    command = re.search(r"^ExecStart=/usr/local/bin/(.+)$", text, re.M)[1]
    check_command(build, command.split(), "cenote.service")
    unit = folder / "cenote.service"
    unit.write_text(text.replace("/usr/local/bin/cenote", str(build / "bin/cenote")))
    # What it does not understand it only warns of.
    complaints = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)
    expect(complaints.returncode == 0 and not complaints.stderr, f"systemd-analyze verify:\n{complaints.stderr}")
    report = run("systemd-analyze", "security", "--no-pager", "--offline=true", unit)
    exposure = float(re.search(r"Overall exposure level for cenote\.service: ([\d.]+)", report)[1])
    open_doors = "\n".join(x for x in report.splitlines() if x.startswith("✗"))
    expect(exposure < MAX_EXPOSURE, f"cenote.service is exposed by {exposure}:\n{open_doors}")
    return exposure


def stages(text):
    """The instructions of each stage, as pairs of name and arguments."""
    lines = re.sub(r"^\s*#.*\n", "", text, flags=re.M).replace("\\\n", " ").splitlines()
    out = []
    for line in filter(str.strip, lines):
        name, _, arguments = line.partition(" ")
        if name == "FROM":
            out.append([])
        out[-1].append((name, " ".join(arguments.split())))
    return out


def linked_packages(program):
    """Those of the libraries that it names itself: apt installs what these need."""
    needed = re.findall(r"\(NEEDED\).*\[(.+)\]", run("readelf", "--dynamic", program))
    files = dict(re.findall(r"(\S+) => (/\S+)", run("ldd", program)))
    out = set()
    for file in (files[x] for x in needed if x in files):
        # A file of the merged /usr may be known by its old place.
        for name in (file, re.sub(r"^/usr", "", str(Path(file).resolve())), str(Path(file).resolve())):
            found = subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True)
            if found.returncode == 0:
                out.add(found.stdout.partition(":")[0])
                break
        else:
            fail(f"no package has {file}, which the program links")
    return out - NOT_LISTED


def check_dockerfile(source, build):
    first, last = stages((source / "contrib/container/Dockerfile").read_text())
    final = dict(last)
    user = final.get("USER", "0")
    expect(re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), f"the image's user is {user}: must be two numbers that are not 0")
    expect(final.get("STOPSIGNAL") == "SIGTERM", "the image does not end by SIGTERM")
    check_command(build, json.loads(final["ENTRYPOINT"]) + json.loads(final["CMD"]), "the Dockerfile")
    check_command(build, json.loads(final["HEALTHCHECK"].partition("CMD ")[2]), "the Dockerfile's HEALTHCHECK")
    installed = set(re.search(r"--no-install-recommends ([^&]+)", final["RUN"])[1].split())
    missing = linked_packages(build / "bin/cenote") - installed
    expect(not missing, f"the image lacks {', '.join(sorted(missing))}")
    for name, arguments in first:
        if name == "COPY":
            expect((source / arguments.split()[0]).exists(), f"the Dockerfile copies {arguments}: there is no such file")
    options = re.search(r"scripts/setup((?: --\w+)+)", str(first))[1].split()
    known = run(source / "scripts/setup", "--help")
    expect(all(f"scripts/setup {x} " in known for x in options), f"scripts/setup does not know one of {options}")


def check_compose(source, build):
    text = (source / "contrib/container/compose.yaml").read_text()
    compose = yaml.safe_load(text)
    services = compose["services"]
    for kind in ("secrets", "volumes"):
        used = {x.partition(":")[0] for service in services.values() for x in service.get(kind, [])}
        expect(used == set(compose[kind]), f"compose.yaml declares the {kind} {set(compose[kind])}, but uses {used}")
    for name, service in services.items():
        expect("healthcheck" in service, f"the service {name} of compose.yaml has no healthcheck")
        for variable, value in service["environment"].items():
            if "PASSWORD" in variable or "URI" in variable or "TOKEN" in variable:
                expect(variable.endswith("_FILE") and value.startswith("/run/secrets/")
                       and value.removeprefix("/run/secrets/") in service["secrets"] or "RANDOM" in variable,
                       f"compose.yaml: {variable} of {name} does not name one of its secrets")
        for other in service.get("depends_on", []):
            expect(other in services, f"{name} depends on {other}, which compose.yaml does not have")
    cenote = services["cenote"]
    check_command(build, cenote["healthcheck"]["test"][1:], "the healthcheck in compose.yaml")
    context = (source / "contrib/container" / cenote["build"]["context"]).resolve()
    expect(context == source and (context / cenote["build"]["dockerfile"]).exists(),
           "compose.yaml does not build this project")
    ignored = (source / ".dockerignore").read_text().splitlines()
    for file in compose["secrets"].values():
        folder = str((Path("contrib/container") / file["file"]).parent)
        expect(folder in ignored, f"{folder} is not in .dockerignore: secrets would become part of the image")


def check_probes(source):
    pod = yaml.safe_load(re.search(r"^```yaml\n(.*?)^```", (source / "docs/operating.md").read_text(), re.S | re.M)[1])
    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        path = pod["containers"][0][name]["httpGet"]["path"]
        expect(path in ("/livez", "/readyz"), f"docs/operating.md: the {name} asks for {path}, which needs a token")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, build = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    with tempfile.TemporaryDirectory(prefix="cenote-deployment-") as folder:
        exposure = check_unit(source, build, Path(folder))
    check_dockerfile(source, build)
    check_compose(source, build)
    check_probes(source)
    print(f"unit (exposure {exposure}), Dockerfile and compose.yaml are as they must be")


if __name__ == "__main__":
    main()
