"""Checks local-aws from outside: boto3 and the Kubernetes client, which nobody here wrote, make the same calls, good and bad.

Usage: checks.py PROGRAM. Starts the program, ends it, and exits with 1 if a check failed.
"""

import base64
import datetime
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import unittest.mock

import botocore.auth
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import CredentialRetrievalError

import cluster  # noqa: F401, its checks register themselves
import hops  # noqa: F401
import public  # noqa: F401
from harness import ACCOUNT, APP, CHECKS, SESSIONS, SMALL, Aws, check, http, refused

# Who one is


@check
def pod_identity_gives_a_session(aws):
    caller = aws.client("sts", "pod identity").get_caller_identity()
    assert caller["Arn"].startswith(SESSIONS + "eks-local-"), caller


@check
def web_identity_gives_a_session(aws):
    caller = aws.client("sts", "web identity (IRSA)").get_caller_identity()
    assert caller["Arn"].startswith(SESSIONS), caller


@check
def access_keys_are_a_users(aws):
    caller = aws.client("sts", "access keys").get_caller_identity()
    assert caller["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/flux", caller
    assert caller["Account"] == ACCOUNT, caller


@check
def the_node_gives_a_session(aws):
    caller = aws.client("sts", "node").get_caller_identity()
    assert caller["Arn"].startswith(SESSIONS + "i-"), caller


@check
def assume_role_with_web_identity(aws):
    answer = aws.assume(aws.token("web-identity"), DurationSeconds=900)
    assert answer["AssumedRoleUser"]["Arn"] == SESSIONS + "boto3", answer
    assert answer["Audience"] == "sts.amazonaws.com", answer
    assert answer["SubjectFromWebIdentityToken"].endswith(":image-reflector-controller"), answer
    left = answer["Credentials"]["Expiration"] - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(seconds=880) < left <= datetime.timedelta(seconds=900), left


# What is in a repository


@check
def list_images_in_pages(aws):
    for size, pages in [(100, 10), (333, 4), (1000, 1)]:
        paginator = aws.client("ecr", "pod identity").get_paginator("list_images")
        answers = list(paginator.paginate(repositoryName=APP, PaginationConfig={"PageSize": size}))
        tags = [image["imageTag"] for answer in answers for image in answer["imageIds"]]
        assert (len(answers), len(tags), len(set(tags))) == (pages, 1000, 1000)
        assert tags != sorted(tags), "in no order"


@check
def list_images_has_a_hundred_unless_asked(aws):
    answer = aws.client("ecr").list_images(repositoryName=APP)
    assert len(answer["imageIds"]) == 100 and answer["nextToken"]


@check
def list_images_filters(aws):
    ecr = aws.client("ecr")
    for status, count in [("TAGGED", 3), ("UNTAGGED", 1), ("ANY", 4)]:
        answer = ecr.list_images(registryId=ACCOUNT, repositoryName=SMALL, filter={"tagStatus": status})
        assert len(answer["imageIds"]) == count, (status, answer)


@check
def describe_images_in_pages(aws):
    paginator = aws.client("ecr").get_paginator("describe_images")
    images = list(paginator.paginate(repositoryName=APP, PaginationConfig={"PageSize": 300}).search("imageDetails[]"))
    assert len({image["imageDigest"] for image in images}) == 1000
    assert all(isinstance(image["imagePushedAt"], datetime.datetime) for image in images)


@check
def describe_images_by_name(aws):
    ecr = aws.client("ecr")
    image = ecr.describe_images(repositoryName=SMALL, imageIds=[{"imageTag": "latest"}])["imageDetails"][0]
    assert image["imageTags"] == ["1.1.0", "latest"], image
    again = ecr.describe_images(repositoryName=SMALL, imageIds=[{"imageDigest": image["imageDigest"]}])
    assert again["imageDetails"] == [image]


@check
def batch_get_image_has_the_manifest_of_the_digest(aws):
    wanted = [{"imageTag": "1.0.0"}, {"imageTag": "none"}]
    answer = aws.client("ecr").batch_get_image(repositoryName=SMALL, imageIds=wanted)
    image, failure = answer["images"][0], answer["failures"][0]
    digest = hashlib.sha256(image["imageManifest"].encode()).hexdigest()
    assert image["imageId"]["imageDigest"] == f"sha256:{digest}", image
    assert failure["failureCode"] == "ImageNotFound", failure


# The registry


@check
def tags_by_link(aws):
    login, path, tags = aws.registry_login(), f"/v2/{APP}/tags/list?n=300", []
    while path:
        status, headers, body = aws.registry(path, login)
        assert status == 200, body
        tags += json.loads(body)["tags"]
        link = headers["Link"]
        path = link and re.fullmatch(r'<(http://[^>]+)>; rel="next"', link)[1]
    assert len(tags) == len(set(tags)) == 1000


@check
def manifest_and_blobs_have_their_digests(aws):
    login = aws.registry_login()
    status, headers, body = aws.registry(f"/v2/{SMALL}/manifests/latest", login)
    assert (status, headers["Docker-Content-Digest"]) == (200, f"sha256:{hashlib.sha256(body).hexdigest()}")
    head = aws.registry(f"/v2/{SMALL}/manifests/latest", login, "HEAD")
    assert (head[0], head[1]["Content-Length"], head[2]) == (200, str(len(body)), b"")
    manifest = json.loads(body)
    for part in [manifest["config"], *manifest["layers"]]:
        status, _, blob = aws.registry(f"/v2/{SMALL}/blobs/{part['digest']}", login)
        assert (status, f"sha256:{hashlib.sha256(blob).hexdigest()}") == (200, part["digest"])


@check
def a_wrong_registry_password_is_refused(aws):
    login = base64.b64encode(b"AWS:guessed").decode()
    for attempt in [login, None]:
        status, headers, _ = aws.registry("/v2/", attempt)
        assert status == 401 and headers["WWW-Authenticate"].startswith('Basic realm="'), headers


@check
def a_registry_page_of_another_repository_is_refused(aws):
    login = aws.registry_login()
    _, headers, _ = aws.registry(f"/v2/{APP}/tags/list?n=10", login)
    last = re.search(r"last=([^&>]+)", headers["Link"])[1]
    status, _, body = aws.registry(f"/v2/{SMALL}/tags/list?last={last}", login)
    assert (status, json.loads(body)["errors"][0]["code"]) == (405, "UNSUPPORTED"), body


# Signatures that are refused


@check
def a_wrong_secret_is_refused(aws):
    wrong = aws.keys() | {"aws_secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
    refused("InvalidSignatureException", 400, aws.client("ecr", **wrong).list_images, repositoryName=APP)
    refused("SignatureDoesNotMatch", 403, aws.client("sts", **wrong).get_caller_identity)


@check
def an_unknown_key_is_refused(aws):
    wrong = aws.keys() | {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE"}
    refused("UnrecognizedClientException", 400, aws.client("ecr", **wrong).list_images, repositoryName=APP)
    refused("InvalidClientTokenId", 403, aws.client("sts", **wrong).get_caller_identity)


@check
def a_wrong_session_token_is_refused(aws):
    keys = aws.session_keys()
    assert aws.client("ecr", **keys).list_images(repositoryName=APP)["imageIds"]
    wrong = keys | {"aws_session_token": keys["aws_session_token"][:-4] + "AAAA"}
    refused("UnrecognizedClientException", 400, aws.client("ecr", **wrong).list_images, repositoryName=APP)
    refused("InvalidClientTokenId", 403, aws.client("sts", **wrong).get_caller_identity)


@check
def a_scope_of_another_region_is_refused(aws):
    message = refused(
        "InvalidSignatureException", 400, aws.client("ecr", region_name="us-east-1").list_images, repositoryName=APP
    )
    assert "valid region" in message, message


@check
def a_clock_ten_minutes_off_is_refused(aws):
    right = botocore.auth.get_current_datetime
    for minutes, words in [(-10, "Signature expired"), (10, "Signature not yet current")]:
        wrong = lambda *arguments: right(*arguments) + datetime.timedelta(minutes=minutes)
        with unittest.mock.patch.object(botocore.auth, "get_current_datetime", wrong):
            message = refused("InvalidSignatureException", 400, aws.client("ecr").list_images, repositoryName=APP)
            assert message.startswith(words), message
            refused("SignatureDoesNotMatch", 403, aws.client("sts").get_caller_identity)


@check
def a_body_changed_after_signing_is_refused(aws):
    ecr = aws.client("ecr")

    def change(request, **_):
        request.body = request.body.replace(b"mainapp", b"another")

    ecr.meta.events.register("before-send.ecr.ListImages", change)
    refused("InvalidSignatureException", 400, ecr.list_images, repositoryName=APP)


@check
def no_signature_is_refused(aws):
    unsigned = Config(signature_version=UNSIGNED)
    ecr, sts = aws.client("ecr", config=unsigned), aws.client("sts", config=unsigned)
    refused("MissingAuthenticationTokenException", 400, ecr.list_images, repositoryName=APP)
    refused("MissingAuthenticationToken", 403, sts.get_caller_identity)


# Tokens that are refused


@check
def web_identity_tokens_that_are_refused(aws):
    for name, code, status in [
        ("expired", "ExpiredTokenException", 400),
        ("not-valid-yet", "InvalidIdentityToken", 400),
        ("wrong-audience", "InvalidIdentityToken", 400),
        ("wrong-issuer", "InvalidIdentityToken", 400),
        ("forged", "InvalidIdentityToken", 400),
        ("wrong-subject", "AccessDenied", 403),
    ]:
        refused(code, status, aws.assume, aws.token(name))
    refused("InvalidIdentityToken", 400, aws.assume, "not a token")


@check
def a_role_that_is_not_there_is_refused_like_one_that_does_not_trust(aws):
    other = f"arn:aws:iam::{ACCOUNT}:role/none"
    refused("AccessDenied", 403, aws.assume, aws.token("web-identity"), RoleArn=other)


@check
def parameters_of_a_session_that_are_refused(aws):
    for changes in [
        {"RoleSessionName": "with space"},
        {"RoleSessionName": "x" * 65},
        {"DurationSeconds": 3601},
        {"DurationSeconds": 43201},
        {"RoleArn": "image-reflector-is-not-an-arn"},
    ]:
        refused("ValidationError", 400, aws.assume, aws.token("web-identity"), **changes)


@check
def pod_identity_tokens_that_are_refused(aws):
    for name, words in [
        ("web-identity", "InvalidTokenException"),
        ("expired-pod-identity", "token is expired"),
        ("not-associated", "ResourceNotFoundException"),
    ]:
        session = aws.session("pod identity")
        os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = os.path.join(aws.endpoints["LOCAL_AWS_TOKENS"], name)
        try:
            session.client("sts").get_caller_identity()
        except CredentialRetrievalError as error:
            assert words in str(error), error
            continue
        raise AssertionError(f"{name} is not refused")


@check
def the_metadata_service_has_no_version_1(aws):
    base = aws.endpoints["AWS_EC2_METADATA_SERVICE_ENDPOINT"]
    credentials, token = base + "/latest/meta-data/iam/security-credentials/", base + "/latest/api/token"
    ttl = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    assert http(credentials)[0] == 401
    assert http(credentials, {"X-aws-ec2-metadata-token": "guessed"})[0] == 401
    assert http(token, method="PUT")[0] == 400
    assert http(token, ttl | {"X-Forwarded-For": "10.0.0.1"}, "PUT")[0] == 403
    status, _, session = http(token, ttl, "PUT")
    assert status == 200
    assert http(credentials, {"X-aws-ec2-metadata-token": session.decode()})[2] == b"image-reflector"


# Requests that are refused


@check
def a_page_token_of_another_listing_is_refused(aws):
    ecr = aws.client("ecr")
    token = ecr.list_images(repositoryName=APP)["nextToken"]
    refused("InvalidParameterException", 400, ecr.list_images, repositoryName=SMALL, nextToken=token)
    refused("InvalidParameterException", 400, ecr.describe_images, repositoryName=APP, nextToken=token)
    refused("InvalidParameterException", 400, ecr.list_images, repositoryName=APP, nextToken=token[:-4] + "AAAA")
    filtered = {"repositoryName": APP, "nextToken": token, "filter": {"tagStatus": "TAGGED"}}
    refused("InvalidParameterException", 400, ecr.list_images, **filtered)


@check
def sizes_of_a_page_that_are_refused(aws):
    refused("InvalidParameterException", 400, aws.client("ecr").list_images, repositoryName=APP, maxResults=1001)


@check
def what_no_policy_allows_is_denied(aws):
    ecr = aws.client("ecr", "web identity (IRSA)")
    message = refused("AccessDeniedException", 400, ecr.list_images, repositoryName="other/app")
    assert "not authorized to perform: ecr:ListImages" in message, message
    refused("AccessDeniedException", 400, ecr.list_images, repositoryName=APP, registryId="444455556666")


@check
def what_is_not_there_is_told(aws):
    ecr = aws.client("ecr")
    try:
        ecr.list_images(repositoryName="apps/none")
    except ecr.exceptions.RepositoryNotFoundException as error:
        assert ACCOUNT in str(error), error
    else:
        raise AssertionError("apps/none is found")
    missing = [{"imageTag": "none"}]
    refused("ImageNotFoundException", 400, ecr.describe_images, repositoryName=SMALL, imageIds=missing)


def run(aws):
    """Runs every check and gives the number of failures."""
    failures = 0
    for function in CHECKS:
        name = function.__name__.replace("_", " ")
        try:
            function(aws)
            print(f"ok      {name}")
        except Exception as error:  # Whatever goes wrong in a check is its failure; the others still run.
            failures += 1
            print(f"FAILED  {name}: {type(error).__name__}: {error}")
    print(f"{len(CHECKS) - failures} passed, {failures} failed")
    return failures


def main(program):
    process = subprocess.Popen([program], stdout=subprocess.PIPE, text=True)
    try:
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith("# serving"):
                break
        return 1 if run(Aws(lines)) else 0
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=10)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
