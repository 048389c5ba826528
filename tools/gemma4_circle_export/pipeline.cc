#include "gemma4_circle_export/pipeline.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <iostream>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "backend/circle_writer.h"
#include "backend/target_file.h"
#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "base/parallel.h"
#include "base/text.h"
#include "frontend/load_onnx.h"
#include "gemma4_circle_export/bindings.h"
#include "gemma4_circle_export/calibration.h"
#include "gemma4_circle_export/choose_weights.h"
#include "gemma4_circle_export/configuration.h"
#include "gemma4_circle_export/explain_target.h"
#include "gemma4_circle_export/export_report.h"
#include "gemma4_circle_export/float_rewrites.h"
#include "gemma4_circle_export/machine.h"
#include "gemma4_circle_export/verbs.h"
#include "ir/verifier.h"
#include "passes/bind_inputs.h"
#include "passes/computed_weights.h"
#include "passes/drop_padding.h"
#include "passes/import_qdq.h"
#include "passes/insert_conversions.h"
#include "passes/pipeline.h"
#include "quantization/assign.h"
#include "quantization/audit_report.h"
#include "quantization/block_search.h"
#include "quantization/calibrate.h"
#include "quantization/constants.h"
#include "quantization/finite_check.h"
#include "quantization/join_dtypes.h"
#include "quantization/propagate.h"
#include "quantization/qparams_file.h"
#include "quantization/sensitivity.h"
#include "quantization/shared_qparams.h"

