#include "gemma4_circle_export/options.h"

#include <CLI/CLI.hpp>
#include <iostream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "evaluator/isa.h"
#include "gemma4_circle_export/float_rewrites.h"
#include "gemma4_circle_export/version.h"
#include "passes/pipeline.h"

namespace g4c::tools {
namespace {

// "NAME=VALUE", as texts; the first "=" parts them.
absl::StatusOr<std::pair<std::string, std::string>> SplitPair(const std::string& option,
                                                              const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    return UsageError(option, " needs NAME=VALUE, not '", text, "'");
  }
  return std::make_pair(text.substr(0, equals), text.substr(equals + 1));
}

absl::StatusOr<std::vector<int64_t>> ParseDims(const std::string& option, const std::string& text,
                                               char separator) {
  std::vector<int64_t> dims;
  for (absl::string_view part : absl::StrSplit(text, separator)) {
    int64_t dim = 0;
    if (!absl::SimpleAtoi(part, &dim) || dim < 1) {
      return UsageError(option, ": '", text, "' is no list of positive numbers");
    }
    dims.push_back(dim);
  }
  return dims;
}

// Texts as the parser collects them; checked and taken apart afterwards.
struct InputTexts {
  std::vector<std::string> bind;
  std::vector<std::string> shapes;
  std::string grid;
  int64_t seq_len = 0;
};

void AddInputOptions(CLI::App& app, InputOptions& options, InputTexts& texts) {
  app.add_option("--bind", texts.bind,
                 "NAME=FILE.npy: this graph input becomes a constant (repeatable)")
      ->take_all()
      ->type_size(1)
      ->expected(1)
      ->allow_extra_args(false);
  app.add_option("--profile", options.profile,
                 "a named patch grid: e2b_66x36_264, e2b_57x42_266, or a .json file");
  app.add_option("--grid", texts.grid,
                 "HxW: patch grid, height x width; makes pixel_position_ids and attention_mask");
  app.add_option("--seq-len", texts.seq_len, "patch slots S, where the graph leaves them open")
      ->check(CLI::PositiveNumber);
  app.add_option("--shape", texts.shapes, "NAME=D0,D1,...: the shape of a graph input (repeatable)")
      ->take_all()
      ->type_size(1)
      ->expected(1)
      ->allow_extra_args(false);
}

void AddRounding(CLI::App& app, evaluator::Rounding& rounding) {
  app.add_option_function<std::string>(
         "--rounding", [&](const std::string& name) { rounding = *evaluator::RoundingOf(name); },
         "of integers in a .circle: exact (docs/integer_semantics.md), or as LiteRT's kernels do")
      ->check(CLI::IsMember({"exact", "litert"}));
}

void AddMachineOptions(CLI::App& app, MachineOptions& options) {
  app.add_option("--jobs", options.jobs, "threads (default: all cores)")
      ->check(CLI::PositiveNumber);
  app.add_option("--isa", options.isa,
                 absl::StrCat("pin the instruction set of float arithmetic: ",
                              absl::StrJoin(evaluator::IsaNames(), ", ")))
      ->check(CLI::IsMember(evaluator::IsaNames()));
  app.add_flag("--quiet", options.quiet, "print errors only");
  app.add_flag("--verbose", options.verbose, "print passes, times and what was declined");
}

absl::Status TakeInputs(const CLI::App& app, const InputTexts& texts, InputOptions& options) {
  for (const std::string& text : texts.bind) {
    ASSIGN_OR_RETURN(auto pair, SplitPair("--bind", text));
    options.bind.push_back(std::move(pair));
  }
  for (const std::string& text : texts.shapes) {
    ASSIGN_OR_RETURN(const auto pair, SplitPair("--shape", text));
    ASSIGN_OR_RETURN(std::vector<int64_t> dims, ParseDims("--shape", pair.second, ','));
    options.shapes.emplace_back(pair.first, std::move(dims));
  }
  if (!texts.grid.empty()) {
    ASSIGN_OR_RETURN(const std::vector<int64_t> dims, ParseDims("--grid", texts.grid, 'x'));
    if (dims.size() != 2) return UsageError("--grid needs HxW, e.g. 36x66, not '", texts.grid, "'");
    options.grid = {dims[0], dims[1]};
  }
  if (app.count("--seq-len") > 0) options.seq_len = texts.seq_len;
  if (options.grid && !options.profile.empty())
    return UsageError("--grid and --profile exclude each other");
  if (options.seq_len && !options.grid) return UsageError("--seq-len needs --grid");
  return absl::OkStatus();
}

absl::StatusOr<absl::optional<ir::DType>> ParseNumbers(const std::string& option,
                                                       const std::string& text,
                                                       const std::vector<std::string>& allowed) {
  if (text.empty()) return absl::optional<ir::DType>();
  if (std::find(allowed.begin(), allowed.end(), text) == allowed.end()) {
    return UsageError(option, " '", text, "' is none of ", absl::StrJoin(allowed, ", "));
  }
  if (text == "float") return absl::optional<ir::DType>(ir::DType::kF32);
  return absl::optional<ir::DType>(*ir::ParseDType(text));
}

// Runs the parser over the arguments.
absl::Status Parse(CLI::App& app, const std::vector<std::string>& arguments) {
  // CLI11 takes its arguments last first.
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    std::cout << app.help();
    return Answered();
  } catch (const CLI::CallForVersion&) {
    std::cout << VersionText() << "\n";
    return Answered();
  } catch (const CLI::ParseError& error) {
    return UsageError(error.what());
  }
  return absl::OkStatus();
}

