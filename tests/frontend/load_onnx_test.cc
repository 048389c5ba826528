#include "frontend/load_onnx.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "ir/verifier.h"
#include "tests/frontend/onnx_model.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_data.h"

namespace g4c::frontend {
namespace {

using onnx::TensorProto;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::StartsWith;

// ---- Models ----

// With data that is cut out of the message and data that is not.
onnx::ModelProto InlineModel() {
  return Model(
      {Node("MatMul", {"x", "w"}, {"m"}), Node("Add", {"m", "b"}, {"y"})},
      {Raw("w", TensorProto::FLOAT, {3, 40}, std::string(480, '\x3f')), Floats("b", {1}, {2})});
}

// Reads weights.bin: 24 bytes and, behind 8 others, 12.
onnx::ModelProto ExternalModel() {
  return Model(
      {Node("Mul", {"x", "w"}, {"m"}), Node("Add", {"m", "b"}, {"y"})},
      {External("w", {2, 3}, {{"location", "weights.bin"}}),
       External("b", {3}, {{"location", "weights.bin"}, {"offset", "32"}, {"length", "12"}})});
}

onnx::ModelProto FunctionModel() {
  onnx::ModelProto model =
      Model({If("t", {"p"}, Graph({Call("soft", {"x"}, {"c"}, {IntAttr("dim", 1)})}, {"c"}),
                Graph({Node("Neg", {"x"}, {"n"})}, {"n"})),
             Node("Constant", {}, {"k"}, {TensorAttr("value", Floats("", {1}, {3}))}),
             Node("Mul", {"p", "k"}, {"y"})},
            {Bool("t", true)});
  *model.add_functions() =
      Function("soft", {"a"}, {"b"},
               {Node("Softmax", {"a"}, {"b"}, {RefAttr("axis", "dim", onnx::AttributeProto::INT)})},
               {"dim"});
  return model;
}

class LoadOnnxTest : public ::testing::Test {
 protected:
  LoadOnnxTest() : path_(dir_.File("model.onnx")) {
    dir_.Write("weights.bin", std::string(44, '\x3f'));
  }

  absl::StatusOr<LoadedModel> LoadBytes(const std::string& bytes) {
    std::filesystem::remove(path_);  // writing over it costs much more
    std::ofstream(path_, std::ios::binary).write(bytes.data(), bytes.size());
    return LoadOnnx(path_);
  }
  absl::StatusOr<LoadedModel> Load(const onnx::ModelProto& model) {
    return LoadBytes(model.SerializeAsString());
  }
  // A refusal as users get it, or a graph that holds together.
  void ExpectRefusedOrSound(const absl::StatusOr<LoadedModel>& loaded) {
    if (loaded.ok()) {
      EXPECT_OK(ir::VerifyGraph(loaded->graph));
    } else {
      EXPECT_THAT(loaded, AnyOf(IsInvalidInput(StartsWith(path_ + ": ")),
                                IsUnsupported(StartsWith(path_ + ": "))));
    }
  }

