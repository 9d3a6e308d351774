#pragma once

#include <string>
#include <string_view>

namespace epicrisis {

/// What went wrong, by the reaction it asks for. Only kUnavailable (retry the call) and kConflict (re-read
/// and retry the transaction) are worth retrying.
enum class ErrorCode {
  kInvalidArgument,    ///< The caller's input is wrong; the same call can never succeed.
  kNotFound,           ///< A named file, model or resource does not exist.
  kPermissionDenied,   ///< The resource exists, but may not be used.
  kConflict,           ///< Another change came first, or the target exists already.
  kCorrupt,            ///< Bytes do not follow their format.
  kUnsupported,        ///< Well-formed, but asks for something this build does not do.
  kResourceExhausted,  ///< Disk, memory, queue or limit is full.
  kDeadlineExceeded,   ///< The time given to the call ran out.
  kCancelled,          ///< The caller gave up.
  kUnavailable,        ///< A peer cannot be reached for now.
  kInternal,           ///< A defect of this program.
};

/// Lower-case name of the code, for logs ("invalid_argument").
std::string_view to_string(ErrorCode code) noexcept;

/// An expected failure. Neither text ever holds clinical text: positions, lengths, names and ids only.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string public_message;  ///< What is wrong and what to do; a client may read it.
  std::string detail;          ///< File, row, field, offset, both shapes of a mismatch; for operators.

  /// "public_message (detail)" on one line: what the command line prints.
  std::string to_line() const;
};

/// Process exit code for a failed command: 2 for bad usage or input, 1 for any other failure.
int exit_code(const Error& error) noexcept;

}  // namespace epicrisis
