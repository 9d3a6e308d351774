#include "terminal_observer.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>

namespace epicrisis {
namespace {

volatile std::sig_atomic_t g_stop = 0;

extern "C" void request_stop(int number) {
  if (g_stop != 0) _exit(128 + number);
  g_stop = 1;
}

}  // namespace

TerminalObserver::TerminalObserver(bool shows_progress) : shows_progress_(shows_progress) {
  std::signal(SIGINT, request_stop);
  std::signal(SIGTERM, request_stop);
}

void TerminalObserver::on_stage(std::string_view what) {
  if (progress_) progress_->clear();
  fmt::print(stderr, "{} ...\n", what);
}

void TerminalObserver::on_progress(const train::TrainingProgress& progress) {
  if (!shows_progress_) return;
  const bool timed = progress.limit_seconds > 0;
  const auto total = timed ? static_cast<std::uint64_t>(progress.limit_seconds)
                           : static_cast<std::uint64_t>(progress.total_steps);
  if (!progress_) progress_ = std::make_unique<Progress>("Training", total, timed ? "s" : "steps", stderr);
  const auto done =
      timed ? static_cast<std::uint64_t>(std::min(progress.elapsed_seconds, progress.limit_seconds))
            : static_cast<std::uint64_t>(progress.step);
  progress_->update(done, progress.tokens_per_second > 0
                              ? fmt::format("step {}, loss {:.3f}, {:.0f} tokens/s", progress.step,
                                            progress.loss, progress.tokens_per_second)
                              : std::string());
}

void TerminalObserver::on_metrics(const Json& line) {
  if (!line.contains("eval_loss")) return;
  if (progress_) progress_->clear();
  std::string text = fmt::format("step {} epoch {:.2f}: eval loss {:.4f}", line["step"].get<std::int64_t>(),
                                 line["epoch"].get<double>(), line["eval_loss"].get<double>());
  if (line.contains("eval_rougeL"))
    text += fmt::format(", ROUGE-1/2/L {:.2f} / {:.2f} / {:.2f}, {:.1f} tokens",
                        line["eval_rouge1"].get<double>(), line["eval_rouge2"].get<double>(),
                        line["eval_rougeL"].get<double>(), line["eval_gen_len"].get<double>());
  fmt::print(stderr, "{}{}\n", text, line.value("best", false) ? " (best so far)" : "");
}

void TerminalObserver::on_warning(std::string_view message) {
  if (progress_) progress_->clear();
  fmt::print(stderr, "epicrisis-train: warning: {}\n", message);
}

bool TerminalObserver::stop_requested() { return g_stop != 0; }

}  // namespace epicrisis
