#include "train/memory_estimate.hpp"

#include <algorithm>
#include <numeric>
#include <string_view>

#include "checkpoint/families/family.hpp"

namespace epicrisis::train {
namespace {

/// What the allocator keeps between blocks of unequal sizes, as a share of what comes and goes in a step:
/// measured on the shapes of memory_estimate_test.cpp.
constexpr double kAllocatorShare = 0.15;

constexpr std::int64_t kFloat = 4;
constexpr std::int64_t kBfloat = 2;
/// As ops/loss.cpp.
constexpr std::int64_t kLogitElements = std::int64_t{1} << 24;

/// The slots of one layer that begin with `prefix`.
class LayerSlots {
 public:
  LayerSlots(const ParameterLayout& layout, std::string prefix)
      : layout_(layout), prefix_(std::move(prefix)) {}
  bool trains(std::string_view projection) const {
    const ParameterSlot* slot = layout_.find(prefix_ + std::string(projection) + ".weight");
    return slot != nullptr && slot->trained;
  }
  /// Elements a token that the adapters of `projection` keep besides their input.
  std::int64_t adapter_elements(std::string_view projection) const {
    std::int64_t elements = 0;
    for (const LowRankAdapter& adapter : layout_.adapters()) {
      if (!adapter.targets.front().starts_with(prefix_ + std::string(projection))) continue;
      const ParameterSlot& a = layout_.slot(adapter.a);
      elements += a.shape[0] + (adapter.dropout > 0 ? a.shape[1] : 0);
    }
    return elements;
  }
  bool adapts(std::string_view projection) const { return adapter_elements(projection) > 0; }
  /// Whether backward needs what `projection` reads.
  bool keeps_input(std::string_view projection) const { return trains(projection) || adapts(projection); }

 private:
  const ParameterLayout& layout_;
  std::string prefix_;
};

/// Sizes of one stack's layers, in elements.
struct StackSizes {
  std::int64_t width = 0, heads_width = 0, ffn = 0, heads = 0;
};

StackSizes sizes_of(const Architecture& a, bool is_decoder) {
  const StackShape& stack = is_decoder ? a.decoder : a.encoder;
  return {a.d_model, std::int64_t{stack.heads} * a.head_dim, stack.ffn_dim, stack.heads};
}

/// Bytes that one layer keeps for backward.
class LayerMemory {
 public:
  LayerMemory(const Architecture& architecture, const ParameterLayout& layout, const MemoryPlan& plan)
      : architecture_(architecture), layout_(layout), plan_(plan) {}

  std::int64_t kept(int layer, bool is_decoder) const {
    const std::string prefix =
        (is_decoder ? "decoder.layers." : "encoder.layers.") + std::to_string(layer) + ".";
    const LayerSlots slots(layout_, prefix);
    const StackSizes s = sizes_of(architecture_, is_decoder);
    const std::int64_t tokens = is_decoder ? plan_.train.target_tokens : plan_.train.source_tokens;
    const std::int64_t longest = is_decoder ? plan_.train.longest_target : plan_.train.longest_source;
    std::int64_t bytes =
        tokens * attention_bytes(slots, "self_attention.query", "self_attention.output", 3, s) +
        score_bytes(tokens * longest, s.heads);
    if (is_decoder && plan_.train.source_tokens > 0) {
      bytes += tokens * attention_bytes(slots, "cross_attention.query", "cross_attention.output", 1, s) +
               plan_.train.source_tokens * 2 * s.heads_width * inner_bytes() +
               plan_.train.source_tokens * slots.adapter_elements("cross_attention.key") * kFloat +
               score_bytes(tokens * plan_.train.longest_source, s.heads);
    }
    return bytes + tokens * feed_forward_bytes(slots, s);
  }

  /// Bytes of what a stack's layers read; all that is kept with gradient checkpointing.
  std::int64_t input(bool is_decoder) const {
    return (is_decoder ? plan_.train.target_tokens : plan_.train.source_tokens) * architecture_.d_model *
           kFloat;
  }

  /// The most that backward of one layer needs at a time besides what was kept: gradients of activations and,
  /// before they are added to the buffer, of weights.
  std::int64_t working(bool is_decoder) const {
    const StackSizes s = sizes_of(architecture_, is_decoder);
    const std::int64_t tokens = is_decoder ? plan_.train.target_tokens : plan_.train.source_tokens;
    const std::int64_t weights = layout_.adapters().empty() ? s.width : 0;
    const std::int64_t feed_forward =
        tokens * ((architecture_.gated_ffn ? 3 : 1) * s.ffn + 4 * s.width) + 2 * s.ffn * weights;
    const std::int64_t attention = tokens * (4 * s.heads_width + 3 * s.width) + 3 * s.heads_width * weights;
    return std::max(feed_forward, attention) * kFloat;
  }

 private:
  std::int64_t inner_bytes() const { return plan_.bfloat16 ? kBfloat : kFloat; }

