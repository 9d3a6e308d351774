#include "storage/audit/audit_log.hpp"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <mutex>
#include <optional>
#include <utility>

#include "base/descriptor.hpp"
#include "base/digest.hpp"
#include "base/file_lock.hpp"
#include "base/files.hpp"
#include "base/folders.hpp"
#include "base/json.hpp"
#include "storage/keys/master_key.hpp"

namespace epicrisis::storage {
namespace {

namespace fs = std::filesystem;

constexpr auto kSyncInterval = std::chrono::seconds(1);
constexpr std::string_view kHashMember = ",\"hash\":\"";
constexpr std::size_t kHashDigits = 64;

/// Where the chain is: the next record has this number and names this hash.
struct Link {
  std::uint64_t number = 1;
  std::string hash = std::string(kHashDigits, '0');
};

std::string hash_of(const std::string& key, std::string_view unhashed) {
  return to_hex(hmac_sha256(key, unhashed));
}

std::string timestamp() {
  const auto now = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z", now);
}

/// The line without its hash and closing brace: what is hashed.
std::string unhashed_line(const AuditEvent& event, const Link& link) {
  OrderedJson line;
  line["number"] = link.number;
  line["time"] = timestamp();
  line["access_key_id"] = event.access_key_id;
  line["role"] = event.role;
  line["action"] = event.action;
  line["resource"] = event.resource;
  line["outcome"] = event.outcome;
  line["status"] = event.status;
  line["source_address"] = event.source_address;
  line["request_id"] = event.request_id;
  line["previous"] = link.hash;
  std::string text = line.dump(-1, ' ', true, OrderedJson::error_handler_t::replace);
  text.pop_back();
  return text;
}

Error broken(std::uint64_t number, std::string_view what) {
  return {ErrorCode::kCorrupt, fmt::format("audit.jsonl:{}: {}.", number, what), "the log was changed"};
}

/// Moves `link` over one line. Errors: kCorrupt.
Result<void> follow(Link& link, std::string_view line, const std::string& key) {
  const std::size_t tail = kHashMember.size() + kHashDigits + 2;
  if (line.size() < tail || !line.substr(line.size() - tail).starts_with(kHashMember)) {
    return broken(link.number, "this is no audit record");
  }
  const std::string_view unhashed = line.substr(0, line.size() - tail);
  const std::string_view sent = line.substr(line.size() - 2 - kHashDigits, kHashDigits);
  if (!equal_in_constant_time(hash_of(key, unhashed), sent))
    return broken(link.number, "the record was altered");
  const auto record = parse_json(line, "audit record");
  if (!record) return broken(link.number, "this is no audit record");
  if (record->value("number", std::uint64_t{0}) != link.number)
    return broken(link.number, "records are missing here");
  if (record->value("previous", std::string()) != link.hash)
    return broken(link.number, "the chain is broken here");
  ++link.number;
  link.hash = std::string(sent);
  return {};
}

Result<Link> walk(const fs::path& file, const std::string& key,
                  const std::function<Result<void>(std::string_view line)>& take) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return system_error(ENOENT, "open", file);
  Link link;
  for (std::string line; std::getline(in, line);) {
    if (in.eof()) break;  // no line end: a crash cut it short, nobody was answered
    EPICRISIS_RETURN_IF_ERROR(follow(link, line, key));
    if (take) {
      if (Result<void> taken = take(line); !taken) return std::move(taken).error();
    }
  }
  return link;
}

/// The link that the last line gives, checked by its own hash only: a long log must not delay the start.
Result<Link> last_link(const fs::path& file, const std::string& key) {
  constexpr std::streamoff kTailBytes = 64 * 1024;
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in) return system_error(ENOENT, "open", file);
  in.seekg(std::max<std::streamoff>(0, static_cast<std::streamoff>(in.tellg()) - kTailBytes));
  std::string last;
  for (std::string line; std::getline(in, line) && !in.eof();) last = std::move(line);
  if (last.empty()) return Link{};
  const auto record = parse_json(last, "audit record");
  if (!record || !record->is_object()) return broken(0, "the last line is no audit record");
  Link link{record->value("number", std::uint64_t{0}), record->value("previous", std::string())};
  EPICRISIS_RETURN_IF_ERROR(follow(link, last, key));
  return link;
}

std::string head_of(const Link& link, const std::string& key) {
  const std::string text = fmt::format("{:020} {}", link.number - 1, link.hash);
  return fmt::format("{} {}\n", text, hash_of(key, text));
}

