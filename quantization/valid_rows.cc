#include "quantization/valid_rows.h"

#include <algorithm>

#include "quantization/axis_classes.h"

namespace g4c::quantization {
namespace {

// valid[batch][key] of a mask constant of shape [..., q, k]: a key is valid when any query sees it.
std::vector<std::vector<bool>> ValidKeys(const ir::Tensor& mask) {
  const int64_t keys = mask.dims().back();
  const int64_t batches = mask.rank() == 4 ? mask.dims()[0] : 1;
  const std::vector<float> entries = mask.Floats();
  std::vector<std::vector<bool>> valid(batches, std::vector<bool>(keys, false));
  const int64_t rows = static_cast<int64_t>(entries.size()) / keys;
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t key = 0; key < keys; ++key) {
      if (entries[row * keys + key] == 0) valid[row / (rows / batches)][key] = true;
    }
  }
  const bool equal =
      std::all_of(valid.begin(), valid.end(), [&](const auto& row) { return row == valid[0]; });
  if (equal) valid.resize(1);
  return valid;
}

bool IsMask(const ir::Tensor& data) {
  if (data.NumElements() == 0 || data.rank() == 0 || data.dims().back() <= 1) return false;
  float fill = 0;
  for (float x : data.Floats()) {
    if (x == 0) continue;
    if (!(x < 0) || (fill != 0 && x != fill)) return false;
    fill = x;
  }
  return fill != 0;
}

// Directly, or in another dtype.
bool FeedsSoftmax(const ir::Graph& graph, ir::ValueId value) {
  const auto only_softmax = [&](const std::vector<ir::Use>& uses) {
    return !uses.empty() && std::all_of(uses.begin(), uses.end(), [&](const ir::Use& use) {
      return std::holds_alternative<ir::Softmax>(graph.node(use.node).op);
    });
  };
  const std::vector<ir::Use>& uses = graph.Uses(value);
  if (uses.size() == 1 && std::holds_alternative<ir::Quantize>(graph.node(uses[0].node).op)) {
    return only_softmax(graph.Uses(graph.node(uses[0].node).outputs[0]));
  }
  return only_softmax(uses);
}

}  // namespace

std::vector<MaskedLogits> FindMaskedLogits(const ir::Graph& graph) {
  std::vector<MaskedLogits> found;
  for (ir::NodeId id : graph.TopologicalOrder()) {
    const ir::Node& node = graph.node(id);
    if (!std::holds_alternative<ir::Add>(node.op) || !FeedsSoftmax(graph, node.outputs[0]))
      continue;
    for (int side : {0, 1}) {
      const ir::ValueId mask = node.inputs[side];
      if (!graph.IsConstant(mask) || !IsMask(*graph.value(mask).constant)) continue;
      found.push_back({id, node.inputs[1 - side], mask, node.outputs[0]});
      break;
    }
  }
  return found;
}

absl::StatusOr<ValidRows> ValidRows::Find(const ir::Graph& graph) {
  ValidRows result;
  const std::vector<MaskedLogits> masks = FindMaskedLogits(graph);
  if (masks.empty()) return result;
  result.valid_ = ValidKeys(*graph.value(masks[0].mask).constant);
  ir::ValueId seen = masks[0].mask;
  for (const MaskedLogits& mask : masks) {
    if (mask.mask == seen) continue;
    seen = mask.mask;
    if (ValidKeys(*graph.value(mask.mask).constant) != result.valid_) {
      return InvalidInput("the attention masks '", graph.value(masks[0].mask).name, "' and '",
                          graph.value(mask.mask).name, "' disagree on which patches are padding");
    }
  }

  for (const std::vector<bool>& valid : result.valid_) {
    std::vector<Run>& runs = result.runs_.emplace_back();
    const int64_t patches = static_cast<int64_t>(valid.size());
    for (int64_t i = 0; i < patches; ++i) {
      if (!valid[i]) continue;
      if (i == 0 || !valid[i - 1]) runs.push_back({i, i});
      runs.back().end = i + 1;
    }
  }

  const AxisClasses classes(graph);
  const ir::ValueId sum = masks[0].sum;
  const int rank = graph.value(sum).type.shape.rank();
  const int patches = classes.ClassOf(sum, rank - 1);
  const bool per_batch = result.valid_.size() > 1;
  const int batch = per_batch ? classes.ClassOf(sum, 0) : -1;
  result.patch_axes_.resize(graph.num_values());
  result.batch_axis_.assign(graph.num_values(), -1);
  for (ir::ValueId id = 0; id < graph.num_values(); ++id) {
    const ir::Shape& shape = graph.value(id).type.shape;
    for (int axis = 0; shape.has_rank() && axis < shape.rank(); ++axis) {
      if (classes.ClassOf(id, axis) == patches) result.patch_axes_[id].push_back(axis);
      if (per_batch && classes.ClassOf(id, axis) == batch) result.batch_axis_[id] = axis;
    }
  }
  return result;
}

