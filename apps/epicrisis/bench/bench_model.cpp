#include "bench/bench_model.hpp"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <filesystem>
#include <functional>
#include <utility>

#include "base/descriptor.hpp"
#include "checkpoint/checkpoint.hpp"
#include "checkpoint/model_shapes.hpp"
#include "checkpoint/random_checkpoint.hpp"
#include "checkpoint/weight_files.hpp"

namespace epicrisis::bench {
namespace {

namespace fs = std::filesystem;

/// Where the model's files are, and its shape where they have no config.json.
struct Source {
  fs::path folder;
  std::optional<Architecture> shape;
};

Result<Checkpoint> read(const Source& source) {
  if (!source.shape) return load_checkpoint(source.folder);
  Checkpoint checkpoint;
  checkpoint.architecture = *source.shape;
  EPICRISIS_ASSIGN_OR_RETURN(const WeightFiles files, find_weight_files(source.folder));
  EPICRISIS_ASSIGN_OR_RETURN(checkpoint.weights, read_weight_files(files));
  return checkpoint;
}

Result<std::shared_ptr<const Engine>> load(const Source& source, ComputeType type, int threads) {
  EPICRISIS_ASSIGN_OR_RETURN(Checkpoint checkpoint, read(source));
  EngineOptions options;
  options.type = type;
  options.threads = threads;
  options.folder = source.folder;
  return Engine::load(std::move(checkpoint), options);
}

/// What must not weigh on this process: measures the machine, makes weights, keeps what loading computes.
Result<MachineLimits> prepare(const Source& source, ComputeType type, int threads) {
  const MachineLimits limits = measure_machine_limits(type, threads);
  if (source.shape) {
    const DType stored = type == ComputeType::kFloat32 ? DType::kFloat32 : DType::kBFloat16;
    const Checkpoint random = random_checkpoint(*source.shape, 1, stored);
    EPICRISIS_RETURN_IF_ERROR(
        write_weight_files(source.folder, WeightFormat::kSafetensors, random.weights.tensors(), stored));
  }
  EPICRISIS_RETURN_IF_ERROR(load(source, type, threads));
  return limits;
}

/// A Result as it passes from one process to another.
struct Message {
  bool succeeded = false;
  MachineLimits limits;
  ErrorCode code = ErrorCode::kInternal;
  std::array<char, 1024> error{};
};
static_assert(sizeof(Message) <= PIPE_BUF, "written at once");

Message message_of(const Result<MachineLimits>& result) {
  Message message;
  message.succeeded = result.has_value();
  if (result) {
    message.limits = *result;
  } else {
    message.code = result.error().code;
    const std::string line = result.error().to_line();
    line.copy(message.error.data(), message.error.size() - 1);
  }
  return message;
}

/// `work` in a process of its own, which ends with it.
Result<MachineLimits> in_another_process(const std::function<Result<MachineLimits>()>& work) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) return system_error(errno, "make", "a pipe");
  const Descriptor reading(ends[0]);
  std::optional<Descriptor> writing(std::in_place, ends[1]);
  const pid_t child = fork();
  if (child < 0) return system_error(errno, "start", "a process");
  if (child == 0) {
    const Message message = message_of(work());
    _exit(write(writing->get(), &message, sizeof message) == sizeof message ? 0 : 1);
  }
  writing.reset();
  Message message;
  const bool received = ::read(reading.get(), &message, sizeof message) == sizeof message;
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!received)
    return Error{ErrorCode::kResourceExhausted,
                 "The process that prepares the model was killed; is there enough memory?",
                 fmt::format("status {}", status)};
  if (message.succeeded) return message.limits;
  return Error{message.code, message.error.data(), ""};
}

}  // namespace

Result<BenchModel> prepare_model(const BenchOptions& options, int threads) {
  BenchModel model;
  Source source;
  if (options.shape.empty()) {
    EPICRISIS_ASSIGN_OR_RETURN(model.folder, resolve_model(options.model));
    model.name = model.folder->name();
    source.folder = model.folder->path();
  } else {
    source.shape = published_shape(options.shape);
    if (!source.shape)
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("--shape must be one of {}.", fmt::join(kPublishedShapes, ", ")), ""};
    EPICRISIS_ASSIGN_OR_RETURN(model.made_folder, TemporaryDirectory::create());
    model.name = options.shape;
    source.folder = model.made_folder->path();
  }
  EPICRISIS_ASSIGN_OR_RETURN(model.limits,
                             in_another_process([&] { return prepare(source, options.type, threads); }));
  const auto start = std::chrono::steady_clock::now();
  EPICRISIS_ASSIGN_OR_RETURN(model.engine, load(source, options.type, threads));
  model.load_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return model;
}

}  // namespace epicrisis::bench
