"""In the place of AWS: is a signed `GetCallerIdentity`, as Vault gets it, what AWS' own library would have sent?

Reads `{"login": …, "keys": {"id", "secret"}}` and writes what it is about, or null where the signature is another.
"""

from __future__ import annotations

import base64
import json
import sys
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


def verified(login: dict[str, Any], keys: dict[str, str]) -> dict[str, Any] | None:
    url = base64.b64decode(login["iam_request_url"]).decode()
    body = base64.b64decode(login["iam_request_body"]).decode()
    sent = json.loads(base64.b64decode(login["iam_request_headers"]))
    authorization = sent.pop("authorization")
    region = authorization.split("/")[2]
    partition = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    hosts = {f"https://sts.{region}.{partition}/"}
    if region == "us-east-1":
        hosts.add("https://sts.amazonaws.com/")
    if url not in hosts or login["iam_http_request_method"] != "POST" or "Action=GetCallerIdentity" not in body:
        return None
    request = AWSRequest(method="POST", url=url, headers=sent, data=body)
    request.context["timestamp"] = sent["x-amz-date"]
    signer = SigV4Auth(Credentials(keys["id"], keys["secret"]), "sts", region)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    expected = (
        f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, "
        f"SignedHeaders={signer.signed_headers(signer.headers_to_sign(request))}, "
        f"Signature={signer.signature(text, request)}"
    )
    if authorization != expected:
        return None
    return {"region": region, "server_id": sent.get("x-vault-aws-iam-server-id")}


if __name__ == "__main__":
    question = json.load(sys.stdin)
    json.dump(verified(question["login"], question["keys"]), sys.stdout)
