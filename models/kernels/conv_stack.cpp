// What a separator's block does between its products of matrices, in as few walks over memory as there can be:
// `conv_stack_native.py` calls it; `conv_stack.py` and `causal_stack.py` have the same in PyTorch's operations.
//
// Values are rows of frames, [frames, width], in float or bfloat16; what is added up over frames is kept in float, and
// over all values in double. Frames are shared out to as many threads as PyTorch uses.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#ifdef _OPENMP
#include <omp.h>
#endif

// A block of the network: its sizes, its weights, and where their gradients are added up. Mirrored by `Block` in Python.
struct Block {
    int64_t hidden, out, kernel, dilation, causal;
    float slope1, slope2;
    const float *gain1, *bias1;      // [hidden]
    const float *taps, *taps_bias;   // [kernel, hidden], [hidden]
    const float *gain2, *bias2;      // [hidden]
    const float* outer;              // [out, hidden]
    float *by_inner_bias, *by_gain1, *by_bias1, *by_taps, *by_taps_bias, *by_gain2, *by_bias2, *by_outer, *by_outer_bias;
    double by_slope1, by_slope2;
};

namespace {

constexpr double EPS = 1e-8;
constexpr int64_t FRAMES_A_THREAD = 64;  // fewer are not worth waking one up

struct bfloat16 {
    uint16_t bits;
};

inline float wide(float value) { return value; }
inline float wide(bfloat16 value) {
    uint32_t bits = uint32_t(value.bits) << 16;
    float result;
    std::memcpy(&result, &bits, sizeof result);
    return result;
}
inline void put(float* to, float value) { *to = value; }
inline void put(bfloat16* to, float value) {  // to the nearest, ties to even
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    to->bits = value == value ? uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16) : uint16_t(0x7fc0);
}
inline float prelu(float value, float slope) { return value > 0 ? value : slope * value; }

int parts_of(int64_t frames) {
#ifdef _OPENMP
    return int(std::max<int64_t>(1, std::min<int64_t>(omp_get_max_threads(), frames / FRAMES_A_THREAD)));
#else
    return 1;
#endif
}

// Calls body(part, first frame, last frame + 1) for each part of the frames, each in a thread of its own.
template <class Body>
void in_parts(int64_t frames, int parts, Body body) {
    if (parts == 1) {
        body(0, int64_t(0), frames);
        return;
    }
#pragma omp parallel for num_threads(parts) schedule(static, 1)
    for (int part = 0; part < parts; part++) body(part, frames * part / parts, frames * (part + 1) / parts);
}

// Rows of sums that each part keeps for itself, added up at the end.
class Columns {
  public:
    Columns(int parts, int64_t width) : parts(parts), width(width), values(size_t(parts) * width, 0.f) {}
    float* of(int part) { return values.data() + part * width; }
    const float* total() {
        for (int part = 1; part < parts; part++)
            for (int64_t c = 0; c < width; c++) values[c] += values[part * width + c];
        return values.data();
    }

  private:
    int parts;
    int64_t width;
    std::vector<float> values;
};

// Two figures a frame: of a norm its mean and reciprocal deviation, [2, frames], or sums that these come of.
struct Pairs {
    Pairs(float* values, int64_t frames) : first(values), second(values + frames) {}
    float *first, *second;
};

// What is added up of the frames: up to each one where a network is causal, else of all.
struct Reach {
    bool causal;
    int64_t frames, width;

    // Sums of a frame's values and squares, in place → its mean and reciprocal deviation.
    void to_norm(Pairs of) const {
        double values = 0, squares = 0;
        for (int64_t t = 0; t < frames; t++) {
            values += of.first[t];
            squares += of.second[t];
            if (causal) put_norm(of, t, values, squares, double(t + 1) * width);
        }
        for (int64_t t = 0; t < frames && !causal; t++) put_norm(of, t, values, squares, double(frames) * width);
    }

