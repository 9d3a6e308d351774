#include "data/corpus_reader.hpp"

#include <fmt/format.h>

#include <string_view>

#include "data/detail/file_source.hpp"
#include "data/detail/text_fault.hpp"
#include "data/detail/utf8_scanner.hpp"

namespace epicrisis::data {
namespace {

/// Collects lines into documents.
class DocumentSplitter {
 public:
  void add_line(std::string_view line) {
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.find_first_not_of(" \t\f\v") == std::string_view::npos) {
      end_document();
      return;
    }
    if (!document_.empty()) document_ += '\n';
    document_ += line;
  }
  void end_document() {
    if (!document_.empty()) documents_.push_back(std::move(document_));
    document_.clear();
  }
  std::vector<std::string>& documents() { return documents_; }

 private:
  std::string document_;
  std::vector<std::string> documents_;
};

Error text_error(const std::filesystem::path& path, const detail::Utf8Scanner& scanner) {
  return Error{ErrorCode::kCorrupt,
               fmt::format("{}: {}", path.filename().string(), detail::describe(scanner)),
               detail::locate(scanner)};
}

}  // namespace

Result<std::vector<std::string>> read_corpus(const std::filesystem::path& path) {
  EPICRISIS_ASSIGN_OR_RETURN(detail::FileSource source, detail::FileSource::open(path));
  detail::Utf8Scanner scanner;
  DocumentSplitter splitter;
  std::string buffer(std::size_t{1} << 20, '\0');
  std::string open_line;
  while (true) {
    EPICRISIS_ASSIGN_OR_RETURN(const std::size_t count, source.read(buffer));
    if (count == 0) break;
    std::string_view block(buffer.data(), count);
    if (scanner.scan(block) != block.size()) return text_error(path, scanner);
    for (std::size_t end = block.find('\n'); end != std::string_view::npos; end = block.find('\n')) {
      open_line += block.substr(0, end);
      splitter.add_line(open_line);
      open_line.clear();
      block.remove_prefix(end + 1);
    }
    open_line += block;
  }
  scanner.finish();
  if (scanner.fault() != detail::Utf8Scanner::Fault::kNone) return text_error(path, scanner);
  splitter.add_line(open_line);
  splitter.end_document();
  if (splitter.documents().empty())
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("{} holds no text; give documents separated by blank lines.", path.filename().string()),
        {}};
  return std::move(splitter.documents());
}

}  // namespace epicrisis::data
