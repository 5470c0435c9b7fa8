"""The Kubernetes API, by the client of the Kubernetes project."""

import base64
import datetime
import json

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from harness import ACCOUNT, SMALL, check, keys_of, refused

STS = "sts.amazonaws.com"


def core(aws, token="kubernetes"):
    configuration = client.Configuration(host=aws.endpoints["LOCAL_AWS_KUBERNETES"])
    configuration.api_key["authorization"] = f"Bearer {aws.token(token)}"
    configuration.retries = False
    return client.CoreV1Api(client.ApiClient(configuration))


def token_of(aws, namespace, audiences=(STS,), seconds=900, reader="image-reader"):
    spec = client.V1TokenRequestSpec(audiences=list(audiences), expiration_seconds=seconds)
    body = client.AuthenticationV1TokenRequest(spec=spec)
    return core(aws).create_namespaced_service_account_token(reader, namespace, body)


def not_ok(status, reason, call, *arguments, **parameters):
    """That a call is refused with this status and reason; gives the message."""
    try:
        call(*arguments, **parameters)
    except ApiException as error:
        body = json.loads(error.body)
        assert (error.status, body["reason"], body["kind"]) == (status, reason, "Status"), error
        return body["message"]
    raise AssertionError(f"not refused, but {reason} was expected")


@check
def a_service_account_has_its_annotations(aws):
    account = core(aws).read_namespaced_service_account("image-reader", "team-a")
    assert account.metadata.annotations == {"eks.amazonaws.com/role-arn": f"arn:aws:iam::{ACCOUNT}:role/team-a"}
    assert isinstance(account.metadata.creation_timestamp, datetime.datetime) and account.metadata.uid


@check
def a_requested_token_is_taken_by_sts(aws):
    answer = token_of(aws, "team-a")
    left = answer.status.expiration_timestamp - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(seconds=880) < left <= datetime.timedelta(seconds=900), left
    payload = answer.status.token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["aud"] == [STS] and claims["sub"] == "system:serviceaccount:team-a:image-reader", claims
    session = aws.assume(answer.status.token, RoleArn=f"arn:aws:iam::{ACCOUNT}:role/team-a")
    assert aws.client("ecr", **keys_of(session)).list_images(repositoryName=SMALL)["imageIds"]
    refused("AccessDenied", 403, aws.assume, answer.status.token)


@check
def a_token_for_another_audience_is_none_for_sts(aws):
    token = token_of(aws, "team-a", audiences=["https://example.com"]).status.token
    refused("InvalidIdentityToken", 400, aws.assume, token, RoleArn=f"arn:aws:iam::{ACCOUNT}:role/team-a")


@check
def expirations_have_bounds(aws):
    message = not_ok(422, "Invalid", token_of, aws, "team-a", seconds=599)
    assert "may not specify a duration less than 10 minutes" in message, message
    assert token_of(aws, "team-a", seconds=10 * 86400).spec.expiration_seconds == 86400


@check
def what_is_not_granted_is_forbidden(aws):
    message = not_ok(403, "Forbidden", token_of, aws, "team-b")
    assert 'cannot create resource "serviceaccounts/token" in API group "" in the namespace "team-b"' in message
    not_ok(403, "Forbidden", core(aws).list_namespaced_service_account, "team-a")
    not_ok(403, "Forbidden", core(aws).read_namespaced_secret, "any", "team-a")
    not_ok(403, "Forbidden", core(aws).delete_namespaced_service_account, "image-reader", "team-a")


@check
def a_service_account_that_is_not_there_is_not_found(aws):
    message = not_ok(404, "NotFound", core(aws).read_namespaced_service_account, "none", "team-a")
    assert message == 'serviceaccounts "none" not found', message
    not_ok(404, "NotFound", token_of, aws, "team-a", reader="none")


@check
def a_token_for_sts_opens_no_cluster(aws):
    for token in ["web-identity", "forged", "expired"]:
        not_ok(401, "Unauthorized", core(aws, token).read_namespaced_service_account, "image-reader", "team-a")
