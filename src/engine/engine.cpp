#include "engine/engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <new>
#include <thread>

#include "base/log.hpp"
#include "checkpoint/checkpoint.hpp"
#include "engine/kernels/cpu_extensions.hpp"
#include "engine/kernels/target_name.hpp"
#include "engine/session.hpp"

namespace epicrisis {

Engine::Engine(std::shared_ptr<engine::Core> core) : core_(std::move(core)) {}

Result<std::shared_ptr<const Engine>> Engine::load(Checkpoint checkpoint, EngineOptions options) {
  if (options.threads < 0)
    return Error{ErrorCode::kInvalidArgument, "The number of threads must be 0 or more.",
                 fmt::format("threads: {}", options.threads)};
  const int processors = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  auto core = std::make_shared<engine::Core>(options.threads > 0 ? options.threads : processors);
  core->max_cache_bytes = options.max_cache_bytes;
  EPICRISIS_ASSIGN_OR_RETURN(
      core->model, engine::load_model_weights(checkpoint.architecture, std::move(checkpoint.weights),
                                              options.type, options.folder, core->team));
  const kernels::CpuExtensions extensions = kernels::cpu_extensions();
  log::debug("engine.loaded", {{"kernels", log::Word(kernels::target_name())},
                               {"vnni", extensions.vnni},
                               {"bfloat16", extensions.bfloat16},
                               {"type", log::Word(to_string(options.type))},
                               {"from_cache", core->model->int8.is_mapped()},
                               {"threads", core->team.size()}});
  return std::make_shared<const Engine>(std::move(core));
}

const Architecture& Engine::architecture() const noexcept { return core_->model->architecture; }
ComputeType Engine::type() const noexcept { return core_->model->type; }
int Engine::vocab_size() const noexcept { return architecture().vocab_size; }
int Engine::max_source_tokens() const noexcept { return max_tokens(architecture()); }
int Engine::max_target_tokens() const noexcept { return max_tokens(architecture()); }
bool Engine::is_encoder_decoder() const noexcept {
  return architecture().topology == Topology::kEncoderDecoder;
}

CacheCosts Engine::cache_costs() const noexcept { return engine::cache_costs(*core_->model); }

Result<std::unique_ptr<DecodeSession>> Engine::start_session() const {
  return std::unique_ptr<DecodeSession>(std::make_unique<engine::Session>(core_));
}

Result<FloatMatrix> Engine::encode_hidden(std::span<const TokenId> source) const {
  if (!is_encoder_decoder())
    return Error{ErrorCode::kInvalidArgument, "This model has no encoder.", architecture().family};
  EPICRISIS_RETURN_IF_ERROR(engine::check_tokens(architecture(), source, "source"));
  try {
    engine::Encoder encoder(*core_->model, core_->team);
    const std::array sources{std::vector<TokenId>(source.begin(), source.end())};
    const float* hidden = encoder.encode(sources);
    FloatMatrix result{static_cast<int>(source.size()), architecture().d_model, {}};
    result.values.assign(hidden, hidden + source.size() * static_cast<std::size_t>(result.columns));
    return result;
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kResourceExhausted, "There is not enough memory to process this text.",
                 "encoding"};
  }
}

Result<FloatMatrix> Engine::hidden(std::span<const TokenId> source, std::span<const TokenId> target) const {
  return decode(source, target, engine::DecoderOutput::kHiddenStates);
}

Result<FloatMatrix> Engine::forward(std::span<const TokenId> source, std::span<const TokenId> target) const {
  return decode(source, target, engine::DecoderOutput::kLogits);
}

Result<FloatMatrix> Engine::decode(std::span<const TokenId> source, std::span<const TokenId> target,
                                   engine::DecoderOutput output) const {
  if (!is_encoder_decoder() && !source.empty())
    return Error{ErrorCode::kInvalidArgument, "This model has no encoder: it takes a text, but no source.",
                 architecture().family};
  EPICRISIS_RETURN_IF_ERROR(engine::check_tokens(architecture(), target, "target"));
  try {
    engine::Session session(core_);
    const std::span<const TokenId> added = is_encoder_decoder() ? source : target;
    const std::array sources{std::vector<TokenId>(added.begin(), added.end())};
    EPICRISIS_ASSIGN_OR_RETURN(const std::vector<SourceId> ids, session.add(sources));
    const bool is_hidden = output == engine::DecoderOutput::kHiddenStates;
    FloatMatrix matrix{
        static_cast<int>(target.size()), is_hidden ? architecture().d_model : vocab_size(), {}};
    matrix.values.resize(target.size() * static_cast<std::size_t>(matrix.columns));
    const std::array rows{HypothesisStep{ids.front(), -1, target}};
    EPICRISIS_RETURN_IF_ERROR(session.step_all(rows, output, matrix.values));
    return matrix;
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kResourceExhausted, "There is not enough memory to process this text.",
                 "decoding"};
  }
}

}  // namespace epicrisis
