#include "ir/verifier.h"

#include <cmath>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "base/text.h"
#include "ir/shape_inference.h"
#include "ir/shape_rules.h"

namespace g4c::ir {
namespace {

std::string TypeText(const Type& type) {
  return absl::StrCat(DTypeName(type.dtype), ShapeText(type.shape));
}

class Verifier {
 public:
  explicit Verifier(const Graph& graph) : graph_(graph), live_(graph.num_values(), false) {}

  absl::Status Run() {
    CheckEdges();
    // What follows reads through the edges.
    if (problems_.empty()) {
      CheckUses();
      CheckCycle();
      CheckValues();
      CheckTypes();
    }
    if (problems_.empty()) return absl::OkStatus();
    return InvalidInput(problems_.size(), problems_.size() == 1 ? " violation" : " violations",
                        " of the graph's invariants\n  ", absl::StrJoin(problems_, "\n  "));
  }

 private:
  template <typename... Parts>
  void Add(const Parts&... parts) {
    problems_.push_back(absl::StrCat(parts...));
  }

  bool Exists(ValueId id) const { return id >= 0 && id < graph_.num_values(); }
  std::string Name(ValueId id) const { return absl::StrCat("'", graph_.value(id).name, "'"); }

  // A value that something reads: it must exist and have a source. Descriptions are made for
  // problems only: they would cost more than the checks.
  void CheckRead(absl::FunctionRef<std::string()> reader, ValueId id) {
    if (!Exists(id)) return Add(reader(), " reads value ", id, ", which does not exist");
    live_[id] = true;
    const Value& value = graph_.value(id);
    if (value.producer == kNoNode && !value.constant.has_value() && !is_input_[id]) {
      return Add(reader(), " reads ", Name(id), ", which nothing produces");
    }
    if (value.producer == kNoNode) return;
    const bool produced = value.producer >= 0 && value.producer < graph_.num_nodes() &&
                          !graph_.node(value.producer).erased;
    if (!produced) Add(reader(), " reads ", Name(id), ", whose node was erased");
  }

  void CheckEdges() {
    is_input_.assign(graph_.num_values(), false);
    for (ValueId id : graph_.inputs()) {
      if (!Exists(id)) {
        Add("graph input ", id, " does not exist");
        continue;
      }
      if (is_input_[id]) Add("graph input ", Name(id), " is listed twice");
      is_input_[id] = live_[id] = true;
      const Value& value = graph_.value(id);
      if (value.constant.has_value()) Add("graph input ", Name(id), " is a constant");
      if (value.producer != kNoNode) Add("graph input ", Name(id), " is the result of a node");
    }
    for (NodeId id = 0; id < graph_.num_nodes(); ++id) {
      const Node& node = graph_.node(id);
      if (node.erased) continue;
      const auto description = [&] { return Describe(graph_, id); };
      for (ValueId input : node.inputs) {
        if (input != kNoValue) CheckRead(description, input);
      }
      for (size_t i = 0; i < node.outputs.size(); ++i) {
        const ValueId output = node.outputs[i];
        if (!Exists(output)) {
          Add(description(), ": result ", output, " does not exist");
          continue;
        }
        live_[output] = true;
        const Value& value = graph_.value(output);
        if (value.producer != id || value.result_index != static_cast<int>(i)) {
          Add(description(), ": result ", i, " is ", Name(output),
              ", which is of another node or place");
        }
        if (value.constant.has_value())
          Add(description(), ": the result ", Name(output), " is a constant");
      }
    }
    absl::flat_hash_set<std::string> names;
    for (const GraphOutput& output : graph_.outputs()) {
      CheckRead([&] { return absl::StrCat("graph output '", output.name, "'"); }, output.value);
      if (!names.insert(output.name).second) Add("two graph outputs are named '", output.name, "'");
    }
  }

  void CheckUses() {
    std::vector<int> reads(graph_.num_values(), 0);
    for (NodeId id = 0; id < graph_.num_nodes(); ++id) {
      if (graph_.node(id).erased) continue;
      for (ValueId input : graph_.node(id).inputs) {
        if (input != kNoValue) ++reads[input];
      }
    }
    for (ValueId id = 0; id < graph_.num_values(); ++id) {
      int listed = 0;
      for (const Use& use : graph_.Uses(id)) {
        const Node& user = graph_.node(use.node);
        const bool reads_it = !user.erased && use.operand < static_cast<int>(user.inputs.size()) &&
                              user.inputs[use.operand] == id;
        if (reads_it) ++listed;
        if (!reads_it) Add("the uses of ", Name(id), " list an operand that does not read it");
      }
      if (listed != reads[id])
        Add(Name(id), " is read ", reads[id], " times, its uses are ", listed);
    }
  }

  void CheckCycle() {
    std::vector<NodeId> cycle = graph_.FindCycle();
    if (cycle.empty()) return;
    cycle.push_back(cycle.front());
    Add("a cycle: ", absl::StrJoin(cycle, " -> ", [this](std::string* out, NodeId id) {
          absl::StrAppend(out, Describe(graph_, id));
        }));
  }

