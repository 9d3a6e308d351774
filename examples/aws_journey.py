#!/usr/bin/python3
"""Trains, deploys, asks and cleans up a summarizer over AWS' API: aws_journey.py URL TRAIN.csv MODEL.tar.gz.

Nothing here but the endpoint URL differs from a script for AWS. Credentials come from the environment, as usual."""
import json
import sys
import time

import boto3

url, data, archive = sys.argv[1:4]
name, bucket, role = "journey", "journey", "arn:aws:iam::000000000000:role/Ward"
s3, sagemaker, runtime, logs = (boto3.client(service, endpoint_url=url) for service in ("s3", "sagemaker", "sagemaker-runtime", "logs"))


def channel(name, uri):
    return {"ChannelName": name, "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}}}


s3.create_bucket(Bucket=bucket)
s3.upload_file(data, bucket, "train/train.csv")
s3.upload_file(archive, bucket, "base/model.tar.gz")

sagemaker.create_training_job(
    TrainingJobName=name, RoleArn=role, HyperParameters={"max_steps": "2", "per_device_train_batch_size": "2"},
    AlgorithmSpecification={"TrainingImage": "huggingface-pytorch-training:latest", "TrainingInputMode": "File",
                            "MetricDefinitions": [{"Name": "train:loss", "Regex": "'loss': ([0-9.e+-]+)"}]},
    InputDataConfig=[channel("train", f"s3://{bucket}/train/"), channel("model", f"s3://{bucket}/base/model.tar.gz")],
    OutputDataConfig={"S3OutputPath": f"s3://{bucket}/trained"}, StoppingCondition={"MaxRuntimeInSeconds": 3600},
    ResourceConfig={"InstanceType": "ml.p3.2xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30})
while (job := sagemaker.describe_training_job(TrainingJobName=name))["TrainingJobStatus"] == "InProgress":
    time.sleep(1)
if job["TrainingJobStatus"] != "Completed":
    sys.exit(f"the training job ended as {job['TrainingJobStatus']}: {job.get('FailureReason')}")
[stream] = logs.describe_log_streams(logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=name + "/")["logStreams"]
lines = logs.get_log_events(logGroupName="/aws/sagemaker/TrainingJobs", logStreamName=stream["logStreamName"], startFromHead=True)["events"]
print(f"trained: {job['FinalMetricDataList'][0]['MetricName']} {job['FinalMetricDataList'][0]['Value']:.3f}, {len(lines)} lines of log")

sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer={
    "Image": "huggingface-pytorch-inference:latest", "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"], "Environment": {"HF_TASK": "summarization"}})
sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[
    {"VariantName": "all", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.xlarge"}])
sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 120})

answer = runtime.invoke_endpoint(EndpointName=name, ContentType="application/json",
                                 Body=json.dumps({"inputs": "Pt 64M c/o chest pain since 0600, radiating to left arm. ASA given, ECG normal."}))
print(json.loads(answer["Body"].read())[0]["summary_text"])

sagemaker.delete_model(ModelName=name)
sagemaker.delete_endpoint_config(EndpointConfigName=name)
sagemaker.delete_endpoint(EndpointName=name)
