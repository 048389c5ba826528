#include "tests/support/encoder_graphs.h"

#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "ir/seeded.h"

namespace g4c {
namespace {

using ir::Dims;
using ir::Graph;
using ir::Ints;
using ir::Tensor;
using ir::ValueId;

class EncoderMaker {
 public:
  explicit EncoderMaker(const EncoderSpec& spec) : s_(spec) {}

  Graph Make() {
    graph_.name = "encoder";
    ValueId x = graph_.AddInput("x", {ir::DType::kF32, Dims{s_.batch, s_.tokens, s_.hidden}});
    for (layer_ = 0; layer_ < s_.layers; ++layer_) {
      ValueId h = Norm(x, s_.hidden, "attention_norm");
      x = Add(ir::Add{}, {x, Norm(Attention(h), s_.hidden, "after_attention_norm")});
      h = Norm(x, s_.hidden, "feed_forward_norm");
      const ValueId gate = Gelu(Linear(h, s_.hidden, s_.feed_forward, "gate"));
      const ValueId up = Linear(h, s_.hidden, s_.feed_forward, "up");
      const ValueId down = Linear(Add(ir::Mul{}, {gate, up}), s_.feed_forward, s_.hidden, "down");
      x = Add(ir::Add{}, {x, Norm(down, s_.hidden, "after_feed_forward_norm")});
    }
    graph_.AddOutput("y", x);
    return std::move(graph_);
  }

 private:
  ValueId Add(ir::Op op, std::vector<ValueId> inputs) {
    absl::StatusOr<ValueId> value =
        graph_.AddInferred(std::move(op), std::move(inputs), "v", ir::Provenance());
    G4C_CHECK(value.ok());
    return *value;
  }
  ValueId Number(float number) { return graph_.AddConstant("number", Tensor::ScalarF32(number)); }
  const Dims& DimsOf(ValueId value) const { return graph_.value(value).type.shape.dims(); }

  // Seeded by what it is, so that every spelling has the same.
  Tensor Weight(const std::string& name, const Dims& dims, double scale, double offset = 0) const {
    uint64_t seed = s_.seed * 1000 + layer_;
    for (char c : name) seed = seed * 31 + static_cast<unsigned char>(c);
    std::vector<float> numbers = ir::SeededTensor(ir::DType::kF32, dims, seed).Floats();
    for (float& number : numbers) number = static_cast<float>(number * scale + offset);
    return Tensor::Of<float>(ir::DType::kF32, dims, numbers);
  }

  ValueId Linear(ValueId x, int64_t in, int64_t out, const std::string& name) {
    return Product(x, Weight(name, {out, in}, 1 / std::sqrt(static_cast<double>(in))));
  }
  // x times weights [n, k].
  ValueId Product(ValueId x, const Tensor& weight) {
    if (!s_.transposed_weights)
      return Add(ir::FullyConnected{}, {x, graph_.AddConstant("w", weight), ir::kNoValue});
    return Add(ir::BatchMatMul{}, {x, graph_.AddConstant("w", weight.Transposed({1, 0}))});
  }

  ValueId Norm(ValueId x, int64_t channels, const std::string& name) {
    const ValueId gain = graph_.AddConstant("gain", Weight(name, {channels}, 0.2, 1));
    if (!s_.written_norms) return Add(ir::RmsNorm{1e-6f}, {x, gain});
    const int64_t last = static_cast<int64_t>(DimsOf(x).size()) - 1;
    const ValueId mean = Add(ir::ReduceMean{{last}, true}, {Add(ir::Mul{}, {x, x})});
    const ValueId sum = Add(ir::Add{}, {mean, Number(1e-6f)});
    const ValueId normed = s_.divided_norms
                               ? Add(ir::Div{}, {x, Add(ir::Sqrt{}, {sum})})
                               : Add(ir::Mul{}, {x, Add(ir::Pow{}, {sum, Number(-0.5f)})});
    return Add(ir::Mul{}, {gain, normed});
  }

