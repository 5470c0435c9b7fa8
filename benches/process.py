#!/usr/bin/env python3
"""What one run of a whole program takes, beside what a Rust user picks today.

Two programs do the same, from start to end: find AWS credentials in the environment, list the 2,500 tags of an ECR repository,
print the newest version, end. `pick` and `ours` are those of weight.py, with an endpoint. The server is ministack from PyPI, on
loopback; the two take turns at it, and the median of their runs counts.

    python3 benches/process.py [--runs 40]    builds both in release first; needs python3 with venv

Exits with 1 if `ours` is slower or takes more memory.
"""

import argparse
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

import weight

ACCOUNT, REGION, REPOSITORY, TAGS = "111122223333", "eu-west-1", "apps/mainapp", 2500

OUR_PROGRAM = weight.OUR_PROGRAM.replace(
    "Reflector::builder()", 'Reflector::builder().endpoint_url(std::env::var("AWS_ENDPOINT_URL")?)'
)

FILL = """
import boto3, json, sys
ecr = boto3.client("ecr")
ecr.create_repository(repositoryName=sys.argv[1])
for i in range(int(sys.argv[2])):
    manifest = json.dumps({"schemaVersion": 2, "annotations": {"number": str(i)}})
    ecr.put_image(repositoryName=sys.argv[1], imageManifest=manifest, imageTag=f"1.{i // 100}.{i % 100}")
"""


# A process's greatest memory is never less than that of whoever started it: so this starts it, and is small itself.
LAUNCHER = [sys.executable, "-I", "-S", "-c", """
import os, sys, time
started = time.monotonic()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, used = os.wait4(pid, 0)
print(time.monotonic() - started, used.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=40, help="of each program")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="process-") as scratch:
        scratch = pathlib.Path(scratch)
        pick = build(scratch, "pick", *weight.PROGRAMS["pick"])
        ours = build(scratch, "ours", weight.PROGRAMS["ours"][0], OUR_PROGRAM)
        subprocess.run([sys.executable, "-m", "venv", scratch / "venv"], check=True)
        python = scratch / "venv" / "bin" / "python"
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, "boto3>=1.43,<2", "ministack>=1.5.33,<1.6"], check=True)
        measured = with_ministack(scratch, python, [("pick", [pick, REPOSITORY]), ("ours", [ours, image()])], options.runs)
    print_table(measured)
    return 0 if all(measured["ours"][what] <= measured["pick"][what] for what in ("ms", "mib")) else 1


def image():
    return f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{REPOSITORY}"


def build(scratch, name, dependencies, source):
    project = weight.write_project(scratch / name, name, dependencies, source)
    weight.build(project, name)
    return project / "target" / "release" / name


def with_ministack(scratch, python, programs, runs):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    settings = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "MINISTACK_REGION": REGION, "SERVICES": "sts,ecr", "LOG_LEVEL": "WARNING"}
    start = [python, "-c", "from ministack.app import main; main()"]
    server = subprocess.Popen(start, cwd=scratch, env=os.environ | settings, stdout=subprocess.DEVNULL)
    try:
        wait_for(f"{url}/_ministack/health", server)
        environment = {
            "PATH": os.environ["PATH"], "AWS_ENDPOINT_URL": url, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true",
        }  # fmt: skip
        subprocess.run([python, "-c", FILL, REPOSITORY, str(TAGS)], env=environment, check=True)
        return measure(programs, environment, runs)
    finally:
        server.terminate()
        server.wait()


def wait_for(url, server):
    until = time.monotonic() + 60
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    sys.exit("ministack does not start")


def measure(programs, environment, runs):
    times, memory = ({name: [] for name, _ in programs} for _ in range(2))
    for turn in range(runs + 1):
        for name, command in programs:
            child = subprocess.run([*LAUNCHER, *command], env=environment, stdout=subprocess.PIPE, text=True)
            *printed, figures = child.stdout.splitlines() or [""]
            if child.returncode != 0 or "24" not in str(printed) or "99" not in str(printed):
                sys.exit(f"{name} prints {printed} and exits with {child.returncode}, not with 1.24.99")
            if turn > 0:  # the first is for the caches
                seconds, kibibytes = figures.split()
                times[name].append(float(seconds) * 1000)
                memory[name].append(int(kibibytes) / 1024)
    return {name: {"ms": statistics.median(times[name]), "least": min(times[name]), "mib": max(memory[name])} for name in times}


def print_table(measured):
    print("| program | median | quickest | memory, at most |")
    print("|---|---:|---:|---:|")
    for name, figures in measured.items():
        print(f"| {name} | {figures['ms']:.1f} ms | {figures['least']:.1f} ms | {figures['mib']:.1f} MiB |")


if __name__ == "__main__":
    sys.exit(main())
