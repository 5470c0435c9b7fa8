"""Creates roles and resources from the documents that the `iam` example prints, and tries what they allow.

Usage: checks.py PROGRAM. Starts ministack with authorisation on, ends it, and exits with 1 if a check failed.

Where ministack is laxer than AWS: it checks no signature and no expiry of a web identity token, it lets `*` in a resource go
past every colon, not only from before one, and it takes a statement for a service to let the account's root in, which is
how Pod Identity is played here. Where it is stricter: it judges DescribeRepositories as an action on `*`, also for
repositories that are named, so that call is not among these.
"""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

ACCOUNT = "111122223333"
REGION = "eu-west-1"
ISSUER = "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"
CLUSTER = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/production"
REFUSALS = {"AccessDenied", "AccessDeniedException", "403"}

CHECKS = []


def check(function):
    """Registers a check; its name is what it shows."""
    CHECKS.append(function)
    return function


def role_arn(name):
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def repository_arn(name):
    return f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}"


class World:
    """An account on ministack, and the program that prints documents for it."""

    def __init__(self, program, endpoint):
        self.program, self.endpoint, self.roles = program, endpoint, 0
        self.root = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "test"}
        # One for all clients: what a session knows of the services takes it long to read.
        self.session = boto3.session.Session(region_name=REGION)

    def printed(self, *arguments, stdin=None, code=0):
        """What the example program prints."""
        done = subprocess.run(
            [self.program, *arguments], input=stdin, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == code, f"{arguments}: {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout

    def client(self, service, identity=None, **config):
        """A client of the account's root, of a session, or of nobody."""
        keys = self.root if identity is None else identity
        config = Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}, **config)
        return self.session.client(service, endpoint_url=self.endpoint, config=config, **keys)

    def role(self, trust, *policies):
        """A new role with these documents."""
        self.roles += 1
        name = f"role-{self.roles}"
        iam = self.client("iam")
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
        for index, policy in enumerate(policies):
            iam.put_role_policy(RoleName=name, PolicyName=f"policy-{index}", PolicyDocument=policy)
        return name

    def oidc_trust(self, name, *accounts):
        accounts = [part for account in accounts for part in ("--service-account", account)]
        return self.printed("trust", "--role", role_arn(name), "--issuer", ISSUER, *accounts)

    def web_identity(self, role, subject, audience="sts.amazonaws.com", issuer=ISSUER):
        """The keys of a session that a ServiceAccount's token is given."""
        answer = self.client("sts", signature_version=UNSIGNED).assume_role_with_web_identity(
            RoleArn=role_arn(role),
            RoleSessionName="check",
            WebIdentityToken=token(subject, audience, issuer),
        )
        return session_keys(answer["Credentials"])

    def reader(self, *policies):
        """The keys of a ServiceAccount whose role has these policies."""
        role = self.role(self.oidc_trust("any", "tenant/reader"), *policies)
        return self.web_identity(role, "tenant:reader")