  ValueId Gelu(ValueId x) {
    if (!s_.written_gelu) return Add(ir::Gelu{true}, {x});
    const ValueId cube = Add(ir::Mul{}, {Add(ir::Mul{}, {x, x}), x});
    const ValueId inner = Add(ir::Add{}, {x, Add(ir::Mul{}, {cube, Number(0.044715f)})});
    const ValueId tanh = Add(ir::Tanh{}, {Add(ir::Mul{}, {inner, Number(0.7978845608f)})});
    return Add(ir::Mul{}, {Add(ir::Mul{}, {x, Number(0.5f)}), Add(ir::Add{}, {tanh, Number(1)})});
  }

  ValueId Slice(ValueId x, int64_t axis, int64_t begin, int64_t size) {
    const Dims dims = DimsOf(x);
    ir::Slice slice{Ints(dims.size(), 0), dims, Ints(dims.size(), 1)};
    slice.begin[axis] = begin;
    slice.size[axis] = size;
    return Add(std::move(slice), {x});
  }

  // cos or sin of tokens x frequencies.
  Tensor Angles(int64_t count, bool sine, double base) const {
    std::vector<float> numbers;
    for (int t = 0; t < s_.tokens; ++t) {
      for (int64_t i = 0; i < count; ++i) {
        const double angle =
            t * std::pow(base, -static_cast<double>(i) / static_cast<double>(count));
        numbers.push_back(static_cast<float>(sine ? std::sin(angle) : std::cos(angle)));
      }
    }
    return Tensor::Of<float>(ir::DType::kF32, {s_.tokens, count}, numbers);
  }
  // The table with the axes that broadcast over x: tokens are axis 1, or 2 behind the heads.
  ValueId Table(const Tensor& table, bool heads_first, const Dims& tail) {
    Dims dims = {1, 1, 1};
    dims[heads_first ? 2 : 1] = s_.tokens;
    for (int64_t dim : tail) dims.push_back(dim);
    return graph_.AddConstant("table", table.Reshaped(dims));
  }

  // [a, b] -> [a cos - b sin, b cos + a sin], tables of half the channels.
  ValueId TurnHalves(ValueId x, double base, bool heads_first) {
    const int64_t half = DimsOf(x)[3] / 2;
    const ValueId a = Slice(x, 3, 0, half);
    const ValueId b = Slice(x, 3, half, half);
    const ValueId turned = Add(ir::Concat{-1}, {Add(ir::Neg{}, {b}), a});
    const auto doubled = [&](bool sine) {
      const Tensor once = Angles(half, sine, base);
      std::vector<float> numbers;
      for (int t = 0; t < s_.tokens; ++t) {
        for (int64_t i = 0; i < 2 * half; ++i)
          numbers.push_back(once.Floats()[t * half + i % half]);
      }
      return Table(Tensor::Of<float>(ir::DType::kF32, {s_.tokens, 2 * half}, numbers), heads_first,
                   {2 * half});
    };
    return Add(ir::Add{},
               {Add(ir::Mul{}, {x, doubled(false)}), Add(ir::Mul{}, {turned, doubled(true)})});
  }

  ValueId Rotate(ValueId x, bool heads_first) {
    const Dims dims = DimsOf(x);
    const int64_t d = dims[3];
    switch (s_.rotary) {
      case RotarySpelling::kTwoAxes:
        return Add(ir::Concat{3}, {TurnHalves(Slice(x, 3, 0, d / 2), 100, heads_first),
                                   TurnHalves(Slice(x, 3, d / 2, d / 2), 10, heads_first)});
      case RotarySpelling::kHalves:
        return TurnHalves(x, 100, heads_first);
      case RotarySpelling::kPartial:
        return Add(ir::Concat{3}, {TurnHalves(Slice(x, 3, 0, d / 2), 100, heads_first),
                                   Slice(x, 3, d / 2, d / 2)});
      case RotarySpelling::kPairs: {
        Dims pairs(dims.begin(), dims.end() - 1);
        pairs.push_back(d / 2);
        pairs.push_back(2);
        const ValueId apart = Add(ir::Reshape{pairs}, {x});
        const ValueId even = Slice(apart, 4, 0, 1);
        const ValueId odd = Slice(apart, 4, 1, 1);
        const ValueId cos = Table(Angles(d / 2, false, 100), heads_first, {d / 2, 1});
        const ValueId sin = Table(Angles(d / 2, true, 100), heads_first, {d / 2, 1});
        const auto mul = [&](ValueId a, ValueId b) { return Add(ir::Mul{}, {a, b}); };
        const ValueId first = Add(ir::Sub{}, {mul(even, cos), mul(odd, sin)});
        const ValueId second = Add(ir::Add{}, {mul(even, sin), mul(odd, cos)});
        return Add(ir::Reshape{dims}, {Add(ir::Concat{4}, {first, second})});
      }
    }
    return x;
  }

