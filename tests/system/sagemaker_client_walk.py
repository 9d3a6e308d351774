#!/usr/bin/python3
"""Walks SageMaker of a running server with boto3 as people have it: sagemaker_client_walk.py URL KEY SECRET CLINICIAN_KEY CLINICIAN_SECRET
MODEL.tar.gz SENTINEL. A note with SENTINEL in it goes through every route, good and bad; no refusal may repeat it.

Prints a line for each case that fails and exits with 1 if any did."""
import http.client
import json
import struct
import sys
import time
import urllib.parse
import zlib

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

url, key, secret, clinician_key, clinician_secret, archive, sentinel = sys.argv[1:8]
host = urllib.parse.urlparse(url).netloc
failures, cases = [], []
ROLE = "arn:aws:iam::000000000000:role/service-role/Notes"
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/huggingface-pytorch-inference:1.13-transformers4.26-cpu-py39-ubuntu20.04"
NOTE = f"Pt c/o chest pain since this morning. {sentinel}. Aspirin given."


def client(service, k=key, s=secret, region="us-east-1"):
    return boto3.client(service, endpoint_url=url, region_name=region, aws_access_key_id=k, aws_secret_access_key=s,
                        config=Config(retries={"max_attempts": 1}))


sagemaker, runtime, s3, logs = client("sagemaker"), client("sagemaker-runtime"), client("s3"), client("logs")


def case(function):
    cases.append(function)
    return function


def refused(code, text, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error.response
        assert text in error.response["Error"]["Message"], error.response
        assert sentinel not in json.dumps(error.response, default=str), "the refusal repeats what was sent"
        return error.response
    raise AssertionError(f"not refused, expected {code}")


def send(method, path, body=b"", headers=None, service="sagemaker", k=key, s=secret):
    request = AWSRequest(method, url + path, data=body, headers=headers or {})
    SigV4Auth(Credentials(k, s), service, "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection(host, timeout=60)
    connection.request(method, path, body=body, headers=dict(request.headers))
    answer = connection.getresponse()
    return answer.status, dict((n.lower(), v) for n, v in answer.getheaders()), answer.read()


def json11(operation, body, **more):
    return send("POST", "/", body, {"X-Amz-Target": "SageMaker." + operation, "Content-Type": "application/x-amz-json-1.1"}, **more)


def wait_for(describe, done, seconds=90):
    end = time.time() + seconds
    while time.time() < end:
        answer = describe()
        if done(answer):
            return answer
        time.sleep(0.02)
    raise AssertionError(f"not in time: {answer}")


def settled(name):
    return wait_for(lambda: sagemaker.describe_endpoint(EndpointName=name), lambda a: a["EndpointStatus"] not in ("Creating", "Updating", "SystemUpdating"))


def model(name, data="s3://clinic/model.tar.gz", **environment):
    return sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={
        "Image": IMAGE, "ModelDataUrl": data, "Environment": {"SAGEMAKER_PROGRAM": "", "SAGEMAKER_SUBMIT_DIRECTORY": "", **environment}})


def variant(model_name, name="AllTraffic", **more):
    return {"VariantName": name, "ModelName": model_name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.xlarge", **more}


def invoke(name="notes", body=None, **more):
    return runtime.invoke_endpoint(EndpointName=name, ContentType="application/json", Body=json.dumps(body or {"inputs": NOTE}), **more)


@case
def the_articles_deployment():
    s3.create_bucket(Bucket="clinic")
    s3.upload_file(archive, "clinic", "model.tar.gz")
    arn = model("notes", HF_TASK="summarization")["ModelArn"]
    config = {"EndpointConfigName": "notes", "ProductionVariants": [variant("notes")], "Tags": [{"Key": "team", "Value": "icu"}],
              "AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://clinic/later", "S3FailurePath": "s3://clinic/failed"}}}
    status, _, body = json11("CreateEndpointConfig", json.dumps(config).encode())  # this boto3 does not know S3FailurePath
    assert status == 200, body
    begun = time.time()
    sagemaker.create_endpoint(EndpointName="notes", EndpointConfigName="notes")
    answer = settled("notes")
    assert answer["EndpointStatus"] == "InService", answer
    print(f"# in service after {time.time() - begun:.2f} s", file=sys.stderr)
    answer = invoke(CustomAttributes="trace=7")
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"], answer
    assert list(json.loads(answer["Body"].read())[0]) == ["summary_text"]
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert arn.startswith("arn:aws:sagemaker:us-east-1:")


