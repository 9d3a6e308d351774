#pragma once

namespace epicrisis::api::aws {

class Front;

/// STS GetCallerIdentity; IAM GetRole and ListRoles. Every role of a key is an IAM role of its name, and a
/// key is a session of it.
void add_identity_operations(Front& front);

}  // namespace epicrisis::api::aws