bool Given(absl::optional<ir::DType> dtype) {
  return dtype.has_value() && *dtype != ir::DType::kF32;
}

// "25%" or "0.25".
absl::StatusOr<double> ParseShare(const std::string& text) {
  double share = 0;
  const bool percent = text.ends_with("%");
  if (!absl::SimpleAtod(text.substr(0, text.size() - (percent ? 1 : 0)), &share) ||
      !(share >= 0 && share <= (percent ? 100 : 1))) {
    return UsageError("--budget '", text, "' is no share such as 25% or 0.25");
  }
  return percent ? share / 100 : share;
}

struct MixedTexts {
  std::string dtypes;
  std::string budget;
  std::string of;
};

absl::StatusOr<absl::optional<quantization::MixedOptions>> ParseMixed(const MixedTexts& texts) {
  if (texts.dtypes.empty()) {
    if (texts.budget.empty() && texts.of.empty())
      return absl::optional<quantization::MixedOptions>();
    return UsageError("--budget and --budget-of need --mixed");
  }
  quantization::MixedOptions mixed;
  const std::vector<std::string> dtypes = absl::StrSplit(texts.dtypes, ',');
  if (dtypes.size() != 2 || (dtypes[0] != "u8" && dtypes[0] != "i8") || dtypes[1] != "i16") {
    return UsageError("--mixed '", texts.dtypes, "' is none of u8,i16 and i8,i16");
  }
  if (texts.budget.empty()) return UsageError("--mixed needs --budget, such as 25%");
  mixed.narrow = *ir::ParseDType(dtypes[0]);
  ASSIGN_OR_RETURN(mixed.budget, ParseShare(texts.budget));
  if (!texts.of.empty() && texts.of != "elements" && texts.of != "macs") {
    return UsageError("--budget-of '", texts.of, "' is none of elements, macs");
  }
  if (texts.of == "macs") mixed.of = quantization::BudgetOf::kMacs;
  return absl::optional<quantization::MixedOptions>(mixed);
}