@case
def one_result_for_each_input():
    alone = [json.loads(invoke(body={"inputs": text})["Body"].read())[0] for text in (NOTE, "Fell at home.")]
    together = json.loads(invoke(body={"inputs": [NOTE, "Fell at home."], "parameters": {}})["Body"].read())
    assert together == alone, (together, alone)
    table = runtime.invoke_endpoint(EndpointName="notes", ContentType="text/csv", Accept="text/csv", Body=f'inputs\r\n"{NOTE}"\r\n')
    assert table["ContentType"] == "text/csv" and table["Body"].read().startswith(b"summary_text\r\n")
    plain = runtime.invoke_endpoint(EndpointName="notes", ContentType="application/x-text", Body=NOTE)
    assert list(json.loads(plain["Body"].read())) == ["generated_text"]
    asked = json.loads(invoke(body={"text_inputs": NOTE, "num_beams": 2, "num_return_sequences": 2})["Body"].read())
    assert len(asked["generated_texts"]) == 2, asked


@case
def what_the_model_refuses():
    for body, kind in ((b"{", "application/json"), (json.dumps({"input": NOTE}).encode(), "application/json"), (json.dumps({"inputs": 7, "n": NOTE}).encode(), "application/json"),
                       (json.dumps({"inputs": NOTE, "parameters": {NOTE: 1}}).encode(), "application/json"), (f'{{"inputs": "{NOTE}'.encode(), "application/json"),
                       (NOTE.encode(), "application/json"), (NOTE.encode(), "text/csv"), (NOTE.encode(), "text/html"), (b"\xff" + NOTE.encode(), "application/json"),
                       (b"[" * 5000, "application/json"), (json.dumps({"inputs": NOTE, "parameters": {"num_beams": "two"}}).encode(), "application/json")):
        answer = refused("ModelError", "Received client error (400) from AllTraffic with message", runtime.invoke_endpoint,
                         EndpointName="notes", ContentType=kind, Body=body)
        assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["OriginalStatusCode"]) == (424, 400), answer
        assert answer["OriginalMessage"] and answer["LogStreamArn"].startswith("arn:aws:logs:"), answer