int64_t ValidRows::num_valid() const {
  int64_t count = 0;
  for (const auto& row : valid_) count += std::count(row.begin(), row.end(), true);
  return count;
}

std::vector<bool> ValidRows::ValidInAnyBatch() const {
  if (valid_.empty()) return {};
  std::vector<bool> any = valid_[0];
  for (const std::vector<bool>& row : valid_) {
    for (size_t i = 0; i < row.size(); ++i) any[i] = any[i] || row[i];
  }
  return any;
}

void ValidRows::Visit(ir::ValueId value, const ir::Tensor& data,
                      absl::FunctionRef<void(absl::Span<const float>)> visit) const {
  VisitRows(value, data, 0, NumRows(data), visit);
}

ir::Tensor ValidRows::Rows(ir::ValueId value, const ir::Tensor& data) const {
  const ir::Tensor whole = data.Contiguous();
  const int64_t columns = whole.dims().back();
  if (patch_axes_.empty() || patch_axes_[value].empty()) {
    return whole.Reshaped({NumRows(whole), columns});
  }
  std::vector<float> rows;
  rows.reserve(whole.NumElements());
  for (int64_t row = 0; row < NumRows(whole); ++row) {
    const float* start = whole.data<float>() + row * columns;
    const size_t at = rows.size();
    VisitRows(value, whole, row, row + 1, [&](absl::Span<const float> run) {
      rows.resize(at + columns, 0.0f);
      std::copy(run.begin(), run.end(), rows.begin() + at + (run.data() - start));
    });
  }
  const int64_t count = static_cast<int64_t>(rows.size()) / columns;
  return ir::Tensor::Of<float>(ir::DType::kF32, {count, columns}, rows);
}

int64_t ValidRows::NumRows(const ir::Tensor& data) {
  if (data.rank() == 0) return 1;
  const int64_t width = data.dims().back();
  return width == 0 ? 0 : data.NumElements() / width;
}

void ValidRows::VisitRows(ir::ValueId value, const ir::Tensor& data, int64_t begin, int64_t end,
                          absl::FunctionRef<void(absl::Span<const float>)> visit) const {
  if (begin >= end) return;
  const int64_t width = data.rank() == 0 ? 1 : data.dims().back();
  VisitRows(value, data.dims(), begin,
            {data.data<float>() + begin * width, static_cast<size_t>((end - begin) * width)},
            visit);
}

void ValidRows::VisitRows(ir::ValueId value, const ir::Dims& dims, int64_t begin,
                          absl::Span<const float> rows,
                          absl::FunctionRef<void(absl::Span<const float>)> visit) const {
  if (rows.empty()) return;
  if (patch_axes_.empty() || patch_axes_[value].empty() || dims.empty()) return visit(rows);
  const std::vector<int>& axes = patch_axes_[value];
  const int last = static_cast<int>(dims.size()) - 1;
  const bool last_is_patches = axes.back() == last;
  const int batch_axis = batch_axis_[value];
  const size_t width = static_cast<size_t>(dims.back());
  const ir::Dims outer(dims.begin(), dims.end() - 1);
  ir::StridedIndex index(outer, ir::RowMajorStrides(outer), begin);
  for (; !rows.empty(); index.Next(), rows.remove_prefix(width)) {
    const int64_t batch = batch_axis < 0 ? 0 : index.index()[batch_axis];
    const std::vector<bool>& valid = valid_[batch];
    const bool visible = std::all_of(axes.begin(), axes.end(), [&](int axis) {
      return axis == last || valid[index.index()[axis]];
    });
    if (!visible) continue;
    if (!last_is_patches) {
      visit(rows.subspan(0, width));
      continue;
    }
    for (const Run& run : runs_[batch]) {
      visit(rows.subspan(static_cast<size_t>(run.begin), static_cast<size_t>(run.end - run.begin)));
    }
  }
}

}  // namespace g4c::quantization
