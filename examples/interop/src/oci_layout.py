"""Writes an image as an OCI layout: https://github.com/opencontainers/image-spec/blob/main/image-layout.md."""

import gzip
import hashlib
import io
import json
import os
import tarfile

layout, content, platforms = os.environ["LAYOUT"], os.environ["CONTENT"], int(os.environ["PLATFORMS"])
os.makedirs(f"{layout}/blobs/sha256")


def blob(data, media_type, **more):
    digest = hashlib.sha256(data).hexdigest()
    with open(f"{layout}/blobs/sha256/{digest}", "wb") as file:
        file.write(data)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data), **more}


def document(value, kind, **more):
    return blob(json.dumps(value).encode(), f"application/vnd.oci.image.{kind}.v1+json", **more)


def manifest(architecture):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("content")
        entry.size = len(content.encode())
        tar.addfile(entry, io.BytesIO(content.encode()))
    layer = archive.getvalue()
    diff = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    platform = {"architecture": architecture, "os": "linux"}
    config = document({**platform, "rootfs": {"type": "layers", "diff_ids": [diff]}, "config": {}}, "config")
    layers = [blob(gzip.compress(layer, mtime=0), "application/vnd.oci.image.layer.v1.tar+gzip")]
    return document({"schemaVersion": 2, "config": config, "layers": layers}, "manifest", platform=platform)


manifests = [manifest(architecture) for architecture in ["amd64", "arm64", "riscv64"][:platforms]]
top = manifests[0] if platforms == 1 else document({"schemaVersion": 2, "manifests": manifests}, "index")
top["annotations"] = {"org.opencontainers.image.ref.name": "image"}
with open(f"{layout}/index.json", "w") as file:
    json.dump({"schemaVersion": 2, "manifests": [top]}, file)
with open(f"{layout}/oci-layout", "w") as file:
    json.dump({"imageLayoutVersion": "1.0.0"}, file)