absl::Status CheckContradictions(const ExportOptions& options) {
  const bool calibrates = !options.calibration.empty() || !options.calibration_keys.empty();
  if (options.to_float) {
    if (Given(options.activation) || Given(options.weight) || calibrates ||
        !options.qparams.empty() || !options.save_qparams.empty() || options.requantise ||
        !options.weights_by.empty()) {
      return UsageError(
          "--float excludes --activation, --weight, --weights-by, --calibration, --qparams, "
          "--save-qparams and --requantise");
    }
  }
  if (!options.qparams.empty() && calibrates)
    return UsageError("--qparams and --calibration exclude each other");
  const bool has_statistics = !options.save_stats.empty() || !options.load_stats.empty();
  const bool has_rules =
      !options.config.empty() || !options.save_config.empty() || !options.explain.empty();
  if (options.output.empty() && options.save_stats.empty() && options.save_config.empty() &&
      options.explain.empty() && !options.explain_target) {
    return UsageError("-o is needed: the .circle file to write");
  }
  if (has_rules && (options.to_float || !options.qparams.empty())) {
    return UsageError(
        "--config, --save-config and --explain belong to quantising: they exclude --float and "
        "--qparams");
  }
  if (has_statistics &&
      (options.to_float || !options.qparams.empty() || options.activation == ir::DType::kF32)) {
    return UsageError(
        "--save-stats and --load-stats belong to calibration: they exclude --float, "
        "--activation float and --qparams");
  }
  if (!options.save_stats.empty() && options.calibration.empty() && options.load_stats.empty()) {
    return UsageError("--save-stats needs --calibration, or --load-stats to merge");
  }
  if (options.mixed && !options.load_stats.empty() && options.calibration.empty()) {
    return UsageError("--mixed runs samples: with --load-stats it needs --calibration");
  }
  if (options.observer == quantization::Observer::kBlock && !options.load_stats.empty() &&
      options.calibration.empty()) {
    return UsageError("--observer block runs samples: with --load-stats it needs --calibration");
  }
  if (options.observer &&
      (options.to_float || !options.qparams.empty() || options.activation == ir::DType::kF32)) {
    return UsageError(
        "--observer chooses ranges of calibration: it excludes --float, --activation "
        "float and --qparams");
  }
  if (!options.qparams.empty() && (options.activation || options.weight)) {
    return UsageError("--qparams brings its own dtypes; drop --activation and --weight");
  }
  if (!options.calibration_keys.empty() && options.calibration.empty()) {
    return UsageError("--calibration-key needs --calibration");
  }
  if (!options.qparams.empty() && !options.weights_by.empty()) {
    return UsageError("--qparams brings its own ranges of weights; drop --weights-by");
  }
  if (!options.rewrites.empty() &&
      (options.to_float || !options.qparams.empty() || options.activation == ir::DType::kF32)) {
    return UsageError(
        "--rewrite prepares a model for its integers: it excludes --float, --activation float, and "
        "--qparams, which brings its own");
  }
  if (options.hessians && !has_statistics) {
    return UsageError("--stats says what --save-stats writes, which is not given");
  }
  if (options.weights_by == "gptq" && options.calibration.empty() && options.load_stats.empty()) {
    return UsageError("--weights-by gptq needs --calibration, or --load-stats with Hessians");
  }
  if (options.activation == ir::DType::kF32 && calibrates &&
      (!Given(options.weight) || options.weights_by == "rtn")) {
    return UsageError(
        "--activation float needs no --calibration with float weights or --weights-by rtn");
  }
  if (Given(options.activation) && options.weight == ir::DType::kF32) {
    return UsageError("--weight float needs --activation float");
  }
  if (options.mixed && (options.to_float || !options.qparams.empty())) {
    return UsageError("--mixed chooses dtypes by calibration: not with --float or --qparams");
  }
  if (options.mixed && options.activation && *options.activation != options.mixed->narrow) {
    return UsageError("--mixed and --activation name different narrow dtypes; drop --activation");
  }
  if (!options.sensitivity.empty()) {
    if (!options.sensitivity.ends_with(".json") && !options.sensitivity.ends_with(".csv")) {
      return UsageError("--sensitivity '", options.sensitivity,
                        "': the name must end in .json or .csv");
    }
    if (options.to_float || options.calibration.empty()) {
      return UsageError("--sensitivity measures quantisation on samples: it needs --calibration");
    }
  }
  if (!options.target.ends_with(".json") && options.target != "circle" &&
      options.target != "onert" && options.target != "litert") {
    return UsageError("--target '", options.target,
                      "' is none of circle, onert, litert and no .json file");
  }
  for (const std::string& path : options.audits) {
    if (!path.ends_with(".txt") && !path.ends_with(".json")) {
      return UsageError("--audit '", path, "': the name must end in .txt or .json");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ExportOptions> ParseExport(const std::vector<std::string>& arguments) {
  ExportOptions options;
  InputTexts inputs;
  std::string activation;
  std::string weight;
  std::string io;
  MixedTexts mixed;
  std::string observer;
  std::string stats;
  std::vector<std::string> keys;
  std::vector<std::string> rewrites;
  int64_t spill_mib = quantization::kActivationMemoryBytes >> 20;
  CLI::App app("Compiles an exported Gemma 4 vision encoder (ONNX) to a quantised Circle file.",
               "gemma4-circle-export");
  app.set_version_flag("--version", VersionText());
  app.footer(
      "Verbs: gemma4-circle-export inspect|audit|verify FILE.circle [--json]\n"
      "       gemma4-circle-export run MODEL --inputs FILE.npz|NAME=FILE.npy ... -o OUT.npz\n"
      "       gemma4-circle-export compare A B --inputs ...\n"
      "Exit codes: 0 done, 1 usage, 2 input, 3 findings under --strict, 4 unsupported, 5 writing "
      "failed.");
  app.add_option("MODEL", options.model, "the ONNX file")->required();
  app.add_option("-o,--output", options.output,
                 "the .circle file to write; may be left out with --save-stats, --save-config, "
                 "--explain and --explain-target");
  AddInputOptions(app, options.inputs, inputs);
  app.add_option("--activation", activation, "u8 | i8 | i16 | float (u8)");
  app.add_option("--weight", weight, "u8 | i8 | u4 | i4 | i16 | float (u8)");
  app.add_option("--mixed", mixed.dtypes,
                 "u8,i16 | i8,i16: give the activations that gain most the second dtype");
  app.add_option("--budget", mixed.budget,
                 "the largest share of the wider dtype under --mixed, such as 25%");
  app.add_option("--budget-of", mixed.of, "elements | macs (elements): what the budget counts");
  app.add_option("--sensitivity", options.sensitivity,
                 "write the noise that each module causes alone to this .json or .csv");
  app.add_flag("--float", options.to_float, "write a float file");
  app.add_option("--io", io, "quantised | float: graph inputs and outputs (quantised)");
  app.add_flag("--requantise", options.requantise,
               "drop the Q/DQ pairs of the graph and quantise anew");
  app.add_option("--calibration", options.calibration,
                 "samples: FILE.npz, FILE.npy or a folder of them");
  app.add_option("--calibration-key", keys,
                 "NAME=KEY: the member of the samples that an input reads (repeatable)")
      ->take_all()
      ->type_size(1)
      ->expected(1)
      ->allow_extra_args(false);
  app.add_option(
      "--observer", observer,
      "how calibration chooses ranges: block | minmax | percentile | mse | entropy (block)");
  app.add_option("--config", options.config,
                 "rules that say by module, operator and role how finely what is quantised");
  app.add_option("--save-config", options.save_config, "write the effective rules to this file");
  app.add_option("--explain", options.explain,
                 "say which rule decides how this value is quantised (repeatable)")
      ->take_all()
      ->type_size(1)
      ->expected(1)
      ->allow_extra_args(false);
  app.add_option("--save-stats", options.save_stats,
                 "write what calibration observed to this file; goes on where it is there already");
  app.add_option("--load-stats", options.load_stats,
                 "take what calibration observed from this file (repeatable: merged)")
      ->take_all()
      ->type_size(1)
      ->expected(1)
      ->allow_extra_args(false);
  app.add_option("--stats", stats,
                 "hessian: --save-stats also writes what GPTQ needs to do without samples")
      ->check(CLI::IsMember({"hessian"}));
  app.add_option("--rewrite", rewrites,
                 absl::StrCat("NAME=on|off: an exact rewrite of float weights (repeatable): ",
                              absl::StrJoin(passes::FloatRewriteNames(), ", ")))
      ->take_all()
      ->type_size(1)
      ->expected(1)
      ->allow_extra_args(false);
  app.add_option("--weights-by", options.weights_by,
                 "rtn | mse | gptq: how weights get ranges and integers (gptq; mse without "
                 "--calibration or Hessians)")
      ->check(CLI::IsMember({"rtn", "mse", "gptq"}));
  app.add_option("--spill-above", spill_mib,
                 "MiB of the samples' activations to keep in memory; what goes past lies in a "
                 "temporary file in $TMPDIR (1024)")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 40));
  app.add_option("--qparams", options.qparams, "take qparams from this file");
  app.add_option("--save-qparams", options.save_qparams, "write the qparams to this file");
  app.add_flag("--drop-padding", options.drop_padding,
               "compute nothing for padded patches; their rows of the outputs are 0");
  app.add_flag("--valid-rows-io", options.valid_rows_io,
               "as --drop-padding, and inputs and outputs have rows for valid patches only");
  app.add_option("--target", options.target,
                 "circle | onert | litert | FILE.json: what the file must run on (circle)");
  app.add_flag("--explain-target", options.explain_target,
               "print what the target runs as it is, what is rewritten, and what it costs; -o may "
               "be left out");
  app.add_flag("--no-float-islands", options.no_float_islands,
               "let no quantised operator compute in float for want of an integer form");
  app.add_option("--audit", options.audits, "write the audit to this .txt or .json (repeatable)")
      ->take_all()
      ->type_size(1)
      ->expected(1)
      ->allow_extra_args(false);
  app.add_flag("--strict", options.strict, "exit 3 on missing or inconsistent qparams");
  app.add_option("--dump-dir", options.dump_dir,
                 "write the graph after each pass into this folder");
  app.add_option("--depfile", options.depfile,
                 "write a Makefile rule with every file that was read");
  app.add_flag("--verify-passes", options.verify_passes,
               "check each pass's claim to have changed the graph");
  AddMachineOptions(app, options.machine);
  RETURN_IF_ERROR(Parse(app, arguments));

  RETURN_IF_ERROR(TakeInputs(app, inputs, options.inputs));
  ASSIGN_OR_RETURN(options.activation,
                   ParseNumbers("--activation", activation, {"u8", "i8", "i16", "float"}));
  ASSIGN_OR_RETURN(options.weight,
                   ParseNumbers("--weight", weight, {"u8", "i8", "u4", "i4", "i16", "float"}));
  ASSIGN_OR_RETURN(options.rewrites, ParseRewrites(rewrites));
  ASSIGN_OR_RETURN(options.mixed, ParseMixed(mixed));
  if (options.mixed) options.activation = options.activation.value_or(options.mixed->narrow);
  if (!observer.empty()) {
    options.observer = quantization::ParseObserver(observer);
    if (!options.observer) {
      return UsageError("--observer '", observer, "' is none of ",
                        absl::StrJoin(quantization::ObserverNames(), ", "));
    }
  }
  if (!io.empty() && io != "quantised" && io != "float") {
    return UsageError("--io '", io, "' is none of quantised, float");
  }
  options.hessians = stats == "hessian";
  options.spill_above = spill_mib << 20;
  options.io = io == "float" ? Io::kFloat : Io::kQuantised;
  for (const std::string& key : keys) {
    ASSIGN_OR_RETURN(auto pair, SplitPair("--calibration-key", key));
    options.calibration_keys.insert(std::move(pair));
  }
  RETURN_IF_ERROR(CheckContradictions(options));
  if (options.activation == ir::DType::kF32 &&
      (!options.weight || options.weight == ir::DType::kF32)) {
    options.to_float = true;
  }
  return options;
}

absl::StatusOr<FileVerbOptions> ParseFileVerb(const std::string& verb,
                                              const std::vector<std::string>& arguments) {
  FileVerbOptions options;
  CLI::App app(verb == "inspect" ? "Shows what a Circle file holds."
               : verb == "audit" ? "Audits the qparams of any Circle file."
                                 : "Checks that a Circle file is valid.",
               absl::StrCat("gemma4-circle-export ", verb));
  app.add_option("FILE", options.file, "the .circle file")->required();
  app.add_flag("--json", options.json, "print JSON");
  RETURN_IF_ERROR(Parse(app, arguments));
  return options;
}

absl::StatusOr<RunOptions> ParseRun(const std::vector<std::string>& arguments) {
  RunOptions options;
  InputTexts inputs;
  CLI::App app("Runs a .circle (integers where it is quantised) or an .onnx (float) on samples.",
               "gemma4-circle-export run");
  app.add_option("MODEL", options.model, "a .circle or .onnx file")->required();
  app.add_option("--inputs", options.inputs, "FILE.npz, or NAME=FILE.npy (repeatable)")
      ->required()
      ->take_all();
  app.add_option("-o,--output", options.output, "the .npz to write, one member an output")
      ->required();
  app.add_flag("--raw", options.raw, "give the stored integers instead of real numbers");
  AddRounding(app, options.rounding);
  AddInputOptions(app, options.binding, inputs);
  AddMachineOptions(app, options.machine);
  RETURN_IF_ERROR(Parse(app, arguments));
  RETURN_IF_ERROR(TakeInputs(app, inputs, options.binding));
  return options;
}

absl::StatusOr<CompareOptions> ParseCompare(const std::vector<std::string>& arguments) {
  CompareOptions options;
  InputTexts inputs;
  int64_t valid_rows = 0;
  double min_snr = 0;
  CLI::App app("Runs two models on the same samples and compares their outputs.",
               "gemma4-circle-export compare");
  app.add_option("A", options.a, "the reference, .onnx or .circle")->required();
  app.add_option("B", options.b, "the model under test, .onnx or .circle")->required();
  app.add_option("--inputs", options.inputs, "FILE.npz, or NAME=FILE.npy (repeatable)")
      ->required()
      ->take_all();
  app.add_option("--valid-rows", valid_rows, "compare only the first N rows of the patch axis")
      ->check(CLI::PositiveNumber);
  app.add_option("--min-snr", min_snr, "exit 3 when the SNR is below this many dB");
  app.add_flag("--json", options.json, "print JSON");
  AddRounding(app, options.rounding);
  AddInputOptions(app, options.binding, inputs);
  AddMachineOptions(app, options.machine);
  RETURN_IF_ERROR(Parse(app, arguments));
  RETURN_IF_ERROR(TakeInputs(app, inputs, options.binding));
  if (app.count("--valid-rows") > 0) options.valid_rows = valid_rows;
  if (app.count("--min-snr") > 0) options.min_snr = min_snr;
  return options;
}

}  // namespace g4c::tools
