"""Starts microburst.

A request is signed for the host it is sent to. microburst would put its upstream's name in that place, and sign anew for real
AWS alone; here the name stays, so that the upstream can check the signature of who asked. And what it knows of all AWS, which
takes seconds, it reads before it listens and not while it answers for the first time.
"""

import sys

from microburst.cli import main
from microburst.detection.host import parse_host
from microburst.forward import Upstream
from microburst.models import get_service_model

headers_of = Upstream._outbound_headers


def headers_with_the_host(self, request):
    return headers_of(self, request) | {"host": request.headers["Host"]}


Upstream._outbound_headers = headers_with_the_host

for service in ("sts", "api.ecr"):
    get_service_model(parse_host(f"{service}.eu-west-1.amazonaws.com")[0])

sys.exit(main())
