// Damaged models, many and seeded: an error that a user can read, or a graph that holds together.
// Never a crash, and under the asan preset no undefined behaviour.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <random>

#include "frontend/graph_importer.h"
#include "frontend/load_onnx.h"
#include "frontend/op_registry.h"
#include "frontend/tensor_import.h"
#include "ir/verifier.h"
#include "tests/frontend/onnx_model.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace g4c::frontend {
namespace {

using onnx::AttributeProto;
using onnx::TensorProto;

// Deterministic on every platform, unlike the distributions of <random>.
class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  // In [0, count); count > 0.
  int Below(size_t count) { return static_cast<int>(engine_() % count); }
  bool OneIn(int count) { return Below(count) == 0; }
  template <typename List>
  const auto& Of(const List& list) {
    return list[Below(std::size(list))];
  }
  // An element of a repeated field, or null.
  template <typename Repeated>
  auto* MutableOf(Repeated* repeated) {
    return repeated->empty() ? nullptr : repeated->Mutable(Below(repeated->size()));
  }

 private:
  std::mt19937_64 engine_;
};

constexpr int64_t kExtremes[] = {0,
                                 1,
                                 -1,
                                 2,
                                 -2,
                                 3,
                                 7,
                                 100,
                                 1 << 20,
                                 std::numeric_limits<int32_t>::max(),
                                 std::numeric_limits<int32_t>::min(),
                                 int64_t{1} << 32,
                                 int64_t{1} << 40,
                                 int64_t{1} << 61,
                                 int64_t{1} << 62,
                                 std::numeric_limits<int64_t>::max(),
                                 std::numeric_limits<int64_t>::min()};

// ---- Models to damage ----

