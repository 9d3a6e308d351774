#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace epicrisis::storage {
class LogStore;
}

namespace epicrisis::api {

/// Takes lines of processes from any thread and writes them to the log store on a thread of its own.
class LogWriter {
 public:
  static constexpr std::size_t kMaxWaitingLines = 100'000;

  /// `logs` outlives the writer.
  explicit LogWriter(storage::LogStore& logs);
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;
  /// Writes what waits.
  ~LogWriter();

  /// Dropped, and counted in the log, while too many wait: a disk that does not keep up must not cost memory.
  void add(const std::string& group, const std::string& stream, std::string_view line);

 private:
  using Lines = std::map<std::pair<std::string, std::string>, std::vector<std::string>>;
  void work();

  storage::LogStore& logs_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Lines waiting_;            // guarded by mutex_; by group and stream
  std::size_t count_ = 0;    // guarded by mutex_
  std::size_t dropped_ = 0;  // guarded by mutex_
  bool closed_ = false;      // guarded by mutex_
  std::thread thread_;
};

}  // namespace epicrisis::api
