#pragma once

#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "data/prepare_dataset.hpp"

namespace epicrisis::data::detail {

/// SHA-256 of each file's bytes, as they are stored.
Result<std::vector<std::string>> file_hashes(const std::vector<DataFile>& files);

/// All that settles what a prepared data set holds: equal settings, equal bytes. Names are part of it, since
/// the lists of rows tell them.
Json settings_of(const DataRequest& request, const std::vector<std::string>& train_hashes,
                 const std::vector<std::string>& validation_hashes);

/// SHA-256 of the settings.
std::string key_of(const Json& settings);

}  // namespace epicrisis::data::detail
