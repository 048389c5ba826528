// The command lines of the export and of the verbs, parsed and checked. The text of docs/design.md
// "The command" is the contract.
#ifndef TOOLS_GEMMA4_CIRCLE_EXPORT_OPTIONS_H_
#define TOOLS_GEMMA4_CIRCLE_EXPORT_OPTIONS_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "evaluator/rounding.h"
#include "ir/dtype.h"
#include "quantization/mixed_precision.h"
#include "quantization/observer.h"
#include "quantization/tensor_store.h"

namespace g4c::tools {

// What the command line alone gets wrong: exit code 1.
template <typename... Parts>
absl::Status UsageError(const Parts&... parts) {
  return absl::FailedPreconditionError(absl::StrCat(parts...));
}

// The parser printed what was asked for (--help, --version): exit code 0.
inline absl::Status Answered() { return absl::CancelledError(); }

// How graph inputs become constants and shapes static.
struct InputOptions {
  std::vector<std::pair<std::string, std::string>> bind;  // input name, .npy file
  std::string profile;                                    // a name or a .json file
  absl::optional<std::pair<int64_t, int64_t>> grid;       // height, width
  absl::optional<int64_t> seq_len;
  std::vector<std::pair<std::string, std::vector<int64_t>>> shapes;
};

struct MachineOptions {
  int jobs = 0;  // 0: all cores
  std::string isa;
  bool quiet = false;
  bool verbose = false;
};

enum class Io { kQuantised, kFloat };

struct ExportOptions {
  std::string model;
  std::string output;  // empty: only statistics, configuration or explanations are wanted
  InputOptions inputs;
  // nullopt: not given. "float" is ir::DType::kF32.
  absl::optional<ir::DType> activation;
  absl::optional<ir::DType> weight;
  absl::optional<quantization::MixedOptions> mixed;
  std::string sensitivity;  // a .json or .csv to write
  bool to_float = false;
  Io io = Io::kQuantised;
  bool requantise = false;
  std::string calibration;
  std::map<std::string, std::string> calibration_keys;
  absl::optional<quantization::Observer> observer;
  std::string config;
  std::string save_config;
  std::vector<std::string> explain;
  std::string save_stats;
  std::vector<std::string> load_stats;
  bool hessians = false;                 // in the file of save_stats
  std::map<std::string, bool> rewrites;  // of passes::FloatRewriteNames(): switched on or off
  std::string weights_by;                // "rtn", "mse", "gptq"; empty: not given
  int64_t spill_above = quantization::kActivationMemoryBytes;
  std::string qparams;
  std::string save_qparams;
  bool drop_padding = false;
  bool valid_rows_io = false;     // implies drop_padding
  std::string target = "circle";  // a built-in one's name or a .json file
  bool explain_target = false;
  bool no_float_islands = false;
  std::vector<std::string> audits;
  bool strict = false;
  std::string dump_dir;
  std::string depfile;
  bool verify_passes = false;
  MachineOptions machine;
};

struct FileVerbOptions {  // inspect, audit, verify
  std::string file;
  bool json = false;
};

struct RunOptions {
  std::string model;
  std::vector<std::string> inputs;  // FILE.npz, or NAME=FILE.npy
  std::string output;
  bool raw = false;
  evaluator::Rounding rounding = evaluator::Rounding::kExact;
  InputOptions binding;
  MachineOptions machine;
};

struct CompareOptions {
  std::string a;
  std::string b;
  std::vector<std::string> inputs;
  absl::optional<int64_t> valid_rows;
  absl::optional<double> min_snr;
  bool json = false;
  evaluator::Rounding rounding = evaluator::Rounding::kExact;
  InputOptions binding;
  MachineOptions machine;
};

// Each takes the arguments behind the program's (and the verb's) name.
absl::StatusOr<ExportOptions> ParseExport(const std::vector<std::string>& arguments);
absl::StatusOr<FileVerbOptions> ParseFileVerb(const std::string& verb,
                                              const std::vector<std::string>& arguments);
absl::StatusOr<RunOptions> ParseRun(const std::vector<std::string>& arguments);
absl::StatusOr<CompareOptions> ParseCompare(const std::vector<std::string>& arguments);

}  // namespace g4c::tools

#endif  // TOOLS_GEMMA4_CIRCLE_EXPORT_OPTIONS_H_
