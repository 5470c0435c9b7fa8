"""What the checks share: the endpoints and identities the program printed, and ways to use them."""

import base64
import datetime
import os
import re
import urllib.error
import urllib.request

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/image-reflector"
SESSIONS = f"arn:aws:sts::{ACCOUNT}:assumed-role/image-reflector/"
APP = "apps/mainapp"
SMALL = "apps/small"

CHECKS = []


def check(function):
    """Registers a check; its name is what it shows."""
    CHECKS.append(function)
    return function


class Aws:
    """What the program printed: endpoints and variables, and clients made from them."""

    def __init__(self, lines):
        self.sections, title = {}, None
        for line in lines:
            if line.startswith("# "):
                title = line[2:].split(",")[0].split(":")[0]
                self.sections[title] = {}
            elif match := re.fullmatch(r"export (\w+)='(.*)'", line):
                self.sections[title][match[1]] = match[2]
        self.endpoints = self.sections["endpoints"]

    def session(self, identity):
        """A session that sees the variables of this identity and no others."""
        variables = {"AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_CONFIG_FILE": os.devnull}
        os.environ.clear()
        os.environ.update(variables | self.endpoints | self.sections[identity])
        return boto3.Session()

    def client(self, service, identity="access keys", config=None, **credentials):
        session = self.session(identity)
        config = Config(retries={"total_max_attempts": 1}).merge(config or Config())
        return session.client(service, config=config, **credentials)

    def keys(self):
        keys = self.sections["access keys"]
        return {
            "aws_access_key_id": keys["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": keys["AWS_SECRET_ACCESS_KEY"],
        }

    def token(self, name):
        with open(os.path.join(self.endpoints["LOCAL_AWS_TOKENS"], name)) as file:
            return file.read()

    def assume(self, token, **changes):
        sts = self.client("sts", config=Config(signature_version=UNSIGNED))
        parameters = {"RoleArn": ROLE, "RoleSessionName": "boto3", "WebIdentityToken": token} | changes
        return sts.assume_role_with_web_identity(**parameters)

    def session_keys(self):
        return keys_of(self.assume(self.token("web-identity")))

    def registry_login(self):
        data = self.client("ecr").get_authorization_token()["authorizationData"][0]
        assert data["expiresAt"] > datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=11)
        return data["authorizationToken"]

    def registry(self, path, login=None, method="GET"):
        url = path if path.startswith("http") else f"http://{self.endpoints['LOCAL_AWS_REGISTRY']}{path}"
        headers = {"Authorization": f"Basic {login}"} if login else {}
        return http(url, headers, method)


def keys_of(answer):
    """The keys in an answer of STS, as a client takes them."""
    credentials = answer["Credentials"]
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


class KeepsNoLogin(urllib.request.HTTPRedirectHandler):
    """Follows a redirect without the login, as a registry's client must."""

    def redirect_request(self, request, *arguments):
        following = super().redirect_request(request, *arguments)
        following.remove_header("Authorization")
        return following


def http(url, headers=None, method="GET"):
    """Status, headers and body of a plain request."""
    request = urllib.request.Request(url, headers=headers or {}, method=method)
    try:
        with urllib.request.build_opener(KeepsNoLogin).open(request) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def refused(code, status, call, *arguments, **parameters):
    """That a call is refused with this code and status; gives the message."""
    try:
        call(*arguments, **parameters)
    except ClientError as error:
        found = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
        assert found == (code, status), f"refused with {found}: {error}"
        assert error.response["ResponseMetadata"]["RequestId"], "a request id"
        return error.response["Error"].get("Message", "")
    raise AssertionError(f"not refused, but {code} was expected")
