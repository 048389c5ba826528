// Operators that work element by element.
#include "frontend/op_registry.h"

namespace g4c::frontend {

#define G4C_UNARY(OnnxName, IrName)                   \
  absl::Status Import##OnnxName(NodeContext& node) {  \
    return node.Return(ir::IrName{}, node.Inputs(1)); \
  }
G4C_UNARY(Abs, Abs)
G4C_UNARY(Ceil, Ceil)
G4C_UNARY(Cos, Cos)
G4C_UNARY(Erf, Erf)
G4C_UNARY(Exp, Exp)
G4C_UNARY(Floor, Floor)
G4C_UNARY(IsNan, IsNan)
G4C_UNARY(Log, Log)
G4C_UNARY(MicrosoftGelu, Gelu)
G4C_UNARY(Neg, Neg)
G4C_UNARY(Not, LogicalNot)
G4C_UNARY(Relu, Relu)
G4C_UNARY(Round, Round)
G4C_UNARY(Sigmoid, Logistic)
G4C_UNARY(Sign, Sign)
G4C_UNARY(Sin, Sin)
G4C_UNARY(Sqrt, Sqrt)
G4C_UNARY(Tanh, Tanh)
#undef G4C_UNARY

#define G4C_BINARY(OnnxName, IrName)                  \
  absl::Status Import##OnnxName(NodeContext& node) {  \
    return node.Return(ir::IrName{}, node.Inputs(2)); \
  }
G4C_BINARY(Add, Add)
G4C_BINARY(And, LogicalAnd)
G4C_BINARY(Div, Div)
G4C_BINARY(Equal, Equal)
G4C_BINARY(Greater, Greater)
G4C_BINARY(GreaterOrEqual, GreaterEqual)
G4C_BINARY(Less, Less)
G4C_BINARY(LessOrEqual, LessEqual)
G4C_BINARY(Mul, Mul)
G4C_BINARY(Or, LogicalOr)
G4C_BINARY(Sub, Sub)
G4C_BINARY(Xor, LogicalXor)
#undef G4C_BINARY

absl::Status ImportIdentity(NodeContext& node) {
  if (const Sequence* sequence = node.InputSequence(0)) return node.ForwardSequence(*sequence);
  return node.Forward(node.Input(0));
}

// (x, ratio, training_mode): x itself unless training.
absl::Status ImportDropout(NodeContext& node) {
  node.Ignore("seed");
  node.Input(1);
  if (node.Has(2)) {
    const ir::DType dtype = node.TypeOf(node.Input(2)).dtype;
    if (dtype != ir::DType::kBool) {
      return InvalidInput("training_mode is ", ir::DTypeName(dtype), ", not bool");
    }
    const ir::Tensor* training = node.Constant(2);
    if (training == nullptr || training->NumElements() != 1 || training->IntScalar() != 0) {
      return Unsupported("training_mode must be constant and false; export in eval mode");
    }
  }
  return node.Forward(node.Input(0));
}

// 1 / x
absl::Status ImportReciprocal(NodeContext& node) {
  return node.Return(ir::Div{}, {node.Scalar(1), node.Input(0)});
}

absl::Status ImportMod(NodeContext& node) {
  const bool fmod = node.Flag("fmod", false);
  if (!fmod && ir::IsFloat(node.TypeOf(node.Input(0)).dtype)) {
    return InvalidInput("a float operand needs fmod = 1");
  }
  return node.Return(ir::Mod{fmod}, node.Inputs(2));
}

// The exponent may have another dtype; the result has the base's. Integers to a float power are
// computed in f32, as everything that is no integer is.
absl::Status ImportPow(NodeContext& node) {
  const ir::DType base = node.TypeOf(node.Input(0)).dtype;
  const ir::DType exponent = node.TypeOf(node.Input(1)).dtype;
  const ir::DType compute = ir::IsFloat(exponent) ? exponent : base;
  ASSIGN_OR_RETURN(const ir::ValueId x, node.CastTo(node.Input(0), compute));
  ASSIGN_OR_RETURN(const ir::ValueId y, node.CastTo(node.Input(1), compute));
  if (compute == base) return node.Return(ir::Pow{}, {x, y});
  ASSIGN_OR_RETURN(const ir::ValueId power, node.Emit(ir::Pow{}, {x, y}));
  return node.Return(ir::Cast{base}, {power});
}

absl::Status ImportWhere(NodeContext& node) { return node.Return(ir::Select{}, node.Inputs(3)); }

