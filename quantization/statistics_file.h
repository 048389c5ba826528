// Statistics as a file, for --save-stats and --load-stats. docs/quantization.md has an example.
#ifndef QUANTIZATION_STATISTICS_FILE_H_
#define QUANTIZATION_STATISTICS_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "ir/graph.h"
#include "quantization/statistics.h"

namespace g4c::quantization {

// What statistics belong to.
struct StatisticsOrigin {
  std::string tool;  // the command and its version
  // The instruction set that the samples ran on. Float sums depend on it, so that statistics of
  // different ones are not merged; to export from them, it does not matter.
  std::string isa;
  std::string model_hash;  // of the source graph without weights
  int64_t weight_bytes = 0;
  std::string graph;  // GraphDigest()
};

// Of a float graph as it is calibrated: structure, names, and the content of all constants.
// Qparams must not have been chosen yet. Reads every constant once.
std::string GraphDigest(const ir::Graph& graph);

struct StatisticsFile {
  std::string isa;
  // False: the run was interrupted; the statistics are those of the samples that it lists.
  bool complete = true;
  // Hessians of the same samples lie behind the text (quantization/hessian_file.h).
  bool has_hessians = false;
  Statistics statistics;
};

// JSON, one line a value. The same statistics give the same text.
std::string PrintStatistics(const ir::Graph& graph, const StatisticsOrigin& origin, bool complete,
                            const Statistics& statistics, bool has_hessians = false);

// `text` is that of a whole file; what lies behind the JSON, from the first NUL byte on, is not
// looked at. InvalidInput for damaged text, and for statistics of another schema, tool, model or
// graph than `origin` (any instruction set will do).
absl::StatusOr<StatisticsFile> ParseStatistics(absl::string_view text, const ir::Graph& graph,
                                               const StatisticsOrigin& origin);

}  // namespace g4c::quantization

#endif  // QUANTIZATION_STATISTICS_FILE_H_
