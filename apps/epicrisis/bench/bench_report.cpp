#include "bench/bench_report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.hpp"
#include "engine/model_costs.hpp"

namespace epicrisis::bench {
namespace {

/// The least that the machine's limits allow, in seconds and bytes.
struct Limits {
  double encode_seconds = 0;
  double first_token_seconds = 0;
  double step_seconds = 0;
  double load_seconds = 0;  ///< The mixed load.
  double weight_bytes = 0;
};

Limits limits_of(const BenchResult& result) {
  const Architecture& a = *result.architecture;
  const double read = result.limits.read_bytes_per_second;
  const double operations = result.limits.operations_per_second;
  const int source = result.load.source_tokens;
  Limits limits;
  limits.encode_seconds = reading_operations(a, source).total() / operations;
  limits.step_seconds = (step_weight_bytes(a, result.type) + step_source_bytes(a, source)) / read;
  // A decoder-only model's prompt gives its first token; another reads its source, then takes a step.
  const bool takes_step = a.topology == Topology::kEncoderDecoder;
  limits.first_token_seconds = limits.encode_seconds + (takes_step ? limits.step_seconds : 0);
  limits.load_seconds = std::max(result.throughput.operations / operations, result.throughput.bytes / read);
  limits.weight_bytes = weight_bytes(a, result.type);
  return limits;
}

std::string row(const std::string& what, const std::string& measured, const std::string& limit, double share,
                const std::string& note) {
  return fmt::format("  {:<26}{:>16}{:>16}{:>7.0f} %   {}\n", what, measured, limit, share * 100, note);
}

}  // namespace

std::string json_line(const BenchResult& result) {
  const Limits limits = limits_of(result);
  const Latency& latency = result.latency;
  OrderedJson line;
  line["model"] = result.model;
  line["dtype"] = to_string(result.type);
  line["threads"] = result.threads;
  line["beams"] = result.beams;
  line["instruction_set"] = result.instruction_set;
  line["source_tokens"] = result.load.source_tokens;
  line["new_tokens"] = result.load.new_tokens;
  line["read_bytes_per_second"] = result.limits.read_bytes_per_second;
  line["peak_operations_per_second"] = result.limits.operations_per_second;
  line["load_seconds"] = result.load_seconds;
  line["encode_seconds"] = latency.encode_seconds;
  line["encode_gemm_share"] = limits.encode_seconds / latency.encode_seconds;
  line["time_to_first_token_seconds"] = latency.first_token_seconds;
  line["time_to_first_token_share"] = limits.first_token_seconds / latency.first_token_seconds;
  line["decode_step_seconds"] = latency.step_seconds;
  line["decode_tokens_per_second"] = 1 / latency.step_seconds;
  line["decode_bandwidth_share"] = limits.step_seconds / latency.step_seconds;
  line["requests"] = result.throughput.requests;
  line["requests_per_second"] = result.throughput.requests_per_second;
  line["mixed_tokens_per_second"] = result.throughput.tokens_per_second;
  line["mixed_load_share"] =
      limits.load_seconds * result.throughput.requests_per_second / result.throughput.requests;
  line["weight_bytes"] = limits.weight_bytes;
  line["peak_rss_bytes"] = result.peak_rss_bytes;
  line["mixed_peak_rss_bytes"] = result.mixed_peak_rss_bytes;
  return line.dump() + "\n";
}

std::string table_heading(const BenchResult& result) {
  return fmt::format(
      "{}, {}, {} threads, {}\n"
      "This machine, measured just now: reads {:.1f} GB/s, multiplies {:.0f} GOP/s in {}.\n"
      "A limit is what these two allow at best: reading a source takes its multiplications, each further\n"
      "token takes reading the decoder's weights, the output projection and the source's keys and values "
      "once.\n"
      "Loaded in {:.3f} s.\n",
      result.model, to_string(result.type), result.threads, result.instruction_set,
      result.limits.read_bytes_per_second * 1e-9, result.limits.operations_per_second * 1e-9,
      to_string(result.type), result.load_seconds);
}

std::string table(const BenchResult& result) {
  const Limits limits = limits_of(result);
  const Latency& latency = result.latency;
  const Throughput& throughput = result.throughput;
  const double most_requests = throughput.requests / limits.load_seconds;
  std::string text = fmt::format("\n{}\n  {:<26}{:>16}{:>16}{:>9}\n",
                                 result.beams == 1 ? "Greedy" : fmt::format("{} beams", result.beams), "",
                                 "measured", "limit", "share");
  text += row("reading the source", fmt::format("{:.1f} ms", latency.encode_seconds * 1e3),
              fmt::format("{:.1f} ms", limits.encode_seconds * 1e3),
              limits.encode_seconds / latency.encode_seconds,
              fmt::format("{} tokens, one request", result.load.source_tokens));
  text += row("first token after", fmt::format("{:.1f} ms", latency.first_token_seconds * 1e3),
              fmt::format("{:.1f} ms", limits.first_token_seconds * 1e3),
              limits.first_token_seconds / latency.first_token_seconds, "");
  text += row("each token after it", fmt::format("{:.2f} ms", latency.step_seconds * 1e3),
              fmt::format("{:.2f} ms", limits.step_seconds * 1e3), limits.step_seconds / latency.step_seconds,
              fmt::format("median of {}, one request", result.load.new_tokens - 1));
  text += row("tokens a second", fmt::format("{:.1f}", 1 / latency.step_seconds),
              fmt::format("{:.1f}", 1 / limits.step_seconds), limits.step_seconds / latency.step_seconds, "");
  text += row("requests a second", fmt::format("{:.2f}", throughput.requests_per_second),
              fmt::format("{:.2f}", most_requests), throughput.requests_per_second / most_requests,
              fmt::format("{} at once: 64-768 tokens read, 16-96 written", throughput.requests));
  text +=
      row("memory, one request", fmt::format("{:.0f} MB", result.peak_rss_bytes * 1e-6),
          fmt::format("{:.0f} MB", limits.weight_bytes * 1e-6), limits.weight_bytes / result.peak_rss_bytes,
          fmt::format("limit: the weights alone; {:.0f} MB in the mixed load",
                      result.mixed_peak_rss_bytes * 1e-6));
  return text;
}

}  // namespace epicrisis::bench