// Without nodes: operands that between them suit every operator.
onnx::ModelProto Operands(int64_t opset) {
  onnx::ModelProto model = Model({}, {}, opset);
  onnx::GraphProto* graph = model.mutable_graph();
  *graph->add_initializer() = Floats("w", {3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  *graph->add_initializer() = Floats("q", {1, 2, 2, 4}, std::vector<float>(16, 0.5f));
  *graph->add_initializer() = Floats("s", {}, {0.5f});
  *graph->add_initializer() = Floats("g", {3}, {1, 2, 3});
  *graph->add_initializer() = Int64s("i", {2}, {1, 0});
  *graph->add_initializer() = Int64s("j", {}, {1});
  *graph->add_initializer() = Int64s("p", {4}, {0, 1, 1, 0});
  *graph->add_initializer() = Int64s("k", {2, 3}, {0, 1, 0, 1, 0, 1});
  *graph->add_initializer() = Floats("r", {3, 2}, {1, 2, 3, 4, 5, 6});
  *graph->add_initializer() = Int64s("l", {1, 2}, {0, 2});
  *graph->add_initializer() = Bool("t", true);
  *graph->add_initializer() = Raw("z", TensorProto::UINT8, {}, "\x80");
  *graph->add_input() = ValueInfo("c", {}, TensorProto::BOOL);
  *graph->add_input() = ValueInfo("d", {-1, 3});
  return model;
}

bool Imports(const onnx::ModelProto& model) {
  TensorImporter tensors("model.onnx", nullptr, {});
  return GraphImporter(model, &tensors).Import().ok();
}

// Valid uses of an operator, found by trying.
std::vector<onnx::NodeProto> UsesOf(const OpRow& row, const onnx::ModelProto& operands,
                                    Random& random) {
  static constexpr const char* kNames[] = {"x", "w", "q", "s", "g", "i",
                                           "j", "p", "k", "t", "z", "d"};
  const std::vector<Attributes> attributes = {{},
                                              {IntAttr("axis", 1)},
                                              {IntAttr("to", 7)},
                                              {IntAttr("fmod", 1)},
                                              {StringAttr("equation", "ij,kj->ik")},
                                              {IntsAttr("value_ints", {2, 3})}};
  // Too rare to be found.
  if (row.op_type == "ScatterND") return {Node("ScatterND", {"x", "i", "s"}, {"y"})};
  if (row.op_type == "RotaryEmbedding")
    return {Node("RotaryEmbedding", {"q", "r", "r", "l"}, {"y"})};
  std::vector<onnx::NodeProto> uses;
  for (int attempt = 0; attempt < 8000 && uses.size() < 2; ++attempt) {
    Names inputs;
    for (int i = row.min_inputs + random.Below(2); i > 0; --i) {
      // Operands of one kind are what most operators take.
      inputs.push_back(!inputs.empty() && random.OneIn(2) ? inputs.back() : random.Of(kNames));
    }
    onnx::ModelProto model = operands;
    *model.mutable_graph()->add_node() = Node(std::string(row.op_type), inputs, {"y"},
                                              random.Of(attributes), std::string(row.domain));
    if (Imports(model)) uses.push_back(model.graph().node(0));
  }
  return uses;
}

std::vector<onnx::ModelProto> MakeSeeds() {
  std::vector<onnx::ModelProto> seeds;
  for (int64_t opset : {13, 18, 24}) {
    Random random(opset);
    const onnx::ModelProto operands = Operands(opset);
    onnx::ModelProto model = operands;
    for (const OpRow& row : OpRows()) {
      if (row.domain.empty() && row.since > opset) continue;
      const std::vector<onnx::NodeProto> uses = UsesOf(row, operands, random);
      // Those of sequences stand in the model below.
      if (row.op_type.find("Sequence") == absl::string_view::npos) {
        EXPECT_FALSE(uses.empty()) << row.op_type;
      }
      for (onnx::NodeProto node : uses) {
        const int count = model.graph().node_size();
        node.set_name(absl::StrCat("n", count));
        node.set_output(0, absl::StrCat("v", count));
        *model.mutable_graph()->add_node() = node;
        if (count < 5) continue;
        *model.mutable_graph()->mutable_output(0) = Untyped("v0");
        EXPECT_TRUE(Imports(model));
        seeds.push_back(std::move(model));
        model = operands;
      }
    }
  }
  const auto branch = [](const char* op) { return Graph({Node(op, {"x"}, {"b"})}, {"b"}); };
  onnx::ModelProto control = Model(
      {If("c", {"p"}, branch("Neg"), Graph({If("t", {"r"}, branch("Abs"), branch("Exp"))}, {"r"})),
       Call("f", {"p", "i"}, {"q"}, {IntAttr("dim", 1)}),
       Node("SplitToSequence", {"q", "j"}, {"l"}), Node("SequenceAt", {"l", "j"}, {"m"}),
       Node("SequenceConstruct", {"m", "q"}, {"n"}), Node("SequenceAt", {"n", "j"}, {"y"})},
      {Bool("t", false), Int64s("i", {1}, {0}), Int64s("j", {}, {1})});
  *control.mutable_graph()->add_input() = ValueInfo("c", {}, TensorProto::BOOL);
  *control.add_functions() =
      Function("f", {"a", "i"}, {"b"},
               {Node("Softmax", {"a"}, {"e"}, {RefAttr("axis", "dim", AttributeProto::INT)}),
                Call("g", {"e", "i"}, {"b"})},
               {"dim"});
  *control.add_functions() = Function("g", {"a", "i"}, {"b"}, {Node("Gather", {"a", "i"}, {"b"})});
  for (int i = 0; i < 20; ++i) seeds.push_back(control);
  return seeds;
}

const std::vector<onnx::ModelProto>& Seeds() {
  static const auto* seeds = new std::vector<onnx::ModelProto>(MakeSeeds());
  return *seeds;
}

// ---- Structural damage ----

std::string* RandomName(onnx::NodeProto* node, Random& random) {
  auto* names = random.OneIn(2) ? node->mutable_input() : node->mutable_output();
  return random.MutableOf(names);
}

void DamageAttribute(AttributeProto* attribute, Random& random) {
  switch (random.Below(6)) {
    case 0:
      attribute->set_i(random.Of(kExtremes));
      break;
    case 1:
      attribute->set_type(static_cast<AttributeProto::AttributeType>(random.Below(15)));
      break;
    case 2:
      attribute->set_type(AttributeProto::INTS);
      for (int i = random.Below(5); i > 0; --i) attribute->add_ints(random.Of(kExtremes));
      break;
    case 3: {
      static constexpr const char* kNames[] = {
          "axis",       "axes",         "perm",        "to",           "pads",
          "strides",    "dilations",    "group",       "kernel_shape", "start",
          "end",        "num_heads",    "q_num_heads", "kv_num_heads", "rotary_embedding_dim",
          "block_size", "output_dtype", "batch_dims",  "num_outputs",  "keepdims",
          "scale",      "epsilon",      "value",       "value_int",    "then_branch",
          "mode",       "equation",     "allowzero"};
      attribute->set_name(random.Of(kNames));
      break;
    }
    case 4: {
      static constexpr const char* kTexts[] = {
          "",       "tanh", "SAME_UPPER", "VALID",  "ij,jk->ik", "...i,i...->", "->",
          "ij->ii", "wrap", "add",        "i,,j->", "reflect",   "\xff"};
      attribute->set_type(AttributeProto::STRING);
      attribute->set_s(random.Of(kTexts));
      break;
    }
    default:
      attribute->set_type(AttributeProto::TENSOR);
      *attribute->mutable_t() = Int64s("", {1}, {random.Of(kExtremes)});
  }
}

void DamageTensor(TensorProto* tensor, Random& random) {
  switch (random.Below(4)) {
    case 0:
      if (tensor->dims_size() > 0)
        tensor->set_dims(random.Below(tensor->dims_size()), random.Of(kExtremes));
      break;
    case 1:
      tensor->set_data_type(random.Below(30));
      break;
    case 2:
      if (tensor->int64_data_size() > 0)
        tensor->set_int64_data(random.Below(tensor->int64_data_size()), random.Of(kExtremes));
      break;
    default:
      tensor->set_data_location(TensorProto::EXTERNAL);
  }
}

void DamageNode(onnx::NodeProto* node, const onnx::GraphProto& graph, Random& random) {
  switch (random.Below(8)) {
    case 0:
    case 1:
    case 2:  // reads or gives another value of the graph
      if (std::string* name = RandomName(node, random); name != nullptr) {
        const auto& other = graph.node(random.Below(graph.node_size()));
        const auto& initializers = graph.initializer();
        if (random.OneIn(2) && !initializers.empty()) {
          *name = initializers[random.Below(initializers.size())].name();
        } else if (other.output_size() > 0) {
          *name = other.output(0);
        }
      }
      break;
    case 3:
      if (std::string* name = RandomName(node, random); name != nullptr) name->clear();
      break;
    case 4:
      node->set_op_type(std::string(random.Of(OpRows()).op_type));
      break;
    case 5:
      node->add_input(node->input_size() > 0 ? node->input(0) : "x");
      break;
    case 6:
      node->add_output(absl::StrCat(node->name(), "_more"));
      break;
    default:
      DamageAttribute(node->add_attribute(), random);
  }
}

void Damage(onnx::ModelProto* model, Random& random) {
  onnx::GraphProto* graph = model->mutable_graph();
  if (graph->node_size() == 0) return;
  onnx::NodeProto* node = random.MutableOf(graph->mutable_node());
  if (auto* function = random.MutableOf(model->mutable_functions()); function && random.OneIn(3)) {
    if (function->node_size() > 0) node = random.MutableOf(function->mutable_node());
  }
  switch (random.Below(9)) {
    case 0:
      if (auto* input = random.MutableOf(graph->mutable_input())) {
        auto* type = input->mutable_type()->mutable_tensor_type();
        type->set_elem_type(random.Below(18));
        if (type->shape().dim_size() > 0) {
          type->mutable_shape()->mutable_dim(0)->set_dim_value(random.Of(kExtremes));
        }
      }
      break;
    case 1:
      if (auto* tensor = random.MutableOf(graph->mutable_initializer()))
        DamageTensor(tensor, random);
      break;
    case 2:
      model->mutable_opset_import(0)->set_version(11 + random.Below(16));
      break;
    case 3:
      if (auto* attribute = random.MutableOf(node->mutable_attribute()))
        DamageAttribute(attribute, random);
      break;
    case 4:
      graph->mutable_node()->SwapElements(random.Below(graph->node_size()),
                                          random.Below(graph->node_size()));
      break;
    default:
      DamageNode(node, *graph, random);
  }
}

void ExpectRefusedOrSound(const absl::StatusOr<ir::Graph>& graph, int run) {
  if (graph.ok()) {
    EXPECT_OK(ir::VerifyGraph(*graph)) << "run " << run;
    return;
  }
  const absl::StatusCode code = graph.status().code();
  EXPECT_TRUE(code == absl::StatusCode::kInvalidArgument ||
              code == absl::StatusCode::kUnimplemented)
      << "run " << run << ": " << graph.status();
  EXPECT_FALSE(graph.status().message().empty()) << "run " << run;
}

TEST(FuzzTest, Structure) {
  const std::vector<onnx::ModelProto>& seeds = Seeds();
  int imported = 0;
  for (int run = 0; run < 8'000; ++run) {
    Random random(run);
    onnx::ModelProto model = seeds[run % seeds.size()];
    for (int changes = 1 + random.Below(4); changes > 0; --changes) Damage(&model, random);
    TensorImporter tensors("model.onnx", nullptr, {});
    const auto graph = GraphImporter(model, &tensors).Import();
    ExpectRefusedOrSound(graph, run);
    imported += graph.ok();
  }
  // Damage that always shows at once would test nothing behind it.
  EXPECT_GT(imported, 1000);
}

// ---- Damaged bytes ----

std::string DamagedBytes(std::string bytes, const std::string& other, Random& random) {
  for (int changes = 1 + random.Below(3); changes > 0 && !bytes.empty(); --changes) {
    const size_t at = random.Below(bytes.size());
    const size_t length = std::min<size_t>(1 + random.Below(16), bytes.size() - at);
    switch (random.Below(6)) {
      case 0:
        bytes[at] = static_cast<char>(random.Below(256));
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ 1 << random.Below(8));
        break;
      case 2:
        bytes.erase(at, length);
        break;
      case 3:
        bytes.insert(at, bytes.substr(at, length));
        break;
      case 4:
        bytes.replace(at, length, other.substr(std::min(at, other.size()), length));
        break;
      default:
        bytes.replace(at, 1, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    }
  }
  return bytes;
}

TEST(FuzzTest, Bytes) {
  const TempDir dir;
  const std::string path = dir.File("model.onnx");
  std::vector<std::string> seeds;
  for (const onnx::ModelProto& seed : Seeds()) seeds.push_back(seed.SerializeAsString());
  for (int run = 0; run < 3'000; ++run) {
    Random random(run);
    const std::string bytes = DamagedBytes(seeds[run % seeds.size()], random.Of(seeds), random);
    // Writing over a file that is mapped, or was, costs much more.
    std::filesystem::remove(path);
    std::ofstream(path, std::ios::binary).write(bytes.data(), bytes.size());
    absl::StatusOr<LoadedModel> loaded = LoadOnnx(path);
    if (loaded.ok()) {
      ExpectRefusedOrSound(std::move(loaded->graph), run);
    } else {
      ExpectRefusedOrSound(loaded.status(), run);
    }
  }
}

}  // namespace
}  // namespace g4c::frontend
