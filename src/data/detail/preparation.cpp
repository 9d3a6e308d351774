#include "data/detail/preparation.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/hostile_input.hpp"
#include "data/detail/parallel_for.hpp"

namespace epicrisis::data::detail {
namespace {

constexpr std::size_t kBlockRows = 1024;
constexpr std::size_t kShownRows = 5;

/// An InvariantError must not leave a thread of parallel_for.
Result<EncodedPair> encode_row(const PairEncoder& encoder, const DatasetRow& row) {
  try {
    return encoder.encode(row);
  } catch (const HostileInputError&) {
    return Error{ErrorCode::kInvalidArgument, "the text takes the tokenizer too long.", ""};
  }
}

}  // namespace

Preparation::Preparation(const DataRequest& request, const Tokenizer& tokenizer, std::filesystem::path folder,
                         CsvWriter skipped, ValidationChoice choice)
    : request_(request),
      encoder_(tokenizer, request.limits, request.format),
      folder_(std::move(folder)),
      skipped_(std::move(skipped)),
      choice_(choice) {}

Result<Preparation> Preparation::create(const DataRequest& request, const Tokenizer& tokenizer,
                                        std::filesystem::path folder) {
  const std::vector<std::string> header = {"split", "file", "row", "reason"};
  EPICRISIS_ASSIGN_OR_RETURN(CsvWriter skipped, CsvWriter::create(folder / "skipped_rows.csv", header));
  EPICRISIS_ASSIGN_OR_RETURN(const ValidationChoice choice, ValidationChoice::create(request));
  Preparation made(request, tokenizer, std::move(folder), std::move(skipped), choice);
  EPICRISIS_RETURN_IF_ERROR(made.add_target(kTrain, request.max_train_rows));
  if (!request.validation_files.empty() || request.validation_percentage > 0)
    EPICRISIS_RETURN_IF_ERROR(made.add_target(kValidation, request.max_validation_rows));
  return made;
}

Result<void> Preparation::add_target(Side side, std::size_t most_rows) {
  EPICRISIS_ASSIGN_OR_RETURN(SplitWriter writer, SplitWriter::create(folder_, kNames[side]));
  targets_[side].emplace(Target{std::move(writer), most_rows});
  return {};
}

Result<Json> Preparation::run() {
  EPICRISIS_RETURN_IF_ERROR(read_files(request_.train_files, kTrain));
  EPICRISIS_RETURN_IF_ERROR(read_files(request_.validation_files, kValidation));
  EPICRISIS_RETURN_IF_ERROR(skipped_.commit());
  Json splits = Json::object();
  for (const Side side : {kTrain, kValidation}) {
    if (!targets_[side]) continue;
    Target& target = *targets_[side];
    if (target.writer.rows() == 0) return no_rows(side);
    EPICRISIS_ASSIGN_OR_RETURN(Json entry, target.writer.finish());
    entry["skipped"] = {{"rows", target.skipped}, {"first", target.first_skipped}};
    splits[kNames[side]] = std::move(entry);
  }
  return splits;
}

Error Preparation::no_rows(Side side) const {
  const Target& target = *targets_[side];
  std::string message = fmt::format("The {} data has no row that can be used", kNames[side]);
  if (target.skipped > 0) {
    const Json& first = target.first_skipped.front();
    message += fmt::format("; {} are left out, the first of them '{}' row {}: {}", target.skipped,
                           first["file"].get<std::string>(), first["row"].get<std::uint64_t>(),
                           first["reason"].get<std::string>());
  } else {
    message += request_.validation_percentage > 0
                   ? fmt::format(" when {} % of the rows are set aside; choose another share.",
                                 request_.validation_percentage)
                   : ".";
  }
  return {ErrorCode::kInvalidArgument, std::move(message), ""};
}

bool Preparation::all_full(Side side) const {
  const bool parted = side == kTrain && request_.validation_percentage > 0;
  return targets_[side]->is_full() && (!parted || targets_[kValidation]->is_full());
}

Result<void> Preparation::read_files(const std::vector<DataFile>& files, Side side) {
  for (std::uint32_t number = 0; number < files.size() && !all_full(side); ++number)
    EPICRISIS_RETURN_IF_ERROR(read_file(files[number], number, side));
  return {};
}

Result<void> Preparation::read_file(const DataFile& file, std::uint32_t number, Side side) {
  EPICRISIS_ASSIGN_OR_RETURN(const auto reader, RowReader::open(file.path, request_.columns));
  std::vector<Pending> block;
  while (!all_full(side)) {
    EPICRISIS_ASSIGN_OR_RETURN(std::optional<ReadRow> row, reader->next());
    if (row) {
      const bool chosen = side == kTrain && !row->fault && choice_.takes(row->content.note);
      block.push_back({*std::move(row), chosen ? kValidation : side});
    }
    if (!row || block.size() == kBlockRows) EPICRISIS_RETURN_IF_ERROR(take(block, file, number));
    if (!row) break;
  }
  return {};
}

Result<void> Preparation::take(std::vector<Pending>& block, const DataFile& file, std::uint32_t number) {
  std::vector<std::optional<EncodedPair>> pairs(block.size());
  parallel_for(block.size(), [&](std::size_t i) {
    ReadRow& row = block[i].row;
    if (row.fault) return;
    Result<EncodedPair> encoded = encode_row(encoder_, row.content);
    if (encoded)
      pairs[i] = *std::move(encoded);
    else
      row.fault = RowFault{encoded.error().code, std::move(encoded.error().public_message)};
  });
  for (std::size_t i = 0; i < block.size(); ++i) {
    Target& target = *targets_[block[i].side];
    if (target.is_full()) continue;  // rows past the limit that was asked for
    EPICRISIS_RETURN_IF_ERROR(pairs[i] ? target.writer.add(*pairs[i], block[i].row.content, number)
                                       : skip(block[i], file));
  }
  block.clear();
  return {};
}

Result<void> Preparation::skip(const Pending& pending, const DataFile& file) {
  Target& target = *targets_[pending.side];
  const std::string& reason = pending.row.fault->reason;
  const std::size_t row = pending.row.content.row;
  ++target.skipped;
  if (target.first_skipped.size() < kShownRows)
    target.first_skipped.push_back({{"file", file.name}, {"row", row}, {"reason", reason}});
  return skipped_.write(
      std::vector<std::string>{kNames[pending.side], file.name, std::to_string(row), reason});
}

}  // namespace epicrisis::data::detail
