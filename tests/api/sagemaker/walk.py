"""Walks SageMaker's control plane and runtime with boto3: walk.py URL REGION. The bucket `clinic` holds model.tar.gz, broken.tar.gz
and data/train.csv. Ends with 0 when everything was as the public service has it."""
import json
import sys
import tarfile
import io
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, WaiterError

url, region = sys.argv[1], sys.argv[2]
settings = dict(endpoint_url=url, region_name=region, aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key="secret",
                config=Config(retries={"max_attempts": 0}))
sagemaker = boto3.client("sagemaker", **settings)
runtime = boto3.client("sagemaker-runtime", **settings)
ROLE = "arn:aws:iam::000000000000:role/service-role/Notes"
NOTE = "Pt c/o chest pain since this morning, radiating to left arm. Aspirin given."
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/huggingface-pytorch-inference:1.13-transformers4.26-cpu-py39-ubuntu20.04"


def refused(call, code, text, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error.response
        assert text in error.response["Error"]["Message"], error.response
        return error.response
    raise AssertionError(f"{call} was not refused with {text}")


def model(name, key="model.tar.gz", **environment):
    return sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={
        "Image": IMAGE, "ModelDataUrl": f"s3://clinic/{key}",
        "Environment": {"SAGEMAKER_PROGRAM": "", "SAGEMAKER_SUBMIT_DIRECTORY": "", "SAGEMAKER_REGION": region, **environment}})


