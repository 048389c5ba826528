#include "frontend/wire_scan.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <functional>

#include "tests/frontend/onnx_model.h"
#include "tests/support/status_matchers.h"

namespace g4c::frontend {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// ---- Bytes by hand ----

std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value > 0x7f; value >>= 7) bytes.push_back(static_cast<char>(value | 0x80));
  bytes.push_back(static_cast<char>(value));
  return bytes;
}

// The same number in more bytes than it needs.
std::string PaddedVarint(uint64_t value, int size) {
  std::string bytes;
  for (int i = 0; i < size; ++i, value >>= 7) {
    bytes.push_back(static_cast<char>((value & 0x7f) | (i + 1 < size ? 0x80 : 0)));
  }
  return bytes;
}

std::string Tag(uint64_t field, int wire_type) { return Varint(field << 3 | wire_type); }

std::string Number(uint64_t field, uint64_t value) { return Tag(field, 0) + Varint(value); }

std::string Bytes(uint64_t field, const std::string& contents) {
  return Tag(field, 2) + Varint(contents.size()) + contents;
}

absl::Span<const uint8_t> AsBytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

absl::StatusOr<ScannedModel> Scan(const std::string& bytes) { return ScanModel(AsBytes(bytes)); }

// ---- What is cut ----

std::string Pattern(size_t size) {
  std::string data(size, '\0');
  for (size_t i = 0; i < size; ++i) data[i] = static_cast<char>('a' + i % 26);
  return data;
}

onnx::TensorProto Weights(size_t bytes) {
  return Raw("w", onnx::TensorProto::UINT8, {static_cast<int64_t>(bytes)}, Pattern(bytes));
}

TEST(ScanModelTest, LeavesAModelWithoutLargeTensorsAsItIs) {
  const std::string bytes =
      Model({Node("Add", {"x", "w"}, {"y"})}, {Weights(64)}).SerializeAsString();
  ASSERT_OK_AND_ASSIGN(const ScannedModel scanned, Scan(bytes));
  EXPECT_EQ(scanned.reduced, bytes);
  EXPECT_THAT(scanned.spans, IsEmpty());
}

