#include "gemma4_circle_export/smoke_summary.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace g4c::tools {
namespace {

constexpr size_t kMostPoints = 1 << 16;

std::string Decibels(double snr) { return std::isinf(snr) ? "inf" : absl::StrFormat("%.2f", snr); }

}  // namespace

void Difference::Add(absl::Span<const float> reference, absl::Span<const float> other) {
  for (size_t i = 0; i < reference.size(); ++i, ++count_) {
    const double r = reference[i];
    const double o = other[i];
    if (!std::isfinite(r) || !std::isfinite(o)) all_finite_ = false;
    const double diff = std::fabs(r - o);
    sum_abs_ += diff;
    max_abs_ = std::max(max_abs_, diff);
    sum_diff2_ += diff * diff;
    sum_reference2_ += r * r;
    reference_min_ = count_ == 0 ? r : std::min(reference_min_, r);
    reference_max_ = count_ == 0 ? r : std::max(reference_max_, r);
    if (count_ % stride_ != 0) continue;
    points_.emplace_back(reference[i], other[i]);
    if (points_.size() <= kMostPoints) continue;
    for (size_t k = 0; k < points_.size() / 2; ++k) points_[k] = points_[2 * k];
    points_.resize(points_.size() / 2);
    stride_ *= 2;
  }
}

void Difference::SetShapeMismatch(ir::Dims reference, ir::Dims other) {
  shapes_match_ = false;
  reference_shape_ = std::move(reference);
  other_shape_ = std::move(other);
}

double Difference::peir() const {
  if (max_abs_ == 0) return 0;
  return max_abs_ / (reference_max_ - reference_min_);
}

double Difference::snr() const {
  if (!shapes_match_ || !all_finite_) return -std::numeric_limits<double>::infinity();
  if (sum_diff2_ == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(sum_reference2_ / sum_diff2_);
}

std::string Difference::Scatter(int columns, int rows) const {
  double lo = std::numeric_limits<double>::infinity();
  double hi = -lo;
  for (const auto& [x, y] : points_) {
    if (!std::isfinite(x) || !std::isfinite(y)) continue;
    lo = std::min({lo, static_cast<double>(x), static_cast<double>(y)});
    hi = std::max({hi, static_cast<double>(x), static_cast<double>(y)});
  }
  if (!(lo <= hi)) return "";
  if (lo == hi) hi = lo + 1;
  std::vector<std::vector<int>> cells(rows, std::vector<int>(columns, 0));
  const auto column_of = [&](double v) {
    return std::clamp(static_cast<int>((v - lo) / (hi - lo) * columns), 0, columns - 1);
  };
  const auto row_of = [&](double v) {
    return rows - 1 - std::clamp(static_cast<int>((v - lo) / (hi - lo) * rows), 0, rows - 1);
  };
  for (const auto& [x, y] : points_) {
    if (std::isfinite(x) && std::isfinite(y)) ++cells[row_of(y)][column_of(x)];
  }
  // Darker marks for fuller cells; the diagonal shows where nothing differs.
  static constexpr char kMarks[] = ".:*#";
  std::string text =
      absl::StrFormat("%s: B over A, %d of %d points\n", name_, points_.size(), count_);
  for (int row = 0; row < rows; ++row) {
    const double top = hi - (hi - lo) * row / rows;
    absl::StrAppend(&text, row == 0 || row == rows - 1
                               ? absl::StrFormat("%9.3g |", row == 0 ? top : lo)
                               : std::string(9, ' ') + " |");
    for (int column = 0; column < columns; ++column) {
      const int count = cells[row][column];
      char mark = ' ';
      if (count > 0) {
        mark = kMarks[std::min(3, static_cast<int>(std::log10(static_cast<double>(count))))];
      } else if (row_of(lo + (hi - lo) * (column + 0.5) / columns) == row) {
        mark = '`';
      }
      text.push_back(mark);
    }
    while (text.back() == ' ') text.pop_back();
    text.push_back('\n');
  }
  absl::StrAppend(&text, std::string(9, ' '), " +", std::string(columns, '-'), "\n");
  absl::StrAppend(&text, std::string(11, ' '), absl::StrFormat("%-*.3g%9.3g", columns - 9, lo, hi),
                  "\n");
  return text;
}

bool Passes(const Difference& difference, double min_snr) {
  return difference.shapes_match() && difference.all_finite() && difference.snr() >= min_snr;
}

std::string SmokeTable(const std::vector<Difference>& differences, double min_snr) {
  size_t width = 4;
  for (const Difference& d : differences) width = std::max(width, d.name().size());
  const int w = static_cast<int>(width);
  std::string text = absl::StrFormat("%-*s  status  %10s  %10s  %8s  %8s  shape  finite\n", w,
                                     "case", "mean|diff|", "max|diff|", "PEIR", "SNR dB");
  for (const Difference& d : differences) {
    absl::StrAppend(
        &text, absl::StrFormat("%-*s  %-6s  ", w, d.name(), Passes(d, min_snr) ? "ok" : "FAIL"));
    if (!d.shapes_match()) {
      absl::StrAppend(&text, "A is ", ir::ShapeText(d.reference_shape()), ", B is ",
                      ir::ShapeText(d.other_shape()), "\n");
      continue;
    }
    absl::StrAppend(&text, absl::StrFormat("%10.3g  %10.3g  %8.2g  %8s  %-5s  %s\n", d.mean_abs(),
                                           d.max_abs(), d.peir(), Decibels(d.snr()), "same",
                                           d.all_finite() ? "all" : "NOT ALL"));
  }
  return text;
}

std::string SmokeJson(const std::vector<Difference>& differences, double min_snr) {
  nlohmann::ordered_json cases = nlohmann::ordered_json::array();
  for (const Difference& d : differences) {
    // Infinity has no JSON: null means that nothing differs.
    const bool number = std::isfinite(d.snr());
    cases.push_back(
        {{"case", d.name()},
         {"status", Passes(d, min_snr) ? "ok" : "fail"},
         {"mean_abs_diff", d.mean_abs()},
         {"max_abs_diff", d.max_abs()},
         {"peir", d.peir()},
         {"snr_db", number ? nlohmann::ordered_json(d.snr()) : nlohmann::ordered_json(nullptr)},
         {"shape_match", d.shapes_match()},
         {"all_finite", d.all_finite()},
         {"elements", d.count()}});
  }
  const nlohmann::ordered_json json = {{"schema_version", 1}, {"cases", std::move(cases)}};
  return json.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace g4c::tools