def variant(name, model_name, **more):
    return {"VariantName": name, "ModelName": model_name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.xlarge", **more}


def wait_for(describe, done):
    end = time.time() + 60
    while time.time() < end:
        answer = describe()
        if done(answer):
            return answer
        time.sleep(0.02)
    raise AssertionError(f"not in time: {answer}")


def in_service(name):
    return wait_for(lambda: sagemaker.describe_endpoint(EndpointName=name),
                    lambda answer: answer["EndpointStatus"] not in ("Creating", "Updating", "SystemUpdating"))


def models_and_configs():
    arn = model("summarizer", HF_TASK="summarization")["ModelArn"]
    assert arn == f"arn:aws:sagemaker:{region}:000000000000:model/summarizer", arn
    described = sagemaker.describe_model(ModelName="summarizer")
    assert described["PrimaryContainer"]["Environment"]["HF_TASK"] == "summarization"
    assert described["ExecutionRoleArn"] == ROLE and described["CreationTime"].year >= 2024
    refused(model, "ValidationException", f'Cannot create already existing model "{arn}".', name="summarizer")
    refused(model, "ValidationException", "Could not find model data at s3://clinic/none.tar.gz.", name="other", key="none.tar.gz")
    refused(sagemaker.create_model, "ValidationException", "at 'modelName' failed to satisfy constraint: Member must satisfy regular expression",
            ModelName="bad_name", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": IMAGE})
    refused(sagemaker.create_model, "ValidationException", "container", ModelName="none", ExecutionRoleArn=ROLE)
    refused(sagemaker.describe_model, "ValidationException", "Could not find model", ModelName="none")
    missing = f'Could not find model "arn:aws:sagemaker:{region}:000000000000:model/none".'
    refused(sagemaker.create_endpoint_config, "ValidationException", missing, EndpointConfigName="c", ProductionVariants=[variant("a", "none")])
    refused(sagemaker.create_endpoint_config, "ValidationException", "instanceType", EndpointConfigName="c",
            ProductionVariants=[{"VariantName": "a", "ModelName": "summarizer", "InitialInstanceCount": 1}])
    sagemaker.create_endpoint_config(EndpointConfigName="one", ProductionVariants=[variant("AllTraffic", "summarizer")],
                                     Tags=[{"Key": "team", "Value": "icu"}])
    config = sagemaker.describe_endpoint_config(EndpointConfigName="one")
    assert config["ProductionVariants"][0]["InitialVariantWeight"] == 1.0
    refused(sagemaker.create_endpoint_config, "ValidationException", "Cannot create already existing endpoint configuration",
            EndpointConfigName="one", ProductionVariants=[variant("a", "summarizer")])
    assert sagemaker.list_tags(ResourceArn=config["EndpointConfigArn"])["Tags"] == [{"Key": "team", "Value": "icu"}]
    sagemaker.add_tags(ResourceArn=config["EndpointConfigArn"], Tags=[{"Key": "cost", "Value": "7"}])
    sagemaker.delete_tags(ResourceArn=config["EndpointConfigArn"], TagKeys=["team"])
    assert sagemaker.list_tags(ResourceArn=config["EndpointConfigArn"])["Tags"] == [{"Key": "cost", "Value": "7"}]


def lists():
    for number in range(5):
        model(f"listed-{number}")
    pages = sagemaker.get_paginator("list_models").paginate(NameContains="listed", SortBy="Name", SortOrder="Ascending", MaxResults=2)
    pages = [[entry["ModelName"] for entry in page["Models"]] for page in pages]
    assert pages == [["listed-0", "listed-1"], ["listed-2", "listed-3"], ["listed-4"]], pages
    newest = sagemaker.list_models(MaxResults=1)
    assert newest["Models"][0]["ModelName"] == "listed-4"
    refused(sagemaker.list_models, "ValidationException", "Invalid NextToken", NextToken="00" * 20)
    refused(sagemaker.list_models, "ValidationException", "less than or equal to 100", MaxResults=101)
    refused(sagemaker.list_models, "ValidationException", "NextToken", NextToken=newest["NextToken"], NameContains="listed")
    assert sagemaker.list_models(CreationTimeAfter=time.time() + 60)["Models"] == []


def endpoints():
    created = sagemaker.create_endpoint(EndpointName="notes", EndpointConfigName="one")
    assert created["EndpointArn"].endswith(":endpoint/notes")
    refused(sagemaker.create_endpoint, "ValidationException", "Cannot create already existing endpoint", EndpointName="notes", EndpointConfigName="one")
    refused(sagemaker.create_endpoint, "ValidationException", "Could not find endpoint configuration", EndpointName="x", EndpointConfigName="none")
    answer = in_service("notes")
    assert answer["EndpointStatus"] == "InService", answer
    [only] = answer["ProductionVariants"]
    assert (only["CurrentInstanceCount"], only["DesiredInstanceCount"], only["CurrentWeight"]) == (1, 1, 1.0), only
    assert only["DeployedImages"][0]["SpecifiedImage"] == IMAGE
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="notes", WaiterConfig={"Delay": 1, "MaxAttempts": 2})
    assert [entry["EndpointName"] for entry in sagemaker.list_endpoints(StatusEquals="InService")["Endpoints"]] == ["notes"]
    assert sagemaker.list_endpoints(StatusEquals="Failed")["Endpoints"] == []


def invocations():
    answer = runtime.invoke_endpoint(EndpointName="notes", ContentType="application/json; charset=utf-8", Body=json.dumps({"inputs": NOTE}))
    assert answer["InvokedProductionVariant"] == "AllTraffic" and answer["ContentType"] == "application/json", answer
    [summary] = json.loads(answer["Body"].read())
    assert list(summary) == ["summary_text"], summary
    again = runtime.invoke_endpoint(EndpointName="notes", ContentType="text/csv", Accept="text/csv", Body=f'inputs\r\n"{NOTE}"\r\n', TargetVariant="AllTraffic")
    assert again["Body"].read().decode().startswith("summary_text\r\n")
    error = refused(runtime.invoke_endpoint, "ModelError", "Received client error (400) from AllTraffic with message", EndpointName="notes", Body=b"{")
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 424 and error["OriginalStatusCode"] == 400, error
    assert "inputs" not in error["Error"]["Message"] or NOTE not in error["Error"]["Message"]
    error = refused(runtime.invoke_endpoint, "ValidationError", "Endpoint none of account 000000000000 not found.", EndpointName="none", Body=b"{}")
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
    refused(runtime.invoke_endpoint, "ValidationError", "variant", EndpointName="notes", TargetVariant="b", Body=b"{}")


def updates():
    model("generator")
    sagemaker.create_endpoint_config(EndpointConfigName="two", ProductionVariants=[
        variant("a", "summarizer", InitialVariantWeight=3), variant("b", "generator", InitialVariantWeight=1)])
    sagemaker.update_endpoint(EndpointName="notes", EndpointConfigName="two")
    refused(sagemaker.update_endpoint, "ValidationException", "Cannot update in-progress endpoint", EndpointName="notes", EndpointConfigName="two")
    runtime.invoke_endpoint(EndpointName="notes", Body=json.dumps({"inputs": NOTE}))
    answer = in_service("notes")
    assert answer["EndpointStatus"] == "InService" and answer["EndpointConfigName"] == "two", answer
    invoke = lambda **more: runtime.invoke_endpoint(EndpointName="notes", Body=json.dumps({"inputs": NOTE}), **more)
    shares = [invoke()["InvokedProductionVariant"] for _ in range(8)]
    assert (shares.count("a"), shares.count("b")) == (6, 2), shares
    assert "generated_text" in invoke(TargetVariant="b")["Body"].read().decode()
    refused(sagemaker.update_endpoint_weights_and_capacities, "ValidationException", "", EndpointName="notes",
            DesiredWeightsAndCapacities=[{"VariantName": "c", "DesiredWeight": 1}])
    sagemaker.update_endpoint_weights_and_capacities(EndpointName="notes", DesiredWeightsAndCapacities=[
        {"VariantName": "a", "DesiredWeight": 0}, {"VariantName": "b", "DesiredInstanceCount": 2}])
    answer = in_service("notes")
    assert [entry["CurrentInstanceCount"] for entry in answer["ProductionVariants"]] == [1, 2], answer
    assert {invoke()["InvokedProductionVariant"] for _ in range(4)} == {"b"}
    model("broken", "broken.tar.gz")
    sagemaker.create_endpoint_config(EndpointConfigName="bad", ProductionVariants=[variant("x", "broken")])
    sagemaker.update_endpoint(EndpointName="notes", EndpointConfigName="bad")
    answer = in_service("notes")
    assert answer["EndpointStatus"] == "InService" and answer["EndpointConfigName"] == "two" and answer["FailureReason"], answer
    sagemaker.create_endpoint(EndpointName="bad", EndpointConfigName="bad")
    answer = in_service("bad")
    assert answer["EndpointStatus"] == "Failed" and answer["FailureReason"], answer
    try:
        sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="bad", WaiterConfig={"Delay": 1, "MaxAttempts": 2})
        raise AssertionError("the waiter did not fail")
    except WaiterError:
        pass


