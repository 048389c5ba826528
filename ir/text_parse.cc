// A statement begins with a word that tells which it is, so that line breaks carry no meaning and
// one token of look-ahead is enough. Nothing nests: the parser is loops only. Operands may be
// defined later in the text (a cycle must be expressible), so they are set once everything is
// defined.
#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_join.h"
#include "ir/seeded.h"
#include "ir/text.h"
#include "ir/text_cursor.h"

namespace g4c::ir {
namespace {

// A seeded constant is the only one that costs memory beyond its text.
constexpr int64_t kMaxSeeded = int64_t{1} << 28;

class Parser : private TokenCursor {
 public:
  using TokenCursor::TokenCursor;

  absl::StatusOr<Graph> Run() {
    RETURN_IF_ERROR(ExpectWord("graph"));
    if (Peek().kind == Token::kWord || Peek().kind == Token::kString) graph_.name = Take().text;
    RETURN_IF_ERROR(Expect("{"));
    while (!Peek().Is("}")) RETURN_IF_ERROR(Statement());
    Take();
    if (Peek().kind != Token::kEnd) return Unexpected("the end after the graph");
    RETURN_IF_ERROR(Connect());
    return std::move(graph_);
  }

 private:
  struct Reference {
    NodeId node;  // or kNoNode for a graph output
    Token value;
    std::string output_name;
  };

  // ---- Statements ----

  absl::Status Statement() {
    if (AtWord("in")) return Input();
    if (AtWord("k")) return Constant();
    if (AtWord("out")) return Output();
    if (Peek().kind == Token::kValue || Peek().kind == Token::kWord) return Node();
    return Unexpected("'in', 'k', 'out', a value or '}'");
  }

  // A new value's name.
  absl::StatusOr<Token> Definition() {
    if (Peek().kind != Token::kValue) return Unexpected("a value");
    const Token& token = Take();
    const auto [it, inserted] = values_.try_emplace(token.text, kNoValue);
    if (!inserted) return ErrorAt(token, token.Text(), " is defined twice");
    return token;
  }

  absl::Status Input() {
    Take();
    ASSIGN_OR_RETURN(const Token name, Definition());
    RETURN_IF_ERROR(Expect(":"));
    ASSIGN_OR_RETURN(Typed typed, ParseTyped());
    const ValueId id = graph_.AddInput(name.text, std::move(typed.type));
    graph_.SetQuantization(id, std::move(typed.quantization), QuantOrigin::kNone);
    values_[name.text] = id;
    return absl::OkStatus();
  }

  absl::Status Constant() {
    Take();
    ASSIGN_OR_RETURN(const Token name, Definition());
    RETURN_IF_ERROR(Expect(":"));
    ASSIGN_OR_RETURN(Typed typed, ParseTyped());
    if (!typed.type.shape.IsStatic())
      return ErrorAt(name, "the constant ", name.Text(), " needs a static shape");
    RETURN_IF_ERROR(Expect("="));
    DType dtype = typed.type.dtype;
    if (const auto stored = Peek().kind == Token::kWord ? ParseDType(Peek().text) : absl::nullopt) {
      Take();
      dtype = *stored;
    }
    ASSIGN_OR_RETURN(Tensor data, Data(dtype, typed.type.shape.dims()));
    const ValueId id = graph_.AddConstant(name.text, std::move(typed.type), std::move(data));
    graph_.SetQuantization(id, std::move(typed.quantization), QuantOrigin::kNone);
    values_[name.text] = id;
    return absl::OkStatus();
  }

  absl::Status Output() {
    Take();
    if (Peek().kind != Token::kValue) return Unexpected("a value");
    Reference reference{kNoNode, Take(), ""};
    reference.output_name = reference.value.text;
    if (AtWord("as")) {
      Take();
      ASSIGN_OR_RETURN(reference.output_name, ParseName());
    }
    references_.push_back(std::move(reference));
    return absl::OkStatus();
  }

