"""Checks local-aws's registries from outside: skopeo, which nobody here wrote, copies images to them and back.

Usage: checks.py PROGRAM. Starts the program, ends it, and exits with 1 if a check failed. Passwords come from the APIs by
way of curl, whose signatures nobody here wrote either.
"""

import base64
import hashlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
FLUX_CONFIG = "application/vnd.cncf.flux.config.v1+json"
FLUX_LAYER = "application/vnd.cncf.flux.content.v1.tar+gzip"


class Layout:
    """An OCI image layout: https://github.com/opencontainers/image-spec/blob/main/image-layout.md."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        (self.path / "blobs/sha256").mkdir(parents=True)
        (self.path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        self.entries = []

    def blob(self, media_type, content):
        digest = hashlib.sha256(content).hexdigest()
        (self.path / "blobs/sha256" / digest).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    def document(self, media_type, **fields):
        content = {"schemaVersion": 2, "mediaType": media_type} | fields
        return self.blob(media_type, json.dumps(content).encode())

    def image(self, architecture, *layers):
        digests = ["sha256:" + hashlib.sha256(layer).hexdigest() for layer in layers]
        config = {"architecture": architecture, "os": "linux", "rootfs": {"type": "layers", "diff_ids": digests}}
        config = self.blob(CONFIG, json.dumps(config).encode())
        return self.document(IMAGE, config=config, layers=[self.blob(LAYER, layer) for layer in layers])

    def artifact(self, content):
        layers = [self.blob(FLUX_LAYER, content)]
        annotations = {"org.opencontainers.image.revision": "main@sha1:0123456789abcdef0123456789abcdef01234567"}
        return self.document(IMAGE, config=self.blob(FLUX_CONFIG, b"{}"), layers=layers, annotations=annotations)

    def tag(self, name, descriptor):
        self.entries.append(descriptor | {"annotations": {"org.opencontainers.image.ref.name": name}})
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": self.entries}
        (self.path / "index.json").write_text(json.dumps(index))


def sources(path):
    """An image of two layers, of which one is large, an artifact of Flux's, and an index of two images."""
    layout = Layout(path)
    amd64 = layout.image("amd64", os.urandom(6_000_000), b"\0" * 1024)
    layout.tag("image", amd64)
    layout.tag("artifact", layout.artifact(b"not quite a tarball"))
    arm64 = layout.image("arm64", b"\0" * 1024)
    platform = lambda image, name: image | {"platform": {"architecture": name, "os": "linux"}}
    layout.tag("index", layout.document(INDEX, manifests=[platform(amd64, "amd64"), platform(arm64, "arm64")]))
    return layout