TEST(ScanModelTest, PointsAtTheDataOfLargeTensors) {
  const onnx::ModelProto model = Model({}, {Weights(65), Weights(8), Weights(100'000)});
  const std::string bytes = model.SerializeAsString();
  ASSERT_OK_AND_ASSIGN(const ScannedModel scanned, Scan(bytes));
  ASSERT_THAT(scanned.spans, SizeIs(2));
  EXPECT_EQ(scanned.spans[0], AsBytes(Pattern(65)));
  EXPECT_EQ(scanned.spans[1], AsBytes(Pattern(100'000)));
  EXPECT_GE(scanned.spans[0].data(), AsBytes(bytes).data());
  EXPECT_LT(scanned.reduced.size(), 1000u);

  onnx::ModelProto reduced;
  ASSERT_TRUE(reduced.ParseFromString(scanned.reduced));
  ASSERT_EQ(reduced.graph().initializer_size(), 3);
  EXPECT_EQ(TokenIndex(reduced.graph().initializer(0).raw_data()), 0u);
  EXPECT_EQ(reduced.graph().initializer(1).raw_data(), Pattern(8));
  EXPECT_EQ(TokenIndex(reduced.graph().initializer(2).raw_data()), 1u);
  // All else is as it was.
  for (int i : {0, 2})
    reduced.mutable_graph()->mutable_initializer(i)->set_raw_data(
        model.graph().initializer(i).raw_data());
  EXPECT_EQ(reduced.SerializeAsString(), bytes);
}

TEST(ScanModelTest, FindsTensorsWhereverTheyStand) {
  const onnx::TensorProto large = Weights(200);
  const auto with_node = [&](const onnx::NodeProto& node) { return Model({node}); };
  onnx::AttributeProto list;
  *list.add_tensors() = large;
  onnx::AttributeProto sparse;
  *sparse.mutable_sparse_tensor()->mutable_values() = large;
  onnx::AttributeProto sparse_list;
  *sparse_list.add_sparse_tensors()->mutable_indices() = large;
  onnx::AttributeProto graphs;
  *graphs.add_graphs()->add_initializer() = large;
  onnx::GraphProto branch;
  *branch.add_node() = Node("Constant", {}, {"c"}, {TensorAttr("value", large)});

  std::vector<onnx::ModelProto> models = {
      with_node(Node("Constant", {}, {"c"}, {TensorAttr("value", large)})),
      with_node(Node("Any", {}, {"c"}, {list})),
      with_node(Node("Any", {}, {"c"}, {sparse})),
      with_node(Node("Any", {}, {"c"}, {sparse_list})),
      with_node(Node("Any", {}, {"c"}, {graphs})),
      with_node(If("x", {"y"}, branch, {})),
  };
  models.push_back(Model({}));
  *models.back().mutable_graph()->add_sparse_initializer()->mutable_values() = large;
  models.push_back(Model({}));
  *models.back().add_functions() =
      Function("f", {}, {"c"}, {Node("Constant", {}, {"c"}, {TensorAttr("value", large)})});
  models.push_back(Model({}));
  *models.back().add_functions()->add_attribute_proto() = TensorAttr("a", large);
  models.push_back(Model({}));
  *models.back().add_training_info()->mutable_algorithm()->add_initializer() = large;
  for (const onnx::ModelProto& model : models) {
    const std::string bytes = model.SerializeAsString();
    ASSERT_OK_AND_ASSIGN(const ScannedModel scanned, Scan(bytes));
    ASSERT_THAT(scanned.spans, SizeIs(1)) << bytes;
    EXPECT_EQ(scanned.spans[0], AsBytes(large.raw_data()));
    onnx::ModelProto reduced;
    EXPECT_TRUE(reduced.ParseFromString(scanned.reduced));
  }
}

TEST(ScanModelTest, FieldsOfTheSameNumberElsewhereAreNoData) {
  onnx::ModelProto model = Model({Node("Add", {"x", "x"}, {"y"})});
  auto* entry = model.mutable_graph()->mutable_node(0)->add_metadata_props();  // field 9
  entry->set_key(Pattern(300));
  model.mutable_graph()->add_input()->mutable_type()->mutable_optional_type();  // field 9
  *model.add_functions() = Function(Pattern(200), {}, {}, {});                  // opset_import is 9
  const std::string bytes = model.SerializeAsString();
  ASSERT_OK_AND_ASSIGN(const ScannedModel scanned, Scan(bytes));
  EXPECT_EQ(scanned.reduced, bytes);
}

// Data that looks like one of our tokens must not be taken for one.
TEST(ScanModelTest, ATokenInTheFileIsData) {
  ASSERT_OK_AND_ASSIGN(const ScannedModel first,
                       Scan(Model({}, {Weights(70)}).SerializeAsString()));
  onnx::ModelProto reduced;
  ASSERT_TRUE(reduced.ParseFromString(first.reduced));
  const std::string token = reduced.graph().initializer(0).raw_data();
  ASSERT_EQ(TokenIndex(token), 0u);

  const std::string bytes =
      Model({}, {Weights(70), Raw("w", onnx::TensorProto::UINT8, {17}, token)}).SerializeAsString();
  ASSERT_OK_AND_ASSIGN(const ScannedModel scanned, Scan(bytes));
  ASSERT_THAT(scanned.spans, SizeIs(2));
  EXPECT_EQ(scanned.spans[1], AsBytes(token));
  ASSERT_TRUE(reduced.ParseFromString(scanned.reduced));
  EXPECT_EQ(TokenIndex(reduced.graph().initializer(1).raw_data()), 1u);
}

TEST(TokenIndexTest, NothingElseIsAToken) {
  EXPECT_EQ(TokenIndex(""), absl::nullopt);
  EXPECT_EQ(TokenIndex(std::string(17, '\0')), absl::nullopt);
  EXPECT_EQ(TokenIndex("\xff\x01g4cview"), absl::nullopt);
  EXPECT_EQ(TokenIndex("\xff\x01g4cview123456789"), absl::nullopt);
}

// ---- Wire format ----

struct WireCase {
  const char* what;
  std::string bytes;
  std::string error;  // all of it behind "not an ONNX model: "; empty where it is read
};

TEST(ScanModelTest, WireFormat) {
  const std::string graph = Bytes(7, "");
  const std::string tensor = Bytes(9, Pattern(100));
  const std::vector<WireCase> cases = {
      {"empty file", "", "the file is empty"},
      {"unknown number", graph + Number(1000, 5), ""},
      {"unknown bytes", graph + Bytes(1000, "abc"), ""},
      {"unknown 32 bits", graph + Tag(1000, 5) + "abcd", ""},
      {"unknown 64 bits", graph + Tag(1000, 1) + "abcdefgh", ""},
      {"the largest field number", graph + Number(536870911, 1), ""},
      {"a field number too large", Number(536870912, 1), "an impossible field at byte 0 of 6"},
      {"field 0", graph + Number(0, 1), "an impossible field at byte 2 of 4"},
      {"zeros", std::string(4, '\0'), "an impossible field at byte 0 of 4"},
      {"a group begins", graph + Tag(9, 3), "an unknown wire type at byte 2 of 3"},
      {"a group ends", graph + Tag(9, 4), "an unknown wire type at byte 2 of 3"},
      {"wire type 6", Tag(9, 6), "an unknown wire type at byte 0 of 1"},
      {"wire type 7", Tag(9, 7), "an unknown wire type at byte 0 of 1"},
      {"a tag that does not end", graph + "\x80", "a number runs past its end at byte 2 of 3"},
      {"a number that does not end", Tag(1, 0) + "\xff\xff",
       "a number runs past its end at byte 1 of 3"},
      {"a length that does not end", Tag(7, 2) + "\xff",
       "a number runs past its end at byte 1 of 2"},
      {"ten bytes", graph + Tag(1, 0) + PaddedVarint(1, 10), ""},
      {"eleven bytes", Tag(1, 0) + PaddedVarint(1, 11),
       "a number of more than ten bytes at byte 1 of 12"},
      {"a padded tag", PaddedVarint(7 << 3 | 2, 3) + Varint(0), ""},
      {"a padded length", Tag(7, 2) + PaddedVarint(0, 5), ""},
      {"text", "this is no model\n", "an unknown wire type at byte 0 of 17"},
      {"32 bits past the end", graph + Tag(9, 5) + "abc",
       "the file ends in the middle of a field at byte 2 of 6"},
      {"64 bits past the end", graph + Tag(9, 1) + "abcdefg",
       "the file ends in the middle of a field at byte 2 of 10"},
      {"bytes past the end", Tag(2, 2) + Varint(4) + "abc",
       "the file ends in the middle of a field at byte 0 of 5"},
      {"a length near 2^64", Tag(2, 2) + Varint(~uint64_t{0}) + "abc",
       "the file ends in the middle of a field at byte 0 of 14"},
      {"a field longer than its message", Bytes(7, Tag(2, 2) + Varint(9) + "abc") + Pattern(16),
       "a field that is longer than what holds it at byte 2 of 23"},
      {"64 bits that leave their message", Bytes(7, Tag(99, 1) + "abc") + Pattern(16),
       "a field that is longer than what holds it at byte 2 of 23"},
      {"a graph that is a number", Number(7, 3), ""},
      {"a large tensor in a padded graph",
       Tag(7, 2) + PaddedVarint(Bytes(5, tensor).size(), 5) + Bytes(5, tensor), ""},
  };
  for (const WireCase& c : cases) {
    const auto scanned = Scan(c.bytes);
    if (c.error.empty()) {
      EXPECT_OK(scanned) << c.what;
    } else {
      EXPECT_THAT(scanned, IsInvalidInput("not an ONNX model: " + c.error)) << c.what;
    }
  }
}

TEST(ScanModelTest, KeepsPaddedLengthsReadable) {
  const std::string tensor = Bytes(8, "w") + Tag(9, 2) + PaddedVarint(100, 5) + Pattern(100);
  const std::string graph = Tag(5, 2) + PaddedVarint(tensor.size(), 4) + tensor;
  const std::string bytes = Tag(7, 2) + PaddedVarint(graph.size(), 5) + graph + Number(1, 10);
  ASSERT_OK_AND_ASSIGN(const ScannedModel scanned, Scan(bytes));
  EXPECT_THAT(scanned.spans, ElementsAre(AsBytes(Pattern(100))));
  onnx::ModelProto model;
  ASSERT_TRUE(model.ParseFromString(scanned.reduced));
  EXPECT_EQ(model.ir_version(), 10);
  EXPECT_EQ(model.graph().initializer(0).name(), "w");
  EXPECT_EQ(TokenIndex(model.graph().initializer(0).raw_data()), 0u);
}

// ---- Nesting ----

// graph -> `depth` graphs, each the branch of a node of the one around it.
std::string NestedGraphs(int depth) {
  std::string graph;
  for (int i = 1; i < depth; ++i) graph = Bytes(1, Bytes(5, Bytes(6, graph)));
  return Bytes(7, graph);
}

// `levels` of a sequence of a sequence of ..., the type of a graph input.
std::string NestedTypes(int levels, int kind, int element) {
  std::string type;
  for (int i = 0; i < levels; ++i) type = Bytes(kind, Bytes(element, type));
  return Bytes(7, Bytes(11, Bytes(2, type)));
}

TEST(ScanModelTest, Nesting) {
  const auto refused =
      IsInvalidInput(HasSubstr("subgraphs or types are nested deeper than 64 levels at byte "));
  EXPECT_OK(Scan(NestedGraphs(64)));
  EXPECT_THAT(Scan(NestedGraphs(65)), refused);
  EXPECT_THAT(Scan(NestedGraphs(3000)), refused);
  // The graph itself is a level.
  for (const auto& [kind, element] : {std::pair(4, 1), std::pair(9, 1), std::pair(5, 2)}) {
    EXPECT_OK(Scan(NestedTypes(63, kind, element)));
    EXPECT_THAT(Scan(NestedTypes(64, kind, element)), refused);
  }
}

TEST(ScanModelTest, WhatItAcceptsProtobufCanParse) {
  for (const std::string& bytes : {NestedGraphs(64), NestedTypes(63, 4, 1)}) {
    google::protobuf::io::CodedInputStream stream(AsBytes(bytes).data(),
                                                  static_cast<int>(bytes.size()));
    stream.SetRecursionLimit(kMaxMessageDepth);
    onnx::ModelProto model;
    EXPECT_TRUE(model.ParseFromCodedStream(&stream));
  }
}

// ---- Size ----

// One field of more than 2 GiB that is no tensor's data. The pages are never touched.
TEST(ScanModelTest, WhatProtobufCannotHold) {
  constexpr uint64_t kSize = (uint64_t{1} << 31) + 100;
  void* pages = mmap(nullptr, kSize, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(pages, MAP_FAILED);
  auto* bytes = static_cast<uint8_t*>(pages);
  const std::string head = Tag(6, 2) + Varint(kSize - 6);  // doc_string
  ASSERT_EQ(head.size(), 6u);
  std::memcpy(bytes, head.data(), head.size());
  EXPECT_THAT(ScanModel({bytes, kSize}),
              IsInvalidInput("the model has more than 2 GiB without its tensors' raw data, which "
                             "protobuf cannot read; save it with external data"));
  munmap(pages, kSize);
}

}  // namespace
}  // namespace g4c::frontend
