#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/worker/summarization_service.hpp"

namespace epicrisis::testing {

/// Stands in for a model: "summary of <note>", with its settings where they matter. A note that starts with
/// "refuse" is an error of the client, "fail" of the model, "throw" an exception that quotes the note. While
/// held, calls wait for release() or for their stop token.
class FakeService final : public api::SummarizationService {
 public:
  Result<std::vector<api::Texts>> summarize(std::span<const ClinicalText> notes, const TextSettings& settings,
                                            std::stop_token stop) override {
    std::vector<std::string> texts;
    for (const ClinicalText& note : notes) texts.push_back(note.reveal());
    {
      std::unique_lock lock(mutex_);
      calls_.push_back(texts);
      changed_.notify_all();
      const std::stop_callback on_stop(stop, [this] { changed_.notify_all(); });
      while (held_ && !stop.stop_requested()) changed_.wait_for(lock, std::chrono::milliseconds(10));
      if (stop.stop_requested()) {
        ++cancelled_;
        changed_.notify_all();
        return Error{ErrorCode::kCancelled, "Cancelled.", ""};
      }
    }
    std::vector<api::Texts> results;
    for (const std::string& text : texts) {
      if (text.starts_with("refuse")) return Error{ErrorCode::kInvalidArgument, "The note is blank.", ""};
      if (text.starts_with("fail")) return Error{ErrorCode::kInternal, "Broken inside.", ""};
      if (text.starts_with("throw")) throw std::runtime_error(text);
      std::string summary = fmt::format("summary of {}", text);
      if (settings.generation.num_beams != 1)
        summary += fmt::format(" with {} beams", settings.generation.num_beams);
      if (settings.output.full_text) summary = text + ": " + summary;
      results.emplace_back(static_cast<std::size_t>(settings.generation.num_return_sequences), summary);
    }
    return results;
  }
  /// The summary word by word; nothing of a note that is refused.
  Result<std::string> summarize_streaming(const ClinicalText& note, const TextSettings& settings,
                                          const std::function<void(std::string_view)>& take_piece,
                                          std::stop_token stop) override {
    EPICRISIS_ASSIGN_OR_RETURN(const auto results, summarize({&note, 1}, settings, std::move(stop)));
    const std::string& text = results.front().front();
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find(' ', begin + 1), text.size());
      take_piece(std::string_view(text).substr(begin, end - begin));
      begin = end;
    }
    return text;
  }
  const TextSettings& default_settings() const noexcept override { return settings_; }

  void hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void release() {
    const std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }
  /// False if it does not come to that many calls (or cancelled calls) in 30 seconds.
  bool wait_for_calls(std::size_t count) {
    return wait([&] { return calls_.size() >= count; });
  }
  bool wait_for_cancelled(int count) {
    return wait([&] { return cancelled_ >= count; });
  }
  std::vector<std::vector<std::string>> calls() {
    const std::lock_guard lock(mutex_);
    return calls_;
  }
  int cancelled() {
    const std::lock_guard lock(mutex_);
    return cancelled_;
  }

 private:
  bool wait(const std::function<bool()>& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), condition);
  }

  TextSettings settings_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::vector<std::string>> calls_;  // guarded by mutex_
  int cancelled_ = 0;                            // guarded by mutex_
  bool held_ = false;                            // guarded by mutex_
};

}  // namespace epicrisis::testing
