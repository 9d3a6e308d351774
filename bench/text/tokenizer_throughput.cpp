#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "text/tokenizer.hpp"

// Tokenizes all texts PASSES times on one thread and prints, a line a pass: tokens, wall seconds, processor
// seconds. compare-with-reference sets it beside reference/measure.js.
int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: tokenizer_throughput TOKENIZER_FOLDER TEXTS.json PASSES\n", stderr);
    return 2;
  }
  const auto tokenizer = epicrisis::Tokenizer::load(argv[1]);
  const auto list = epicrisis::read_json_file(argv[2]);
  if (!tokenizer || !list || !list->is_array()) {
    const std::string problem = !tokenizer ? tokenizer.error().to_line()
                                : !list    ? list.error().to_line()
                                           : "The texts must be a list.";
    std::fputs((problem + "\n").c_str(), stderr);
    return 2;
  }
  const auto texts = list->get<std::vector<std::string>>();
  for (long pass = std::strtol(argv[3], nullptr, 10); pass > 0; --pass) {
    const auto wall = std::chrono::steady_clock::now();
    const std::clock_t cpu = std::clock();
    std::vector<epicrisis::Encoding> encodings;  // kept, as the reference keeps them
    encodings.reserve(texts.size());
    for (const std::string& text : texts) encodings.push_back(tokenizer->encode(text));
    const double used = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - wall;
    std::size_t tokens = 0;
    for (const epicrisis::Encoding& encoding : encodings) tokens += encoding.ids.size();
    fmt::print("{} {:.6f} {:.6f}\n", tokens, seconds.count(), used);
  }
  return 0;
}
