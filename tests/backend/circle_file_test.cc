#include "backend/circle_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <random>

#include "absl/strings/str_cat.h"
#include "backend/circle_reader.h"
#include "backend/circle_verifier.h"
#include "backend/circle_writer.h"
#include "backend/inspect.h"
#include "file_maker.h"
#include "tests/support/ir_testing.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace g4c::backend {
namespace {

using namespace circle;  // NOLINT: the operators' and types' numbers
using ::testing::AllOf;
using ::testing::HasSubstr;

// x [2] -> ABS -> y [2], with two spare int tensors.
struct Base : FileMaker {
  Base() {
    inputs = {Tensor("x", {2})};
    outputs = {Tensor("y", {2})};
    Op(BuiltinOperator_ABS, {0}, {1});
  }
};

absl::Status Open(FileMaker& maker) {
  const TempDir dir;
  return CircleFile::Open(dir.Write("m.circle", maker.Finish())).status();
}

TEST(CircleFile, OpensAGoodFile) {
  Base maker;
  const TempDir dir;
  ASSERT_OK_AND_ASSIGN(const CircleFile file,
                       CircleFile::Open(dir.Write("m.circle", maker.Finish())));
  EXPECT_EQ(file.tensors().size(), 2u);
  EXPECT_EQ(file.Describe(0), "operator 0 ABS");
  EXPECT_FALSE(file.is_tflite());
}

TEST(CircleFile, NamesFilesThatAreNoModel) {
  const TempDir dir;
  EXPECT_THAT(CircleFile::Open(dir.File("none")).status(), IsInvalidInput(HasSubstr("none")));
  for (const std::string& bytes : {std::string(), std::string("CIR0"), std::string(4000, 'x')}) {
    EXPECT_THAT(CircleFile::Open(dir.Write("m", bytes)).status(),
                IsInvalidInput(HasSubstr("not a .circle or .tflite file")));
  }
  EXPECT_THAT(CircleFile::Open(dir.Write("m", std::string("\xff\xff\0\0CIR0....", 12))).status(),
              IsInvalidInput(HasSubstr("damaged")));
}

TEST(CircleFile, NamesEveryIndexThatNamesNothing) {
  {
    Base maker;
    maker.Tensor("w", {2}, TensorType_FLOAT32, {}, 9);
    maker.Op(BuiltinOperator_ABS, {17}, {-1});
    maker.outputs.push_back(5);
    EXPECT_THAT(Open(maker),
                IsInvalidInput(AllOf(HasSubstr("m.circle: \n"),
                                     HasSubstr("tensor 2 'w' has buffer 9, there are 1"),
                                     HasSubstr("operator 1: input 0 is tensor 17, there are 3"),
                                     HasSubstr("operator 1: output 0 is tensor -1, there are 3"),
                                     HasSubstr("output 1 is tensor 5, there are 3"))));
  }
  {
    Base maker;
    maker.codes.clear();
    EXPECT_THAT(Open(maker),
                IsInvalidInput(HasSubstr("operator 0 has operator code 0, there are 0")));
  }
  {
    Base maker;
    const std::vector<flatbuffers::Offset<TensorMap>> maps = {
        CreateTensorMapDirect(maker.fbb, "x", 77)};
    maker.signatures = {CreateSignatureDefDirect(maker.fbb, &maps, nullptr, "a"),
                        CreateSignatureDefDirect(maker.fbb, &maps, nullptr, "b", 3)};
    EXPECT_THAT(Open(maker),
                IsInvalidInput(AllOf(HasSubstr("signature 0 names tensor 77, there are 2"),
                                     HasSubstr("signature 1 has subgraph 3, there are 1"))));
  }
}

TEST(CircleFile, ChecksTensors) {
  struct Case {
    std::vector<int> shape;
    TensorType type;
    FileMaker::Quant quant;
    std::vector<uint8_t> data;
    std::string text;
  };
  const Case cases[] = {
      {{-1, 2}, TensorType_FLOAT32, {}, {}, "tensor 2 'w': "},
      {{2147483647, 2147483647, 2}, TensorType_FLOAT32, {}, {}, "tensor 2 'w': "},
      {{3},
       TensorType_FLOAT32,
       {},
       {1, 2, 3, 4},
       "tensor 2 'w': its shape [3] of f32 needs 12 bytes, its buffer has 4"},
      {{3},
       TensorType_INT4,
       {{1}, {0}},
       {1},
       "its shape [3] of i4 needs 2 bytes, its buffer has 1"},
      {{2}, TensorType_UINT8, {{0.0f}, {0}}, {}, "the scale 0 is not a finite number above 0"},
      {{2}, TensorType_UINT8, {{NAN}, {0}}, {}, "the scale nan"},
      {{2}, TensorType_UINT8, {{1.0f}, {256}}, {}, "the zero point 256 is no u8"},
      {{2}, TensorType_UINT8, {{1.0f, 1.0f}, {0, 0, 0}}, {}, "2 scales, but 3 zero points"},
      {{3},
       TensorType_UINT8,
       {{1.0f, 1.0f}, {0, 0}},
       {},
       "2 scales for the 3 channels of axis 0 of the shape [3]"},
      {{3},
       TensorType_UINT8,
       {{1.0f, 1.0f}, {0, 0}, 4},
       {},
       "quantized_dimension 4 of the shape [3]"},
      {{3}, TensorType_UINT8, {{1.0f, 1.0f}, {0, 0}, -1}, {}, "quantized_dimension -1"},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(test.text);
    Base maker;
    maker.Tensor("w", test.shape, test.type, test.quant,
                 test.data.empty() ? 0 : maker.Buffer(test.data));
    EXPECT_THAT(Open(maker), IsInvalidInput(HasSubstr(test.text)));
  }
  for (TensorType type :
       {TensorType_STRING, TensorType_COMPLEX64, TensorType_GGML_Q4_0, TensorType_MXFP4}) {
    Base maker;
    maker.Tensor("w", {2}, type);
    EXPECT_THAT(Open(maker), IsUnsupported(AllOf(HasSubstr("tensor 2 'w': its elements are "),
                                                 HasSubstr(EnumNameTensorType(type)))));
  }
}

TEST(CircleFile, ChecksBuffersOutsideTheFlatBuffer) {
  for (const auto& [offset, size] : std::vector<std::pair<uint64_t, uint64_t>>{
           {1 << 20, 8}, {~uint64_t{0} - 3, 8}, {16, ~uint64_t{0}}}) {
    Base maker;
    maker.buffers.push_back(CreateBuffer(maker.fbb, 0, offset, size));
    maker.Tensor("w", {2}, TensorType_FLOAT32, {}, 1);
    EXPECT_THAT(Open(maker), IsInvalidInput(AllOf(HasSubstr("tensor 2 'w': its buffer is "),
                                                  HasSubstr(absl::StrCat("at offset ", offset)))));
  }
}

TEST(CircleFile, ChecksThatTensorsAreProducedOnceAndInTime) {
  {
    Base maker;
    maker.Op(BuiltinOperator_ABS, {0}, {1});
    EXPECT_THAT(Open(maker),
                IsInvalidInput(HasSubstr(
                    "tensor 1 'y' is given by operator 1 ABS, but has data or another source")));
  }
  {
    Base maker;
    maker.Tensor("late", {2});
    maker.Op(BuiltinOperator_ABS, {3}, {2});
    maker.Tensor("later", {2});
    maker.Op(BuiltinOperator_ABS, {0}, {3});
    EXPECT_THAT(
        Open(maker),
        IsInvalidInput(HasSubstr("operator 1 ABS reads tensor 3 'later' before it is produced")));
  }
  {
    Base maker;
    maker.Tensor("ghost", {2});
    maker.Tensor("z", {2});
    maker.Op(BuiltinOperator_ABS, {2}, {3});
    EXPECT_THAT(
        Open(maker),
        IsInvalidInput(HasSubstr("operator 1 ABS reads tensor 2 'ghost', which nothing produces")));
  }
  {
    Base maker;
    maker.Tensor("ghost", {2});
    maker.outputs.push_back(2);
    EXPECT_THAT(Open(maker),
                IsInvalidInput(HasSubstr("output 1 is tensor 2 'ghost', which nothing produces")));
  }
  {
    Base maker;
    maker.inputs.push_back(maker.Ints("k", {1}));
    EXPECT_THAT(Open(maker), IsInvalidInput(HasSubstr("tensor 2 'k' is given by graph input 1")));
  }
}

// Whatever the bytes: an error or a graph, never a crash (run under the sanitizers, too).
void OpenEverything(const std::string& path) {
  static_cast<void>(ReadCircle(path));
  static_cast<void>(VerifyCircleFile(path));
  const absl::StatusOr<Inspection> inspection = InspectCircle(path);
  if (inspection.ok()) static_cast<void>(InspectionJson(*inspection, true));
}

std::string SmallFile(const TempDir& dir) {
  const ir::Graph graph = ParseOrDie(R"(graph {
    in %x: f32[2, 4] q(u8 0.5:128)
    k %w: f32[3, 4] q(u8 per_channel 0 [0.25, 0.5, 1] [1, 2, 3]) = u8 [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    %f = fully_connected(%x, %w): f32[2, 3] q(u8 0.1:7)
    %t = transpose(%f) {perm: [1, 0]}: f32[3, 2] q(u8 0.1:7)
    %s = slice(%t) {begin: [2, 0], size: [2, 2], stride: [-1, 1]}: f32[2, 2] q(u8 0.1:7)
    %p = pad(%s) {before: [1, 0], after: [0, 0], value: 1}: f32[3, 2] q(u8 0.1:7)
    %y = dequantize(%p): f32[3, 2]
    out %y })");
  const std::string path = dir.File("small.circle");
  EXPECT_OK(WriteCircle(graph, {}, path));
  return ReadFile(path);
}

// A file that is changed in place: thousands of rewritten files would wait for the disk.
class ChangingFile {
 public:
  ChangingFile(const TempDir& dir, const std::string& bytes)
      : path_(dir.Write("changing.circle", bytes)), descriptor_(open(path_.c_str(), O_RDWR)) {}
  ~ChangingFile() { close(descriptor_); }

