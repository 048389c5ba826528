#include <algorithm>

#include "base/status.h"
#include "ir/resolve.h"

namespace g4c::ir {
namespace {

// The value that an attribute and a dim agree on; either may be unknown (the attribute: 0).
absl::StatusOr<int64_t> Agree(int64_t a, int64_t b, absl::string_view what) {
  if (a == kUnknownDim || a == b) return b;
  if (b == kUnknownDim) return a;
  return InvalidInput("the operands' ", what, " differ: ", a, " and ", b);
}

absl::StatusOr<int64_t> PerHead(int64_t dim, int64_t heads) {
  if (dim == kUnknownDim) return kUnknownDim;
  if (dim % heads != 0) return InvalidInput("a last dimension of ", dim, " for ", heads, " heads");
  return dim / heads;
}

// No file holds larger ones, and below that no sum of them overflows.
constexpr int64_t kMostWindow = INT32_MAX;

absl::Status CheckWindow(absl::string_view name, int64_t value, int64_t least) {
  if (value >= least && value <= kMostWindow) return absl::OkStatus();
  return InvalidInput(name, " of ", value, ", must be from ", least, " to ", kMostWindow);
}

absl::StatusOr<Ints> SpatialAttribute(const Ints& given, size_t count, absl::string_view name) {
  if (given.empty()) return Ints(count, 1);
  if (given.size() != count)
    return InvalidInput(given.size(), " ", name, " for ", count, " spatial axes");
  for (int64_t value : given) RETURN_IF_ERROR(CheckWindow(name, value, 1));
  return given;
}

}  // namespace

absl::StatusOr<ConvWindow> ResolveConv(const Conv& op, const Shape& x, const Shape& weight) {
  if (!x.has_rank() || !weight.has_rank())
    return InvalidInput("the rank of a conv's operands is not known");
  if (x.rank() < 3 || weight.rank() != x.rank()) {
    return InvalidInput("conv of ", ShapeText(x), " with weight ", ShapeText(weight));
  }
  const size_t count = x.rank() - 2;
  ConvWindow window;
  window.kernel.assign(weight.dims().begin() + 2, weight.dims().end());
  ASSIGN_OR_RETURN(window.strides, SpatialAttribute(op.strides, count, "strides"));
  ASSIGN_OR_RETURN(window.dilations, SpatialAttribute(op.dilations, count, "dilations"));
  RETURN_IF_ERROR(CheckWindow("group", op.group, 1));
  for (int64_t pad : op.pads) RETURN_IF_ERROR(CheckWindow("pads", pad, 0));
  if (!op.pads.empty() && op.pads.size() != 2 * count) {
    return InvalidInput(op.pads.size(), " pads for ", count, " spatial axes, which need ",
                        2 * count);
  }
  const bool same = op.auto_pad == "SAME_UPPER" || op.auto_pad == "SAME_LOWER";
  if (!same && op.auto_pad != "NOTSET" && op.auto_pad != "VALID") {
    return InvalidInput("auto_pad is '", op.auto_pad,
                        "', none of NOTSET, SAME_UPPER, SAME_LOWER, VALID");
  }
  for (size_t i = 0; i < count; ++i) {
    const int64_t in = x.dim(static_cast<int>(i) + 2);
    const int64_t stride = window.strides[i];
    int64_t before = 0, after = 0, out = kUnknownDim;
    const bool known = in != kUnknownDim && window.kernel[i] != kUnknownDim;
    if (known) RETURN_IF_ERROR(CheckWindow("a kernel", window.kernel[i], 0));
    const int64_t extent = !known ? 0 : (window.kernel[i] - 1) * window.dilations[i] + 1;
    if (same) {
      before = after = kUnknownDim;
      if (in != kUnknownDim) out = (in + stride - 1) / stride;
      if (known) {
        const int64_t pad = std::max<int64_t>(0, (out - 1) * stride + extent - in);
        before = op.auto_pad == "SAME_UPPER" ? pad / 2 : pad - pad / 2;
        after = pad - before;
      }
    } else {
      if (op.auto_pad == "NOTSET" && !op.pads.empty()) {
        before = op.pads[i];
        after = op.pads[count + i];
      }
      if (known) {
        const int64_t span = in + before + after - extent;
        if (span < 0) {
          return InvalidInput("a kernel of ", extent, " on ", in + before + after,
                              " padded elements");
        }
        out = span / stride + 1;
      }
    }
    window.pads_before.push_back(before);
    window.pads_after.push_back(after);
    window.out.push_back(out);
  }
  return window;
}

absl::StatusOr<AttentionSizes> ResolveAttention(const Attention& op, const Shape& q, const Shape& k,
                                                const Shape& v) {
  for (const Shape* shape : {&q, &k, &v}) {
    if (!shape->has_rank()) return InvalidInput("the rank of attention's operands is not known");
    if (shape->rank() != q.rank() || (q.rank() != 3 && q.rank() != 4)) {
      return InvalidInput("attention of ", ShapeText(q), ", ", ShapeText(k), ", ", ShapeText(v),
                          ": the three need one rank, 3 or 4");
    }
  }
  AttentionSizes sizes;
  sizes.packed = q.rank() == 3;
  ASSIGN_OR_RETURN(sizes.batch, Agree(q.dim(0), k.dim(0), "batch sizes"));
  ASSIGN_OR_RETURN(sizes.batch, Agree(sizes.batch, v.dim(0), "batch sizes"));
  const int length_axis = sizes.packed ? 1 : 2;
  sizes.q_length = q.dim(length_axis);
  ASSIGN_OR_RETURN(sizes.kv_length,
                   Agree(k.dim(length_axis), v.dim(length_axis), "key and value lengths"));
  int64_t k_size;
  if (sizes.packed) {
    if (op.q_num_heads < 1 || op.kv_num_heads < 1) {
      return InvalidInput("attention of 3-D operands needs q_num_heads and kv_num_heads");
    }
    sizes.q_heads = op.q_num_heads;
    sizes.kv_heads = op.kv_num_heads;
    ASSIGN_OR_RETURN(sizes.head_size, PerHead(q.dim(2), sizes.q_heads));
    ASSIGN_OR_RETURN(k_size, PerHead(k.dim(2), sizes.kv_heads));
    ASSIGN_OR_RETURN(sizes.v_head_size, PerHead(v.dim(2), sizes.kv_heads));
  } else {
    const auto given = [](int64_t heads) { return heads > 0 ? heads : kUnknownDim; };
    ASSIGN_OR_RETURN(sizes.q_heads, Agree(given(op.q_num_heads), q.dim(1), "query head counts"));
    ASSIGN_OR_RETURN(sizes.kv_heads, Agree(k.dim(1), v.dim(1), "key and value head counts"));
    ASSIGN_OR_RETURN(sizes.kv_heads,
                     Agree(given(op.kv_num_heads), sizes.kv_heads, "key and value head counts"));
    sizes.head_size = q.dim(3);
    k_size = k.dim(3);
    sizes.v_head_size = v.dim(3);
  }
  ASSIGN_OR_RETURN(sizes.head_size, Agree(sizes.head_size, k_size, "head sizes of query and key"));
  if (sizes.q_heads != kUnknownDim && sizes.kv_heads > 0 && sizes.q_heads % sizes.kv_heads != 0) {
    return InvalidInput(sizes.q_heads, " query heads do not divide among ", sizes.kv_heads,
                        " key heads");
  }
  return sizes;
}

std::vector<int> FusedMatMulPerm(int rank, bool trans, bool trans_batch) {
  std::vector<int> perm(rank);
  for (int i = 0; i < rank; ++i) perm[i] = i;
  if (trans_batch && rank > 2) std::rotate(perm.begin(), perm.begin() + 1, perm.end() - 1);
  if (trans && rank > 1) std::swap(perm[rank - 2], perm[rank - 1]);
  return perm;
}

}  // namespace g4c::ir
