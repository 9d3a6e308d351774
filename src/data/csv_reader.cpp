#include "data/csv_reader.hpp"

#include <csv.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <exception>
#include <string_view>
#include <utility>

#include "data/detail/file_source.hpp"
#include "data/detail/text_fault.hpp"
#include "data/detail/utf8_scanner.hpp"

namespace epicrisis::data {
namespace {

constexpr std::size_t kBlockBytes = 1U << 16;
constexpr std::size_t kMaxFieldBytes = 64U << 20;  // an unclosed quote must not swallow a huge file
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

struct CsvReader::State {
  State(detail::FileSource opened, CsvFaults of_records) : source(std::move(opened)), faults(of_records) {
    csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI);
    csv_set_space_func(&parser, [](unsigned char) { return 0; });  // RFC 4180: spaces are part of a field
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { csv_free(&parser); }

  Result<void> fill();
  Result<void> parse(std::string_view bytes);
  Result<void> finish();
  Error error(std::string_view what, std::string detail = {}) const;
  Error misplaced_quote(std::uint64_t byte_offset) const;
  /// What is wrong with the bytes of a record, or with the number of its fields; empty when nothing is.
  static std::string text_fault(const CsvRow& row);
  std::string count_fault(const CsvRow& row) const;
  static void end_field(void* text, std::size_t size, void* state) noexcept;
  static void end_row(int terminator, void* state) noexcept;

