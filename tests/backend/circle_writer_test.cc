#include "backend/circle_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "backend/circle_file.h"
#include "backend/circle_reader.h"
#include "backend/inspect.h"
#include "backend/read_back.h"
#include "base/parallel.h"
#include "ir/text.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace g4c::backend {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Two large weights, one of them quantised over several tiles, and small index operands.
ir::Graph LargeGraph() {
  return ParseOrDie(R"(graph encoder {
    in %x: f32[2, 1500]
    k %w: f32[1024, 1500] = seeded(1)
    k %v: f32[1500, 1024] q(i4 0.125:0) = seeded(2)
    k %one: f32[1] = [1]
    %h = fully_connected(%x, %w): f32[2, 1024]
    %d = dequantize(%v): f32[1500, 1024]
    %y = fully_connected(%h, %d): f32[2, 1500]
    %z = add(%y, %one): f32[2, 1500]
    %t = transpose(%z) {perm: [1, 0]}: f32[1500, 2]
    out %t as last_hidden_state })");
}

TEST(WriteCircle, GivesTheSameBytesForAnyThreadsAndPath) {
  const ir::Graph graph = LargeGraph();
  const TempDir a, b;
  const int threads = NumThreads();
  SetNumThreads(1);
  ASSERT_OK(WriteCircle(graph, {}, a.File("one.circle")));
  SetNumThreads(3);
  ASSERT_OK(WriteCircle(graph, {}, b.File("other_name.circle")));
  SetNumThreads(threads);
  EXPECT_TRUE(ReadFile(a.File("one.circle")) == ReadFile(b.File("other_name.circle")));
  EXPECT_THAT(a.List(), ElementsAre("one.circle"));
}

