"""Pushes a directory as an OCI artifact, by the ORAS project's client."""

import json
import os
import tempfile

import oras.client

os.chdir(tempfile.mkdtemp())
for name, content in json.loads(os.environ["FILES"]).items():
    os.makedirs(os.path.dirname(f"files/{name}"), exist_ok=True)
    with open(f"files/{name}", "w") as file:
        file.write(content)
with open("config.json", "w") as file:
    file.write("{}")

client = oras.client.OrasClient(insecure=True, auth_backend="basic")
client.auth.set_basic_auth(*os.environ["CREDENTIALS"].split(":"))
answer = client.push(
    os.environ["TARGET"],
    files=["files:" + os.environ["LAYER_TYPE"]],
    manifest_config="config.json:" + os.environ["CONFIG_TYPE"],
    manifest_annotations=json.loads(os.environ["ANNOTATIONS"]),
    quiet=True,
)
print(answer.headers["Docker-Content-Digest"])
