"""Makes the calls that it reads from standard input, one JSON object a line, and prints what came of each."""

import datetime
import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError


def to_json(value):
    if isinstance(value, dict):
        return {name: to_json(item) for name, item in value.items() if name != "ResponseMetadata"}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if hasattr(value, "read"):
        value = value.read()
    if isinstance(value, bytes):
        return list(value)
    return value.isoformat() if isinstance(value, datetime.datetime) else value


session = boto3.session.Session()
clients = {}


def client(call):
    name = json.dumps([call["service"], call["keys"]], sort_keys=True)
    if name not in clients:
        config = Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"})
        clients[name] = session.client(
            call["service"], endpoint_url=call["endpoint"], region_name=call["region"], config=config, **call["keys"]
        )
    return clients[name]


for line in sys.stdin:
    call = json.loads(line)
    try:
        made = getattr(client(call), call["operation"])(**call["parameters"])
        outcome = {"answer": to_json(made)}
    except ClientError as error:
        outcome = {"refusal": error.response["Error"]}
    except BotoCoreError as error:
        outcome = {"failure": f"{type(error).__name__}: {error}"}
    print(json.dumps(outcome), flush=True)
