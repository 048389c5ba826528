// Which axes of which values run over the same index, e.g. the patches of the image.
#ifndef QUANTIZATION_AXIS_CLASSES_H_
#define QUANTIZATION_AXIS_CLASSES_H_

#include <vector>

#include "ir/graph.h"

namespace g4c::quantization {

// Two axes are in one class when an operator pairs their elements: an element-wise axis with its
// result's, the contracted axes of a product with each other, a kept axis of a reduction with its
// result's, a reshaped axis with the one that has the same extent behind the same number of
// elements. Broadcast axes (extent 1) pair with nothing. Near-linear (union-find). All shapes must
// be static.
class AxisClasses {
 public:
  explicit AxisClasses(const ir::Graph& graph);

  // The class of an axis; classes are numbers that can only be compared.
  int ClassOf(ir::ValueId value, int axis) const;

 private:
  int Find(int element) const;
  void Join(ir::ValueId a, int axis_a, ir::ValueId b, int axis_b);
  void JoinTrailing(ir::ValueId a, ir::ValueId b);
  void JoinReshaped(ir::ValueId a, ir::ValueId b);
  void JoinNode(const ir::Node& node);

  const ir::Graph& graph_;
  std::vector<int> first_;           // of a value: the element of its axis 0
  mutable std::vector<int> parent_;  // path compression does not change classes
};

}  // namespace g4c::quantization

#endif  // QUANTIZATION_AXIS_CLASSES_H_