def clean_up():
    sagemaker.delete_model(ModelName="summarizer")
    sagemaker.delete_endpoint_config(EndpointConfigName="two")
    runtime.invoke_endpoint(EndpointName="notes", Body=json.dumps({"inputs": NOTE}))
    for name in ("notes", "bad"):
        sagemaker.delete_endpoint(EndpointName=name)
    for name in ("notes", "bad"):
        wait_for(lambda: sagemaker.list_endpoints(NameContains=name)["Endpoints"], lambda found: not found)
        refused(sagemaker.describe_endpoint, "ValidationException", "Could not find endpoint", EndpointName=name)
    refused(sagemaker.delete_endpoint, "ValidationException", "Could not find endpoint", EndpointName="notes")


def training(bucket_object):
    def job(name, uri="s3://clinic/data/train.csv", **parameters):
        return dict(TrainingJobName=name, RoleArn=ROLE, HyperParameters=parameters, OutputDataConfig={"S3OutputPath": "s3://clinic/out/"},
                    AlgorithmSpecification={"TrainingImage": "huggingface-pytorch-training:2.0", "TrainingInputMode": "File",
                                            "MetricDefinitions": [{"Name": "loss", "Regex": r"'loss': ([0-9.e+-]+)"}]},
                    InputDataConfig=[{"ChannelName": "train", "ContentType": "text/csv", "DataSource": {"S3DataSource": {
                        "S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}}}],
                    ResourceConfig={"InstanceType": "ml.p3.2xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
                    StoppingCondition={"MaxRuntimeInSeconds": 3600}, DebugHookConfig={"S3OutputPath": "s3://clinic/debug"})

    def ended(name):
        return wait_for(lambda: sagemaker.describe_training_job(TrainingJobName=name),
                        lambda answer: answer["TrainingJobStatus"] not in ("InProgress", "Stopping"))

    created = sagemaker.create_training_job(**job("train-1", epochs="2", model_name='"t5-small"'))
    assert created["TrainingJobArn"].endswith(":training-job/train-1")
    refused(sagemaker.create_training_job, "ResourceInUse", "already exists", **job("train-1"))
    answer = ended("train-1")
    assert answer["TrainingJobStatus"] == "Completed" == answer["SecondaryStatus"], answer
    states = [entry["Status"] for entry in answer["SecondaryStatusTransitions"]]
    assert states == ["Starting", "Downloading", "Training", "Uploading", "Completed"], states
    assert answer["ModelArtifacts"]["S3ModelArtifacts"] == "s3://clinic/out/train-1/output/model.tar.gz"
    assert answer["OutputDataConfig"]["KmsKeyId"] == "" and answer["TrainingTimeInSeconds"] >= 0
    assert [(m["MetricName"], m["Value"]) for m in answer["FinalMetricDataList"]] == [("loss", 0.125)]
    for name, fail, reason in (("train-2", "file", "The data has no column note."), ("train-3", "word", "train.csv:3: the column summary is missing")):
        sagemaker.create_training_job(**job(name, fail=fail))
        answer = ended(name)
        assert answer["TrainingJobStatus"] == "Failed" and reason in answer["FailureReason"], answer
    sagemaker.create_training_job(**job("train-4", uri="s3://clinic/none/"))
    answer = ended("train-4")
    assert answer["TrainingJobStatus"] == "Failed" and "s3://clinic/none/" in answer["FailureReason"], answer
    sagemaker.create_training_job(**job("train-5", wait="yes"))
    wait_for(lambda: sagemaker.describe_training_job(TrainingJobName="train-5"), lambda answer: answer["SecondaryStatus"] == "Training")
    time.sleep(0.2)
    sagemaker.stop_training_job(TrainingJobName="train-5")
    answer = ended("train-5")
    assert answer["TrainingJobStatus"] == "Stopped" == answer["SecondaryStatus"], answer
    refused(sagemaker.stop_training_job, "ValidationException", "Stopped", TrainingJobName="train-5")
    refused(sagemaker.describe_training_job, "ValidationException", "Requested resource not found.", TrainingJobName="none")
    names = [entry["TrainingJobName"] for entry in sagemaker.list_training_jobs()["TrainingJobSummaries"]]
    assert names == [f"train-{number}" for number in range(1, 6)], names


models_and_configs()
lists()
endpoints()
invocations()
updates()
clean_up()
training(None)
print("all as it should be")