@case
def what_the_runtime_refuses():
    answer = refused("ValidationError", "Endpoint none of account 000000000000 not found.", invoke, "none")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
    refused("ValidationError", "variant", invoke, TargetVariant="other")
    refused("ValidationError", "", invoke, CustomAttributes="x" * 1025)
    status, fields, body = send("POST", "/endpoints/notes/invocations", b"a" * 6291457, {"Content-Type": "application/json"})
    assert status == 413 and json.loads(body) == {"Message": "HTTP content length exceeded 6291456 bytes."}, (status, body)
    assert "x-amzn-errortype" not in fields, fields
    status, fields, body = send("POST", "/endpoints/notes/invocations", json.dumps({"inputs": " " * 6291430}).encode()[:6291456], {"Content-Type": "application/json"})
    assert status == 424, (status, body)
    status, fields, _ = send("POST", "/endpoints/notes/invocations", NOTE.encode(), service="s3")
    assert status in (400, 403, 404, 405), status  # for S3 it is a bucket called endpoints
    status, fields, body = send("POST", "/endpoints/notes/invocations", NOTE.encode(), s="wrong")
    assert (status, fields["x-amzn-errortype"]) == (403, "InvalidSignatureException"), (status, fields)
    assert sentinel.encode() not in body
    status, fields, _ = send("POST", "/endpoints/notes/invocations", NOTE.encode(), k="AKIANOBODY")
    assert (status, fields["x-amzn-errortype"]) == (403, "UnrecognizedClientException"), (status, fields)
    connection = http.client.HTTPConnection(host, timeout=20)
    connection.request("POST", "/endpoints/notes/invocations", NOTE, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (403, "MissingAuthenticationTokenException"), answer.headers
    answer.read()
    connection.request("GET", "/healthz")  # the connection lives on
    assert connection.getresponse().read() == b"ok\n"


def events(body):
    """The messages of application/vnd.amazon.eventstream: headers and payload."""
    while body:
        total, size, check = struct.unpack(">III", body[:12])
        assert zlib.crc32(body[:8]) == check and zlib.crc32(body[:total - 4]) == struct.unpack(">I", body[total - 4:total])[0]
        headers, at, found = body[12:12 + size], 0, {}
        while at < size:
            name = headers[at + 1:at + 1 + headers[at]].decode()
            at += 1 + headers[at]
            assert headers[at] == 7
            length = struct.unpack(">H", headers[at + 1:at + 3])[0]
            found[name] = headers[at + 3:at + 3 + length].decode()
            at += 3 + length
        yield found, body[12 + size:total - 4]
        body = body[total:]


@case
def streams():
    path = "/endpoints/notes/invocations-response-stream"
    status, fields, body = send("POST", path, json.dumps({"inputs": NOTE, "stream": True}).encode(), {"Content-Type": "application/json", "X-Amzn-SageMaker-Accept": "*/*"})
    assert (status, fields["content-type"], fields["x-amzn-sagemaker-content-type"]) == (200, "application/vnd.amazon.eventstream", "text/event-stream"), (status, fields)
    assert fields["x-amzn-invoked-production-variant"] == "AllTraffic"
    parts = list(events(body))
    assert all(h == {":message-type": "event", ":event-type": "PayloadPart", ":content-type": "application/octet-stream"} for h, _ in parts), parts[0]
    lines = [json.loads(line[6:]) for line in b"".join(p for _, p in parts).decode().split("\n\n") if line]
    assert "".join(line["delta"] for line in lines[:-1]).strip() == lines[-1]["summary_text"].strip() == json.loads(invoke()["Body"].read())[0]["summary_text"].strip()
    status, fields, body = send("POST", path, json.dumps({"inputs": NOTE}).encode(), {"Content-Type": "application/json"})
    assert status == 200 and json.loads(b"".join(p for _, p in events(body))) == json.loads(invoke()["Body"].read())
    status, fields, body = send("POST", path, NOTE.encode(), {"Content-Type": "application/json"})
    assert (status, fields["x-amzn-errortype"]) == (424, "ModelError") and sentinel.encode() not in body
    status, fields, body = send("POST", "/endpoints/none/invocations-response-stream", NOTE.encode())
    assert (status, fields["x-amzn-errortype"]) == (400, "ValidationError")


@case
def later():
    s3.put_object(Bucket="clinic", Key="in/note.json", Body=json.dumps({"inputs": NOTE}))
    s3.put_object(Bucket="clinic", Key="in/bad.json", Body=NOTE)

    def outcome(location):
        bucket, k = location[5:].split("/", 1)
        return wait_for(lambda: s3.list_objects_v2(Bucket=bucket, Prefix=k).get("KeyCount"), lambda n: n == 1) and s3.get_object(Bucket=bucket, Key=k)["Body"].read()

    answer = runtime.invoke_endpoint_async(EndpointName="notes", InputLocation="s3://clinic/in/note.json", ContentType="application/json", InferenceId="mine")
    assert answer["InferenceId"] == "mine" and answer["ResponseMetadata"]["HTTPStatusCode"] == 202, answer
    assert json.loads(outcome(answer["OutputLocation"])) == json.loads(invoke()["Body"].read())
    for source in ("in/bad.json", "in/none.json"):
        answer = runtime.invoke_endpoint_async(EndpointName="notes", InputLocation="s3://clinic/" + source, ContentType="application/json")
        failure = outcome(answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-sagemaker-failurelocation"])
        assert json.loads(failure)["Message"] and sentinel.encode() not in failure, failure
    refused("ValidationError", "", runtime.invoke_endpoint_async, EndpointName="notes", InputLocation="https://example.com/x")
    refused("ValidationError", "not found", runtime.invoke_endpoint_async, EndpointName="none", InputLocation="s3://clinic/in/note.json")


@case
def what_the_control_plane_refuses():
    refused("ValidationException", "at 'modelName' failed to satisfy constraint: Member must satisfy regular expression pattern", model, NOTE)
    refused("ValidationException", "'modelName'", model, "x" * 64)
    refused("ValidationException", "Could not find model data at s3://clinic/none.tar.gz.", model, "other", "s3://clinic/none.tar.gz")
    refused("ValidationException", "", model, "other", "ftp://clinic/none.tar.gz")
    refused("ValidationException", "'executionRoleArn'", sagemaker.create_model, ModelName="other", ExecutionRoleArn="arn:aws:iam::1:user/" + "x" * 20, PrimaryContainer={"Image": IMAGE})
    refused("ValidationException", "ontainer", sagemaker.create_model, ModelName="other", ExecutionRoleArn=ROLE)
    for member in ("one", "other"):
        refused("ValidationException", f'Could not find model "arn:aws:sagemaker:us-east-1:000000000000:model/{member}".', sagemaker.describe_model, ModelName=member)
        refused("ValidationException", "Could not find endpoint configuration", sagemaker.describe_endpoint_config, EndpointConfigName=member)
        refused("ValidationException", "Could not find endpoint configuration", sagemaker.delete_endpoint_config, EndpointConfigName=member)
        refused("ValidationException", "Could not find endpoint", sagemaker.describe_endpoint, EndpointName=member)
        refused("ValidationException", "Could not find endpoint", sagemaker.delete_endpoint, EndpointName=member)
        refused("ValidationException", "Could not find", sagemaker.update_endpoint, EndpointName=member, EndpointConfigName="notes")
        refused("ValidationException", "Could not find model", sagemaker.delete_model, ModelName=member)
        for call, argument in ((sagemaker.describe_training_job, "TrainingJobName"), (sagemaker.stop_training_job, "TrainingJobName"),
                               (sagemaker.describe_transform_job, "TransformJobName"), (sagemaker.stop_transform_job, "TransformJobName")):
            refused("ValidationException", "Requested resource not found.", call, **{argument: member})
    refused("ValidationException", "Could not find endpoint configuration", sagemaker.create_endpoint, EndpointName="x", EndpointConfigName="none")
    refused("ValidationException", "Cannot create already existing endpoint", sagemaker.create_endpoint, EndpointName="notes", EndpointConfigName="notes")
    twice = [variant("notes"), variant("notes")]
    refused("ValidationException", "", sagemaker.create_endpoint_config, EndpointConfigName="twice", ProductionVariants=twice)
    refused("ValidationException", "Could not find model", sagemaker.create_endpoint_config, EndpointConfigName="x", ProductionVariants=[variant("none")])
    for body, kind in ((NOTE.encode(), "SerializationException"), (b"[1]", "SerializationException"), (b'{"ModelName": 7}', "SerializationException"),
                       (b"{" * 5000, "SerializationException"), (b'{"a":' * 3000 + b"1" + b"}" * 3000, "SerializationException"), (b"", "ValidationException")):
        status, fields, answer = json11("DescribeModel", body)
        assert (status, json.loads(answer)["__type"]) == (400, kind), (body[:20], status, answer)
        assert fields["content-type"] == "application/x-amz-json-1.1" and fields["x-amzn-requestid"] and sentinel.encode() not in answer
    status, _, answer = json11("MakeCoffee", b"{}")
    assert (status, json.loads(answer)["__type"]) == (400, "UnknownOperationException"), answer
    status, _, answer = json11("DescribeModel", json.dumps({"ModelName": "notes", "GrownThisYear": [NOTE]}).encode())
    assert status == 200 and isinstance(json.loads(answer)["CreationTime"], (int, float)), answer
    for kinds, arguments in (("InvalidSignatureException", dict(s="wrong")), ("UnrecognizedClientException", dict(k="AKIANOBODY")), ("InvalidSignatureException", dict(service="s3"))):
        status, _, answer = json11("ListModels", b"{}", **arguments)
        assert (status, json.loads(answer)["__type"]) == (403, kinds), (status, answer)


@case
def lists():
    for number in range(5):
        model(f"listed-{number}")
    names = lambda **more: [m["ModelName"] for m in sagemaker.list_models(NameContains="listed", SortBy="Name", **more)["Models"]]
    assert names(SortOrder="Ascending") == [f"listed-{n}" for n in range(5)] and names(SortOrder="Descending")[0] == "listed-4"
    first = sagemaker.list_models(NameContains="listed", SortBy="CreationTime", SortOrder="Ascending", MaxResults=2)
    model("listed-new")
    rest = sagemaker.list_models(NameContains="listed", SortBy="CreationTime", SortOrder="Ascending", MaxResults=100, NextToken=first["NextToken"])
    assert [m["ModelName"] for m in first["Models"] + rest["Models"]] == [f"listed-{n}" for n in range(5)] + ["listed-new"] and "NextToken" not in rest
    for wrong in (dict(MaxResults=101), dict(NextToken="nonsense"), dict(SortBy="Status")):
        refused("ValidationException", "", sagemaker.list_models, **wrong)
    assert sagemaker.list_endpoints(StatusEquals="InService", NameContains="notes")["Endpoints"][0]["EndpointStatus"] == "InService"
    arn = sagemaker.describe_endpoint_config(EndpointConfigName="notes")["EndpointConfigArn"]
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "icu"}]


