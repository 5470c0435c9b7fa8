"""ECR Public: the API in us-east-1, and a registry for everybody."""

import datetime
import json
import re

from harness import check, http, refused

ALPINE = "library/alpine"


def api(aws, identity="access keys", region="us-east-1"):
    return aws.client("ecr-public", identity, region_name=region)


def registry(aws, path, token=None):
    url = path if path.startswith("http") else f"http://{aws.endpoints['LOCAL_AWS_PUBLIC_REGISTRY']}{path}"
    return http(url, {"Authorization": token} if token else {})


@check
def a_public_login_lasts_twelve_hours(aws):
    for identity in ["access keys", "pod identity"]:
        data = api(aws, identity).get_authorization_token()["authorizationData"]
        left = data["expiresAt"] - datetime.datetime.now(datetime.timezone.utc)
        assert datetime.timedelta(hours=11) < left <= datetime.timedelta(hours=12), left
        assert registry(aws, "/v2/", f"Bearer {data['authorizationToken']}")[0] == 200
        assert registry(aws, "/v2/", f"Basic {data['authorizationToken']}")[0] == 400


@check
def the_public_api_is_in_one_region(aws):
    refused("InvalidSignatureException", 400, api(aws, region="eu-west-1").get_authorization_token)


@check
def public_tags_and_images_in_pages(aws):
    tags = api(aws).get_paginator("describe_image_tags").paginate(repositoryName=ALPINE)
    tags = list(tags.search("imageTagDetails[]"))
    assert len({tag["imageTag"] for tag in tags}) == len(tags) == 1000
    assert all(isinstance(tag["createdAt"], datetime.datetime) for tag in tags)
    images = api(aws).get_paginator("describe_images").paginate(repositoryName=ALPINE, PaginationConfig={"PageSize": 400})
    images = list(images.search("imageDetails[]"))
    digests = {tag["imageDetail"]["imageDigest"] for tag in tags}
    assert {image["imageDigest"] for image in images} == digests and len(digests) == 1000


@check
def anybody_reads_public_tags_with_a_token(aws):
    status, headers, _ = registry(aws, f"/v2/docker/{ALPINE}/tags/list")
    challenge = re.fullmatch(r'Bearer realm="([^"]+)",service="([^"]+)",scope="aws"', headers["WWW-Authenticate"])
    assert status == 401 and challenge[2] == "public.ecr.aws", headers
    token = json.loads(registry(aws, f"{challenge[1]}?service={challenge[2]}&scope=aws")[2])["token"]
    status, headers, body = registry(aws, f"/v2/docker/{ALPINE}/tags/list?n=300", f"Bearer {token}")
    assert status == 200 and len(json.loads(body)["tags"]) == 300 and 'rel="next"' in headers["Link"], headers
    status, headers, _ = registry(aws, "/v2/", "Bearer guessed")
    assert status == 400 and "WWW-Authenticate" not in headers, headers


@check
def archived_images_are_asked_for(aws):
    ecr = aws.client("ecr")
    for status, count in [("ACTIVE", 100), ("ARCHIVED", 0), ("ANY", 100)]:
        answer = ecr.list_images(repositoryName="apps/mainapp", filter={"imageStatus": status})
        assert len(answer["imageIds"]) == count, (status, answer)
