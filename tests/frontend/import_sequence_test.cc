// frontend/import_sequence.cc: what operators become and why they are refused. Their numbers are
// compared with ONNX Runtime in tests/runtime/test_operators.py.
#include <gtest/gtest.h>

#include "tests/frontend/onnx_model.h"

namespace g4c::frontend {
namespace {

TEST(ImportSequenceTest, SequenceConstruct) {
  EXPECT_EQ(Outcome(Node("SequenceConstruct", {"x"}, {"y"})),
            "unsupported: 'y': a sequence   is an output of the graph");
  EXPECT_EQ(Outcome(Node("SequenceConstruct", {"x", ""}, {"y"})),
            "invalid: operand 1 is missing   SequenceConstruct 'n_y'");
}

TEST(ImportSequenceTest, SequenceAt) {
  EXPECT_EQ(Outcome(Node("SequenceAt", {"x", "i"}, {"y"}), {Int64s("i", {}, {0})}),
            "invalid: operand 0 is no sequence   SequenceAt 'n_y'");
}

TEST(ImportSequenceTest, Sequences) {
  EXPECT_EQ(Outcome(Model({Node("SequenceConstruct", {"x", "x"}, {"s"}),
                           Node("SequenceAt", {"s", "i"}, {"y"})},
                          {Int64s("i", {}, {0})})),
            "k   %i: i64[] = [0]; "
            "%y = sequence_item(%i, %x, %x): f32[2, 3]");
  EXPECT_EQ(Outcome(Model(
                {Node("SequenceConstruct", {"x", "x"}, {"s"}), Node("SequenceAt", {"s"}, {"y"})})),
            "invalid: operand 1 is missing   SequenceAt 'n_y'");
  EXPECT_EQ(Outcome(Model({Node("SequenceConstruct", {"x", "x"}, {"s"}),
                           Node("SequenceConstruct", {"s"}, {"y"})})),
            "invalid: operand 0 ('s') is a sequence   SequenceConstruct 'n_y'");
  EXPECT_EQ(Outcome(Model({Node("SplitToSequence", {"x"}, {"s"}, {IntAttr("keepdims", 0)}),
                           Node("SequenceAt", {"s", "i"}, {"y"})},
                          {Int64s("i", {}, {0})})),
            "k   %i: i64[] = [0]; "
            "%y = split_item(%x, -, %i) {keep_dims: false}: f32[3]");
  EXPECT_EQ(Outcome(Model({Node("SplitToSequence", {"x", "i"}, {"s"},
                                {IntAttr("keepdims", 0), IntAttr("axis", 1)}),
                           Node("Identity", {"s"}, {"t"}), Node("SequenceAt", {"t", "i"}, {"y"})},
                          {Int64s("i", {}, {1})})),
            "k   %i: i64[] = [1]; "
            "%y = split_item(%x, %i, %i) {axis: 1}: f32[2, 1]");
  EXPECT_EQ(
      Outcome(Model({Node("SequenceConstruct", {"x", "x"}, {"s"}), Node("Neg", {"s"}, {"y"})})),
      "invalid: operand 0 ('s') is a sequence   Neg 'n_y'");
  EXPECT_EQ(Outcome(Model(
                {Node("SequenceConstruct", {"x", "x"}, {"s"}), Node("Clip", {"x", "s"}, {"y"})})),
            "invalid: operand 1 ('s') is a sequence   Clip 'n_y'");
  EXPECT_EQ(Outcome(Model(
                {Node("SequenceConstruct", {"x"}, {"s"}), Node("SequenceAt", {"s", "s"}, {"y"})})),
            "invalid: operand 1 ('s') is a sequence   SequenceAt 'n_y'");
}

}  // namespace
}  // namespace g4c::frontend
