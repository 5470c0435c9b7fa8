#!/usr/bin/env python3
"""What the three crates cost to build and to ship, beside what a Rust user picks today.

Three programs do the same: find AWS credentials, list the tags of an ECR repository, print the newest version.

  pick   aws-config and aws-sdk-ecr with their default features
  lean   the same crates, default-features = false, rustls with ring, without single sign-on
  ours   flux-aws-auth, flux-ecr-reflect and flux-policy of this workspace, with their default features

Each is built clean, in release, with one build job, in a directory of its own. Counted are the crates in its tree, the
instructions of the build where `perf` is installed (which other work on the machine does not add to), its processor time and wall
time, and the program's bytes.

    python3 benches/weight.py              measures all three and prints a table; ten minutes on a quiet machine
    python3 benches/weight.py --no-build   counts the crates alone

Exits with 1 if `ours` costs more than 0.6 of the pick's build or more than 0.65 of its bytes.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

WORKSPACE = pathlib.Path(__file__).resolve().parent.parent
MAX_BUILD, MAX_BYTES = 0.6, 0.65

SDK_PROGRAM = """
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let repository = std::env::args().nth(1).ok_or("usage: newest REPOSITORY")?;
    CONFIG
    let client = aws_sdk_ecr::Client::new(&config);
    let mut pages = client.list_images().repository_name(repository).into_paginator().send();
    let mut newest: Option<semver::Version> = None;
    while let Some(page) = pages.next().await {
        for image in page?.image_ids() {
            let version = image.image_tag().and_then(|tag| semver::Version::parse(tag).ok());
            newest = newest.max(version);
        }
    }
    println!("{newest:?}");
    Ok(())
}
"""

DEFAULTS = "let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;"

WITH_RING = """
    use aws_smithy_http_client::{Builder, tls::{Provider, rustls_provider::CryptoMode}};
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let config = aws_config::defaults(aws_config::BehaviorVersion::latest()).http_client(http).load().await;
"""

OUR_PROGRAM = """
use flux_aws_auth::Chain;
use flux_ecr_reflect::Reflector;
use flux_policy::Policy;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let image = std::env::args().nth(1).ok_or("usage: newest IMAGE")?;
    let reflector = Reflector::builder().credentials(Chain::builder().build()).build()?;
    let latest = reflector.latest_image(&image.parse()?, &Policy::semver("*")?).await?;
    println!("{:?}", latest.image_ref());
    Ok(())
}
"""

PROGRAMS = {
    "pick": (
        """
        aws-config = "1"
        aws-sdk-ecr = "1"
        semver = "1"
        tokio = { version = "1", features = ["macros", "rt"] }
        """,
        SDK_PROGRAM.replace("CONFIG", DEFAULTS),
    ),
    "lean": (
        """
        aws-config = { version = "1", default-features = false, features = ["rt-tokio"] }
        aws-sdk-ecr = { version = "1", default-features = false, features = ["rt-tokio"] }
        aws-smithy-http-client = { version = "1", default-features = false, features = ["rustls-ring"] }
        semver = "1"
        tokio = { version = "1", features = ["macros", "rt"] }
        """,
        SDK_PROGRAM.replace("CONFIG", WITH_RING),
    ),
    "ours": (
        f"""
        flux-aws-auth = {{ path = "{WORKSPACE}/flux-aws-auth" }}
        flux-ecr-reflect = {{ path = "{WORKSPACE}/flux-ecr-reflect" }}
        flux-policy = {{ path = "{WORKSPACE}/flux-policy" }}
        tokio = {{ version = "1", features = ["macros", "rt"] }}
        """,
        OUR_PROGRAM,
    ),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-build", action="store_true", help="count the crates alone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="weight-") as scratch:
        measured = {}
        for name, (dependencies, source) in PROGRAMS.items():
            project = write_project(pathlib.Path(scratch) / name, name, dependencies, source)
            measured[name] = {"crates": count_crates(project)}
            if not options.no_build:
                measured[name] |= build(project, name)
            print(name, measured[name], file=sys.stderr, flush=True)
    print_table(measured)
    if options.no_build:
        return 0
    ours, pick = measured["ours"], measured["pick"]
    held = ours["cpu"] <= MAX_BUILD * pick["cpu"] and ours["bytes"] <= MAX_BYTES * pick["bytes"]
    return 0 if held else 1


def write_project(folder, name, dependencies, source):
    (folder / "src").mkdir(parents=True)
    dependencies = "\n".join(line.strip() for line in dependencies.strip().splitlines())
    manifest = f'[package]\nname = "{name}"\nversion = "0.0.0"\nedition = "2024"\n\n[dependencies]\n{dependencies}\n'
    (folder / "Cargo.toml").write_text(manifest)
    (folder / "src" / "main.rs").write_text(source)
    # The versions that the workspace is tested with, where it has them.
    (folder / "Cargo.lock").write_bytes((WORKSPACE / "Cargo.lock").read_bytes())
    subprocess.run(["cargo", "fetch", "--quiet"], cwd=folder, check=True)
    return folder


def count_crates(project):
    tree = ["cargo", "tree", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"]
    lines = subprocess.run(tree, cwd=project, check=True, capture_output=True, text=True).stdout.splitlines()
    packages = {" ".join(line.split()[:2]) for line in lines if line}
    return len(packages) - 1  # the program itself


def build(project, name):
    command = ["cargo", "build", "--release", "--quiet", "--offline", "--jobs", "1"]
    environment = os.environ | {"CARGO_TARGET_DIR": str(project / "target")}
    counted = project / "instructions"
    if shutil.which("perf"):
        command = ["perf", "stat", "--field-separator=,", "--event=instructions:u", f"--output={counted}"] + command
    started = time.monotonic()
    child = subprocess.Popen(command, cwd=project, env=environment)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{name} does not build")
    program = project / "target" / "release" / name
    cpu = used.ru_utime + used.ru_stime
    measured = {"cpu": cpu, "wall": time.monotonic() - started, "bytes": program.stat().st_size}
    if counted.exists():
        lines = counted.read_text().splitlines()
        measured["instructions"] = next(int(line.split(",")[0]) for line in lines if ",instructions:u," in line)
    return measured


def print_table(measured):
    pick = measured["pick"]
    print("| program | crates | build, instructions | build, processor time | build, wall time | program |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, figures in measured.items():
        columns = [
            ("instructions", lambda count: f"{count / 1e9:,.0f} · 10⁹"),
            ("cpu", lambda seconds: f"{seconds:.0f} s"),
            ("wall", lambda seconds: f"{seconds:.0f} s"),
            ("bytes", lambda length: f"{length / 1e6:.1f} MB"),
        ]
        cells = [name, str(figures["crates"])]
        for key, shown in columns:
            ratio = f" ({figures[key] / pick[key]:.2f}×)" if key in figures else ""
            cells.append(shown(figures[key]) + ratio if key in figures else "")
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    sys.exit(main())
