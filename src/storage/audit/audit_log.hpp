#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace epicrisis::storage {

class MasterKey;

/// One call, without anything of its content.
struct AuditEvent {
  std::string access_key_id;  ///< As claimed; empty when none was.
  std::string role;           ///< Empty until the signature was found right.
  std::string action;         ///< "s3:GetObject".
  std::string resource;       ///< An ARN; object keys and other free text as hashes of AuditLog::pseudonym().
  std::string outcome;        ///< "Success" or the error code that was answered.
  int status = 0;
  std::string source_address;
  std::string request_id;
};

/// The append-only record of all calls: FOLDER/audit.jsonl, one JSON object a line, each with the hash of the
/// one before (HMAC-SHA-256 under a key that the master key gives). Changing, removing or inserting a line
/// breaks the chain; FOLDER/head says where it ended last, so cutting its end shows too.
/// docs/formats/data-folder.md.
///
/// Thread-safe. A record is in the file before append() returns; a power cut may take the last second.
class AuditLog {
 public:
  /// Continues the log of `folder`, which is created where it is missing. A last line that a crash cut short
  /// is dropped. Errors: kConflict when another program has it open, kCorrupt when its last line does not
  /// verify.
  static Result<std::unique_ptr<AuditLog>> open(const std::filesystem::path& folder, const MasterKey& master);
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;
  ~AuditLog();

  Result<void> append(const AuditEvent& event);
  /// A name that is the same for the same text and tells nothing about it: 16 hex digits of a keyed hash.
  std::string pseudonym(std::string_view text) const;

 private:
  struct State;
  explicit AuditLog(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct AuditVerification {
  std::uint64_t records = 0;
  std::string last_hash;
};

/// Follows the chain from the first line to the last and calls `take` with each line, verified.
/// Errors: kCorrupt with the number of the first line that is not as it was written, kNotFound without a log.
Result<AuditVerification> verify_audit_log(
    const std::filesystem::path& folder, const MasterKey& master,
    const std::function<Result<void>(std::string_view line)>& take = {});

}  // namespace epicrisis::storage