  void Set(size_t at, uint8_t value) { ASSERT_EQ(pwrite(descriptor_, &value, 1, at), 1); }
  void Cut(size_t size) { ASSERT_EQ(ftruncate(descriptor_, size), 0); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int descriptor_;
};

TEST(CircleFile, StandsTruncation) {
  const TempDir dir;
  const std::string bytes = SmallFile(dir);
  ChangingFile file(dir, bytes);
  for (size_t size = bytes.size(); size-- > 0;) {
    file.Cut(size);
    EXPECT_FALSE(ReadCircle(file.path()).ok()) << size;
    OpenEverything(file.path());
  }
}

TEST(CircleFile, StandsOneDamagedByte) {
  const TempDir dir;
  const std::string bytes = SmallFile(dir);
  ChangingFile file(dir, bytes);
  std::mt19937 random(1);
  for (size_t at = 8; at < bytes.size(); ++at) {
    for (const int value : {0, 1, 0x7f, 0x80, 0xff, static_cast<int>(random() % 256)}) {
      file.Set(at, static_cast<uint8_t>(value));
      OpenEverything(file.path());
    }
    file.Set(at, static_cast<uint8_t>(bytes[at]));
  }
}

TEST(CircleFile, StandsManyDamagedBytes) {
  const TempDir dir;
  const std::string bytes = SmallFile(dir);
  ChangingFile file(dir, bytes);
  std::mt19937 random(2);
  for (int run = 0; run < 2000; ++run) {
    std::vector<size_t> changed(1 + random() % 8);
    for (size_t& at : changed) {
      at = 8 + random() % (bytes.size() - 8);
      // Small numbers are the likely indices, lengths and types.
      file.Set(at, static_cast<uint8_t>(random() % 2 == 0 ? random() % 16 : random() % 256));
    }
    OpenEverything(file.path());
    for (const size_t at : changed) file.Set(at, static_cast<uint8_t>(bytes[at]));
  }
}

}  // namespace
}  // namespace g4c::backend
