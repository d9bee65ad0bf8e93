// What a run is made of, and the vocabulary of the kernels.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

// Compiled in: the generator's name, bits of a random word, bits of the accumulator.
#if THERMOFAB_WORD_BITS == 16
using Word = uint16_t;
#else
using Word = uint32_t;
#endif
#if THERMOFAB_FIELD_BITS == 16
using Field = int16_t;
#else
using Field = int32_t;
#endif

struct Layout;
struct Factors;
struct Links;

// Mirrored, field by field, by thermofab.sim.native.library.Run. Free sites are numbered in the order they update;
// a clamped site does not update, and as its random words reach no other site, none are drawn for it.
struct Run {
    int64_t sites, free, colours, replicas, edges;
    const int64_t* bounds;     // [colours + 1] where a colour's sites start
    const int32_t* order;      // [free] the site
    const int64_t* first;      // [free + 1] where its slots start
    const int32_t* near;       // [slots] the neighbour
    const int32_t* weights;    // [slots] 2w
    const int32_t* offsets;    // [free] b - sum of w
    const Word* tables;        // [levels, size], thresholds shifted to the top of a word
    int64_t levels, size, shift;
    const uint64_t* keys;      // [replicas, sites] SplitMix64 streams that seed the generators, or null
    const uint32_t* rng;       // [replicas, sites, words] or else the generators' states
    const uint8_t* init;       // [replicas, sites]
    const int32_t* ends;       // [edges, 2] sites of every edge, for observers
    const int32_t* couplings;  // [edges] w
    const int32_t* biases;     // [sites] b
    const Layout* layout;      // to run replicas one by one, their sites in lanes; else null
    const Factors* factors;    // tables over several sites, or null
    const Links* links;        // between the tiles that a layout's sites are in, or null
};

// What to run next, and what to keep of it. Mirrored by thermofab.sim.native.library.Work. Phases come first; then
// `samples` times `steps` sweeps and a look at the state, but only `lead` sweeps before the first look.
struct Work {
    int64_t phases;
    const int64_t* schedule;   // [phases, 2] sweeps, level
    int64_t samples, lead, steps, level;
    int64_t chosen_count;
    const int32_t* chosen;     // [chosen_count] sites to record, or null for all of them
    uint8_t* states;           // [replicas, samples, chosen_count], or null
    int64_t* energies;         // [replicas, samples], or null
    int64_t* ones;             // [replicas, sites] added to, or null
    int64_t* both;             // [replicas, edges] likewise
    int64_t last;              // whether the chains may be forgotten afterwards
};

constexpr std::size_t LINE = 64;

// Zeroed memory on cache-line boundaries.
template <class T>
class Array {
    struct Release {
        void operator()(void* p) const { std::free(p); }
    };
    std::unique_ptr<T[], Release> data_;

public:
    explicit Array(std::size_t size) {
        const std::size_t bytes = (size * sizeof(T) / LINE + 2) * LINE;
        data_.reset(static_cast<T*>(std::aligned_alloc(LINE, bytes)));
        if (!data_) throw std::bad_alloc();
        std::memset(static_cast<void*>(data_.get()), 0, bytes);
    }
    T* get() const { return data_.get(); }
    T& operator[](std::size_t k) const { return data_[k]; }
};

#if defined(__AVX512BW__)
constexpr std::size_t VECTOR = 64;
#elif defined(__AVX2__)
constexpr std::size_t VECTOR = 32;
#else
constexpr std::size_t VECTOR = 16;
#endif

// The fields of 64 lanes in vectors of the compiler's own kind, which stay in registers over a loop on any processor.
struct Fields {
    typedef Field Lanes __attribute__((vector_size(VECTOR), aligned(alignof(Field)), may_alias));
    static constexpr int EACH = VECTOR / sizeof(Field), COUNT = 64 / EACH;

    Lanes lanes[COUNT];

    // `weight(k)`: those of part k, a vector or one number for all of them; `near`: the neighbours, 0 or -1.
    template <class Weight>
    __attribute__((always_inline)) void add(const Weight& weight, const Field* near) {
#pragma GCC unroll 16
        for (int k = 0; k < COUNT; ++k) lanes[k] += weight(k) & part(near, k);
    }
    static __attribute__((always_inline)) Lanes part(const Field* from, int k) {
        return *reinterpret_cast<const Lanes*>(from + k * EACH);
    }
};
