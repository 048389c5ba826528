#include "evaluator/fast_node.h"

#include <random>

#include "base/parallel.h"
#include "evaluator/fast_rows.h"
#include "literal.h"

namespace g4c::evaluator {
namespace {

using ir::Dims;
using ir::Tensor;

Tensor Random(std::mt19937& random, Dims dims, double scale = 1) {
  Tensor tensor = Tensor::Allocate(ir::DType::kF32, std::move(dims));
  std::normal_distribution<float> normal(0, static_cast<float>(scale));
  for (int64_t i = 0; i < tensor.NumElements(); ++i)
    tensor.mutable_data<float>()[i] = normal(random);
  return tensor;
}

Tensor Absolute(const Tensor& x) {
  const Tensor* operand = &x;
  return EvaluateNode(ir::Abs{}, {&operand, 1}, 1).value()[0];
}

// The fast result, which must exist, and the reference's. Operands are kept from being overwritten.
struct Both {
  Tensor fast;
  Tensor reference;
};
Both Evaluate(const ir::Op& op, const std::vector<Tensor>& operands) {
  std::vector<Tensor> copies = operands;
  std::vector<Tensor*> pointers;
  for (Tensor& copy : copies) pointers.push_back(&copy);
  const std::vector<const Tensor*> inputs(pointers.begin(), pointers.end());
  Both both;
  both.reference = EvaluateNode(op, inputs, 1).value()[0];
  const ir::Type type{ir::DType::kF32, ir::Shape(both.reference.dims())};
  absl::optional<Tensor> fast = EvaluateFast(op, pointers, type);
  EXPECT_TRUE(fast.has_value()) << ir::OpName(op);
  if (fast.has_value()) both.fast = *fast;
  EXPECT_EQ(both.fast.dims(), both.reference.dims());
  return both;
}

// |fast - reference| <= k 2^-24 sum |products|: the bound of any order of summation, which bias and
// alpha widen little.
void CheckProduct(const ir::Op& op, const std::vector<Tensor>& operands, int64_t depth) {
  const Both both = Evaluate(op, operands);
  std::vector<Tensor> magnitudes;
  for (const Tensor& x : operands) magnitudes.push_back(Absolute(x));
  std::vector<const Tensor*> inputs;
  for (const Tensor& x : magnitudes) inputs.push_back(&x);
  const std::vector<float> bound = EvaluateNode(op, inputs, 1).value()[0].Floats();
  const std::vector<float> fast = both.fast.Floats(), reference = both.reference.Floats();
  for (size_t i = 0; i < fast.size(); ++i) {
    ASSERT_LE(std::abs(fast[i] - reference[i]), (depth + 2) * 0x1p-24 * bound[i]) << i;
  }
}

TEST(FastNode, ProductsOfAnyStrides) {
  std::mt19937 random(1);
  const auto plain = [&](Dims dims) { return Random(random, std::move(dims)); };
  // Stored with the last two axes swapped, and as every second column of something wider (not for
  // BLAS).
  const auto swapped = [&](int64_t rows, int64_t columns) {
    return Random(random, {columns, rows}).Transposed({1, 0});
  };
  const auto sparse = [&](int64_t rows, int64_t columns) {
    return Random(random, {rows, 2 * columns}).Sliced(1, 0, columns, 2);
  };
  for (const auto& [m, k, n] :
       {std::tuple{1, 1, 1}, {7, 13, 5}, {300, 40, 33}, {1, 64, 800}, {257, 3, 769}}) {
    for (const Tensor& a : {plain({m, k}), swapped(m, k), sparse(m, k)}) {
      for (const Tensor& b : {plain({k, n}), swapped(k, n), sparse(k, n)}) {
        CheckProduct(ir::MatMul{}, {a, b}, k);
      }
    }
    CheckProduct(ir::FullyConnected{}, {plain({m, k}), plain({n, k}), plain({n})}, k);
    CheckProduct(ir::FullyConnected{ir::Activation::kRelu6}, {plain({m, k}), swapped(n, k)}, k);
  }
}

TEST(FastNode, BatchedProducts) {
  std::mt19937 random(2);
  const auto plain = [&](Dims dims) { return Random(random, std::move(dims)); };
  // Heads behind rows, as attention has them.
  const Tensor heads = Random(random, {2, 9, 3, 5}).Transposed({0, 2, 1, 3});
  CheckProduct(ir::BatchMatMul{false, true}, {heads, heads}, 5);
  CheckProduct(ir::BatchMatMul{true, false}, {heads, heads}, 9);
  CheckProduct(ir::BatchMatMul{}, {plain({2, 3, 4, 9}), heads}, 9);
  CheckProduct(ir::BatchMatMul{}, {plain({2, 1, 4, 6}), plain({3, 6, 2})}, 6);
  CheckProduct(ir::BatchMatMul{}, {plain({4, 6}), plain({1, 3, 6, 2})}, 6);
  CheckProduct(ir::BatchMatMul{}, {heads, plain({1, 1, 5, 2})}, 5);
  CheckProduct(ir::MatMul{}, {plain({6}), plain({3, 6, 2})}, 6);
  CheckProduct(ir::MatMul{}, {plain({3, 2, 6}), plain({6})}, 6);
  CheckProduct(ir::MatMul{}, {plain({6}), plain({6})}, 6);
  CheckProduct(ir::FusedMatMul{0.25f, true, true, true, false},
               {plain({6, 3, 4, 2}), plain({3, 4, 5, 6})}, 6);
  CheckProduct(ir::FullyConnected{}, {plain({6}), plain({4, 6})}, 6);
}

TEST(FastNode, EmptyProducts) {
  EXPECT_TRUE(IsLiteral(Evaluate(ir::MatMul{}, {Literal("f32[2, 0]"), Literal("f32[0, 1]")}).fast,
                        "f32[2, 1] 0 0", 0));
  EXPECT_TRUE(IsLiteral(Evaluate(ir::FullyConnected{},
                                 {Literal("f32[2, 0]"), Literal("f32[1, 0]"), Literal("f32[1] 5")})
                            .fast,
                        "f32[2, 1] 5 5", 0));
  EXPECT_TRUE(
      IsLiteral(Evaluate(ir::MatMul{}, {Literal("f32[0, 3]"), Literal("f32[3, 1] 1 2 3")}).fast,
                "f32[0, 1]", 0));
}

TEST(FastNode, StoredAsBFloat16OrMisaligned) {
  const Tensor x = Literal("f32[1, 2] 1 2");
  EXPECT_TRUE(IsLiteral(Evaluate(ir::FullyConnected{}, {x, Literal("bf16[2, 2] 1.5 1 2 4")}).fast,
                        "f32[1, 2] 3.5 10", 0));
  auto bytes = std::make_shared<std::vector<uint8_t>>(17);
  const float weight[] = {1.5f, 1, 2, 4};
  std::memcpy(bytes->data() + 1, weight, sizeof(weight));
  const Tensor misaligned =
      *Tensor::View(ir::DType::kF32, {2, 2}, absl::MakeConstSpan(*bytes).subspan(1), bytes);
  EXPECT_TRUE(
      IsLiteral(Evaluate(ir::FullyConnected{}, {x, misaligned}).fast, "f32[1, 2] 3.5 10", 0));
  EXPECT_TRUE(IsLiteral(Evaluate(ir::Add{}, {x, misaligned}).fast, "f32[2, 2] 2.5 3 3 6", 0));
  EXPECT_TRUE(IsLiteral(Evaluate(ir::Neg{}, {misaligned}).fast, "f32[2, 2] -1.5 -1 -2 -4", 0));
}

// One rounding, as the reference: equal numbers, NaN for NaN.
void CheckExact(const ir::Op& op, const std::vector<Tensor>& operands) {
  const Both both = Evaluate(op, operands);
  const std::vector<float> f = both.fast.Floats(), r = both.reference.Floats();
  for (size_t i = 0; i < f.size(); ++i) {
    // (a - b)^2 rounds twice.
    const double slack =
        std::holds_alternative<ir::SquaredDifference>(op) ? 0x1p-22 * std::abs(r[i]) : 0;
    ASSERT_TRUE(std::abs(f[i] - r[i]) <= slack || f[i] == r[i] ||
                (std::isnan(f[i]) && std::isnan(r[i])))
        << ir::OpName(op) << " " << f[i] << " " << r[i];
  }
}

TEST(FastNode, ExactElements) {
  std::mt19937 random(3);
  const Tensor matrix = Random(random, {37, 53});
  const std::vector<std::pair<Tensor, Tensor>> operands = {
      {matrix, Random(random, {37, 53})},
      {matrix, Random(random, {53})},
      {Random(random, {37, 1}), matrix},
      {matrix, Literal("f32[] 0.3")},
      {Literal("f32[1, 1] -7"), matrix},
      {matrix, Random(random, {53, 37}).Transposed({1, 0})},
      {Random(random, {2, 1, 5, 1}), Random(random, {3, 1, 70})},
      {Random(random, {300, 200}), Random(random, {300, 1})},
      {Literal("f32[4] nan 1 inf -0"), Literal("f32[4] 1 nan -inf 0")},
      {Literal("f32[0, 3]"), Literal("f32[1] 2")},
  };
  const ir::Op ops[] = {ir::Add{},
                        ir::Sub{},
                        ir::Mul{},
                        ir::Div{},
                        ir::Maximum{},
                        ir::Minimum{},
                        ir::SquaredDifference{}};
  for (const auto& [a, b] : operands) {
    for (const ir::Op& op : ops) {
      CheckExact(op, {a, b});
    }
  }
  for (const ir::Op& op : {ir::Op(ir::Neg{}), ir::Op(ir::Abs{}), ir::Op(ir::Square{}),
                           ir::Op(ir::Relu{}), ir::Op(ir::Clamp{-0.5f, 0.25f})}) {
    const Both both = Evaluate(op, {matrix.Transposed({1, 0})});
    EXPECT_TRUE(both.fast.SameContent(both.reference)) << ir::OpName(op);
  }
  const Tensor condition = Literal("bool[2, 1] 1 0");
  for (const Tensor& other : {Literal("f32[] -1"), Random(random, {2, 5})}) {
    const Both both = Evaluate(ir::Select{}, {condition, Random(random, {5}), other});
    EXPECT_TRUE(both.fast.SameContent(both.reference));
  }
}

// Dense and far arguments, within what fast_rows.h states.
TEST(FastNode, Transcendentals) {
  std::vector<float> values = {0,      -0.0f,  INFINITY, -INFINITY, NAN,   88.7f, 88.8f,
                               -87.3f, -87.4f, -104,     1e-30f,    3e38f, -3e38f};
  for (int i = -40000; i <= 40000; ++i) values.push_back(static_cast<float>(i) * 0.0025f);
  const Tensor x =
      Tensor::Of<float>(ir::DType::kF32, {static_cast<int64_t>(values.size())}, values);
  const Tensor roots = Absolute(x);
  const auto check = [&](const ir::Op& op, const Tensor& operand, double tolerance, bool relative) {
    const Both both = Evaluate(op, {operand});
    const std::vector<float> f = both.fast.Floats(), r = both.reference.Floats(),
                             in = operand.Floats();
    for (size_t i = 0; i < f.size(); ++i) {
      if (std::isnan(r[i])) {
        ASSERT_TRUE(std::isnan(f[i])) << ir::OpName(op) << " of " << in[i];
      } else if (std::isinf(r[i])) {
        ASSERT_EQ(f[i], r[i]) << ir::OpName(op) << " of " << in[i];
      } else {
        // The fast exponential gives 0 for what would be subnormal.
        const double bound = relative
                                 ? tolerance * std::abs(r[i]) + 1.2e-38
                                 : tolerance * std::max(1.0, std::abs(static_cast<double>(r[i])));
        ASSERT_LE(std::abs(f[i] - r[i]), bound)
            << ir::OpName(op) << " of " << in[i] << ": " << r[i];
      }
    }
  };
  check(ir::Exp{}, x, 0x1p-22, true);
  check(ir::Tanh{}, x, 3e-7, false);
  check(ir::Logistic{}, x, 3e-7, false);
  check(ir::Erf{}, x, 3e-7, false);
  check(ir::Sqrt{}, roots, 0, true);
  check(ir::Rsqrt{}, roots, 1.3e-7, true);
  // -infinity * 0 is NaN in the reference's formula, 0 in the limit.
  const Tensor finite = x.Sliced(0, 5, x.dims()[0] - 5);
  check(ir::Gelu{true}, finite, 3e-7, false);
  check(ir::Gelu{false}, finite, 3e-7, false);
}

TEST(FastNode, Rows) {
  std::mt19937 random(4);
  for (const int64_t length : {1, 15, 16, 17, 64, 2520}) {
    const Tensor x = Random(random, {3, 2, length}, 5);
    const auto check = [&](const ir::Op& op, const std::vector<Tensor>& operands,
                           double tolerance) {
      const Both both = Evaluate(op, operands);
      const std::vector<float> f = both.fast.Floats(), r = both.reference.Floats();
      for (size_t i = 0; i < f.size(); ++i) {
        ASSERT_LE(std::abs(f[i] - r[i]), tolerance * std::abs(r[i]) + 1e-37)
            << ir::OpName(op) << " " << length;
      }
    };
    // |x| < 30: differences of logits below 60, rounded to 2^-24 of themselves, and an exponential.
    constexpr double kSoftmax = 60 * 0x1p-24 + 5e-7;
    check(ir::Softmax{}, {x}, kSoftmax);
    check(ir::Softmax{-0.5f}, {x.Transposed({1, 0, 2})}, kSoftmax);
    check(ir::SoftmaxAxis{2}, {x}, kSoftmax);
    check(ir::RmsNorm{}, {x}, 1e-6);
    check(ir::RmsNorm{}, {x.Transposed({1, 0, 2}), Random(random, {length})}, 1e-6);
    check(ir::RmsNorm{}, {x, Random(random, {1})}, 1e-6);
  }
  EXPECT_TRUE(IsLiteral(Evaluate(ir::Softmax{}, {Literal("f32[3] 0 -inf -3.4e38")}).fast,
                        "f32[3] 1 0 0", 0));
  EXPECT_TRUE(
      IsLiteral(Evaluate(ir::Softmax{}, {Literal("f32[2] -inf -inf")}).fast, "f32[2] nan nan", 0));
  EXPECT_TRUE(IsLiteral(Evaluate(ir::Softmax{}, {Literal("f32[2, 0]")}).fast, "f32[2, 0]", 0));
}

// Shapes of rank 0 to 4 with axes of 0 and 1, operands that broadcast into them and that lie in
// memory in any way.
class RandomShapes {
 public:
  explicit RandomShapes(uint32_t seed) : random_(seed) {}

