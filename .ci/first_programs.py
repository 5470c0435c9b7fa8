"""The README's first programs, as somebody types them in an empty folder: made by `cargo new`, given their dependencies by
the README's own `cargo add`, compiled against the packages, and run against servers on loopback that they take for AWS.

Usage: first_programs.py PACKAGES TARGET, the folders of the unpacked packages and of what cargo builds, local-aws among it.
Runs on a Python with boto3 and ministack. Exits with 1 if a program does not print what it should.

The programs call AWS's real addresses: a proxy, which their environment names as a company's would be, leads them to the
servers. Its certificates are of an authority of its own, which `AWS_CA_BUNDLE` names.
"""

import base64
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import boto3

ROOT = pathlib.Path(__file__).resolve().parent.parent
OURS = ("flux-policy", "flux-aws-auth", "flux-ecr-reflect")
ACCOUNT, REGION = "111122223333", "eu-west-1"
HOST = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
AWS_HOSTS = f"*.{REGION}.amazonaws.com", f"*.ecr.{REGION}.amazonaws.com", f"*.s3.{REGION}.amazonaws.com"


def programs():
    """Of each program in the README: the `cargo add` lines before it, and its text."""
    readme = (ROOT / "README.md").read_text()
    found = {}
    for block in readme.split("<!-- program: ")[1:]:
        name, rest = block.split(" -->", 1)
        commands = re.search(r"```console\n(.*?)```", rest, re.S)[1]
        text = re.search(r"```rust[^\n]*\n(.*?)```", rest, re.S)[1]
        found[name] = (re.findall(r"^\$ (cargo add .*)$", commands, re.M), text)
    return found


def build(name, commands, text, packages, target, scratch):
    """Makes the project in an empty folder, and the program of it."""
    lines = [line for line in text.splitlines() if line.strip()]
    assert len(lines) < 15, f"the program {name} has {len(lines)} lines"
    project = scratch / name
    subprocess.run(["cargo", "new", "--quiet", "--vcs", "none", project], check=True)
    shutil.copy(ROOT / "Cargo.lock", project)  # the versions that all else was tried with
    with open(project / "Cargo.toml", "a") as manifest:
        manifest.write("\n[workspace]\n\n[profile.dev]\ndebug = \"line-tables-only\"\n\n[patch.crates-io]\n")
        for crate in OURS:
            manifest.write(f'{crate} = {{ path = "{packages / crate}" }}\n')
    for command in commands:
        for words in add(command.split(), packages):
            subprocess.run([*words, "--quiet"], cwd=project, check=True)
    (project / "src/main.rs").write_text(text)
    subprocess.run(["cargo", "build", "--quiet", "--target-dir", target], cwd=project, check=True)
    return target / "debug" / name


def add(words, packages):
    """A `cargo add` of the README; where it names our crates, one for each, with the folder: it looks into no patch."""
    ours = [word for word in words[2:] if word in OURS]
    if not ours:
        return [words]
    options = [word for word in words[2:] if word not in OURS]
    assert not options or len(ours) == 1, f"whose are the features in {words}?"
    return [["cargo", "add", "--path", str(packages / crate), *options] for crate in ours]


def authority(scratch):
    """A certificate authority, and a certificate of it for AWS's hosts."""
    names = ",".join(f"DNS:{host}" for host in AWS_HOSTS)

    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=scratch, check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=authority", "-days", "2")
    openssl("req", *key, "-keyout", "aws.key", "-out", "aws.csr", "-subj", "/CN=aws")
    (scratch / "names").write_text(f"subjectAltName={names}\nextendedKeyUsage=serverAuth\n")
    openssl("x509", "-req", "-in", "aws.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "aws.pem",
            "-extfile", "names", "-days", "2")
    return scratch / "ca.pem"


class Proxy:
    """Takes `CONNECT` for a host, plays it with the certificate, and hands what it is sent to a port of loopback."""

    def __init__(self, scratch, ports):
        self.ports, self.asked = ports, []
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(scratch / "aws.pem", scratch / "aws.key")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client:
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(4096)
            host = head.split()[1].decode().removesuffix(":443")
            self.asked.append(host)
            if host not in self.ports:
                client.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")
                return
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            with self.tls.wrap_socket(client, server_side=True) as client, socket.create_connection(
                ("127.0.0.1", self.ports[host])
            ) as upstream:
                back = threading.Thread(target=copy, args=(upstream, client), daemon=True)
                back.start()
                copy(client, upstream)
                back.join()

    def was_asked_for_all(self):
        assert set(self.asked) == set(self.ports), f"the proxy was asked for {self.asked}"


def copy(source, to):
    try:
        while data := source.recv(65536):
            to.sendall(data)
        to.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the program has what it wants, and ends


def local_aws(program):
    """The embedded AWS, and what it says: variables by identity."""
    server = subprocess.Popen([program], stdout=subprocess.PIPE, text=True)
    sections, title = {}, None
    for line in server.stdout:
        if line.startswith("# serving"):
            return server, sections
        if line.startswith("# "):
            title = line[2:].strip().split(",")[0]
        elif match := re.fullmatch(r"export (\w+)='(.*)'\n", line):
            sections.setdefault(title, {})[match[1]] = match[2]
    raise SystemExit(f"local-aws ended at its start, with {server.wait()}")


