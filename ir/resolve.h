// What the operands of the dynamic operators mean for a given operand shape.
//
// The shape rules, the evaluator and the pass that makes dynamic operators static call the same
// functions, so that they cannot disagree. Shapes may have unknown dims (and an unknown rank where
// said); from static shapes and operands the result is always static. Semantics are those of the
// ONNX operator named. Errors are InvalidInput without a node name.
#ifndef IR_RESOLVE_H_
#define IR_RESOLVE_H_

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "ir/op.h"
#include "ir/shape.h"
#include "ir/tensor.h"

namespace g4c::ir {

using OptionalInts = absl::optional<Ints>;

// The elements of an integer operand; nullopt for null (omitted or not known).
OptionalInts IntsOf(const Tensor* operand);
// A one-element operand of any dtype as an integer; a fraction, NaN or another element count is
// refused.
absl::StatusOr<int64_t> IntScalarOf(const Tensor& operand);

// Axes in [-rank, rank) as ascending numbers in [0, rank); a repeated axis is refused.
absl::StatusOr<Ints> NormalizeAxes(const Ints& axes, int rank);

// Reshape: 0 copies the dim unless allow_zero, one -1 is inferred. x may have no rank.
absl::StatusOr<Shape> ResolveReshape(const Shape& x, const Ints& shape, bool allow_zero);
// Expand: broadcasts both ways. x may have no rank.
absl::StatusOr<Shape> ResolveExpand(const Shape& x, const Ints& shape);
// Squeeze: without axes every dim of 1 goes, which needs a static x.
absl::StatusOr<Shape> ResolveSqueeze(const Shape& x, const OptionalInts& axes);
// Unsqueeze: axes count in the result's rank.
absl::StatusOr<Shape> ResolveUnsqueeze(const Shape& x, const Ints& axes);
// Tile: checks the repeats and gives the result's shape.
absl::StatusOr<Shape> ResolveTile(const Shape& x, const Ints& repeats);

// The axes that a dynamic_reduce reduces, in [0, rank), ascending.
absl::StatusOr<Ints> ResolveReduceAxes(const DynamicReduce& op, int rank, const OptionalInts& axes);
// The shape after reducing `axes` (in [0, rank), ascending).
Shape ReducedShape(const Shape& x, const Ints& axes, bool keep_dims);

// Slice: negative indices count from the end, then everything is clamped. One entry an axis of x;
// of an axis whose dim is unknown, begin is 0, stride 1, and size unknown.
absl::StatusOr<Slice> ResolveSlice(const Shape& x, const Ints& starts, const Ints& ends,
                                   const OptionalInts& axes, const OptionalInts& steps);

// Pad: elements added before and after each axis; negative ones crop.
struct Padding {
  Ints before;
  Ints after;
};
absl::StatusOr<Padding> ResolvePads(int rank, const Ints& pads, const OptionalInts& axes);
// The crop that negative entries mean, which comes first; sets them to 0. InvalidInput where more
// than all is cropped.
absl::StatusOr<Slice> TakeCrop(const Dims& dims, Padding& padding);
// The shape after padding; unknown dims stay unknown.
absl::StatusOr<Shape> PaddedShape(const Shape& x, const Padding& padding);

// Split: the sizes of `pieces` pieces of a dim (may be unknown: then sizes without an operand are
// unknown). Without sizes: ceil(dim / pieces) each, the last one smaller.
absl::StatusOr<Ints> ResolveSplit(int64_t dim, const OptionalInts& sizes, int pieces);

// SplitToSequence and SequenceAt: the elements [begin, begin + size) of `axis` (in [0, rank)), then
// without the axis if drop_axis. `split`: null, a scalar tensor or a rank-1 tensor.
struct SplitPiece {
  int axis;
  int64_t begin;
  int64_t size;
  bool drop_axis;
};
absl::StatusOr<SplitPiece> ResolveSplitItem(const SplitItem& op, const Dims& x, const Tensor* split,
                                            int64_t index);

// SequenceAt: index in [-count, count) as a number in [0, count).
absl::StatusOr<int> ResolveSequenceIndex(int64_t index, int count);

// Range: max(0, ceil((limit - start) / delta)). All three have one element and one dtype.
absl::StatusOr<int64_t> RangeLength(const Tensor& start, const Tensor& limit, const Tensor& delta);

// Shape: the dims [begin, end) that it gives.
struct ShapeRange {
  int begin;
  int end;
};
ShapeRange ResolveShapeRange(const ShapeOf& op, int rank);

// Conv: one entry a spatial axis; a pad of SAME is unknown (-1) where its dim is. out: the result's
// spatial dims.
struct ConvWindow {
  Ints kernel;
  Ints strides;
  Ints dilations;
  Ints pads_before;
  Ints pads_after;
  Dims out;
};
absl::StatusOr<ConvWindow> ResolveConv(const Conv& op, const Shape& x, const Shape& weight);

// Attention: the sizes that the operands' shapes and the head counts say; unknown ones are
// kUnknownDim. All three operands have one rank, 3 ([B, L, H * D]) or 4 ([B, H, L, D]).
struct AttentionSizes {
  bool packed;  // rank 3
  int64_t batch;
  int64_t q_heads;
  int64_t kv_heads;
  int64_t q_length;
  int64_t kv_length;
  int64_t head_size;    // of q and k
  int64_t v_head_size;  // of v and the result
};
absl::StatusOr<AttentionSizes> ResolveAttention(const Attention& op, const Shape& q, const Shape& k,
                                                const Shape& v);

// com.microsoft FusedMatMul: the permutation of an operand before the product. trans_batch moves
// axis 0 behind the other leading ones ([1, ..., r-2, 0, r-1]), trans then swaps the last two.
std::vector<int> FusedMatMulPerm(int rank, bool trans, bool trans_batch);

}  // namespace g4c::ir

#endif  // IR_RESOLVE_H_