TEST(WriteCircle, AlignsConstants) {
  const TempDir dir;
  const std::string path = dir.File("m.circle");
  for (const uint64_t limit : {uint64_t{0x7ffffffe}, uint64_t{100'000}}) {
    WriteOptions options;
    options.max_inline_bytes = limit;
    ASSERT_OK(WriteCircle(LargeGraph(), options, path));
    ASSERT_OK_AND_ASSIGN(const CircleFile file, CircleFile::Open(path));
    int constants = 0;
    for (const CircleTensor& tensor : file.tensors()) {
      if (tensor.bytes.empty()) continue;
      ++constants;
      EXPECT_EQ((tensor.bytes.data() - file.mapping()->bytes().data()) % 16, 0) << tensor.name;
    }
    EXPECT_EQ(constants, 4);
  }
}

TEST(WriteCircle, WritesTfliteFiles) {
  const TempDir dir;
  WriteOptions options;
  options.identifier = "TFL3";
  // UINT4 has another number there, which only its readers know.
  const ir::Graph graph = ParseOrDie(
      "graph { in %x: f32[1, 4] q(u8 0.5:3)  k %w: f32[2, 4] q(u4 0.1:8) = u4 [0, 1, 2, 3, 4, 5, "
      "6, "
      "15]  %y = fully_connected(%x, %w): f32[1, 2] q(u8 0.25:9)  out %y }");
  ASSERT_OK(WriteCircle(graph, options, dir.File("m.tflite")));
  ASSERT_OK_AND_ASSIGN(const CircleFile file, CircleFile::Open(dir.File("m.tflite")));
  EXPECT_TRUE(file.is_tflite());
  ASSERT_OK_AND_ASSIGN(const ir::Graph read, ReadCircle(dir.File("m.tflite")));
  EXPECT_THAT(read, EqualsGraph(graph));
}

TEST(WriteCircle, KeepsToTheTargetsSize) {
  const TempDir dir;
  WriteOptions options;
  options.max_file_bytes = 100'000;
  EXPECT_THAT(WriteCircle(LargeGraph(), options, dir.File("m.circle")),
              IsUnsupported(HasSubstr("; the target takes 98 KiB")));
  EXPECT_THAT(dir.List(), ::testing::IsEmpty());
}

TEST(WriteCircle, RefersToConstantsByOffsetBeyondTheLimit) {
  const TempDir dir;
  WriteOptions options;
  options.max_inline_bytes = 1'000'000;
  const ir::Graph graph = LargeGraph();
  ASSERT_OK(WriteCircle(graph, options, dir.File("offsets.circle")));
  ASSERT_OK(WriteCircle(graph, {}, dir.File("inline.circle")));
  ASSERT_OK_AND_ASSIGN(const Inspection inspection, InspectCircle(dir.File("offsets.circle")));
  EXPECT_TRUE(inspection.offset_buffers);
  EXPECT_EQ(inspection.constant_bytes, 1024u * 1500 * 4 + 1500u * 1024 / 2 + 4 + 8);
  ASSERT_OK_AND_ASSIGN(const ir::Graph offsets, ReadCircle(dir.File("offsets.circle")));
  ASSERT_OK_AND_ASSIGN(const ir::Graph plain, ReadCircle(dir.File("inline.circle")));
  EXPECT_THAT(offsets, EqualsGraph(plain));
  // Small constants stay inline.
  ASSERT_OK_AND_ASSIGN(const CircleFile file, CircleFile::Open(dir.File("offsets.circle")));
  int inlined = 0;
  for (const circle::Buffer* buffer : *file.model().buffers()) inlined += buffer->data() != nullptr;
  EXPECT_EQ(inlined, 2);

  options.allow_offset_buffers = false;
  EXPECT_THAT(WriteCircle(graph, options, dir.File("refused.circle")),
              IsUnsupported(HasSubstr("outside the FlatBuffer")));
  EXPECT_THAT(dir.List(), ElementsAre("inline.circle", "offsets.circle"));
}

TEST(WriteCircle, WritesEqualConstantsOnce) {
  ir::Graph graph = ParseOrDie(R"(graph {
    in %x: f32[1, 64]
    k %a: f32[64, 64] = seeded(1)
    k %s: f32[2] = [1, 2]
    k %t: f32[2, 1] = [1, 2]
    %p = fully_connected(%x, %a): f32[1, 64]
    %q = reshape(%p) {shape: [2, 32]}: f32[2, 32]
    %r = mul(%q, %t): f32[2, 32]
    %u = reshape(%r) {shape: [32, 2]}: f32[32, 2]
    %v = mul(%u, %s): f32[32, 2]
    %w = reshape(%v) {shape: [2, 32]}: f32[2, 32]
    out %w })");
  // Another value of the same storage, and one that stores it differently.
  const ir::Tensor data = *graph.value(1).constant;
  const ir::ValueId same = graph.AddConstant("same", data);
  const ir::ValueId quantised = graph.AddConstant("quantised", data);
  graph.SetQuantization(quantised, ir::QuantPerTensor{ir::DType::kI8, 0.5f, 0},
                        ir::QuantOrigin::kWeight);
  const ir::ValueId x = graph.inputs()[0];
  const ir::Provenance none;
  ASSERT_OK_AND_ASSIGN(const ir::ValueId m,
                       graph.AddInferred(ir::FullyConnected{}, {x, same}, "m", none));
  ASSERT_OK_AND_ASSIGN(const ir::ValueId d,
                       graph.AddInferred(ir::Dequantize{}, {quantised}, "d", none));
  ASSERT_OK_AND_ASSIGN(const ir::ValueId n,
                       graph.AddInferred(ir::FullyConnected{}, {m, d}, "n", none));
  graph.AddOutput("n", n);
  const TempDir dir;
  const std::string path = dir.File("m.circle");
  ASSERT_OK(WriteCircle(graph, {}, path));
  ASSERT_OK_AND_ASSIGN(const CircleFile file, CircleFile::Open(path));
  // The empty one, the weight, its integers, [1, 2], and the two reshapes' shapes.
  EXPECT_EQ(file.model().buffers()->size(), 6u);
  ASSERT_OK_AND_ASSIGN(const Inspection inspection, InspectCircle(path));
  EXPECT_EQ(inspection.shared_constants, 2);
}

TEST(WriteCircle, KeepsNamesAndSignature) {
  const ir::Graph graph = ParseOrDie(R"(graph "main graph" {
    in %pixel_values: f32[2]
    in %y: f32[2]
    %a = neg(%pixel_values): f32[2]
    %last_hidden_state = add(%a, %y): f32[2]
    %b = neg(%last_hidden_state): f32[2]
    out %b as last_hidden_state
    out %last_hidden_state as sum
    out %b as again
    out %y as passed })");
  const TempDir dir;
  const std::string path = dir.File("m.circle");
  ASSERT_OK(WriteCircle(graph, {}, path));
  ASSERT_OK_AND_ASSIGN(const CircleFile file, CircleFile::Open(path));
  EXPECT_EQ(file.signature_key(), "serving_default");
  EXPECT_THAT(file.input_names(), ElementsAre("pixel_values", "y"));
  EXPECT_THAT(file.output_names(), ElementsAre("last_hidden_state", "sum", "again", "passed"));
  std::vector<std::string> tensors;
  for (const int t : *file.subgraph().outputs()) tensors.push_back(file.tensors()[t].name);
  EXPECT_THAT(tensors, ElementsAre("last_hidden_state", "sum", "again", "passed"));
  EXPECT_EQ(file.subgraph().name()->str(), "main graph");
  EXPECT_EQ(file.model().description()->str(), "gemma4-circle-export");
}

