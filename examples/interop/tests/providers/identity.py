"""Prints whose credentials botocore's own providers find, or how they fail."""

import boto3

try:
    print(boto3.client("sts").get_caller_identity()["Arn"])
except Exception as error:
    print(f"{type(error).__name__}")
