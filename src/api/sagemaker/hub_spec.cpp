#include <fmt/format.h>

#include "api/sagemaker/model_hub.hpp"

namespace epicrisis::api {
namespace {

/// What the SDK turns into the name of an image; any version that it knows will do.
Json image_specs() {
  return {{"framework", "huggingface"},
          {"framework_version", "1.13.1"},
          {"py_version", "py39"},
          {"huggingface_transformers_version", "4.26.0"}};
}

Json variable(const char* name, const char* type, Json value) {
  return {{"name", name},
          {"type", type},
          {"default", std::move(value)},
          {"scope", "container"},
          {"required_for_model_class", true}};
}

Json hyperparameter(const char* name, const char* type, Json value, const char* scope = "algorithm") {
  return {{"name", name}, {"type", type}, {"default", std::move(value)}, {"scope", scope}};
}

Json predictor_specs() {
  return {{"default_content_type", "application/x-text"},
          {"supported_content_types", Json::array({"application/x-text", "application/json"})},
          {"default_accept_type", "application/json"},
          {"supported_accept_types", Json::array({"application/json"})}};
}

/// Named as the trainer's options are.
Json hyperparameters() {
  return {hyperparameter("num_train_epochs", "int", "3"),
          hyperparameter("max_steps", "int", "-1"),
          hyperparameter("per_device_train_batch_size", "int", "4"),
          hyperparameter("learning_rate", "float", "5e-05"),
          hyperparameter("seed", "int", "42"),
          hyperparameter("sagemaker_program", "text", "train.py", "container"),
          hyperparameter("sagemaker_submit_directory", "text", "/opt/ml/input/data/code/sourcedir.tar.gz",
                         "container"),
          hyperparameter("sagemaker_container_log_level", "text", "20", "container")};
}

void add_training(Json& spec, const HubModel& model) {
  spec["training_ecr_specs"] = image_specs();
  spec["training_artifact_key"] = hub_artifact_key(model);
  spec["training_script_key"] = hub_script_key(model);
  spec["hyperparameters"] = hyperparameters();
  // The SDK knows training images for GPUs only and refuses others; training runs on what there is.
  spec["default_training_instance_type"] = "ml.p3.2xlarge";
  spec["supported_training_instance_types"] = {"ml.p3.2xlarge", "ml.g4dn.xlarge", "ml.g5.xlarge"};
  spec["metrics"] = {{{"Name", "train:loss"}, {"Regex", "'loss': ([0-9]+\\.?[0-9e+-]*)"}},
                     {{"Name", "eval:loss"}, {"Regex", "'eval_loss': ([0-9]+\\.?[0-9e+-]*)"}}};
  spec["estimator_kwargs"] = Json::object();
  spec["fit_kwargs"] = Json::object();
}

std::string file_key(const HubModel& model, std::string_view name) {
  return fmt::format("epicrisis-hub/{}/v{}/{}", model.id, model.version, name);
}

}  // namespace

std::string hub_spec_key(const HubModel& model) {
  return fmt::format("community_models/{}/specs_v{}.json", model.id, model.version);
}

std::string hub_artifact_key(const HubModel& model) { return file_key(model, "model.tar.gz"); }

std::string hub_script_key(const HubModel& model) { return file_key(model, "sourcedir.tar.gz"); }

Json hub_manifest_entry(const HubModel& model) {
  return {{"model_id", model.id},
          {"version", model.version},
          {"min_version", "2.0.0"},
          {"spec_key", hub_spec_key(model)}};
}

Json hub_spec(const HubModel& model) {
  Json spec = {{"model_id", model.id},
               {"url", "https://huggingface.co/docs/transformers"},
               {"version", model.version},
               {"min_sdk_version", "2.0.0"},
               {"incremental_training_supported", false},
               {"hosting_ecr_specs", image_specs()},
               {"hosting_artifact_key", hub_artifact_key(model)},
               {"hosting_script_key", hub_script_key(model)},
               {"hosting_prepacked_artifact_key", hub_artifact_key(model)},
               {"training_supported", !model.is_generator},
               {"inference_vulnerable", false},
               {"inference_dependencies", Json::array()},
               {"inference_vulnerabilities", Json::array()},
               {"training_vulnerable", false},
               {"training_dependencies", Json::array()},
               {"training_vulnerabilities", Json::array()},
               {"deprecated", false},
               {"default_inference_instance_type", "ml.m5.xlarge"},
               {"supported_inference_instance_types", {"ml.m5.xlarge", "ml.m5.2xlarge", "ml.c5.2xlarge"}},
               {"predictor_specs", predictor_specs()},
               {"model_kwargs", Json::object()},
               {"deploy_kwargs", Json::object()}};
  spec["inference_environment_variables"] = {
      variable("SAGEMAKER_PROGRAM", "text", "inference.py"),
      variable("SAGEMAKER_SUBMIT_DIRECTORY", "text", "/opt/ml/model/code"),
      variable("SAGEMAKER_CONTAINER_LOG_LEVEL", "text", "20"),
      variable("SAGEMAKER_MODEL_SERVER_TIMEOUT", "text", "3600")};
  if (!model.is_generator) add_training(spec, model);
  return spec;
}

}  // namespace epicrisis::api
