"""Starts ministack.

Kubernetes writes the audience of a token as a list, and STS takes a list of one for the one in it. ministack would compare
the trust policy with the list's text, so it is given the one.
"""

from ministack.services import cognito

claims_of = cognito._decode_id_token_unverified


def claims_with_one_audience(token):
    claims = claims_of(token)
    if isinstance(claims, dict) and isinstance(claims.get("aud"), list) and len(claims["aud"]) == 1:
        claims["aud"] = claims["aud"][0]
    return claims


cognito._decode_id_token_unverified = claims_with_one_audience

from ministack.app import main  # noqa: E402, after the change

main()