/// The head may lag behind the log by what a crash came between; it never runs ahead of it.
Result<void> check_head(const fs::path& folder, const Link& link, const std::string& key) {
  const auto head = read_file(folder / "head", 4096);
  if (!head || head->empty())
    return link.number == 1 ? Result<void>()
                            : Result<void>(broken(link.number, "the file 'head' is missing"));
  if (head->size() != 151) return broken(link.number, "the file 'head' was altered");
  const std::string text = head->substr(0, 85);
  if (!equal_in_constant_time(hash_of(key, text), std::string_view(*head).substr(86, kHashDigits))) {
    return broken(link.number, "the file 'head' was altered");
  }
  if (std::stoull(text.substr(0, 20)) >= link.number)
    return broken(link.number, "the end of the log was cut off");
  return {};
}

/// Drops what follows the last line end.
Result<void> cut_torn_line(const fs::path& file) {
  std::error_code failure;
  const std::uint64_t size = fs::file_size(file, failure);
  if (failure || size == 0) return {};
  const Descriptor log(::open(file.c_str(), O_RDWR | O_CLOEXEC));
  if (log.get() < 0) return system_error(errno, "open", file);
  std::uint64_t end = size;
  for (char last = 0; end > 0; --end) {
    if (::pread(log.get(), &last, 1, static_cast<off_t>(end - 1)) != 1)
      return system_error(errno, "read", file);
    if (last == '\n') break;
  }
  if (end < size && ::ftruncate(log.get(), static_cast<off_t>(end)) != 0)
    return system_error(errno, "write", file);
  return {};
}

}  // namespace

struct AuditLog::State {
  State(FileLock held, std::string derived, int log_file, int head_file)
      : lock(std::move(held)), key(std::move(derived)), log(log_file), head(head_file) {}
  const FileLock lock;
  const std::string key;
  const Descriptor log;
  const Descriptor head;
  std::mutex mutex;
  Link link;                                          // guarded by mutex
  std::chrono::steady_clock::time_point synced = {};  // guarded by mutex
};

AuditLog::AuditLog(std::unique_ptr<State> state) : state_(std::move(state)) {}

AuditLog::~AuditLog() { ::fdatasync(state_->log.get()); }

Result<std::unique_ptr<AuditLog>> AuditLog::open(const fs::path& folder, const MasterKey& master) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) return system_error(failure.value(), "create", folder);
  EPICRISIS_ASSIGN_OR_RETURN(std::optional<FileLock> lock, FileLock::try_acquire(folder / "lock"));
  if (!lock) return Error{ErrorCode::kConflict, "Another server uses this data folder.", folder.string()};
  const fs::path file = folder / "audit.jsonl";
  EPICRISIS_RETURN_IF_ERROR(cut_torn_line(file));
  const int log = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0) return system_error(errno, "open", file);
  const int head = ::open((folder / "head").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  auto state = std::make_unique<State>(std::move(*lock), master.derive("audit log"), log, head);
  if (head < 0) return system_error(errno, "open", folder / "head");
  EPICRISIS_ASSIGN_OR_RETURN(state->link, last_link(file, state->key));
  return std::unique_ptr<AuditLog>(new AuditLog(std::move(state)));
}

Result<void> AuditLog::append(const AuditEvent& event) {
  const std::lock_guard lock(state_->mutex);
  const std::string unhashed = unhashed_line(event, state_->link);
  const std::string hash = hash_of(state_->key, unhashed);
  const std::string line = fmt::format("{}{}{}\"}}\n", unhashed, kHashMember, hash);
  const ssize_t written = ::write(state_->log.get(), line.data(), line.size());
  if (written != static_cast<ssize_t>(line.size())) return system_error(errno, "write", "audit.jsonl");
  state_->link = {state_->link.number + 1, hash};
  const std::string head = head_of(state_->link, state_->key);
  if (::pwrite(state_->head.get(), head.data(), head.size(), 0) < 0)
    return system_error(errno, "write", "head");
  const auto now = std::chrono::steady_clock::now();
  if (now - state_->synced > kSyncInterval) {
    ::sync_file_range(state_->log.get(), 0, 0, SYNC_FILE_RANGE_WRITE);  // starts; nobody waits for it
    state_->synced = now;
  }
  return {};
}

std::string AuditLog::pseudonym(std::string_view text) const {
  return hash_of(state_->key, fmt::format("name:{}", text)).substr(0, 16);
}

Result<AuditVerification> verify_audit_log(const fs::path& folder, const MasterKey& master,
                                           const std::function<Result<void>(std::string_view line)>& take) {
  const std::string key = master.derive("audit log");
  EPICRISIS_ASSIGN_OR_RETURN(const Link link, walk(folder / "audit.jsonl", key, take));
  EPICRISIS_RETURN_IF_ERROR(check_head(folder, link, key));
  return AuditVerification{link.number - 1, link.hash};
}

}  // namespace epicrisis::storage
