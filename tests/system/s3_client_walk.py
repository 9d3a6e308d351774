#!/usr/bin/python3
"""Walks a running server with boto3 as people have it: s3_client_walk.py URL KEY SECRET CLINICIAN_KEY CLINICIAN_SECRET.

Prints a line for each case that fails and exits with 1 if any did."""
import base64
import datetime
import hashlib
import hmac
import http.client
import io
import json
import sys
import threading
import urllib.parse
import urllib.request
import zlib

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

url, key, secret, clinician_key, clinician_secret = sys.argv[1:6]
host = urllib.parse.urlparse(url).netloc
failures, cases = [], []


def client(service, k=key, s=secret, region="us-east-1", **config):
    return boto3.client(service, endpoint_url=url, region_name=region, aws_access_key_id=k, aws_secret_access_key=s,
                        config=Config(retries={"max_attempts": 1}, signature_version=config.pop("signature_version", None), **config))


s3 = client("s3", signature_version="s3v4")


def case(function):
    cases.append(function)
    return function


def refused(code, status, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except ClientError as e:
        got = (e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"])
        assert got == (code, status), f"{got} instead of {(code, status)}"
        return e.response
    raise AssertionError(f"no error, expected {code}")


def raw(method, path, body=b"", headers=None):
    connection = http.client.HTTPConnection(host, timeout=20)
    connection.request(method, path, body=body, headers=headers or {})
    answer = connection.getresponse()
    return answer.status, answer.read(), answer.headers


def signed(method, path, body=b"", headers=None, payload=None, scope="s3", query="", when=None, k=key, s=secret, tamper=""):
    """A request signed here, byte by byte, so that it can be wrong in any way. Returns headers and what chunks need."""
    when = when or datetime.datetime.utcnow()
    stamp, day = when.strftime("%Y%m%dT%H%M%SZ"), when.strftime("%Y%m%d")
    payload = payload or hashlib.sha256(body).hexdigest()
    fields = {"host": host, "x-amz-date": stamp, "x-amz-content-sha256": payload, **(headers or {})}
    names = sorted(fields)
    canonical = "\n".join([method, path, query] + [f"{n}:{fields[n]}" for n in names] + ["", ";".join(names), payload])
    area = f"{day}/us-east-1/{scope}/aws4_request"
    chain = ("AWS4" + s).encode()
    for step in (day, "us-east-1", scope, "aws4_request"):
        chain = hmac.new(chain, step.encode(), hashlib.sha256).digest()
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{area}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(chain, text.encode(), hashlib.sha256).hexdigest()
    fields["authorization"] = (f"AWS4-HMAC-SHA256 Credential={k}/{area}, SignedHeaders={';'.join(names)}, "
                               f"Signature={signature[:-len(tamper)] + tamper if tamper else signature}")
    return fields, (chain, stamp, area, signature)


@case
def buckets():
    s3.create_bucket(Bucket="first-bucket")
    s3.create_bucket(Bucket="first-bucket")
    assert [b["Name"] for b in s3.list_buckets()["Buckets"]] == ["first-bucket"]
    s3.head_bucket(Bucket="first-bucket")
    assert s3.get_bucket_location(Bucket="first-bucket")["LocationConstraint"] is None
    response = refused("404", 404, s3.head_bucket, Bucket="no-such-bucket")
    assert response["Error"]["Message"] == "Not Found"
    refused("NoSuchBucket", 404, s3.list_objects_v2, Bucket="no-such-bucket")
    refused("NoSuchBucket", 404, s3.put_object, Bucket="no-such-bucket", Key="k", Body=b"x")
    west = client("s3", region="eu-west-1", signature_version="s3v4")
    west.create_bucket(Bucket="west", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    assert west.get_bucket_location(Bucket="west")["LocationConstraint"] == "eu-west-1"
    refused("BucketAlreadyOwnedByYou", 409, west.create_bucket, Bucket="west", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    west.delete_bucket(Bucket="west")
    for bad in ("ab", "Upper", "-dash"):
        status, body, _ = raw("PUT", "/" + bad, headers=signed("PUT", "/" + bad)[0])
        assert status == 400 and b"InvalidBucketName" in body, (bad, status, body)


@case
def objects_and_metadata():
    body = b"note,summary\n"
    put = s3.put_object(Bucket="first-bucket", Key="a", Body=body, ContentType="text/csv", ContentEncoding="x-own", CacheControl="no-store",
                        ContentDisposition="inline", ContentLanguage="de", Metadata={"ward": "7"})
    etag = '"' + hashlib.md5(body).hexdigest() + '"'
    assert put["ETag"] == etag
    for got in (s3.get_object(Bucket="first-bucket", Key="a"), s3.head_object(Bucket="first-bucket", Key="a")):
        assert (got["ETag"], got["ContentLength"], got["ContentType"], got["ContentEncoding"]) == (etag, len(body), "text/csv", "x-own")
        assert (got["CacheControl"], got["ContentDisposition"], got["ContentLanguage"], got["Metadata"]) == ("no-store", "inline", "de", {"ward": "7"})
        assert got["LastModified"].microsecond == 0
    s3.put_object(Bucket="first-bucket", Key="empty")
    got = s3.get_object(Bucket="first-bucket", Key="empty")
    assert got["Body"].read() == b"" and got["ContentType"] == "binary/octet-stream"
    got = s3.get_object(Bucket="first-bucket", Key="a", ResponseContentType="text/plain", ResponseContentDisposition="attachment")
    assert (got["ContentType"], got["ContentDisposition"]) == ("text/plain", "attachment")
    refused("NoSuchKey", 404, s3.get_object, Bucket="first-bucket", Key="nothing")
    refused("404", 404, s3.head_object, Bucket="first-bucket", Key="nothing")
    assert s3.delete_object(Bucket="first-bucket", Key="nothing")["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert s3.get_object_tagging(Bucket="first-bucket", Key="a")["TagSet"] == []
    s3.delete_object(Bucket="first-bucket", Key="empty")


@case
def odd_keys_are_literal():
    s3.create_bucket(Bucket="odd")
    keys = ["a//b", "../x", "./y", "slash/", "blank key", "plus+key", "per%cent", "%41", "é€😀", "a&b=c?d#e", "~-_.", "x" * 1024, "'\"<>"]
    for k in keys:
        s3.put_object(Bucket="odd", Key=k, Body=k.encode())
    for k in keys:
        assert s3.get_object(Bucket="odd", Key=k)["Body"].read() == k.encode(), k
    listed = [o["Key"] for o in s3.list_objects_v2(Bucket="odd")["Contents"]]
    assert listed == sorted(keys, key=lambda k: k.encode()), listed
    refused("KeyTooLongError", 400, s3.put_object, Bucket="odd", Key="y" * 1025, Body=b"")
    deleted = s3.delete_objects(Bucket="odd", Delete={"Objects": [{"Key": k} for k in keys + ["absent"]]})
    assert len(deleted["Deleted"]) == len(keys) + 1
    s3.delete_bucket(Bucket="odd")


@case
def ranges_and_conditions():
    s3.put_object(Bucket="first-bucket", Key="r", Body=bytes(range(100)))
    def part(r):
        got = s3.get_object(Bucket="first-bucket", Key="r", Range=r)
        return got["ResponseMetadata"]["HTTPStatusCode"], got.get("ContentRange"), got["Body"].read()
    assert part("bytes=0-9") == (206, "bytes 0-9/100", bytes(range(10)))
    assert part("bytes=90-") == (206, "bytes 90-99/100", bytes(range(90, 100)))
    assert part("bytes=-5") == (206, "bytes 95-99/100", bytes(range(95, 100)))
    assert part("bytes=50-1000")[1] == "bytes 50-99/100"
    refused("InvalidRange", 416, s3.get_object, Bucket="first-bucket", Key="r", Range="bytes=100-")
    etag = s3.head_object(Bucket="first-bucket", Key="r")["ETag"]
    s3.get_object(Bucket="first-bucket", Key="r", IfMatch=etag)
    refused("PreconditionFailed", 412, s3.get_object, Bucket="first-bucket", Key="r", IfMatch='"x"')
    refused("304", 304, s3.get_object, Bucket="first-bucket", Key="r", IfNoneMatch=etag)
    later = datetime.datetime.utcnow() + datetime.timedelta(hours=1)
    refused("304", 304, s3.get_object, Bucket="first-bucket", Key="r", IfModifiedSince=later)


@case
def listing_pages():
    s3.create_bucket(Bucket="pages")
    for i in range(12):
        s3.put_object(Bucket="pages", Key=f"d{i % 3}/f{i:02}", Body=b"")
    s3.put_object(Bucket="pages", Key="top", Body=b"")
    seen, token, pages = [], None, 0
    while True:
        more = {"ContinuationToken": token} if token else {}
        page = s3.list_objects_v2(Bucket="pages", Delimiter="/", MaxKeys=2, **more)
        seen += [p["Prefix"] for p in page.get("CommonPrefixes", [])] + [o["Key"] for o in page.get("Contents", [])]
        assert page["KeyCount"] == len(page.get("CommonPrefixes", [])) + len(page.get("Contents", []))
        pages += 1
        if not page["IsTruncated"]:
            assert "NextContinuationToken" not in page
            break
        token = page["NextContinuationToken"]
    assert seen == ["d0/", "d1/", "d2/", "top"] and pages == 2, seen
    keys = [o["Key"] for p in s3.get_paginator("list_objects_v2").paginate(Bucket="pages", PaginationConfig={"PageSize": 5}) for o in p["Contents"]]
    assert len(keys) == 13 and keys == sorted(keys)
    old = [o["Key"] for p in s3.get_paginator("list_objects").paginate(Bucket="pages", PaginationConfig={"PageSize": 5}) for o in p["Contents"]]
    assert old == keys
    first = s3.list_objects(Bucket="pages", Delimiter="/", MaxKeys=1)
    assert first["NextMarker"] == "d0/" and s3.list_objects(Bucket="pages", Delimiter="/", MaxKeys=1, Marker="d0/")["CommonPrefixes"][0]["Prefix"] == "d1/"
    assert s3.list_objects_v2(Bucket="pages", StartAfter="d2/f11")["KeyCount"] == 1
    assert s3.list_objects_v2(Bucket="pages", Prefix="none")["KeyCount"] == 0
    assert s3.list_objects_v2(Bucket="pages", MaxKeys=0)["KeyCount"] == 0
    refused("InvalidArgument", 400, s3.list_objects_v2, Bucket="pages", ContinuationToken="garbage")
    refused("BucketNotEmpty", 409, s3.delete_bucket, Bucket="pages")
    quiet = s3.delete_objects(Bucket="pages", Delete={"Quiet": True, "Objects": [{"Key": k} for k in keys]})
    assert "Deleted" not in quiet
    s3.delete_bucket(Bucket="pages")


@case
def copies():
    s3.put_object(Bucket="first-bucket", Key="from é", Body=b"copied", ContentType="text/plain", Metadata={"a": "1"})
    source = {"Bucket": "first-bucket", "Key": "from é"}
    s3.copy_object(Bucket="first-bucket", Key="to", CopySource=source)
    got = s3.get_object(Bucket="first-bucket", Key="to")
    assert got["Body"].read() == b"copied" and got["Metadata"] == {"a": "1"} and got["ContentType"] == "text/plain"
    s3.copy_object(Bucket="first-bucket", Key="to", CopySource=source, MetadataDirective="REPLACE", Metadata={"b": "2"}, ContentType="x/y")
    got = s3.head_object(Bucket="first-bucket", Key="to")
    assert got["Metadata"] == {"b": "2"} and got["ContentType"] == "x/y"
    refused("NoSuchKey", 404, s3.copy_object, Bucket="first-bucket", Key="to", CopySource={"Bucket": "first-bucket", "Key": "none"})
    refused("InvalidRequest", 400, s3.copy_object, Bucket="first-bucket", Key="to", CopySource={"Bucket": "first-bucket", "Key": "to"})


@case
def multipart():
    large = bytes(5 << 20)
    where = {"Bucket": "first-bucket", "Key": "multi"}
    upload = s3.create_multipart_upload(**where, ContentType="text/x", Metadata={"m": "1"})["UploadId"]
    named = {**where, "UploadId": upload}
    tags = {}
    for number, body in ((9, b"end"), (2, b"old"), (2, large), (4, large)):
        tags[number] = s3.upload_part(**named, PartNumber=number, Body=body)["ETag"]
    refused("NoSuchKey", 404, s3.get_object, **where)
    assert s3.list_multipart_uploads(Bucket="first-bucket")["Uploads"][0]["UploadId"] == upload
    assert [p["PartNumber"] for p in s3.list_parts(**named)["Parts"]] == [2, 4, 9]
    page = s3.list_parts(**named, MaxParts=1, PartNumberMarker=2)
    assert [p["PartNumber"] for p in page["Parts"]] == [4] and page["IsTruncated"]
    parts = lambda *numbers: {"Parts": [{"PartNumber": n, "ETag": tags.get(n, '"0"')} for n in numbers]}
    refused("InvalidPartOrder", 400, s3.complete_multipart_upload, **named, MultipartUpload=parts(4, 2))
    refused("InvalidPart", 400, s3.complete_multipart_upload, **named, MultipartUpload=parts(2, 3))
    refused("EntityTooSmall", 400, s3.complete_multipart_upload, **named, MultipartUpload={"Parts": parts(9)["Parts"] + [{"PartNumber": 10, "ETag": s3.upload_part(**named, PartNumber=10, Body=b"x")["ETag"]}]})
    refused("MalformedXML", 400, s3.complete_multipart_upload, **named, MultipartUpload={"Parts": []})
    refused("InvalidArgument", 400, s3.upload_part, **named, PartNumber=10001, Body=b"")
    done = s3.complete_multipart_upload(**named, MultipartUpload=parts(2, 4, 9))
    digests = hashlib.md5(large).digest() * 2 + hashlib.md5(b"end").digest()
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"', done["ETag"]
    got = s3.get_object(**where)
    assert got["Body"].read() == large * 2 + b"end" and got["ContentType"] == "text/x" and got["Metadata"] == {"m": "1"}
    assert s3.get_object(**where, Range=f"bytes={(5 << 20) * 2 - 1}-")["Body"].read() == b"\0end"
    refused("NoSuchUpload", 404, s3.complete_multipart_upload, **named, MultipartUpload=parts(2))
    other = s3.create_multipart_upload(**where)["UploadId"]
    copied = s3.upload_part_copy(**where, UploadId=other, PartNumber=1, CopySource=where, CopySourceRange=f"bytes={(5 << 20) * 2}-{(5 << 20) * 2 + 2}")
    assert copied["CopyPartResult"]["ETag"] == '"' + hashlib.md5(b"end").hexdigest() + '"'
    s3.abort_multipart_upload(**where, UploadId=other)
    refused("NoSuchUpload", 404, s3.list_parts, **where, UploadId=other)
    s3.upload_fileobj(io.BytesIO(b"z" * (20 << 20)), "first-bucket", "managed")
    out = io.BytesIO()
    s3.download_fileobj("first-bucket", "managed", out)
    assert out.getvalue() == b"z" * (20 << 20)


@case
def digests():
    md5 = lambda b: base64.b64encode(hashlib.md5(b).digest()).decode()
    s3.put_object(Bucket="first-bucket", Key="d", Body=b"x", ContentMD5=md5(b"x"))
    refused("BadDigest", 400, s3.put_object, Bucket="first-bucket", Key="d", Body=b"x", ContentMD5=md5(b"y"))
    crc = base64.b64encode(zlib.crc32(b"123456789").to_bytes(4, "big")).decode()
    known = {"crc32": crc, "crc32c": "4waSgw==", "sha1": base64.b64encode(hashlib.sha1(b"123456789").digest()).decode(),
             "sha256": base64.b64encode(hashlib.sha256(b"123456789").digest()).decode(), "crc64nvme": "whatever"}
    for name, value in known.items():
        headers = {"x-amz-checksum-" + name: value}
        status, body, _ = raw("PUT", "/first-bucket/d", b"123456789", signed("PUT", "/first-bucket/d", b"123456789", headers)[0])
        assert status == 200, (name, body)
        headers = {"x-amz-checksum-" + name: "AAAA" + value[4:]}
        status, body, _ = raw("PUT", "/first-bucket/d", b"123456789", signed("PUT", "/first-bucket/d", b"123456789", headers)[0])
        assert (status == 400 and b"BadDigest" in body) or name == "crc64nvme", (name, status, body)
    headers, _ = signed("PUT", "/first-bucket/d", b"sent")
    status, body, _ = raw("PUT", "/first-bucket/d", b"came", headers)
    assert status == 400 and b"XAmzContentSHA256Mismatch" in body, body
    assert s3.get_object(Bucket="first-bucket", Key="d")["Body"].read() == b"123456789"


def chunked(body, chain, stamp, area, previous, trailer=None, break_it=False):
    empty = hashlib.sha256(b"").hexdigest()
    out = b""
    for chunk in [body[i:i + 9000] for i in range(0, len(body), 9000)] + [b""]:
        text = f"AWS4-HMAC-SHA256-PAYLOAD\n{stamp}\n{area}\n{previous}\n{empty}\n{hashlib.sha256(chunk).hexdigest()}"
        previous = hmac.new(chain, text.encode(), hashlib.sha256).hexdigest()
        out += f"{len(chunk):x};chunk-signature={previous}\r\n".encode() + chunk + (b"\r\n" if chunk else b"")
    if trailer:
        text = f"AWS4-HMAC-SHA256-TRAILER\n{stamp}\n{area}\n{previous}\n{hashlib.sha256((trailer + chr(10)).encode()).hexdigest()}"
        out += f"{trailer}\r\nx-amz-trailer-signature:{hmac.new(chain, text.encode(), hashlib.sha256).hexdigest()}\r\n".encode()
    out += b"\r\n"
    return out.replace(b"chunk", b"chunK", 1) if break_it == "frame" else out[:200] + b"!" + out[201:] if break_it else out


@case
def aws_chunked():
    body = bytes(i % 251 for i in range(20000))
    path = "/first-bucket/chunked"
    crc = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
    length = {"x-amz-decoded-content-length": str(len(body)), "content-encoding": "aws-chunked,gzip"}
    def send(payload, make, extra=None, decoded=None):
        headers, how = signed("PUT", path, headers={**length, **(extra or {}), **({"x-amz-decoded-content-length": decoded} if decoded else {})}, payload=payload)
        return raw("PUT", path, make(how), headers)[:2]
    signed_form, trailer_form = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
    assert send(signed_form, lambda how: chunked(body, *how))[0] == 200
    got = s3.get_object(Bucket="first-bucket", Key="chunked")
    assert got["Body"].read() == body and got["ContentEncoding"] == "gzip"
    with_crc = {"x-amz-trailer": "x-amz-checksum-crc32"}
    assert send(trailer_form, lambda how: chunked(body, *how, trailer="x-amz-checksum-crc32:" + crc), with_crc)[0] == 200
    unsigned = lambda value: b"%x\r\n" % len(body) + body + b"\r\n0\r\nx-amz-checksum-crc32:" + value.encode() + b"\r\n\r\n"
    assert send("STREAMING-UNSIGNED-PAYLOAD-TRAILER", lambda how: unsigned(crc), with_crc)[0] == 200
    s3.put_object(Bucket="first-bucket", Key="chunked", Body=b"before")
    for status, code, answer in (
            (403, b"SignatureDoesNotMatch", send(signed_form, lambda how: chunked(body, *how, break_it=True))),
            (400, b"BadDigest", send("STREAMING-UNSIGNED-PAYLOAD-TRAILER", lambda how: unsigned("AAAAAA=="), with_crc)),
            (400, b"BadDigest", send(trailer_form, lambda how: chunked(body, *how, trailer="x-amz-checksum-crc32:AAAAAA=="), with_crc)),
            (400, b"IncompleteBody", send(signed_form, lambda how: chunked(body, *how), decoded="19999"))):
        assert answer[0] == status and code in answer[1], (code, answer)
    assert s3.get_object(Bucket="first-bucket", Key="chunked")["Body"].read() == b"before"


@case
def presigned():
    link = s3.generate_presigned_url("put_object", Params={"Bucket": "first-bucket", "Key": "pre signed"}, ExpiresIn=60)
    assert urllib.request.urlopen(urllib.request.Request(link, data=b"via link", method="PUT", headers={"Content-Type": ""})).status == 200
    link = s3.generate_presigned_url("get_object", Params={"Bucket": "first-bucket", "Key": "pre signed"}, ExpiresIn=60)
    assert urllib.request.urlopen(link).read() == b"via link"
    def fails(target, method="GET"):
        path = target[len(url):]
        status, body, _ = raw(method, path)
        return status, body.split(b"<Code>")[1].split(b"</Code>")[0].decode() if b"<Code>" in body else ""
    assert fails(link, "DELETE") == (403, "SignatureDoesNotMatch")
    assert fails(link.replace("pre%20signed", "other")) == (403, "SignatureDoesNotMatch")
    assert fails(link.replace("X-Amz-Expires=60", "X-Amz-Expires=604801")) == (400, "AuthorizationQueryParametersError")
    assert fails("%s/first-bucket/a?AWSAccessKeyId=%s&Signature=x&Expires=1" % (url, key))[0] in (400, 403)


@case
def signatures():
    ok, _ = signed("GET", "/first-bucket/a")
    assert raw("GET", "/first-bucket/a", headers=ok)[0] == 200
    wrong, _ = signed("GET", "/first-bucket/a", tamper="0" * 8)
    code = lambda answer: (answer[0], answer[1].split(b"<Code>")[1].split(b"</Code>")[0].decode())
    assert code(raw("GET", "/first-bucket/a", headers=wrong)) == (403, "SignatureDoesNotMatch")
    assert code(raw("GET", "/first-bucket/a")) == (403, "AccessDenied")
    assert code(raw("GET", "/first-bucket/a", headers={"Authorization": "AWS4-HMAC-SHA256 Credential"})) == (400, "AuthorizationHeaderMalformed")
    skewed, _ = signed("GET", "/first-bucket/a", when=datetime.datetime.utcnow() - datetime.timedelta(minutes=16))
    assert code(raw("GET", "/first-bucket/a", headers=skewed)) == (403, "RequestTimeTooSkewed")
    nobody, _ = signed("GET", "/first-bucket/a", k="EPICNOBODY")
    assert code(raw("GET", "/first-bucket/a", headers=nobody)) == (403, "InvalidAccessKeyId")
    unsigned = {**ok, "x-amz-extra": "1"}
    assert code(raw("GET", "/first-bucket/a", headers=unsigned)) == (403, "AccessDenied")
    scope, _ = signed("GET", "/first-bucket/a", scope="sagemaker")
    assert raw("GET", "/first-bucket/a", headers=scope)[0] == 403
    # A body of 100 MB without credentials is not taken in.
    connection = http.client.HTTPConnection(host, timeout=20)
    connection.putrequest("PUT", "/first-bucket/large")
    connection.putheader("Content-Length", str(100 << 20))
    connection.endheaders()
    assert connection.getresponse().status == 403


@case
def identity():
    who = client("sts").get_caller_identity()
    assert len(who["Account"]) == 12 and who["Arn"] == f"arn:aws:sts::{who['Account']}:assumed-role/EpicrisisAdmin/{key}"
    role = client("iam").get_role(RoleName="EpicrisisAdmin")["Role"]
    assert role["Arn"] == f"arn:aws:iam::{who['Account']}:role/EpicrisisAdmin" and role["Path"] == "/"
    refused("NoSuchEntity", 404, client("iam").get_role, RoleName="nobody")
    refused("SignatureDoesNotMatch", 403, client("sts", s="wrong").get_caller_identity)
    refused("InvalidClientTokenId", 403, client("sts", k="EPICNOBODY").get_caller_identity)
    refused("InvalidAction", 400, client("sts").get_session_token)


@case
def json_services():
    refused("ResourceNotFoundException", 400, client("logs").describe_log_streams, logGroupName="/aws/none")
    assert client("logs").describe_log_groups()["logGroups"] == []
    refused("InvalidSignatureException", 403, client("logs", s="wrong").describe_log_groups)
    refused("UnrecognizedClientException", 403, client("logs", k="EPICNOBODY").describe_log_groups)
    refused("UnknownOperationException", 400, client("logs").describe_queries)
    headers = lambda body: signed("POST", "/", body, {"x-amz-target": "Logs_20140328.DescribeLogGroups"}, scope="logs")[0]
    for body in (b"[", b"[1]", b'{"logGroupNamePrefix": 1}', b"[" * 5000, b'{"a":' * 5000):
        status, answer, _ = raw("POST", "/", body, headers(body))
        assert status == 400 and json.loads(answer)["__type"] == "SerializationException", answer
    status, answer, fields = raw("POST", "/", b"{}", {"x-amz-target": "Logs_20140328.DescribeLogGroups"})
    assert status == 403 and json.loads(answer)["__type"] == "MissingAuthenticationTokenException" and fields["x-amzn-RequestId"]


@case
def roles():
    who = client("sts", clinician_key, clinician_secret).get_caller_identity()
    assert "EpicrisisClinician" in who["Arn"]
    refused("AccessDenied", 403, client("s3", clinician_key, clinician_secret, signature_version="s3v4").get_object, Bucket="first-bucket", Key="a")
    refused("AccessDeniedException", 400, client("logs", clinician_key, clinician_secret).describe_log_groups)


@case
def connections_live_on_after_errors():
    connection = http.client.HTTPConnection(host, timeout=20)
    for _ in range(3):
        connection.request("GET", "/first-bucket/none", headers=signed("GET", "/first-bucket/none")[0])
        answer = connection.getresponse()
        assert answer.status == 404 and answer.read() and answer.headers["x-amz-request-id"]
        held = connection.sock
        connection.request("POST", "/", body=b"{}", headers={"x-amz-target": "SageMaker.ListModels"})
        answer = connection.getresponse()
        assert answer.status == 403 and answer.read() and connection.sock is held
    for path in ("/healthz", "/readyz", "/metrics"):
        assert raw("GET", path)[0] == 200
    assert b"epicrisis_requests_total" in raw("GET", "/metrics")[1]


@case
def many_at_once():
    wrong = []
    def work(n):
        mine = client("s3", signature_version="s3v4")
        for i in range(5):
            body = f"{n}/{i}".encode() * 1000
            mine.put_object(Bucket="first-bucket", Key=f"t{n}", Body=body)
            if mine.get_object(Bucket="first-bucket", Key=f"t{n}")["Body"].read() != body:
                wrong.append(n)
    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not wrong


for one in cases:
    try:
        one()
    except Exception as e:  # every case is tried
        line = e.__traceback__.tb_next.tb_lineno if e.__traceback__.tb_next else 0
        failures.append(f"{one.__name__}:{line}: {type(e).__name__}: {str(e)[:300]}")
print("\n".join(failures) or f"{len(cases)} cases")
sys.exit(bool(failures))