  void CheckValues() {
    absl::flat_hash_set<absl::string_view> names;
    for (ValueId id = 0; id < graph_.num_values(); ++id) {
      const Value& value = graph_.value(id);
      if (!live_[id]) continue;
      if (value.name.empty()) Add("value ", id, " has no name");
      if (!names.insert(value.name).second) Add("two values are named ", Name(id));
      if (value.constant.has_value()) CheckConstant(value);
      CheckQuantization(value);
    }
  }

  std::string Where(const Value& value) const {
    return value.producer == kNoNode
               ? absl::StrCat("'", value.name, "'")
               : absl::StrCat(Describe(graph_, value.producer), ": '", value.name, "'");
  }

  void CheckConstant(const Value& value) {
    const Tensor& data = *value.constant;
    if (Shape(data.dims()) != value.type.shape) {
      Add("the constant ", Where(value), " is ", TypeText(value.type), ", its data have shape ",
          ShapeText(Shape(data.dims())));
    }
    const bool widened = value.type.dtype == DType::kF32 && IsFloat(data.dtype());
    const bool stored =
        HasQparams(value.quantization) && data.dtype() == QuantDType(value.quantization);
    if (data.dtype() != value.type.dtype && !widened && !stored) {
      Add("the constant ", Where(value), " is ", TypeText(value.type), ", its data are ",
          DTypeName(data.dtype()));
    }
  }

  void CheckQuantization(const Value& value) {
    if (!HasQparams(value.quantization)) return;
    const auto where = [&] { return Where(value); };
    const DType dtype = QuantDType(value.quantization);
    if (value.type.dtype != DType::kF32) {
      Add(where(), " has qparams, but its type is ", TypeText(value.type));
    }
    if (!IsInteger(dtype)) return Add(where(), " has qparams of ", DTypeName(dtype));
    const Bounds bounds{MinOf(dtype), MaxOf(dtype)};
    if (const auto* q = std::get_if<QuantPerTensor>(&value.quantization)) {
      return CheckQparam(where, dtype, bounds, q->scale, q->zero_point);
    }
    const auto& q = std::get<QuantPerChannel>(value.quantization);
    if (q.scales.size() != q.zero_points.size()) {
      return Add(where(), " has ", q.scales.size(), " scales and ", q.zero_points.size(),
                 " zero points");
    }
    const Shape& shape = value.type.shape;
    if (q.axis < 0 || (shape.has_rank() && q.axis >= shape.rank())) {
      Add(where(), " of ", ShapeText(shape), " has channels along axis ", q.axis);
    } else if (shape.has_rank() && shape.dim(q.axis) != kUnknownDim &&
               shape.dim(q.axis) != static_cast<int64_t>(q.scales.size())) {
      Add(where(), " of ", ShapeText(shape), " has ", q.scales.size(), " scales along axis ",
          q.axis);
    }
    const size_t before = problems_.size();
    // One bad channel tells enough.
    for (size_t i = 0; i < q.scales.size() && problems_.size() == before; ++i) {
      CheckQparam(where, dtype, bounds, q.scales[i], q.zero_points[i]);
    }
  }

  struct Bounds {
    int64_t low;
    int64_t high;
  };
  void CheckQparam(absl::FunctionRef<std::string()> where, DType dtype, Bounds bounds, float scale,
                   int64_t zero_point) {
    if (!(scale > 0) || !std::isfinite(scale)) Add(where(), " has the scale ", FormatFloat(scale));
    if (zero_point < bounds.low || zero_point > bounds.high) {
      Add(where(), " has the zero point ", zero_point, ", which is no ", DTypeName(dtype));
    }
  }

  void CheckTypes() {
    for (NodeId id = 0; id < graph_.num_nodes(); ++id) {
      const Node& node = graph_.node(id);
      if (node.erased) continue;
      const auto types =
          InferNode(graph_, node.op, node.inputs, static_cast<int>(node.outputs.size()));
      if (!types.ok()) {
        Add(Describe(graph_, id), ": ", types.status().message());
        continue;
      }
      if (std::holds_alternative<Foreign>(node.op)) continue;
      for (size_t i = 0; i < node.outputs.size(); ++i) {
        const Value& value = graph_.value(node.outputs[i]);
        const Type& inferred = (*types)[i];
        if (value.type.dtype != inferred.dtype ||
            !MergeShapes(value.type.shape, inferred.shape).ok()) {
          Add(Where(value), " is ", TypeText(value.type), ", ", OpName(node.op), " gives ",
              TypeText(inferred));
        }
      }
    }
  }

  const Graph& graph_;
  std::vector<bool> live_;  // values that are inputs, read or produced
  std::vector<bool> is_input_;
  std::vector<std::string> problems_;
};

}  // namespace

absl::Status VerifyGraph(const Graph& graph) { return Verifier(graph).Run(); }

}  // namespace g4c::ir
