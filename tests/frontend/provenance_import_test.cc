#include "frontend/provenance_import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/frontend/onnx_model.h"

namespace g4c::frontend {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ModuleOfScopesTest, IsTheLastScopeButTheNodesOwn) {
  EXPECT_EQ(ModuleOfScopes("['', 'encoder', 'encoder.layers.0', 'linear_4']"), "encoder.layers.0");
  EXPECT_EQ(ModuleOfScopes(R"(["", "encoder", "mul"])"), "encoder");
  EXPECT_EQ(ModuleOfScopes("['', 'mul']"), "");
  EXPECT_EQ(ModuleOfScopes("['mul']"), "");
  EXPECT_EQ(ModuleOfScopes(""), "");
  EXPECT_EQ(ModuleOfScopes("no list"), "");
  EXPECT_EQ(ModuleOfScopes("['', 'encoder', 'cut"), "");
}

TEST(FramesOfTraceTest, ReadsPythonTracebacks) {
  EXPECT_THAT(
      FramesOfTrace("File \"/venv/site-packages/torch/nn/linear.py\", line 134, in forward\n"
                    "    return F.linear(input, self.weight, self.bias)\n"
                    "  File \"modeling.py\", line 7, in forward\n"
                    "    x = self.proj(x)\n"
                    "    ^^^^^^^^^^^^\n"),
      ElementsAre("linear.py:134, in forward: return F.linear(input, self.weight, self.bias)",
                  "modeling.py:7, in forward: x = self.proj(x)"));
  EXPECT_THAT(FramesOfTrace("File \"a.py\", line 3\n"), ElementsAre("a.py:3"));
  EXPECT_THAT(FramesOfTrace("File \"a.py\", line 3, in <module>"),
              ElementsAre("a.py:3, in <module>"));
}

TEST(FramesOfTraceTest, IsEmptyForWhatIsNoTrace) {
  EXPECT_THAT(FramesOfTrace(""), IsEmpty());
  EXPECT_THAT(FramesOfTrace("x = 1\n\n"), IsEmpty());
  EXPECT_THAT(FramesOfTrace("File \"cut"), IsEmpty());
}

onnx::NodeProto WithProps(const std::vector<std::pair<std::string, std::string>>& props) {
  onnx::NodeProto node = Node("Max", {"a", "b"}, {"c"});
  node.set_name("node_Max_131");
  for (const auto& [key, value] : props) {
    node.add_metadata_props()->set_key(key);
    node.mutable_metadata_props()->rbegin()->set_value(value);
  }
  return node;
}

TEST(ProvenanceOfTest, DynamoExporter) {
  const ir::Provenance provenance = ProvenanceOf(WithProps(
      {{"pkg.torch.onnx.name_scopes", "['', 'layers.0.mlp', 'layers.0.mlp.gate_proj', 'clamp']"},
       {"pkg.torch.onnx.stack_trace",
        "File \"/x/modeling.py\", line 118, in forward\n  y = clamp(x)"},
       {"other", "ignored"}}));
  const ir::Origin& origin = provenance.lead();
  EXPECT_EQ(origin.node, "node_Max_131");
  EXPECT_EQ(origin.op_type, "Max");
  EXPECT_EQ(origin.module, "layers.0.mlp.gate_proj");
  EXPECT_THAT(origin.stack, ElementsAre("modeling.py:118, in forward: y = clamp(x)"));
  EXPECT_EQ(provenance.Text(), "Max 'node_Max_131' in layers.0.mlp.gate_proj (modeling.py:118)");
}

TEST(ProvenanceOfTest, OlderExporterPutsTheModuleIntoTheName) {
  onnx::NodeProto node = WithProps({});
  node.set_name("/encoder/layers.0/mlp/gate_proj/MatMul");
  EXPECT_EQ(ProvenanceOf(node).lead().module, "encoder.layers.0.mlp.gate_proj");
  node.set_name("/MatMul");
  EXPECT_EQ(ProvenanceOf(node).lead().module, "");
}

TEST(ProvenanceOfTest, WithoutEither) {
  onnx::NodeProto node = WithProps({});
  EXPECT_EQ(ProvenanceOf(node).Text(), "Max 'node_Max_131'");
  node.clear_name();
  EXPECT_EQ(ProvenanceOf(node).Text(), "Max");
}

}  // namespace
}  // namespace g4c::frontend