  TempDir dir_;
  const std::string path_;
};

// ---- What is told of a model ----

TEST_F(LoadOnnxTest, ReadsInlineWeightsAsViewsOfTheFile) {
  ASSERT_OK_AND_ASSIGN(const LoadedModel loaded, Load(InlineModel()));
  EXPECT_OK(ir::VerifyGraph(loaded.graph));
  EXPECT_EQ(loaded.weight_bytes, 480 + 4);
  EXPECT_THAT(loaded.files, ElementsAre(path_));
  EXPECT_THAT(loaded.notes, IsEmpty());
  EXPECT_THAT(loaded.graph_hash, SizeIs(32));
  EXPECT_EQ(loaded.graph_hash.find_first_not_of("0123456789abcdef"), std::string::npos);
}

TEST_F(LoadOnnxTest, TheGraphOutlivesEverything) {
  ir::Graph graph;
  {
    ASSERT_OK_AND_ASSIGN(LoadedModel loaded, Load(InlineModel()));
    graph = std::move(loaded.graph);
  }
  std::filesystem::remove(path_);
  ASSERT_OK_AND_ASSIGN(const LoadedModel in_memory, Load(InlineModel()));
  EXPECT_THAT(graph, EqualsGraph(in_memory.graph));
}

TEST_F(LoadOnnxTest, ReadsExternalData) {
  ASSERT_OK_AND_ASSIGN(const LoadedModel loaded, Load(ExternalModel()));
  EXPECT_EQ(loaded.weight_bytes, 36);
  EXPECT_THAT(loaded.files,
              ElementsAre(path_, std::filesystem::canonical(dir_.File("weights.bin")).string()));
}

TEST_F(LoadOnnxTest, ReadsFunctionsAndBranches) {
  ASSERT_OK_AND_ASSIGN(const LoadedModel loaded, Load(FunctionModel()));
  EXPECT_THAT(loaded.graph, IsGraph(R"(graph {
    in %x: f32[2, 3]
    %p = softmax_axis(%x) {axis: 1}: f32[2, 3]
    k %k: f32[1] = [3]
    %y = mul(%p, %k): f32[2, 3]
    out %y as y
  })"));
}

TEST_F(LoadOnnxTest, TheHashIsOfTheGraphWithoutItsWeights) {
  onnx::ModelProto model = InlineModel();
  ASSERT_OK_AND_ASSIGN(const LoadedModel first, Load(model));
  model.mutable_graph()->mutable_initializer(0)->set_raw_data(std::string(480, '\x3e'));
  ASSERT_OK_AND_ASSIGN(const LoadedModel other_weights, Load(model));
  EXPECT_EQ(other_weights.graph_hash, first.graph_hash);
  model.mutable_graph()->mutable_node(0)->set_name("renamed");
  ASSERT_OK_AND_ASSIGN(const LoadedModel other_graph, Load(model));
  EXPECT_NE(other_graph.graph_hash, first.graph_hash);
}

TEST_F(LoadOnnxTest, SaysOnceWhichFloatsWereConverted) {
  const auto half = [](const char* name, int type) {
    return Raw(name, type, {1}, std::string("\0\x3c", 2));
  };
  onnx::ModelProto model = Model(
      {Node("Sum", {"x", "a", "b", "c", "d"}, {"y"})},
      {half("a", TensorProto::FLOAT16), half("b", TensorProto::BFLOAT16),
       half("c", TensorProto::BFLOAT16), Raw("d", TensorProto::DOUBLE, {1}, std::string(8, '\0'))});
  model.mutable_graph()->add_quantization_annotation();
  ASSERT_OK_AND_ASSIGN(const LoadedModel loaded, Load(model));
  EXPECT_THAT(loaded.notes,
              ElementsAre("1 tensor is f16, read as f32", "2 tensors are bf16, read as f32",
                          "1 tensor is f64, read as f32", StartsWith("quantization_annotation")));
}

TEST_F(LoadOnnxTest, NamesSymbolicDims) {
  onnx::ModelProto model = Model({Node("Neg", {"x"}, {"y"})});
  *model.mutable_graph()->add_input() = ValueInfo("ids", {1, -1, -1});
  *model.mutable_graph()->add_input() = ValueInfo("scalar", {});
  ASSERT_OK_AND_ASSIGN(const LoadedModel loaded, Load(model));
  EXPECT_THAT(loaded.dim_names, ElementsAre(Pair("ids", ElementsAre("", "N", "N"))));
}

// Lists of numbers may be packed or not, whatever the schema says, and a message in two pieces is
// one.
TEST_F(LoadOnnxTest, PackedAndUnpackedLists) {
  const auto field = [](char tag, const std::string& contents) {
    return std::string(1, tag) + static_cast<char>(contents.size()) + contents;
  };
  const std::string one("\x00\x00\x80\x3f", 4), two("\x00\x00\x00\x40", 4);
  const std::string head = std::string("\x10\x01", 2) + field(0x42, "w");  // f32, its name
  const std::string unpacked_dims = "\x08\x01\x08\x02";
  const std::string packed_dims = field(0x0a, "\x01\x02");
  const std::string unpacked_data = "\x25" + one + "\x25" + two;
  const std::string packed_data = field(0x22, one + two);
  onnx::ModelProto scale = Model({Node("Mul", {"x", "w"}, {"y"})});
  *scale.mutable_graph()->mutable_input(0) = ValueInfo("x", {2, 2});
  const std::string model = scale.SerializeAsString();
  for (const std::string& dims : {unpacked_dims, packed_dims}) {
    for (const std::string& data : {unpacked_data, packed_data}) {
      ASSERT_OK_AND_ASSIGN(const LoadedModel loaded,
                           LoadBytes(model + field(0x3a, field(0x2a, dims + head + data))));
      EXPECT_THAT(loaded.graph, IsGraph(R"(graph {
        in %x: f32[2, 2]
        k %w: f32[1, 2] = [1, 2]
        %y = mul(%x, %w): f32[2, 2]
        out %y as y
      })"));
    }
  }
}

// ---- Errors name the file ----

TEST_F(LoadOnnxTest, Errors) {
  const std::string missing = dir_.File("missing.onnx");
  EXPECT_THAT(LoadOnnx(missing),
              IsInvalidInput(missing + ": cannot be opened: No such file or directory"));
  EXPECT_THAT(LoadOnnx(dir_.path()), IsInvalidInput(dir_.path() + ": is a folder, not a file"));
  EXPECT_THAT(LoadBytes(""), IsInvalidInput(path_ + ": not an ONNX model: the file is empty"));
  EXPECT_THAT(LoadBytes("this is no model\n"),
              IsInvalidInput(path_ + ": not an ONNX model: an unknown wire type at byte 0 of 17"));
  EXPECT_THAT(LoadBytes(std::string("\x08\x0a", 2)),
              IsInvalidInput(path_ + ": not an ONNX model: it has no graph"));
  // dims is a packed list that ends inside a number.
  EXPECT_THAT(LoadBytes("\x3a\x05\x2a\x03\x0a\x01\x80"),
              IsInvalidInput(path_ + ": not an ONNX model: protobuf cannot parse it"));
  EXPECT_THAT(
      Load(Model({Node("LSTM", {"x"}, {"y"})})),
      IsUnsupported(StartsWith(path_ + ": 1 operator is not supported\n  LSTM   LSTM 'n_y'\n")));
  onnx::ModelProto model = ExternalModel();
  model.mutable_graph()->mutable_initializer(0)->mutable_external_data(0)->set_value("gone.bin");
  EXPECT_THAT(Load(model),
              IsInvalidInput(AllOf(StartsWith(path_ + ": 1 contradiction"),
                                   HasSubstr("\n  initializer 'w': external data 'gone.bin': "))));
}

TEST_F(LoadOnnxTest, ABranchTooDeep) {
  onnx::GraphProto graph = Graph({Node("Neg", {"x"}, {"n"})}, {"n"});
  for (int i = 0; i < 63; ++i) graph = Graph({If("t", {"n"}, graph, Graph({}, {"x"}))}, {"n"});
  EXPECT_OK(Load(Model({If("t", {"y"}, Graph({}, {"x"}), Graph({}, {"x"}))}, {Bool("t", true)})));
  EXPECT_THAT(
      Load(Model({If("t", {"y"}, graph, Graph({}, {"x"}))}, {Bool("t", true)})),
      IsInvalidInput(HasSubstr(": subgraphs or types are nested deeper than 64 levels at byte ")));
}

// ---- Damage ----

// Cut at every byte. What remains readable (only lists at the end got shorter) is the same graph or
// says what is missing.
TEST_F(LoadOnnxTest, Truncation) {
  for (const onnx::ModelProto& model : {InlineModel(), ExternalModel(), FunctionModel()}) {
    const std::string bytes = model.SerializeAsString();
    ASSERT_OK_AND_ASSIGN(const LoadedModel whole, LoadBytes(bytes));
    int read = 0;
    for (size_t size = 0; size < bytes.size(); ++size) {
      const auto loaded = LoadBytes(bytes.substr(0, size));
      ExpectRefusedOrSound(loaded);
      if (!loaded.ok()) continue;
      ++read;
      EXPECT_THAT(loaded->graph, EqualsGraph(whole.graph)) << size;
    }
    EXPECT_LE(read, 2);  // without the imports of com.microsoft and local
  }
}

TEST_F(LoadOnnxTest, OneByteMutations) {
  for (const onnx::ModelProto& model : {InlineModel(), ExternalModel(), FunctionModel()}) {
    const std::string bytes = model.SerializeAsString();
    for (size_t i = 0; i < bytes.size(); ++i) {
      if (bytes[i] == '\x3f' && i > 0 && bytes[i - 1] == '\x3f') continue;  // weights
      for (const int flip : {0x01, 0x08, 0x80, 0xff}) {
        std::string damaged = bytes;
        damaged[i] = static_cast<char>(damaged[i] ^ flip);
        ExpectRefusedOrSound(LoadBytes(damaged));
      }
    }
  }
}

// The same on a real export, at places that a fixed stride picks.
TEST_F(LoadOnnxTest, DamagedExport) {
  const std::string bytes = ReadFile(TestData("models/encoder_torchscript_op17.onnx"));
  ASSERT_OK(LoadBytes(bytes));
  constexpr size_t kPlaces = 150;
  const size_t stride = bytes.size() / kPlaces | 1;
  for (size_t at = stride; at < bytes.size(); at += stride) {
    EXPECT_FALSE(LoadBytes(bytes.substr(0, at)).ok()) << at;
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(~damaged[at]);
    ExpectRefusedOrSound(LoadBytes(damaged));
  }
}

}  // namespace
}  // namespace g4c::frontend