  std::mt19937& random() { return random_; }
  int64_t Below(int64_t n) { return std::uniform_int_distribution<int64_t>(0, n - 1)(random_); }

  Dims Result() {
    constexpr int64_t kSizes[] = {1, 2, 3, 5, 16, 33};
    Dims dims(Below(5));
    for (int64_t& dim : dims) dim = Below(40) == 0 ? 0 : kSizes[Below(std::size(kSizes))];
    return dims;
  }

  // `dims` or what broadcasts to it: leading axes left out, others of 1.
  Dims Operand(const Dims& dims) {
    const int64_t left_out = Below(3) == 0 ? Below(static_cast<int64_t>(dims.size()) + 1) : 0;
    Dims operand(dims.begin() + left_out, dims.end());
    for (int64_t& dim : operand) {
      if (Below(4) == 0) dim = 1;
    }
    return operand;
  }

  // Row-major, or with two axes swapped in memory, or every second or third element of an axis,
  // forwards or backwards.
  Tensor View(const Dims& dims) {
    const int rank = static_cast<int>(dims.size());
    const int axis = rank == 0 ? 0 : static_cast<int>(Below(rank));
    Dims stored = dims;
    switch (rank == 0 ? 0 : Below(4)) {
      case 1: {
        std::vector<int> perm(rank);
        for (int i = 0; i < rank; ++i) perm[i] = i;
        std::swap(perm[axis], perm[rank - 1]);
        std::swap(stored[axis], stored[rank - 1]);
        return Random(random_, stored).Transposed(perm);
      }
      case 2:
        stored[axis] = 3 * dims[axis] + 1;
        return Random(random_, stored).Sliced(axis, 1, dims[axis], 2 + Below(2));
      case 3:
        return Random(random_, stored)
            .Sliced(axis, std::max<int64_t>(0, dims[axis] - 1), dims[axis], -1);
      default:
        return Random(random_, stored);
    }
  }

