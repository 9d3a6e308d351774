#include "data/detail/validation_choice.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "data/detail/split_writer.hpp"
#include "data/random_stream.hpp"
#include "data/row_reader.hpp"

namespace epicrisis::data::detail {

std::uint64_t ValidationChoice::rank(std::string_view note) const {
  return RandomStream(seed_, text_hash(note)).next();
}

Result<ValidationChoice> ValidationChoice::create(const DataRequest& request) {
  ValidationChoice choice;
  if (!(request.validation_percentage > 0)) return choice;
  choice.seed_ = request.split_seed;
  std::vector<std::uint64_t> ranks;
  for (const DataFile& file : request.train_files) {
    EPICRISIS_ASSIGN_OR_RETURN(const auto reader, RowReader::open(file.path, request.columns));
    while (true) {
      EPICRISIS_ASSIGN_OR_RETURN(const std::optional<ReadRow> row, reader->next());
      if (!row) break;
      if (!row->fault) ranks.push_back(choice.rank(row->content.note));
    }
  }
  const double wanted = static_cast<double>(ranks.size()) * request.validation_percentage / 100.0;
  const auto count = static_cast<std::size_t>(std::llround(wanted));
  if (count == 0) return choice;
  const auto last = ranks.begin() + static_cast<std::ptrdiff_t>(std::min(count, ranks.size()) - 1);
  std::nth_element(ranks.begin(), last, ranks.end());
  choice.last_rank_ = *last;
  choice.chosen_ = true;
  return choice;
}

}  // namespace epicrisis::data::detail
