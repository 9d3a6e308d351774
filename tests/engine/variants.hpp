#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "checkpoint/architecture.hpp"

namespace epicrisis::testing {

/// A small model of some family, or of none: what Architecture allows and the engine computes.
struct Variant {
  std::string name;  ///< [a-z0-9_]
  Architecture architecture;
};

/// Every family, and mixtures that no family has: other sizes in the two stacks, heads whose width does not
/// divide D, a number of heads that is no power of two, every activation. V is 101, positions reach to 64.
std::vector<Variant> engine_variants();

void PrintTo(const Variant& variant, std::ostream* out);

}  // namespace epicrisis::testing