 private:
  std::mt19937 random_;
};

TEST(FastNode, ElementsOfRandomShapes) {
  RandomShapes shapes(5);
  for (int round = 0; round < 300; ++round) {
    const Dims dims = shapes.Result();
    const Tensor a = shapes.View(shapes.Operand(dims)), b = shapes.View(shapes.Operand(dims));
    SCOPED_TRACE(absl::StrCat("round ", round, ": ", absl::StrJoin(a.dims(), "x"), " and ",
                              absl::StrJoin(b.dims(), "x")));
    for (const ir::Op& op : {ir::Op(ir::Add{}), ir::Op(ir::Sub{}), ir::Op(ir::Div{}),
                             ir::Op(ir::Maximum{}), ir::Op(ir::SquaredDifference{})}) {
      CheckExact(op, {a, b});
    }
    CheckExact(ir::Abs{}, {a});
    CheckExact(ir::Clamp{-0.5f, 0.25f}, {b});
    CheckExact(ir::Select{}, {a.rank() > 0 ? Literal("bool[1] 1") : Literal("bool[] 0"), a, b});
    if (HasFailure()) return;
  }
}

TEST(FastNode, ProductsOfRandomShapes) {
  RandomShapes shapes(6);
  for (int round = 0; round < 200; ++round) {
    const Dims batch = shapes.Result();
    const int64_t m = shapes.Below(40), k = shapes.Below(40), n = shapes.Below(40);
    const bool adj_x = shapes.Below(2) == 1, adj_y = shapes.Below(2) == 1;
    Dims a = shapes.Operand(batch), b = shapes.Operand(batch);
    a.insert(a.end(), {adj_x ? k : m, adj_x ? m : k});
    b.insert(b.end(), {adj_y ? n : k, adj_y ? k : n});
    SCOPED_TRACE(
        absl::StrCat("round ", round, ": ", absl::StrJoin(a, "x"), " by ", absl::StrJoin(b, "x")));
    CheckProduct(ir::BatchMatMul{adj_x, adj_y}, {shapes.View(a), shapes.View(b)}, k);
    Dims rows = batch;
    rows.push_back(k);
    CheckProduct(ir::FullyConnected{}, {shapes.View(rows), shapes.View({n, k}), shapes.View({n})},
                 k);
    if (HasFailure()) return;
  }
}

TEST(FastNode, SameBytesForAnyNumberOfThreads) {
  std::mt19937 random(7);
  const Tensor x = Random(random, {3, 70, 333}), row = Random(random, {333});
  const Tensor square = Random(random, {900, 333}), tall = Random(random, {600, 333});
  const std::vector<std::pair<ir::Op, std::vector<Tensor>>> cases = {
      {ir::Add{}, {x, row}},
      {ir::Gelu{true}, {x}},
      {ir::Softmax{}, {x}},
      {ir::RmsNorm{}, {x, row}},
      {ir::FullyConnected{}, {tall, square}},
      {ir::BatchMatMul{false, true}, {x, x}},
  };
  const int before = NumThreads();
  for (const auto& [op, operands] : cases) {
    std::vector<Tensor> results;
    for (const int threads : {1, 2, 3}) {
      SetNumThreads(threads);
      results.push_back(Evaluate(op, operands).fast);
    }
    SetNumThreads(before);
    EXPECT_TRUE(results[0].SameContent(results[1])) << ir::OpName(op);
    EXPECT_TRUE(results[0].SameContent(results[2])) << ir::OpName(op);
  }
}

TEST(FastNode, OverwritesOnlyWhatNobodyShares) {
  Tensor x = Literal("f32[2] 1 2");
  Tensor* operand = &x;
  const ir::Type type{ir::DType::kF32, ir::Shape({2})};
  // A literal is a view: never written.
  EXPECT_NE(EvaluateFast(ir::Neg{}, {&operand, 1}, type)->bytes(), x.bytes());
  x = Tensor::Of<float>(ir::DType::kF32, {2}, {1, 2});
  const Tensor shared = x;
  EXPECT_NE(EvaluateFast(ir::Neg{}, {&operand, 1}, type)->bytes(), x.bytes());
  EXPECT_TRUE(IsLiteral(shared, "f32[2] 1 2", 0));
  x = Tensor::Of<float>(ir::DType::kF32, {2}, {1, 2});
  const uint8_t* before = x.bytes();
  const Tensor negated = *EvaluateFast(ir::Neg{}, {&operand, 1}, type);
  EXPECT_EQ(negated.bytes(), before);
  EXPECT_TRUE(IsLiteral(negated, "f32[2] -1 -2", 0));
}

TEST(FastNode, LeavesTheRestToTheReference) {
  Tensor integers = Literal("i64[2] 1 2"), reals = Literal("f32[2] 1 2");
  Tensor* pair[] = {&integers, &integers};
  const ir::Type type{ir::DType::kI64, ir::Shape({2})};
  EXPECT_FALSE(EvaluateFast(ir::Add{}, pair, type).has_value());
  EXPECT_FALSE(EvaluateFast(ir::MatMul{}, pair, type).has_value());
  Tensor* one[] = {&reals};
  EXPECT_FALSE(EvaluateFast(ir::Sin{}, one, {ir::DType::kF32, ir::Shape({2})}).has_value());
}

}  // namespace
}  // namespace g4c::evaluator
