// The comparison of two outputs: the smoke summary and the scatter plot.
#ifndef TOOLS_GEMMA4_CIRCLE_EXPORT_SMOKE_SUMMARY_H_
#define TOOLS_GEMMA4_CIRCLE_EXPORT_SMOKE_SUMMARY_H_

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "ir/shape.h"

namespace g4c::tools {

// Differences of one output over all samples together, in double.
class Difference {
 public:
  explicit Difference(std::string name) : name_(std::move(name)) {}

  // Adds the elements of one sample; `reference` and `other` have the same size.
  void Add(absl::Span<const float> reference, absl::Span<const float> other);
  // The outputs had unlike shapes, so nothing could be compared.
  void SetShapeMismatch(ir::Dims reference, ir::Dims other);

  const std::string& name() const { return name_; }
  bool shapes_match() const { return shapes_match_; }
  const ir::Dims& reference_shape() const { return reference_shape_; }
  const ir::Dims& other_shape() const { return other_shape_; }
  bool all_finite() const { return all_finite_; }
  int64_t count() const { return count_; }
  double mean_abs() const { return count_ == 0 ? 0 : sum_abs_ / static_cast<double>(count_); }
  double max_abs() const { return max_abs_; }
  // max|diff| / (max(reference) - min(reference)); 0 where both are equal everywhere.
  double peir() const;
  // 10 log10(mean(reference^2) / mean(diff^2)) in dB; +inf where there is no difference.
  double snr() const;

  // A scatter of `other` over `reference` in characters, for a terminal; at most `columns` wide.
  std::string Scatter(int columns = 64, int rows = 20) const;

 private:
  std::string name_;
  bool shapes_match_ = true;
  bool all_finite_ = true;
  ir::Dims reference_shape_;
  ir::Dims other_shape_;
  int64_t count_ = 0;
  double sum_abs_ = 0;
  double max_abs_ = 0;
  double sum_reference2_ = 0;
  double sum_diff2_ = 0;
  double reference_min_ = 0;
  double reference_max_ = 0;
  // A thinned-out selection of points: every `stride_`-th element; halved whenever it grows too
  // long.
  std::vector<std::pair<float, float>> points_;
  int64_t stride_ = 1;
};

// One line a case: "case  status  mean|diff|  max|diff|  PEIR  SNR  shape  finite". `min_snr`
// decides the status, -inf: only shapes and finiteness do.
std::string SmokeTable(const std::vector<Difference>& differences, double min_snr);
std::string SmokeJson(const std::vector<Difference>& differences, double min_snr);
bool Passes(const Difference& difference, double min_snr);

}  // namespace g4c::tools

#endif  // TOOLS_GEMMA4_CIRCLE_EXPORT_SMOKE_SUMMARY_H_