  detail::FileSource source;
  CsvFaults faults;
  csv_parser parser{};
  detail::Utf8Scanner scanner;
  std::vector<std::string> header;
  std::deque<CsvRow> ready;    ///< Complete records not handed out yet.
  CsvRow open_row;             ///< Fields of the record being read; number 0 is the header.
  std::optional<Error> fault;  ///< Ends the file once the records before it are handed out.
  std::exception_ptr failure;  ///< Thrown in a callback, kept out of libcsv's C frames.
  std::uint64_t parsed_bytes = 0;
  bool at_start = true;
  bool at_end = false;
};

void CsvReader::State::end_field(void* text, std::size_t size, void* state) noexcept {
  auto& self = *static_cast<State*>(state);
  try {
    self.open_row.fields.emplace_back(static_cast<const char*>(text), size);
  } catch (...) {
    self.failure = std::current_exception();
  }
}

void CsvReader::State::end_row(int, void* state) noexcept {
  auto& self = *static_cast<State*>(state);
  try {
    const std::size_t number = self.open_row.number;
    self.ready.push_back(std::exchange(self.open_row, CsvRow{number + 1, {}, {}}));
  } catch (...) {
    self.failure = std::current_exception();
  }
}

Error CsvReader::State::error(std::string_view what, std::string detail) const {
  const std::string row = open_row.number == 0 ? "header" : fmt::format("row {}", open_row.number);
  return {ErrorCode::kCorrupt,
          fmt::format("'{}' {}, field {}: {}", source.path().string(), row, open_row.fields.size() + 1, what),
          std::move(detail)};
}

Error CsvReader::State::misplaced_quote(std::uint64_t byte_offset) const {
  return error(
      "a quote is misplaced; close a quoted field with one quote and write a quote inside it as two.",
      fmt::format("at byte {}", byte_offset));
}

Result<void> CsvReader::State::parse(std::string_view bytes) {
  const std::size_t taken = csv_parse(&parser, bytes.data(), bytes.size(), end_field, end_row, this);
  if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
  if (taken < bytes.size()) {
    if (csv_error(&parser) == CSV_EPARSE) return misplaced_quote(parsed_bytes + taken);
    return Error{
        ErrorCode::kResourceExhausted,
        fmt::format("'{}' row {} does not fit into memory.", source.path().string(), open_row.number),
        csv_strerror(csv_error(&parser))};
  }
  if (parser.entry_pos > kMaxFieldBytes) {
    return error(fmt::format("the field is longer than {} MiB; is a quote unclosed?", kMaxFieldBytes >> 20));
  }
  parsed_bytes += bytes.size();
  return {};
}

Result<void> CsvReader::State::finish() {
  at_end = true;
  scanner.finish();
  if (scanner.fault() != detail::Utf8Scanner::Fault::kNone) {
    return error(detail::describe(scanner), detail::locate(scanner));
  }
  if (csv_fini(&parser, end_field, end_row, this) != 0) {
    return error("the field's opening quote is never closed.");
  }
  if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
  return {};
}

/// Reads and parses one block.
Result<void> CsvReader::State::fill() {
  std::array<char, kBlockBytes> buffer;
  EPICRISIS_ASSIGN_OR_RETURN(const std::size_t count, source.read(buffer));
  if (count == 0) return finish();
  const std::string_view block(buffer.data(), count);
  const std::size_t good = faults == CsvFaults::kByRecord ? count : scanner.scan(block);
  std::string_view text = block.substr(0, good);
  if (std::exchange(at_start, false) && text.starts_with(kByteOrderMark)) {
    text.remove_prefix(kByteOrderMark.size());
    parsed_bytes += kByteOrderMark.size();
  }
  // Up to the fault, so that the row and the field it lies in are known.
  EPICRISIS_RETURN_IF_ERROR(parse(text));
  if (good < count) return error(detail::describe(scanner), detail::locate(scanner));
  return {};
}

std::string CsvReader::State::text_fault(const CsvRow& row) {
  for (std::size_t i = 0; i < row.fields.size(); ++i) {
    detail::Utf8Scanner field;
    field.scan(row.fields[i]);
    field.finish();
    if (field.fault() != detail::Utf8Scanner::Fault::kNone)
      return fmt::format("field {}: {}", i + 1, detail::describe(field, row.number == 0 && i == 0));
  }
  return {};
}

std::string CsvReader::State::count_fault(const CsvRow& row) const {
  if (row.fields.size() == header.size()) return {};
  return fmt::format("{} field{} where the header has {}; quote fields that hold commas.", row.fields.size(),
                     row.fields.size() == 1 ? "" : "s", header.size());
}

CsvReader::CsvReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
CsvReader::CsvReader(CsvReader&&) noexcept = default;
CsvReader& CsvReader::operator=(CsvReader&&) noexcept = default;
CsvReader::~CsvReader() = default;

Result<CsvReader> CsvReader::open(const std::filesystem::path& path, CsvFaults faults) {
  EPICRISIS_ASSIGN_OR_RETURN(detail::FileSource source, detail::FileSource::open(path));
  auto state = std::make_unique<State>(std::move(source), faults);
  while (state->ready.empty() && !state->at_end && !state->fault) {
    if (auto filled = state->fill(); !filled) state->fault = std::move(filled).error();
  }
  if (state->ready.empty() && state->fault) return *std::move(state->fault);
  if (state->ready.empty()) {
    return Error{ErrorCode::kCorrupt, fmt::format("'{}' is empty; expected a header row.", path.string()),
                 ""};
  }
  if (const std::string fault = State::text_fault(state->ready.front()); !fault.empty())
    return Error{ErrorCode::kCorrupt, fmt::format("'{}' header, {}", path.string(), fault), ""};
  state->header = std::move(state->ready.front().fields);
  state->ready.pop_front();
  return CsvReader(std::move(state));
}

const std::vector<std::string>& CsvReader::header() const noexcept { return state_->header; }

Result<std::size_t> CsvReader::column(const std::string& name) const {
  const std::vector<std::string>& names = state_->header;
  const auto count = std::count(names.begin(), names.end(), name);
  if (count == 1) {
    return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
  }
  return Error{
      ErrorCode::kInvalidArgument,
      fmt::format("'{}' has {} column '{}' in its header of {} columns; correct the header or choose "
                  "another column.",
                  state_->source.path().string(), count == 0 ? "no" : "more than one", name, names.size()),
      ""};
}

Result<std::optional<CsvRow>> CsvReader::next() {
  while (state_->ready.empty()) {
    if (state_->fault) return *state_->fault;
    if (state_->at_end) return std::optional<CsvRow>();
    if (auto filled = state_->fill(); !filled) state_->fault = std::move(filled).error();
  }
  CsvRow row = std::move(state_->ready.front());
  state_->ready.pop_front();
  std::string fault = state_->count_fault(row);
  if (state_->faults == CsvFaults::kByRecord) {
    row.fault = fault.empty() ? State::text_fault(row) : std::move(fault);
  } else if (!fault.empty()) {
    return Error{ErrorCode::kCorrupt,
                 fmt::format("'{}' row {}: {}", state_->source.path().string(), row.number, fault), ""};
  }
  return std::optional<CsvRow>(std::move(row));
}

}  // namespace epicrisis::data
