#pragma once

#include <memory>
#include <string_view>

#include "base/json.hpp"
#include "text/tokenizers/stages.hpp"

namespace epicrisis {

/// The "decoder" of a tokenizer.json: Metaspace, ByteLevel, WordPiece, BPEDecoder, ByteFallback,
/// CTC, Replace, Fuse, Strip, Sequence.
/// Errors: kCorrupt, kUnsupported naming the component and `where` it stands.
Result<std::unique_ptr<Decoder>> read_decoder(const Json& component, std::string_view where);

}  // namespace epicrisis