namespace g4c::tools {
namespace {

std::string BaseName(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

// Pairs of the source become qparams, or go.
absl::Status TakePairs(const ExportOptions& options, passes::PassRunner& runner, ir::Graph& graph,
                       bool& is_qdq) {
  const bool has_pairs = passes::HasQdq(graph);
  is_qdq = has_pairs && !options.to_float && !options.requantise;
  const bool quantises = options.activation || options.weight || options.observer ||
                         !options.calibration.empty() || !options.qparams.empty() ||
                         !options.save_stats.empty() || !options.load_stats.empty() ||
                         !options.config.empty() || !options.save_config.empty() ||
                         !options.explain.empty() || !options.rewrites.empty();
  if (is_qdq && quantises) {
    return UsageError(
        "the model has Q/DQ pairs, which decide its qparams: --activation, --weight, "
        "--calibration, --observer, --config, --explain, --save-stats, --load-stats, --rewrite and "
        "--qparams need --requantise, which drops them");
  }
  passes::PassList list("take-pairs");
  if (is_qdq) {
    list.Add<passes::ImportQdq>();
  } else if (has_pairs) {
    list.Add<passes::DropQdq>();
  }
  return runner.Run(list, graph);
}

absl::StatusOr<ir::Target> ReadTarget(const ExportOptions& options, ExportReport& report) {
  ASSIGN_OR_RETURN(ir::Target target, backend::LoadTarget(options.target));
  const absl::Status rules = passes::CheckRules(target);
  if (!rules.ok()) return Prefixed(rules, absl::StrCat("'", options.target, "': "));
  if (options.target.ends_with(".json")) report.AddFile(options.target);
  return target;
}

// What is left that no Circle file can hold, with the reasons why it could not be decomposed.
absl::Status CheckStatic(const ir::Graph& graph, const passes::Report& report) {
  absl::Status status = ir::VerifyStatic(graph);
  if (status.ok()) return status;
  std::string text(status.message());
  for (const passes::DeclinedRewrite& declined : report.declined()) {
    if (declined.pass == "decompose-composites")
      absl::StrAppend(&text, "\n  ", declined.where, ": ", declined.reason);
  }
  return absl::Status(status.code(), text);
}

// Every real value is float on purpose.
void KeepFloat(ir::Graph& graph) {
  quantization::MarkNotApplicable(graph);
  for (ir::ValueId id = 0; id < graph.num_values(); ++id) {
    if (!quantization::IsReal(graph.value(id)) || ir::HasQparams(graph.value(id).quantization))
      continue;
    graph.SetQuantization(id, ir::QuantNone{ir::NoQuantReason::kFloatKept}, ir::QuantOrigin::kNone);
  }
}

// What quantising decided, apart from the qparams themselves.
struct Decisions {
  quantization::ConstantOptions constants;
  std::vector<quantization::AppliedRewrite> rewrites;
  // The float model that the integers stand for, where --sensitivity compares with it.
  absl::optional<ir::Graph> real;
};

// Qparams of activations from samples or statistics.
absl::Status QuantizeActivations(const ExportOptions& options, const quantization::Formats& formats,
                                 const Calibration& calibration, ir::Graph& graph,
                                 ExportReport& report) {
  const quantization::Observations own = formats.Observe(calibration.statistics);
  const bool has_samples = calibration.samples != nullptr && !calibration.synthetic();
  const bool narrows = formats.WantsBlockSearch() && has_samples;
  if (formats.WantsBlockSearch() && calibration.samples == nullptr) {
    report.Warn(
        "no --calibration beside --load-stats: ranges are exact minima and maxima, since the block "
        "observer runs samples");
  }
  quantization::RangeSearch search;
  if (narrows || options.mixed) {
    ASSIGN_OR_RETURN(search,
                     quantization::SearchRanges(graph, *calibration.samples, own, formats.base()));
  }
  const quantization::Observations observations =
      formats.Combine(own, narrows ? search.observations : own);
  quantization::ActivationDTypes dtypes = formats.ActivationDTypesOf();
  if (options.mixed) {
    ASSIGN_OR_RETURN(dtypes,
                     quantization::ChooseWide(graph, search.errors, *options.mixed, dtypes));
  }
  const ir::QuantOrigin origin =
      calibration.synthetic() ? ir::QuantOrigin::kSynthetic : ir::QuantOrigin::kCalibrated;
  RETURN_IF_ERROR(quantization::AssignActivations(graph, observations, dtypes, origin));
  quantization::JoinDTypes(graph, observations, origin);
  return absl::OkStatus();
}

// Runs `work` beside what follows; where one thread has to do, when its result is asked for.
template <typename Work>
auto StartBeside(Work work) {
  return std::async(NumThreads() > 1 ? std::launch::async : std::launch::deferred, std::move(work));
}

// Parsing takes as long as the passes over the graph (3 MB for 16 layers): it goes on beside them.
using PendingQparams = std::future<absl::StatusOr<quantization::QparamsFile>>;
PendingQparams StartReadingQparams(const std::string& path) {
  return StartBeside([path]() -> absl::StatusOr<quantization::QparamsFile> {
    ASSIGN_OR_RETURN(const auto mapped, MappedFile::Open(path));
    absl::StatusOr<quantization::QparamsFile> file = quantization::ParseQparams(mapped->text());
    if (!file.ok()) return Prefixed(file.status(), absl::StrCat("'", path, "': "));
    return file;
  });
}

absl::Status QuantizeFromFile(const ExportOptions& options, PendingQparams qparams,
                              const FoldedModel& model, passes::PassRunner& runner,
                              ir::Graph& graph, Decisions& decisions, ExportReport& report) {
  report.AddFile(options.qparams);
  absl::StatusOr<quantization::QparamsFile> file = qparams.get();
  if (!file.ok()) return file.status();
  if (file->model_hash != model.hash || file->weight_bytes != model.weight_bytes) {
    return InvalidInput("'", options.qparams, "' was made for another model (graph ",
                        file->model_hash, " with ", file->weight_bytes,
                        " bytes of weights; this one is ", model.hash, " with ", model.weight_bytes,
                        ")");
  }
  RETURN_IF_ERROR(RepeatRewrites(file->rewrites, runner, graph));
  RETURN_IF_ERROR(quantization::ApplyQparams(*file, graph));
  decisions.constants = {file->activation, file->weight};
  decisions.rewrites = std::move(file->rewrites);
  const quantization::ActivationDTypes dtypes(file->activation);
  quantization::PropagateQparams(graph, &dtypes);
  return absl::OkStatus();
}

absl::Status SaveQparams(const ExportOptions& options, const FoldedModel& model,
                         const Decisions& decisions, const ir::Graph& graph) {
  quantization::QparamsFile file = quantization::CollectQparams(graph);
  file.model_hash = model.hash;
  file.weight_bytes = model.weight_bytes;
  if (decisions.constants.activation) file.activation = *decisions.constants.activation;
  if (decisions.constants.weight) file.weight = *decisions.constants.weight;
  file.rewrites = decisions.rewrites;
  return WriteAtomically(options.save_qparams, quantization::PrintQparams(file));
}

// What was asked for apart from the file.
absl::Status WithoutOutput(const ExportOptions& options, const ir::Target& target,
                           FoldedModel& model, ExportReport& report) {
  quantization::MarkNotApplicable(model.graph);
  ASSIGN_OR_RETURN(const quantization::Config config, ReadConfiguration(options, target, report));
  ASSIGN_OR_RETURN(const quantization::Formats formats,
                   quantization::Formats::Resolve(model.graph, config));
  RETURN_IF_ERROR(TellConfiguration(options, model.graph, config, formats));
  if (options.save_stats.empty()) return absl::OkStatus();
  passes::StoreComputed(model.graph);
  ASSIGN_OR_RETURN(const Calibration calibration, Calibrate(options, model, report));
  report.PrintStatistics(calibration.statistics.num_samples());
  return absl::OkStatus();
}

// Qparams from what the model and its samples are like.
absl::Status QuantizeAnew(const ExportOptions& options, const ir::Target& target,
                          passes::PassRunner& runner, FoldedModel& model, Decisions& decisions,
                          ExportReport& report) {
  ir::Graph& graph = model.graph;
  ASSIGN_OR_RETURN(const quantization::Config config, ReadConfiguration(options, target, report));
  ASSIGN_OR_RETURN(quantization::Formats formats, quantization::Formats::Resolve(graph, config));
  RETURN_IF_ERROR(TellConfiguration(options, graph, config, formats));
  decisions.constants = {config.activation, config.weight};
  passes::StoreComputed(graph);
  Calibration calibration;
  if (config.activation != ir::DType::kF32) {
    ASSIGN_OR_RETURN(calibration, Calibrate(options, model, report));
    ASSIGN_OR_RETURN(decisions.rewrites,
                     RewriteFloat(options, config, runner, graph, calibration, report));
    ASSIGN_OR_RETURN(formats, quantization::Formats::Resolve(graph, config));
  } else {
    decisions.constants.activation.reset();
    if (!options.calibration.empty()) {
      ASSIGN_OR_RETURN(calibration.samples, OpenCalibration(options, graph, report));
    }
  }
  if (!options.sensitivity.empty()) decisions.real = graph;
  formats.Apply(graph);
  if (config.activation != ir::DType::kF32) {
    RETURN_IF_ERROR(QuantizeActivations(options, formats, calibration, graph, report));
  }
  quantization::KeepConstantsInFloat(graph);
  RETURN_IF_ERROR(ChooseWeights(options, decisions.constants, formats, calibration, graph, report));
  formats.ApplyToWeights(graph);
  return absl::OkStatus();
}

// Qparams on everything that can have them.
absl::Status Quantize(const ExportOptions& options, const ir::Target& target, bool is_qdq,
                      PendingQparams qparams, passes::PassRunner& runner, FoldedModel& model,
                      Decisions& decisions, ExportReport& report) {
  ir::Graph& graph = model.graph;
  quantization::MarkNotApplicable(graph);
  if (is_qdq) {
    quantization::PropagateQparams(graph, nullptr);
  } else if (qparams.valid()) {
    RETURN_IF_ERROR(
        QuantizeFromFile(options, std::move(qparams), model, runner, graph, decisions, report));
  } else {
    RETURN_IF_ERROR(QuantizeAnew(options, target, runner, model, decisions, report));
  }
  quantization::KeepConstantsInFloat(graph);
  return quantization::QuantizeConstants(graph, decisions.constants);
}

// What legalising added (clamp bounds, unit gains) gets qparams too; then every change of qparams
// becomes an operator.
absl::Status MakeConversionsExplicit(const ExportOptions& options,
                                     const quantization::ConstantOptions& constants,
                                     passes::PassRunner& runner, ir::Graph& graph) {
  quantization::MarkNotApplicable(graph);
  quantization::PropagateQparams(graph, nullptr);
  RETURN_IF_ERROR(quantization::QuantizeConstants(graph, constants));
  passes::PassList list("conversions");
  list.Add<passes::InsertRequantise>().Add<passes::InsertFloatIslands>();
  if (options.io == Io::kFloat) list.Add<passes::FloatIo>();
  return runner.Run(list, graph);
}

// --sensitivity, and its table on stderr.
absl::Status WriteSensitivity(const ExportOptions& options, const ir::Graph& real,
                              const ir::Graph& graph, ExportReport& export_report) {
  ASSIGN_OR_RETURN(const auto samples, OpenCalibration(options, graph, export_report));
  ASSIGN_OR_RETURN(const quantization::SensitivityReport report,
                   quantization::MeasureSensitivity(real, graph, *samples));
  const bool json = options.sensitivity.ends_with(".json");
  RETURN_IF_ERROR(WriteAtomically(options.sensitivity, json
                                                           ? quantization::SensitivityJson(report)
                                                           : quantization::SensitivityCsv(report)));
  constexpr int kLoudest = 12;
  if (!options.machine.quiet) {
    std::cerr << quantization::SensitivityTable(report, options.machine.verbose ? 0 : kLoudest);
  }
  return absl::OkStatus();
}

// From the canonical form to what the target runs.
absl::Status QuantizeAndLegalize(const ExportOptions& options, const ir::Target& target,
                                 bool is_qdq, PendingQparams qparams, passes::PassRunner& runner,
                                 FoldedModel& model, passes::LegalizeReport& legalized,
                                 ExportReport& report) {
  ir::Graph& graph = model.graph;
  Decisions decisions;
  if (options.to_float) {
    KeepFloat(graph);
  } else {
    RETURN_IF_ERROR(
        Quantize(options, target, is_qdq, std::move(qparams), runner, model, decisions, report));
    if (decisions.real) RETURN_IF_ERROR(WriteSensitivity(options, *decisions.real, graph, report));
    if (!options.save_qparams.empty())
      RETURN_IF_ERROR(SaveQparams(options, model, decisions, graph));
  }
  if (options.drop_padding || options.valid_rows_io) {
    passes::PassList drop("padding");
    drop.Add<passes::DropPadding>(options.valid_rows_io);
    RETURN_IF_ERROR(runner.Run(drop, graph));
  }
  passes::PassList lower = passes::LowerPhase();
  RETURN_IF_ERROR(runner.Run(lower, graph));
  if (options.to_float) {
    KeepFloat(graph);
  } else {
    RETURN_IF_ERROR(MakeConversionsExplicit(options, decisions.constants, runner, graph));
    if (options.activation == ir::DType::kF32) KeepFloat(graph);
  }
  passes::PassList legalize =
      passes::LegalizePhase(target, {!options.no_float_islands}, &legalized);
  RETURN_IF_ERROR(runner.Run(legalize, graph));
  graph.EraseDead();
  RETURN_IF_ERROR(ir::VerifyGraph(graph));
  report.passes().SettleFolded(graph);
  if (options.mixed) {
    const bool macs = options.mixed->of == quantization::BudgetOf::kMacs;
    report.passes().Note(
        absl::StrFormat("%.1f %% of %s in %s",
                        100 * quantization::ShareOf(graph, options.mixed->wide, options.mixed->of),
                        macs ? "multiply-accumulates" : "activation elements",
                        std::string(ir::DTypeName(options.mixed->wide))));
  }
  return absl::OkStatus();
}

// A file that is to stand beside the output: written, but not under its name before Commit().
absl::StatusOr<AtomicFile> Written(const std::string& path, const std::string& text) {
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  RETURN_IF_ERROR(file.Write(text));
  return file;
}

absl::Status WriteAudits(const ExportOptions& options, const ir::Graph& graph,
                         const quantization::Audit& audit, std::vector<AtomicFile>& files) {
  const std::string model = BaseName(options.model);
  for (const std::string& path : options.audits) {
    const bool json = path.ends_with(".json");
    ASSIGN_OR_RETURN(AtomicFile file,
                     Written(path, json ? quantization::AuditJson(graph, audit, model)
                                        : quantization::AuditText(graph, audit, model)));
    files.push_back(std::move(file));
  }
  return absl::OkStatus();
}

// Spaces and "$" of a path as make reads them.
std::string MakePath(const std::string& path) {
  std::string text;
  for (char c : path) {
    if (c == ' ' || c == '#' || c == '\\') text.push_back('\\');
    if (c == '$') text.push_back('$');
    text.push_back(c);
  }
  return text;
}

std::string DepfileText(const ExportOptions& options, std::vector<std::string> files) {
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  for (std::string& file : files) file = MakePath(file);
  return absl::StrCat(MakePath(options.output), ": ", absl::StrJoin(files, " \\\n  "), "\n");
}

}  // namespace

absl::StatusOr<FoldedModel> LoadAndFold(
    const std::string& path, const InputOptions& inputs, passes::PassRunner& runner,
    const std::function<absl::Status(ir::Graph&)>& adopt_shapes) {
  FoldedModel model;
  ASSIGN_OR_RETURN(frontend::LoadedModel loaded, frontend::LoadOnnx(path));
  model.graph = std::move(loaded.graph);
  model.hash = loaded.graph_hash;
  model.weight_bytes = loaded.weight_bytes;
  model.notes = std::move(loaded.notes);
  model.files = std::move(loaded.files);
  ASSIGN_OR_RETURN(passes::Bindings bindings, ReadBindings(inputs, &model.files));
  bindings.dim_names = std::move(loaded.dim_names);
  if (adopt_shapes) {
    bindings.require_positions = false;
    RETURN_IF_ERROR(adopt_shapes(model.graph));
  }
  ASSIGN_OR_RETURN(passes::BoundInputs bound, passes::BindInputs(model.graph, bindings));
  model.valid = std::move(bound.valid);
  passes::PassList fold = passes::FoldPhase({model.valid});
  RETURN_IF_ERROR(runner.Run(fold, model.graph));
  return model;
}

absl::Status Export(const ExportOptions& options) {
  RETURN_IF_ERROR(ApplyMachineOptions(options.machine));
  ExportReport report(options);
  ASSIGN_OR_RETURN(const ir::Target target, ReadTarget(options, report));
  if (!options.dump_dir.empty() && mkdir(options.dump_dir.c_str(), 0777) != 0 && errno != EEXIST) {
    return WriteFailed("cannot make the folder '", options.dump_dir, "'");
  }
  passes::PassRunner runner({options.dump_dir, options.verify_passes}, &report.passes());
  PendingQparams qparams;
  if (!options.qparams.empty()) qparams = StartReadingQparams(options.qparams);

  // Load, bind, fold.
  ASSIGN_OR_RETURN(FoldedModel model, LoadAndFold(options.model, options.inputs, runner, nullptr));
  ir::Graph& graph = model.graph;
  report.AddNotes(model.notes);

  // Pairs, canonical form.
  bool is_qdq = false;
  RETURN_IF_ERROR(TakePairs(options, runner, graph, is_qdq));
  passes::PassList canonical = passes::CanonicalPhase({model.valid});
  RETURN_IF_ERROR(runner.Run(canonical, graph));
  RETURN_IF_ERROR(passes::RequireStaticInputs(graph));
  RETURN_IF_ERROR(CheckStatic(graph, report.passes()));
  const std::shared_future<absl::Status> finite =
      StartBeside([check = quantization::FiniteCheck(graph)] { return check.Run(); });
  // Ranges of weights, and files of them, come after it.
  const bool waits = options.output.empty() || !options.save_qparams.empty() ||
                     (!options.to_float && !qparams.valid());
  if (waits) RETURN_IF_ERROR(finite.get());

  if (options.output.empty() && !options.explain_target)
    return WithoutOutput(options, target, model, report);

  passes::LegalizeReport legalized;
  const absl::Status prepared = QuantizeAndLegalize(options, target, is_qdq, std::move(qparams),
                                                    runner, model, legalized, report);
  // A number that is none may be why something else failed.
  RETURN_IF_ERROR(finite.get());
  RETURN_IF_ERROR(prepared);

  if (options.explain_target) std::cout << ExplainTarget(graph, target, legalized) << std::flush;
  if (options.output.empty()) return absl::OkStatus();

  // Audit, write.
  const quantization::Audit audit = quantization::RunAudit(graph, {});
  backend::WriteOptions write;
  write.identifier = target.identifier;
  write.max_file_bytes = target.max_file_bytes;
  write.allow_offset_buffers = target.offset_constants;
  for (const std::string& file : model.files) report.AddFile(file);
  // What cannot be written beside the output leaves the old output: it would look up to date to
  // make.
  std::vector<AtomicFile> beside;
  RETURN_IF_ERROR(WriteAudits(options, graph, audit, beside));
  if (!options.depfile.empty()) {
    ASSIGN_OR_RETURN(AtomicFile file,
                     Written(options.depfile, DepfileText(options, report.files())));
    beside.push_back(std::move(file));
  }
  RETURN_IF_ERROR(backend::WriteCircle(graph, write, options.output));
  for (AtomicFile& file : beside) RETURN_IF_ERROR(file.Commit());
  report.Print(graph, audit, runner);
  const int bad = audit.Count(quantization::FindingKind::kMissing) +
                  audit.Count(quantization::FindingKind::kInconsistent);
  if (options.strict && bad > 0) {
    return FindingsError(absl::StrCat(bad, " missing or inconsistent qparams (--strict)"));
  }
  return absl::OkStatus();
}

}  // namespace g4c::tools
