// Where a node or value came from: shown in reports, never written to the .circle (stack traces
// hold the exporting machine's paths).
#ifndef IR_PROVENANCE_H_
#define IR_PROVENANCE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace g4c::ir {

struct Origin {
  std::string node;     // ONNX node name, may be empty
  std::string op_type;  // ONNX op type
  std::string module;   // torch module path, e.g. "layers.0.mlp.gate_proj"; empty when not recorded
  std::vector<std::string>
      stack;  // innermost frame last, "modeling_gemma4.py:118, in forward: ..."
};

// The origins of a node, the leading one first. Rewrites merge them; merging keeps order and drops
// repeats.
class Provenance {
 public:
  Provenance() = default;
  explicit Provenance(Origin origin) {
    origins_.push_back(std::make_shared<const Origin>(std::move(origin)));
  }

  void Merge(const Provenance& other);

  bool empty() const { return origins_.empty(); }
  // The leading origin; an empty one when there is none.
  const Origin& lead() const;
  const std::vector<std::shared_ptr<const Origin>>& origins() const { return origins_; }
  // "Max 'node_Max_131' in layers.0.mlp.gate_proj (modeling_gemma4.py:118)", leaving out what is
  // not known.
  std::string Text() const;

 private:
  std::vector<std::shared_ptr<const Origin>> origins_;
};

}  // namespace g4c::ir

#endif  // IR_PROVENANCE_H_