  /// A token's: what the norm and the projections read, queries (with keys and values), the result.
  std::int64_t attention_bytes(const LayerSlots& slots, std::string_view in, std::string_view out,
                               std::int64_t projected, const StackSizes& s) const {
    const std::int64_t inputs = slots.keeps_input(in) ? 2 : 1;
    return (inputs * s.width + s.heads + slots.adapter_elements(in) + slots.adapter_elements(out)) * kFloat +
           (projected + 1) * s.heads_width * inner_bytes();
  }

  /// Without the fused kernels the probabilities of every query and key are kept: as float32, with a dropout
  /// mask, and as bfloat16.
  std::int64_t score_bytes(std::int64_t pairs, std::int64_t heads) const {
    return plan_.bfloat16 ? pairs * heads * (kFloat + kBfloat + (plan_.dropout ? kBfloat + 1 : 0)) : 0;
  }

  std::int64_t feed_forward_bytes(const LayerSlots& slots, const StackSizes& s) const {
    const bool down = slots.keeps_input("feed_forward.down");
    const bool dropped = plan_.dropout && architecture_.activation_dropout > 0;
    const bool adapted = slots.adapts("feed_forward.up") || slots.adapts("feed_forward.gate") ||
                         slots.adapts("feed_forward.down");
    std::int64_t hidden = 1;  // ReLU, fused: its result alone
    if (architecture_.gated_ffn)
      hidden = 3 + (down ? 1 : 0);
    else if (architecture_.activation != Activation::kRelu)
      hidden = 1 + (down ? 1 : 0);
    else if (adapted || plan_.bfloat16)
      hidden = 1 + (down && dropped ? 1 : 0);
    const std::int64_t inputs = slots.keeps_input("feed_forward.up") ? 2 : 1;
    const std::int64_t adapters = slots.adapter_elements("feed_forward.up") +
                                  slots.adapter_elements("feed_forward.gate") +
                                  slots.adapter_elements("feed_forward.down");
    return (inputs * s.width + adapters) * kFloat + hidden * s.ffn * inner_bytes();
  }

