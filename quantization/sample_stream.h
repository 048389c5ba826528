// All samples on their way through a model, one block after the other.
#ifndef QUANTIZATION_SAMPLE_STREAM_H_
#define QUANTIZATION_SAMPLE_STREAM_H_

#include <vector>

#include "absl/container/flat_hash_map.h"
#include "quantization/block_runner.h"
#include "quantization/samples.h"
#include "quantization/tensor_store.h"

namespace g4c::quantization {

// Of each sample it keeps what later blocks read, and the input of one linear: nothing in front of
// those is evaluated again. Graph inputs are read anew each time.
class SampleStream {
 public:
  // `storage`: as for BlockRunner::Run. The rest must outlive the stream. Constants of `graph` may
  // change between calls.
  SampleStream(const ir::Graph& graph, const Samples& samples, TensorStore& store,
               BlockRunner::Storage storage = nullptr);

  int64_t size() const { return static_cast<int64_t>(kept_.size()); }

  // The nodes of the block behind what is kept that compute `wanted`. The runner is good until
  // something else is kept.
  absl::StatusOr<BlockRunner> Toward(const Block& block, std::vector<ir::ValueId> wanted) const;
  // Its results for one sample.
  absl::StatusOr<std::vector<ir::Tensor>> Run(const BlockRunner& runner, int64_t sample) const;

  // Keeps a linear's input until another one is kept.
  absl::Status Keep(ir::ValueId id, int64_t sample, const ir::Tensor& data);
  // Goes to the far side of `block`, and drops what no block in `next` reads. On the way `see` gets
  // the values `seen` of each sample, which lie in the block or in front of it; its error ends the
  // call.
  using See = std::function<absl::Status(int64_t sample, absl::Span<const ir::Tensor>)>;
  absl::Status Cross(const Block& block, absl::Span<const Block> next,
                     const std::vector<ir::ValueId>& seen = {}, const See& see = nullptr);

 private:
  using Kept = absl::flat_hash_map<ir::ValueId, TensorStore::Held>;

  const ir::Graph& graph_;
  const Samples& samples_;
  TensorStore& store_;
  BlockRunner::Storage storage_;
  std::vector<Kept> kept_;                  // by sample; the same values of each
  std::vector<ir::ValueId> linear_inputs_;  // by sample: what Keep put there
};

}  // namespace g4c::quantization

#endif  // QUANTIZATION_SAMPLE_STREAM_H_
