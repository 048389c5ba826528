#include "frontend/op_registry.h"

#include <algorithm>
#include <iterator>
#include <tuple>

namespace g4c::frontend {
namespace {

constexpr OpRow kRows[] = {
#define G4C_ONNX_OP(domain, op_type, since, min_inputs, function) \
  {domain, op_type, since, min_inputs, function},
#include "frontend/op_rows.inc"
#undef G4C_ONNX_OP
};

constexpr absl::string_view kUseQdq =
    "it is quantised in the operator form; export the QDQ form (quant_format=QuantFormat.QDQ)";
constexpr absl::string_view kUnroll =
    "loops have no Circle form here; export with the loop unrolled";

constexpr std::pair<absl::string_view, absl::string_view> kRefused[] = {
    {"ConvInteger", kUseQdq},
    {"DynamicQuantizeLinear",
     "it ranges at run time; quantise statically (quantize_static, QDQ form)"},
    {"Loop", kUnroll},
    {"MatMulInteger", kUseQdq},
    {"QLinearConv", kUseQdq},
    {"QLinearMatMul", kUseQdq},
    {"Scan", kUnroll},
};

}  // namespace

absl::Span<const OpRow> OpRows() { return kRows; }

const OpRow* FindOp(absl::string_view domain, absl::string_view op_type) {
  const auto key = [](const OpRow& row) { return std::make_tuple(row.domain, row.op_type); };
  const auto it =
      std::lower_bound(std::begin(kRows), std::end(kRows), std::make_tuple(domain, op_type),
                       [&](const OpRow& row, const auto& wanted) { return key(row) < wanted; });
  if (it == std::end(kRows) || it->domain != domain || it->op_type != op_type) return nullptr;
  return it;
}

absl::string_view WhyRefused(absl::string_view op_type) {
  for (const auto& [name, why] : kRefused) {
    if (name == op_type) return why;
  }
  return "";
}

}  // namespace g4c::frontend