  const Architecture& architecture_;
  const ParameterLayout& layout_;
  const MemoryPlan& plan_;
};

std::int64_t optimizer_bytes(const ParameterLayout& layout, OptimizerKind kind) {
  if (kind == OptimizerKind::kSgd) return 0;
  if (kind != OptimizerKind::kAdafactor) return 2 * layout.trained_total() * kFloat;
  std::int64_t elements = 0;
  for (const ParameterSlot& slot : layout.slots())
    if (slot.trained) elements += slot.shape.size() == 2 ? slot.shape[0] + slot.shape[1] : slot.count;
  return elements * kFloat;
}

/// Tensors that are put together from parts when they are written, and taken apart when read.
std::int64_t regrouped_bytes(const Architecture& architecture) {
  std::int64_t elements = 0;
  if (const Family* family = find_family(architecture.family); family != nullptr)
    for (const Parameter& parameter : family->parameters(architecture))
      if (parameter.part)
        elements += std::accumulate(parameter.shape.begin(), parameter.shape.end(), std::int64_t{1},
                                    std::multiplies<>());
  return elements * kFloat;
}

struct Activations {
  std::int64_t kept = 0;     ///< When forward has ended.
  std::int64_t working = 0;  ///< On top, at the worst moment of forward and backward.
};

Activations activations(const Architecture& architecture, const ParameterLayout& layout,
                        const MemoryPlan& plan) {
  const LayerMemory memory(architecture, layout, plan);
  const BatchShape& batch = plan.train;
  Activations result;
  std::int64_t largest_layer = 0;
  for (const bool is_decoder : {false, true}) {
    const int layers = is_decoder ? architecture.decoder.layers : architecture.encoder.layers;
    for (int layer = 0; layer < layers; ++layer) {
      const std::int64_t kept = memory.kept(layer, is_decoder);
      result.kept += plan.gradient_checkpointing ? memory.input(is_decoder) : kept;
      largest_layer = std::max(largest_layer, kept);
    }
    result.working = std::max(result.working, memory.working(is_decoder));
    result.kept += memory.input(is_decoder) * (plan.dropout && architecture.final_dropout > 0 ? 2 : 1);
  }
  if (plan.gradient_checkpointing) result.working += largest_layer;
  const std::int64_t embedding = std::int64_t{architecture.vocab_size} * architecture.d_model;
  const bool output_trained =
      layout.slot(architecture.tied_output ? "shared_embedding.weight" : "output.weight").trained;
  const bool embedding_trained = layout.slot("shared_embedding.weight").trained;
  // The loss makes the gradients of hidden states and of its matrix while it has the logits.
  result.kept += (2 * batch.label_tokens * architecture.d_model + (output_trained ? embedding : 0)) * kFloat;
  const std::int64_t rows =
      std::max<std::int64_t>(16, std::min(batch.label_tokens, kLogitElements / architecture.vocab_size));
  const std::int64_t logit_rows = plan.bfloat16 ? 3 * batch.label_tokens : rows;
  result.working = std::max({result.working, logit_rows * architecture.vocab_size * kFloat,
                             embedding_trained ? embedding * kFloat : 0});
  if (plan.bfloat16) result.kept += layout.total() * kBfloat;  // matrices as products read them
  return result;
}

/// Loss and generation of one batch without gradients.
std::int64_t evaluation_bytes(const Architecture& architecture, const MemoryPlan& plan) {
  const BatchShape& batch = plan.evaluation;
  const StackSizes s = sizes_of(architecture, true);
  const std::int64_t tokens = std::max(batch.source_tokens, batch.target_tokens);
  const std::int64_t pass =
      tokens * (4 * s.heads_width + s.ffn * (architecture.gated_ffn ? 3 : 1) + 4 * s.width);
  const std::int64_t rows =
      std::max<std::int64_t>(16, std::min(batch.label_tokens, kLogitElements / architecture.vocab_size));
  std::int64_t elements = pass + rows * architecture.vocab_size;
  if (plan.generates) {
    const std::int64_t hypotheses = batch.sequences * plan.num_beams;
    const std::int64_t caches = 2 * s.heads_width * architecture.decoder.layers *
                                (batch.source_tokens + hypotheses * batch.longest_target);
    elements = std::max(elements, pass + caches + 3 * hypotheses * architecture.vocab_size);
  }
  return elements * kFloat;
}

}  // namespace

std::int64_t MemoryPhase::total_bytes() const {
  return std::accumulate(parts.begin(), parts.end(), std::int64_t{0},
                         [](std::int64_t sum, const MemoryPart& part) { return sum + part.bytes; });
}

const MemoryPhase& MemoryEstimate::peak() const {
  return *std::max_element(phases.begin(), phases.end(), [](const MemoryPhase& a, const MemoryPhase& b) {
    return a.total_bytes() < b.total_bytes();
  });
}

MemoryEstimate estimate_memory(const Architecture& architecture, const ParameterLayout& layout,
                               const MemoryPlan& plan) {
  const std::vector<MemoryPart> model = {{"process", plan.process_bytes},
                                         {"weights", layout.total() * kFloat},
                                         {"gradients", layout.trained_total() * kFloat}};
  std::vector<MemoryPart> running = model;
  running.push_back({"optimizer", optimizer_bytes(layout, plan.optimizer)});
  if (plan.keeps_best) running.push_back({"best weights", layout.total() * kFloat});
  const auto phase = [](std::string name, std::vector<MemoryPart> parts, std::vector<MemoryPart> more) {
    parts.insert(parts.end(), more.begin(), more.end());
    return MemoryPhase{std::move(name), std::move(parts)};
  };
  const Activations own = activations(architecture, layout, plan);
  const std::int64_t regrouped = regrouped_bytes(architecture);
  MemoryEstimate estimate;
  estimate.phases.push_back(phase("loading", model,
                                  {{"checkpoint", plan.checkpoint_bytes},
                                   {"regrouped tensors", plan.checkpoint_bytes > 0 ? regrouped : 0}}));
  estimate.phases.push_back(
      phase("training", running,
            {{"activations", own.kept},
             {"working memory", own.working},
             {"allocator",
              static_cast<std::int64_t>(kAllocatorShare * static_cast<double>(own.kept + own.working))}}));
  if (plan.evaluation.sequences > 0)
    estimate.phases.push_back(
        phase("evaluation", running, {{"activations and caches", evaluation_bytes(architecture, plan)}}));
  estimate.phases.push_back(
      phase("saving", running, {{"regrouped tensors", layout.adapters().empty() ? regrouped : 0}}));
  return estimate;
}

double training_flops(const Architecture& architecture, const ParameterLayout& layout, const MemoryPlan& plan,
                      const BatchShape& batch) {
  double forward = 0;
  for (const bool is_decoder : {false, true}) {
    const int layers = is_decoder ? architecture.decoder.layers : architecture.encoder.layers;
    const StackSizes s = sizes_of(architecture, is_decoder);
    const auto tokens = static_cast<double>(is_decoder ? batch.target_tokens : batch.source_tokens);
    const auto longest = static_cast<double>(is_decoder ? batch.longest_target : batch.longest_source);
    const auto width = static_cast<double>(s.width), heads_width = static_cast<double>(s.heads_width);
    double layer = tokens * (8 * width * heads_width +
                             (architecture.gated_ffn ? 6 : 4) * width * static_cast<double>(s.ffn) +
                             4 * longest * heads_width);
    if (is_decoder && batch.source_tokens > 0)
      layer += 4 * width * heads_width * (tokens + static_cast<double>(batch.source_tokens)) +
               4 * tokens * static_cast<double>(batch.longest_source) * heads_width;
    forward += layers * layer;
  }
  forward += 2.0 * static_cast<double>(batch.label_tokens) * architecture.d_model * architecture.vocab_size;
  const double passes = (layout.adapters().empty() ? 3 : 2) + (plan.gradient_checkpointing ? 1 : 0);
  return passes * forward;
}

}  // namespace epicrisis::train
