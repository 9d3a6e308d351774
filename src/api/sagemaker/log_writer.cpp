#include "api/sagemaker/log_writer.hpp"

#include "base/log.hpp"
#include "storage/logs/log_store.hpp"

namespace epicrisis::api {

LogWriter::LogWriter(storage::LogStore& logs) : logs_(logs), thread_([this] { work(); }) {}

LogWriter::~LogWriter() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void LogWriter::add(const std::string& group, const std::string& stream, std::string_view line) {
  {
    const std::lock_guard lock(mutex_);
    if (count_ >= kMaxWaitingLines) {
      ++dropped_;
      return;
    }
    ++count_;
    waiting_[{group, stream}].emplace_back(line);
  }
  changed_.notify_all();
}

void LogWriter::work() {
  std::unique_lock lock(mutex_);
  while (!closed_ || !waiting_.empty()) {
    if (waiting_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const Lines lines = std::exchange(waiting_, {});
    const std::size_t dropped = std::exchange(dropped_, 0);
    count_ = 0;
    lock.unlock();
    for (const auto& [name, of_stream] : lines) {
      if (!logs_.append(name.first, name.second, of_stream))
        log::error("logs.not_written", {{"lines", of_stream.size()}});
    }
    if (dropped > 0) log::warning("logs.dropped", {{"lines", dropped}});
    lock.lock();
  }
}

}  // namespace epicrisis::api
