#pragma once

#include <string>

namespace epicrisis::testing {

/// A certificate and its key, PEM.
struct TlsIdentity {
  std::string certificate;
  std::string key;
};

/// A certificate for 127.0.0.1 and localhost that nobody but itself has signed, valid for a day either way.
TlsIdentity make_tls_identity();

}  // namespace epicrisis::testing