def token(subject, audience, issuer):
    def encoded(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    now = int(time.time())
    claims = {
        "iss": issuer,
        "sub": f"system:serviceaccount:{subject}",
        "aud": audience,
        "iat": now,
        "exp": now + 600,
    }
    return ".".join([encoded({"alg": "RS256", "kid": "1"}), encoded(claims), "c2lnbmF0dXJl"])


def session_keys(credentials):
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


def allowed(call):
    """Whether a call is let through. Any answer but a refusal counts: the question is IAM's alone."""
    try:
        call()
        return True
    except ClientError as error:
        return error.response["Error"]["Code"] not in REFUSALS


def without(document, action):
    """The document with an action taken out."""
    document = json.loads(document)
    for statement in document["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        statement["Action"] = [one for one in actions if one != action]
    document["Statement"] = [one for one in document["Statement"] if one["Action"]]
    return json.dumps(document)


def actions_of(document):
    """All actions that a document names."""
    for statement in json.loads(document)["Statement"]:
        actions = statement["Action"]
        yield from actions if isinstance(actions, list) else [actions]


DIGEST = "sha256:" + "0" * 64


def ecr_calls(client, repository):
    """What reading a repository takes, by the action that allows it."""
    name = {"repositoryName": repository}
    tag = {"imageIds": [{"imageTag": "1.0.0"}]}
    return {
        "ecr:GetAuthorizationToken": lambda: client.get_authorization_token(),
        "ecr:ListImages": lambda: client.list_images(**name),
        "ecr:DescribeImages": lambda: client.describe_images(**name),
        "ecr:BatchGetImage": lambda: client.batch_get_image(**name, **tag),
        "ecr:GetDownloadUrlForLayer": lambda: client.get_download_url_for_layer(**name, layerDigest=DIGEST),
    }


def more_ecr_calls(client, repository):
    """What Flux's page lists besides, as far as ministack answers it."""
    name = {"repositoryName": repository}
    return {
        "ecr:BatchCheckLayerAvailability": lambda: client.batch_check_layer_availability(
            **name, layerDigests=[DIGEST]
        ),
        "ecr:GetRepositoryPolicy": lambda: client.get_repository_policy(**name),
        "ecr:GetLifecyclePolicy": lambda: client.get_lifecycle_policy(**name),
    }


def set_up(world):
    """The resources that the checks speak of."""
    world.client("iam").create_open_id_connect_provider(Url=ISSUER, ClientIDList=["sts.amazonaws.com"])
    ecr = world.client("ecr")
    for name in ["apps/mainapp", "apps/other", "apps-internal", "shared/base"]:
        ecr.create_repository(repositoryName=name)
        manifest = json.dumps({"schemaVersion": 2, "name": name})
        ecr.put_image(repositoryName=name, imageManifest=manifest, imageTag="1.0.0")
    s3 = world.client("s3")
    for name in ["flux-bucket", "other-bucket", "shared-bucket"]:
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=name, Key="apps/app.yaml", Body=b"kind: ConfigMap\n")


@check
def the_right_subject_audience_and_issuer_get_a_session(world):
    role = world.role(world.oidc_trust("any", "tenant/reader", "flux-system/image-reflector-controller"))
    keys = world.web_identity(role, "tenant:reader")
    caller = world.client("sts", keys).get_caller_identity()
    assert caller["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/check", caller
    world.web_identity(role, "flux-system:image-reflector-controller")
    wrong = [
        {"subject": "tenant:writer"},
        {"subject": "other:reader"},
        {"subject": "tenant:reader2"},
        {"subject": "tenant:reader", "audience": "https://kubernetes.default.svc"},
        {"subject": "tenant:reader", "issuer": ISSUER + "2"},
        {"subject": "tenant:reader", "issuer": "https://issuer.example.com"},
    ]
    for claims in wrong:
        assert not allowed(lambda: world.web_identity(role, **claims)), claims


@check
def pod_identity_may_assume_and_tag_and_nobody_else(world):
    tags = {"eks-cluster-arn": CLUSTER, "kubernetes-namespace": "a", "kubernetes-service-account": "x"}
    sts = world.client("sts")

    def assume(role, **changed):
        tagged = [{"Key": key, "Value": value} for key, value in (tags | changed).items()]
        return sts.assume_role(RoleArn=role_arn(role), RoleSessionName="check", Tags=tagged)

    trust = world.printed("trust", "--role", role_arn("any"))
    assert allowed(lambda: assume(world.role(trust)))
    # Session tags are what sts:TagSession is for.
    assert not allowed(lambda: assume(world.role(without(trust, "sts:TagSession"))))
    stranger = world.reader(world.printed("login"))
    role = world.role(trust)
    as_stranger = world.client("sts", stranger)
    assert not allowed(lambda: as_stranger.assume_role(RoleArn=role_arn(role), RoleSessionName="check"))

    one = ["--cluster", CLUSTER, "--service-account", "a/x", "--service-account", "b/y"]
    role = world.role(world.printed("trust", "--role", role_arn("any"), *one))
    for namespace, name in [("a", "x"), ("b", "y")]:
        changed = {"kubernetes-namespace": namespace, "kubernetes-service-account": name}
        assert allowed(lambda: assume(role, **changed)), changed
    for namespace, name in [("a", "y"), ("b", "x"), ("c", "x")]:
        changed = {"kubernetes-namespace": namespace, "kubernetes-service-account": name}
        assert not allowed(lambda: assume(role, **changed)), changed
    assert not allowed(lambda: assume(role, **{"eks-cluster-arn": CLUSTER + "2"}))


@check
def a_role_assumes_the_one_that_trusts_it(world):
    def hop(keys, role, **more):
        sts = world.client("sts", keys)
        return sts.assume_role(RoleArn=role_arn(role), RoleSessionName="check", **more)

    target = f"role-{world.roles + 2}"
    keys = world.reader(world.printed("assume", role_arn(target)))
    first = f"role-{world.roles}"
    trust = ["trust", "--role", role_arn(target), "--by", role_arn(first)]
    assert world.role(world.printed(*trust, "--external-id", "tenant-7")) == target
    tags = [{"Key": "kubernetes-namespace", "Value": "tenant"}]
    assert allowed(lambda: hop(keys, target, ExternalId="tenant-7", Tags=tags))
    for more in [{}, {"ExternalId": "tenant-8"}]:
        assert not allowed(lambda: hop(keys, target, **more)), more
    stranger = world.reader(world.printed("assume", role_arn(target)))
    assert not allowed(lambda: hop(stranger, target, ExternalId="tenant-7"))
    trust = world.printed(*trust)
    assert not allowed(lambda: hop(keys, world.role(without(trust, "sts:TagSession")), Tags=tags))


@check
def minimal_reads_the_repository_and_no_other(world):
    policy = world.printed("read", "--minimal", repository_arn("apps/*"))
    ecr = world.client("ecr", world.reader(policy))
    assert set(actions_of(policy)) == set(ecr_calls(ecr, ""))
    for repository, reached in [
        ("apps/mainapp", True),
        ("apps/other", True),
        ("apps-internal", False),
        ("shared/base", False),
    ]:
        for action, call in ecr_calls(ecr, repository).items():
            expected = reached or action == "ecr:GetAuthorizationToken"
            assert allowed(call) == expected, f"{action} on {repository}"
    manifest = json.dumps({"schemaVersion": 2})
    assert not allowed(lambda: ecr.put_image(repositoryName="apps/mainapp", imageManifest=manifest))
    assert not allowed(lambda: ecr.delete_repository(repositoryName="apps/mainapp"))
    assert not allowed(lambda: ecr.create_repository(repositoryName="apps/new"))


@check
def each_action_of_minimal_is_needed(world):
    policy = world.printed("read", "--minimal", repository_arn("apps/mainapp"))
    for action in actions_of(policy):
        ecr = world.client("ecr", world.reader(without(policy, action)))
        for other, call in ecr_calls(ecr, "apps/mainapp").items():
            assert allowed(call) == (other != action), f"{other} without {action}"


@check
def what_flux_documents_allows_more_and_no_other_repository(world):
    policy = world.printed("read", repository_arn("apps/mainapp"))
    ecr = world.client("ecr", world.reader(policy))
    for repository in ["apps/mainapp", "apps/other"]:
        calls = ecr_calls(ecr, repository) | more_ecr_calls(ecr, repository)
        for action, call in calls.items():
            expected = repository == "apps/mainapp" or action == "ecr:GetAuthorizationToken"
            assert allowed(call) == expected, f"{action} on {repository}"


@check
def the_login_is_on_everything_or_not_at_all(world):
    scoped = json.loads(world.printed("login"))
    scoped["Statement"][0]["Resource"] = repository_arn("*")
    scoped = json.dumps(scoped)
    ecr = world.client("ecr", world.reader(scoped))
    assert not allowed(ecr.get_authorization_token)
    found = world.printed("lint", repository_arn("apps/mainapp"), stdin=scoped, code=1)
    assert "action without resources" in found, found
    ecr = world.client("ecr", world.reader(world.printed("login")))
    assert allowed(ecr.get_authorization_token)
    assert not allowed(lambda: ecr.list_images(repositoryName="apps/mainapp"))


@check
def the_lint_and_the_evaluator_are_of_one_mind(world):
    prefix = f"arn:aws:ecr:{REGION}:{ACCOUNT}:"
    login = json.loads(world.printed("login"))["Statement"]
    patterns = [
        "*",
        prefix + "repository/*",
        prefix + "repository/apps/*",
        prefix + "repository/apps*",
        prefix + "repository/apps/mainapp",
        prefix + "repository/apps/mainap?",
        prefix + "repository/*/mainapp",
        f"arn:aws:ecr:*:{ACCOUNT}:repository/apps/mainapp",
        f"arn:aws:ecr:{REGION}:*:repository/apps/mainapp",
        "arn:aws:ecr:eu-*-1:*:repository/*",
        prefix + "repository/apps",
        prefix + "repository/apps/",
        prefix + "repository/mainapp",
        prefix + "repository/Apps/*",
        prefix + "repository/apps/mainapp:1.0.0",
        prefix + "repository/apps/mainapp/*",
        prefix + "apps/mainapp",
        prefix + "*/apps",
        f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/*",
        f"arn:aws:ecr:{REGION}:444455556666:repository/*",
        f"arn:aws-cn:ecr:{REGION}:{ACCOUNT}:repository/*",
    ]
    covering = 0
    for pattern in patterns:
        reading = {"Effect": "Allow", "Action": "ecr:*", "Resource": pattern}
        policy = json.dumps({"Version": "2012-10-17", "Statement": login + [reading]})
        ecr = world.client("ecr", world.reader(policy))
        reached = allowed(lambda: ecr.list_images(repositoryName="apps/mainapp"))
        world.printed("lint", repository_arn("apps/mainapp"), stdin=policy, code=0 if reached else 1)
        covering += reached
    assert covering == 10, covering


@check
def a_repository_s_own_policy_lets_its_reader_in(world):
    keys = world.reader(world.printed("login"))
    role = f"role-{world.roles}"
    neighbour = world.reader(world.printed("login"))
    policy = world.printed("read", "--minimal", "--by", role_arn(role), repository_arn("shared/base"))
    world.client("ecr").set_repository_policy(repositoryName="shared/base", policyText=policy)
    ecr = world.client("ecr", keys)
    for action, call in ecr_calls(ecr, "shared/base").items():
        assert allowed(call), action
    assert not allowed(lambda: ecr.list_images(repositoryName="apps/mainapp"))
    other = world.client("ecr", neighbour)
    assert not allowed(lambda: other.list_images(repositoryName="shared/base"))


def s3_calls(client, bucket):
    return {
        "s3:ListBucket": lambda: client.list_objects_v2(Bucket=bucket),
        "s3:GetObject": lambda: client.get_object(Bucket=bucket, Key="apps/app.yaml"),
    }


@check
def a_role_reads_its_bucket_and_no_other(world):
    bucket = "arn:aws:s3:::flux-bucket"
    for policy in [world.printed("read", bucket), world.printed("read", "--minimal", bucket)]:
        s3 = world.client("s3", world.reader(policy))
        assert allowed(lambda: s3.head_bucket(Bucket="flux-bucket"))
        for action, call in s3_calls(s3, "flux-bucket").items():
            assert allowed(call), action
        for action, call in s3_calls(s3, "other-bucket").items():
            assert not allowed(call), action
        assert not allowed(lambda: s3.put_object(Bucket="flux-bucket", Key="x", Body=b"x"))
        assert not allowed(lambda: s3.delete_object(Bucket="flux-bucket", Key="apps/app.yaml"))
    minimal = world.printed("read", "--minimal", bucket)
    for action in actions_of(minimal):
        s3 = world.client("s3", world.reader(without(minimal, action)))
        for other, call in s3_calls(s3, "flux-bucket").items():
            assert allowed(call) == (other != action), f"{other} without {action}"


@check
def a_bucket_s_own_policy_lets_its_reader_in(world):
    keys = world.reader()
    role = f"role-{world.roles}"
    neighbour = world.reader()
    for form in [[], ["--minimal"]]:
        policy = world.printed("read", *form, "--by", role_arn(role), "arn:aws:s3:::shared-bucket")
        world.client("s3").put_bucket_policy(Bucket="shared-bucket", Policy=policy)
        for action, call in s3_calls(world.client("s3", keys), "shared-bucket").items():
            assert allowed(call), action
        for action, call in s3_calls(world.client("s3", neighbour), "shared-bucket").items():
            assert not allowed(call), action
        s3 = world.client("s3", keys)
        assert not allowed(lambda: s3.put_object(Bucket="shared-bucket", Key="x", Body=b"x"))


@check
def a_key_s_own_policy_lets_its_reader_in_and_keeps_the_account_s(world):
    kms = world.client("kms")
    key = kms.create_key()["KeyMetadata"]
    secret = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"data key")["CiphertextBlob"]
    keys, named = world.reader(), f"role-{world.roles}"
    by_key = world.client("kms", keys)
    assert not allowed(lambda: by_key.decrypt(CiphertextBlob=secret))

    policy = world.printed("read", "--minimal", "--by", role_arn(named), key["Arn"])
    kms.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=policy)
    assert by_key.decrypt(CiphertextBlob=secret)["Plaintext"] == b"data key"
    assert not allowed(lambda: by_key.describe_key(KeyId=key["KeyId"]))
    assert not allowed(lambda: by_key.encrypt(KeyId=key["KeyId"], Plaintext=b"x"))
    unnamed = world.client("kms", world.reader())
    assert not allowed(lambda: unnamed.decrypt(CiphertextBlob=secret))

    # The account's own statement: policies of roles have an effect, and the key's policy can be changed again.
    by_role = world.client("kms", world.reader(world.printed("read", "--minimal", key["Arn"])))
    assert by_role.decrypt(CiphertextBlob=secret)["Plaintext"] == b"data key"
    policy = world.printed("read", "--by", role_arn(named), key["Arn"])
    kms.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=policy)
    assert allowed(lambda: by_key.describe_key(KeyId=key["KeyId"]))
    bare = json.loads(policy)
    bare["Statement"] = bare["Statement"][1:]
    kms.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=json.dumps(bare))
    assert not allowed(lambda: by_role.decrypt(CiphertextBlob=secret))


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start(directory):
    """A ministack of its own on a free port of loopback; what it logs goes to a file."""
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": directory,
        "TMPDIR": directory,
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "SERVICES": "iam,sts,ecr,s3,kms",
        "LOG_LEVEL": "WARNING",
    }
    log = open(os.path.join(directory, "log"), "w")
    server = subprocess.Popen(
        [sys.executable, "-m", "ministack"], env=environment, cwd=directory, stdout=log, stderr=log
    )
    return server, f"http://127.0.0.1:{port}"


def wait_for(server, endpoint):
    for _ in range(150):
        if server.poll() is not None:
            raise SystemExit(f"ministack ended at its start, with {server.returncode}")
        try:
            with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=2) as answer:
                health = json.load(answer)
            assert health["auth"] == "enabled", health
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise SystemExit("ministack does not answer")


def main(program):
    os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull)
    os.environ.update(AWS_EC2_METADATA_DISABLED="true")
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        server, endpoint = start(directory)
        try:
            wait_for(server, endpoint)
            world = World(os.path.abspath(program), endpoint)
            set_up(world)
            for one in CHECKS:
                try:
                    one(world)
                    print(f"ok      {one.__name__}")
                except Exception as error:
                    failed += 1
                    print(f"FAILED  {one.__name__}: {type(error).__name__}: {error}")
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(timeout=10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
            if failed:
                print(open(os.path.join(directory, "log")).read()[-4000:])
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