TEST(WriteCircle, WritesTheCodesAndVersionsThatReadersExpect) {
  const ir::Graph graph = ParseOrDie(R"(graph {
    in %x: f32[1, 2]
    %a = rms_norm(%x): f32[1, 2]
    %b = gelu(%a): f32[1, 2]
    %c = broadcast_to(%b) {shape: [3, 2]}: f32[3, 2]
    %d = neg(%c): f32[3, 2]
    out %d })");
  const TempDir dir;
  ASSERT_OK(WriteCircle(graph, {}, dir.File("m.circle")));
  ASSERT_OK_AND_ASSIGN(const CircleFile file, CircleFile::Open(dir.File("m.circle")));
  std::vector<std::array<int, 3>> codes;
  for (const circle::OperatorCode* code : *file.model().operator_codes()) {
    codes.push_back({code->builtin_code(), code->deprecated_builtin_code(), code->version()});
  }
  using Code = std::array<int, 3>;
  EXPECT_THAT(codes,
              ElementsAre(Code{-6, -6, 1}, Code{150, 127, 1}, Code{130, 127, 2}, Code{59, 59, 1}));
}

TEST(WriteCircle, NamesAllNodesThatCannotBeWritten) {
  const TempDir dir;
  const ir::Graph graph = ParseOrDie(R"(graph {
    in %x: f32[2]
    %a = erf(%x): f32[2]
    %b = clamp(%a) {min: 0, max: 1}: f32[2]
    %c = mod(%b, %x) {fmod: true}: f32[2]
    %d = pad(%c) {before: [1], after: [0], mode: edge}: f32[3]
    out %d })");
  EXPECT_THAT(
      WriteCircle(graph, {}, dir.File("m.circle")),
      IsUnsupported(AllOf(HasSubstr("erf cannot be written"), HasSubstr("clamp cannot be written"),
                          HasSubstr("mod cannot be written"), HasSubstr("pad cannot be written"))));
  EXPECT_THAT(dir.List(), ElementsAre());
}

TEST(WriteCircle, RefusesNodesBetweenIntegersAndFloats) {
  struct Case {
    std::string body, text;
  };
  const Case cases[] = {
      {"in %x: f32[2] q(u8 0.5:0)  in %k: f32[2]  %y = add(%x, %k): f32[2] q(u8 0.5:0)",
       "'y' has qparams, 'k' has none"},
      {"in %x: f32[2] q(u8 0.5:0)  %y = cast(%x) {to: i32}: i32[2]",
       "casts 'x', which is stored as integers"},
  };
  const TempDir dir;
  for (const Case& test : cases) {
    const ir::Graph graph = ParseOrDie(absl::StrCat("graph {", test.body, "  out %y}"));
    EXPECT_THAT(WriteCircle(graph, {}, dir.File("m.circle")), IsUnsupported(HasSubstr(test.text)));
  }
}

