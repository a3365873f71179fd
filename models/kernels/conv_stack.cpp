// What a separator's block does between its products of matrices, in as few walks over memory as there can be:
// `conv_stack_native.py` calls it, and `conv_stack.py` has the same in PyTorch's operations and the notation.
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
    int64_t hidden, out, kernel, dilation;
    float slope1, slope2;
    const float *gain1, *bias1;      // [hidden]
    const float *taps, *taps_bias;   // [kernel, hidden], [hidden]
    const float *gain2, *bias2;      // [hidden]
    const float* outer;              // [out, hidden]
    float *by_inner_bias, *by_gain1, *by_bias1, *by_taps, *by_taps_bias, *by_gain2, *by_bias2, *by_outer, *by_outer_bias;
    double by_slope1, by_slope2;
};

// What an item's norms are, and what the second one's statistics take from a gradient. Mirrored by `Norms` in Python.
struct Norms {
    float mean1, rstd1, mean2, rstd2, constant, by_value;
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

struct Sums {
    double values = 0, squares = 0;
};

void norm_of(const std::vector<Sums>& parts, int64_t count, float* mean, float* rstd) {
    Sums all;
    for (const Sums& part : parts) all.values += part.values, all.squares += part.squares;
    double middle = all.values / count;
    *mean = float(middle);
    *rstd = float(1 / __builtin_sqrt(std::max(0., all.squares / count - middle * middle) + EPS));
}

template <class Value>
void add_row(Sums& sums, const Value* __restrict__ row, int64_t width, float slope) {
    float sum = 0, square = 0;
    for (int64_t h = 0; h < width; h++) {
        float active = prelu(wide(row[h]), slope);
        sum += active;
        square += active * active;
    }
    sums.values += sum;
    sums.squares += square;
}

// Rows that the taps of one frame lie on, and those taps.
template <class Value>
class Taps {
  public:
    Taps(const Value* values, const float* taps, int64_t frames, int64_t width, int64_t kernel, int64_t dilation)
        : values(values), taps(taps), frames(frames), width(width), kernel(kernel), dilation(dilation), rows(kernel),
          weights(kernel) {}

