#include "evaluator/integer_rules.h"

#include "evaluator/integer_convert.h"
#include "evaluator/integer_elementwise.h"
#include "evaluator/integer_lookup.h"
#include "evaluator/integer_movement.h"
#include "evaluator/integer_norm.h"
#include "evaluator/integer_product.h"
#include "evaluator/integer_reduce.h"
#include "evaluator/integer_softmax.h"

namespace g4c::evaluator {
namespace {

// The operators without a rule, each by name, so that a new one does not compile until it is
// decided.
#define G4C_NO_RULE(Name, why)                                                             \
  absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Name&, const IntegerNode& node) { \
    return node.NoRule(why);                                                               \
  }
constexpr char kDecomposed[] = "the fold phase decomposes it";
constexpr char kFolded[] = "the fold phase makes it static or a constant";
constexpr char kNotWritten[] = "no integer operator of Circle computes it";
constexpr char kBoolean[] = "its operands are Boolean";

G4C_NO_RULE(Attention, kDecomposed)
G4C_NO_RULE(Choose, kFolded)
G4C_NO_RULE(Conv, kDecomposed)
G4C_NO_RULE(CumSum, kNotWritten)
G4C_NO_RULE(DequantizeLinear, "import-qdq turns it into qparams")
G4C_NO_RULE(DynamicExpand, kFolded)
G4C_NO_RULE(DynamicPad, kFolded)
G4C_NO_RULE(DynamicReduce, kFolded)
G4C_NO_RULE(DynamicReshape, kFolded)
G4C_NO_RULE(DynamicSlice, kFolded)
G4C_NO_RULE(DynamicSplit, kFolded)
G4C_NO_RULE(DynamicSqueeze, kFolded)
G4C_NO_RULE(DynamicTile, kFolded)
G4C_NO_RULE(DynamicUnsqueeze, kFolded)
G4C_NO_RULE(Einsum, kDecomposed)
G4C_NO_RULE(FusedMatMul, kDecomposed)
G4C_NO_RULE(GatherElements, kNotWritten)
G4C_NO_RULE(LayerNorm, kDecomposed)
G4C_NO_RULE(LogicalAnd, kBoolean)
G4C_NO_RULE(LogicalNot, kBoolean)
G4C_NO_RULE(LogicalOr, kBoolean)
G4C_NO_RULE(LogicalXor, kBoolean)
G4C_NO_RULE(MatMul, kDecomposed)
G4C_NO_RULE(Mod, kNotWritten)
G4C_NO_RULE(NonZero, kFolded)
G4C_NO_RULE(OneHot, kNotWritten)
G4C_NO_RULE(QuantizeLinear, "import-qdq turns it into qparams")
G4C_NO_RULE(Range, kFolded)
G4C_NO_RULE(ReduceProd, kNotWritten)
G4C_NO_RULE(RmsNormAxes, kDecomposed)
G4C_NO_RULE(RotaryEmbedding, kDecomposed)
G4C_NO_RULE(ScatterElements, kNotWritten)
G4C_NO_RULE(ScatterNd, kNotWritten)
G4C_NO_RULE(SequenceItem, kFolded)
G4C_NO_RULE(ShapeOf, kFolded)
G4C_NO_RULE(SoftmaxAxis, kDecomposed)
G4C_NO_RULE(SplitItem, kFolded)
G4C_NO_RULE(Trilu, kNotWritten)
#undef G4C_NO_RULE

absl::StatusOr<IntegerKernel> PrepareInteger(const ir::Foreign& op, const IntegerNode& node) {
  return node.NoRule("'", op.code, "' is not among the operators that this tool knows");
}

absl::StatusOr<IntegerKernel> PrepareInteger(const std::monostate&, const IntegerNode& node) {
  return node.NoRule("no operator");
}

}  // namespace

absl::StatusOr<IntegerKernel> PrepareInteger(const IntegerNode& node) {
  return std::visit([&](const auto& op) { return PrepareInteger(op, node); }, node.op());
}

}  // namespace g4c::evaluator
