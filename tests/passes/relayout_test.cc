#include "passes/relayout.h"

#include <gmock/gmock.h>

#include <numeric>
#include <random>

#include "ir/tensor.h"

namespace g4c::passes {
namespace {

using ir::Dims;
using ir::Op;
using ir::Reshape;
using ir::Tensor;
using ir::Transpose;

struct Case {
  const char* name;
  Dims from;
  std::vector<Op> chain;
  std::vector<Op> shortest;
};

TEST(Relayout, HasOneFormForOneEffect) {
  const Case cases[] = {
      {"nothing", {2, 3}, {Transpose{{1, 0}}, Transpose{{1, 0}}}, {}},
      {"reshapes", {2, 6}, {Reshape{{3, 4}}, Reshape{{12}}}, {Reshape{{12}}}},
      {"a transpose of axes of 1", {1, 3, 1}, {Transpose{{2, 1, 0}}}, {}},
      {"a transpose that reshapes", {1, 3}, {Transpose{{1, 0}}}, {Reshape{{3, 1}}}},
      {"transposes",
       {2, 3, 4},
       {Transpose{{1, 2, 0}}, Transpose{{1, 2, 0}}},
       {Transpose{{2, 0, 1}}}},
      {"joined and taken apart",
       {2, 3, 4},
       {Reshape{{6, 4}}, Transpose{{1, 0}}, Reshape{{4, 2, 3}}},
       {Transpose{{2, 0, 1}}}},
      {"an axis of 1 that moves",
       {1, 3, 2, 4},
       {Transpose{{0, 2, 1, 3}}, Reshape{{2, 1, 3, 4}}},
       {Transpose{{2, 0, 1, 3}}}},
      {"heads taken apart",
       {1, 3, 8},
       {Reshape{{1, 3, 2, 4}}, Transpose{{0, 2, 1, 3}}},
       {Reshape{{1, 3, 2, 4}}, Transpose{{0, 2, 1, 3}}}},
      {"heads taken apart in two steps",
       {1, 3, 8},
       {Reshape{{3, 2, 4}}, Transpose{{1, 0, 2}}, Reshape{{1, 2, 3, 4}}},
       {Reshape{{1, 3, 2, 4}}, Transpose{{0, 2, 1, 3}}}},
      {"heads put together",
       {1, 2, 3, 4},
       {Transpose{{0, 2, 1, 3}}, Reshape{{1, 3, 8}}},
       {Transpose{{0, 2, 1, 3}}, Reshape{{1, 3, 8}}}},
      {"taken apart and put together otherwise",
       {4, 6},
       {Reshape{{2, 2, 6}}, Transpose{{1, 2, 0}}, Reshape{{2, 12}}},
       {Reshape{{2, 12}}, Transpose{{1, 0}}, Reshape{{2, 12}}}},
      {"another cut before anything moves",
       {2, 3, 4},
       {Reshape{{3, 2, 4}}, Transpose{{2, 0, 1}}},
       {Reshape{{3, 2, 4}}, Transpose{{2, 0, 1}}}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto shortest = ShortestChain(c.from, c.chain);
    ASSERT_TRUE(shortest.has_value());
    EXPECT_TRUE(*shortest == c.shortest);
    EXPECT_TRUE(ShortestChain(c.from, *shortest) == c.shortest) << "another form the second time";
  }
}

TEST(Relayout, DeclinesWhatCutsAcrossMovedAxes) {
  const std::vector<Op> chain = {Transpose{{1, 0}}, Reshape{{3, 2}}};
  EXPECT_FALSE(ShortestChain({2, 3}, {Transpose{{1, 0}}, Reshape{{2, 3}}}).has_value());
  EXPECT_FALSE(ShortestChain({0, 3}, chain).has_value());
}

Tensor Apply(Tensor x, const std::vector<Op>& chain) {
  for (const Op& op : chain) {
    if (const auto* reshape = std::get_if<Reshape>(&op)) {
      x = x.Reshaped(reshape->shape);
    } else {
      const auto& perm = std::get<Transpose>(op).perm;
      x = x.Transposed(std::vector<int>(perm.begin(), perm.end()));
    }
  }
  return x;
}

// Random chains over 48 elements: the shortest chain moves each where the chain does, and is no
// longer.
TEST(Relayout, MovesElementsAsTheChainDoes) {
  std::mt19937 random(7);
  const auto any = [&](int bound) { return static_cast<int>(random() % bound); };
  int found = 0;
  for (int round = 0; round < 3000; ++round) {
    const auto random_dims = [&] {
      Dims dims(1 + any(4), 1);
      for (int factor : {2, 2, 2, 2, 3}) dims[any(static_cast<int>(dims.size()))] *= factor;
      return dims;
    };
    const Dims from = random_dims();
    std::vector<Op> chain;
    size_t rank = from.size();
    for (int i = 1 + any(4); i > 0; --i) {
      if (any(2) == 0) {
        const Dims to = random_dims();
        rank = to.size();
        chain.push_back(Reshape{to});
      } else {
        ir::Ints perm(rank);
        std::iota(perm.begin(), perm.end(), 0);
        std::shuffle(perm.begin(), perm.end(), random);
        chain.push_back(Transpose{perm});
      }
    }
    ir::Ints numbers(48);
    std::iota(numbers.begin(), numbers.end(), 0);
    const Tensor x = Tensor::I64(numbers).Reshaped(from);
    const auto shortest = ShortestChain(from, chain);
    if (!shortest) continue;
    ++found;
    EXPECT_LE(shortest->size(), std::min<size_t>(3, chain.size()));
    const Tensor expected = Apply(x, chain);
    const Tensor actual = Apply(x, *shortest);
    ASSERT_EQ(expected.dims(), actual.dims());
    ASSERT_EQ(expected.Ints(), actual.Ints());
  }
  EXPECT_GT(found, 1500);
}

}  // namespace
}  // namespace g4c::passes