    // Adds to `line` what the taps of frame t bring; read(value, column) is what counts of a value.
    template <class Read>
    void add(float* line, int64_t t, Read read) {
        int64_t count = 0;
        for (int64_t k = 0; k < kernel; k++) {
            int64_t from = t + (k - kernel / 2) * dilation;
            if (from < 0 || from >= frames) continue;
            rows[count] = values + from * width;
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
        for (int64_t h = 0; h < width; h++) {
            float sum = line[h];
            for (int n = 0; n < N; n++) sum += by[n][h] * read(from[n][h], h);
            line[h] = sum;
        }
    }

    const Value* values;
    const float* taps;
    int64_t frames, width, kernel, dilation;
    std::vector<const Value*> rows;
    std::vector<const float*> weights;
};

template <class Value>
void normalise(const Block& block, const Norms& norms, int64_t frames, const Value* filtered, Value* out) {
    const float slope = block.slope2, mean = norms.mean2, rstd = norms.rstd2;
    in_parts(frames, parts_of(frames), [=](int, int64_t first, int64_t last) {
        const Value* __restrict__ from = filtered;
        Value* __restrict__ to = out;
        for (int64_t i = first * block.hidden; i < last * block.hidden; i++)
            put(to + i, (prelu(wide(from[i]), slope) - mean) * rstd);
    });
}

// From the first product to what goes into the second: PReLU, norm, taps, PReLU, norm.
template <class Value>
void forward(const Block& block, Norms& norms, int64_t frames, const Value* hidden, Value* filtered, Value* out) {
    const int64_t width = block.hidden;
    const int parts = parts_of(frames);
    std::vector<Sums> sums(parts);
    in_parts(frames, parts, [&](int part, int64_t first, int64_t last) {
        Sums own;
        for (int64_t t = first; t < last; t++) add_row(own, hidden + t * width, width, block.slope1);
        sums[part] = own;
    });
    norm_of(sums, frames * width, &norms.mean1, &norms.rstd1);
    std::vector<float> scales(width), offsets(width);
    for (int64_t h = 0; h < width; h++) {
        scales[h] = block.gain1[h] * norms.rstd1;
        offsets[h] = block.bias1[h] - norms.mean1 * scales[h];
    }
    in_parts(frames, parts, [&](int part, int64_t first, int64_t last) {
        Taps<Value> taps(hidden, block.taps, frames, width, block.kernel, block.dilation);
        std::vector<float> kept(width);
        const float* __restrict__ scale = scales.data();
        const float* __restrict__ offset = offsets.data();
        const float slope = block.slope1;
        Sums own;
        for (int64_t t = first; t < last; t++) {
            float* __restrict__ line = kept.data();
            std::memcpy(line, block.taps_bias, width * sizeof(float));
            taps.add(line, t, [=](Value value, int64_t h) { return prelu(wide(value), slope) * scale[h] + offset[h]; });
            Value* __restrict__ to = filtered + t * width;
            for (int64_t h = 0; h < width; h++) put(to + h, line[h]);
            add_row(own, to, width, block.slope2);
        }
        sums[part] = own;
    });
    norm_of(sums, frames * width, &norms.mean2, &norms.rstd2);
    normalise(block, norms, frames, filtered, out);
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
// the gradient's, [out]. Leaves in `norms` what that norm's statistics take.
template <class Value>
void outer_gradients(Block& block, Norms& norms, int64_t frames, const Value* crossed, const float* columns) {
    const int64_t width = block.hidden;
    std::vector<float> by_gain(width, 0.f), by_bias(width, 0.f);
    for (int64_t c = 0; c < block.out; c++) {
        const Value* __restrict__ met = crossed + c * width;
        const float* __restrict__ weight = block.outer + c * width;
        float* __restrict__ by_weight = block.by_outer + c * width;
        float* __restrict__ gains = by_gain.data();
        float* __restrict__ biases = by_bias.data();
        const float column = columns[c];
        block.by_outer_bias[c] += column;
        for (int64_t h = 0; h < width; h++) {
            by_weight[h] += wide(met[h]) * block.gain2[h] + column * block.bias2[h];
            gains[h] += weight[h] * wide(met[h]);
            biases[h] += weight[h] * column;
        }
    }
    double by_value = 0, constant = 0;
    for (int64_t h = 0; h < width; h++) {
        block.by_gain2[h] += by_gain[h];
        block.by_bias2[h] += by_bias[h];
        by_value += double(block.gain2[h]) * by_gain[h];
        constant += double(block.gain2[h]) * by_bias[h];
    }
    norms.constant = float(constant / (frames * width));
    norms.by_value = float(by_value / (frames * width));
}

// Back through the second norm and PReLU, in place: of the normalised values → of the filtered ones, with their columns.
template <class Value>
std::vector<float> back_to_filtered(Block& block, const Norms& norms, int64_t frames, Value* gradient, const Value* filtered) {
    const int64_t width = block.hidden;
    const int parts = parts_of(frames);
    Columns columns(parts, width);
    std::vector<double> slopes(parts);
    const float slope = block.slope2, mean = norms.mean2, rstd = norms.rstd2;
    in_parts(frames, parts, [&](int part, int64_t first, int64_t last) {
        float* __restrict__ column = columns.of(part);
        const float constant = norms.constant, by_value = norms.by_value;
        double by_slope = 0;
        for (int64_t t = first; t < last; t++) {
            Value* __restrict__ u = gradient + t * width;
            const Value* __restrict__ row = filtered + t * width;
            float sum = 0;
            for (int64_t h = 0; h < width; h++) {
                float value = wide(row[h]);
                float normed = (prelu(value, slope) - mean) * rstd;
                float passed = rstd * (wide(u[h]) - constant - normed * by_value);
                sum += value > 0 ? 0.f : passed * value;
                passed *= value > 0 ? 1.f : slope;
                put(u + h, passed);
                column[h] += passed;
            }
            by_slope += sum;
        }
        slopes[part] = by_slope;
    });
    for (double part : slopes) block.by_slope2 += part;
    const float* total = columns.total();
    return std::vector<float>(total, total + width);
}

// Per tap, gradient times the normalised values that it met, [kernel, hidden].
template <class Value>
std::vector<float> correlated(const Block& block, const Norms& norms, int64_t frames, const Value* gradient, const Value* hidden) {
    const int64_t width = block.hidden, kernel = block.kernel;
    const int parts = parts_of(frames);
    Columns met(parts, kernel * width);
    const float slope = block.slope1, mean = norms.mean1, rstd = norms.rstd1;
    in_parts(frames, parts, [&](int part, int64_t first, int64_t last) {
        std::vector<float> kept(width);
        for (int64_t from = first; from < last; from++) {
            float* __restrict__ normed = kept.data();
            const Value* __restrict__ row = hidden + from * width;
            for (int64_t h = 0; h < width; h++) normed[h] = (prelu(wide(row[h]), slope) - mean) * rstd;
            for (int64_t k = 0; k < kernel; k++) {
                const int64_t t = from - (k - kernel / 2) * block.dilation;
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

// The gradients of the taps and of the norm before them. Leaves in `norms` what that norm's statistics take.
template <class Value>
void tap_gradients(Block& block, Norms& norms, int64_t frames, const Value* gradient, const Value* hidden,
                   const std::vector<float>& columns) {
    const int64_t width = block.hidden, kernel = block.kernel;
    std::vector<float> met = correlated(block, norms, frames, gradient, hidden);
    std::vector<float> by_gain(width, 0.f), by_bias(width, 0.f);
    for (int64_t k = 0; k < kernel; k++) {
        std::vector<float> reached = columns;  // the gradient where the tap lay on a frame
        const int64_t shift = (k - kernel / 2) * block.dilation;
        const int64_t first = shift < 0 ? 0 : std::max<int64_t>(0, frames - shift);
        const int64_t last = shift < 0 ? std::min(-shift, frames) : frames;
        for (int64_t t = first; t < last; t++)
            for (int64_t h = 0; h < width; h++) reached[h] -= wide(gradient[t * width + h]);
        for (int64_t h = 0; h < width; h++) {
            const float tap = block.taps[k * width + h];
            block.by_taps[k * width + h] += block.gain1[h] * met[k * width + h] + block.bias1[h] * reached[h];
            by_gain[h] += tap * met[k * width + h];
            by_bias[h] += tap * reached[h];
        }
    }
    double by_value = 0, constant = 0;
    for (int64_t h = 0; h < width; h++) {
        block.by_taps_bias[h] += columns[h];
        block.by_gain1[h] += by_gain[h];
        block.by_bias1[h] += by_bias[h];
        by_value += double(block.gain1[h]) * by_gain[h];
        constant += double(block.gain1[h]) * by_bias[h];
    }
    norms.constant = float(constant / (frames * width));
    norms.by_value = float(by_value / (frames * width));
}

// Back through the taps, the first norm and PReLU: of the filtered values → of the first product's.
template <class Value>
void back_to_hidden(Block& block, const Norms& norms, int64_t frames, const Value* gradient, const Value* hidden, Value* out) {
    const int64_t width = block.hidden;
    const int parts = parts_of(frames);
    std::vector<float> gained(block.taps, block.taps + block.kernel * width);
    for (int64_t k = 0; k < block.kernel; k++)
        for (int64_t h = 0; h < width; h++) gained[k * width + h] *= block.gain1[h];
    Columns columns(parts, width);
    std::vector<double> slopes(parts);
    in_parts(frames, parts, [&](int part, int64_t first, int64_t last) {
        Taps<Value> taps(gradient, gained.data(), frames, width, block.kernel, -block.dilation);
        std::vector<float> kept(width);
        float* __restrict__ column = columns.of(part);
        const float slope = block.slope1, mean = norms.mean1, rstd = norms.rstd1;
        const float constant = norms.constant, by_value = norms.by_value;
        double by_slope = 0;
        for (int64_t t = first; t < last; t++) {
            float* __restrict__ line = kept.data();
            std::fill(kept.begin(), kept.end(), -constant);
            taps.add(line, t, [](Value value, int64_t) { return wide(value); });
            const Value* __restrict__ row = hidden + t * width;
            Value* __restrict__ to = out + t * width;
            float sum = 0;
            for (int64_t h = 0; h < width; h++) {
                float value = wide(row[h]);
                float normed = (prelu(value, slope) - mean) * rstd;
                float passed = rstd * (line[h] - normed * by_value);
                sum += value > 0 ? 0.f : passed * value;
                passed *= value > 0 ? 1.f : slope;
                put(to + h, passed);
                column[h] += passed;
            }
            by_slope += sum;
        }
        slopes[part] = by_slope;
    });
    for (double part : slopes) block.by_slope1 += part;
    const float* total = columns.total();
    for (int64_t h = 0; h < width; h++) block.by_inner_bias[h] += total[h];
}

template <class Value>
void backward(Block& block, Norms& norms, int64_t frames, Value* gradient, const Value* filtered, const Value* hidden, Value* out) {
    std::vector<float> columns = back_to_filtered(block, norms, frames, gradient, filtered);
    tap_gradients(block, norms, frames, gradient, hidden, columns);
    back_to_hidden(block, norms, frames, gradient, hidden, out);
}

}  // namespace

// What Python calls, once for each format.
#define IN_FORMAT(Value, name)                                                                                            \
    extern "C" void forward_##name(const Block* block, Norms* norms, int64_t frames, const Value* hidden, Value* filtered, \
                                   Value* out) {                                                                          \
        forward(*block, *norms, frames, hidden, filtered, out);                                                           \
    }                                                                                                                     \
    extern "C" void normalise_##name(const Block* block, const Norms* norms, int64_t frames, const Value* filtered,       \
                                     Value* out) {                                                                        \
        normalise(*block, *norms, frames, filtered, out);                                                                 \
    }                                                                                                                     \
    extern "C" void add_##name(float* state, int64_t stride, int64_t frames, int64_t width, const Value* more) {          \
        add(state, stride, frames, width, more);                                                                          \
    }                                                                                                                     \
    extern "C" void take_##name(const float* state, int64_t stride, int64_t frames, int64_t width, Value* out,            \
                                float* columns) {                                                                         \
        take(state, stride, frames, width, out, columns);                                                                 \
    }                                                                                                                     \
    extern "C" void outer_gradients_##name(Block* block, Norms* norms, int64_t frames, const Value* crossed,              \
                                           const float* columns) {                                                        \
        outer_gradients(*block, *norms, frames, crossed, columns);                                                        \
    }                                                                                                                     \
    extern "C" void backward_##name(Block* block, Norms* norms, int64_t frames, Value* gradient, const Value* filtered,   \
                                    const Value* hidden, Value* out) {                                                    \
        backward(*block, *norms, frames, gradient, filtered, hidden, out);                                                \
    }

IN_FORMAT(float, float32)
IN_FORMAT(bfloat16, bfloat16)
