#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "evaluate/bootstrap.hpp"
#include "evaluate/rouge.hpp"

namespace epicrisis::evaluate {

/// What one system wrote for every note of a data set, in its order.
struct SystemOutput {
  std::string system;                                             ///< Name in the table.
  std::vector<std::string> predictions;                           ///< One a note; may be empty.
  std::optional<std::vector<std::size_t>> tokens = std::nullopt;  ///< Tokens generated for each note.
  std::optional<double> seconds = std::nullopt;                   ///< Time that all of it took.
};

/// The mean of one ROUGE score over the notes of a stratum, with the interval of its F1.
struct MetricSummary {
  RougeScore mean;
  Interval f1_interval;  ///< 95 %, bootstrap over notes.
};

/// One system on one stratum.
struct ComparisonRow {
  std::string system;
  std::string stratum;  ///< kOverall, or a value of the column that the data is stratified by.
  std::size_t notes = 0;
  MetricSummary rouge1;
  MetricSummary rouge2;
  MetricSummary rouge_l;
  MetricSummary rouge_lsum;
  double generated_words = 0;              ///< Mean of white-space separated words.
  std::optional<double> generated_tokens;  ///< Mean, where the system counts them.
  std::optional<double> seconds_per_note;  ///< Over all notes: one figure for every stratum.
};

inline constexpr const char* kOverall = "overall";

/// Scores every system on all notes, then on each stratum in the order of their names. `strata` has one value
/// a note, or is empty for no strata. Precondition: as many predictions as references in every system.
std::vector<ComparisonRow> compare(std::span<const SystemOutput> systems,
                                   std::span<const std::string> references,
                                   std::span<const std::string> strata, const RougeOptions& rouge = {},
                                   const BootstrapOptions& bootstrap = {});

/// A table for terminals, one block a stratum: F1 x 100 with its interval, words, seconds.
std::string comparison_table(std::span<const ComparisonRow> rows);

/// {"rows":[...]} on one line, as docs/cli.md describes it; scores x 100 rounded to four decimals.
std::string comparison_json(std::span<const ComparisonRow> rows);

}  // namespace epicrisis::evaluate