    // Sums of a frame's gradient, and of it times the values, in place → what the statistics add to the gradient of
    // each of its values: a constant, and a factor of the value. The formulas are in `causal_stack.py`.
    void to_share(Pairs of, const Pairs& norm) const {
        double constant = 0, factor = 0;
        for (int64_t t = frames - 1; t >= 0; t--) {
            const double mean = norm.first[t], rstd = norm.second[t], sum = of.first[t];
            const double by_power = -0.5 * rstd * rstd * rstd * (of.second[t] - mean * sum);
            const double count = double(causal ? t + 1 : frames) * width;
            constant += (-rstd * sum - 2 * mean * by_power) / count;
            factor += 2 * by_power / count;
            of.first[t] = float(constant);
            of.second[t] = float(factor);
        }
        for (int64_t t = 1; t < frames && !causal; t++) of.first[t] = of.first[0], of.second[t] = of.second[0];
    }

  private:
    static void put_norm(Pairs& of, int64_t t, double values, double squares, double count) {
        const double mean = values / count;
        of.first[t] = float(mean);
        of.second[t] = float(1 / __builtin_sqrt(std::max(0., squares / count - mean * mean) + EPS));
    }
};

template <class Value>
void add_row(const Pairs& sums, int64_t t, const Value* __restrict__ row, int64_t width, float slope) {
    float sum = 0, square = 0;
    for (int64_t h = 0; h < width; h++) {
        float active = prelu(wide(row[h]), slope);
        sum += active;
        square += active * active;
    }
    sums.first[t] = sum;
    sums.second[t] = square;
}

// How many frames on from its own a tap reads.
inline int64_t shift(const Block& block, int64_t tap) {
    return (tap - (block.causal ? block.kernel - 1 : block.kernel / 2)) * block.dilation;
}

// Rows that the taps of one frame lie on, and those taps.
template <class Value>
class Taps {
  public:
    // back: the way that gradients go.
    Taps(const Value* values, const float* taps, const Block& block, int64_t frames, bool back)
        : values(values), taps(taps), frames(frames), width(block.hidden), sign(back ? -1 : 1), block(block),
          rows(block.kernel), weights(block.kernel), numbers(block.kernel) {}

    // Adds to `line` what the taps of frame t bring; read(value, frame, column) is what counts of a value.
    template <class Read>
    void add(float* line, int64_t t, Read read) {
        int64_t count = 0;
        for (int64_t k = 0; k < block.kernel; k++) {
            const int64_t from = t + sign * shift(block, k);
            if (from < 0 || from >= frames) continue;
            rows[count] = values + from * width;
            numbers[count] = from;
            weights[count++] = taps + k * width;
        }
        int64_t done = 0;
        for (; count - done >= 3; done += 3) some<3>(line, done, read);
        if (count - done == 2) some<2>(line, done, read);
        if (count - done == 1) some<1>(line, done, read);
    }

  private:
    template <int N, class Read>
    void some(float* __restrict__ line, int64_t first, Read read) {
        const Value* const* from = rows.data() + first;
        const float* const* by = weights.data() + first;
        const int64_t* t = numbers.data() + first;
        for (int64_t h = 0; h < width; h++) {
            float sum = line[h];
            for (int n = 0; n < N; n++) sum += by[n][h] * read(from[n][h], t[n], h);
            line[h] = sum;
        }
    }

    const Value* values;
    const float* taps;
    int64_t frames, width, sign;
    const Block& block;
    std::vector<const Value*> rows;
    std::vector<const float*> weights;
    std::vector<int64_t> numbers;
};

template <class Value>
void normalise(const Block& block, const Pairs& norm, int64_t frames, const Value* filtered, Value* out) {
    const int64_t width = block.hidden;
    const float slope = block.slope2;
    in_parts(frames, parts_of(frames), [=](int, int64_t first, int64_t last) {
        for (int64_t t = first; t < last; t++) {
            const Value* __restrict__ from = filtered + t * width;
            Value* __restrict__ to = out + t * width;
            const float mean = norm.first[t], rstd = norm.second[t];
            for (int64_t h = 0; h < width; h++) put(to + h, (prelu(wide(from[h]), slope) - mean) * rstd);
        }
    });
}