class Checks:
    def __init__(self, lines, directory):
        self.environment = dict(re.fullmatch(r"export (\w+)='(.*)'", line).groups() for line in lines if "=" in line)
        self.directory = pathlib.Path(directory)
        self.sources = sources(self.directory / "sources")
        self.digests = {entry["annotations"]["org.opencontainers.image.ref.name"]: entry["digest"]
                        for entry in self.sources.entries}
        host = lambda name: self.environment[f"LOCAL_AWS_{name}"]
        self.ecr, self.public, self.generic = host("REGISTRY"), host("PUBLIC_REGISTRY"), host("GENERIC_REGISTRY")
        self.ecr_login = self.password("ECR", "eu-west-1", "ecr", "AmazonEC2ContainerRegistry_V20150921")
        self.public_login = self.password("ECR_PUBLIC", "us-east-1", "ecr-public", "SpencerFrontendService")
        self.generic_login = host("GENERIC_USER")

    def call(self, endpoint, region, service, target, body="{}"):
        """A signed call of an API."""
        keys = ":".join(self.environment[f"AWS_{name}"] for name in ["ACCESS_KEY_ID", "SECRET_ACCESS_KEY"])
        curl = ["curl", "--silent", "--show-error", "--aws-sigv4", f"aws:amz:{region}:{service}", "--config", "-"]
        for header in ["content-type: application/x-amz-json-1.1", f"x-amz-target: {target}"]:
            curl += ["--header", header]
        curl += ["--data", body, self.environment[f"AWS_ENDPOINT_URL_{endpoint}"] + "/"]
        done = subprocess.run(curl, input=f'user = "{keys}"', capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    def password(self, endpoint, region, service, target):
        data = self.call(endpoint, region, service, f"{target}.GetAuthorizationToken")["authorizationData"]
        data = data[0] if isinstance(data, list) else data
        return base64.b64decode(data["authorizationToken"]).decode()

    def skopeo(self, *arguments):
        """What skopeo writes; it knows no registry but the one it is told about."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.directory), "TMPDIR": str(self.directory)}
        command = ["skopeo", "--insecure-policy", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        return done.stdout

    def push(self, tag, image, login=None, source=None):
        creds = ["--dest-creds", login] if login else []
        target = ["--dest-tls-verify=false", *creds, source or f"oci:{self.sources.path}:{tag}", f"docker://{image}"]
        self.skopeo("copy", "--all", "--preserve-digests", *target)

    def pull(self, image, login=None):
        """The digest of an image that is copied into a layout of its own."""
        creds = ["--src-creds", login] if login else []
        layout = tempfile.mkdtemp(dir=self.directory)
        target = ["--src-tls-verify=false", *creds, f"docker://{image}", f"oci:{layout}:pulled"]
        self.skopeo("copy", "--all", "--preserve-digests", *target)
        (entry,) = json.loads((pathlib.Path(layout) / "index.json").read_text())["manifests"]
        return entry["digest"]

    def tags(self, image, login=None):
        creds = ["--creds", login] if login else []
        return json.loads(self.skopeo("list-tags", "--tls-verify=false", *creds, f"docker://{image}"))["Tags"]

    def refused(self, words, call, *arguments, **parameters):
        try:
            call(*arguments, **parameters)
        except AssertionError as error:
            assert words in str(error), f"refused with: {error}"
            return
        raise AssertionError(f"not refused, but {words!r} was expected")

    # The checks

    def check_images_come_back_from_ecr_as_they_went(self):
        self.comes_back(f"{self.ecr}/apps/new", self.ecr_login, self.ecr_login)

    def check_images_come_back_from_ecr_public_as_they_went(self):
        self.comes_back(f"{self.public}/team/app", self.public_login, None)

    def check_images_come_back_from_the_generic_registry_as_they_went(self):
        self.comes_back(f"{self.generic}/apps/new", self.generic_login, None)

    def comes_back(self, repository, pusher, puller):
        for tag, digest in self.digests.items():
            self.push(tag, f"{repository}:{tag}", pusher)
            for reference in [f"{repository}:{tag}", f"{repository}@{digest}"]:
                assert self.pull(reference, puller) == digest, reference
        assert set(self.digests) <= set(self.tags(repository, puller))

    def check_pushed_images_are_listed_by_the_api(self):
        self.push("image", f"{self.ecr}/apps/new:listed", self.ecr_login)
        target = "AmazonEC2ContainerRegistry_V20150921.ListImages"
        answer = self.call("ECR", "eu-west-1", "ecr", target, '{"repositoryName": "apps/new"}')
        found = [image["imageDigest"] for image in answer["imageIds"] if image.get("imageTag") == "listed"]
        assert found == [self.digests["image"]], answer

    def check_generated_images_can_be_copied_from_one_registry_to_another(self):
        source = f"docker://{self.public}/docker/library/alpine:0.0.1"
        creds = ["--src-tls-verify=false", "--dest-tls-verify=false", "--dest-creds", self.generic_login]
        self.skopeo("copy", *creds, source, f"docker://{self.generic}/apps/new:alpine")
        assert self.pull(f"{self.generic}/apps/new:alpine") == self.pull(f"{self.public}/docker/library/alpine:0.0.1")

    def check_every_tag_is_listed_page_after_page(self):
        for image, login in [
            (f"{self.ecr}/apps/mainapp", self.ecr_login),
            (f"{self.public}/docker/library/alpine", None),
            (f"{self.generic}/apps/mainapp", None),
        ]:
            tags = self.tags(image, login)
            assert len(tags) == len(set(tags)) == 2500, (image, len(tags))

    def check_what_is_not_allowed_is_denied(self):
        image = f"oci:{self.sources.path}:image"
        self.refused("403 (Forbidden)", self.push, "image", f"{self.ecr}/apps/mainapp:9.9.9", self.ecr_login, image)
        self.refused("denied", self.push, "image", f"{self.public}/team/app:9.9.9", None, image)
        self.refused("unauthorized", self.push, "image", f"{self.generic}/apps/new:9.9.9", None, image)
        for host in [self.ecr, self.generic]:
            self.refused("unauthorized", self.push, "image", f"{host}/apps/new:9.9.9", "AWS:guessed", image)


def run(checks):
    """Runs every check and gives the number of failures."""
    names = [name for name in vars(Checks) if name.startswith("check_")]
    failures = 0
    for name in names:
        try:
            getattr(checks, name)()
            print(f"ok      {name[6:].replace('_', ' ')}")
        except Exception as error:  # Whatever goes wrong in a check is its failure; the others still run.
            failures += 1
            print(f"FAILED  {name[6:].replace('_', ' ')}: {type(error).__name__}: {error}")
    print(f"{len(names) - failures} passed, {failures} failed")
    return failures


def main(program):
    process = subprocess.Popen([program, "--tags", "2500"], stdout=subprocess.PIPE, text=True)
    try:
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith("# serving"):
                break
        else:
            sys.exit(f"{program} did not start")
        with tempfile.TemporaryDirectory() as directory:
            return 1 if run(Checks([line for line in lines if line.startswith("export ")], directory)) else 0
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=10)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