  absl::Status Node() {
    std::vector<std::string> names;
    while (Peek().kind == Token::kValue) {
      ASSIGN_OR_RETURN(const Token name, Definition());
      names.push_back(name.text);
      if (!TakeIf(",")) break;
      if (Peek().kind != Token::kValue) return Unexpected("a value");
    }
    if (!names.empty()) RETURN_IF_ERROR(Expect("="));
    if (Peek().kind != Token::kWord) return Unexpected("an operator");
    const Token op_token = Take();
    absl::optional<Op> op = OpByName(op_token.text);
    if (!op.has_value()) return ErrorAt(op_token, "unknown operator ", op_token.Text());

    RETURN_IF_ERROR(Expect("("));
    const NodeId id = graph_.num_nodes();
    int operands = 0;
    for (; !Peek().Is(")"); ++operands) {
      if (operands > 0) RETURN_IF_ERROR(Expect(","));
      if (Peek().kind == Token::kValue) {
        references_.push_back({id, Take(), ""});
      } else if (Peek().Is("-")) {
        references_.push_back({id, Take(), ""});
      } else {
        return Unexpected("a value or '-'");
      }
    }
    Take();
    if (Peek().Is("{")) RETURN_IF_ERROR(Attributes(*op));

    std::vector<Typed> types;
    if (!names.empty()) RETURN_IF_ERROR(Expect(":"));
    for (size_t i = 0; i < names.size(); ++i) {
      if (i > 0) RETURN_IF_ERROR(Expect(","));
      ASSIGN_OR_RETURN(Typed typed, ParseTyped());
      types.push_back(std::move(typed));
    }
    Provenance provenance;
    if (Peek().kind == Token::kModule) {
      Origin origin;
      origin.module = Take().text;
      provenance = Provenance(std::move(origin));
    }
    std::vector<Type> plain;
    for (const Typed& typed : types) plain.push_back(typed.type);
    graph_.AddNode(std::move(*op), std::vector<ValueId>(operands, kNoValue), names,
                   std::move(plain), std::move(provenance));
    for (size_t i = 0; i < names.size(); ++i) {
      const ValueId value = graph_.node(id).outputs[i];
      graph_.SetQuantization(value, std::move(types[i].quantization), QuantOrigin::kNone);
      values_[names[i]] = value;
    }
    return absl::OkStatus();
  }

  // Sets the operands and outputs now that every value exists.
  absl::Status Connect() {
    NodeId node = kNoNode;
    int operand = 0;
    for (const Reference& reference : references_) {
      operand = reference.node == node ? operand + 1 : 0;
      node = reference.node;
      ValueId value = kNoValue;
      if (reference.value.kind == Token::kValue) {
        const auto it = values_.find(reference.value.text);
        if (it == values_.end())
          return ErrorAt(reference.value, reference.value.Text(), " is not defined");
        value = it->second;
      }
      if (node == kNoNode) {
        graph_.AddOutput(reference.output_name, value);
      } else {
        graph_.SetOperand(node, operand, value);
      }
    }
    return absl::OkStatus();
  }

  // ---- Types ----

  struct Typed {
    Type type;
    Quantization quantization;
  };

  absl::StatusOr<Typed> ParseTyped() {
    Typed typed;
    ASSIGN_OR_RETURN(typed.type.dtype, ParseDTypeWord());
    ASSIGN_OR_RETURN(typed.type.shape, ParseShape());
    if (AtWord("q")) {
      Take();
      ASSIGN_OR_RETURN(typed.quantization, ParseQuantization());
    }
    return typed;
  }

  absl::StatusOr<DType> ParseDTypeWord() {
    const auto dtype = Peek().kind == Token::kWord ? ParseDType(Peek().text) : absl::nullopt;
    if (!dtype.has_value()) return Unexpected("a dtype");
    Take();
    return *dtype;
  }

  absl::StatusOr<Shape> ParseShape() {
    RETURN_IF_ERROR(Expect("["));
    if (TakeIf("*")) {
      RETURN_IF_ERROR(Expect("]"));
      return Shape();
    }
    const Token start = Peek();
    Dims dims;
    Dims known;
    while (!Peek().Is("]")) {
      if (!dims.empty()) RETURN_IF_ERROR(Expect(","));
      if (TakeIf("?")) {
        dims.push_back(kUnknownDim);
        continue;
      }
      const Token token = Peek();
      ASSIGN_OR_RETURN(const int64_t dim, ParseInt());
      if (dim < 0) return ErrorAt(token, "negative dimension ", dim);
      dims.push_back(dim);
      known.push_back(std::max<int64_t>(dim, 1));  // no part of the product may overflow either
    }
    Take();
    const auto elements = CheckedNumElements(known);
    if (!elements.ok()) return ErrorAt(start, elements.status().message());
    return Shape(std::move(dims));
  }