// From the first product to what goes into the second: PReLU, norm, taps, PReLU, norm. norms: [2, 2, frames], written.
template <class Value>
void forward(const Block& block, float* norms, int64_t frames, const Value* hidden, Value* filtered, Value* out) {
    const int64_t width = block.hidden;
    const int parts = parts_of(frames);
    const Reach reach{block.causal != 0, frames, width};
    const Pairs norm1(norms, frames), norm2(norms + 2 * frames, frames);
    in_parts(frames, parts, [&](int, int64_t first, int64_t last) {
        for (int64_t t = first; t < last; t++) add_row(norm1, t, hidden + t * width, width, block.slope1);
    });
    reach.to_norm(norm1);
    in_parts(frames, parts, [&](int, int64_t first, int64_t last) {
        Taps<Value> taps(hidden, block.taps, block, frames, false);
        std::vector<float> kept(width);
        const float *gain = block.gain1, *bias = block.bias1, *mean = norm1.first, *rstd = norm1.second;
        const float slope = block.slope1;
        for (int64_t t = first; t < last; t++) {
            float* __restrict__ line = kept.data();
            std::memcpy(line, block.taps_bias, width * sizeof(float));
            taps.add(line, t, [=](Value value, int64_t from, int64_t h) {
                return (prelu(wide(value), slope) - mean[from]) * rstd[from] * gain[h] + bias[h];
            });
            Value* __restrict__ to = filtered + t * width;
            for (int64_t h = 0; h < width; h++) put(to + h, line[h]);
            add_row(norm2, t, to, width, block.slope2);
        }
    });
    reach.to_norm(norm2);
    normalise(block, norm2, frames, filtered, out);
}

template <class Value>
void add(float* state, int64_t stride, int64_t frames, int64_t width, const Value* more) {
    in_parts(frames, parts_of(frames), [=](int, int64_t first, int64_t last) {
        for (int64_t t = first; t < last; t++) {
            float* __restrict__ to = state + t * stride;
            const Value* __restrict__ from = more + t * width;
            for (int64_t c = 0; c < width; c++) to[c] += wide(from[c]);
        }
    });
}

// Copies columns of the state into the products' format and adds them up.
template <class Value>
void take(const float* state, int64_t stride, int64_t frames, int64_t width, Value* out, float* columns) {
    const int parts = parts_of(frames);
    Columns sums(parts, width);
    in_parts(frames, parts, [&](int part, int64_t first, int64_t last) {
        float* __restrict__ sum = sums.of(part);
        for (int64_t t = first; t < last; t++) {
            const float* __restrict__ from = state + t * stride;
            Value* __restrict__ to = out + t * width;
            for (int64_t c = 0; c < width; c++) {
                sum[c] += from[c];
                put(to + c, from[c]);
            }
        }
    });
    std::memcpy(columns, sums.total(), width * sizeof(float));
}

// The gradients of the second product and of the norm before it. crossed: gradientᵀ normalised, [out, hidden]; columns:
// the gradient's, [out].
template <class Value>
void outer_gradients(Block& block, const Value* crossed, const float* columns) {
    const int64_t width = block.hidden;
    for (int64_t c = 0; c < block.out; c++) {
        const Value* __restrict__ met = crossed + c * width;
        const float* __restrict__ weight = block.outer + c * width;
        float* __restrict__ by_weight = block.by_outer + c * width;
        float* __restrict__ by_gain = block.by_gain2;
        float* __restrict__ by_bias = block.by_bias2;
        const float column = columns[c];
        block.by_outer_bias[c] += column;
        for (int64_t h = 0; h < width; h++) {
            by_weight[h] += wide(met[h]) * block.gain2[h] + column * block.bias2[h];
            by_gain[h] += weight[h] * wide(met[h]);
            by_bias[h] += weight[h] * column;
        }
    }
}

// Sums of a row of a gradient, and of it times the values that a norm was given.
template <class Value>
void add_gradient_row(const Pairs& sums, int64_t t, const Value* __restrict__ gradient, const Value* __restrict__ row,
                      int64_t width, float slope) {
    float sum = 0, by_value = 0;
    for (int64_t h = 0; h < width; h++) {
        sum += wide(gradient[h]);
        by_value += wide(gradient[h]) * prelu(wide(row[h]), slope);
    }
    sums.first[t] = sum;
    sums.second[t] = by_value;
}

