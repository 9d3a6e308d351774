#pragma once

namespace epicrisis::api {

namespace aws {
class Front;
}
class SageMakerService;

/// Registers the control plane's operations and the runtime. `service` outlives the front.
void add_sagemaker_operations(aws::Front& front, SageMakerService& service);

}  // namespace epicrisis::api