  absl::StatusOr<Quantization> ParseQuantization() {
    RETURN_IF_ERROR(Expect("("));
    Quantization quantization;
    if (TakeIf("?")) {
      // Unknown.
    } else if (AtWord("none")) {
      Take();
      RETURN_IF_ERROR(Expect(":"));
      constexpr NoQuantReason kReasons[] = {NoQuantReason::kIndex, NoQuantReason::kShape,
                                            NoQuantReason::kBool, NoQuantReason::kFloatKept};
      const auto* reason = std::find_if(
          std::begin(kReasons), std::end(kReasons),
          [this](NoQuantReason candidate) { return AtWord(NoQuantReasonName(candidate)); });
      if (reason == std::end(kReasons)) return Unexpected("'index', 'shape', 'bool' or 'float'");
      Take();
      quantization = QuantNone{*reason};
    } else {
      ASSIGN_OR_RETURN(const DType dtype, ParseDTypeWord());
      if (AtWord("per_channel")) {
        Take();
        QuantPerChannel q{dtype, 0, {}, {}};
        ASSIGN_OR_RETURN(const int64_t axis, ParseInt());
        q.axis = static_cast<int>(axis);
        ASSIGN_OR_RETURN(q.scales, (ParseList<float>([this] { return ParseNumber<float>(); })));
        ASSIGN_OR_RETURN(q.zero_points, ParseInts());
        quantization = std::move(q);
      } else {
        QuantPerTensor q{dtype, 0, 0};
        ASSIGN_OR_RETURN(q.scale, ParseNumber<float>());
        RETURN_IF_ERROR(Expect(":"));
        ASSIGN_OR_RETURN(q.zero_point, ParseInt());
        quantization = q;
      }
    }
    RETURN_IF_ERROR(Expect(")"));
    return quantization;
  }

  // ---- Attributes ----

  absl::Status Set(bool& field) { return Store(field, ParseBool()); }
  absl::Status Set(int64_t& field) { return Store(field, ParseInt()); }
  absl::Status Set(float& field) { return Store(field, ParseNumber<float>()); }
  absl::Status Set(double& field) { return Store(field, ParseNumber<double>()); }
  absl::Status Set(DType& field) { return Store(field, ParseDTypeWord()); }
  absl::Status Set(Ints& field) { return Store(field, ParseInts()); }
  absl::Status Set(std::string& field) {
    if (Peek().kind != Token::kString) return Unexpected("a quoted string");
    field = Take().text;
    return absl::OkStatus();
  }
  template <typename Enum>
  absl::Status Set(Enum& field) {
    const auto names = EnumNames(field);
    for (size_t i = 0; i < names.size(); ++i) {
      if (!AtWord(names[i])) continue;
      Take();
      field = static_cast<Enum>(i);
      return absl::OkStatus();
    }
    return Unexpected(absl::StrCat("one of ", absl::StrJoin(names, ", ")));
  }

  template <typename T>
  static absl::Status Store(T& field, absl::StatusOr<T> parsed) {
    if (parsed.ok()) field = *std::move(parsed);
    return parsed.status();
  }

  absl::Status Attributes(Op& op) {
    Take();
    absl::flat_hash_set<std::string> seen;
    while (!Peek().Is("}")) {
      if (!seen.empty()) RETURN_IF_ERROR(Expect(","));
      if (Peek().kind != Token::kWord) return Unexpected("an attribute");
      const Token name = Take();
      if (!seen.insert(name.text).second)
        return ErrorAt(name, "the attribute ", name.Text(), " is given twice");
      RETURN_IF_ERROR(Expect(":"));
      RETURN_IF_ERROR(
          std::visit([&](auto& attributes) { return Attribute(name, attributes); }, op));
    }
    Take();
    return absl::OkStatus();
  }

  template <typename OpType>
  absl::Status Attribute(const Token& name, OpType& op) {
    absl::Status status = ErrorAt(name, "no attribute ", name.Text(), " of this operator");
    OpType::Visit(op, [&](absl::string_view candidate, auto& field) {
      if (candidate == name.text) status = Set(field);
    });
    return status;
  }
  absl::Status Attribute(const Token& name, std::monostate&) {
    return ErrorAt(name, "no operator");
  }