namespace {

// op(op(a, b), c) ... over the first `count` inputs.
template <typename IrOp>
absl::StatusOr<ir::ValueId> Chain(NodeContext& node, int count) {
  ir::ValueId result = node.Input(0);
  for (int i = 1; i < count; ++i) {
    ASSIGN_OR_RETURN(result, node.Emit(IrOp{}, {result, node.Input(i)}));
  }
  return result;
}

template <typename IrOp>
absl::Status ReturnChain(NodeContext& node) {
  const int last = node.num_inputs() - 1;
  if (last == 0) return node.Forward(node.Input(0));
  ASSIGN_OR_RETURN(const ir::ValueId left, Chain<IrOp>(node, last));
  return node.Return(IrOp{}, {left, node.Input(last)});
}

}  // namespace

absl::Status ImportMax(NodeContext& node) { return ReturnChain<ir::Maximum>(node); }
absl::Status ImportMin(NodeContext& node) { return ReturnChain<ir::Minimum>(node); }
absl::Status ImportSum(NodeContext& node) { return ReturnChain<ir::Add>(node); }

// (a + b + ...) / count
absl::Status ImportMean(NodeContext& node) {
  if (node.num_inputs() == 1) return node.Forward(node.Input(0));
  ASSIGN_OR_RETURN(const ir::ValueId sum, Chain<ir::Add>(node, node.num_inputs()));
  return node.Return(ir::Div{}, {sum, node.Scalar(static_cast<float>(node.num_inputs()))});
}

// min(max(x, low), high): the upper bound wins where they cross, as ONNX says.
absl::Status ImportClip(NodeContext& node) {
  const bool low = node.Has(1);
  const bool high = node.Has(2);
  const ir::ValueId x = node.Input(0);
  if (!low && !high) return node.Forward(x);
  if (!high) return node.Return(ir::Maximum{}, {x, node.Input(1)});
  if (!low) return node.Return(ir::Minimum{}, {x, node.Input(2)});
  ASSIGN_OR_RETURN(const ir::ValueId raised, node.Emit(ir::Maximum{}, {x, node.Input(1)}));
  return node.Return(ir::Minimum{}, {raised, node.Input(2)});
}

// max(0, min(1, alpha x + beta))
absl::Status ImportHardSigmoid(NodeContext& node) {
  const ir::ValueId alpha = node.Scalar(node.Float("alpha", 0.2f));
  const ir::ValueId beta = node.Scalar(node.Float("beta", 0.5f));
  ASSIGN_OR_RETURN(const ir::ValueId scaled, node.Emit(ir::Mul{}, {node.Input(0), alpha}));
  ASSIGN_OR_RETURN(const ir::ValueId shifted, node.Emit(ir::Add{}, {scaled, beta}));
  ASSIGN_OR_RETURN(const ir::ValueId low, node.Emit(ir::Maximum{}, {shifted, node.Scalar(0)}));
  return node.Return(ir::Minimum{}, {low, node.Scalar(1)});
}

// x * sigmoid(alpha x)
absl::Status ImportSwish(NodeContext& node) {
  const float alpha = node.Float("alpha", 1.0f);
  ir::ValueId scaled = node.Input(0);
  if (alpha != 1) {
    ASSIGN_OR_RETURN(scaled, node.Emit(ir::Mul{}, {scaled, node.Scalar(alpha)}));
  }
  ASSIGN_OR_RETURN(const ir::ValueId gate, node.Emit(ir::Logistic{}, {scaled}));
  return node.Return(ir::Mul{}, {node.Input(0), gate});
}

absl::Status ImportGelu(NodeContext& node) {
  const std::string approximate = node.String("approximate", "none");
  if (approximate != "none" && approximate != "tanh") {
    return InvalidInput("approximate is '", approximate, "', neither none nor tanh");
  }
  return node.Return(ir::Gelu{approximate == "tanh"}, {node.Input(0)});
}

// gelu(x + bias), the tanh form
absl::Status ImportFastGelu(NodeContext& node) {
  ir::ValueId x = node.Input(0);
  if (node.Has(1)) {
    ASSIGN_OR_RETURN(x, node.Emit(ir::Add{}, {x, node.Input(1)}));
  }
  return node.Return(ir::Gelu{true}, {x});
}

absl::Status ImportCast(NodeContext& node) {
  // Both are about floats of 8 bits and less, which are refused.
  node.Ignore("saturate");
  node.Ignore("round_mode");
  ASSIGN_OR_RETURN(const int64_t to, node.RequiredInt("to"));
  ASSIGN_OR_RETURN(const ir::DType dtype, DTypeOfOnnx(to));
  return node.Return(ir::Cast{LogicalDType(dtype)}, {node.Input(0)});
}

absl::Status ImportCastLike(NodeContext& node) {
  node.Ignore("saturate");
  node.Ignore("round_mode");
  return node.Return(ir::Cast{node.TypeOf(node.Input(1)).dtype}, {node.Input(0)});
}

}  // namespace g4c::frontend
