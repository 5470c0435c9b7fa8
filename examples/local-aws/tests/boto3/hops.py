"""AssumeRole, from the controller's session and further."""

import datetime
import json

from harness import ACCOUNT, APP, SMALL, check, keys_of, refused

PARTNER = "arn:aws:iam::444455556666:role/partner"
EXTERNAL = {"ExternalId": "flux-42"}


def role(name):
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def assume(aws, keys, arn, **parameters):
    return aws.client("sts", **keys).assume_role(RoleArn=arn, RoleSessionName="hop", **parameters)


def tags(**values):
    return [{"Key": key, "Value": value} for key, value in values.items()]


@check
def assume_role_in_another_account(aws):
    answer = assume(aws, aws.session_keys(), PARTNER, DurationSeconds=900, **EXTERNAL)
    assert answer["AssumedRoleUser"]["Arn"] == "arn:aws:sts::444455556666:assumed-role/partner/hop", answer
    left = answer["Credentials"]["Expiration"] - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(seconds=880) < left <= datetime.timedelta(seconds=900), left
    caller = aws.client("sts", **keys_of(answer)).get_caller_identity()
    assert caller["Account"] == "444455556666", caller


@check
def a_wrong_external_id_is_refused(aws):
    for parameters in [{}, {"ExternalId": "flux-43"}]:
        message = refused("AccessDenied", 403, assume, aws, aws.session_keys(), PARTNER, **parameters)
        assert message.endswith(f"is not authorized to perform: sts:AssumeRole on resource: {PARTNER}"), message


@check
def who_may_not_assume_is_refused(aws):
    for keys, arn in [(aws.keys(), PARTNER), (aws.session_keys(), role("none")), (aws.keys(), role("hop"))]:
        refused("AccessDenied", 403, assume, aws, keys, arn, **EXTERNAL)


@check
def a_chain_longer_than_an_hour_is_refused(aws):
    message = refused("ValidationError", 400, assume, aws, aws.session_keys(), role("hop"), DurationSeconds=3601)
    assert "1 hour session limit for roles assumed by role chaining" in message, message


@check
def session_tags_go_on_where_they_are_transitive(aws):
    parameters = {"Tags": tags(team="a", stage="test"), "TransitiveTagKeys": ["team"]}
    first = keys_of(assume(aws, aws.session_keys(), role("hop"), **parameters))
    second = assume(aws, first, role("team-a-only"))
    assert second["AssumedRoleUser"]["Arn"].endswith(":assumed-role/team-a-only/hop"), second
    other = keys_of(assume(aws, aws.session_keys(), role("hop"), Tags=tags(team="b"), TransitiveTagKeys=["team"]))
    refused("AccessDenied", 403, assume, aws, other, role("team-a-only"))
    message = refused("InvalidParameterValue", 400, assume, aws, first, role("team-a-only"), Tags=tags(Team="b"))
    assert "conflicts with a transitive tag key" in message, message


@check
def session_tags_that_are_refused(aws):
    keys = aws.session_keys()
    message = refused("AccessDenied", 403, assume, aws, keys, role("untagged"), Tags=tags(team="a"))
    assert "sts:TagSession" in message, message
    assert assume(aws, keys, role("untagged"))["Credentials"]
    for parameters in [{"Tags": tags(team="a", Team="b")}, {"Tags": tags(team="a"), "TransitiveTagKeys": ["stage"]}]:
        refused("InvalidParameterValue", 400, assume, aws, keys, role("hop"), **parameters)
    refused("ValidationError", 400, assume, aws, keys, role("hop"), Tags=tags(team="a" * 257))


@check
def the_tags_of_pod_identity_need_leave_at_every_hop(aws):
    sts = aws.client("sts", "pod identity")
    assert sts.assume_role(RoleArn=role("hop"), RoleSessionName="hop")["Credentials"]
    message = refused("AccessDenied", 403, sts.assume_role, RoleArn=role("untagged"), RoleSessionName="hop")
    assert "sts:TagSession" in message, message


@check
def a_session_policy_takes_away(aws):
    statement = {"Effect": "Allow", "Action": "ecr:ListImages", "Resource": f"arn:aws:ecr:*:*:repository/{SMALL}"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    ecr = aws.client("ecr", **keys_of(assume(aws, aws.session_keys(), role("hop"), Policy=policy)))
    assert ecr.list_images(repositoryName=SMALL)["imageIds"]
    message = refused("AccessDeniedException", 400, ecr.list_images, repositoryName=APP)
    assert "because no session policy allows" in message, message
    refused("MalformedPolicyDocument", 400, assume, aws, aws.session_keys(), role("hop"), Policy="{")


@check
def a_source_identity_stays(aws):
    first = assume(aws, aws.session_keys(), role("hop"), SourceIdentity="ada")
    assert first["SourceIdentity"] == "ada", first
    second = assume(aws, keys_of(first), role("hop-again"))
    assert second["SourceIdentity"] == "ada", second
    refused("AccessDenied", 403, assume, aws, keys_of(first), role("hop-again"), SourceIdentity="bob")