  // ---- Constants ----

  absl::StatusOr<Tensor> Data(DType dtype, const Dims& dims) {
    const Token start = Peek();
    const int64_t count = NumElements(dims);
    if (start.Is("[")) {
      ASSIGN_OR_RETURN(Tensor list, Elements(dtype, /*list=*/true));
      if (list.NumElements() != count) {
        return ErrorAt(start, list.NumElements(), " elements for the shape ",
                       ShapeText(Shape(dims)));
      }
      return list.Reshaped(dims);
    }
    if (start.kind != Token::kWord) return Unexpected("a constant's data");
    Take();
    RETURN_IF_ERROR(Expect("("));
    Tensor data;
    if (start.text == "splat") {
      ASSIGN_OR_RETURN(const Tensor element, Elements(dtype, /*list=*/false));
      data = element.Reshaped({}).BroadcastTo(dims);
    } else if (start.text == "seeded") {
      ASSIGN_OR_RETURN(const int64_t seed, ParseInt());
      if (count > kMaxSeeded)
        return ErrorAt(start, "a seeded constant of more than ", kMaxSeeded, " elements");
      data = SeededTensor(dtype, dims, static_cast<uint64_t>(seed));
    } else if (start.text == "sha") {
      ASSIGN_OR_RETURN(std::string digest, ParseName());
      RETURN_IF_ERROR(Expect(","));
      const Token size = Peek();
      ASSIGN_OR_RETURN(const int64_t bytes, ParseInt());
      if (bytes % ByteWidth(dtype) != 0 || bytes / ByteWidth(dtype) != count) {
        return ErrorAt(size, bytes, " bytes for ", DTypeName(dtype), ShapeText(Shape(dims)));
      }
      RETURN_IF_ERROR(ExpectWord("bytes"));
      data = Tensor::Opaque(dtype, dims, std::move(digest));
    } else {
      return ErrorAt(start, "expected 'splat', 'seeded', 'sha' or '[', got ", start.Text());
    }
    RETURN_IF_ERROR(Expect(")"));
    return data;
  }

  // One element, or a list of them, as a rank-1 tensor.
  absl::StatusOr<Tensor> Elements(DType dtype, bool list) {
    if (dtype == DType::kF64)
      return ElementsOf<double>(dtype, list, [this] { return ParseNumber<double>(); });
    if (IsFloat(dtype)) {
      return ElementsOf<double>(dtype, list, [this]() -> absl::StatusOr<double> {
        ASSIGN_OR_RETURN(const float value, ParseNumber<float>());
        return value;
      });
    }
    return ElementsOf<int64_t>(dtype, list, [this, dtype]() -> absl::StatusOr<int64_t> {
      if (dtype == DType::kBool) return ParseBool();
      if (dtype == DType::kU64) {
        ASSIGN_OR_RETURN(const uint64_t bits, ParseNumber<uint64_t>());
        return static_cast<int64_t>(bits);
      }
      const Token token = Peek();
      ASSIGN_OR_RETURN(const int64_t value, ParseInt());
      if (value < MinOf(dtype) || value > MaxOf(dtype))
        return ErrorAt(token, value, " is no ", DTypeName(dtype));
      return value;
    });
  }

  template <typename Number, typename ParseItem>
  absl::StatusOr<Tensor> ElementsOf(DType dtype, bool list, ParseItem parse_item) {
    std::vector<Number> values;
    if (list) {
      ASSIGN_OR_RETURN(values, ParseList<Number>(parse_item));
    } else {
      ASSIGN_OR_RETURN(const Number value, parse_item());
      values.push_back(value);
    }
    const Dims dims = {static_cast<int64_t>(values.size())};
    if constexpr (std::is_same_v<Number, double>) {
      return Tensor::FromDoubles(dtype, dims, values);
    } else {
      return Tensor::FromInts(dtype, dims, values);
    }
  }

  Graph graph_;
  absl::flat_hash_map<std::string, ValueId> values_;
  std::vector<Reference> references_;
};

}  // namespace

absl::StatusOr<Graph> ParseGraph(absl::string_view text) {
  ASSIGN_OR_RETURN(std::vector<Token> tokens, Lex(text));
  return Parser(std::move(tokens)).Run();
}

}  // namespace g4c::ir