// Back through a norm and the PReLU before it, in place; `share` is what the norm's statistics add. Adds the columns of
// the result to `columns`, and returns the slope's gradient.
template <class Value>
double back_through_norm(const Pairs& norm, const Pairs& share, int64_t frames, int64_t width, float slope, Value* gradient,
                         const Value* values, float* columns) {
    const int parts = parts_of(frames);
    Columns sums(parts, width);
    std::vector<double> slopes(parts);
    in_parts(frames, parts, [&](int part, int64_t first, int64_t last) {
        float* __restrict__ column = sums.of(part);
        double by_slope = 0;
        for (int64_t t = first; t < last; t++) {
            Value* __restrict__ u = gradient + t * width;
            const Value* __restrict__ row = values + t * width;
            const float rstd = norm.second[t], constant = share.first[t], factor = share.second[t];
            float sum = 0;
            for (int64_t h = 0; h < width; h++) {
                float value = wide(row[h]);
                float passed = rstd * wide(u[h]) + constant + factor * prelu(value, slope);
                sum += value > 0 ? 0.f : passed * value;
                passed *= value > 0 ? 1.f : slope;
                put(u + h, passed);
                column[h] += wide(u[h]);  // as the taps will read it
            }
            by_slope += sum;
        }
        slopes[part] = by_slope;
    });
    const float* total = sums.total();
    for (int64_t h = 0; h < width; h++) columns[h] += total[h];
    double by_slope = 0;
    for (double part : slopes) by_slope += part;
    return by_slope;
}

// Per tap, gradient times the normalised values that it met, [kernel, hidden].
template <class Value>
std::vector<float> correlated(const Block& block, const Pairs& norm, int64_t frames, const Value* gradient, const Value* hidden) {
    const int64_t width = block.hidden, kernel = block.kernel;
    const int parts = parts_of(frames);
    Columns met(parts, kernel * width);
    in_parts(frames, parts, [&](int part, int64_t first, int64_t last) {
        std::vector<float> kept(width);
        for (int64_t from = first; from < last; from++) {
            float* __restrict__ normed = kept.data();
            const Value* __restrict__ row = hidden + from * width;
            const float slope = block.slope1, mean = norm.first[from], rstd = norm.second[from];
            for (int64_t h = 0; h < width; h++) normed[h] = (prelu(wide(row[h]), slope) - mean) * rstd;
            for (int64_t k = 0; k < kernel; k++) {
                const int64_t t = from - shift(block, k);
                if (t < 0 || t >= frames) continue;
                const Value* __restrict__ u = gradient + t * width;
                float* __restrict__ sum = met.of(part) + k * width;
                for (int64_t h = 0; h < width; h++) sum[h] += wide(u[h]) * normed[h];
            }
        }
    });
    const float* total = met.total();
    return std::vector<float>(total, total + kernel * width);
}

// The gradients of the taps and of the norm before them; columns: of the gradient.
template <class Value>
void tap_gradients(Block& block, const Pairs& norm, int64_t frames, const Value* gradient, const Value* hidden,
                   const std::vector<float>& columns) {
    const int64_t width = block.hidden, kernel = block.kernel;
    std::vector<float> met = correlated(block, norm, frames, gradient, hidden);
    for (int64_t k = 0; k < kernel; k++) {
        std::vector<float> reached = columns;  // the gradient where the tap lay on a frame
        const int64_t on = shift(block, k);
        const int64_t first = on < 0 ? 0 : std::max<int64_t>(0, frames - on);
        const int64_t last = on < 0 ? std::min(-on, frames) : frames;
        for (int64_t t = first; t < last; t++)
            for (int64_t h = 0; h < width; h++) reached[h] -= wide(gradient[t * width + h]);
        for (int64_t h = 0; h < width; h++) {
            const float tap = block.taps[k * width + h];
            block.by_taps[k * width + h] += block.gain1[h] * met[k * width + h] + block.bias1[h] * reached[h];
            block.by_gain1[h] += tap * met[k * width + h];
            block.by_bias1[h] += tap * reached[h];
        }
    }
    for (int64_t h = 0; h < width; h++) block.by_taps_bias[h] += columns[h];
}