def ministack(scratch):
    """An AWS that evaluates IAM policies, and has S3."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(scratch), "AUTH": "true", "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port), "SERVICES": "iam,sts,s3", "LOG_LEVEL": "WARNING",
    }
    start = (ROOT / "examples/interop/src/ministack.py").read_text()
    with open(scratch / "ministack.log", "w") as log:
        server = subprocess.Popen(
            [sys.executable, "-c", start], env=environment, cwd=scratch, stdout=log, stderr=log
        )
    for _ in range(300):
        assert server.poll() is None, (scratch / "ministack.log").read_text()
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_ministack/health", timeout=2).close()
            return server, port
        except OSError:
            time.sleep(0.1)
    raise SystemExit("ministack does not start")


def account(port, issuer):
    """A bucket, and the role of the ServiceAccount team-a/bucket-reader, who alone may read it."""
    root = boto3.Session(ACCOUNT, "test", region_name=REGION)
    iam, s3 = (root.client(name, endpoint_url=f"http://127.0.0.1:{port}") for name in ("iam", "s3"))
    provider = iam.create_open_id_connect_provider(Url=issuer, ClientIDList=["sts.amazonaws.com"])
    who = {
        f"{issuer.removeprefix('https://')}:sub": "system:serviceaccount:team-a:bucket-reader",
        f"{issuer.removeprefix('https://')}:aud": "sts.amazonaws.com",
    }
    trust = {
        "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {"StringEquals": who},
        "Principal": {"Federated": provider["OpenIDConnectProviderArn"]},
    }
    read = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::team-a-config/*"}
    iam.create_role(RoleName="bucket-reader", AssumeRolePolicyDocument=document(trust))
    iam.put_role_policy(RoleName="bucket-reader", PolicyName="read", PolicyDocument=document(read))
    s3.create_bucket(Bucket="team-a-config", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="team-a-config", Key="apps/app.yaml", Body="kind: ConfigMap\n")


def document(statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def kubeconfig(scratch, url, token):
    """What a program beside the cluster reads; in a pod there is the ServiceAccount's own."""
    config = {
        "apiVersion": "v1", "kind": "Config", "current-context": "local",
        "clusters": [{"name": "local", "cluster": {"server": url}}],
        "users": [{"name": "controller", "user": {"token": token}}],
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": "controller"}}],
    }
    (scratch / "kubeconfig").write_text(json.dumps(config))  # YAML too
    return scratch / "kubeconfig"


def expect(name, program, arguments, environment, printed, stdin=None):
    done = subprocess.run(
        [program, *arguments], env=environment, input=stdin, capture_output=True, text=True, timeout=60
    )
    if done.returncode != 0 or printed not in done.stdout:
        raise SystemExit(f"the program {name} ended with {done.returncode}: {done.stdout}{done.stderr}")
    print(f"ok      {name}")


def check_policy(program, scratch):
    shutil.copy(ROOT / "examples/data/podinfo.yaml", scratch / "policy.yaml")
    os.chdir(scratch)
    expect("policy", program, [], {}, "5.1.4 is the highest version in", stdin="5.1.3\n5.1.4\n5.2.0\n")


def check_tags(program, scratch, aws, base):
    sts, ecr = (port_of(aws["endpoints"][f"AWS_ENDPOINT_URL_{name}"]) for name in ("STS", "ECR"))
    proxy = Proxy(scratch, {f"sts.{REGION}.amazonaws.com": sts, f"api.ecr.{REGION}.amazonaws.com": ecr})
    pod = aws["web identity (IRSA)"] | base | {"HTTPS_PROXY": proxy.url, "AWS_REGION": REGION}
    expect("tags", program, [f"{HOST}/apps/small"], pod, "1.0.0\n1.1.0\nlatest\n")
    proxy.was_asked_for_all()


def check_bucket(program, scratch, aws, base):
    endpoints = aws["endpoints"]
    tokens = pathlib.Path(endpoints["LOCAL_AWS_TOKENS"])
    server, port = ministack(scratch)
    try:
        account(port, issuer_of((tokens / "web-identity").read_text()))
        proxy = Proxy(scratch, {f"sts.{REGION}.amazonaws.com": port, f"team-a-config.s3.{REGION}.amazonaws.com": port})
        config = kubeconfig(scratch, endpoints["LOCAL_AWS_KUBERNETES"], (tokens / "kubernetes").read_text())
        beside = base | {"HTTPS_PROXY": proxy.url, "KUBECONFIG": str(config)}
        expect("bucket", program, [], beside, "kind: ConfigMap")
        proxy.was_asked_for_all()
    finally:
        end(server)


def port_of(url):
    return int(url.rsplit(":", 1)[1])


def issuer_of(token):
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))["iss"]


def end(server):
    server.send_signal(signal.SIGINT)
    server.wait(10)


def main(packages, target):
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        built = {name: build(name, *what, packages, target, scratch) for name, what in programs().items()}
        assert set(built) == {"policy", "tags", "bucket"}, f"the README has the programs {set(built)}"
        base = {"AWS_CA_BUNDLE": str(authority(scratch)), "NO_PROXY": "127.0.0.1"}
        server, aws = local_aws(target / "debug/local-aws")
        try:
            check_policy(built["policy"], scratch)
            check_tags(built["tags"], scratch, aws, base)
            check_bucket(built["bucket"], scratch, aws, base)
        finally:
            end(server)


main(*(pathlib.Path(folder).resolve() for folder in sys.argv[1:]))