  // x [B, S, H D] to [B, H, S, D], normed and, where `rotated`, turned.
  ValueId Heads(ValueId x, int64_t heads, const std::string& norm, bool rotated) {
    x = Add(ir::Reshape{{s_.batch, s_.tokens, heads, s_.head_dim}}, {x});
    const ir::Transpose to_front{{0, 2, 1, 3}};
    if (s_.heads_first) x = Add(to_front, {x});
    x = Norm(x, s_.head_dim, norm);
    if (rotated) x = Rotate(x, s_.heads_first);
    return s_.heads_first ? x : Add(to_front, {x});
  }

  ValueId Repeat(ValueId x) {
    const int64_t group = s_.heads / s_.kv_heads;
    if (group == 1) return x;
    const Dims d = DimsOf(x);
    if (s_.gathered_repeat) {
      Ints heads;
      for (int64_t h = 0; h < s_.heads; ++h) heads.push_back(h / group);
      return Add(ir::Gather{1}, {x, graph_.AddConstant("heads", Tensor::I64(heads))});
    }
    const ValueId apart = Add(ir::Reshape{{d[0], d[1], 1, d[2], d[3]}}, {x});
    const ValueId wide = Add(ir::BroadcastTo{{d[0], d[1], group, d[2], d[3]}}, {apart});
    return Add(ir::Reshape{{d[0], d[1] * group, d[2], d[3]}}, {wide});
  }

  ValueId Mask(ValueId logits) {
    if (!s_.masked) return logits;
    const int64_t rows = s_.rows_of_mask ? s_.tokens : 1;
    std::vector<float> numbers(rows * s_.tokens, 0);
    for (int64_t r = 0; r < rows; ++r) numbers[r * s_.tokens + s_.tokens - 1] = -1e30f;
    Dims dims(DimsOf(logits).size() - 2, 1);
    dims.push_back(rows);
    dims.push_back(s_.tokens);
    return Add(ir::Add{}, {logits, graph_.AddConstant(
                                       "mask", Tensor::Of<float>(ir::DType::kF32, dims, numbers))});
  }

  ValueId Attend(ValueId q, ValueId k, ValueId v) {
    const ValueId logits = Add(ir::BatchMatMul{false, true}, {q, k});
    return Add(ir::BatchMatMul{}, {Add(ir::Softmax{}, {Mask(logits)}), v});
  }

  ValueId Attention(ValueId x) {
    const int64_t wide = s_.heads * s_.head_dim;
    const int64_t narrow = s_.kv_heads * s_.head_dim;
    const double scale = 1 / std::sqrt(static_cast<double>(s_.hidden));
    const Tensor wq = Weight("q", {wide, s_.hidden}, scale);
    const Tensor wk = Weight("k", {narrow, s_.hidden}, scale);
    const Tensor wv = Weight("v", {narrow, s_.hidden}, scale);
    ValueId q;
    ValueId k;
    ValueId v;
    if (s_.joint_projection) {
      std::vector<float> all;
      for (const Tensor* weight : {&wq, &wk, &wv}) {
        const std::vector<float> numbers = weight->Floats();
        all.insert(all.end(), numbers.begin(), numbers.end());
      }
      const ValueId joint =
          Product(x, Tensor::Of<float>(ir::DType::kF32, {wide + 2 * narrow, s_.hidden}, all));
      q = Slice(joint, 2, 0, wide);
      k = Slice(joint, 2, wide, narrow);
      v = Slice(joint, 2, wide + narrow, narrow);
    } else {
      q = Product(x, wq);
      k = Product(x, wk);
      v = Product(x, wv);
    }
    q = Heads(q, s_.heads, "q_norm", true);
    k = Heads(k, s_.kv_heads, "k_norm", true);
    v = Heads(v, s_.kv_heads, "v_norm", false);
    ValueId out;
    // One head by itself is no attention unrolled.
    if (s_.unrolled == EncoderSpec::kNo || s_.heads == 1) {
      out = Attend(q, Repeat(k), Repeat(v));
    } else {
      std::vector<ValueId> heads;
      const int64_t group = s_.heads / s_.kv_heads;
      for (int64_t h = 0; h < s_.heads; ++h) {
        const auto head = [&](ValueId all, int64_t index) {
          const ValueId one = Slice(all, 1, index, 1);
          return s_.unrolled == EncoderSpec::kHeads
                     ? one
                     : Add(ir::Reshape{{s_.batch, s_.tokens, s_.head_dim}}, {one});
        };
        heads.push_back(Attend(head(q, h), head(k, h / group), head(v, h / group)));
      }
      if (s_.unrolled == EncoderSpec::kChannels)
        return Product(Add(ir::Concat{2}, heads), Output());
      out = Add(ir::Concat{1}, heads);
    }
    out = Add(ir::Reshape{{s_.batch, s_.tokens, wide}}, {Add(ir::Transpose{{0, 2, 1, 3}}, {out})});
    return Product(out, Output());
  }
  Tensor Output() const {
    const int64_t wide = s_.heads * s_.head_dim;
    return Weight("output", {s_.hidden, wide}, 1 / std::sqrt(static_cast<double>(wide)));
  }

