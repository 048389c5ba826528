#include "passes/fuse_gelu.h"

#include <algorithm>
#include <iterator>

#include "passes/matchers.h"
#include "passes/polynomial.h"

namespace g4c::passes {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::ValueId;

constexpr double kTolerance = 1e-5;

// The argument of tanh, c x + c a x^3 with c = sqrt(2 / pi) and a = 0.044715, and of erf, x /
// sqrt(2), with the constants as f32, f16 and bf16 models hold them.
struct Coefficients {
  double c;
  double a;
  double half_root;     // as a factor
  double root_divisor;  // sqrt(2), as a divisor
};
constexpr Coefficients kCoefficients[] = {
    {0.79788456080286535588, 0.044715, 0.70710678118654752440, 1.41421356237309504880},
    {0.7978515625, 0.044708251953125, 0.70703125, 1.4140625},
    {0.796875, 0.044677734375, 0.70703125, 1.4140625},
};

bool IsArgument(const Polynomial& p, bool approximate) {
  return std::any_of(std::begin(kCoefficients), std::end(kCoefficients),
                     [&](const Coefficients& k) {
                       if (approximate)
                         return SamePolynomial(p, {{{1, 0}, k.c}, {{3, 0}, k.c * k.a}}, kTolerance);
                       return SamePolynomial(p, {{{1, 0}, k.half_root}}, kTolerance) ||
                              SamePolynomial(p, {{{1, 0}, 1 / k.root_divisor}}, kTolerance);
                     });
}

// How far above the tanh the formula may end: 1 + t, the two factors 0.5 and x, and a distributed
// sum.
constexpr int kMaxSteps = 4;

// The values of whose operands the argument may be a polynomial: every value below `u` through the
// operators that a polynomial is made of, down to a few levels.
std::vector<ValueId> CandidatesBelow(const Graph& graph, ValueId u) {
  std::vector<ValueId> found = {u};
  for (size_t i = 0; i < found.size() && found.size() < 32; ++i) {
    const ir::Node* node = graph.Producer(found[i]);
    if (node == nullptr) continue;
    const bool arithmetic = IsPlain<ir::Add>(node->op) || IsPlain<ir::Sub>(node->op) ||
                            IsPlain<ir::Mul>(node->op) || IsPlain<ir::Div>(node->op) ||
                            std::holds_alternative<ir::Square>(node->op) ||
                            std::holds_alternative<ir::Neg>(node->op);
    if (!arithmetic) continue;
    for (ValueId operand : node->inputs) {
      if (graph.IsConstant(operand) || graph.value(operand).type != graph.value(u).type) continue;
      if (std::find(found.begin(), found.end(), operand) == found.end()) found.push_back(operand);
    }
  }
  return found;
}

// Fuses the formula around t = tanh(u) or erf(u), where it is one.
bool FuseAround(Graph& graph, ValueId t, bool approximate, Report& report) {
  const Polynomial whole = {{{1, 0}, 0.5}, {{1, 1}, 0.5}};
  const ValueId u = graph.Producer(t)->inputs[0];
  for (ValueId x : CandidatesBelow(graph, u)) {
    const absl::optional<Polynomial> p = PolynomialOf(graph, u, x, ir::kNoValue);
    if (!p || !IsArgument(*p, approximate)) continue;
    // Up from t, one reader after the other, until the value is the whole formula.
    std::vector<ValueId> reached = {t};
    for (int step = 0; step < kMaxSteps; ++step) {
      std::vector<ValueId> next;
      for (ValueId value : reached) {
        for (const ir::Use& use : graph.Uses(value)) {
          const ir::Node& user = graph.node(use.node);
          if (user.outputs.size() == 1) next.push_back(user.outputs[0]);
        }
      }
      for (ValueId y : next) {
        if (graph.value(y).type != graph.value(x).type) continue;
        const absl::optional<Polynomial> q = PolynomialOf(graph, y, x, t);
        if (!q || !SamePolynomial(*q, whole, kTolerance)) continue;
        report.FusedQparams(InnerQparams(graph, y, {x}));
        const NodeId id = graph.value(y).producer;
        const ir::Provenance provenance = graph.Producer(t)->provenance;
        graph.MergeProvenance(id, provenance);
        Become(graph, y, ir::Gelu{approximate}, {x});
        return true;
      }
      reached = std::move(next);
      if (reached.size() > 8) break;
    }
  }
  return false;
}

}  // namespace

absl::StatusOr<bool> FuseGelu::Run(Graph& graph, Report& report) {
  int fused = 0;
  for (NodeId id : graph.TopologicalOrder()) {
    const bool tanh = std::holds_alternative<ir::Tanh>(graph.node(id).op);
    if (!tanh && !std::holds_alternative<ir::Erf>(graph.node(id).op)) continue;
    fused += FuseAround(graph, graph.node(id).outputs[0], tanh, report);
  }
  report.Count(name(), fused);
  if (fused > 0) graph.EraseDead();
  return fused > 0;
}

}  // namespace g4c::passes