// Back through the taps: of the filtered values → of the normalised ones, with the sums that the norm asks for.
template <class Value>
void back_through_taps(const Block& block, int64_t frames, const Value* gradient, const Value* hidden, Value* out,
                       const Pairs& sums) {
    const int64_t width = block.hidden;
    std::vector<float> gained(block.taps, block.taps + block.kernel * width);
    for (int64_t k = 0; k < block.kernel; k++)
        for (int64_t h = 0; h < width; h++) gained[k * width + h] *= block.gain1[h];
    in_parts(frames, parts_of(frames), [&](int, int64_t first, int64_t last) {
        Taps<Value> taps(gradient, gained.data(), block, frames, true);
        std::vector<float> kept(width);
        for (int64_t t = first; t < last; t++) {
            float* __restrict__ line = kept.data();
            std::fill(kept.begin(), kept.end(), 0.f);
            taps.add(line, t, [](Value value, int64_t, int64_t) { return wide(value); });
            Value* __restrict__ to = out + t * width;
            for (int64_t h = 0; h < width; h++) put(to + h, line[h]);
            add_gradient_row(sums, t, to, hidden + t * width, width, block.slope1);
        }
    });
}

// From the gradient of what goes into the second product, used up, to that of what the first one gave, `out`.
template <class Value>
void backward(Block& block, float* norms, int64_t frames, Value* gradient, const Value* filtered, const Value* hidden, Value* out) {
    const int64_t width = block.hidden;
    const Reach reach{block.causal != 0, frames, width};
    const Pairs norm1(norms, frames), norm2(norms + 2 * frames, frames);
    std::vector<float> kept(2 * frames), columns(width, 0.f);
    const Pairs share(kept.data(), frames);
    in_parts(frames, parts_of(frames), [&](int, int64_t first, int64_t last) {
        for (int64_t t = first; t < last; t++)
            add_gradient_row(share, t, gradient + t * width, filtered + t * width, width, block.slope2);
    });
    reach.to_share(share, norm2);
    block.by_slope2 += back_through_norm(norm2, share, frames, width, block.slope2, gradient, filtered, columns.data());
    tap_gradients(block, norm1, frames, gradient, hidden, columns);
    back_through_taps(block, frames, gradient, hidden, out, share);
    reach.to_share(share, norm1);
    block.by_slope1 += back_through_norm(norm1, share, frames, width, block.slope1, out, hidden, block.by_inner_bias);
}

}  // namespace

// What Python calls, once for each format.
#define IN_FORMAT(Value, name)                                                                                            \
    extern "C" void forward_##name(const Block* block, float* norms, int64_t frames, const Value* hidden, Value* filtered, \
                                   Value* out) {                                                                          \
        forward(*block, norms, frames, hidden, filtered, out);                                                            \
    }                                                                                                                     \
    extern "C" void normalise_##name(const Block* block, float* norms, int64_t frames, const Value* filtered, Value* out) { \
        normalise(*block, Pairs(norms + 2 * frames, frames), frames, filtered, out);                                      \
    }                                                                                                                     \
    extern "C" void add_##name(float* state, int64_t stride, int64_t frames, int64_t width, const Value* more) {          \
        add(state, stride, frames, width, more);                                                                          \
    }                                                                                                                     \
    extern "C" void take_##name(const float* state, int64_t stride, int64_t frames, int64_t width, Value* out,            \
                                float* columns) {                                                                         \
        take(state, stride, frames, width, out, columns);                                                                 \
    }                                                                                                                     \
    extern "C" void outer_gradients_##name(Block* block, const Value* crossed, const float* columns) {                    \
        outer_gradients(*block, crossed, columns);                                                                        \
    }                                                                                                                     \
    extern "C" void backward_##name(Block* block, float* norms, int64_t frames, Value* gradient, const Value* filtered,   \
                                    const Value* hidden, Value* out) {                                                    \
        backward(*block, norms, frames, gradient, filtered, hidden, out);                                                 \
    }

IN_FORMAT(float, float32)
IN_FORMAT(bfloat16, bfloat16)