  const EncoderSpec s_;
  Graph graph_;
  int layer_ = 0;
};

// Draws of one seed.
class Dice {
 public:
  explicit Dice(uint64_t seed) : seed_(seed) {}
  int Of(int bound) { return static_cast<int>(ir::SeededBits(seed_, next_++) % bound); }
  bool Coin() { return Of(2) == 1; }

 private:
  uint64_t seed_;
  uint64_t next_ = 0;
};

}  // namespace

EncoderSpec RandomEncoderSpec(uint64_t seed) {
  Dice dice(seed);
  EncoderSpec spec;
  spec.seed = seed;
  spec.layers = 1 + dice.Of(2);
  spec.batch = 1 + (dice.Of(4) == 0);
  spec.tokens = 3 + dice.Of(5);
  spec.hidden = 6 + dice.Of(8);
  spec.feed_forward = 5 + dice.Of(12);
  spec.kv_heads = 1 + dice.Of(3);
  spec.heads = spec.kv_heads * (1 + dice.Of(3));
  spec.head_dim = 4 * (1 + dice.Of(4));
  spec.rotary = static_cast<RotarySpelling>(dice.Of(4));
  spec.masked = dice.Coin();
  return Respelled(spec, seed);
}

EncoderSpec Respelled(EncoderSpec spec, uint64_t seed) {
  Dice dice(~seed);
  spec.written_norms = dice.Coin();
  spec.divided_norms = dice.Coin();
  spec.written_gelu = dice.Coin();
  spec.transposed_weights = dice.Coin();
  spec.joint_projection = dice.Coin();
  spec.heads_first = dice.Coin();
  spec.rows_of_mask = dice.Coin();
  spec.gathered_repeat = dice.Coin();
  spec.unrolled = static_cast<EncoderSpec::Unrolled>(dice.Of(3));
  return spec;
}

std::string Describe(const EncoderSpec& s) {
  return absl::StrCat("seed ", s.seed, ": ", s.layers, " layers, batch ", s.batch, ", ", s.tokens,
                      " tokens, hidden ", s.hidden, ", feed-forward ", s.feed_forward, ", ",
                      s.heads, "/", s.kv_heads, " heads x ", s.head_dim, ", rotary ",
                      static_cast<int>(s.rotary), ", masked ", s.masked, "; written norms ",
                      s.written_norms, ", divided ", s.divided_norms, ", written gelu ",
                      s.written_gelu, ", transposed weights ", s.transposed_weights,
                      ", joint projection ", s.joint_projection, ", heads first ", s.heads_first,
                      ", rows of mask ", s.rows_of_mask, ", gathered repeat ", s.gathered_repeat,
                      ", unrolled ", static_cast<int>(s.unrolled));
}

Graph MakeEncoder(const EncoderSpec& spec) { return EncoderMaker(spec).Make(); }

}  // namespace g4c
