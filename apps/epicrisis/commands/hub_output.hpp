#pragma once

#include <string>
#include <vector>

#include "hub/import_model.hpp"
#include "hub/model_search.hpp"
#include "hub/store.hpp"

namespace epicrisis {

/// A bundled model with what its files say.
struct DescribedModel {
  BundledModel model;
  ModelFacts facts;
  std::uint64_t size_bytes = 0;
};

/// Loads a bundled model far enough to describe it.
Result<DescribedModel> describe_bundled(const BundledModel& model);

/// `hub list`: one line a model under a line of titles. Empty without models.
std::string models_as_table(const std::vector<StoredModel>& stored,
                            const std::vector<DescribedModel>& bundled);

/// One line of `hub list --json`.
std::string as_json_line(const StoredModel& model);
std::string as_json_line(const DescribedModel& model);

/// `hub show`: the same and the files, as text and as one line of JSON.
std::string details_as_text(const StoredModel& model);
std::string details_as_text(const DescribedModel& model);
std::string details_as_json_line(const StoredModel& model);

/// "ward-7@1: pegasus, 168687 parameters, F32, 8 files, 1573839 bytes\n"
std::string stored_as_line(const StoreOutcome& outcome);

}  // namespace epicrisis