TEST(WriteCircle, RefusesWhatIsNotStatic) {
  const TempDir dir;
  const ir::Graph graph = ParseOrDie("graph { in %x: f32[?]  %y = neg(%x): f32[?]  out %y }");
  EXPECT_FALSE(WriteCircle(graph, {}, dir.File("m.circle")).ok());
  EXPECT_THAT(dir.List(), ElementsAre());
}

TEST(WriteCircle, LeavesTheOldFileWhenItFails) {
  const TempDir dir;
  const std::string path = dir.Write("m.circle", "old");
  const ir::Graph bad = ParseOrDie("graph { in %x: f32[2]  %y = erf(%x): f32[2]  out %y }");
  EXPECT_FALSE(WriteCircle(bad, {}, path).ok());
  EXPECT_EQ(ReadFile(path), "old");
  const ir::Graph good = ParseOrDie("graph { in %x: f32[2]  %y = neg(%x): f32[2]  out %y }");
  EXPECT_THAT(WriteCircle(good, {}, dir.File("none/m.circle")),
              IsWriteFailed(HasSubstr("none/m.circle")));
  EXPECT_THAT(WriteCircle(good, {}, dir.path()), IsWriteFailed(HasSubstr(dir.path())));
  ASSERT_OK(WriteCircle(good, {}, path));
  EXPECT_OK(ReadCircle(path));
  EXPECT_THAT(dir.List(), ElementsAre("m.circle"));
}

TEST(CompareGraphs, SaysWhereTheyDiffer) {
  const std::string base = R"(graph {
    in %x: f32[2] q(u8 0.5:0)
    k %k: f32[2] q(u8 0.5:0) = u8 [1, 2]
    %a = add(%x, %k): f32[2] q(u8 0.5:0)
    %y = neg(%a): f32[2] q(u8 0.5:0)
    out %y })";
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string text = base;
    const size_t at = text.rfind(from);
    return ParseOrDie(text.replace(at, from.size(), to));
  };
  const ir::Graph graph = ParseOrDie(base);
  EXPECT_OK(CompareGraphs(graph, ParseOrDie(base)));
  struct Case {
    std::string from, to, text;
  };
  const Case cases[] = {
      {"neg", "abs", "reads back as %y = abs(%a)"},
      {"neg(%a): f32[2] q(u8 0.5:0)", "neg(%a): f32[2] q(u8 0.50000006:0)",
       "q(u8 0.5:0), reads back as f32[2] q(u8 0.50000006:0)"},
      {"neg(%a): f32[2] q(u8 0.5:0)", "neg(%a): f32[2]", "reads back as f32[2] q(?)"},
      {"[1, 2]", "[1, 3]", "operand 1: the constant's elements differ"},
      {"add(%x, %k)", "add(%k, %x)", "operand 0 is another value"},
      {"%x: f32[2] q(u8 0.5:0)", "%x: f32[2] q(u8 0.5:1)", "input 'x' is f32[2] q(u8 0.5:0)"},
      {"out %y", "out %y as z", "output 'y' is called 'z'"},
      {"out %y", "out %y  out %a", "the numbers of inputs and outputs differ"},
      {"%y = neg(%a): f32[2] q(u8 0.5:0)\n    out %y", "out %a as y", "it has 1 operators, not 2"},
  };
  for (const Case& test : cases) {
    EXPECT_THAT(CompareGraphs(graph, changed(test.from, test.to)),
                IsInvalidInput(HasSubstr(test.text)))
        << test.from;
  }
}

}  // namespace
}  // namespace g4c::backend
