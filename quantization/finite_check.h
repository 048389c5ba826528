// Whether a model's constants are numbers.
#ifndef QUANTIZATION_FINITE_CHECK_H_
#define QUANTIZATION_FINITE_CHECK_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "ir/graph.h"

namespace g4c::quantization {

// The float constants that a graph reads, each with its first reader. It shares their data and
// needs the graph no more, so that Run may go on beside passes over it.
class FiniteCheck {
 public:
  explicit FiniteCheck(const ir::Graph& graph);

  // InvalidInput naming the constant and its reader where a NaN, or an Inf that is no clamp bound
  // and no mask fill, lies in a constant that a product, norm, table or sum reads. One pass over
  // all of them.
  absl::Status Run() const;

 private:
  enum class Allows { kFinite, kNegativeInf, kInf };
  struct Constant {
    ir::Tensor data;
    Allows allows;
    std::string name;
    std::string reader;
  };
  static Allows AllowedBy(const ir::Node& reader);

  std::vector<Constant> constants_;
};

}  // namespace g4c::quantization

#endif  // QUANTIZATION_FINITE_CHECK_H_