@case
def broken_models_fail():
    s3.put_object(Bucket="clinic", Key="broken.tar.gz", Body=NOTE.encode())
    model("broken", "s3://clinic/broken.tar.gz")
    sagemaker.create_endpoint_config(EndpointConfigName="broken", ProductionVariants=[variant("broken")])
    sagemaker.create_endpoint(EndpointName="broken", EndpointConfigName="broken")
    answer = settled("broken")
    assert answer["EndpointStatus"] == "Failed" and answer["FailureReason"] and sentinel not in answer["FailureReason"], answer
    sagemaker.delete_endpoint(EndpointName="broken")


@case
def transforms():
    lines = "".join(json.dumps({"id": n, "inputs": NOTE}) + "\n" for n in range(3))
    s3.put_object(Bucket="clinic", Key="batch/good.jsonl", Body=lines)
    s3.put_object(Bucket="clinic", Key="bad/bad.jsonl", Body=lines + NOTE)

    def run(name, prefix):
        sagemaker.create_transform_job(TransformJobName=name, ModelName="notes", BatchStrategy="SingleRecord", TransformInput={
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": prefix}}, "ContentType": "application/json", "SplitType": "Line"},
            TransformOutput={"S3OutputPath": "s3://clinic/out", "AssembleWith": "Line", "Accept": "application/json"},
            TransformResources={"InstanceType": "ml.m5.xlarge", "InstanceCount": 1})
        return wait_for(lambda: sagemaker.describe_transform_job(TransformJobName=name), lambda a: a["TransformJobStatus"] not in ("InProgress", "Stopping"))

    answer = run("good", "s3://clinic/batch/")
    assert answer["TransformJobStatus"] == "Completed", answer
    one = invoke()["Body"].read() + b"\n"
    assert s3.get_object(Bucket="clinic", Key="out/good.jsonl.out")["Body"].read() == one * 3
    answer = run("bad", "s3://clinic/bad/")
    assert answer["TransformJobStatus"] == "Failed" and sentinel not in answer["FailureReason"], answer
    refused("404", "", s3.head_object, Bucket="clinic", Key="out/bad.jsonl.out")
    [stream] = logs.describe_log_streams(logGroupName="/aws/sagemaker/TransformJobs", logStreamNamePrefix="good/")["logStreams"]
    assert logs.get_log_events(logGroupName="/aws/sagemaker/TransformJobs", logStreamName=stream["logStreamName"], startFromHead=True)["events"]
    refused("ResourceInUse", "already exists", run, "good", "s3://clinic/batch/")
    refused("ValidationException", "", sagemaker.stop_transform_job, TransformJobName="good")


@case
def a_training_job_that_fails_says_why():
    s3.put_object(Bucket="clinic", Key="data/train.csv", Body=f'note,outcome\n"{NOTE}",fine\n"{NOTE}",fine\n')
    sagemaker.create_training_job(TrainingJobName="fails", RoleArn=ROLE, HyperParameters={"max_steps": "1", "max_source_length": "64", "max_target_length": "32"}, OutputDataConfig={"S3OutputPath": "s3://clinic/trained"},
                                  AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"}, ResourceConfig={"InstanceType": "ml.p3.2xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
                                  StoppingCondition={"MaxRuntimeInSeconds": 600}, InputDataConfig=[{"ChannelName": name, "DataSource": {"S3DataSource": {
                                      "S3DataType": "S3Prefix", "S3Uri": source, "S3DataDistributionType": "FullyReplicated"}}} for name, source in
                                      (("train", "s3://clinic/data/"), ("model", "s3://clinic/model.tar.gz"))])
    answer = wait_for(lambda: sagemaker.describe_training_job(TrainingJobName="fails"), lambda a: a["TrainingJobStatus"] != "InProgress", 300)
    assert answer["TrainingJobStatus"] == "Failed" and "summary" in answer["FailureReason"] and sentinel not in answer["FailureReason"], answer
    assert "train" in answer["FailureReason"], answer


@case
def the_model_hub():
    bucket = "jumpstart-cache-prod-us-east-1"
    manifest = json.loads(s3.get_object(Bucket=bucket, Key="models_manifest.json")["Body"].read())
    head = s3.head_object(Bucket=bucket, Key="models_manifest.json")
    assert head["ETag"] == s3.get_object(Bucket=bucket, Key="models_manifest.json")["ETag"]
    entry = {e["model_id"]: e for e in manifest}["huggingface-text2text-flan-t5-xl"]
    spec = json.loads(s3.get_object(Bucket=bucket, Key=entry["spec_key"])["Body"].read())
    assert spec["model_id"] == "huggingface-text2text-flan-t5-xl" and spec["version"] == entry["version"]
    model("jumpstart", f"s3://{bucket}/{spec['hosting_prepacked_artifact_key']}", **{v["name"]: str(v["default"]) for v in spec["inference_environment_variables"]})
    sagemaker.create_endpoint_config(EndpointConfigName="jumpstart", ProductionVariants=[variant("jumpstart")], Tags=[{"Key": "aws-jumpstart-inference-model-uri", "Value": "s3://x"}])
    sagemaker.create_endpoint(EndpointName="jumpstart", EndpointConfigName="jumpstart")
    assert settled("jumpstart")["EndpointStatus"] == "InService"
    answer = runtime.invoke_endpoint(EndpointName="jumpstart", ContentType="application/x-text", Accept="application/json", Body=NOTE)
    assert list(json.loads(answer["Body"].read())) == ["generated_text"]
    refused("AccessDenied", "", s3.put_object, Bucket=bucket, Key="mine", Body=b"x")
    refused("NoSuchKey", "", s3.get_object, Bucket=bucket, Key="none")
    assert len(s3.list_objects_v2(Bucket=bucket)["Contents"]) >= 4
    sagemaker.delete_endpoint(EndpointName="jumpstart")


@case
def roles():
    theirs = client("sagemaker-runtime", clinician_key, clinician_secret)
    assert theirs.invoke_endpoint(EndpointName="notes", ContentType="application/json", Body=json.dumps({"inputs": NOTE}))["Body"].read()
    refused("AccessDeniedException", "", client("sagemaker", clinician_key, clinician_secret).list_models)
    refused("AccessDeniedException", "", client("sagemaker", clinician_key, clinician_secret).delete_endpoint, EndpointName="notes")


@case
def clean_up_in_the_articles_order():
    sagemaker.delete_model(ModelName="notes")
    sagemaker.delete_endpoint_config(EndpointConfigName="notes")
    assert invoke()["Body"].read()
    sagemaker.delete_endpoint(EndpointName="notes")
    wait_for(lambda: sagemaker.list_endpoints()["Endpoints"], lambda found: not found)
    refused("ValidationException", "Could not find endpoint", sagemaker.describe_endpoint, EndpointName="notes")
    refused("ValidationError", "not found", invoke)


for one in cases:
    try:
        one()
    except Exception as problem:  # each case is told of
        failures.append(one.__name__)
        print(f"{one.__name__}: {type(problem).__name__}: {problem}"[:1500])
sys.exit(1 if failures else 0)
